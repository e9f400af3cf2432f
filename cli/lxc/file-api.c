/* SPDX-License-Identifier: Apache-2.0 */
/* Requests on files inside instances. */

#include <time.h>

#include "base/file.h"
#include "base/str.h"
#include "file-api.h"
#include "progress.h"

void file_target_done(FileTarget *t) {
        free(t->instance);
        free(t->path);
        *t = (FileTarget) {};
}

int file_target_parse(const char *argument, FileTarget *ret) {
        _cleanup_free_ char *name = NULL;
        char *slash;
        int r;

        r = remote_split(argument, &name);
        if (r < 0)
                return r;
        slash = strchr(name, '/');
        if (!slash || slash == name)
                return fail(-EINVAL, "Invalid path %s: it is to be <instance>/<path>", argument);

        *ret = (FileTarget) {
                .instance = xstrndup(name, (size_t) (slash - name)),
                .path = xstrdup(slash),
        };
        return 0;
}

static char *file_path(Client *c, const FileTarget *target) {
        char *path = api_path("instances", target->instance, "files", NULL);

        api_query(&path, "path", target->path);
        client_add_project(c, &path);
        return path;
}

static char **put_headers(const FileMetadata *m) {
        static const char *const types[] = { "file", "directory", "symlink" };
        char **headers = NULL;

        list_append(&headers, xstrdup("Content-Type: application/octet-stream"));
        list_append(&headers, xformat("X-LXD-type: %s", types[m->type]));
        if (m->uid >= 0)
                list_append(&headers, xformat("X-LXD-uid: %" PRIi64, m->uid));
        if (m->gid >= 0)
                list_append(&headers, xformat("X-LXD-gid: %" PRIi64, m->gid));
        if (m->mode >= 0)
                list_append(&headers, xformat("X-LXD-mode: %04o", (unsigned) m->mode & 07777));
        if (m->type == FILE_REGULAR)
                list_append(&headers, xstrdup("X-LXD-write: overwrite"));
        return headers;
}

typedef struct Transfer {
        Progress progress;
        uint64_t started, done, total;
        FileGet *get;
        int fd;                         /* of the file that is written, or -EBADF */
        bool begun;
        const HttpHead *head;
        Buffer body;                    /* of what is no regular file */
} Transfer;

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
}

static void transfer_done(Transfer *t) {
        progress_done(&t->progress);
        buffer_done(&t->body);
}

static void on_sent(void *userdata, uint64_t sent, uint64_t total) {
        Transfer *t = userdata;

        progress_bytes(&t->progress, sent, total, t->started);
}

/* Sends a file, to the batch if there is one. */
static int put(Client *c, ClientBatch *b, const FileTarget *target, const FileMetadata *metadata, HttpPart part, const char *label) {
        _cleanup_(transfer_done) Transfer t = { .started = now_usec() };
        _cleanup_list_ char **headers = put_headers(metadata);
        _cleanup_free_ char *path = file_path(c, target);
        HttpRequest request = {
                .method = "POST",
                .path = path,
                .headers = headers,
                .parts = &part,
                .n_parts = 1,
                .progress = on_sent,
                .userdata = &t,
        };
        _cleanup_reply_ Reply reply = {};
        struct stat st;

        if (part.fd >= 0) {
                if (fstat(part.fd, &st) < 0)
                        return fail(-errno, "Cannot read %s: %m", label);
                part.data = NULL;
                part.size = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : HTTP_SIZE_UNKNOWN;
        }
        progress_init(&t.progress, c->quiet || !label, label);
        return b ? client_batch_send(b, &request) : client_send(c, &request, &reply);
}

int file_put(Client *c, const FileTarget *target, const FileMetadata *metadata, int fd, const void *data, size_t size,
             const char *label) {
        return put(c, NULL, target, metadata, (HttpPart) { .data = data, .size = size, .fd = fd }, label);
}

int file_put_later(ClientBatch *b, const FileTarget *target, const FileMetadata *metadata, int fd, const void *data, size_t size,
                   const char *label) {
        return put(b->client, b, target, metadata, (HttpPart) { .data = data, .size = size, .fd = fd }, label);
}

int file_make_parents(Client *c, const FileTarget *target, const FileMetadata *metadata) {
        FileMetadata m = *metadata;

        m.type = FILE_DIRECTORY;
        for (const char *p = strchr(target->path + 1, '/'); p && p[1]; p = strchr(p + 1, '/')) {
                FileTarget parent = {
                        .instance = target->instance,
                        .path = xstrndup(target->path, (size_t) (p - target->path)),
                };
                _cleanup_free_ char *owned = parent.path;
                FileMetadata found;
                int r;

                r = file_stat(c, &parent, &found);
                if (r == -ENOENT) {
                        fail_clear();
                        r = file_put(c, &parent, &m, -EBADF, "", 0, NULL);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static void parse_metadata(const HttpHead *head, FileMetadata *ret) {
        const char *type = strempty(http_head_get(head, "X-LXD-type"));
        unsigned mode;

        *ret = (FileMetadata) {
                .type = streq(type, "directory") ? FILE_DIRECTORY : streq(type, "symlink") ? FILE_SYMLINK : FILE_REGULAR,
                .uid = -1,
                .gid = -1,
                .mode = parse_mode(strempty(http_head_get(head, "X-LXD-mode")), &mode) >= 0 ? (int) mode : -1,
        };
        (void) parse_i64(strempty(http_head_get(head, "X-LXD-uid")), &ret->uid);
        (void) parse_i64(strempty(http_head_get(head, "X-LXD-gid")), &ret->gid);
}

/* Asks where to, once it is known what comes. */
static int transfer_begin(Transfer *t) {
        if (t->begun)
                return 0;
        t->begun = true;
        t->total = t->head->has_length ? t->head->length : 0;
        parse_metadata(t->head, &t->get->metadata);
        if (t->get->metadata.type != FILE_REGULAR || !t->get->on_head)
                return 0;
        t->fd = t->get->on_head(t->get->userdata, &t->get->metadata);
        return MIN(t->fd, 0);
}

static int on_received(void *userdata, const void *data, size_t n) {
        Transfer *t = userdata;
        int r;

        r = transfer_begin(t);
        if (r < 0)
                return r;
        if (t->fd < 0) {
                buffer_append(&t->body, data, n);
                return 0;
        }

        r = fd_write_all(t->fd, data, n);
        if (r < 0)
                return fail(r, "Cannot write what was received: %s", strerror(-r));
        t->done += n;
        progress_bytes(&t->progress, t->done, t->total, t->started);
        return 0;
}

/* A directory's listing is a document, {"metadata": ["name", ...]}. */
static int parse_names(const Buffer *body, char ***ret) {
        _cleanup_json_ struct json_object *o = body->data ? json_tokener_parse(body->data) : NULL;
        struct json_object *list = jget(o, "metadata");
        char **names = NULL;

        for (size_t i = 0; i < jlen(list); i++)
                list_append(&names, xstrdup(jstr_at(list, i)));
        *ret = names ?: xcalloc(1, sizeof(char*));
        return 0;
}

int file_get(Client *c, const FileTarget *target, FileGet *get, const char *label) {
        _cleanup_(transfer_done) Transfer t = { .get = get, .fd = -EBADF, .started = now_usec() };
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_free_ char *path = file_path(c, target);
        int r;

        t.head = &head;
        progress_init(&t.progress, c->quiet || !label, label);
        r = client_transfer(c, &(HttpRequest) { .method = "GET", .path = path }, &head, on_received, &t);
        if (r >= 0)
                r = transfer_begin(&t);         /* an empty file has no first byte */
        if (r < 0)
                return r;

        if (get->metadata.type == FILE_DIRECTORY)
                return parse_names(&t.body, &get->names);
        if (get->metadata.type == FILE_SYMLINK) {
                get->link = xstrdup(strempty(t.body.data));
                get->link[strcspn(get->link, "\n")] = 0;
        }
        return 0;
}

int file_stat(Client *c, const FileTarget *target, FileMetadata *ret) {
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_free_ char *path = file_path(c, target);
        _cleanup_buffer_ Buffer body = {};
        int r;

        r = client_transfer(c, &(HttpRequest) { .method = "HEAD", .path = path }, &head, http_sink_buffer, &body);
        if (r < 0)
                return r;
        parse_metadata(&head, ret);
        return 0;
}
