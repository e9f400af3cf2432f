/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-clusterd, one function per statement. */
#pragma once

#include "base/str.h"
#include "db.h"
#include "keyvalue.h"

typedef struct Certificate {
        char *fingerprint; /* SHA-256 over the DER form, lower case hex */
        char *name;
        char *type;        /* client, server, metrics */
        char *pem;
        bool restricted;
        Strv projects;
} Certificate;

void certificate_done(Certificate *c);

/* Opens and upgrades the database ("" path parts are the caller's). 0, -errno. */
int records_open(const char *path, Db **ret);

/* The whole server configuration, secrets included. 0, -errno. */
int records_config_load(Db *db, Config *ret);
/* Replaces the whole configuration in one transaction. 0, -errno. */
int records_config_store(Db *db, const Config *c);

/* Calls back for each certificate, by fingerprint. The callback's negative errno ends the walk. 0, -errno. */
int records_certificate_each(Db *db, int (*callback)(const Certificate *c, void *userdata), void *userdata);
/* The certificate whose fingerprint begins with prefix. 0, -ENOENT, -ENOTUNIQ (several), -errno. */
int records_certificate_find(Db *db, const char *prefix, Certificate *ret);
/* 0, -EEXIST, -EBUSY (no such project), -errno. */
int records_certificate_add(Db *db, const Certificate *c);
/* Updates name, type, restricted and projects. 0, -ENOENT, -EBUSY (no such project), -errno. */
int records_certificate_update(Db *db, const Certificate *c);
int records_certificate_delete(Db *db, const char *fingerprint); /* 0, -ENOENT, -errno */

/* 0, -ENOENT, -errno. */
int records_project_get(Db *db, const char *name, char **ret_description, Config *ret_config);
/* Replaces description and configuration of a project that exists, in one transaction. 0, -errno. */
int records_project_update(Db *db, const char *name, const char *description, const Config *config);
int records_project_names(Db *db, Strv *ret);
int records_warning_uuids(Db *db, Strv *ret);
