/* SPDX-License-Identifier: Apache-2.0 */
/* Asking lxd-imaged for the files of an image that a guest wants. */
#include "export.h"

#include "bus-error.h"
#include "bus-message.h"
#include "http-files.h"
#include "log.h"

struct Export {
        export_done_t done; /* NULL: cancelled */
        void *userdata;
};

void export_cancel(Export *e) {
        if (e)
                e->done = NULL; /* the answer of the bus frees it */
}

static int read_response(sd_bus_message *m, struct MHD_Response **ret) {
        const char *names[2] = {};
        int fds[2], r;
        size_t n = 0;

        r = sd_bus_message_enter_container(m, 'a', "(sh)");
        while (r >= 0 && n < ELEMENTSOF(fds) && (r = sd_bus_message_read(m, "(sh)", &names[n], &fds[n])) > 0)
                n++;
        return r < 0 ? r : http_files_response(names, fds, n, ret);
}

static void on_files(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        struct MHD_Response *response = NULL;
        Export *e = userdata;
        int r = 0;

        if (e->done && !error)
                r = read_response(m, &response);
        if (e->done && response)
                e->done(response, 200, NULL, e->userdata);
        else if (e->done && sd_bus_error_has_name(error, LXD_ERROR_NOT_FOUND))
                e->done(NULL, 404, "not found", e->userdata);
        else if (e->done) {
                log_warning("Cannot export an image to a guest: %s", error && error->message ? error->message : strerror(-r));
                e->done(NULL, 503, "the image service is not available, try again", e->userdata);
        }
        free(e);
}

int export_start(Manager *m, const char *project, const char *fingerprint, export_done_t done, void *userdata, Export **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        Export *e;
        int r;

        r = bus_peer_message(m->imaged, &call, "/org/lxd/image1", LXD_BUS_PREFIX ".image1.Store", "ExportPublic");
        if (r >= 0)
                r = sd_bus_message_append(call, "sst", project, fingerprint, UINT64_C(0));
        if (r < 0)
                return r;
        e = calloc(1, sizeof(Export));
        if (!e)
                return -ENOMEM;
        *e = (Export) { .done = done, .userdata = userdata };
        r = bus_peer_call(m->imaged, call, on_files, e);
        if (r < 0) {
                free(e);
                return r;
        }
        *ret = e;
        return 0;
}
