/* SPDX-License-Identifier: Apache-2.0 */
/* Disks and network cards from sysfs. */
#include <limits.h>
#include <stdio.h>

#include "base/str.h"
#include "resources.h"

#define SECTOR 512

/* Where the device's PCI function is, "" when it is on no PCI bus. path: a directory in sysfs that leads to it. */
static void find_pci_address(const char *path, char *buffer, size_t size) {
        _cleanup_free_ char *real = realpath(path, NULL);
        _cleanup_strv_free_ Strv parts = NULL;

        buffer[0] = '\0';
        if (!real || strv_split(real, "/", &parts) < 0)
                return;
        STRV_FOREACH(p, parts)
                if (strlen(*p) == 12 && (*p)[4] == ':' && (*p)[7] == ':' && (*p)[10] == '.')
                        (void) snprintf(buffer, size, "%s", *p);
}

static const char *disk_type(const char *name, const char *subsystem) {
        if (startswith(name, "nvme"))
                return "nvme";
        if (startswith(name, "mmcblk"))
                return "mmc";
        return isempty(subsystem) ? "" : subsystem;
}

static void write_partition(JsonWriter *w, const char *root, const char *disk, const char *name) {
        _cleanup_free_ char *dev = NULL;

        json_object_begin(w, NULL);
        json_string(w, "id", name);
        json_string(w, "device", strempty(sys_text(&dev, "%s/sys/block/%s/%s/dev", root, disk, name)));
        json_boolean(w, "read_only", sys_number(0, "%s/sys/block/%s/%s/ro", root, disk, name) != 0);
        json_int(w, "size", sys_number(0, "%s/sys/block/%s/%s/size", root, disk, name) * SECTOR);
        json_int(w, "partition", sys_number(0, "%s/sys/block/%s/%s/partition", root, disk, name));
        json_object_end(w);
}

static void write_disk(JsonWriter *w, const char *root, const char *name) {
        _cleanup_strv_free_ Strv entries = sys_list("%s/sys/block/%s", root, name);
        _cleanup_free_ char *dev = NULL, *model = NULL, *serial = NULL, *path = NULL;
        char subsystem[64], pci[64] = "";

        sys_link_name(subsystem, sizeof(subsystem), "%s/sys/block/%s/device/subsystem", root, name);
        if (str_format(&path, "%s/sys/block/%s/device", root, name) >= 0)
                find_pci_address(path, pci, sizeof(pci));
        json_object_begin(w, NULL);
        json_string(w, "id", name);
        json_string(w, "device", strempty(sys_text(&dev, "%s/sys/block/%s/dev", root, name)));
        if (sys_text(&model, "%s/sys/block/%s/device/model", root, name))
                json_string(w, "model", model);
        json_string(w, "type", disk_type(name, subsystem));
        json_boolean(w, "read_only", sys_number(0, "%s/sys/block/%s/ro", root, name) != 0);
        json_int(w, "size", sys_number(0, "%s/sys/block/%s/size", root, name) * SECTOR);
        json_boolean(w, "removable", sys_number(0, "%s/sys/block/%s/removable", root, name) != 0);
        json_int(w, "numa_node", MAX(sys_number(0, "%s/numa_node", path ?: ""), 0));
        json_int(w, "block_size", sys_number(0, "%s/sys/block/%s/queue/physical_block_size", root, name));
        json_int(w, "rpm", sys_number(0, "%s/sys/block/%s/queue/rotational", root, name));
        if (sys_text(&serial, "%s/sys/block/%s/device/serial", root, name))
                json_string(w, "serial", serial);
        json_string(w, "device_id", "");
        json_array_begin(w, "partitions");
        STRV_FOREACH(e, entries)
                if (startswith(*e, name))
                        write_partition(w, root, name, *e);
        json_array_end(w);
        json_string(w, "pci_address", pci);
        json_object_end(w);
}

/* Loop devices, RAM disks and device mapper volumes are no hardware: only what has a device behind it counts. */
static bool is_hardware(const char *root, const char *class, const char *name) {
        char link[64];

        sys_link_name(link, sizeof(link), "%s/sys/%s/%s/device", root, class, name);
        return link[0] != '\0';
}

void resources_write_disks(JsonWriter *w, const char *root) {
        _cleanup_strv_free_ Strv names = sys_list("%s/sys/block", root);
        uint64_t total = 0;

        json_object_begin(w, "storage");
        json_array_begin(w, "disks");
        STRV_FOREACH(name, names)
                if (is_hardware(root, "block", *name)) {
                        write_disk(w, root, *name);
                        total++;
                }
        json_array_end(w);
        json_uint(w, "total", total);
        json_object_end(w);
}

static void write_port(JsonWriter *w, const char *root, const char *name) {
        _cleanup_free_ char *address = NULL;
        int64_t speed = sys_number(0, "%s/sys/class/net/%s/speed", root, name);

        json_object_begin(w, NULL);
        json_string(w, "id", name);
        json_string(w, "address", strempty(sys_text(&address, "%s/sys/class/net/%s/address", root, name)));
        json_int(w, "port", sys_number(0, "%s/sys/class/net/%s/dev_port", root, name));
        json_string(w, "protocol", sys_number(1, "%s/sys/class/net/%s/type", root, name) == 32 ? "infiniband" : "ethernet");
        if (speed > 0)
                json_int(w, "link_speed", speed);
        json_boolean(w, "auto_negotiation", false);
        json_boolean(w, "link_detected", sys_number(0, "%s/sys/class/net/%s/carrier", root, name) == 1);
        json_object_end(w);
}

static void write_card(JsonWriter *w, const char *root, const char *name) {
        _cleanup_free_ char *path = NULL, *vendor = NULL, *product = NULL;
        char driver[64], pci[64] = "";
        const char *v = NULL, *p = NULL;

        sys_link_name(driver, sizeof(driver), "%s/sys/class/net/%s/device/driver", root, name);
        if (str_format(&path, "%s/sys/class/net/%s/device", root, name) >= 0)
                find_pci_address(path, pci, sizeof(pci));
        if (pci[0]) {
                v = sys_text(&vendor, "%s/sys/bus/pci/devices/%s/vendor", root, pci);
                p = sys_text(&product, "%s/sys/bus/pci/devices/%s/device", root, pci);
        }
        json_object_begin(w, NULL);
        json_string(w, "driver", driver);
        resources_write_driver_version(w, root, pci, driver);
        json_array_begin(w, "ports");
        write_port(w, root, name);
        json_array_end(w);
        json_int(w, "numa_node", MAX(sys_number(0, "%s/numa_node", path ?: ""), 0));
        if (pci[0])
                json_string(w, "pci_address", pci);
        if (v)
                json_string(w, "vendor_id", startswith(v, "0x") ?: v);
        if (p)
                json_string(w, "product_id", startswith(p, "0x") ?: p);
        json_object_end(w);
}

void resources_write_network(JsonWriter *w, const char *root) {
        _cleanup_strv_free_ Strv names = sys_list("%s/sys/class/net", root);
        uint64_t total = 0;

        json_object_begin(w, "network");
        json_array_begin(w, "cards");
        STRV_FOREACH(name, names)
                if (is_hardware(root, "class/net", *name)) {
                        write_card(w, root, *name);
                        total++;
                }
        json_array_end(w);
        json_uint(w, "total", total);
        json_object_end(w);
}
