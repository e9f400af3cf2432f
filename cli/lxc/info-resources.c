/* SPDX-License-Identifier: Apache-2.0 */
/* lxc info --resources: the hardware of the server. */

#include <stdio.h>

#include "info.h"

/* "  Label: value", when there is one. */
static void line(const char *indent, const char *label, struct json_object *o, const char *member) {
        if (!isempty(jstr(o, member)) && !streq(jstr(o, member), "0"))
                printf("%s%s: %s\n", indent, label, jstr(o, member));
}

static void size_line(const char *indent, const char *label, int64_t bytes) {
        _cleanup_free_ char *size = format_bytes(bytes, 2);

        printf("%s%s: %s\n", indent, label, size);
}

/* "Vendor: Intel (8086)" */
static void vendor_line(const char *indent, const char *label, struct json_object *o, const char *name, const char *id) {
        if (isempty(jstr(o, name)))
                return;
        printf("%s%s: %s (%s)\n", indent, label, jstr(o, name), jstr(o, id));
}

static void driver_line(const char *indent, struct json_object *o) {
        if (!isempty(jstr(o, "driver")))
                printf("%sDriver: %s (%s)\n", indent, jstr(o, "driver"), jstr(o, "driver_version"));
}

static void print_core(struct json_object *core) {
        struct json_object *threads = jget(core, "threads");

        printf("    - Core %" PRIi64 "\n", jint(core, "core"));
        printf("      Frequency: %" PRIi64 "Mhz\n", jint(core, "frequency"));
        printf("      Threads:\n");
        for (size_t i = 0; i < jlen(threads); i++) {
                struct json_object *t = jat(threads, i);

                printf("        - %" PRIi64 " (id: %" PRIi64 ", online: %s, NUMA node: %" PRIi64 ")\n", jint(t, "thread"),
                       jint(t, "id"), jbool(t, "online") ? "true" : "false", jint(t, "numa_node"));
        }
}

static void print_socket(struct json_object *socket) {
        struct json_object *caches = jget(socket, "cache"), *cores = jget(socket, "cores");

        line("  ", "Vendor", socket, "vendor");
        line("  ", "Name", socket, "name");
        if (jlen(caches) > 0)
                printf("  Caches:\n");
        for (size_t i = 0; i < jlen(caches); i++) {
                struct json_object *cache = jat(caches, i);
                _cleanup_free_ char *size = format_bytes(jint(cache, "size"), 0);

                printf("    - Level %" PRIi64 " (type: %s): %s\n", jint(cache, "level"), jstr(cache, "type"), size);
        }
        printf("  Cores:\n");
        for (size_t i = 0; i < jlen(cores); i++)
                print_core(jat(cores, i));
        if (jint(socket, "frequency") > 0)
                printf("  Frequency: %" PRIi64 "Mhz (min: %" PRIi64 "Mhz, max: %" PRIi64 "Mhz)\n", jint(socket, "frequency"),
                       jint(socket, "frequency_minimum"), jint(socket, "frequency_turbo"));
}

static void print_cpu(struct json_object *cpu) {
        struct json_object *sockets = jget(cpu, "sockets");

        if (jlen(sockets) == 1) {
                printf("CPU (%s):\n", jstr(cpu, "architecture"));
                print_socket(jat(sockets, 0));
                return;
        }
        printf("CPUs (%s):\n", jstr(cpu, "architecture"));
        for (size_t i = 0; i < jlen(sockets); i++) {
                printf("  Socket %" PRIi64 ":\n", jint(jat(sockets, i), "socket"));
                print_socket(jat(sockets, i));
        }
}

static void print_memory(struct json_object *memory) {
        struct json_object *nodes = jget(memory, "nodes");
        int64_t huge = jint(memory, "hugepages_total"), huge_used = jint(memory, "hugepages_used");

        printf("\nMemory:\n");
        if (huge > 0) {
                printf("  Hugepages:\n");
                size_line("    ", "Free", huge - huge_used);
                size_line("    ", "Used", huge_used);
                size_line("    ", "Total", huge);
        }
        if (jlen(nodes) > 1) {
                printf("  NUMA nodes:\n");
                for (size_t i = 0; i < jlen(nodes); i++) {
                        struct json_object *n = jat(nodes, i);

                        printf("    Node %" PRIi64 ":\n", jint(n, "numa_node"));
                        size_line("      ", "Free", jint(n, "total") - jint(n, "used"));
                        size_line("      ", "Used", jint(n, "used"));
                        size_line("      ", "Total", jint(n, "total"));
                }
        }
        size_line("  ", "Free", jint(memory, "total") - jint(memory, "used"));
        size_line("  ", "Used", jint(memory, "used"));
        size_line("  ", "Total", jint(memory, "total"));
}

static void print_gpu(struct json_object *card, const char *indent) {
        printf("%sNUMA node: %" PRIi64 "\n", indent, jint(card, "numa_node"));
        vendor_line(indent, "Vendor", card, "vendor", "vendor_id");
        vendor_line(indent, "Product", card, "product", "product_id");
        line(indent, "PCI address", card, "pci_address");
        driver_line(indent, card);
        if (jget(card, "drm")) {
                printf("%sDRM:\n", indent);
                printf("%s  ID: %" PRIi64 "\n", indent, jint(card, "drm.id"));
                printf("%s  Card: %s (%s)\n", indent, jstr(card, "drm.card_name"), jstr(card, "drm.card_device"));
        }
}

static void print_port(struct json_object *port, const char *indent) {
        printf("%s  - Port %" PRIi64 " (%s)\n", indent, jint(port, "port"), jstr(port, "protocol"));
        printf("%s    ID: %s\n", indent, jstr(port, "id"));
        if (!isempty(jstr(port, "address")))
                printf("%s    Address: %s\n", indent, jstr(port, "address"));
        if (!isempty(jstr(port, "port_type")))
                printf("%s    Port type: %s\n", indent, jstr(port, "port_type"));
        if (!isempty(jstr(port, "transceiver_type")))
                printf("%s    Transceiver type: %s\n", indent, jstr(port, "transceiver_type"));
        printf("%s    Auto negotiation: %s\n", indent, jbool(port, "auto_negotiation") ? "true" : "false");
        if (jint(port, "link_speed") > 0)
                printf("%s    Link speed: %" PRIi64 "Mbit/s (%s duplex)\n", indent, jint(port, "link_speed"),
                       jstr(port, "link_duplex"));
        printf("%s    Link detected: %s\n", indent, jbool(port, "link_detected") ? "true" : "false");
}

static void print_nic(struct json_object *card, const char *indent) {
        struct json_object *ports = jget(card, "ports");

        printf("%sNUMA node: %" PRIi64 "\n", indent, jint(card, "numa_node"));
        vendor_line(indent, "Vendor", card, "vendor", "vendor_id");
        vendor_line(indent, "Product", card, "product", "product_id");
        line(indent, "PCI address", card, "pci_address");
        driver_line(indent, card);
        if (jlen(ports) > 0)
                printf("%sPorts:\n", indent);
        for (size_t i = 0; i < jlen(ports); i++)
                print_port(jat(ports, i), indent);
}

static void print_disk(struct json_object *disk, const char *indent) {
        struct json_object *partitions = jget(disk, "partitions");

        printf("%sNUMA node: %" PRIi64 "\n", indent, jint(disk, "numa_node"));
        line(indent, "ID", disk, "id");
        line(indent, "Device", disk, "device");
        line(indent, "Model", disk, "model");
        line(indent, "Type", disk, "type");
        size_line(indent, "Size", jint(disk, "size"));
        line(indent, "WWN", disk, "wwn");
        printf("%sRead-Only: %s\n", indent, jbool(disk, "read_only") ? "true" : "false");
        printf("%sRemovable: %s\n", indent, jbool(disk, "removable") ? "true" : "false");
        if (jlen(partitions) > 0)
                printf("%sPartitions:\n", indent);
        for (size_t i = 0; i < jlen(partitions); i++) {
                struct json_object *p = jat(partitions, i);

                printf("%s  - Partition %" PRIi64 "\n", indent, jint(p, "partition"));
                printf("%s    ID: %s\n", indent, jstr(p, "id"));
                printf("%s    Device: %s\n", indent, jstr(p, "device"));
                printf("%s    Read-Only: %s\n", indent, jbool(p, "read_only") ? "true" : "false");
                _cleanup_free_ char *size = format_bytes(jint(p, "size"), 2);
                printf("%s    Size: %s\n", indent, size);
        }
}

/* One thing under its own heading, several numbered under a common one. */
static void print_all(struct json_object *list, const char *one, const char *several, const char *numbered,
                      void (*print)(struct json_object *o, const char *indent)) {
        if (jlen(list) == 1) {
                printf("\n%s:\n", one);
                print(jat(list, 0), "  ");
        } else if (jlen(list) > 1) {
                printf("\n%s:\n", several);
                for (size_t i = 0; i < jlen(list); i++) {
                        printf("  %s %zu:\n", numbered, i);
                        print(jat(list, i), "    ");
                }
        }
}

int info_resources(Context *c, const char *target) {
        _cleanup_free_ char *path = xstrdup("/1.0/resources");
        _cleanup_reply_ Reply reply = {};
        int r;

        api_query(&path, "target", target);
        r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;

        print_cpu(jget(reply.metadata, "cpu"));
        print_memory(jget(reply.metadata, "memory"));
        print_all(jget(reply.metadata, "gpu.cards"), "GPU", "GPUs", "Card", print_gpu);
        print_all(jget(reply.metadata, "network.cards"), "NIC", "NICs", "Card", print_nic);
        print_all(jget(reply.metadata, "storage.disks"), "Disk", "Disks", "Disk", print_disk);
        return 0;
}
