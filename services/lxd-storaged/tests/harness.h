/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the real lxd-storaged: a process on a scratch directory that can be killed at chosen points, with stand-ins for lxd-imaged,
 * lxd-instanced and the unpacker. */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "base/str.h"

typedef struct Harness {
        char *dir; /* LXD_DIR is <dir>/lxd */
        int listen_fd;
        pid_t daemon;
        pid_t peers;
        pid_t unpacker;
        sd_bus *bus;
        sd_bus_error error;    /* of the last call */
        sd_bus_message *reply; /* of the last call that worked */
        bool btrfs;            /* this machine can make loop pools */
} Harness;

int harness_setup(void **state);
int harness_teardown(void **state);
/* (Re)starts the daemon; crash_at: where it or its worker kills itself, NULL = nowhere. */
void harness_start(Harness *h, const char *crash_at);
/* Waits until the daemon has died by itself, or kills it. */
void harness_wait_crash(Harness *h);
void harness_kill(Harness *h);

/* Calls a method; paths and interfaces are given without their common beginnings ("/pool/p", "Pool"). 0, or the negative errno of
 * the error, kept in h->error. */
int harness_call(Harness *h, const char *path, const char *interface, const char *member, const char *types, ...);
/* The same for a method that gives an operation, and waits for its end: the operation's result, its error text in h->error. */
int harness_operation(Harness *h, const char *path, const char *interface, const char *member, const char *types, ...);
/* The document that the last reply begins with, as text. The caller frees. */
char *harness_document(Harness *h);
/* Asserts that the last error has this name (without prefix) and that its text contains the other. */
void assert_harness_error(Harness *h, const char *name, const char *text);

/* A path below LXD_DIR, from a ring of buffers. */
const char *harness_path(Harness *h, const char *format, ...) printf_like(2, 3);
bool harness_exists(Harness *h, const char *format, ...) printf_like(2, 3);
/* Writes a small file below dir that steers the stand-ins: "used-volume", "used-pool" (lines "key url"), "unpack-mode" (ok, error, close),
 * "device" ("pool/name" that a device names, which follows its volume). */
void harness_steer(Harness *h, const char *name, const char *text);
/* Asserts that the device names this. */
void assert_harness_device(Harness *h, const char *volume);
/* How many times the unpacker was asked. */
unsigned harness_unpacks(Harness *h);
