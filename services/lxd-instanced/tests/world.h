/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended world around lxd-instanced's real vtables: storage that keeps a set of volumes, a network, images, a service manager
 * and runners, all in the test's own loop. */
#pragma once

#include "base/str.h"
#include "fixture.h"
#include "manager.h"

typedef struct World {
        Manager *manager;
        Fixture f;
        char dir[64];       /* temporary folder: database, logs, volumes */
        Strv volumes;       /* "pool/project/name" and ".../name/snapshot" that exist */
        Strv calls;         /* members that the other daemons were called by, in order */
        const char *fail;   /* this member fails next time with "no luck" */
        const char *fail_then; /* and then this one */
        const char *lose;      /* this member does what it does next time, and its daemon dies before it answers */
        const char *during;    /* when this member has been called next time, this happens before its answer: */
        void (*meanwhile)(void);
        uint64_t detach_flags; /* of the last Detach */
        const char *crash_kind, *crash_step; /* the daemon "dies" after this step */
        bool crashed;
        bool deaf;          /* guests do not listen to shutdown requests */
        int64_t no_runner;  /* the next unit fails before its runner asks for anything: priority of that in the loop */
        unsigned n_calls_network_describe;
        sd_bus *peers[3];
} World;

/* The one world there is: the link-time fakes of units and runners need it. */
extern World world;

void world_open(void);
void world_close(void);
/* kill -9 and a new start: memory is gone, database, volumes and guests stay. */
void world_restart(void);
/* Makes the default profile usable: root disk in pool "p", a NIC. */
void world_set_up(void);

/* Calls of tests. All return 0 or the negative errno of the error (in *e when given). For methods that give an operation they wait for
 * its end and return its error. */
int world_create(const char *name, const char *type, sd_bus_error *e);
int world_create_with(const char *name, const char *key, const char *value, bool ephemeral, sd_bus_error *e);
int world_copy(const char *source, const char *name, sd_bus_error *e);
int world_do(const char *name, const char *member, sd_bus_error *e);  /* Start, Freeze, Unfreeze, Delete */
int world_stop(const char *name, const char *member, int timeout, bool force, sd_bus_error *e);
int world_rename(const char *name, const char *new_name, sd_bus_error *e);
int world_snapshot(const char *name, const char *snapshot, sd_bus_error *e);
int world_restore(const char *name, const char *snapshot, sd_bus_error *e);
int world_snapshot_do(const char *name, const char *snapshot, const char *member, const char *argument, sd_bus_error *e);
int world_set(const char *name, const char *key, const char *value, sd_bus_error *e);
/* Waits for the operation in the last reply. */
int world_wait(sd_bus_error *e);
/* Runs the loop until no job is left. */
void world_settle(void);
Instance *world_instance(const char *name);
bool world_has_volume(const char *name);
bool world_called(const char *member);
/* Every complete record has its volume, every volume its complete record. */
void world_assert_consistent(void);
