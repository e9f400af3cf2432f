/* SPDX-License-Identifier: Apache-2.0 */
/* Copying a directory tree as it is. */
#pragma once

#include "host-error.h"

/* Copies the tree `from` (in from_dir) to the new directory `to` (in to_dir): owners, modes, times, extended attributes (so ACLs and
 * file capabilities), hard links, holes, device nodes, fifos and sockets. Contents share blocks where the file systems can.
 * Mounts and symlinks in the tree are not followed. Fails with -EEXIST when `to` exists; leaves what is
 * done so far on other failures (the caller removes it). progress (may be NULL) is called with the bytes copied so far. */
int tree_copy(int from_dir, const char *from, int to_dir, const char *to, void (*progress)(uint64_t bytes),
              HostError *e);
/* The same into a directory that exists (and is empty); its owner, mode and attributes become those of `from`. */
int tree_copy_into(int from_dir, const char *from, int to_dir, const char *to, void (*progress)(uint64_t bytes),
                   HostError *e);
