/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the image store: <fingerprint> and, for split images, <fingerprint>.rootfs. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/macro.h"

/* An empty file without a name on the store's file system. fd, -errno. */
int store_new_file(int images_fd);
/* Gives new files their names; rootfs_fd < 0 = unified. Names that are taken are replaced. The folder is synced. 0, -errno (then there is no name). */
int store_publish(int images_fd, const char *fingerprint, int metadata_fd, int rootfs_fd);
/* Removes both files; missing is fine. 0, -errno. */
int store_remove(int images_fd, const char *fingerprint);
/* Are the files there that an image of this format needs? */
bool store_has(int images_fd, const char *fingerprint, const char *format);
/* Opens them for reading; *ret_rootfs is a second descriptor of the same file for a unified image. *ret_format: the constant text of docs/bus.md's OpenImage. 0;
 * -ENOENT, -errno with error set. */
int store_open(int images_fd, const char *fingerprint, const char *format, int *ret_metadata, int *ret_rootfs, const char **ret_format, sd_bus_error *error);
/* Calls back for each fingerprint that has a file, in no order, possibly twice; other names are not touched. 0, the first non-zero result, -errno. */
int store_foreach(int images_fd, int (*callback)(const char *fingerprint, void *userdata), void *userdata);
