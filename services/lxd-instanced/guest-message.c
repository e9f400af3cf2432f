/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the daemon, the runner and the workers: building, checking, sending and receiving. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/socket.h"
#include "base/str.h"
#include "guest-message.h"

#define MEMFD_VERB "@memfd"

void guest_message_done(GuestMessage *m) {
        if (m->owns_fds)
                for (size_t i = 0; i < m->n_fds; i++)
                        closep(&m->fds[i]);
        free(m->data);
        *m = (GuestMessage) {};
}

static int message_append(GuestMessage *m, const void *data, size_t n) {
        if (n > GUEST_MESSAGE_MAX - m->size)
                return -E2BIG;
        if (m->size + n > m->allocated) {
                size_t want = MAX(m->allocated * 2, m->size + n + 256);
                char *p = realloc(m->data, want);

                if (!p)
                        return -ENOMEM;
                m->data = p;
                m->allocated = want;
        }
        memcpy(m->data + m->size, data, n);
        m->size += n;
        return 0;
}

int guest_message_begin(GuestMessage *m, const char *verb) {
        guest_message_done(m);
        return message_append(m, verb, strlen(verb) + 1);
}

int guest_message_add(GuestMessage *m, const char *key, const char *value) {
        size_t size = m->size;
        int r;

        if (isempty(key) || strchr(key, '='))
                return -EINVAL;
        r = message_append(m, key, strlen(key));
        if (r >= 0)
                r = message_append(m, "=", 1);
        if (r >= 0)
                r = message_append(m, value, strlen(value) + 1);
        if (r < 0)
                m->size = size; /* never leave half a field */
        return r;
}

int guest_message_addf(GuestMessage *m, const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&value, format, ap);
        va_end(ap);
        return r < 0 ? r : guest_message_add(m, key, value);
}

int guest_message_add_all(GuestMessage *m, const char *key, char *const *values) {
        STRV_FOREACH(v, values) {
                int r = guest_message_add(m, key, *v);

                if (r < 0)
                        return r;
        }
        return 0;
}

int guest_message_add_fd(GuestMessage *m, int fd) {
        if (m->n_fds >= GUEST_MESSAGE_FDS_MAX)
                return -E2BIG;
        m->fds[m->n_fds++] = fd;
        return 0;
}

const char *guest_message_verb(const GuestMessage *m) {
        return m->data ?: "";
}

bool guest_message_next(const GuestMessage *m, size_t *position, const char **ret_key, size_t *ret_n,
                        const char **ret_value) {
        const char *field, *equal;

        if (*position == 0 && m->size > 0)
                *position = strlen(m->data) + 1;
        if (*position >= m->size)
                return false;
        field = m->data + *position;
        equal = strchr(field, '='); /* there is one: guest_message_parse() saw it */
        *position += strlen(field) + 1;
        *ret_key = field;
        *ret_n = (size_t) (equal - field);
        *ret_value = equal + 1;
        return true;
}

static bool message_find(const GuestMessage *m, const char *key, size_t *position, const char **ret_value) {
        const char *k;
        size_t n;

        while (guest_message_next(m, position, &k, &n, ret_value))
                if (n == strlen(key) && memcmp(k, key, n) == 0)
                        return true;
        return false;
}

const char *guest_message_get(const GuestMessage *m, const char *key) {
        size_t position = 0;
        const char *value;

        return message_find(m, key, &position, &value) ? value : NULL;
}

int guest_message_get_u64(const GuestMessage *m, const char *key, uint64_t *ret) {
        const char *value = guest_message_get(m, key);

        return value ? parse_u64(value, ret) : -ENOENT;
}

int guest_message_get_i64(const GuestMessage *m, const char *key, int64_t *ret) {
        const char *value = guest_message_get(m, key);

        return value ? parse_i64(value, ret) : -ENOENT;
}

int guest_message_get_all(const GuestMessage *m, const char *key, char ***ret) {
        _cleanup_free_ char **v = NULL;
        size_t position = 0, n = 0;
        const char *value;

        while (message_find(m, key, &position, &value))
                n++;
        v = calloc(n + 1, sizeof(char *));
        if (!v)
                return -ENOMEM;
        position = 0;
        for (size_t i = 0; i < n && message_find(m, key, &position, &value); i++)
                v[i] = (char *) value;
        *ret = TAKE_PTR(v);
        return 0;
}

int guest_message_take_fd(GuestMessage *m, size_t i) {
        return i < m->n_fds ? TAKE_FD(m->fds[i]) : -EBADF;
}

/* A verb of [a-z0-9-] and fields with a key before the '=', each ended by NUL. */
static bool message_is_valid(const char *data, size_t n) {
        size_t verb;

        if (n < 2 || n > GUEST_MESSAGE_MAX || data[n - 1] != '\0')
                return false;
        verb = strspn(data, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (verb == 0 || data[verb] != '\0')
                return false;
        for (size_t i = verb + 1; i < n; i += strlen(data + i) + 1) {
                const char *equal = strchr(data + i, '=');

                if (!equal || equal == data + i)
                        return false;
        }
        return true;
}

int guest_message_parse(GuestMessage *m, const void *data, size_t n) {
        if (!message_is_valid(data, n))
                return -EBADMSG;
        free(m->data);
        m->data = NULL;
        m->size = m->allocated = 0;
        return message_append(m, data, n);
}

int guest_message_send(int sock, const GuestMessage *m) {
        _cleanup_close_ int memfd = -EBADF;
        int fds[GUEST_MESSAGE_FDS_MAX + 1];

        if (m->size <= GUEST_MESSAGE_PACKET_MAX)
                return socket_send_fds(sock, m->data, m->size, m->fds, m->n_fds, 0);
        memfd = memfd_new_sealed("guest-message", m->data, m->size);
        if (memfd < 0)
                return memfd;
        fds[0] = memfd;
        memcpy(fds + 1, m->fds, m->n_fds * sizeof(int));
        return socket_send_fds(sock, MEMFD_VERB, sizeof(MEMFD_VERB), fds, m->n_fds + 1, 0);
}

/* Reads the memfd that came first. It must be sealed against changes, or the sender could change it under the checks. */
static int message_read_memfd(GuestMessage *m) {
        _cleanup_close_ int fd = guest_message_take_fd(m, 0);
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r;

        if (fd < 0)
                return -EBADMSG;
        r = fcntl(fd, F_GET_SEALS);
        if (r < 0 || !(r & F_SEAL_WRITE) || !(r & F_SEAL_SHRINK) || !(r & F_SEAL_GROW))
                return -EBADMSG;
        memmove(m->fds, m->fds + 1, (m->n_fds - 1) * sizeof(int));
        m->n_fds--;
        r = fd_read_all(fd, GUEST_MESSAGE_MAX, &data, &size);
        if (r < 0)
                return r == -EFBIG ? -EBADMSG : r;
        return guest_message_parse(m, data, size);
}

static int message_receive_packet(int sock, GuestMessage *m, char *buffer, size_t max) {
        size_t n_fds = ELEMENTSOF(m->fds);
        ssize_t n;

        n = socket_receive_fds(sock, buffer, max, m->fds, &n_fds, MSG_CMSG_CLOEXEC);
        if (n < 0)
                return (int) n;
        m->n_fds = n_fds;
        m->owns_fds = true;
        if (n == 0)
                return 0;
        if ((size_t) n == sizeof(MEMFD_VERB) && memcmp(buffer, MEMFD_VERB, sizeof(MEMFD_VERB)) == 0)
                return message_read_memfd(m) ?: 1;
        return guest_message_parse(m, buffer, (size_t) n) ?: 1;
}

int guest_message_receive(int sock, GuestMessage *m) {
        _cleanup_free_ char *buffer = NULL;
        int r;

        /* The memory is touched only as far as the packet reaches. */
        buffer = malloc(GUEST_MESSAGE_PACKET_MAX);
        if (!buffer)
                return -ENOMEM;
        r = message_receive_packet(sock, m, buffer, GUEST_MESSAGE_PACKET_MAX);
        if (r <= 0)
                guest_message_done(m);
        return r;
}

int guest_message_send_ok(int sock, const int *fds, size_t n_fds) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, "ok");
        for (size_t i = 0; r >= 0 && i < n_fds; i++)
                r = guest_message_add_fd(&m, fds[i]);
        return r < 0 ? r : guest_message_send(sock, &m);
}

int guest_message_send_error(int sock, const char *name, const char *text) {
        _cleanup_message_ GuestMessage m = {};
        int r;

        r = guest_message_begin(&m, "error");
        if (r >= 0)
                r = guest_message_add(&m, "name", name);
        if (r >= 0)
                r = guest_message_add(&m, "text", text);
        return r < 0 ? r : guest_message_send(sock, &m);
}
