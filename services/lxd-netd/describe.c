/* SPDX-License-Identifier: Apache-2.0 */
/* Networks and interfaces as JSON, in LXD's forms. */
#include "describe.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <unistd.h>

void describe_network(JsonWriter *w, const Network *n, char *const *used_by) {
        json_object_begin(w, NULL);
        json_config(w, "config", &n->config);
        json_string(w, "description", n->description);
        json_string(w, "name", n->name);
        json_string(w, "type", "bridge");
        json_strv(w, "used_by", used_by);
        json_boolean(w, "managed", true);
        json_string(w, "status", streq(n->state, "created") || streq(n->state, "updating") ? "Created" : "Pending");
        json_array_begin(w, "locations");
        json_string(w, NULL, "none");
        json_array_end(w);
        json_object_end(w);
}

static const char *interface_type(const Link *link) {
        char path[64];

        if (link->flags & IFF_LOOPBACK)
                return "loopback";
        if (streq(link->kind, "bridge") || streq(link->kind, "openvswitch"))
                return "bridge";
        if (streq(link->kind, "vlan") || streq(link->kind, "bond"))
                return link->kind;
        (void) snprintf(path, sizeof(path), "/sys/class/net/%s/device", link->name);
        return access(path, F_OK) >= 0 ? "physical" : "unknown";
}

bool describe_is_listed(const Link *link) {
        return !startswith(link->name, "veth");
}

void describe_interface(JsonWriter *w, const Link *link, char *const *used_by) {
        json_object_begin(w, NULL);
        json_config(w, "config", &(Config) {});
        json_string(w, "description", "");
        json_string(w, "name", link->name);
        json_string(w, "type", interface_type(link));
        json_strv(w, "used_by", used_by);
        json_boolean(w, "managed", false);
        json_string(w, "status", "");
        json_null(w, "locations");
        json_object_end(w);
}

/* LXD goes by the address, not by what the kernel has noted: 127.0.0.1 is local. */
static const char *address_scope(const InetPrefix *p) {
        static const uint8_t loopback6[16] = { [15] = 1 };

        if (p->family == AF_INET)
                return p->address[0] == 127 ? "local" : p->address[0] == 169 && p->address[1] == 254 ? "link" : "global";
        if (memcmp(p->address, loopback6, sizeof(loopback6)) == 0)
                return "local";
        return p->address[0] == 0xfe && (p->address[1] & 0xc0) == 0x80 ? "link" : "global";
}

static void write_addresses(JsonWriter *w, const Link *link, const AddressList *addresses) {
        char text[INET_TEXT_MAX];

        json_array_begin(w, "addresses");
        for (size_t i = 0; i < addresses->n; i++) {
                const Address *a = addresses->items + i;

                if (a->link != link->index)
                        continue;
                json_object_begin(w, NULL);
                json_string(w, "family", a->prefix.family == AF_INET ? "inet" : "inet6");
                json_string(w, "address", inet_format(&a->prefix, text));
                json_stringf(w, "netmask", "%u", a->prefix.length);
                json_string(w, "scope", address_scope(&a->prefix));
                json_object_end(w);
        }
        json_array_end(w);
}

static void write_counters(JsonWriter *w, const Link *link, bool with_errors) {
        json_object_begin(w, "counters");
        json_uint(w, "bytes_received", link->stats.rx_bytes);
        json_uint(w, "bytes_sent", link->stats.tx_bytes);
        json_uint(w, "packets_received", link->stats.rx_packets);
        json_uint(w, "packets_sent", link->stats.tx_packets);
        if (with_errors) {
                json_uint(w, "errors_received", link->stats.rx_errors);
                json_uint(w, "errors_sent", link->stats.tx_errors);
                json_uint(w, "packets_dropped_outbound", link->stats.tx_dropped);
                json_uint(w, "packets_dropped_inbound", link->stats.rx_dropped);
        }
        json_object_end(w);
}

static void write_hwaddr(JsonWriter *w, const Link *link) {
        char text[HWADDR_TEXT_MAX] = "";

        if (link->has_hwaddr && !(link->flags & IFF_LOOPBACK))
                hwaddr_format(link->hwaddr, text);
        json_string(w, "hwaddr", text);
}

static const char *state_type(const Link *link) {
        return link->flags & IFF_BROADCAST ? "broadcast" : link->flags & IFF_LOOPBACK ? "loopback"
               : link->flags & IFF_POINTOPOINT                                        ? "point-to-point"
                                                                                      : "unknown";
}

static void write_bridge(JsonWriter *w, const Link *link, const LinkList *links) {
        if (!streq(link->kind, "bridge")) {
                json_null(w, "bridge");
                return;
        }
        json_object_begin(w, "bridge");
        json_string(w, "id", link->bridge.id);
        json_boolean(w, "stp", link->bridge.stp);
        json_uint(w, "forward_delay", link->bridge.forward_delay);
        json_uint(w, "vlan_default", link->bridge.vlan_default);
        json_boolean(w, "vlan_filtering", link->bridge.vlan_filtering);
        json_array_begin(w, "upper_devices");
        for (size_t i = 0; i < links->n; i++)
                if (links->items[i].master == link->index)
                        json_string(w, NULL, links->items[i].name);
        json_array_end(w);
        json_object_end(w);
}

void describe_state(JsonWriter *w, const Link *link, const LinkList *links, const AddressList *addresses) {
        const Link *lower = link->peer > 0 ? link_list_find_index(links, link->peer) : NULL;

        json_object_begin(w, NULL);
        write_addresses(w, link, addresses);
        write_counters(w, link, false);
        write_hwaddr(w, link);
        json_uint(w, "mtu", link->mtu);
        json_string(w, "state", link->flags & IFF_UP ? "up" : "down");
        json_string(w, "type", state_type(link));
        json_null(w, "bond");
        write_bridge(w, link, links);
        if (link->vlan_id >= 0) {
                json_object_begin(w, "vlan");
                json_string(w, "lower_device", lower ? lower->name : "");
                json_int(w, "vid", link->vlan_id);
                json_object_end(w);
        } else
                json_null(w, "vlan");
        json_null(w, "ovn");
        json_object_end(w);
}

void describe_guest_link(JsonWriter *w, const Link *link, const AddressList *addresses, const char *host_name) {
        json_object_begin(w, link->name);
        write_addresses(w, link, addresses);
        write_counters(w, link, true);
        write_hwaddr(w, link);
        json_string(w, "host_name", host_name);
        json_uint(w, "mtu", link->mtu);
        json_string(w, "state", link->flags & IFF_UP ? "up" : "down");
        json_string(w, "type", state_type(link));
        json_object_end(w);
}
