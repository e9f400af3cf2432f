/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the answers: envelopes and what is inside them. */

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "bus-error.h"
#include "operation-json.h"
#include "reply.h"

#define SMALL_DOCUMENT ((off_t) 64 << 10)
#define ODD_FILE_MAX ((size_t) 4 << 20)

static const char sync_head[] = "{\"type\":\"sync\",\"status\":\"Success\",\"status_code\":200,\"operation\":\"\",\"error_code\":0,"
                                "\"error\":\"\",\"metadata\":";

int envelope_sync(const char *metadata, size_t n, char **ret, size_t *ret_size) {
        size_t head = sizeof(sync_head) - 1;
        char *text = malloc(head + n + 3);

        if (!text)
                return -ENOMEM;
        memcpy(text, sync_head, head);
        memcpy(text + head, metadata, n);
        memcpy(text + head + n, "}\n", 3);
        *ret = text;
        *ret_size = head + n + 2;
        return 0;
}

struct MHD_Response *response_from_text(const char *text, size_t n, const char *content_type) {
        struct MHD_Response *response = MHD_create_response_from_buffer(n, (void*) text, MHD_RESPMEM_MUST_COPY);

        if (response && content_type)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        return response;
}

int reply_response(Request *r, unsigned status, struct MHD_Response *response) {
        if (r->response) { /* the first answer counts */
                if (response)
                        MHD_destroy_response(response);
                return 0;
        }
        /* Without memory even for an error the connection is closed: status 0 with a placeholder that is never sent. */
        r->status = response ? status : 0;
        r->response = response ?: MHD_create_response_from_buffer(0, (void*) "", MHD_RESPMEM_PERSISTENT);
        return 0;
}

/* Takes text (malloc). */
static int reply_text(Request *r, unsigned status, char *text, size_t n, const char *etag) {
        struct MHD_Response *response = text ? MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE) : NULL;
        char value[128];

        if (!response)
                free(text);
        else {
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
                if (status >= 400)
                        (void) MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
                if (!isempty(etag) && strlen(etag) < sizeof(value) - 2) {
                        (void) snprintf(value, sizeof(value), "\"%s\"", etag);
                        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, value);
                }
        }
        return reply_response(r, status, response);
}

static int reply_sync(Request *r, unsigned status, const char *metadata, size_t n, const char *etag) {
        char *text = NULL;
        size_t size = 0;

        (void) envelope_sync(metadata, n, &text, &size);
        return reply_text(r, status, text, size, etag);
}

int reply_json(Request *r, JsonWriter *w, const char *etag) {
        _cleanup_free_ char *metadata = NULL;
        int x = json_finish_text(w, &metadata);

        return x < 0 ? x : reply_sync(r, MHD_HTTP_OK, metadata, strlen(metadata), etag);
}

int reply_empty(Request *r) {
        return reply_sync(r, MHD_HTTP_OK, "{}", 2, NULL);
}

int reply_created(Request *r, const char *location) {
        int x = reply_sync(r, MHD_HTTP_CREATED, "null", 4, NULL);

        if (location && r->status == MHD_HTTP_CREATED)
                (void) MHD_add_response_header(r->response, MHD_HTTP_HEADER_LOCATION, location);
        return x;
}

typedef struct Mapping {
        void *data;
        size_t size;
} Mapping;

static void mapping_free(void *p) {
        Mapping *m = p;

        (void) munmap(m->data, m->size);
        free(m);
}

/* Only what cannot shrink under us is mapped: reading behind the end would be fatal. */
static struct MHD_Response *response_from_sealed(int fd, size_t size) {
        struct MHD_Response *response;
        Mapping *m;
        int seals = fcntl(fd, F_GET_SEALS);

        if (seals < 0 || !(seals & F_SEAL_SHRINK) || !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
                return NULL;
        m = calloc(1, sizeof(*m));
        if (!m)
                return NULL;
        m->size = size;
        m->data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
        if (m->data == MAP_FAILED) {
                free(m);
                return NULL;
        }
        response = MHD_create_response_from_buffer_with_free_callback_cls(size, m->data, mapping_free, m);
        if (!response)
                mapping_free(m);
        return response;
}

int reply_document(Request *r, int fd, const char *etag) {
        struct MHD_Response *response;
        char *text = NULL;
        struct stat st;
        size_t n = 0;
        char value[128];
        int x;

        if (fstat(fd, &st) < 0)
                return -errno;
        response = st.st_size > SMALL_DOCUMENT ? response_from_sealed(fd, st.st_size) : NULL;
        if (!response) {
                x = fd_read_all(fd, (size_t) 1 << 30, &text, &n);
                return x < 0 ? x : reply_text(r, MHD_HTTP_OK, text, n, etag);
        }
        (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
        if (!isempty(etag) && strlen(etag) < sizeof(value) - 2) {
                (void) snprintf(value, sizeof(value), "\"%s\"", etag);
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, value);
        }
        return reply_response(r, MHD_HTTP_OK, response);
}

int reply_operation(Request *r, const OperationRecord *record, const char *metadata) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *url = NULL;
        char *text = NULL;
        int x;

        x = str_format(&url, "/1.0/operations/%s", record->id);
        if (x < 0)
                return x;
        json_object_begin(&w, NULL);
        json_string(&w, "type", "async");
        json_string(&w, "status", "Operation created");
        json_int(&w, "status_code", 100);
        json_string(&w, "operation", url);
        json_int(&w, "error_code", 0);
        json_string(&w, "error", "");
        json_operation(&w, "metadata", record, metadata);
        json_object_end(&w);
        x = json_finish_text(&w, &text);
        if (x < 0)
                return x;

        (void) reply_text(r, MHD_HTTP_ACCEPTED, text, strlen(text), NULL);
        if (r->status == MHD_HTTP_ACCEPTED)
                (void) MHD_add_response_header(r->response, MHD_HTTP_HEADER_LOCATION, url);
        return 0;
}

int reply_error(Request *r, unsigned status, const char *message) {
        _cleanup_(json_done) JsonWriter w = {};
        char *text = NULL;

        json_object_begin(&w, NULL);
        json_string(&w, "type", "error");
        json_string(&w, "status", "");
        json_int(&w, "status_code", 0);
        json_string(&w, "operation", "");
        json_int(&w, "error_code", status);
        json_string(&w, "error", message);
        json_null(&w, "metadata");
        json_object_end(&w);
        (void) json_finish_text(&w, &text);
        return reply_text(r, status, text, text ? strlen(text) : 0, NULL);
}

int reply_bus_error(Request *r, int x, const sd_bus_error *error) {
        if (error && sd_bus_error_is_set(error))
                return reply_error(r, bus_error_http_status(error->name), isempty(error->message) ? error->name : error->message);
        if (x == -ENOMEM)
                return reply_error(r, MHD_HTTP_INTERNAL_SERVER_ERROR, "lxd-apid is out of memory");
        return reply_error(r, bus_error_http_status(bus_error_from_errno(x)), strerror(-x));
}

int response_from_file(int fd, const char *content_type, struct MHD_Response **ret) {
        struct MHD_Response *response;
        _cleanup_close_ int copy = -EBADF;
        char *text = NULL;
        struct stat st;
        size_t n;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISREG(st.st_mode) && st.st_size > 0) {
                copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                if (copy < 0)
                        return -errno;
                response = MHD_create_response_from_fd64(st.st_size, copy);
                if (response)
                        TAKE_FD(copy);
        } else {
                r = fd_read_all(fd, ODD_FILE_MAX, &text, &n);
                if (r < 0)
                        return r;
                response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
                if (!response)
                        free(text);
        }
        if (!response)
                return -ENOMEM;
        if (content_type)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        *ret = response;
        return 0;
}
