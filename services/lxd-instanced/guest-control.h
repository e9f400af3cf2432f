/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of a running container: what its runner (lxd-container@<id>.service) can be asked to do, and what the runner
 * leaves in /run/lxd/instances/<id>/. Nothing here blocks; the answer of each call comes by callback. */
#pragma once

#include <sys/types.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/str.h"
#include "guest-state.h" /* what the runner wrote about itself and its guest: plain reads of small files in /run */

/*
 * What lxd-instanced and the runner have agreed on
 *
 * 1. instanced starts lxd-container@<id>.service. The runner calls PrepareGuest(id). The answer:
 *      name        the name for liblxc (and of its cgroups and command socket): [a-zA-Z0-9_.-], unique on the host
 *      lxc_config  pairs, handed to liblxc in this order. instanced decides everything, except what only the runner
 *                  knows: it sets lxc.cgroup.relative/dir.*, lxc.log.level/file and lxc.hook.version itself, last, and adds
 *                  lxc.hook.start-host and lxc.hook.post-stop. To have an idmapped root: lxc.idmap lines, and "lxc.rootfs.options" with
 *                  "idmap=container" (guest_idmap_probe() below says whether the file system can).
 *      options     title             "default/c1": for STATUS= and the journal
 *                  project, instance  for journal fields
 *                  log_file          where liblxc logs (warnings and errors); default lxc.log in the run directory
 *                  shutdown_timeout  seconds that the guest has to shut down cleanly on SIGTERM (systemctl stop, host
 *                                    shutdown) before it is killed; default 30 (boot.host_shutdown_timeout)
 *                  modules           of linux.kernel_modules, to be loaded before the guest starts
 *                  "bind PATH", "rbind PATH"  source of a disk, to be mounted on PATH in /var/lib/lxd/devices/<id>/ until
 *                                    GuestStarted was answered (lxd-instanced has a mount namespace of its own)
 *    An error of PrepareGuest is known to instanced already; the runner repeats its text as the reason of the failure.
 * 2. When the guest's namespaces are there, before its init runs, the runner's side calls ConnectGuest(id, network namespace):
 *    the interfaces are made there, not made on the host and moved. An error fails the start, with its text as the reason.
 * 3. When the guest's init runs, the runner calls GuestStarted(id, init pid), then READY=1: the start job of the unit is done
 *    only after GuestStarted was answered.
 * 4. When the guest ends (or never came up), ExecStopPost= calls GuestStopped(id, reason), at least once, also after kill -9 of
 *    the runner. All processes of the guest are gone by then. reason is one of
 *      "shutdown"      the guest powered off, or was stopped or killed through the control socket or by SIGTERM
 *      "reboot"        the guest asked for a reboot: instanced starts the unit again
 *      "crash"         runner or liblxc's monitor died
 *      "failed: TEXT"  it never ran; TEXT is for the user (liblxc's own last error, or that of PrepareGuest)
 *    The start job of a failed start ends after GuestStopped was answered, so keep TEXT for the job's callback.
 * 5. `systemctl stop` of the unit is a clean shutdown with shutdown_timeout and then a kill; guest_shutdown() is only the request
 *    (the caller waits for the unit, or guest_call_free()s and gives up); guest_kill() is `lxc stop --force`.
 * 6. A guest that was frozen is thawed by kill and by SIGTERM; the caller need not do it.
 */

/* One call that is under way. Freeing it forgets the call: the callback is not called any more; the runner still does
 * what it was asked to. The call frees itself after the callback has returned. */
typedef struct GuestCall GuestCall;
GuestCall *guest_call_free(GuestCall *c); /* accepts NULL; returns NULL */

/* The answer: r 0, or negative errno with e set to text for the user. fds are the callback's to close (TAKE them). */
typedef void (*guest_reply_t)(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata);

/* All calls: 0 and *ret_call (may be NULL when nobody will cancel), or negative errno with error set and the callback never called:
 * -EHOSTDOWN (there is no runner: the guest does not run), -ENOMEM, -EINVAL. Descriptors given are duplicated by the
 * kernel on the way: the caller keeps and closes its own. */

/* Liveness: answers once the runner's loop does. */
int guest_ping(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call, sd_bus_error *error);
/* Sends the halt signal (lxc.signal.halt, default SIGPWR) to the guest's init, as soon as that listens to it; answers at once. */
int guest_shutdown(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call, sd_bus_error *error);
/* Kills the guest at once; answers when its processes are gone (GuestStopped follows). */
int guest_kill(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call, sd_bus_error *error);
/* Answer when the cgroup is frozen / thawed. Already so = success. */
int guest_freeze(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call, sd_bus_error *error);
int guest_unfreeze(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret_call, sd_bus_error *error);
/* Writes one cgroup file of the payload, named as the kernel names it ("memory.limit_in_bytes" on v1, "memory.max" on v2;
 * guest_cgroup_version()). -EOPNOTSUPP when that controller is not there, -EINVAL when the kernel refuses the value. */
int guest_cgroup_set(sd_event *event, uint64_t id, const char *file, const char *value, guest_reply_t callback, void *userdata,
                     GuestCall **ret_call, sd_bus_error *error);

typedef enum GuestExecFlags {
        GUEST_EXEC_INTERACTIVE = 1 << 0, /* a pty of the guest's own devpts; stdio[] is ignored */
        GUEST_EXEC_PIPES = 1 << 1,       /* three pipes are made; stdio[] is ignored */
        GUEST_EXEC_HOLD = 1 << 2,        /* the command runs once the control socket says "start"; if it is closed before, never */
} GuestExecFlags;

typedef struct GuestExec {
        char *const *argv;      /* at least one; argv[0] is looked up in PATH of env */
        char *const *env;       /* "K=V": environment.* of the expanded config, then the request's, which win. The runner adds what is
                                 * missing of PATH, LANG=C.UTF-8 and, for uid 0, HOME=/root, USER=root; TERM is the caller's. */
        const char *cwd;        /* NULL or "": HOME of env (/root), and / if that is not there */
        uid_t uid;              /* inside the guest */
        gid_t gid;
        unsigned width, height; /* columns and rows of the pty, 0 = leave */
        int stdio[3];           /* without a flag: what the command gets as 0, 1, 2; negative = /dev/null */
        GuestExecFlags flags;
} GuestExec;

/* Starts a command. fds of the answer: interactive: pty, control; pipes: stdin, stdout, stderr, control; else: control. They are just
 * what Instance.Exec returns; the control socket speaks "Control socket" of docs/bus.md and is connected to the session itself: neither
 * instanced nor the runner are needed any more. A command that cannot be run is no error here but "exit 127" (not found)
 * or "exit 126" (not executable). -EBUSY when the guest is frozen. */
int guest_exec(sd_event *event, uint64_t id, const GuestExec *exec, guest_reply_t callback, void *userdata, GuestCall **ret_call,
               sd_bus_error *error);

/* Opens the console: fds pty, control. A second opener takes over (LXD: one at a time): the first sees EOF on its control.
 * Closing control ends it. */
int guest_console(sd_event *event, uint64_t id, unsigned width, unsigned height, guest_reply_t callback, void *userdata,
                  GuestCall **ret_call, sd_bus_error *error);

typedef enum GuestMountFlags {
        GUEST_MOUNT_READONLY = 1 << 0,
        GUEST_MOUNT_RECURSIVE = 1 << 1, /* with the mounts below source */
        GUEST_MOUNT_SHIFT = 1 << 2,     /* idmapped to the guest's id map (disk `shift`) */
        GUEST_MOUNT_OPTIONAL = 1 << 3,  /* `required: false`: a missing source is success */
} GuestMountFlags;

typedef struct GuestMount {
        int source_fd;           /* O_PATH directory or file on the host; or negative: `source` */
        const char *source;      /* path on the host */
        const char *target;      /* absolute path in the guest; missing parts are made (owner root of the guest) */
        const char *propagation; /* NULL, or private, shared, slave, unbindable, rprivate, ... */
        GuestMountFlags flags;
} GuestMount;

/* Hot-plugs a disk: mounts it at target in the guest's mount namespace, never outside of its root, whatever links are
 * in the way. -EOPNOTSUPP with the reason when the file system of source cannot be idmapped. */
int guest_mount_add(sd_event *event, uint64_t id, const GuestMount *mount, guest_reply_t callback, void *userdata,
                    GuestCall **ret_call, sd_bus_error *error);
/* Lazily unmounts target. Not mounted = success. */
int guest_mount_remove(sd_event *event, uint64_t id, const char *target, guest_reply_t callback, void *userdata,
                       GuestCall **ret_call, sd_bus_error *error);

typedef struct GuestDevice {
        const char *path;    /* absolute, in the guest */
        dev_t device;        /* makedev(major, minor) */
        mode_t mode;         /* S_IFCHR or S_IFBLK, and the permission bits */
        uid_t uid;           /* inside the guest */
        gid_t gid;
        bool shared;         /* removing: the guest has the device under another name, too, and goes on using it there */
} GuestDevice;

/* Makes a device node (in an unprivileged guest: a bind mount of a node made on the host) and allows it in the devices cgroup. */
int guest_device_add(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata,
                     GuestCall **ret_call, sd_bus_error *error);
int guest_device_remove(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata,
                        GuestCall **ret_call, sd_bus_error *error);

/* Whether mounts of the file system that holds path can be idmapped (one probe per mount, remembered). 1, 0, -errno. Takes
 * a fork and up to 1 ms the first time. */
int guest_idmap_probe(const char *path);
