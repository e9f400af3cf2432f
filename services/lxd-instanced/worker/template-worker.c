/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-template-worker: applies the templates of instances for lxd-instanced, one request after the other on fd 3, until it is closed or
 * one has failed. What strangers wrote (metadata.yaml and the templates) is parsed and rendered by a process without any
 * privilege, another for each request, which asks this process to read templates and to write results; this process looks at
 * none of it and touches nothing outside of the volume. */
#include <fcntl.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "capabilities.h"
#include "crash.h"
#include "guest-ids.h"
#include "guest-message.h"
#include "renderers.h"

#define REQUEST_FD 3
#define METADATA_MAX (1024 * 1024)
#define TEMPLATE_MAX (1024 * 1024)

typedef struct Job {
        GuestMessage request;
        int volume, rootfs;
        char **idmap;
        char *text;     /* of the error */
} Job;

static void job_done(Job *j) {
        guest_message_done(&j->request);
        closep(&j->volume);
        closep(&j->rootfs);
        free(j->idmap);
        free(j->text);
}

static int job_error(Job *j, int r, const char *format, ...) printf_like(3, 4);
static int job_error(Job *j, int r, const char *format, ...) {
        va_list ap;

        if (j->text)
                return r;
        va_start(ap, format);
        (void) str_vformat(&j->text, format, ap);
        va_end(ap);
        return r;
}

/* A regular file below dir, no link on the way, as text. 0, -EBADMSG: holds NUL bytes, -ELOOP, -ENXIO, -errno. */
static int read_below(int dir, const char *path, size_t max, char **ret) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t n;
        int r;

        fd = open_resolve(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
        if (fd < 0)
                return fd;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENXIO;
        r = fd_read_all(fd, max, &text, &n);
        if (r < 0)
                return r;
        if (strlen(text) != n)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

static int answer_read(Job *j, const GuestMessage *m, int sock) {
        _cleanup_close_ int templates = -EBADF;
        _cleanup_message_ GuestMessage answer = {};
        _cleanup_free_ char *text = NULL;
        const char *name = strempty(guest_message_get(m, "name"));
        int r;

        templates = open_resolve(j->volume, "templates", O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        r = templates < 0 ? templates : read_below(templates, name, TEMPLATE_MAX, &text);
        if (r < 0)
                return job_error(j, r, "Failed to read template file \"%s\": %s", name, strerror(-r));
        r = guest_message_begin(&answer, "ok");
        if (r >= 0)
                r = guest_message_add(&answer, "text", text);
        return r < 0 ? r : guest_message_send(sock, &answer);
}

/* The directory of the file; what is missing of it is made. Links in it are followed inside the rootfs. */
static int make_parents(int root, char *path, const char **ret_base) {
        _cleanup_close_ int dir = -EBADF;
        char *slash = strrchr(path, '/'), *position = path, *part;

        *ret_base = slash ? slash + 1 : path;
        if (slash)
                *slash = '\0';
        else
                position = NULL;
        dir = open_resolve(root, ".", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
        for (size_t done = 0; dir >= 0 && position && (part = strsep(&position, "/"));) {
                int fd;

                done = (size_t) (part - path) + strlen(part);
                if (isempty(part)) {
                        if (position)
                                path[done] = '/';
                        continue;
                }
                if (streq(part, ".."))
                        return -EINVAL;
                fd = open_resolve(root, path, O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
                if (fd == -ENOENT && mkdirat(dir, part, 0755) >= 0)
                        fd = open_resolve(dir, part, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
                if (fd < 0)
                        return fd;
                closep(&dir);
                dir = fd;
                if (position)
                        path[done] = '/'; /* strsep() cut it off: the next look is one part longer */
        }
        return dir < 0 ? dir : TAKE_FD(dir);
}

/* A new file takes the place of whatever was there, a link too, in one step: never half written, never written through. */
static int replace_file(int dir, const char *base, const char *text) {
        _cleanup_close_ int fd = -EBADF;
        char name[64];
        int r;

        (void) snprintf(name, sizeof(name), ".lxd-template.%d", (int) getpid());
        (void) unlinkat(dir, name, 0);
        fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        r = fd_write_all(fd, text, strlen(text));
        if (r >= 0 && fchmod(fd, 0644) < 0)
                r = -errno;
        if (r >= 0 && renameat(dir, name, dir, base) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(dir, name, 0);
        return r;
}

static int write_target(Job *j, const GuestMessage *m, const char *path) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int dir = -EBADF;
        const char *base;
        struct stat st;

        if (!copy)
                return -ENOMEM;
        dir = make_parents(j->rootfs, copy, &base);
        if (dir < 0)
                return dir;
        if (isempty(base) || streq(base, ".") || streq(base, ".."))
                return -EISDIR;
        if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
                if (guest_message_get(m, "create_only"))
                        return 0;
                if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
                        return S_ISDIR(st.st_mode) ? -EISDIR : -ENXIO;
        }
        return replace_file(dir, base, strempty(guest_message_get(m, "text")));
}

static int take_write(Job *j, const GuestMessage *m) {
        const char *path = strempty(guest_message_get(m, "path"));
        int r;

        r = write_target(j, m, path);
        if (r < 0)
                return job_error(j, r, "Failed to write \"%s\" from its template: %s", path, strerror(-r));
        return 0;
}

/* Serves the renderer until it is done. */
static int job_serve(Job *j, int sock) {
        for (;;) {
                _cleanup_message_ GuestMessage m = {};
                const char *verb;
                int r;

                r = guest_message_receive(sock, &m);
                if (r <= 0)
                        return job_error(j, r ?: -EPIPE, "The template renderer was killed");
                verb = guest_message_verb(&m);
                if (streq(verb, "ok"))
                        return 0;
                if (streq(verb, "read"))
                        r = answer_read(j, &m, sock);
                else if (streq(verb, "write"))
                        r = take_write(j, &m);
                else
                        r = job_error(j, -EINVAL, "%s", guest_message_get(&m, "text") ?: "The template renderer failed");
                if (r < 0)
                        return r;
        }
}

/* What is made belongs to the instance's root, as on disk. */
static int become_owner(const Job *j) {
        uint32_t uid, gid;
        int r;

        r = guest_id_to_host(j->idmap, false, 0, &uid);
        if (r >= 0)
                r = guest_id_to_host(j->idmap, true, 0, &gid);
        if (r < 0)
                return r;
        (void) setfsgid(gid);
        (void) setfsuid(uid);
        return capabilities_raise();
}

/* What the renderer is to know. */
static int send_request(const Job *j, int sock, const char *metadata) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_send(sock, &j->request);
        if (r >= 0)
                r = guest_message_begin(&m, "metadata");
        if (r >= 0)
                r = guest_message_add(&m, "text", metadata);
        return r < 0 ? r : guest_message_send(sock, &m);
}

static int job_render(Job *j, int control, const char *metadata) {
        _cleanup_close_ int sock = -EBADF;
        int r;

        r = renderer_start(control, &sock);
        if (r < 0)
                return job_error(j, r, "Failed to have a template renderer made: %s", strerror(-r));
        r = send_request(j, sock, metadata);
        if (r >= 0)
                r = job_serve(j, sock);
        renderer_end(control);
        return r;
}

static int job_run(Job *j, int control) {
        _cleanup_free_ char *metadata = NULL;
        int r;

        j->volume = guest_message_take_fd(&j->request, 0);
        j->request.n_fds = 0;
        if (j->volume < 0)
                return -EBADMSG;
        r = guest_message_get_all(&j->request, "idmap", &j->idmap);
        if (r >= 0)
                r = become_owner(j);
        if (r < 0)
                return r;
        r = read_below(j->volume, "metadata.yaml", METADATA_MAX, &metadata);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return job_error(j, r, "Failed to read metadata.yaml of the instance: %s", strerror(-r));
        j->rootfs = open_resolve(j->volume, "rootfs", O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        if (j->rootfs < 0)
                return job_error(j, j->rootfs, "Failed to open the root file system of the instance: %s", strerror(-j->rootfs));
        return job_render(j, control, metadata);
}

int main(void) {
        int control, r;

        (void) umask(0022);
        (void) signal(SIGPIPE, SIG_IGN);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        r = renderers_start(&control);
        while (r >= 0) {
                _cleanup_(job_done) Job j = { .volume = -EBADF, .rootfs = -EBADF };

                if (guest_message_receive(REQUEST_FD, &j.request) <= 0)
                        return EXIT_SUCCESS;
                crash_point("templates-begun");
                r = job_run(&j, control);
                crash_point("templates-done");
                if (r >= 0)
                        r = guest_message_send_ok(REQUEST_FD, NULL, 0);
                else
                        (void) guest_message_send_error(REQUEST_FD, r == -EINVAL || r == -EBADMSG ? LXD_ERROR_INVALID : LXD_ERROR_FAILED,
                                                        j.text ?: strerror(-r));
        }
        return EXIT_FAILURE;
}
