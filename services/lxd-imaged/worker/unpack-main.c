/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-unpack-worker: one connection, one job. Started by lxd-unpack.socket for lxd-storaged. */

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "base/cleanup.h"
#include "base/socket.h"
#include "bus-error.h"
#include "crash.h"
#include "log.h"
#include "worker/confine.h"
#include "worker/unpack.h"

#define PACKET_MAX 4096U
#define JOB_FDS 4U

typedef struct Request {
        char format[64];
        int fds[JOB_FDS]; /* metadata archive, rootfs archive, target, records */
} Request;

static int send_text(int fd, const char *text) {
        return send(fd, text, MIN(strlen(text), (size_t) PACKET_MAX), MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void on_progress(unsigned percent, void *userdata) {
        char text[32];

        (void) snprintf(text, sizeof(text), "progress %u", percent);
        (void) send_text(*(int *) userdata, text); /* a caller who is gone: the next start of storaged cleans up */
}

static int receive_request(int fd, Request *q) {
        size_t n_fds = JOB_FDS;
        ssize_t n = socket_receive_fds(fd, q->format, sizeof(q->format) - 1, q->fds, &n_fds, MSG_CMSG_CLOEXEC);

        if (n < 0)
                return (int) n;
        if (n == 0 || n_fds != JOB_FDS)
                return -EBADMSG;
        q->format[n] = '\0';
        return 0;
}

static int check_fds(const Request *q, sd_bus_error *error) {
        for (unsigned i = 0; i < JOB_FDS; i++) {
                mode_t wanted = i == 2 ? S_IFDIR : S_IFREG;
                struct stat st;

                if (fstat(q->fds[i], &st) < 0 || (st.st_mode & S_IFMT) != wanted)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Descriptor %u of an unpack job is not a %s", i, i == 2 ? "folder" : "regular file");
        }
        return 0;
}

static int run_job(int connection, const Request *q, sd_bus_error *error) {
        UnpackJob job = {
                .format = q->format,
                .metadata_fd = q->fds[0],
                .rootfs_fd = q->fds[1],
                .target_fd = q->fds[2],
                .progress = on_progress,
                .userdata = &connection,
                .fork = true,
        };
        _cleanup_fclose_ FILE *records = NULL;
        UnpackNotes notes;
        int r = check_fds(q, error);

        if (r < 0)
                return r;
        r = confine_writes(job.target_fd);
        if (r == -EOPNOTSUPP)
                log_debug("This kernel has no landlock: only the rights of its user confine this process.");
        else if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to confine the unpack worker: %s", strerror(-r));
        job.records = records = fdopen(q->fds[3], "w");
        if (!records)
                return -errno;
        r = unpack_image(&job, &notes, error);
        if (r < 0)
                return r;
        if (fflush(records) != 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to write down the owners and attributes of the image: %s", strerror(errno));
        if (notes.devices > 0)
                log_info("Left out %" PRIu64 " device nodes of the image: containers get theirs when they start.", notes.devices);
        if (notes.xattrs > 0)
                log_info("Left out %" PRIu64 " extended attributes of the image that it has no business with.", notes.xattrs);
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *text = NULL;
        Request q = {};
        int connection, r;

        log_set_identifier("lxd-unpack");
        (void) setlocale(LC_CTYPE, "C.UTF-8");
        (void) umask(0);
        if (sd_listen_fds(1) != 1) {
                fprintf(stderr, "This program is started by lxd-unpack.socket.\n");
                return EXIT_FAILURE;
        }
        connection = SD_LISTEN_FDS_START;
        (void) fcntl(connection, F_SETFD, FD_CLOEXEC);
        /* The caller takes our user from the kernel's stamp on this packet. */
        r = send_text(connection, "ready");
        r = r < 0 ? r : receive_request(connection, &q);
        if (r < 0) {
                log_error_errno(r, "No proper request came: %m");
                return EXIT_FAILURE;
        }
        crash_point("unpack-begun");
        r = run_job(connection, &q, &error);
        crash_point("unpacked");
        if (r >= 0)
                return send_text(connection, "done") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        bus_error_ensure(&error, r);
        log_error("%s", error.message);
        if (asprintf(&text, "error %s %s", error.name, error.message) < 0)
                text = NULL;
        (void) send_text(connection, text ?: "error " LXD_ERROR_FAILED " Out of memory");
        return EXIT_SUCCESS; /* the job failed, the service did what it is for */
}
