/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a guest's interface: which keys there are and what they mean. */
#pragma once

#include <systemd/sd-bus.h>

#include "db-records.h"
#include "firewall.h"

typedef enum NicKind {
        NIC_BRIDGED, /* a pair, one end in a bridge */
        NIC_P2P,     /* a pair, the host's end in nothing */
        NIC_MACVLAN, /* a second address on an interface of the host */
        _NIC_KIND_MAX,
} NicKind;

/* The kind of a checked configuration. */
NicKind nic_config_kind(const Config *config);
/* Checks keys and values, but nothing about the host. 0, or -EINVAL/-EOPNOTSUPP with error set. */
int nic_config_check(const char *device, const Config *config, sd_bus_error *error);
/* "10Mbit", "1Gbit", "512Kibit" or plain bits. "" = 0. 0, -EINVAL, -ERANGE. */
int parse_bits(const char *s, uint64_t *ret);
/* Limits in bits per second, 0 = none; limits.max stands for both. The configuration is checked. */
void nic_config_limits(const Config *config, uint64_t *ret_ingress, uint64_t *ret_egress);
/* Is one of the security.*_filtering switches on? */
bool nic_config_filters(const Config *config);
/* The rules of this interface. allowed[0] and allowed[1] get lists that the caller frees. 0, -ENOMEM, -EINVAL. */
int nic_fill_firewall(const Nic *nic, FirewallNic *ret, InetPrefix **allowed);
