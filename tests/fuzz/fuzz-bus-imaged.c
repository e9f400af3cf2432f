/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of lxd-imaged: images, aliases, imports whose worker says nothing. */
#include "bus-calls.h"
#include "manager.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An image to ask for and to change; its fingerprint is all a. */
static void add_image(Manager *m) {
        ImageRecord i = {
                .fingerprint = (char *) "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .project = (char *) "default",
                .architecture = (char *) "x86_64", .type = (char *) "container", .filename = (char *) "a.tar.xz", .size = 1000,
                .format = (char *) "unified", .state = IMAGE_CREATED,
        };

        if (db_image_insert(m->db, &i) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        const char *directory = bus_calls_confine();
        Manager m = { .images_fd = -EBADF };
        Fixture f = {};
        const DaemonSpec spec = { .name = "imaged", .root = IMAGE_ROOT, .owner = OPERATION_OWNER_IMAGED, .interfaces = imaged_interfaces,
                                  .enumerators = imaged_enumerators, .userdata = &m };
        sd_bus *storaged;

        if (manager_open(&m, ":memory:", directory) < 0 || fixture_open(&f, &spec) < 0 ||
            manager_attach(&m, NULL, f.event, f.server, f.operations) < 0)
                abort();
        storaged = bus_calls_peer(f.event, m.storaged);
        add_image(&m);
        bus_calls_run(&f, imaged_interfaces, data, size);
        manager_done(&m);
        sd_bus_close_unref(storaged);
        fixture_close(&f);
        bus_calls_clear();
        return 0;
}
