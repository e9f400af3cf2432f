/* SPDX-License-Identifier: Apache-2.0 */
/* Creation of instances, for init and launch. */
#pragma once

#include "lxc.h"

/* Options of both; launch adds --console. */
extern char **arg_create_config, **arg_create_devices, **arg_create_profiles, *arg_create_network,
        *arg_create_storage, *arg_create_target, *arg_create_type;
extern bool arg_create_empty, arg_create_ephemeral, arg_create_no_profiles, arg_create_vm;

#define CREATE_OPTIONS_BEFORE_CONSOLE                                                                         \
        { 'c', "config", OPTION_LIST, &arg_create_config, "Config key/value to apply to the new instance" }
#define CREATE_OPTIONS                                                                                        \
        { 'd', "device", OPTION_LIST, &arg_create_devices, "New key/value to apply to a specific device" },   \
        { 0, "empty", OPTION_BOOL, &arg_create_empty, "Create an empty instance" },                           \
        { 'e', "ephemeral", OPTION_BOOL, &arg_create_ephemeral, "Ephemeral instance" },                       \
        { 'n', "network", OPTION_STRING, &arg_create_network, "Network name" },                               \
        { 0, "no-profiles", OPTION_BOOL, &arg_create_no_profiles, "Create the instance with no profiles applied" }, \
        { 'p', "profile", OPTION_LIST, &arg_create_profiles, "Profile to apply to the new instance" },        \
        { 's', "storage", OPTION_STRING, &arg_create_storage, "Storage pool name" },                          \
        { 0, "target", OPTION_STRING, &arg_create_target, "Cluster member name" },                            \
        { 't', "type", OPTION_STRING, &arg_create_type, "Instance type" },                                    \
        { 0, "vm", OPTION_BOOL, &arg_create_vm, "Create a virtual machine" }

/* Creates the instance that the arguments describe. Returns 0 and its name, to be freed; or a negative errno with
 * fail() set. */
int create_instance(Context *c, char **ret_name);
