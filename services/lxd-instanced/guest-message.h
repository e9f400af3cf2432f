/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between the daemon, the runner and the file and template workers: a verb, fields and descriptors in one packet
 * of a SOCK_SEQPACKET socket. Needs libc only.
 *
 * On the wire: "verb\0key=value\0key=value\0...", so a value is any C string (arguments and variables with line breaks
 * need no quoting) and keys may repeat. What does not fit one packet goes into a sealed memfd: the packet is then
 * "@memfd\0" and the memfd comes before the other descriptors. */
#pragma once

#include "base/cleanup.h"

#define GUEST_MESSAGE_FDS_MAX 8
#define GUEST_MESSAGE_PACKET_MAX (64U * 1024U)       /* more goes by memfd */
#define GUEST_MESSAGE_MAX (4U * 1024U * 1024U)       /* more is refused with -E2BIG / -EBADMSG */

/* A zeroed one is empty. Owns data and, after guest_message_receive(), the descriptors. */
typedef struct GuestMessage {
        char *data;
        size_t size, allocated;
        int fds[GUEST_MESSAGE_FDS_MAX + 1]; /* the first is the text of a large message, on its way */
        size_t n_fds;
        bool owns_fds; /* received ones; those added for sending are the caller's */
} GuestMessage;

void guest_message_done(GuestMessage *m); /* frees, closes what it owns, leaves it empty */
#define _cleanup_message_ _cleanup_(guest_message_done)

/* Writing: the verb first (replaces what was there), then fields. 0, -ENOMEM, -E2BIG, -EINVAL (a key that is empty or holds '='). */
int guest_message_begin(GuestMessage *m, const char *verb);
int guest_message_add(GuestMessage *m, const char *key, const char *value);
int guest_message_addf(GuestMessage *m, const char *key, const char *format, ...) printf_like(3, 4);
int guest_message_add_all(GuestMessage *m, const char *key, char *const *values); /* one field per value */
int guest_message_add_fd(GuestMessage *m, int fd); /* -E2BIG: too many */

/* Reading. The strings live as long as the message. */
const char *guest_message_verb(const GuestMessage *m);
const char *guest_message_get(const GuestMessage *m, const char *key); /* the first; NULL = none */
/* Decimal numbers: 0; -ENOENT no such field, -EINVAL, -ERANGE. */
int guest_message_get_u64(const GuestMessage *m, const char *key, uint64_t *ret);
int guest_message_get_i64(const GuestMessage *m, const char *key, int64_t *ret);
/* The fields one after the other: start with *position = 0; true and *ret_key (not NUL-terminated: its length in *ret_n), *ret_value. */
bool guest_message_next(const GuestMessage *m, size_t *position, const char **ret_key, size_t *ret_n, const char **ret_value);
/* All values of key as fresh NULL-terminated vector of pointers into the message (free() it). 0, -ENOMEM. */
int guest_message_get_all(const GuestMessage *m, const char *key, char ***ret);
/* The i-th descriptor, the caller's from now on; -EBADF if there is none. */
int guest_message_take_fd(GuestMessage *m, size_t i);

/* Takes n bytes as they came (copies). 0, -EBADMSG: not of the form above, -ENOMEM. */
int guest_message_parse(GuestMessage *m, const void *data, size_t n);

/* 0, -errno (-EAGAIN: a nonblocking socket is full). Never raises SIGPIPE. */
int guest_message_send(int sock, const GuestMessage *m);
/* Receives one packet into an empty message; descriptors get O_CLOEXEC. 1; 0 at the end (peer closed); -EBADMSG, -errno (-EAGAIN: nothing there). */
int guest_message_receive(int sock, GuestMessage *m);

/* The two answers: "ok", and "error" with the bus error's name and its text. */
int guest_message_send_ok(int sock, const int *fds, size_t n_fds);
int guest_message_send_error(int sock, const char *name, const char *text);
