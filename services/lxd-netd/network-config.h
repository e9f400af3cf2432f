/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a network: which keys there are, which values they take, which go together. Pure. */
#pragma once

#include <systemd/sd-bus.h>

#include "inet.h"
#include "keyvalue.h"

/* Is this a name for a bridge? -EINVAL with LXD's text in error. */
int network_name_check(const char *name, sd_bus_error *error);
/* Checks every key and the ones that depend on each other. name is for the texts. 0, or -EINVAL with error set. */
int network_config_check(const char *name, const Config *config, sd_bus_error *error);

/* The bridge's address of a family from a checked configuration; family 0 in *ret when it has none ("none", "", "auto"). */
void network_config_address(const Config *config, int family, InetPrefix *ret);
/* A boolean "ipv4.<key>" or "ipv6.<key>" with its default. */
bool network_config_family_bool(const Config *config, int family, const char *key, bool fallback);
/* "ipv4.<key>" or "ipv6.<key>"; NULL when unset. */
const char *network_config_family_get(const Config *config, int family, const char *key);
/* Names of the tunnels ("tunnel.NAME.*"), each once. 0, -ENOMEM. */
int network_config_tunnels(const Config *config, Strv *ret);
/* One option of a tunnel; NULL when unset. */
const char *network_config_tunnel_get(const Config *config, const char *tunnel, const char *key);
