/* SPDX-License-Identifier: Apache-2.0 */
/* Files inside instances, by the API. */
#pragma once

#include <sys/stat.h>

#include "client-batch.h"
#include "lxc.h"

/* "[<remote>:]<instance>/<path>" taken apart. */
typedef struct FileTarget {
        char *instance;
        char *path;                     /* absolute; ends in '/' if the argument did */
} FileTarget;

void file_target_done(FileTarget *t);

/* Returns 0, or -EINVAL with fail() set if there is no path. */
int file_target_parse(const char *argument, FileTarget *ret);

typedef enum FileType {
        FILE_REGULAR,
        FILE_DIRECTORY,
        FILE_SYMLINK,
} FileType;

typedef struct FileMetadata {
        FileType type;
        int64_t uid, gid;               /* -1: leave it to the server */
        int mode;                       /* -1: the same */
} FileMetadata;

/* Writes a file: 'fd' (a regular file is sent whole, anything else to its end), or 'data' if fd is negative; a
 * directory has neither. 'label' is for the progress line. Returns 0 or a negative errno with fail() set. */
int file_put(Client *c, const FileTarget *target, const FileMetadata *metadata, int fd, const void *data, size_t size,
             const char *label);

/* The same; but the answer is left to client_batch_send() and client_batch_wait(). */
int file_put_later(ClientBatch *b, const FileTarget *target, const FileMetadata *metadata, int fd, const void *data, size_t size,
                   const char *label);

/* Makes the directories above a path, from the top. Those that exist stay as they are. */
int file_make_parents(Client *c, const FileTarget *target, const FileMetadata *metadata);

/* Reads a file. For a regular one, on_head is told what it is before the first byte comes and gives the descriptor to
 * write to (or a negative errno); the names in a directory and the target of a link are collected instead:
 * *ret_names (to be freed with list_free()), *ret_link (to be freed). Returns 0 or a negative errno with fail() set. */
typedef struct FileGet {
        int (*on_head)(void *userdata, const FileMetadata *metadata);
        void *userdata;
        FileMetadata metadata;          /* out */
        char **names;                   /* out */
        char *link;                     /* out */
} FileGet;
int file_get(Client *c, const FileTarget *target, FileGet *get, const char *label);

/* What is there, without its content. */
int file_stat(Client *c, const FileTarget *target, FileMetadata *ret);

extern const Command command_file_delete, command_file_edit, command_file_pull, command_file_push;
