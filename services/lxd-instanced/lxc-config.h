/* SPDX-License-Identifier: Apache-2.0 */
/* The complete liblxc configuration of a guest, built from plain data: no file, no bus, no clock. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "cgroup-limits.h"
#include "idmap.h"

typedef struct LxcPair {
        char *key, *value;
} LxcPair;

typedef struct LxcConfig {
        LxcPair *pairs; /* in liblxc's order */
        size_t n;
} LxcConfig;

void lxc_config_done(LxcConfig *c);

typedef struct LxcNic {
        const char *link; /* of the host, moved into the guest */
        const char *name; /* inside */
} LxcNic;

typedef struct LxcMount {
        const char *source, *target; /* absolute, on the host and in the guest */
        const char *propagation;     /* NULL = private */
        bool directory, readonly, recursive, optional, shift;
} LxcMount;

typedef struct LxcDevice {
        const char *node;   /* the node made for the guest on the host */
        const char *target; /* in the guest */
        unsigned major, minor;
        bool block;
} LxcDevice;

typedef struct LxcSpec {
        const char *hostname;
        const char *rootfs;       /* directory */
        const char *architecture; /* NULL = native */
        const char *log_dir;
        const char *seccomp;      /* profile file; NULL = none */
        const char *devlxd;       /* directory of the guest socket; NULL = not offered */
        bool (*exists)(const char *path); /* on the host, for the usual binds of /dev and /sys; NULL = yes */
        const char *apparmor;     /* "generated", "unconfined"; NULL = the kernel has none */
        bool privileged, nesting, readonly;
        bool idmapped;            /* the root is idmapped at mount time */
        bool device_cgroup;       /* restrict devices (not possible inside a user namespace) */
        bool cgroup_namespace;    /* the kernel has them: the guest mounts its own */
        const Idmap *idmap;       /* NULL when privileged */
        const Config *config;     /* expanded */
        LimitsHost limits;
        const LxcNic *nics;       /* that liblxc moves; lxd-netd makes the others in the guest */
        size_t n_nics;
        const LxcMount *mounts;
        size_t n_mounts;
        const LxcDevice *devices;
        size_t n_devices;
} LxcSpec;

/* 0; -EINVAL with error set when a value cannot be written (line breaks), -ENOMEM. */
/* Every guest may use this device, whatever its configuration says. */
bool lxc_device_is_common(bool block, unsigned major, unsigned minor);
int lxc_config_build(const LxcSpec *s, LxcConfig *ret, sd_bus_error *error);
/* One pair per line, as in lxc.conf: for the log folder and golden files. 0, -ENOMEM. */
int lxc_config_to_text(const LxcConfig *c, char **ret);

/* The seccomp policy for an expanded configuration; *ret NULL = none wanted. 0, -ENOMEM. */
int seccomp_build(const Config *config, char **ret);
/* A path as liblxc reads it in a mount entry: octal escapes for blanks and backslashes. 0, -ENOMEM. */
int mount_escape(const char *path, char **ret);
