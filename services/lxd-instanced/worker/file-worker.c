/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-file-worker: reads, writes and deletes files of instances for lxd-instanced, one request after the other on fd 3, until
 * it is closed. Every path is resolved by the kernel inside the root directory that comes with the request; nothing
 * but regular files, directories and links is ever opened. */
#include <fcntl.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "capabilities.h"
#include "crash.h"
#include "guest-ids.h"
#include "guest-message.h"

#define REQUEST_FD 3
#define RESOLVE_FLAGS (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
#define LINKS_MAX 40                         /* as the kernel has it */
#define NAMES_MAX (16 * 1024 * 1024)         /* bytes of the names of one directory */
#define SLOW_FILE_MAX (128 * 1024 * 1024)    /* of a file that is read here because reading it may block */

typedef struct Request {
        GuestMessage m;
        int root;
        char **idmap;
        const char *path;
        char *copy;          /* what directory and base point into */
        const char *directory;
        int parent;          /* directory that holds base */
        const char *base;    /* "" = the root itself */
} Request;

static void request_done(Request *q) {
        guest_message_done(&q->m);
        closep(&q->root);
        closep(&q->parent);
        free(q->idmap);
        free(q->copy);
}

static int answer_error(const char *name, const char *format, ...) printf_like(2, 3);
static int answer_error(const char *name, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        (void) str_vformat(&text, format, ap);
        va_end(ap);
        return guest_message_send_error(REQUEST_FD, name, text ?: "Out of memory");
}

/* What went wrong with `path`, for the user. */
static int answer_errno(const Request *q, int r) {
        switch (-r) {
        case EACCES:
        case EPERM:
                return answer_error(LXD_ERROR_FORBIDDEN, "Forbidden");
        case ENOENT:
                return answer_error(LXD_ERROR_NOT_FOUND, "Not Found");
        case EEXIST:
                return answer_error(LXD_ERROR_EXISTS, "\"%s\" exists already", q->path);
        case EISDIR:
                return answer_error(LXD_ERROR_INVALID, "\"%s\" is a directory", q->path);
        case ENOTDIR:
                return answer_error(LXD_ERROR_INVALID, "\"%s\": part of the path is not a directory", q->path);
        case ENOTEMPTY:
                return answer_error(LXD_ERROR_INVALID, "\"%s\" is not empty", q->path);
        case EBUSY:
                return answer_error(LXD_ERROR_INVALID, "\"%s\" is in use and cannot be deleted", q->path);
        case ELOOP:
                return answer_error(LXD_ERROR_INVALID, "\"%s\" leads through a link that cannot be followed", q->path);
        case ENAMETOOLONG:
                return answer_error(LXD_ERROR_INVALID, "\"%s\": a name in the path is too long", q->path);
        case EXDEV:
        case ENXIO:
        case ENODEV:
                return answer_error(LXD_ERROR_INVALID, "\"%s\" is not a file, directory or link", q->path);
        case EOVERFLOW:
        case ERANGE:
                return answer_error(LXD_ERROR_INVALID, "\"%s\": the instance has no such user or group", q->path);
        default:
                return answer_error(LXD_ERROR_FAILED, "\"%s\": %s", q->path, strerror(-r));
        }
}

/* Splits the path and opens the directory it is in. A path that ends with "." or ".." (or is "/") means a directory itself. */
static int request_open_parent(Request *q, const char *path) {
        char *copy = strdup(path), *slash;
        size_t n;

        if (!copy)
                return -ENOMEM;
        free(q->copy);
        closep(&q->parent);
        q->copy = copy;
        q->directory = "";
        n = strlen(copy);
        while (n > 0 && copy[n - 1] == '/')
                copy[--n] = '\0';
        slash = strrchr(copy, '/');
        q->base = slash ? slash + 1 : copy;
        if (streq(q->base, ".") || streq(q->base, "..")) {
                q->directory = copy;
                q->base = "";
        } else if (slash && slash != copy) {
                *slash = '\0';
                q->directory = copy;
        }
        q->parent = open_resolve(q->root, isempty(q->directory) ? "/" : q->directory, O_PATH | O_DIRECTORY, 0, RESOLVE_FLAGS);
        return q->parent < 0 ? q->parent : 0;
}

/* base is a link that leads to nothing yet: what is meant is that. */
static int request_follow(Request *q) {
        _cleanup_free_ char *path = NULL;
        char target[PATH_MAX];
        ssize_t n = readlinkat(q->parent, q->base, target, sizeof(target) - 1);
        int r;

        if (n < 0)
                return errno == EINVAL || errno == ENOENT ? 0 : -errno; /* somebody has made or removed it just now */
        target[n] = '\0';
        r = str_format(&path, "%s/%s", target[0] == '/' ? "" : q->directory, target);
        return r < 0 ? r : request_open_parent(q, path);
}

static bool is_mapped(const Request *q, bool gid, uint32_t id) {
        uint32_t back;

        return guest_id_to_host(q->idmap, gid, guest_id_from_host(q->idmap, gid, id), &back) >= 0 && back == id;
}

static bool is_of_the_guest(const Request *q, const struct stat *st) {
        return is_mapped(q, false, st->st_uid) && is_mapped(q, true, st->st_gid);
}

/* A guest leads us by its links wherever it has something mounted: into the kernel's settings below /proc/sys, into a folder of the host. We
 * could do there what the host's root can. So the rights are those of the guest's root, which the kernel gives it over what belongs to
 * its ids (privileged_wrt_inode_uidgid()); elsewhere those that everybody has: `others`. */
static int check_rights(const Request *q, const struct stat *st, mode_t others) {
        return (st->st_mode & others) == others || is_of_the_guest(q, st) ? 0 : -EACCES;
}

/* May a name be made or removed beside base? */
static int check_parent(const Request *q, struct stat *ret_parent) {
        return fstat(q->parent, ret_parent) < 0 ? -errno : check_rights(q, ret_parent, S_IWOTH | S_IXOTH);
}

/* The object itself, links not followed. */
static int request_open_object(const Request *q, struct stat *ret_st) {
        _cleanup_close_ int fd = -EBADF;

        fd = isempty(q->base) ? fcntl(q->parent, F_DUPFD_CLOEXEC, 0)
                              : openat(q->parent, q->base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return fstat(fd, ret_st) < 0 ? -errno : TAKE_FD(fd);
}

/* Opens what an O_PATH descriptor refers to: the very inode that was looked at. */
static int reopen(int fd, int flags) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        return RET_ERRNO(open(path, flags | O_CLOEXEC | O_NOCTTY));
}

/* Reading some file systems blocks at their owner's will (fuse) or gives files of size 0 that are not empty (proc). */
static bool reads_at_once(int fd) {
        static const long types[] = { BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC,
                                      0x2fc12fc1 /* zfs */, F2FS_SUPER_MAGIC, SQUASHFS_MAGIC, CEPH_SUPER_MAGIC };
        struct statfs f;

        if (fstatfs(fd, &f) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (f.f_type == types[i])
                        return true;
        return false;
}

static int read_to_memfd(int fd) {
        _cleanup_close_ int memfd = memfd_create("lxd-file", MFD_CLOEXEC);
        uint64_t n;
        int r;

        if (memfd < 0)
                return -errno;
        r = fd_copy(fd, memfd, SLOW_FILE_MAX + 1, &n);
        if (r < 0)
                return r;
        if (n > SLOW_FILE_MAX)
                return -EFBIG;
        return lseek(memfd, 0, SEEK_SET) < 0 ? -errno : TAKE_FD(memfd);
}

static int get_file(int object) {
        _cleanup_close_ int fd = reopen(object, O_RDONLY | O_NONBLOCK);

        if (fd < 0)
                return fd;
        (void) fd_set_nonblock(fd, false);
        return reads_at_once(fd) ? TAKE_FD(fd) : read_to_memfd(fd);
}

static int compare_names(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *e) {
        return !streq(e->d_name, ".") && !streq(e->d_name, "..");
}

/* A memfd with the names, each ended by NUL. */
static int get_directory(int object) {
        _cleanup_close_ int fd = reopen(object, O_RDONLY | O_DIRECTORY), memfd = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct dirent **names = NULL;
        size_t size = 0;
        FILE *f;
        int n;

        if (fd < 0)
                return fd;
        n = scandirat(fd, ".", &names, is_entry, compare_names);
        if (n < 0)
                return -errno;
        f = open_memstream(&text, &size);
        for (int i = 0; i < n; i++) {
                if (f && size < NAMES_MAX)
                        (void) fwrite(names[i]->d_name, 1, strlen(names[i]->d_name) + 1, f);
                free(names[i]);
        }
        free(names);
        if (!f || fclose(f) != 0)
                return -ENOMEM;
        memfd = memfd_new_sealed("lxd-names", text, size);
        return memfd < 0 ? memfd : TAKE_FD(memfd);
}

static int get_symlink(int object) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(object, "", target, sizeof(target));

        return n < 0 ? -errno : memfd_new_sealed("lxd-link", target, (size_t) n);
}

static int get_content(int object, mode_t mode, const char **ret_type) {
        switch (mode & S_IFMT) {
        case S_IFREG:
                *ret_type = "file";
                return get_file(object);
        case S_IFDIR:
                *ret_type = "directory";
                return get_directory(object);
        case S_IFLNK:
                *ret_type = "symlink";
                return get_symlink(object);
        default:
                return -ENXIO;
        }
}

static int run_get(Request *q) {
        _cleanup_close_ int object = -EBADF, content = -EBADF;
        _cleanup_message_ GuestMessage m = {};
        const char *type;
        struct stat st;
        int r;

        object = request_open_object(q, &st);
        r = object < 0 ? object : check_rights(q, &st, S_IROTH);
        if (r < 0)
                return r;
        content = get_content(object, st.st_mode, &type);
        if (content < 0)
                return content;
        r = guest_message_begin(&m, "ok");
        if (r >= 0)
                r = guest_message_add(&m, "type", type);
        if (r >= 0)
                r = guest_message_addf(&m, "uid", "%u", guest_id_from_host(q->idmap, false, st.st_uid));
        if (r >= 0)
                r = guest_message_addf(&m, "gid", "%u", guest_id_from_host(q->idmap, true, st.st_gid));
        if (r >= 0)
                r = guest_message_addf(&m, "mode", "%u", st.st_mode & 07777);
        if (r >= 0)
                r = guest_message_addf(&m, "modified", "%" PRIu64,
                                       (uint64_t) st.st_mtim.tv_sec * 1000000 + (uint64_t) st.st_mtim.tv_nsec / 1000);
        if (r >= 0)
                r = guest_message_add_fd(&m, content);
        return r < 0 ? r : guest_message_send(REQUEST_FD, &m);
}

static int get_id(const Request *q, const char *key, bool gid, uint32_t *ret) {
        uint64_t id = 0;
        int r;

        r = guest_message_get_u64(&q->m, key, &id);
        if (r < 0 && r != -ENOENT)
                return -ERANGE;
        return id > UINT32_MAX ? -ERANGE : guest_id_to_host(q->idmap, gid, (uint32_t) id, ret);
}

static int get_mode(const Request *q, mode_t fallback, mode_t *ret) {
        uint64_t mode;
        int r = guest_message_get_u64(&q->m, "mode", &mode);

        if (r == -ENOENT)
                mode = fallback;
        else if (r < 0 || mode > 07777)
                return -EINVAL;
        *ret = (mode_t) mode;
        return 0;
}

/* New things belong to whom the request says from the moment they exist. On an idmapped mount root could not even make them. */
static int become_owner(const Request *q) {
        uint32_t uid, gid;
        int r;

        r = get_id(q, "uid", false, &uid);
        if (r >= 0)
                r = get_id(q, "gid", true, &gid);
        if (r < 0)
                return r;
        (void) setfsgid(gid);
        (void) setfsuid(uid);
        return capabilities_raise();
}

/* Only regular files: a FIFO would block, a device do anything. */
static int put_open_existing(const Request *q, int file, bool append) {
        struct stat st;
        int r;

        if (fstat(file, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
        r = check_rights(q, &st, S_IWOTH);
        return r < 0 ? r : reopen(file, O_WRONLY | O_NONBLOCK | (append ? O_APPEND : O_TRUNC));
}

/* In the very folder whose rights were looked at: a path could be another by now. */
static int put_make(const Request *q, mode_t mode) {
        _cleanup_close_ int fd = -EBADF;
        struct stat parent;
        int r;

        r = check_parent(q, &parent);
        if (r < 0)
                return r;
        fd = openat(q->parent, q->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode & 0777);
        if (fd < 0 || fchmod(fd, mode) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* The file to write, made if it is not there, at the end of all links. */
static int put_open(Request *q, bool append, bool *ret_made) {
        mode_t mode = 0;
        int r;

        r = get_mode(q, 0644, &mode);
        for (unsigned links = 0; r >= 0 && links < LINKS_MAX; links++) {
                _cleanup_close_ int existing = open_resolve(q->root, q->path, O_PATH, 0, RESOLVE_FLAGS);

                if (existing >= 0)
                        return put_open_existing(q, existing, append);
                r = existing == -ENOENT ? put_make(q, mode) : existing;
                if (r >= 0)
                        *ret_made = true;
                if (r != -EEXIST)
                        return r;
                r = request_follow(q);
        }
        return r < 0 ? r : -ELOOP;
}

static int put_file(Request *q) {
        _cleanup_close_ int content = guest_message_take_fd(&q->m, 1), fd = -EBADF;
        bool made = false;
        int r = 0;

        fd = put_open(q, guest_message_get(&q->m, "append"), &made);
        if (fd < 0)
                return fd;
        (void) fd_set_nonblock(fd, false);
        if (content >= 0) {
                (void) fd_set_nonblock(content, false);
                r = fd_copy(content, fd, UINT64_MAX, NULL);
        }
        if (r < 0 && made)
                (void) unlinkat(q->parent, q->base, 0);
        return r;
}

static int put_directory(Request *q) {
        _cleanup_close_ int existing = open_resolve(q->root, q->path, O_PATH, 0, RESOLVE_FLAGS), fd = -EBADF;
        struct stat st;
        mode_t mode;
        int r;

        r = get_mode(q, 0750, &mode);
        if (r < 0)
                return r;
        if (existing >= 0)
                return fstat(existing, &st) >= 0 && S_ISDIR(st.st_mode) ? 0 : -EEXIST;
        r = check_parent(q, &st);
        if (r < 0)
                return r;
        if (mkdirat(q->parent, q->base, mode & 0777) < 0)
                return -errno;
        fd = openat(q->parent, q->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 || fchmod(fd, mode) < 0 ? -errno : 0;
}

static int put_symlink(Request *q) {
        _cleanup_close_ int content = guest_message_take_fd(&q->m, 1);
        _cleanup_free_ char *target = NULL;
        struct stat parent;
        size_t n = 0;
        int r;

        if (content < 0 || isempty(q->base))
                return -EINVAL;
        r = check_parent(q, &parent);
        if (r < 0)
                return r;
        (void) fd_set_nonblock(content, false);
        r = fd_read_all(content, PATH_MAX - 1, &target, &n);
        if (r < 0)
                return r;
        if (n == 0 || strlen(target) != n)
                return -EINVAL;
        return symlinkat(target, q->parent, q->base) < 0 ? -errno : 0;
}

static int run_put(Request *q) {
        const char *type = strempty(guest_message_get(&q->m, "type"));
        int r;

        r = become_owner(q);
        if (r < 0)
                return r;
        if (streq(type, "directory"))
                r = put_directory(q);
        else if (streq(type, "symlink"))
                r = put_symlink(q);
        else
                r = put_file(q);
        (void) setfsuid(0);
        (void) setfsgid(0);
        (void) capabilities_raise();
        return r < 0 ? r : guest_message_send_ok(REQUEST_FD, NULL, 0);
}

static int run_delete(Request *q) {
        struct stat parent, st;
        int r;

        if (isempty(q->base))
                return -EBUSY;
        r = check_parent(q, &parent);
        if (r < 0)
                return r;
        if (parent.st_mode & S_ISVTX && !is_of_the_guest(q, &parent) && fstatat(q->parent, q->base, &st, AT_SYMLINK_NOFOLLOW) >= 0 &&
            !is_of_the_guest(q, &st))
                return -EACCES;
        if (unlinkat(q->parent, q->base, 0) < 0) {
                if (errno != EISDIR && errno != EPERM)
                        return -errno;
                if (unlinkat(q->parent, q->base, AT_REMOVEDIR) < 0)
                        return -errno;
        }
        return guest_message_send_ok(REQUEST_FD, NULL, 0);
}

/* Answers one request, whatever it is. 0, or negative: the socket is gone. */
static int serve(Request *q) {
        const char *verb = guest_message_verb(&q->m);
        int r;

        q->root = guest_message_take_fd(&q->m, 0);
        q->path = guest_message_get(&q->m, "path");
        if (q->root < 0 || isempty(q->path))
                return answer_error(LXD_ERROR_INVALID, "Missing path argument");
        r = guest_message_get_all(&q->m, "idmap", &q->idmap);
        if (r >= 0)
                r = request_open_parent(q, q->path);
        if (r >= 0)
                r = streq(verb, "get")      ? run_get(q)
                    : streq(verb, "put")    ? run_put(q)
                    : streq(verb, "delete") ? run_delete(q)
                                            : -EOPNOTSUPP;
        return r < 0 ? answer_errno(q, r) : 0;
}

int main(void) {
        (void) umask(0);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        for (;;) {
                _cleanup_(request_done) Request q = { .root = -EBADF, .parent = -EBADF };
                int r;

                r = guest_message_receive(REQUEST_FD, &q.m);
                crash_point("file-request");
                if (r > 0)
                        r = serve(&q);
                else if (r == -EBADMSG)
                        r = answer_error(LXD_ERROR_INVALID, "The file worker cannot read this request");
                else
                        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
                crash_point("file-served");
                if (r < 0)
                        return EXIT_FAILURE;
        }
}
