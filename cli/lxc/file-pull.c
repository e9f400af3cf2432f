/* SPDX-License-Identifier: Apache-2.0 */
/* lxc file pull */

/* What comes from an instance is not to be trusted: names must be single names, and no link that came is ever
 * followed, since each file is made beside a directory descriptor with O_NOFOLLOW. */

#include <fcntl.h>

#include "base/file.h"
#include "file-api.h"

static bool arg_create_dirs = false, arg_recursive = false;

/* Where one file goes: a name in a directory. */
typedef struct Place {
        int dir_fd;                     /* or AT_FDCWD */
        const char *name;               /* "-": standard output */
        const char *shown;
        int fd;                         /* once it is open */
        bool trusted;                   /* the user gave the name: links in it are his */
} Place;

static int open_place(void *userdata, const FileMetadata *m) {
        Place *p = userdata;
        mode_t mode = m->mode >= 0 ? (mode_t) (m->mode & 0777) : 0644;

        if (streq(p->name, "-")) {
                p->fd = STDOUT_FILENO;
                return p->fd;
        }
        p->fd = openat(p->dir_fd, p->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (p->trusted ? 0 : O_NOFOLLOW), mode);
        if (p->fd < 0)
                return fail(-errno, "open %s: %s", p->shown, errno == ENOENT ? "no such file or directory" : strerror(errno));
        (void) fchmod(p->fd, mode);
        return p->fd;
}

static int close_place(Place *p) {
        int r = 0;

        if (p->fd >= 0 && p->fd != STDOUT_FILENO && close(p->fd) < 0)
                r = fail(-errno, "Cannot write %s: %m", p->shown);
        p->fd = -EBADF;
        return r;
}

static void file_get_done(FileGet *g) {
        list_free(g->names);
        free(g->link);
}

static bool name_is_safe(const char *name) {
        return *name && !strchr(name, '/') && !streq(name, ".") && !streq(name, "..");
}

static int pull_tree(Context *c, const FileTarget *source, int dir_fd, const char *name, const char *shown);

static int pull_entries(Context *c, const FileTarget *source, int fd, char *const *names, const char *shown) {
        for (; *names; names++) {
                FileTarget child = { .instance = source->instance };
                _cleanup_free_ char *path = NULL, *label = NULL;
                int r;

                if (!name_is_safe(*names))
                        return fail(-EBADMSG, "The instance has a file name that is none: \"%s\" in %s", *names, source->path);
                path = xformat("%s%s%s", source->path, endswith(source->path, "/") ? "" : "/", *names);
                label = xformat("%s/%s", shown, *names);
                child.path = path;
                r = pull_tree(c, &child, fd, *names, label);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int pull_directory(Context *c, const FileTarget *source, const FileGet *get, int dir_fd, const char *name,
                          const char *shown) {
        _cleanup_close_ int fd = -EBADF;
        mode_t mode = get->metadata.mode >= 0 ? (mode_t) get->metadata.mode & 0777 : 0755;
        int r;

        if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
                return fail(-errno, "Cannot create %s: %m", shown);
        fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "Cannot open %s: %m", shown);

        r = pull_entries(c, source, fd, get->names, shown);
        if (r >= 0)
                (void) fchmod(fd, mode);        /* last: it may not let us write */
        return r;
}

static int pull_tree(Context *c, const FileTarget *source, int dir_fd, const char *name, const char *shown) {
        _cleanup_free_ char *label = xformat("Pulling %s from %s", shown, source->path);
        Place place = { .dir_fd = dir_fd, .name = name, .shown = shown, .fd = -EBADF };
        _cleanup_(file_get_done) FileGet get = { .on_head = open_place, .userdata = &place };
        int r, q;

        r = file_get(c->client, source, &get, label);
        q = close_place(&place);
        if (r < 0 || q < 0)
                return r < 0 ? r : q;

        if (get.metadata.type == FILE_DIRECTORY)
                return pull_directory(c, source, &get, dir_fd, name, shown);
        if (get.metadata.type == FILE_SYMLINK) {
                (void) unlinkat(dir_fd, name, 0);
                if (symlinkat(get.link, dir_fd, name) < 0)
                        return fail(-errno, "Cannot create the link %s: %m", shown);
        }
        return 0;
}

/* One file to where the user said. A link is followed, inside the instance. */
static int pull_file(Context *c, const FileTarget *source, const char *to, unsigned hops) {
        _cleanup_free_ char *label = xformat("Pulling %s from %s", to, source->path), *link = NULL;
        Place place = { .dir_fd = AT_FDCWD, .name = to, .shown = to, .fd = -EBADF, .trusted = true };
        _cleanup_(file_get_done) FileGet get = { .on_head = open_place, .userdata = &place };
        FileTarget next = { .instance = source->instance };
        int r, q;

        r = file_get(c->client, source, &get, streq(to, "-") ? NULL : label);
        q = close_place(&place);
        if (r < 0 || q < 0)
                return r < 0 ? r : q;
        if (get.metadata.type == FILE_DIRECTORY)
                return fail(-EISDIR, "Can't pull a directory without --recursive");
        if (get.metadata.type == FILE_REGULAR)
                return 0;

        if (hops == 0)
                return fail(-ELOOP, "Too many links: %s", source->path);
        link = get.link[0] == '/' ? xstrdup(get.link) :
               xformat("%.*s/%s", (int) (strrchr(source->path, '/') - source->path), source->path, get.link);
        next.path = link;
        return pull_file(c, &next, to, hops - 1);
}

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) >= 0 && S_ISDIR(st.st_mode);
}

static int pull_one(Context *c, const char *argument, const char *target, bool into) {
        _cleanup_(file_target_done) FileTarget source = {};
        _cleanup_free_ char *path = NULL;
        const char *name;
        int r;

        r = file_target_parse(argument, &source);
        if (r < 0)
                return r;
        while (strlen(source.path) > 1 && endswith(source.path, "/"))
                source.path[strlen(source.path) - 1] = 0;
        name = strrchr(source.path, '/') + 1;

        if (arg_recursive) {
                path = xformat("%s/%s", target, *name ? name : source.instance);
                return pull_tree(c, &source, AT_FDCWD, path, path);
        }
        path = into ? xformat("%s/%s", target, name) : xstrdup(target);
        return pull_file(c, &source, path, 16);
}

/* Is the target a directory to put things into? It is made when it cannot be anything else. */
static int prepare_target(const char *target, size_t n_sources, bool *ret_into) {
        bool into = is_directory(target), should = endswith(target, "/") || arg_recursive || n_sources > 1;
        int r;

        if (streq(target, "-")) {
                *ret_into = false;
                return arg_recursive ? fail(-EINVAL, "Standard output takes single files, not trees") : 0;
        }
        if (!into && should) {
                if (access(target, F_OK) >= 0 && n_sources > 1)
                        return fail(-ENOTDIR, "More than one file to download, but target is not a directory");
                if (access(target, F_OK) >= 0)
                        return fail(-ENOTDIR, "%s is not a directory", target);
                r = mkdir_parents(target, 0755);
                if (r < 0)
                        return fail(r, "Cannot create %s: %s", target, strerror(-r));
                into = true;
        } else if (!into && arg_create_dirs) {
                _cleanup_free_ char *parent = xstrndup(target, strrchr(target, '/') ? (size_t) (strrchr(target, '/') - target) : 0);

                r = *parent ? mkdir_parents(parent, 0755) : 0;
                if (r < 0)
                        return fail(r, "Cannot create %s: %s", parent, strerror(-r));
        }
        *ret_into = into;
        return 0;
}

static int run(Context *c) {
        const char *target = c->args[c->n_args - 1];
        bool into = false;
        int r;

        r = prepare_target(target, c->n_args - 1, &into);
        for (size_t i = 0; i < c->n_args - 1 && r >= 0; i++)
                r = pull_one(c, c->args[i], target, into);
        return r;
}

static const Option options[] = {
        { 'p', "create-dirs", OPTION_BOOL, &arg_create_dirs, "Create any directories necessary" },
        { 'r', "recursive", OPTION_BOOL, &arg_recursive, "Recursively transfer files" },
        {},
};

const Command command_file_pull = {
        .name = "pull",
        .usage = "[<remote>:]<instance>/<path> [[<remote>:]<instance>/<path>...] <target path>",
        .summary = "Pull files from instances",
        .description = "The target - is standard output.",
        .examples = "  lxc file pull foo/etc/hosts .\n"
                    "     To pull /etc/hosts from the instance and write it to the current directory.",
        .options = options,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run,
};
