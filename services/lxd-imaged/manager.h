/* SPDX-License-Identifier: Apache-2.0 */
/* The process: database, store folder, running jobs. */
#pragma once

#include "bus-peer.h"
#include "daemon.h"
#include "image-db.h"

#define IMAGE_ROOT "/org/lxd/image1"
#define IMAGE_PREFIX IMAGE_ROOT "/image"
#define ALIAS_PREFIX IMAGE_ROOT "/alias"
#define IMAGE_BUS LXD_BUS_PREFIX ".image1"

#define MANAGER_RECENT 4U /* objects found by path that may be in use at the same time by one bus message */

typedef struct ImportJob ImportJob;
typedef struct DeleteJob DeleteJob;
typedef struct Secret Secret;

typedef struct ImageObject ImageObject;
typedef struct AliasObject AliasObject;

typedef struct Manager {
        Daemon *daemon; /* NULL in tests */
        sd_event *event;
        BusServer *server;
        Operations *operations;
        Db *db;
        int images_fd; /* the store's folder */
        BusPeer *storaged;
        ImportJob *imports;
        DeleteJob *deletes;
        Secret *secrets;
        ImageObject *recent_images[MANAGER_RECENT];
        AliasObject *recent_aliases[MANAGER_RECENT];
        unsigned next_image, next_alias;
} Manager;

struct ImageObject {
        Manager *manager;
        ImageRecord record;
};

struct AliasObject {
        Manager *manager;
        AliasRecord record;
};

/* Opens database and folder. 0, -errno (logged). */
int manager_open(Manager *m, const char *db_path, const char *images_dir);
/* Puts it on an event loop and a bus. daemon may be NULL. 0, -errno. */
int manager_attach(Manager *m, Daemon *daemon, sd_event *event, BusServer *server, Operations *operations);
/* Undoes what a killed daemon left: pending images, interrupted deletions, files without a row, rows without files. Deletions go on in the background. */
int manager_recover(Manager *m);
void manager_done(Manager *m);
/* Keep the process alive while a job runs that is no operation. */
void manager_hold(Manager *m);
void manager_release(Manager *m);

/* The tables for DaemonSpec: end with a zeroed one. */
extern const BusInterface imaged_interfaces[];
extern const struct BusEnumerator imaged_enumerators[];

/* Lifecycle signals: action "image-created", "image-alias-renamed", ...; with one context item, unless key is NULL. Failures are logged. */
void manager_image_event(Manager *m, const char *project, const char *action, const char *fingerprint, const char *key, const char *value, const Requestor *who,
                         Operation *op);
void manager_alias_event(Manager *m, const char *project, const char *action, const char *name, const char *key, const char *value, const Requestor *who);
/* ObjectManager and property signals for one image or alias; names ends with NULL. */
void manager_image_appeared(Manager *m, const char *project, const char *fingerprint);
void manager_image_vanished(Manager *m, const char *project, const char *fingerprint);
void manager_image_changed(Manager *m, const char *project, const char *fingerprint, char **names);
typedef enum AliasSignal {
        ALIAS_APPEARED,
        ALIAS_VANISHED,
        ALIAS_CHANGED,
} AliasSignal;
void manager_alias_signal(Manager *m, AliasSignal what, const char *project, const char *name);

/* Errors of lookups in LXD's words: -ENOENT "Image not found", -ENOTUNIQ "More than one image matches". Returns a negative errno. */
int image_lookup_error(int r, sd_bus_error *error);
