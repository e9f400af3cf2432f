/* SPDX-License-Identifier: Apache-2.0 */
/* Settings below /proc/sys/net. */
#pragma once

/* Writes value to net/<path>, unless it has it already. A setting that the kernel does not know is fine. 0, -errno. */
int sysctl_write(const char *path, const char *value);
/* The same for one interface: net/<family>/conf/<interface>/<key>. family "ipv4" or "ipv6". */
int sysctl_write_interface(const char *family, const char *interface, const char *key, const char *value);
/* Switches forwarding on. For IPv6 interfaces that listen to router advertisements are told to go on doing so. 0, -errno. */
int sysctl_forward(int family);
