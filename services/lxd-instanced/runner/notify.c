/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to systemd (sd_notify protocol) and to the journal (its native protocol). */
#include <endian.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"
#include "notify.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

static const char *journal_project, *journal_instance;

static int send_datagram(const char *path, const void *data, size_t n) {
        _cleanup_close_ int fd = -EBADF;
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);

        if ((path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
                return -EINVAL;
        memcpy(address.sun_path, path, strlen(path));
        if (path[0] == '@')
                address.sun_path[0] = '\0';
        else
                length++; /* with its NUL */
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        return sendto(fd, data, n, MSG_NOSIGNAL, (struct sockaddr *) &address, length) < 0 ? -errno : 0;
}

int notify_send(const char *message) {
        const char *path = getenv("NOTIFY_SOCKET");

        return isempty(path) ? 0 : send_datagram(path, message, strlen(message));
}

int notify_sendf(const char *format, ...) {
        _cleanup_free_ char *message = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&message, format, ap);
        va_end(ap);
        return r < 0 ? r : notify_send(message);
}

void journal_set_instance(const char *project, const char *instance) {
        journal_project = project;
        journal_instance = instance;
}

/* "KEY\n<length as 64 bit little endian>value\n": the form that takes any value. */
static void put_field(FILE *f, const char *key, const char *value) {
        uint64_t length = htole64(strlen(value));

        (void) fprintf(f, "%s\n", key);
        (void) fwrite(&length, sizeof(length), 1, f);
        (void) fprintf(f, "%s\n", value);
}

void journal_send(int priority, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *entry = NULL;
        size_t size = 0;
        va_list ap;
        FILE *f;
        int r;

        va_start(ap, format);
        r = str_vformat(&text, format, ap);
        va_end(ap);
        f = r < 0 ? NULL : open_memstream(&entry, &size);
        if (!f)
                return;
        put_field(f, "MESSAGE", text);
        (void) fprintf(f, "PRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n", priority, program_invocation_short_name);
        if (journal_project)
                put_field(f, "LXD_PROJECT", journal_project);
        if (journal_instance)
                put_field(f, "LXD_INSTANCE", journal_instance);
        if (fclose(f) == 0 && send_datagram(JOURNAL_SOCKET, entry, size) >= 0)
                return;
        (void) fprintf(stderr, "<%d>%s\n", priority, text);
}
