/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of image templates: finds out whether there can be any, and calls lxd-template-worker. */
#include <fcntl.h>

#include "base/clock.h"
#include "base/file.h"
#include "bus-error.h"
#include "guest-templates.h"

#define METADATA_MAX (1024 * 1024)

/* Half a millisecond for each start: more would only cost their own. A stranger's templates may have 20 s of the processor. */
const GuestWorkersKind guest_templates_workers = { .name = "template", .max = 4, .call_usec = 60 * USEC_PER_SEC, .end_by_error = true };

typedef struct TemplatesCall {
        GuestWorkerCall call; /* the first */
        guest_templates_reply_t callback;
        void *userdata;
} TemplatesCall;

static void on_done(GuestWorkerCall *c, int r, const sd_bus_error *e, GuestMessage *answer) {
        TemplatesCall *t = (TemplatesCall *) c;

        t->callback(r, e, t->userdata);
}

/* A template can only be meant for a trigger whose word is in the file. This is no parser: it only saves a process at most starts. */
static int may_have_templates(int volume, char *const *triggers) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        size_t n;
        int r;

        fd = open_resolve(volume, "metadata.yaml", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
        if (fd < 0)
                return fd == -ENOENT ? 0 : fd;
        r = fd_read_all(fd, METADATA_MAX, &text, &n);
        if (r < 0)
                return r;
        STRV_FOREACH(t, triggers)
                if (memmem(text, n, *t, strlen(*t)))
                        return memmem(text, n, "templates", STRLEN("templates")) != NULL;
        return 0;
}

static int request_add_devices(GuestMessage *m, const Devices *devices) {
        int r = 0;

        if (!devices)
                return 0;
        DEVICES_FOREACH(d, devices) {
                r = guest_message_add(m, "device", d->name);
                for (size_t i = 0; r >= 0 && i < d->config.n; i++)
                        r = guest_message_addf(m, "item", "%s=%s", d->config.items[i].key, d->config.items[i].value);
                if (r < 0)
                        return r;
        }
        return r;
}

static int request_build(GuestMessage *m, const GuestTemplates *t) {
        const char *const facts[][2] = {
                { "name", t->name }, { "type", t->type }, { "architecture", t->architecture },
                { "privileged", t->privileged ? "true" : "false" }, { "ephemeral", t->ephemeral ? "true" : "false" },
        };
        int r;

        r = guest_message_begin(m, "templates");
        if (r >= 0)
                r = guest_message_add_all(m, "trigger", t->triggers);
        if (r >= 0)
                r = guest_message_add_all(m, "idmap", t->idmap);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(facts); i++)
                r = guest_message_add(m, facts[i][0], strempty(facts[i][1]));
        for (size_t i = 0; r >= 0 && t->config && i < t->config->n; i++)
                r = guest_message_addf(m, "config", "%s=%s", t->config->items[i].key, t->config->items[i].value);
        if (r >= 0)
                r = request_add_devices(m, t->devices);
        return r;
}

/* volume: the call's from now on. */
static int call_new(const GuestTemplates *t, int *volume, guest_templates_reply_t callback, void *userdata, GuestWorkerCall **ret) {
        TemplatesCall *call = calloc(1, sizeof(*call));
        _cleanup_(guest_worker_call_freep) GuestWorkerCall *c = call ? &call->call : NULL;
        int r;

        if (!call)
                return -ENOMEM;
        *call = (TemplatesCall) { .call.reply = on_done, .callback = callback, .userdata = userdata };
        r = request_build(&c->message, t);
        if (r >= 0)
                r = guest_message_add_fd(&c->message, *volume);
        if (r < 0)
                return r;
        *volume = -EBADF;
        c->message.owns_fds = true;
        *ret = TAKE_PTR(c);
        return 0;
}

int guest_templates_apply(GuestWorkers *workers, const GuestTemplates *t, guest_templates_reply_t callback, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int volume = open(t->volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
        GuestWorkerCall *c;
        int r;

        if (volume < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to open the volume \"%s\": %s", t->volume, strerror(errno));
        r = may_have_templates(volume, t->triggers);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to read metadata.yaml of the instance: %s", strerror(-r));
        if (r == 0)
                return 0;
        r = call_new(t, &volume, callback, userdata, &c);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to ask lxd-template-worker: %s", strerror(-r));
        r = guest_workers_submit(workers, c, error);
        return r < 0 ? r : 1;
}
