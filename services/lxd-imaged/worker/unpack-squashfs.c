/* SPDX-License-Identifier: Apache-2.0 */
/* unsquashfs is written for friendly files: it runs where it can write nowhere else (landlock, see confine.c), and is watched. */

#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "worker/archive.h"
#include "worker/unpack-squashfs.h"

#define UNSQUASHFS "/usr/bin/unsquashfs"
#define POLL_MSEC 100
#define TEXT_MAX 2048U

typedef struct Run {
        const UnpackJob *job;
        UnpackNotes *notes;
        pid_t pid;
        int stderr_fd, io_fd;
        uint64_t image_size;
        unsigned percent;
        bool bomb;
        char line[512];
        size_t n_line;
        char text[TEXT_MAX]; /* what it complained about */
} Run;

/* The fields of the superblock that tell a hostile or truncated file at once. */
static int check_superblock(int fd, uint64_t size, sd_bus_error *error) {
        struct {
                uint32_t magic, inodes;
                uint8_t others[32];
                uint64_t bytes_used;
        } __attribute__((packed)) s;

        if (pread(fd, &s, sizeof(s), 0) != (ssize_t) sizeof(s))
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive is damaged or incomplete: it is shorter than the head of a squashfs");
        if (le64toh(s.bytes_used) > size)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The rootfs archive is damaged or incomplete: the squashfs should have %" PRIu64 " bytes and has %" PRIu64,
                                     le64toh(s.bytes_used), size);
        if (le32toh(s.inodes) > ARCHIVE_ENTRIES_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive has more than %u entries", ARCHIVE_ENTRIES_MAX);
        return 0;
}

static int spawn_unsquashfs(Run *run, int error_fd) {
        char *argv[] = { (char *) UNSQUASHFS, (char *) "-no-progress", (char *) "-quiet", (char *) "-xattrs", (char *) "-data-queue", (char *) "64",
                         (char *) "-frag-queue", (char *) "64", (char *) "-dest", (char *) "rootfs", (char *) "/proc/self/fd/3", NULL };
        char *env[] = { (char *) "PATH=/usr/bin:/bin", (char *) "LC_ALL=C", NULL };
        _cleanup_close_ int image = fcntl(run->job->rootfs_fd, F_DUPFD_CLOEXEC, 16);
        posix_spawn_file_actions_t actions;
        int r;

        if (image < 0)
                return -errno;
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = posix_spawn_file_actions_addfchdir_np(&actions, run->job->target_fd);
        r = r ?: posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        r = r ?: posix_spawn_file_actions_adddup2(&actions, error_fd, STDOUT_FILENO);
        r = r ?: posix_spawn_file_actions_adddup2(&actions, error_fd, STDERR_FILENO);
        r = r ?: posix_spawn_file_actions_adddup2(&actions, image, 3);
        r = r ?: posix_spawn(&run->pid, UNSQUASHFS, &actions, NULL, argv, env);
        posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* Device nodes need a privilege nobody here has, and attributes like security.selinux another; both are left out on purpose. */
static void judge_line(Run *run) {
        run->line[run->n_line] = '\0';
        run->n_line = 0;
        if (strstr(run->line, "failed to create character device") || strstr(run->line, "failed to create block device"))
                run->notes->devices++;
        else if (startswith(run->line, "write_xattr:") && (strstr(run->line, "not permitted") || strstr(run->line, "not supported")))
                run->notes->xattrs++;
        else if (run->line[0]) {
                size_t n = strlen(run->text);

                (void) snprintf(run->text + n, sizeof(run->text) - n, "%s%s", n > 0 ? "; " : "", run->line);
        }
}

/* 1 = more may come, 0 = the end. */
static int read_lines(Run *run) {
        char buffer[4096];
        ssize_t n = read(run->stderr_fd, buffer, sizeof(buffer));

        if (n <= 0)
                return n < 0 && (errno == EINTR || errno == EAGAIN);
        for (ssize_t i = 0; i < n; i++)
                if (buffer[i] == '\n')
                        judge_line(run);
                else if (run->n_line < sizeof(run->line) - 1 && (unsigned char) buffer[i] >= ' ')
                        run->line[run->n_line++] = buffer[i];
        return 1;
}

/* What it has read and written so far: progress, and the brake for a bomb. */
static void watch_io(Run *run) {
        char text[512];
        uint64_t in, out;
        ssize_t n = run->io_fd >= 0 ? pread(run->io_fd, text, sizeof(text) - 1, 0) : -1;

        if (n <= 0)
                return;
        text[n] = '\0';
        if (sscanf(text, "rchar: %" SCNu64 "\nwchar: %" SCNu64, &in, &out) != 2)
                return;
        if (out > ARCHIVE_RATIO_FREE && out / ARCHIVE_RATIO_MAX > run->image_size) {
                run->bomb = true;
                (void) kill(run->pid, SIGKILL);
        }
        unsigned percent = (unsigned) MIN(UINT64_C(100), in * 100 / MAX(UINT64_C(1), run->image_size));
        if (run->job->progress && percent > run->percent) {
                run->percent = percent;
                run->job->progress(percent, run->job->userdata);
        }
}

static int wait_unsquashfs(Run *run, sd_bus_error *error) {
        char path[64];
        int status;

        (void) snprintf(path, sizeof(path), "/proc/%d/io", (int) run->pid);
        run->io_fd = open(path, O_RDONLY | O_CLOEXEC);
        for (;;) {
                int n = poll(&(struct pollfd) { .fd = run->stderr_fd, .events = POLLIN }, 1, POLL_MSEC);

                if (n > 0 && read_lines(run) == 0)
                        break;
                watch_io(run);
        }
        judge_line(run);
        run->io_fd = close_safe(run->io_fd);
        while (waitpid(run->pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;

        if (run->bomb)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "The rootfs archive grows to more than %d times its size when it is decompressed; this is refused as a compression bomb",
                                     ARCHIVE_RATIO_MAX);
        if (strstr(run->text, "No space left") || strstr(run->text, "quota exceeded"))
                return bus_error_set(error, bus_error_from_errno(-ENOSPC), "Not enough space to unpack the image: %s", run->text);
        if (WIFSIGNALED(status))
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive is damaged: unsquashfs was killed by signal %d (%s)", WTERMSIG(status),
                                     strsignal(WTERMSIG(status)));
        /* 2: it went on after errors. Those that are expected have been taken out of the text. */
        if (WEXITSTATUS(status) == 0 || (WEXITSTATUS(status) == 2 && !run->text[0]))
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive is damaged or incomplete: unsquashfs: %s", run->text[0] ? run->text : "failed");
}

int unpack_squashfs(const UnpackJob *job, UnpackNotes *notes, sd_bus_error *error) {
        Run run = { .job = job, .notes = notes, .io_fd = -EBADF };
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        struct stat st;
        int pair[2], r;

        if (fstat(job->rootfs_fd, &st) < 0)
                return -errno;
        run.image_size = (uint64_t) st.st_size;
        r = check_superblock(job->rootfs_fd, run.image_size, error);
        if (r < 0)
                return r;
        if (pipe2(pair, O_CLOEXEC) < 0)
                return -errno;
        run.stderr_fd = ours = pair[0];
        theirs = pair[1];
        r = spawn_unsquashfs(&run, theirs);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_FAILED, "The program %s is missing; install the package squashfs-tools", UNSQUASHFS);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to start %s: %s", UNSQUASHFS, strerror(-r));
        theirs = close_safe(theirs);
        r = wait_unsquashfs(&run, error);
        if (r < 0)
                return r;
        if (fstatat(job->target_fd, "rootfs", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
                return bus_error_set(error, LXD_ERROR_INVALID, "rootfs of the image is not a directory");
        return 0;
}
