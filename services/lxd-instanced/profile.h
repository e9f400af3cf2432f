/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles: configuration and devices that many instances share. */
#pragma once

#include "bus-message.h"
#include "json-write.h"

typedef struct Manager Manager;
typedef struct Profile Profile;
typedef struct Job Job;

struct Profile {
        Manager *manager;
        uint64_t id;
        char *project, *name, *description;
        Config config;
        Devices devices;
        unsigned n_coming; /* changes on their way that give it to an instance: as good as used */
};

Profile *profile_free(Profile *p);
DEFINE_CLEANUP(Profile, profile_free)

/* NULL when there is none. */
Profile *profile_find(Manager *m, const char *project, const char *name);
/* All names to profiles. 0; -ENOENT with error set ("Profile not found", naming it), -EINVAL for duplicates, -ENOMEM. */
int profiles_resolve(Manager *m, const char *project, char *const *names, Profile ***ret, size_t *ret_n, sd_bus_error *error);

/* 0, or negative errno with error set: bad name, -EEXIST, bad config. Emits profile-created unless who is NULL. */
int profile_create(Manager *m, const char *project, const char *name, const char *description, const Config *config,
                   const Devices *devices, const Requestor *who, sd_bus_error *error);
int profile_rename(Manager *m, Profile *p, const char *name, const Requestor *who, sd_bus_error *error);
/* -EBUSY when used, LXD's text "Profile is currently in use". p is freed on success. */
int profile_delete(Manager *m, Profile *p, const Requestor *who, sd_bus_error *error);
/* Checks and commits in one transaction, for all users at once. *ret: the job, not started, that brings the live parts to the running users;
 * stays NULL when there are none. Parts without their UPDATE_ bit stay. 0, negative errno with error set. */
int profile_update(Manager *m, Profile *p, uint64_t flags, const char *description, const Config *config, const Devices *devices,
                   const char *etag, const Requestor *who, Job **ret, sd_bus_error *error);

void profile_write_json(JsonWriter *w, Manager *m, const Profile *p);
int profile_etag(const Profile *p, char **ret);
/* "/1.0/profiles/<name>", with ?project= outside of default. */
int profile_url(const Profile *p, char **ret);
