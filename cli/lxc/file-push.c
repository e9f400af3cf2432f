/* SPDX-License-Identifier: Apache-2.0 */
/* lxc file push */

#include <dirent.h>
#include <fcntl.h>

#include "base/str.h"
#include "file-api.h"

static bool arg_create_dirs = false, arg_recursive = false;
static char *arg_mode = NULL;
static int64_t arg_uid = -1, arg_gid = -1;

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* The last part of a path, also of "dir/" and ".". */
static char *source_name(const char *source) {
        _cleanup_free_ char *real = realpath(source, NULL);

        return xstrdup(base_name(real ?: source));
}

static FileMetadata metadata_of(const struct stat *st, FileType type, int mode) {
        return (FileMetadata) {
                .type = type,
                .uid = arg_uid >= 0 ? arg_uid : (int64_t) st->st_uid,
                .gid = arg_gid >= 0 ? arg_gid : (int64_t) st->st_gid,
                .mode = mode >= 0 ? mode : (int) (st->st_mode & 07777),
        };
}

static int push_fd(Context *c, const FileTarget *target, int fd, const char *source, int mode) {
        _cleanup_free_ char *label = xformat("Pushing %s to %s", source, target->path);
        FileMetadata m;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return fail(-errno, "Cannot read %s: %m", source);
        if (S_ISDIR(st.st_mode))
                return fail(-EISDIR, "%s is a directory; to push it with all it has, pass --recursive", source);

        m = metadata_of(&st, FILE_REGULAR, mode);
        if (fd == STDIN_FILENO) {               /* who owns that means nothing; a pipe, which is its owner's alone, makes such a file */
                m.uid = arg_uid;
                m.gid = arg_gid;
                m.mode = mode >= 0 || S_ISCHR(st.st_mode) ? mode : (int) (st.st_mode & 0777);
        }
        if (arg_create_dirs) {
                FileMetadata parent = m;

                /* Who may read the file may also reach it. */
                parent.mode = m.mode < 0 ? 0755 : m.mode | (m.mode & 0444) >> 2;
                r = file_make_parents(c->client, target, &parent);
                if (r < 0)
                        return r;
        }
        r = file_put(c->client, target, &m, fd, NULL, 0, label);
        if (r == -ENOENT && !arg_create_dirs)
                fail_hint("If a directory is missing: --create-dirs makes it");
        return r;
}

static int push_file(Context *c, const FileTarget *target, const char *source, int mode) {
        _cleanup_close_ int fd = -EBADF;

        if (streq(source, "-"))
                return push_fd(c, target, STDIN_FILENO, "/dev/stdin", mode);
        fd = open(source, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "open %s: %s", source, errno == ENOENT ? "no such file or directory" : strerror(errno));
        return push_fd(c, target, fd, source, mode);
}

static int push_tree(ClientBatch *b, const FileTarget *target, int dir_fd, const char *name, const char *shown);

static int push_entries(ClientBatch *b, const FileTarget *target, int fd, const char *shown) {
        _cleanup_closedir_ DIR *dir = fdopendir(fd);

        if (!dir) {
                int r = fail(-errno, "Cannot read %s: %m", shown);
                close_safe(fd);
                return r;
        }
        for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
                FileTarget child = { .instance = target->instance };
                _cleanup_free_ char *path = NULL, *label = NULL;
                int r;

                if (streq(d->d_name, ".") || streq(d->d_name, ".."))
                        continue;
                path = xformat("%s/%s", target->path, d->d_name);
                label = xformat("%s/%s", shown, d->d_name);
                child.path = path;
                r = push_tree(b, &child, dirfd(dir), d->d_name, label);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int push_link(ClientBatch *b, const FileTarget *target, int dir_fd, const char *name, const FileMetadata *m) {
        char link[4096];
        ssize_t n = readlinkat(dir_fd, name, link, sizeof(link));

        if (n < 0 || (size_t) n == sizeof(link))
                return fail(n < 0 ? -errno : -ENAMETOOLONG, "Cannot read the link %s", name);
        return file_put_later(b, target, m, -EBADF, link, (size_t) n, NULL);
}

/* Directories and what is in them, links as links; what is neither file, directory nor link cannot be sent. */
static int push_tree(ClientBatch *b, const FileTarget *target, int dir_fd, const char *name, const char *shown) {
        FileMetadata m;
        struct stat st;
        int fd, r;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return fail(-errno, "Cannot read %s: %m", shown);

        if (S_ISLNK(st.st_mode)) {
                m = metadata_of(&st, FILE_SYMLINK, -1);
                return push_link(b, target, dir_fd, name, &m);
        }
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
                return fail(-EINVAL, "'%s' isn't a supported file type", shown);

        fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "Cannot read %s: %m", shown);
        if (S_ISREG(st.st_mode)) {
                _cleanup_free_ char *label = xformat("Pushing %s to %s", shown, target->path);

                m = metadata_of(&st, FILE_REGULAR, -1);
                r = file_put_later(b, target, &m, fd, NULL, 0, label);
                close_safe(fd);
                return r;
        }

        m = metadata_of(&st, FILE_DIRECTORY, -1);
        r = file_put(b->client, target, &m, -EBADF, "", 0, NULL);       /* what goes into it needs it */
        if (r < 0) {
                close_safe(fd);
                return r;
        }
        return push_entries(b, target, fd, shown);
}

/* DIR goes to TARGET/DIR, unless it is "." or "..", whose name would surprise. */
static int push_recursive(Context *c, const FileTarget *target, const char *source) {
        _cleanup_free_ char *name = source_name(source), *path = NULL, *shown = xstrdup(source);
        size_t n = strlen(target->path);
        _cleanup_(client_batch_done) ClientBatch batch = { .client = c->client };
        FileTarget to = { .instance = target->instance };
        int r;

        while (n > 1 && target->path[n - 1] == '/')
                n--;
        path = xformat("%.*s%s%s", (int) n, target->path, n > 1 ? "/" : "", name);
        to.path = path;
        if (strlen(shown) > 1 && endswith(shown, "/"))
                shown[strlen(shown) - 1] = 0;

        if (arg_create_dirs) {
                r = file_make_parents(c->client, &to, &(FileMetadata) { .uid = arg_uid, .gid = arg_gid, .mode = 0755 });
                if (r < 0)
                        return r;
        }
        r = push_tree(&batch, &to, AT_FDCWD, source, shown);
        return r < 0 ? r : client_batch_wait(&batch);
}

static int push_into(Context *c, const FileTarget *target, const char *source, int mode) {
        FileTarget to = { .instance = target->instance };
        _cleanup_free_ char *path = NULL;

        if (!endswith(target->path, "/"))
                return push_file(c, target, source, mode);
        path = xformat("%s%s", target->path, base_name(source));
        to.path = path;
        return push_file(c, &to, source, mode);
}

static int run(Context *c) {
        _cleanup_(file_target_done) FileTarget target = {};
        size_t n_sources = c->n_args - 1;
        unsigned mode = 0;
        int r;

        r = file_target_parse(c->args[n_sources], &target);
        if (r < 0)
                return fail(r, "Invalid target %s", c->args[n_sources]);
        if (arg_mode && parse_mode(arg_mode, &mode) < 0)
                return fail(-EINVAL, "Invalid mode \"%s\": it is octal, as in 0644", arg_mode);
        if (arg_recursive && (arg_mode || arg_uid >= 0 || arg_gid >= 0))
                return fail(-EINVAL, "Can't supply uid/gid/mode in recursive mode");
        if (!arg_recursive && n_sources > 1 && !endswith(target.path, "/"))
                return fail(-EINVAL, "Missing target directory");

        for (size_t i = 0; i < n_sources; i++) {
                const char *source = c->args[i];

                r = arg_recursive && !streq(source, "-") ? push_recursive(c, &target, source) :
                                                           push_into(c, &target, source, arg_mode ? (int) mode : -1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static const Option options[] = {
        { 'p', "create-dirs", OPTION_BOOL, &arg_create_dirs, "Create any directories necessary" },
        { 0, "gid", OPTION_INT, &arg_gid, "Set the file's gid on push", NULL, "-1" },
        { 0, "mode", OPTION_STRING, &arg_mode, "Set the file's perms on push" },
        { 'r', "recursive", OPTION_BOOL, &arg_recursive, "Recursively transfer files" },
        { 0, "uid", OPTION_INT, &arg_uid, "Set the file's uid on push", NULL, "-1" },
        {},
};

const Command command_file_push = {
        .name = "push",
        .usage = "<source path>... [<remote>:]<instance>/<path>",
        .summary = "Push files into instances",
        .description = "A target that ends in / is a directory. The source - is standard input.",
        .examples = "  lxc file push /etc/hosts foo/etc/hosts\n"
                    "     To push /etc/hosts into the instance \"foo\".",
        .options = options,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run,
};
