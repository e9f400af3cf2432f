/* SPDX-License-Identifier: Apache-2.0 */
/* Processors: sockets, cores and threads from sysfs, names from /proc/cpuinfo. */
#include <stdio.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/str.h"
#include "resources.h"

typedef struct Thread {
        int64_t id, socket, die, core, node;
        bool online;
} Thread;

typedef struct Threads {
        Thread *items;
        size_t n;
} Threads;

static int64_t cpu_value(const char *root, int64_t cpu, const char *file) {
        return MAX(sys_number(0, "%s/sys/devices/system/cpu/cpu%" PRIi64 "/topology/%s", root, cpu, file), 0);
}

static int64_t cpu_node(const char *root, const char *name) {
        _cleanup_strv_free_ Strv entries = sys_list("%s/sys/devices/system/cpu/%s", root, name);
        int64_t node;

        STRV_FOREACH(e, entries)
                if (startswith(*e, "node") && parse_i64(*e + STRLEN("node"), &node) >= 0)
                        return node;
        return 0;
}

static int compare_threads(const void *a, const void *b) {
        const Thread *x = a, *y = b;
        const int64_t d[] = { x->socket - y->socket, x->die - y->die, x->core - y->core, x->id - y->id };

        for (size_t i = 0; i < ELEMENTSOF(d); i++)
                if (d[i] != 0)
                        return d[i] < 0 ? -1 : 1;
        return 0;
}

static void read_threads(const char *root, Threads *t) {
        _cleanup_strv_free_ Strv names = sys_list("%s/sys/devices/system/cpu", root);

        t->items = calloc(strv_length(names) + 1, sizeof(Thread));
        STRV_FOREACH(name, names) {
                int64_t id;

                if (!t->items || !startswith(*name, "cpu") || parse_i64(*name + STRLEN("cpu"), &id) < 0)
                        continue;
                t->items[t->n++] = (Thread) {
                        .id = id,
                        .socket = cpu_value(root, id, "physical_package_id"),
                        .die = cpu_value(root, id, "die_id"),
                        .core = cpu_value(root, id, "core_id"),
                        .node = cpu_node(root, *name),
                        .online = sys_number(1, "%s/sys/devices/system/cpu/%s/online", root, *name) != 0,
                };
        }
        SORT(t->items, t->n, compare_threads);
}

/* Value of a "name<tabs>: value" line in /proc/cpuinfo. */
static void write_cpuinfo(JsonWriter *w, const char *key, const char *cpuinfo, const char *name) {
        const char *p = cpuinfo ? strstr(cpuinfo, name) : NULL, *colon = p ? strchr(p, ':') : NULL;

        if (colon)
                json_stringf(w, key, "%.*s", (int) strcspn(colon + 2, "\n"), colon + 2);
        else
                json_string(w, key, "");
}

static void write_caches(JsonWriter *w, const char *root, int64_t cpu) {
        _cleanup_strv_free_ Strv caches = sys_list("%s/sys/devices/system/cpu/cpu%" PRIi64 "/cache", root, cpu);

        json_array_begin(w, "cache");
        STRV_FOREACH(c, caches) {
                _cleanup_free_ char *type = NULL, *size = NULL, *base = NULL;
                uint64_t kilobytes = 0;

                if (!startswith(*c, "index") ||
                    str_format(&base, "%s/sys/devices/system/cpu/cpu%" PRIi64 "/cache/%s", root, cpu, *c) < 0)
                        continue;
                if (sys_text(&size, "%s/size", base)) {
                        size[strcspn(size, "K")] = '\0';
                        (void) parse_u64(size, &kilobytes);
                }
                json_object_begin(w, NULL);
                json_int(w, "level", sys_number(0, "%s/level", base));
                json_string(w, "type", strempty(sys_text(&type, "%s/type", base)));
                json_uint(w, "size", kilobytes * 1024);
                json_object_end(w);
        }
        json_array_end(w);
}

static void write_thread(JsonWriter *w, const Thread *t, size_t number) {
        json_object_begin(w, NULL);
        json_int(w, "id", t->id);
        json_int(w, "numa_node", t->node);
        json_uint(w, "thread", number);
        json_boolean(w, "online", t->online);
        json_boolean(w, "isolated", false);
        json_object_end(w);
}

static bool same_core(const Thread *a, const Thread *b) {
        return a->socket == b->socket && a->die == b->die && a->core == b->core;
}

/* The threads from *i on that share a core; moves *i behind them. */
static void write_core(JsonWriter *w, const Threads *t, size_t *i) {
        const Thread *first = &t->items[*i];

        json_object_begin(w, NULL);
        json_int(w, "core", first->core);
        json_int(w, "die", first->die);
        json_array_begin(w, "threads");
        for (size_t number = 0; *i < t->n && same_core(first, &t->items[*i]); (*i)++)
                write_thread(w, &t->items[*i], number++);
        json_array_end(w);
        json_object_end(w);
}

static void write_socket(JsonWriter *w, const char *root, const char *cpuinfo, const Threads *t, size_t *i) {
        const Thread *first = &t->items[*i];

        json_object_begin(w, NULL);
        write_cpuinfo(w, "name", cpuinfo, "model name");
        write_cpuinfo(w, "vendor", cpuinfo, "vendor_id");
        json_int(w, "socket", first->socket);
        write_caches(w, root, first->id);
        json_array_begin(w, "cores");
        while (*i < t->n && t->items[*i].socket == first->socket)
                write_core(w, t, i);
        json_array_end(w);
        json_object_end(w);
}

void resources_write_cpu(JsonWriter *w, const char *root) {
        _cleanup_free_ char *path = NULL, *cpuinfo = NULL;
        struct utsname host = {};
        Threads t = {};

        if (str_format(&path, "%s/proc/cpuinfo", root) < 0 || file_read(path, 8 << 20, &cpuinfo, NULL) < 0)
                cpuinfo = NULL;
        (void) uname(&host);
        read_threads(root, &t);
        json_object_begin(w, "cpu");
        json_string(w, "architecture", host.machine);
        json_array_begin(w, "sockets");
        for (size_t i = 0; i < t.n;)
                write_socket(w, root, cpuinfo, &t, &i);
        json_array_end(w);
        json_uint(w, "total", t.n);
        json_object_end(w);
        free(t.items);
}
