/* SPDX-License-Identifier: Apache-2.0 */
/* The child knows libarchive's filters and no tar, the parent the other way round. */

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "bus-error.h"
#include "image-format.h"
#include "worker/archive.h"
#include "worker/decompress-xz.h"
#include "worker/decompress.h"

#define PIPE_SIZE (1U << 20)
#define ERROR_MAX 4096U

static int decompress_by_libarchive(int fd, int data_fd, const char *what, sd_bus_error *error) {
        _cleanup_(archive_freep) struct archive *a = NULL;
        struct archive_entry *e;
        const void *data;
        int64_t offset;
        size_t n;
        int r = archive_open_compressed(fd, what, &a, error);

        r = r < 0 ? r : archive_next(a, what, &e, error);
        if (r <= 0)
                return r;
        while ((r = archive_read_data_block(a, &data, &n, &offset)) == ARCHIVE_OK) {
                r = archive_check_ratio(a, what, error);
                if (r < 0)
                        return r;
                r = fd_write_all(data_fd, data, n);
                if (r < 0)
                        return r == -EPIPE ? 0 : r; /* the parent has found something wrong */
        }
        return r == ARCHIVE_EOF ? 0 : archive_failed(a, what, error);
}

static int decompress(int fd, int data_fd, const char *what, sd_bus_error *error) {
        return image_format_detect_fd(fd) == IMAGE_FORMAT_TAR_XZ ? decompress_xz(fd, data_fd, what, error)
                                                                 : decompress_by_libarchive(fd, data_fd, what, error);
}

static void report(int error_fd, int r, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;

        bus_error_ensure(error, r);
        if (asprintf(&text, "%s %s", error->name, error->message) >= 0)
                (void) fd_write_all(error_fd, text, MIN(strlen(text), (size_t) ERROR_MAX));
}

static void child(int fd, int data_fd, int error_fd, const char *what) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        (void) signal(SIGPIPE, SIG_IGN);
        r = decompress(fd, data_fd, what, &error);
        if (r < 0)
                report(error_fd, r, &error);
}

int decompressor_start(int fd, const char *what, Decompressor *ret, sd_bus_error *error) {
        int data[2], errors[2];
        pid_t pid;
        int r = archive_check_format(fd, what, error);

        if (r < 0)
                return r;
        if (pipe2(data, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(errors, O_CLOEXEC) < 0) {
                r = -errno;
                (void) close(data[0]);
                (void) close(data[1]);
                return r;
        }
        (void) fcntl(data[1], F_SETPIPE_SZ, PIPE_SIZE);
        pid = fork(); /* this program has no threads */
        if (pid == 0) {
                (void) close(data[0]);
                (void) close(errors[0]);
                child(fd, data[1], errors[1], what);
                _exit(EXIT_SUCCESS);
        }
        r = pid < 0 ? -errno : 0;
        (void) close(data[1]);
        (void) close(errors[1]);
        *ret = (Decompressor) { .pid = MAX(pid, 0), .data_fd = data[0], .error_fd = errors[0] };
        if (r < 0)
                decompressor_done(ret);
        return r;
}

static int drain(int fd) {
        char buffer[16384];

        for (;;) {
                ssize_t n = read(fd, buffer, sizeof(buffer));

                if (n == 0)
                        return 0;
                if (n < 0 && errno != EINTR)
                        return -errno;
        }
}

int decompressor_finish(Decompressor *d, sd_bus_error *error) {
        char text[ERROR_MAX + 1];
        ssize_t n = 0;
        int status, r;

        if (d->pid == 0)
                return 0;
        r = drain(d->data_fd);
        if (r >= 0)
                n = RET_ERRNO(read(d->error_fd, text, ERROR_MAX));
        if (r >= 0 && waitpid(d->pid, &status, 0) == d->pid) {
                d->pid = 0;
                if (n == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS))
                        r = bus_error_set(error, LXD_ERROR_FAILED, "The process that decompresses the image died");
        }
        if (n > 0) {
                char *message;

                text[n] = '\0';
                message = strchr(text, ' ');
                if (message)
                        *message++ = '\0';
                sd_bus_error_free(error);
                r = bus_error_set(error, text, "%s", message ?: "");
        }
        decompressor_done(d);
        return n < 0 ? (int) n : r;
}

void decompressor_done(Decompressor *d) {
        if (d->pid > 0) {
                (void) kill(d->pid, SIGKILL);
                (void) waitpid(d->pid, NULL, 0);
        }
        d->data_fd = close_safe(d->data_fd);
        d->error_fd = close_safe(d->error_fd);
        d->pid = 0;
}
