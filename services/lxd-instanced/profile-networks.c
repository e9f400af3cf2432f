/* SPDX-License-Identifier: Apache-2.0 */
/* A job without an instance, only when there is something to ask. */
#include "profile-networks.h"

#include "bus-error.h"
#include "device-config.h"
#include "job.h"
#include "manager.h"
#include "storage.h"

typedef struct Check {
        char *project, *profile; /* profile NULL: it is to be made */
        Devices devices;         /* NICs to be asked for */
        sd_bus_message_handler_t apply;
} Check;

static void check_free(void *p) {
        Check *c = p;

        free(c->project);
        free(c->profile);
        devices_done(&c->devices);
        free(c);
}

/* No more than the network: the rest is judged for each instance. */
static int collect(const Devices *devices, const Profile *p, Devices *ret) {
        DEVICES_FOREACH(d, devices) {
                const char *network = config_get(&d->config, "network");
                const Config *former = p ? devices_get(&p->devices, d->name) : NULL;
                _cleanup_(config_done) Config c = {};
                int r;

                if (device_kind(&d->config) != DEVICE_NIC || isempty(network) || (former && streq_ptr(config_get(former, "network"), network)))
                        continue;
                r = config_set(&c, "type", "nic");
                if (r >= 0)
                        r = config_set(&c, "network", network);
                if (r >= 0)
                        r = devices_set(ret, d->name, &c);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void on_answer(sd_bus_message *m, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        Check *c = j->data;

        /* As LXD has it: a profile that cannot be made is a bad request. */
        if (e && !c->profile && sd_bus_error_has_name(e, LXD_ERROR_NOT_FOUND)) {
                (void) bus_error_set(&error, LXD_ERROR_INVALID, "%s", e->message);
                e = &error;
        }
        job_wake(j, e ? -abs(sd_bus_error_get_errno(e) ?: EIO) : 0, e);
}

static int step_ask(Job *j, sd_bus_error *error) {
        Check *c = j->data;

        DEVICES_FOREACH(d, &c->devices) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r = nic_validate_message(j, c->project, "", d, &m, error);

                if (r >= 0)
                        r = bus_peer_call(j->manager->netd, m, on_answer, j);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to ask lxd-netd for the network of device \"%s\"", d->name);
                job_wait(j);
        }
        return 0;
}

static int step_apply(Job *j, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = TAKE_PTR(j->request);
        Check *c = j->data;
        Profile *p = c->profile ? profile_find(j->manager, c->project, c->profile) : NULL;
        int r;

        if (c->profile && !p)
                r = bus_error_set(error, LXD_ERROR_NOT_FOUND, "Profile not found");
        else {
                r = sd_bus_message_rewind(m, true);
                if (r >= 0)
                        r = c->apply(m, p ? (void *) p : j->manager, error);
        }
        if (r < 0)
                j->request = TAKE_PTR(m); /* the job's end answers it */
        return MIN(r, 0);
}

static const JobStep check_steps[] = {
        { "ask", step_ask, NULL },
        { "apply", step_apply, NULL },
        {}
};

int profile_check_networks(Manager *m, const char *project, Profile *p, const Devices *devices, sd_bus_message *request, sd_bus_message_handler_t apply,
                           sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        _cleanup_(devices_done) Devices asked = {};
        Check *c;
        int r;

        r = devices_check(devices, NULL) < 0 ? 0 : collect(devices, p, &asked); /* apply() says what is wrong */
        if (r < 0)
                return r;
        if (asked.n == 0) {
                r = sd_bus_message_rewind(request, true);
                return r < 0 ? r : apply(request, p ? (void *) p : m, error);
        }
        r = job_new(m, NULL, "profile", JOB_FREE, check_steps, NULL, &j);
        if (r < 0)
                return r;
        c = job_alloc_data(j, sizeof(Check), check_free);
        if (!c)
                return -ENOMEM;
        c->apply = apply;
        c->devices = asked;
        asked = (Devices) {};
        if (str_replace(&c->project, project) < 0 || (p && str_replace(&c->profile, p->name) < 0))
                return -ENOMEM;
        return job_start_reply_done(TAKE_PTR(j), request);
}
