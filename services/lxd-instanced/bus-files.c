/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.instance1.Files: single files of an instance, running or stopped. */
#include "access.h"
#include "base/file.h"
#include "bus.h"
#include "guest-files.h"

typedef struct FileRequest {
        char *path, *type;
        int64_t uid, gid, mode;
        bool append;
        int content;   /* of put */
        GuestFile file; /* of get */
        char *action;
        Requestor who;
} FileRequest;

static void file_request_free(void *p) {
        FileRequest *f = p;

        (void) close_safe(f->content);
        (void) close_safe(f->file.content);
        free((char *) f->file.type);
        requestor_done(&f->who);
        free(f->path);
        free(f->type);
        free(f->action);
        free(f);
}

static void file_request_freep(FileRequest **f) {
        if (*f)
                file_request_free(*f);
}

static FileRequest *file_request_new(const char *path, const char *action) {
        FileRequest *f = calloc(1, sizeof(FileRequest));

        if (!f)
                return NULL;
        f->content = f->file.content = -EBADF;
        f->path = strdup(path);
        f->action = strdup(action);
        if (!f->path || !f->action) {
                file_request_free(f);
                return NULL;
        }
        return f;
}

static int check_path(const char *path, sd_bus_error *error) {
        if (path[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing path argument");
        if (strlen(path) >= PATH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The path is too long");
        return 0;
}

static void tell(Job *j) {
        _cleanup_(config_done) Config context = {};
        FileRequest *f = ((Access *) j->data)->arg;

        (void) config_set(&context, "path", f->path);
        instance_lifecycle(j->instance, f->action, &context, &f->who, NULL);
}

static void file_done(int r, const sd_bus_error *e, GuestFile *file, void *userdata) {
        Job *j = userdata;
        FileRequest *f = ((Access *) j->data)->arg;

        if (r >= 0 && file) {
                f->file = *file;
                f->file.type = strdup(file->type);
                file->content = -EBADF;
                if (!f->file.type)
                        r = -ENOMEM;
        }
        job_wake(j, r, e);
}

static GuestRoot root_of(const Access *a) {
        return (GuestRoot) { .root_fd = a->root_fd, .idmap = a->idmap };
}

static int work_get(Job *j, sd_bus_error *error) {
        Access *a = j->data;
        FileRequest *f = a->arg;
        GuestRoot root = root_of(a);
        int r = guest_files_get(j->manager->file_workers, &root, f->path, file_done, j, error);

        if (r >= 0)
                job_wait(j);
        return r;
}

static int reply_get(Job *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        FileRequest *f = ((Access *) j->data)->arg;
        int r;

        tell(j);
        r = sd_bus_message_new_method_return(j->request, &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "suuuth", f->file.type, f->file.uid, f->file.gid, f->file.mode, f->file.modified,
                                          f->file.content);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static int method_get(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        FileRequest *f;
        const char *path;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "s", &path);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = check_path(path, error);
        if (r < 0)
                return r;
        f = file_request_new(path, "file-retrieved");
        return f ? access_start(userdata, work_get, reply_get, false, f, file_request_free, m) : -ENOMEM;
}

static int work_put(Job *j, sd_bus_error *error) {
        Access *a = j->data;
        FileRequest *f = a->arg;
        GuestRoot root = root_of(a);
        GuestFilePut put = {
                .path = f->path, .type = f->type, .uid = f->uid, .gid = f->gid, .mode = f->mode, .write = f->append ? "append" : "overwrite", .content = f->content,
        };
        int r = guest_files_put(j->manager->file_workers, &root, &put, file_done, j, error);

        if (r >= 0)
                job_wait(j);
        f->content = close_safe(f->content); /* the worker has its own: the writer sees when that one is gone */
        return r;
}

static int reply_empty(Job *j) {
        tell(j);
        return sd_bus_reply_method_return(j->request, NULL);
}

static int check_put(const char *type, const char *write, int uid, int gid, int mode, sd_bus_error *error) {
        if (type[0] && !streq(type, "file") && !streq(type, "directory") && !streq(type, "symlink"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file type: %s", type);
        if (write[0] && !streq(write, "overwrite") && !streq(write, "append"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad file write mode: %s", write);
        if (uid < -1 || gid < -1 || mode < -1 || mode > 07777)
                return bus_error_set(error, LXD_ERROR_INVALID, "Bad owner or mode");
        return 0;
}

static int method_put(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(file_request_freep) FileRequest *f = NULL;
        const char *path, *type, *write;
        int uid, gid, mode, r;

        r = sd_bus_message_read(m, "ssiiis", &path, &type, &uid, &gid, &mode, &write);
        if (r >= 0)
                r = check_path(path, error);
        if (r >= 0)
                r = check_put(type, write, uid, gid, mode, error);
        if (r < 0)
                return r;
        f = file_request_new(path, "file-pushed");
        if (!f || str_replace(&f->type, type) < 0)
                return -ENOMEM;
        f->uid = uid;
        f->gid = gid;
        f->mode = mode;
        f->append = streq(write, "append");
        r = bus_read_fd(m, &f->content);
        if (r >= 0)
                r = bus_read_tail(m, &f->who, 0, NULL, error);
        return r < 0 ? r : access_start(userdata, work_put, reply_empty, false, TAKE_PTR(f), file_request_free, m);
}

static int work_delete(Job *j, sd_bus_error *error) {
        Access *a = j->data;
        FileRequest *f = a->arg;
        GuestRoot root = root_of(a);
        int r = guest_files_delete(j->manager->file_workers, &root, f->path, file_done, j, error);

        if (r >= 0)
                job_wait(j);
        return r;
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(file_request_freep) FileRequest *f = NULL;
        const char *path;
        int r;

        r = sd_bus_message_read(m, "s", &path);
        if (r >= 0)
                r = check_path(path, error);
        if (r < 0)
                return r;
        f = file_request_new(path, "file-deleted");
        if (!f)
                return -ENOMEM;
        r = bus_read_tail(m, &f->who, 0, NULL, error);
        return r < 0 ? r : access_start(userdata, work_delete, reply_empty, false, TAKE_PTR(f), file_request_free, m);
}

const sd_bus_vtable files_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Get", SD_BUS_ARGS("s", path, "t", flags),
                                SD_BUS_RESULT("s", type, "u", uid, "u", gid, "u", mode, "t", modified, "h", content), method_get, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Put",
                                SD_BUS_ARGS("s", path, "s", type, "i", uid, "i", gid, "i", mode, "s", write, "h", content, "(sss)", requestor, "t",
                                            flags),
                                SD_BUS_NO_RESULT, method_put, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("s", path, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};
