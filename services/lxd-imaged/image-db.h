/* SPDX-License-Identifier: Apache-2.0 */
/* All SQL of lxd-imaged. */
#pragma once

#include "db.h"
#include "image-record.h"

/* Opens the database of images (path may be ":memory:"). 0, -errno. */
int image_db_open(const char *path, Db **ret);

/* The created image whose fingerprint begins with prefix. *ret must be zeroed. 0, -ENOENT, -ENOTUNIQ (more than one), -ENOMEM, -errno. */
int db_image_get(Db *db, const char *project, const char *prefix, ImageRecord *ret);
/* The row of any state with this id. 0, -ENOENT, -errno. */
int db_image_get_by_id(Db *db, int64_t id, ImageRecord *ret);
/* Calls back for the images of a project (NULL = all projects) in a state, oldest first; stops at the first non-zero result and returns it (callbacks may
 * take over *i by zeroing it). 0, -errno. */
int db_image_foreach(Db *db, const char *project, ImageState state, int (*callback)(ImageRecord *i, void *userdata), void *userdata);
/* Inserts with properties and profiles and sets i->id; aliases are not looked at. 0, -EEXIST (fingerprint is there, in any state), -errno. */
int db_image_insert(Db *db, ImageRecord *i);
/* 0, -ENOENT, -errno. */
int db_image_set_state(Db *db, int64_t id, ImageState state);
/* Writes public, auto_update, expires, properties and profiles. 0, -ENOENT, -errno. */
int db_image_update(Db *db, const ImageRecord *i);
int db_image_set_last_used(Db *db, int64_t id, uint64_t usec);
/* With aliases, properties and profiles. 0, -ENOENT, -errno. */
int db_image_delete(Db *db, int64_t id);
/* Images of any project with this fingerprint that are created, but for the one with id `except`. Count, -errno. */
int db_image_count(Db *db, const char *fingerprint, int64_t except);
/* Newest created image that has all these properties. 0, -ENOENT, -errno. */
int db_image_find_by_properties(Db *db, const char *project, const Config *properties, ImageRecord *ret);

/* 0, -ENOENT, -errno. *ret must be zeroed. */
int db_alias_get(Db *db, const char *project, const char *name, AliasRecord *ret);
/* By name; project NULL = all. As db_image_foreach(). */
int db_alias_foreach(Db *db, const char *project, int (*callback)(AliasRecord *a, void *userdata), void *userdata);
/* 0, -EEXIST, -errno. */
int db_alias_insert(Db *db, const char *project, const char *name, const char *description, int64_t image_id);
/* 0, -ENOENT, -errno. */
int db_alias_update(Db *db, int64_t id, const char *description, int64_t image_id);
int db_alias_rename(Db *db, int64_t id, const char *name); /* also -EEXIST */
int db_alias_delete(Db *db, int64_t id);
