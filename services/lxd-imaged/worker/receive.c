/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the body: every byte is read once, hashed and written. */

#include <fcntl.h>
#include <poll.h>
#include <sys/statvfs.h>

#include <openssl/evp.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "worker/multipart.h"
#include "worker/receive.h"

#define CHUNK_SIZE (256U * 1024U)
#define FLUSH_EVERY (8U * 1024U * 1024U) /* start writing out early, so that the last fdatasync() has little to do */

typedef struct Receiver {
        EVP_MD_CTX *hash;
        int fds[2];
        unsigned part;      /* index in fds of the open part */
        bool open;
        unsigned parts;     /* how many have come */
        uint64_t offset, flushed; /* in the open file */
        Received *result;
} Receiver;

void received_done(Received *r) {
        free(r->filename);
        *r = (Received) {};
}

static void md_freep(EVP_MD_CTX **md) {
        EVP_MD_CTX_free(*md);
}

static int write_failed(int r, sd_bus_error *error) {
        if (r == -ENOSPC || r == -EDQUOT)
                return bus_error_set(error, bus_error_from_errno(r), "Not enough space in the image store (%s/images): %s", LXD_STATE_DIR,
                                     strerror(-r));
        return bus_error_set(error, bus_error_from_errno(r), "Failed to write to the image store: %s", strerror(-r));
}

static int receive_data(const void *data, size_t n, void *userdata, sd_bus_error *error) {
        Receiver *v = userdata;
        int fd = v->fds[v->part], r;

        if (EVP_DigestUpdate(v->hash, data, n) != 1)
                return -ENOMEM;
        r = fd_write_all(fd, data, n);
        if (r < 0)
                return write_failed(r, error);
        v->offset += n;
        v->result->size += n;
        if (v->offset - v->flushed >= FLUSH_EVERY) {
                (void) sync_file_range(fd, (off64_t) v->flushed, (off64_t) (v->offset - v->flushed), SYNC_FILE_RANGE_WRITE);
                v->flushed = v->offset;
        }
        return 0;
}

static int receive_end(void *userdata, sd_bus_error *error) {
        Receiver *v = userdata;

        if (fdatasync(v->fds[v->part]) < 0)
                return write_failed(-errno, error);
        if (v->offset == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "The uploaded %s is empty", v->parts == 0   ? "image"
                                                                                           : v->part == 0 ? "metadata archive"
                                                                                                          : "rootfs");
        v->offset = v->flushed = 0;
        return 0;
}

/* The last component of a client's file name, if it is fit to be shown; never used as a path. */
static int take_filename(Receiver *v, const char *filename) {
        const char *slash = strrchr(filename, '/');

        filename = slash ? slash + 1 : filename;
        if (isempty(filename) || strlen(filename) > 255 || !text_is_valid(filename, false))
                return 0;
        return str_replace(&v->result->filename, filename);
}

static int receive_begin(const char *name, const char *filename, void *userdata, sd_bus_error *error) {
        static const char *const names[] = { "metadata", "rootfs" };
        Receiver *v = userdata;

        if (streq(name, "rootfs.img"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "The image is one of a virtual machine (it has rootfs.img); only container images can be used");
        if (v->parts >= ELEMENTSOF(names) || !streq(name, names[v->parts]))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid multipart image: part %u is \"%.64s\", expected %s", v->parts + 1, name,
                                     v->parts < ELEMENTSOF(names) ? names[v->parts] : "no more than metadata and rootfs");
        v->part = v->parts++;
        return v->part == 1 ? take_filename(v, filename) : 0;
}

/* Bytes, 0 at the end, -errno. The stream may be non-blocking. */
static ssize_t read_some(int fd, void *buffer, size_t n) {
        for (;;) {
                ssize_t k = read(fd, buffer, n);

                if (k >= 0)
                        return k;
                if (errno == EAGAIN)
                        (void) poll(&(struct pollfd) { .fd = fd, .events = POLLIN }, 1, -1);
                else if (errno != EINTR)
                        return -errno;
        }
}

static int check_space(int fd, uint64_t expected, sd_bus_error *error) {
        struct statvfs s;

        if (expected == RECEIVE_SIZE_UNKNOWN || fstatvfs(fd, &s) < 0 || expected / s.f_frsize <= s.f_bavail)
                return 0;
        return bus_error_set(error, bus_error_from_errno(-ENOSPC),
                             "Not enough space in the image store (%s/images): the image has %" PRIu64 " bytes, %" PRIu64 " are free", LXD_STATE_DIR,
                             expected, (uint64_t) s.f_bavail * s.f_frsize);
}

static int receive_stream(Receiver *v, int stream, Multipart *m, uint64_t expected, sd_bus_error *error) {
        _cleanup_free_ char *buffer = malloc(CHUNK_SIZE);
        uint64_t total = 0;

        if (!buffer)
                return -ENOMEM;
        (void) fcntl(stream, F_SETPIPE_SZ, CHUNK_SIZE); /* fewer system calls; no pipe, no matter */
        for (;;) {
                ssize_t n = read_some(stream, buffer, CHUNK_SIZE);
                int r;

                if (n < 0)
                        return bus_error_set(error, LXD_ERROR_FAILED, "Failed to read the uploaded image: %s", strerror((int) -n));
                if (n == 0)
                        break;
                total += (uint64_t) n;
                if (total > expected)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The upload is longer than the %" PRIu64 " bytes that were announced", expected);
                r = m ? multipart_feed(m, buffer, (size_t) n, error) : receive_data(buffer, (size_t) n, v, error);
                if (r < 0)
                        return r;
        }
        if (expected != RECEIVE_SIZE_UNKNOWN && total < expected)
                return bus_error_set(error, LXD_ERROR_INVALID, "The upload ended after %" PRIu64 " of %" PRIu64 " bytes", total, expected);
        return m ? multipart_finish(m, error) : receive_end(v, error);
}

static int finish_hash(Receiver *v) {
        _cleanup_free_ char *hex = NULL;
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n;
        int r;

        if (EVP_DigestFinal_ex(v->hash, digest, &n) != 1)
                return -ENOMEM;
        r = hex_encode(digest, n, &hex);
        if (r < 0)
                return r;
        memcpy(v->result->fingerprint, hex, sizeof(v->result->fingerprint));
        return 0;
}

int receive_image(int stream, const char *content_type, uint64_t expected, int metadata_fd, int rootfs_fd, Received *ret, sd_bus_error *error) {
        static const MultipartCallbacks callbacks = { receive_begin, receive_data, receive_end };
        _cleanup_(multipart_freep) Multipart *m = NULL;
        _cleanup_(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
        _cleanup_(received_done) Received result = {};
        _cleanup_free_ char *boundary = NULL;
        Receiver v = { .hash = md, .fds = { metadata_fd, rootfs_fd }, .result = &result };
        int r;

        if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
                return -ENOMEM;
        r = multipart_boundary(content_type, &boundary);
        if (r == -EINVAL)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid multipart image: the content type has no usable boundary");
        if (r > 0)
                r = multipart_new(boundary, &callbacks, &v, &m);
        if (r >= 0)
                r = check_space(metadata_fd, expected, error);
        if (r >= 0)
                r = receive_stream(&v, stream, m, expected, error);
        if (r < 0)
                return r;
        if (m && v.parts != 2)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid multipart image: it has no part \"%s\"", v.parts == 0 ? "metadata" : "rootfs");

        result.split = m != NULL;
        r = finish_hash(&v);
        if (r < 0)
                return r;
        *ret = result;
        result = (Received) {};
        return 0;
}
