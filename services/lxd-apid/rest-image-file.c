/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the transfer of image files: POST /1.0/images and GET /1.0/images/{fingerprint}/export. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "body-stream.h"
#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"

/* URL-encoded pairs of a header ("a=b&c=d") into config. */
static int read_header_pairs(Request *r, const char *header, Config *ret, sd_bus_error *error) {
        _cleanup_(target_done) Target t = {};
        _cleanup_free_ char *uri = NULL;
        int x;

        x = str_format(&uri, "/?%s", strempty(request_header(r, header)));
        if (x >= 0)
                x = target_parse(uri, &t);
        if (x == -EINVAL || x == -E2BIG)
                return bus_error_set(error, LXD_ERROR_INVALID, "Header %s is malformed", header);
        for (size_t i = 0; i < t.n_parameters && x >= 0; i++)
                x = config_set(ret, t.parameters[i].name, t.parameters[i].value);
        return x;
}

/* a(ss): the names in X-LXD-aliases; a description is nothing a header has. */
static void append_aliases(Call *c, const Config *aliases) {
        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'a', "(ss)");
        CONFIG_FOREACH(i, aliases)
                call_append(c, "(ss)", i->value[0] ? i->value : i->key, "");
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
}

/* as: the values of X-LXD-profiles. */
static void append_profiles(Call *c, const Config *profiles) {
        if (c->error >= 0)
                c->error = sd_bus_message_open_container(c->message, 'a', "s");
        CONFIG_FOREACH(i, profiles)
                call_append(c, "s", i->value);
        if (c->error >= 0)
                c->error = sd_bus_message_close_container(c->message);
}

static int import(Request *r, sd_bus_error *error) {
        _cleanup_(config_done) Config properties = {}, aliases = {}, profiles = {};
        _cleanup_close_ int fd = -EBADF;
        uint64_t size;
        Call c;
        int x;

        x = read_header_pairs(r, "X-LXD-properties", &properties, error);
        if (x >= 0)
                x = read_header_pairs(r, "X-LXD-aliases", &aliases, error);
        if (x >= 0)
                x = read_header_pairs(r, "X-LXD-profiles", &profiles, error);
        if (x >= 0)
                x = body_stream_new(r, &fd);
        if (x < 0)
                return x;
        if (parse_u64(strempty(request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH)), &size) < 0)
                size = UINT64_MAX;

        call_begin(&c, r, OPERATION_OWNER_IMAGED, ".Manager", "ImportImage");
        call_append(&c, "shsss", r->project, fd, strempty(request_header(r, MHD_HTTP_HEADER_CONTENT_TYPE)),
                    strempty(request_header(r, "X-LXD-filename")), strempty(request_header(r, "X-LXD-fingerprint")));
        call_append(&c, "tbb", size, (int) str_is_true(request_header(r, "X-LXD-public")), 0);
        call_config(&c, &properties);
        append_aliases(&c, &aliases);
        append_profiles(&c, &profiles);
        call_append(&c, "t", (uint64_t) 0);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_operation, error);
}

int rest_images_post(Request *r, sd_bus_error *error) {
        json_object *o = NULL, *source = NULL;
        const char *type = "";
        int x;

        if (!r->ended) /* a body that is not JSON has begun to arrive */
                return import(r, error);

        x = request_json(r, &o, error);
        if (x >= 0)
                x = json_arg_object(o, "source", &source, error);
        if (x > 0)
                x = json_arg_text(source, "type", &type, error);
        if (x < 0)
                return x;
        if (streq(type, "image") || streq(type, "url"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Downloading images is not supported yet; use \"lxc image export\" there and \"lxc image import\" here");
        if (streq(type, "instance") || streq(type, "container") || streq(type, "virtual-machine") || streq(type, "snapshot"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Publishing instances as images is not supported yet");
        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid images JSON");
}

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

static int export_two(Request *r, const char *names[static 2], const int fds[static 2]) {
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
        return reply_response(r, MHD_HTTP_OK, response);
}

static int export_one(Request *r, const char *name, int fd) {
        _cleanup_free_ char *disposition = NULL;
        struct MHD_Response *response;
        int x;

        x = str_format(&disposition, "inline;filename=%s", name);
        if (x >= 0)
                x = response_from_file(fd, "application/octet-stream", &response);
        if (x < 0)
                return x;
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_DISPOSITION, disposition);
        return reply_response(r, MHD_HTTP_OK, response);
}

static int then_export(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        const char *names[2] = {};
        int fds[2], n = 0, x;

        x = sd_bus_message_enter_container(reply, 'a', "(sh)");
        while (x >= 0 && n < 2 && (x = sd_bus_message_read(reply, "(sh)", &names[n], &fds[n])) > 0)
                n++;
        if (x < 0)
                return x;
        for (int i = 0; i < n; i++)
                if (!text_is_valid(names[i], false) || strpbrk(names[i], "\"\\/"))
                        return -EBADMSG;
        (void) MHD_set_connection_option(r->connection, MHD_CONNECTION_OPTION_TIMEOUT, 3600U);
        if (n == 0)
                return -EBADMSG;
        return n == 2 ? export_two(r, names, fds) : export_one(r, names[0], fds[0]);
}

int rest_image_export_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin_object(&c, r, OPERATION_OWNER_IMAGED, ".Image", "Export", "image", r->project, r->labels[0], NULL);
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_export, error);
}
