/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a change of owners: a file that lists, for each inode that changes, what it has and what it gets, in full. It is on disk,
 * complete, before the first inode is touched. So whoever finds it can make everything as it was, or as it should be, however far the
 * one who wrote it came, and as often as needed. */
#pragma once

#include "id-map.h"

typedef enum ShiftAttribute {
        SHIFT_ACL_ACCESS,
        SHIFT_ACL_DEFAULT,
        SHIFT_CAPABILITY,
        SHIFT_ATTRIBUTE_MAX,
} ShiftAttribute;

extern const char *const shift_attribute_names[SHIFT_ATTRIBUTE_MAX];

typedef enum ShiftSide {
        SHIFT_OLD,
        SHIFT_NEW,
        SHIFT_SIDE_MAX,
} ShiftSide;

typedef struct ShiftValue {
        void *data; /* NULL: it has no such attribute, or none that matters */
        size_t size;
} ShiftValue;

typedef struct ShiftRecord {
        char *path; /* below the volume */
        uint64_t inode;
        uint32_t mode[SHIFT_SIDE_MAX], uid[SHIFT_SIDE_MAX], gid[SHIFT_SIDE_MAX];
        ShiftValue values[SHIFT_ATTRIBUTE_MAX][SHIFT_SIDE_MAX];
} ShiftRecord;

void shift_record_done(ShiftRecord *r);

/* Begins a plan with the texts of both maps. 0, -errno. */
int shift_plan_begin(FILE *f, const char *old_map, const char *new_map);
int shift_plan_add(FILE *f, const ShiftRecord *r);
/* Marks it complete and brings it to the disk. 0, -errno. */
int shift_plan_finish(FILE *f, uint64_t records);

/* Is it complete? Leaves the file at the first record; the texts are the caller's. 1, 0 (it is not: nothing was touched), -errno. */
int shift_plan_check(FILE *f, char **ret_old_map, char **ret_new_map);
/* The next record. 1, 0 (end), -EBADMSG, -errno. */
int shift_plan_next(FILE *f, ShiftRecord *ret);
