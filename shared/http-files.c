/* SPDX-License-Identifier: Apache-2.0 */
/* Files are sent from their descriptors, never read into memory as a whole. */
#include "http-files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/str.h"

/* An image of two files goes out as multipart: text, file, text, file, text. */
typedef struct Part {
        char *text; /* before the file */
        int fd;     /* -EBADF: none */
        uint64_t size;
} Part;

typedef struct Multipart {
        Part parts[3];
        uint64_t size;
} Multipart;

static void multipart_free(void *p) {
        Multipart *m = p;

        for (size_t i = 0; m && i < ELEMENTSOF(m->parts); i++) {
                free(m->parts[i].text);
                close_safe(m->parts[i].fd);
        }
        free(m);
}

static void multipart_freep(Multipart **m) {
        multipart_free(*m);
}

static ssize_t multipart_read(void *userdata, uint64_t position, char *buffer, size_t n) {
        Multipart *m = userdata;

        for (size_t i = 0; i < ELEMENTSOF(m->parts); i++) {
                const Part *p = &m->parts[i];
                size_t text = strlen(p->text);
                ssize_t k;

                if (position < text) {
                        n = MIN(n, text - position);
                        memcpy(buffer, p->text + position, n);
                        return n;
                }
                position -= text;
                if (position < p->size) {
                        k = pread(p->fd, buffer, MIN(n, p->size - position), (off_t) position);
                        return k > 0 ? k : MHD_CONTENT_READER_END_WITH_ERROR;
                }
                position -= p->size;
        }
        return MHD_CONTENT_READER_END_OF_STREAM;
}

static int multipart_part(Part *p, const char *boundary, const char *field, const char *name, int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return -errno;
        p->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (p->fd < 0)
                return -errno;
        p->size = st.st_size;
        return str_format(&p->text,
                          "%s--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
                          "Content-Type: application/octet-stream\r\n\r\n",
                          streq(field, "metadata") ? "" : "\r\n", boundary, field, name);
}

static int two_files(const char *const names[static 2], const int fds[static 2], struct MHD_Response **ret) {
        _cleanup_(multipart_freep) Multipart *m = calloc(1, sizeof(*m));
        _cleanup_free_ char *boundary = NULL, *type = NULL;
        struct MHD_Response *response;
        int x;

        if (!m)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(m->parts); i++)
                m->parts[i].fd = -EBADF;
        x = random_hex(30, &boundary);
        if (x >= 0)
                x = multipart_part(&m->parts[0], boundary, "metadata", names[0], fds[0]);
        if (x >= 0)
                x = multipart_part(&m->parts[1], boundary, endswith(names[1], ".img") ? "rootfs.img" : "rootfs", names[1], fds[1]);
        if (x >= 0)
                x = str_format(&m->parts[2].text, "\r\n--%s--\r\n", boundary);
        if (x >= 0)
                x = str_format(&type, "multipart/form-data; boundary=%s", boundary);
        if (x < 0)
                return x;
        for (size_t i = 0; i < ELEMENTSOF(m->parts); i++)
                m->size += strlen(m->parts[i].text) + m->parts[i].size;

        response = MHD_create_response_from_callback(m->size, 64 << 10, multipart_read, m, multipart_free);
        if (!response)
                return -ENOMEM;
        TAKE_PTR(m);
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        *ret = response;
        return 0;
}

static int one_file(const char *name, int fd, struct MHD_Response **ret) {
        _cleanup_free_ char *disposition = NULL;
        _cleanup_close_ int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        struct MHD_Response *response;
        struct stat st;

        if (copy < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (str_format(&disposition, "inline;filename=%s", name) < 0)
                return -ENOMEM;
        response = MHD_create_response_from_fd64((uint64_t) st.st_size, copy);
        if (!response)
                return -ENOMEM;
        TAKE_FD(copy);
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        *ret = response;
        return 0;
}

int http_files_response(const char *const names[], const int fds[], size_t n, struct MHD_Response **ret) {
        for (size_t i = 0; i < n; i++)
                if (!text_is_valid(names[i], false) || strpbrk(names[i], "\"\\/"))
                        return -EBADMSG;
        if (n != 1 && n != 2)
                return -EBADMSG;
        return n == 2 ? two_files(names, fds, ret) : one_file(names[0], fds[0], ret);
}
