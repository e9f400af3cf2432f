/* SPDX-License-Identifier: Apache-2.0 */
/* The resources document: memory, system, PCI, and the bus method; processors and cards have files of their own. */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/str.h"
#include "manager.h"
#include "resources.h"

char *sys_text(char **ret, const char *format, ...) {
        _cleanup_free_ char *path = NULL;
        va_list ap;
        int r;

        *ret = NULL;
        va_start(ap, format);
        r = str_vformat(&path, format, ap);
        va_end(ap);
        if (r < 0 || file_read(path, 1 << 20, ret, NULL) < 0)
                return NULL;
        (*ret)[strcspn(*ret, "\n")] = '\0';
        return *ret;
}

int64_t sys_number(int64_t fallback, const char *format, ...) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        int64_t value;
        va_list ap;
        int r;

        va_start(ap, format);
        r = str_vformat(&path, format, ap);
        va_end(ap);
        return r >= 0 && sys_text(&text, "%s", path) && parse_i64(text, &value) >= 0 ? value : fallback;
}

void sys_link_name(char *buffer, size_t size, const char *format, ...) {
        _cleanup_free_ char *path = NULL;
        char target[PATH_MAX];
        ssize_t n = -1;
        va_list ap;

        buffer[0] = '\0';
        va_start(ap, format);
        if (str_vformat(&path, format, ap) >= 0)
                n = readlink(path, target, sizeof(target) - 1);
        va_end(ap);
        if (n <= 0)
                return;
        target[n] = '\0';
        (void) snprintf(buffer, size, "%s", strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
}

static int not_dot(const struct dirent *e) {
        return e->d_name[0] != '.';
}

char **sys_list(const char *format, ...) {
        _cleanup_free_ char *path = NULL;
        struct dirent **entries = NULL;
        Strv names = NULL;
        va_list ap;
        int n = -1;

        va_start(ap, format);
        if (str_vformat(&path, format, ap) >= 0)
                n = scandir(path, &entries, not_dot, versionsort);
        va_end(ap);
        for (int i = 0; i < n; i++) {
                (void) strv_extend(&names, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return names;
}

/* A value in kB of a meminfo-like file, in bytes; 0 when there is none. "Name:" must begin a line or follow "Node 0 ". */
static uint64_t meminfo_bytes(const char *text, const char *name) {
        const char *p = text ? strstr(text, name) : NULL;
        unsigned long long kb;

        return p && sscanf(p + strlen(name), " %llu", &kb) == 1 ? kb * 1024 : 0;
}

/* All that is plugged in, the kernel's own share too: the blocks that are online below dir. 0 when the kernel does not tell. */
static uint64_t blocks_bytes(const char *root, const char *dir) {
        _cleanup_strv_free_ Strv blocks = sys_list("%s/%s", root, dir);
        _cleanup_free_ char *size = NULL;
        uint64_t n = 0, bytes;

        if (!sys_text(&size, "%s/sys/devices/system/memory/block_size_bytes", root))
                return 0;
        bytes = strtoull(size, NULL, 16);
        STRV_FOREACH(b, blocks)
                n += startswith(*b, "memory") && sys_number(0, "%s/%s/%s/online", root, dir, *b) == 1;
        return n * bytes;
}

/* Used is what cannot be had: total minus free, buffers and cache. */
static uint64_t meminfo_used(const char *text, uint64_t total) {
        uint64_t spare = meminfo_bytes(text, "MemFree:") + meminfo_bytes(text, "Cached:") + meminfo_bytes(text, "Buffers:");

        return total > spare ? total - spare : 0;
}

static void write_memory_values(JsonWriter *w, const char *text, uint64_t blocks, uint64_t page) {
        uint64_t pages = meminfo_bytes(text, "HugePages_Total:") / 1024, spare = meminfo_bytes(text, "HugePages_Free:") / 1024;

        json_uint(w, "hugepages_used", (pages - spare) * page);
        json_uint(w, "hugepages_total", pages * page);
        json_uint(w, "used", meminfo_used(text, blocks ?: meminfo_bytes(text, "MemTotal:")));
        json_uint(w, "total", blocks ?: meminfo_bytes(text, "MemTotal:"));
}

void resources_write_memory(JsonWriter *w, const char *root) {
        _cleanup_strv_free_ Strv nodes = sys_list("%s/sys/devices/system/node", root);
        _cleanup_free_ char *path = NULL, *text = NULL;
        uint64_t page;

        if (str_format(&path, "%s/proc/meminfo", root) < 0 || file_read(path, 1 << 20, &text, NULL) < 0)
                text = NULL;
        page = meminfo_bytes(text, "Hugepagesize:");
        json_object_begin(w, "memory");
        json_array_begin(w, "nodes");
        STRV_FOREACH(n, nodes) {
                _cleanup_free_ char *dir = NULL, *node_path = NULL, *node = NULL;
                uint64_t number;

                if (!startswith(*n, "node") || parse_u64(*n + STRLEN("node"), &number) < 0 ||
                    str_format(&dir, "sys/devices/system/node/%s", *n) < 0 || str_format(&node_path, "%s/%s/meminfo", root, dir) < 0 ||
                    file_read(node_path, 1 << 20, &node, NULL) < 0)
                        continue;
                json_object_begin(w, NULL);
                json_uint(w, "numa_node", number);
                write_memory_values(w, node, blocks_bytes(root, dir), page);
                json_object_end(w);
        }
        json_array_end(w);
        write_memory_values(w, text, blocks_bytes(root, "sys/devices/system/memory"), page);
        json_uint(w, "hugepages_size", page);
        json_object_end(w);
}

static void write_hex_id(JsonWriter *w, const char *key, const char *root, const char *device, const char *file) {
        _cleanup_free_ char *text = NULL;
        const char *id = sys_text(&text, "%s/sys/bus/pci/devices/%s/%s", root, device, file);

        json_string(w, key, id ? startswith(id, "0x") ?: id : "");
}

void resources_write_driver_version(JsonWriter *w, const char *root, const char *pci, const char *driver) {
        _cleanup_free_ char *text = NULL;
        struct utsname host;

        if (isempty(driver))
                json_string(w, "driver_version", "");
        else if (sys_text(&text, "%s/sys/bus/pci/devices/%s/driver/module/version", root, pci))
                json_string(w, "driver_version", text);
        else
                json_string(w, "driver_version", uname(&host) < 0 ? "" : host.release); /* it came with the kernel */
}

void resources_write_pci(JsonWriter *w, const char *root) {
        _cleanup_strv_free_ Strv devices = sys_list("%s/sys/bus/pci/devices", root);

        json_object_begin(w, "pci");
        json_array_begin(w, "devices");
        STRV_FOREACH(d, devices) {
                char driver[64], group[64];
                uint64_t iommu = 0;

                sys_link_name(driver, sizeof(driver), "%s/sys/bus/pci/devices/%s/driver", root, *d);
                sys_link_name(group, sizeof(group), "%s/sys/bus/pci/devices/%s/iommu_group", root, *d);
                (void) parse_u64(group, &iommu);
                json_object_begin(w, NULL);
                json_string(w, "driver", driver);
                resources_write_driver_version(w, root, *d, driver);
                json_int(w, "numa_node", MAX(sys_number(0, "%s/sys/bus/pci/devices/%s/numa_node", root, *d), 0));
                json_string(w, "pci_address", *d);
                json_string(w, "vendor", "");
                write_hex_id(w, "vendor_id", root, *d, "vendor");
                json_string(w, "product", "");
                write_hex_id(w, "product_id", root, *d, "device");
                json_uint(w, "iommu_group", iommu);
                json_object_begin(w, "vpd");
                json_object_end(w);
                json_object_end(w);
        }
        json_array_end(w);
        json_uint(w, "total", strv_length(devices));
        json_object_end(w);
}

static void write_dmi(JsonWriter *w, const char *key, const char *root, const char *file) {
        _cleanup_free_ char *text = NULL;

        json_string(w, key, strempty(sys_text(&text, "%s/sys/class/dmi/id/%s", root, file)));
}

void resources_write_system(JsonWriter *w, const char *root) {
        _cleanup_free_ char *container = NULL, *flags = NULL, *path = NULL;
        bool virtual = false;

        if (str_format(&path, "%s/proc/cpuinfo", root) >= 0 && file_read(path, 8 << 20, &flags, NULL) >= 0)
                virtual = strstr(flags, " hypervisor") != NULL;
        json_object_begin(w, "system");
        write_dmi(w, "uuid", root, "product_uuid");
        write_dmi(w, "vendor", root, "sys_vendor");
        write_dmi(w, "product", root, "product_name");
        write_dmi(w, "family", root, "product_family");
        write_dmi(w, "version", root, "product_version");
        write_dmi(w, "sku", root, "product_sku");
        write_dmi(w, "serial", root, "product_serial");
        json_string(w, "type", sys_text(&container, "%s/run/systemd/container", root) ? "container"
                               : virtual                                              ? "virtual-machine"
                                                                                      : "physical");
        json_null(w, "firmware");
        json_null(w, "chassis");
        json_null(w, "motherboard");
        json_object_end(w);
}

static void write_empty(JsonWriter *w, const char *key, const char *list) {
        json_object_begin(w, key);
        json_array_begin(w, list);
        json_array_end(w);
        json_uint(w, "total", 0);
        json_object_end(w);
}

int method_describe_resources(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_close_ int fd = -EBADF;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_object_begin(&w, NULL);
        resources_write_cpu(&w, "");
        resources_write_memory(&w, "");
        write_empty(&w, "gpu", "cards"); /* needs the DRM and NVIDIA parts of a later issue */
        resources_write_network(&w, "");
        resources_write_disks(&w, "");
        write_empty(&w, "usb", "devices");
        resources_write_pci(&w, "");
        resources_write_system(&w, "");
        json_object_end(&w);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}
