/* SPDX-License-Identifier: Apache-2.0 */
/* lxc network info */

#include <stdio.h>

#include "network.h"

static char *arg_target = NULL;

static void print_addresses(struct json_object *addresses) {
        if (jlen(addresses) == 0)
                return;
        printf("\nIP addresses:\n");
        for (size_t i = 0; i < jlen(addresses); i++) {
                struct json_object *a = jat(addresses, i);

                printf("  %s\t%s/%s (%s)\n", jstr(a, "family"), jstr(a, "address"), jstr(a, "netmask"), jstr(a, "scope"));
        }
}

static void print_counters(struct json_object *o) {
        _cleanup_free_ char *received = format_bytes_decimal(jint(o, "bytes_received"), 2),
                            *sent = format_bytes_decimal(jint(o, "bytes_sent"), 2);

        if (!o)
                return;
        printf("\nNetwork usage:\n");
        printf("  Bytes received: %s\n", received);
        printf("  Bytes sent: %s\n", sent);
        printf("  Packets received: %" PRIi64 "\n", jint(o, "packets_received"));
        printf("  Packets sent: %" PRIi64 "\n", jint(o, "packets_sent"));
}

static void print_list(const char *label, struct json_object *list) {
        printf("  %s: ", label);
        for (size_t i = 0; i < jlen(list); i++)
                printf("%s%s", i > 0 ? ", " : "", jstr_at(list, i));
        putchar('\n');
}

static void print_bridge(struct json_object *o) {
        if (!o)
                return;
        printf("\nBridge:\n");
        printf("  ID: %s\n", jstr(o, "id"));
        printf("  STP: %s\n", jbool(o, "stp") ? "true" : "false");
        printf("  Forward delay: %" PRIi64 "\n", jint(o, "forward_delay"));
        printf("  Default VLAN ID: %" PRIi64 "\n", jint(o, "vlan_default"));
        printf("  VLAN filtering: %s\n", jbool(o, "vlan_filtering") ? "true" : "false");
        print_list("Upper devices", jget(o, "upper_devices"));
}

static void print_bond(struct json_object *o) {
        if (!o)
                return;
        printf("\nBond:\n");
        printf("  Mode: %s\n", jstr(o, "mode"));
        printf("  Transmit policy: %s\n", jstr(o, "transmit_policy"));
        printf("  Up delay: %" PRIi64 "\n", jint(o, "up_delay"));
        printf("  Down delay: %" PRIi64 "\n", jint(o, "down_delay"));
        printf("  MII Frequency: %" PRIi64 "\n", jint(o, "mii_frequency"));
        printf("  MII state: %s\n", jstr(o, "mii_state"));
        print_list("Lower devices", jget(o, "lower_devices"));
}

static void print_vlan(struct json_object *o) {
        if (!o)
                return;
        printf("\nVLAN:\n");
        printf("  Lower device: %s\n", jstr(o, "lower_device"));
        printf("  VLAN ID: %" PRIi64 "\n", jint(o, "vid"));
}

static int run(Context *c) {
        _cleanup_free_ char *name = NULL, *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        path = api_path("networks", name, "state", NULL);
        api_query(&path, "target", arg_target);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        printf("Name: %s\n", name);
        printf("MAC address: %s\n", jstr(reply.metadata, "hwaddr"));
        printf("MTU: %" PRIi64 "\n", jint(reply.metadata, "mtu"));
        printf("State: %s\n", jstr(reply.metadata, "state"));
        printf("Type: %s\n", jstr(reply.metadata, "type"));
        print_addresses(jget(reply.metadata, "addresses"));
        print_counters(jget(reply.metadata, "counters"));
        print_bond(jget(reply.metadata, "bond"));
        print_bridge(jget(reply.metadata, "bridge"));
        print_vlan(jget(reply.metadata, "vlan"));
        return 0;
}

static const Option options[] = {
        { 0, "target", OPTION_STRING, &arg_target, "Cluster member name" },
        {},
};

const Command command_network_info = {
        .name = "info",
        .usage = "[<remote>:]<network>",
        .summary = "Get runtime information on networks",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run,
};
