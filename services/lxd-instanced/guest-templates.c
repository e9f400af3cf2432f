/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of image templates: finds out whether there can be any, and runs lxd-template-worker. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/file.h"
#include "bus-error.h"
#include "guest-templates.h"
#include "guest-worker.h"

#define METADATA_MAX (1024 * 1024)

struct GuestTemplatesJob {
        sd_event_source *io, *child, *defer;
        int fd;
        pid_t pid;
        guest_templates_reply_t callback;
        void *userdata;
};

GuestTemplatesJob *guest_templates_job_free(GuestTemplatesJob *j) {
        if (!j)
                return NULL;
        if (j->pid > 0 && j->fd >= 0)
                (void) kill(j->pid, SIGKILL);
        sd_event_source_disable_unref(j->io);
        sd_event_source_disable_unref(j->defer);
        if (j->child) {
                (void) sd_event_source_set_userdata(j->child, NULL);
                sd_event_source_unref(j->child); /* floating: it stays until the process is collected */
        }
        closep(&j->fd);
        free(j);
        return NULL;
}
DEFINE_CLEANUP(GuestTemplatesJob, guest_templates_job_free)

static int on_exit_collect(sd_event_source *s, const siginfo_t *si, void *userdata) {
        GuestTemplatesJob *j = userdata;

        (void) sd_event_source_set_floating(s, false);
        if (j)
                j->child = sd_event_source_unref(s);
        return 0;
}

static void job_finish(GuestTemplatesJob *j, int r, const sd_bus_error *e) {
        guest_templates_reply_t callback = j->callback;
        void *userdata = j->userdata;

        guest_templates_job_free(j);
        callback(r, e, userdata);
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_message_ GuestMessage m = {};
        GuestTemplatesJob *j = userdata;
        int r;

        r = guest_message_receive(fd, &m);
        if (r == -EAGAIN)
                return 0;
        if (r <= 0)
                r = bus_error_set(&error, LXD_ERROR_FAILED, "The template worker was killed");
        else if (streq(guest_message_verb(&m), "ok"))
                r = 0;
        else
                r = bus_error_set(&error, guest_message_get(&m, "name") ?: LXD_ERROR_FAILED, "%s",
                                  strempty(guest_message_get(&m, "text")));
        job_finish(j, r, r < 0 ? &error : NULL);
        return 0;
}

static int on_nothing(sd_event_source *s, void *userdata) {
        job_finish(userdata, 0, NULL);
        return 0;
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

static int request_build(GuestMessage *m, const GuestTemplates *t, int volume) {
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
        return r < 0 ? r : guest_message_add_fd(m, volume);
}

static int job_spawn(sd_event *event, GuestTemplatesJob *j, const GuestMessage *m) {
        int r;

        r = guest_worker_start("template-worker", m, &j->fd, &j->pid); /* its first look finds the request */
        if (r < 0)
                return r;
        r = sd_event_add_child(event, &j->child, j->pid, WEXITED, on_exit_collect, j);
        if (r >= 0)
                r = sd_event_source_set_floating(j->child, true);
        if (r >= 0)
                r = sd_event_add_io(event, &j->io, j->fd, EPOLLIN, on_answer, j);
        return r;
}

int guest_templates_apply(sd_event *event, const GuestTemplates *t, guest_templates_reply_t callback, void *userdata,
                          GuestTemplatesJob **ret_job, sd_bus_error *error) {
        _cleanup_(guest_templates_job_freep) GuestTemplatesJob *j = calloc(1, sizeof(*j));
        _cleanup_close_ int volume = open(t->volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
        _cleanup_message_ GuestMessage m = {};
        int r;

        if (!j)
                return bus_error_ensure(error, -ENOMEM);
        *j = (GuestTemplatesJob) { .fd = -EBADF, .callback = callback, .userdata = userdata };
        if (volume < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to open the volume \"%s\": %s", t->volume, strerror(errno));
        r = may_have_templates(volume, t->triggers);
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to read metadata.yaml of the instance: %s", strerror(-r));
        if (r == 0)
                r = sd_event_add_defer(event, &j->defer, on_nothing, j);
        else {
                r = request_build(&m, t, volume);
                if (r >= 0)
                        r = job_spawn(event, j, &m);
        }
        if (r < 0)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to start lxd-template-worker: %s", strerror(-r));
        if (ret_job)
                *ret_job = j;
        TAKE_PTR(j);
        return 0;
}
