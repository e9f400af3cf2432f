/* SPDX-License-Identifier: Apache-2.0 */
/* linux.kernel_modules: the runner's side loads them, and not lxd-instanced, whose sandbox keeps it from that. */
#pragma once

/* Loads those of a list ("a,b c") that the kernel does not have yet. 0, or a negative errno with modprobe's own words as text. */
int modules_load(const char *list, char **ret_text);
