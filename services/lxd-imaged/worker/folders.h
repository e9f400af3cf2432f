/* SPDX-License-Identifier: Apache-2.0 */
/* The folders of a tree that is being unpacked: they get their permissions and times last, since what is made in them needs the one and changes the other. */
#pragma once

#include "worker/tree.h"

typedef struct Folder {
        char *path;
        mode_t mode;
        int64_t sec;
        long nsec;
        size_t index;
} Folder;

typedef struct Folders {
        Folder *items;
        size_t n, allocated;
} Folders;

void folders_done(Folders *f);

/* Remembers what the folder at path is to have; the last word about a folder counts. 0, -ENOMEM. */
int folders_add(Folders *f, const char *path, mode_t mode, int64_t sec, long nsec);
/* Sets it, the inner ones first. 0, negative errno with error set. */
int folders_finish(Folders *f, const Tree *t, sd_bus_error *error);
