/* SPDX-License-Identifier: Apache-2.0 */
/* Unix sockets: by path, and with descriptors in their packets. Needs libc only. */
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SOCKET_FDS_MAX 16 /* in one packet */

/* A socket of a type (SOCK_SEQPACKET | SOCK_NONBLOCK and the like; it is close-on-exec) that is connected to a path, or that listens at
 * it, in the place of what was there. The descriptor, -ENAMETOOLONG, -errno. */
int socket_connect(const char *path, int type);
int socket_listen(const char *path, int type, int backlog);

/* Sends one packet and copies of descriptors; flags as of sendmsg(), without SIGPIPE. 0, -E2BIG, -errno. */
int socket_send_fds(int sock, const void *data, size_t n, const int *fds, size_t n_fds, int flags);

/* Receives one packet and the descriptors in it; flags as of recvmsg(). *n_fds is the room in fds (at most SOCKET_FDS_MAX), then how many
 * came. Bytes, 0 at the end, -EBADMSG when packet or descriptors are more than there is room for (none is left open), -errno. */
ssize_t socket_receive_fds(int sock, void *data, size_t max, int *fds, size_t *n_fds, int flags);
