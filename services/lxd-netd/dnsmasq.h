/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a network's dnsmasq, and its reservations for instances. Pure: text from values. */
#pragma once

#include "inet.h"
#include "keyvalue.h"

/* Where the parts of a network's dnsmasq lie. */
typedef struct DnsmasqPaths {
        const char *run;    /* /run/lxd/network/<name>: configuration and reservations, written by us */
        const char *state;  /* /var/lib/lxd/networks/<name>: leases, written by dnsmasq */
} DnsmasqPaths;

/* Does a network with this configuration need a dnsmasq at all? (It does when it has an address.) */
bool dnsmasq_wanted(const Config *config);
/* The configuration file for the bridge `name`. config is complete and checked. 0, -EINVAL, -ENOMEM. */
int dnsmasq_build(const char *name, const Config *config, const DnsmasqPaths *paths, char **ret);

typedef struct DnsmasqHost {
        const char *hwaddr;
        const char *ipv4, *ipv6; /* NULL = dynamic */
        const char *name;        /* the instance's name in DNS */
} DnsmasqHost;

/* One line of the reservations ("dhcp-hostsdir"). 0, -ENOMEM. */
int dnsmasq_build_host(const DnsmasqHost *host, char **ret);
