/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of file access: calls of lxd-file-worker. */
#include <fcntl.h>

#include "base/file.h"
#include "bus-error.h"
#include "guest-files.h"
#include "json-write.h"

#define NAMES_MAX (32 * 1024 * 1024)

/* One for each file that is on its way, at the speed of a client. */
const GuestWorkersKind guest_files_workers = { .name = "file", .max = 16 };

typedef struct FileCall {
        GuestWorkerCall call; /* the first */
        guest_files_reply_t callback;
        void *userdata;
} FileCall;

/* Bytes that are no UTF-8 are left to the JSON writer, which makes them visible. */
static int directory_document(int names) {
        _cleanup_free_ char *text = NULL;
        JsonWriter w = {};
        size_t n;
        int r;

        r = fd_read_all(names, NAMES_MAX, &text, &n);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (size_t i = 0; i < n; i += strlen(text + i) + 1)
                json_string(&w, NULL, text + i);
        json_array_end(&w);
        return json_document_finish(&w);
}

static int call_read_file(GuestMessage *m, GuestFile *ret) {
        uint64_t uid = 0, gid = 0, mode = 0, modified = 0;
        _cleanup_close_ int content = guest_message_take_fd(m, 0);
        GuestFile f = { .type = guest_message_get(m, "type") };

        if (content < 0 || !f.type || guest_message_get_u64(m, "uid", &uid) < 0 || guest_message_get_u64(m, "gid", &gid) < 0 ||
            guest_message_get_u64(m, "mode", &mode) < 0)
                return -EBADMSG;
        (void) guest_message_get_u64(m, "modified", &modified);
        f.uid = (uid_t) uid;
        f.gid = (gid_t) gid;
        f.mode = (mode_t) mode;
        f.modified = modified;
        if (streq(f.type, "directory")) {
                f.content = directory_document(content);
                if (f.content < 0)
                        return f.content;
        } else
                f.content = TAKE_FD(content);
        *ret = f;
        return 0;
}

static void on_file(GuestWorkerCall *c, int r, const sd_bus_error *e, GuestMessage *answer) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        GuestFile file = { .content = -EBADF };
        FileCall *f = (FileCall *) c;

        if (r >= 0) {
                r = call_read_file(answer, &file);
                if (r < 0) {
                        bus_error_ensure(&error, r);
                        e = &error;
                }
        }
        f->callback(r, e, r >= 0 ? &file : NULL, f->userdata);
}

static void on_done(GuestWorkerCall *c, int r, const sd_bus_error *e, GuestMessage *answer) {
        FileCall *f = (FileCall *) c;

        f->callback(r, e, NULL, f->userdata);
}

static int message_take_dup(GuestMessage *m, int fd) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3), r;

        if (copy < 0)
                return -errno;
        r = guest_message_add_fd(m, copy);
        if (r < 0)
                (void) close(copy);
        return r;
}

static int call_new(const char *verb, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                    GuestWorkerCall **ret) {
        FileCall *f = calloc(1, sizeof(*f));
        _cleanup_(guest_worker_call_freep) GuestWorkerCall *c = f ? &f->call : NULL;
        int r;

        if (!f)
                return -ENOMEM;
        f->callback = callback;
        f->userdata = userdata;
        c->reply = streq(verb, "get") ? on_file : on_done;
        r = guest_message_begin(&c->message, verb);
        c->message.owns_fds = true;
        if (r >= 0)
                r = guest_message_add(&c->message, "path", path);
        if (r >= 0)
                r = guest_message_add_all(&c->message, "idmap", root->idmap);
        if (r >= 0)
                r = message_take_dup(&c->message, root->root_fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static int path_check(const char *path, sd_bus_error *error) {
        if (isempty(path))
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing path argument");
        if (strlen(path) >= PATH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The path is too long");
        return 0;
}

int guest_files_get(GuestWorkers *workers, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error) {
        GuestWorkerCall *c;
        int r;

        r = path_check(path, error);
        if (r < 0)
                return r;
        r = call_new("get", root, path, callback, userdata, &c);
        return r < 0 ? bus_error_ensure(error, r) : guest_workers_submit(workers, c, error);
}

int guest_files_delete(GuestWorkers *workers, const GuestRoot *root, const char *path, guest_files_reply_t callback, void *userdata,
                       sd_bus_error *error) {
        GuestWorkerCall *c;
        int r;

        r = path_check(path, error);
        if (r < 0)
                return r;
        r = call_new("delete", root, path, callback, userdata, &c);
        return r < 0 ? bus_error_ensure(error, r) : guest_workers_submit(workers, c, error);
}

static int put_check(const GuestFilePut *put, sd_bus_error *error) {
        int r = path_check(put->path, error);

        if (r < 0)
                return r;
        if (!isempty(put->type) && !streq(put->type, "file") && !streq(put->type, "directory") && !streq(put->type, "symlink"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file type: %s", put->type);
        if (!isempty(put->write) && !streq(put->write, "overwrite") && !streq(put->write, "append"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file write mode: %s", put->write);
        if (put->uid > UINT32_MAX || put->gid > UINT32_MAX || put->mode > 07777)
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad owner or mode for the file");
        return 0;
}

static int put_add_number(GuestMessage *m, const char *key, int64_t value) {
        return value < 0 ? 0 : guest_message_addf(m, key, "%" PRIi64, value);
}

int guest_files_put(GuestWorkers *workers, const GuestRoot *root, const GuestFilePut *put, guest_files_reply_t callback, void *userdata,
                    sd_bus_error *error) {
        _cleanup_(guest_worker_call_freep) GuestWorkerCall *c = NULL;
        int r;

        r = put_check(put, error);
        if (r < 0)
                return r;
        r = call_new("put", root, put->path, callback, userdata, &c);
        if (r >= 0)
                r = guest_message_add(&c->message, "type", strempty(put->type));
        if (r >= 0)
                r = put_add_number(&c->message, "uid", put->uid);
        if (r >= 0)
                r = put_add_number(&c->message, "gid", put->gid);
        if (r >= 0)
                r = put_add_number(&c->message, "mode", put->mode);
        if (r >= 0 && streq_ptr(put->write, "append"))
                r = guest_message_add(&c->message, "append", "1");
        if (r >= 0 && put->content >= 0)
                r = message_take_dup(&c->message, put->content);
        if (r < 0)
                return bus_error_ensure(error, r);
        return guest_workers_submit(workers, TAKE_PTR(c), error);
}
