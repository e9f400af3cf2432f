/* SPDX-License-Identifier: Apache-2.0 */
/* Log files of instances below /var/log/lxd/<name>/: list, open, delete, console history, recordings of exec. */
#include "logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#include "base/file.h"
#include "manager.h"

bool log_name_is_valid(const char *name) {
        if (streq(name, "lxc.log") || streq(name, "lxc.conf") || streq(name, "console.log"))
                return true;
        return (startswith(name, "exec_") || startswith(name, "migration_") || startswith(name, "snapshot_")) && !strchr(name, '/') &&
               strlen(name) < 256 && text_is_valid(name, false);
}

static int open_dir(Instance *i, bool create) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = instance_log_dir(i, &path);
        if (r >= 0 && create)
                r = mkdir_parents(path, 0700);
        if (r < 0)
                return r;
        return RET_ERRNO(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int read_names(int dir_fd, Strv *ret) {
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_strv_free_ Strv names = NULL;
        struct dirent *e;
        int copy;

        copy = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        d = fdopendir(copy);
        if (!d) {
                (void) close(copy);
                return -ENOMEM;
        }
        while ((e = readdir(d)))
                if (e->d_type == DT_REG && log_name_is_valid(e->d_name) && strv_extend(&names, e->d_name) < 0)
                        return -ENOMEM;
        SORT(names, strv_length(names), compare_names);
        *ret = TAKE_PTR(names);
        return 0;
}

int logs_list(Instance *i) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_close_ int dir = open_dir(i, false);
        _cleanup_strv_free_ Strv names = NULL;
        int r;

        if (dir < 0 && dir != -ENOENT)
                return dir;
        if (dir >= 0) {
                r = read_names(dir, &names);
                if (r < 0)
                        return r;
        }
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        STRV_FOREACH(name, names)
                json_stringf(&w, NULL, "/1.0/instances/%s/logs/%s%s%s", i->name, *name, streq(i->project, "default") ? "" : "?project=",
                             streq(i->project, "default") ? "" : i->project);
        json_array_end(&w);
        return json_document_finish(&w);
}

int log_open(Instance *i, const char *name) {
        _cleanup_close_ int dir = open_dir(i, false), fd = -EBADF;
        struct stat st;

        if (dir < 0)
                return dir;
        fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return errno == ELOOP ? -ENOENT : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -ENOENT;
}

int log_delete(Instance *i, const char *name) {
        _cleanup_close_ int dir = open_dir(i, false);

        if (dir < 0)
                return dir;
        return unlinkat(dir, name, 0) < 0 ? -errno : 0;
}

int console_log_clear(Instance *i) {
        _cleanup_close_ int dir = open_dir(i, false), fd = -EBADF;

        if (dir < 0)
                return dir == -ENOENT ? 0 : dir;
        fd = openat(dir, "console.log", O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        return ftruncate(fd, 0) < 0 ? -errno : 0;
}

int log_new_recording(Instance *i, int ret_fds[static 2], Strv *ret_names) {
        static const char *const streams[] = { "stdout", "stderr" };
        _cleanup_close_ int dir = open_dir(i, true), out = -EBADF, err = -EBADF;
        int *fds[] = { &out, &err };
        _cleanup_strv_free_ Strv names = NULL;
        sd_id128_t id;
        int r;

        if (dir < 0)
                return dir;
        r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        for (size_t k = 0; k < 2; k++) {
                _cleanup_free_ char *name = NULL;

                r = str_format(&name, "exec_" SD_ID128_UUID_FORMAT_STR ".%s", SD_ID128_FORMAT_VAL(id), streams[k]);
                if (r >= 0)
                        r = strv_extend(&names, name);
                if (r < 0)
                        return r;
                *fds[k] = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (*fds[k] < 0)
                        return -errno;
        }

        ret_fds[0] = TAKE_FD(out);
        ret_fds[1] = TAKE_FD(err);
        *ret_names = TAKE_PTR(names);
        return 0;
}
