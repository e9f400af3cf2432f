/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-instanced in the pretended world of its tests, where storage, network and guests do what they are asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "bus-calls.h"
#include "lines.h"
#include "world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_file(const char *name, const char *text) {
        _cleanup_free_ char *path = NULL;

        if (str_format(&path, "%s/%s", world.dir, name) < 0 || file_write_atomic(path, text, strlen(text), 0600) < 0)
                abort();
}

static void make_folder(const char *name) {
        _cleanup_free_ char *path = NULL;

        if (str_format(&path, "%s/%s", world.dir, name) < 0 || (mkdir(path, 0755) < 0 && errno != EEXIST))
                abort();
}

/* Every instance has this volume. A first line "metadata.yaml TEXT" is that file of it; the rest is returned. */
static size_t make_volume(const uint8_t *data, size_t size) {
        static const char begin[] = "metadata.yaml ";
        _cleanup_free_ char *line = NULL;
        const uint8_t *end = memchr(data, '\n', size);

        make_folder("rootfs");
        make_folder("rootfs/d");
        make_folder("templates");
        write_file("rootfs/f", "content");
        write_file("templates/t.tpl", "{{ name }}");
        if (size < (sizeof(begin) - 1) || memcmp(data, begin, (sizeof(begin) - 1)) != 0 || !end)
                return 0;
        line = strndup((const char *) data + (sizeof(begin) - 1), (size_t) (end - data) - (sizeof(begin) - 1));
        if (!line)
                abort();
        write_file("metadata.yaml", line_unescape(line));
        return (size_t) (end - data) + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        sd_bus_error e = SD_BUS_ERROR_NULL;
        size_t begin;

        (void) bus_calls_confine();
        world_open();
        begin = make_volume(data, size);
        world_set_up();
        if (world_create("c1", "none", &e) < 0) {
                fprintf(stderr, "%s\n", e.message);
                abort();
        }
        bus_calls_run(&world.f, instanced_interfaces, data + begin, size - begin);
        world_close();
        return 0;
}
