/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine is made of, read from /sys and /proc and written as the REST resources document. */
#pragma once

#include "json-write.h"

/* Each writes one member of the document. root is "" (tests: a copy of /sys and /proc). */
void resources_write_cpu(JsonWriter *w, const char *root);
void resources_write_memory(JsonWriter *w, const char *root);
void resources_write_disks(JsonWriter *w, const char *root);
void resources_write_network(JsonWriter *w, const char *root);
void resources_write_pci(JsonWriter *w, const char *root);
void resources_write_system(JsonWriter *w, const char *root);

/* "driver_version" of the driver of a PCI device: its module's, or the kernel's. */
void resources_write_driver_version(JsonWriter *w, const char *root, const char *pci, const char *driver);

/* One line of a sysfs or procfs file without its line end; NULL (and *ret NULL) when it is not there. */
char *sys_text(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number from such a file; fallback when there is none. */
int64_t sys_number(int64_t fallback, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Last component of a symlink's target ("" when it is none). */
void sys_link_name(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Sorted names in a directory, without "." and "..". Empty when it is not there. */
char **sys_list(const char *format, ...) __attribute__((format(printf, 1, 2)));
