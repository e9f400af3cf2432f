/* SPDX-License-Identifier: Apache-2.0 */
/* The runner process: its guest, its control socket, and the requests it answers in processes of their own. */
#pragma once

#include "guest.h"
#include "guest-message.h"

#define RUNNER_CONNECTIONS_MAX 64 /* that have not sent their request yet, or wait for the guest's end */

typedef struct Connection {
        int fd;
        bool waits_for_end; /* asked to kill the guest: answered when it is gone */
} Connection;

typedef struct Runner Runner;

/* A request that runs in a process of its own: sends its answer on `connection` and returns the exit status. */
typedef int (*request_handler_t)(Runner *r, GuestMessage *m, int connection);

/* One that waits for its turn: changes of the same kind happen in the order in which they were asked for. */
typedef struct Waiting {
        request_handler_t handler;
        GuestMessage message;
        int fd;
} Waiting;

struct Runner {
        Guest guest;
        int listen_fd, signal_fd;
        Connection connections[RUNNER_CONNECTIONS_MAX];
        size_t n_connections;
        pid_t console;           /* the process that holds the console; 0 = none */
        pid_t turn;              /* the process whose turn it is; 0 = none */
        Waiting waiting[RUNNER_CONNECTIONS_MAX];
        size_t n_waiting;
        bool stopping;           /* SIGTERM came */
        bool killed;             /* the guest is to be gone: nothing may keep it frozen */
        uint64_t kill_at;        /* monotonic µs: when the guest is killed if it has not shut down; 0 = never */
};

/* Makes the control socket. 0, -errno. */
int server_listen(Runner *r);
/* Serves until liblxc's monitor has ended (its status is returned in *ret_status). 0, -errno. */
int server_run(Runner *r, int *ret_status);
/* What SIGTERM does: asks the guest to shut down, and sets the time when it is killed. */
void server_stop_guest(Runner *r);

/* Signals of this process as a child needs them: nothing blocked, everything default. */
void child_reset_signals(void);

int request_exec(Runner *r, GuestMessage *m, int connection);          /* session.c */
int request_console(Runner *r, GuestMessage *m, int connection);       /* console.c */
int request_freeze(Runner *r, GuestMessage *m, int connection);        /* request.c */
int request_unfreeze(Runner *r, GuestMessage *m, int connection);
int request_cgroup_set(Runner *r, GuestMessage *m, int connection);
int request_mount_add(Runner *r, GuestMessage *m, int connection);     /* mount.c */
int request_mount_remove(Runner *r, GuestMessage *m, int connection);
int request_device_add(Runner *r, GuestMessage *m, int connection);    /* device.c */
int request_device_remove(Runner *r, GuestMessage *m, int connection);

/* Sends the answer for result r: ok, or an error with the name for r and the text (or strerror(r)). Returns an exit status. */
int request_answer(int connection, int r, const char *format, ...) printf_like(3, 4);
