/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: one instance, its state, lists of instances. What other daemons know is asked for once per document. */
#include "state.h"

#include "base/file.h"
#include "bus-error.h"
#include "cgroup.h"
#include "filter.h"
#include "json-split.h"
#include "json-write.h"
#include "log.h"
#include "manager.h"

typedef struct PoolUsage {
        char *pool, *project;
        Config bytes; /* name to number */
} PoolUsage;

typedef struct StateData {
        char *project, *type;
        bool all_projects, state_only;
        unsigned recursion;
        Filter *filter;
        char *network;       /* lxd-netd's object, by guest id */
        JsonMember *guests;
        size_t n_guests;
        PoolUsage *usage;
        size_t n_usage;
} StateData;

static void state_data_free(void *p) {
        StateData *d = p;

        for (size_t k = 0; k < d->n_usage; k++) {
                free(d->usage[k].pool);
                free(d->usage[k].project);
                config_done(&d->usage[k].bytes);
        }
        free(d->usage);
        free(d->guests);
        free(d->network);
        free(d->project);
        free(d->type);
        filter_free(d->filter);
        free(d);
}

/* ---- filter ---- */

static const char *field_of_devices(const Devices *d, const char *field) {
        const char *dot = strchr(field, '.');
        const Config *c;
        char name[65];

        if (!dot || (size_t) (dot - field) >= sizeof(name))
                return NULL;
        memcpy(name, field, (size_t) (dot - field));
        name[dot - field] = '\0';
        c = devices_get(d, name);
        return c ? config_get(c, dot + 1) : NULL;
}

static const char *filter_value(const char *field, char *buffer, size_t size, void *userdata) {
        const Instance *i = userdata;
        const char *rest;

        if (streq(field, "name"))
                return i->name;
        if (streq(field, "status"))
                return instance_status_text(i->status);
        if (streq(field, "type"))
                return "container";
        if (streq(field, "architecture"))
                return i->settings.architecture;
        if (streq(field, "description"))
                return strempty(i->settings.description);
        if (streq(field, "project"))
                return i->project;
        if (streq(field, "location"))
                return "none";
        if (streq(field, "ephemeral"))
                return i->settings.ephemeral ? "true" : "false";
        if (streq(field, "stateful"))
                return "false";
        if (streq(field, "status_code")) {
                (void) snprintf(buffer, size, "%d", i->status);
                return buffer;
        }
        if ((rest = startswith(field, "config.")))
                return config_get(&i->settings.config, rest);
        if ((rest = startswith(field, "expanded_config.")))
                return instance_get(i, rest);
        if ((rest = startswith(field, "devices.")))
                return field_of_devices(&i->settings.devices, rest);
        if ((rest = startswith(field, "expanded_devices."))) {
                _cleanup_devices_view_ Devices view = {};

                return instance_expand_devices(i, &view) < 0 ? NULL : field_of_devices(&view, rest);
        }
        return NULL;
}

/* Does the instance belong into this document? */
static bool is_wanted(const StateData *d, const Instance *i) {
        if (i->leftover)
                return false;
        if (!d->all_projects && !streq(i->project, d->project))
                return false;
        if (!isempty(d->type) && !streq(d->type, "container"))
                return false;
        return filter_match(d->filter, filter_value, (void *) i);
}

/* ---- what other daemons know ---- */

static int got_network(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        StateData *d = j->data;
        int fd, r;

        r = sd_bus_message_read(m, "h", &fd);
        if (r >= 0)
                r = fd_read_all(fd, 64U * 1024 * 1024, &d->network, NULL);
        if (r >= 0)
                r = json_split_object(d->network, &d->guests, &d->n_guests);
        return r;
}

static int ask_network(Job *j, const uint64_t *ids, size_t n, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        if (n == 0)
                return 0;
        r = bus_peer_message(j->manager->netd, &m, "/org/lxd/network1", "org.lxd.network1.Nics", "DescribeGuests");
        if (r >= 0)
                r = sd_bus_message_append_array(m, 't', ids, n * sizeof(uint64_t));
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->netd, m, got_network, NULL, error);
}

static int got_usage(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        StateData *d = j->data;
        PoolUsage *u = d->usage + (size_t) arg;
        const char *name;
        uint64_t bytes;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{st}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{st}", &name, &bytes)) > 0)
                r = config_setf(&u->bytes, name, "%" PRIu64, bytes);
        return r;
}

static int ask_usage(Job *j, size_t k, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        StateData *d = j->data;
        Manager *manager = j->manager;
        PoolUsage *u = d->usage + k;
        int r;

        r = bus_peer_message(manager->storaged, &m, "/org/lxd/storage1", "org.lxd.storage1.Guests", "GetUsage");
        if (r >= 0)
                r = sd_bus_message_append(m, "ss", u->pool, u->project);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < manager->n_instances; i++) {
                const Instance *instance = manager->instances[i];

                if (streq(instance->project, u->project) && streq_ptr(instance->pool, u->pool) &&
                    (j->instance ? j->instance == instance : is_wanted(d, instance)))
                        r = sd_bus_message_append(m, "s", instance->name);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, manager->storaged, m, got_usage, (void *) k, error);
}

static int add_pool(StateData *d, const Instance *i) {
        PoolUsage *grown;

        if (isempty(i->pool))
                return 0;
        for (size_t k = 0; k < d->n_usage; k++)
                if (streq(d->usage[k].pool, i->pool) && streq(d->usage[k].project, i->project))
                        return 0;
        grown = reallocarray(d->usage, d->n_usage + 1, sizeof(PoolUsage));
        if (!grown)
                return -ENOMEM;
        d->usage = grown;
        d->usage[d->n_usage] = (PoolUsage) { .pool = strdup(i->pool), .project = strdup(i->project) };
        return d->usage[d->n_usage].pool && d->usage[d->n_usage++].project ? 0 : -ENOMEM;
}

/* One call to lxd-netd for all, one to lxd-storaged per pool. Without their answer the document is there, only poorer. */
static int step_ask(Job *j, sd_bus_error *error) {
        _cleanup_free_ uint64_t *ids = NULL;
        StateData *d = j->data;
        Manager *m = j->manager;
        size_t n = 0;
        int r = 0;

        j->tolerant = true;
        ids = calloc(m->n_instances + 1, sizeof(uint64_t));
        if (!ids)
                return -ENOMEM;
        for (size_t k = 0; k < m->n_instances; k++) {
                Instance *i = m->instances[k];

                if (j->instance ? j->instance != i : !is_wanted(d, i))
                        continue;
                if (i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN)
                        ids[n++] = i->id;
                r = add_pool(d, i);
                if (r < 0)
                        return r;
        }
        (void) ask_network(j, ids, n, NULL);
        for (size_t k = 0; k < d->n_usage; k++)
                (void) ask_usage(j, k, NULL);
        return 0;
}

/* ---- writing ---- */

static void write_disk(JsonWriter *w, const StateData *d, const Instance *i) {
        _cleanup_devices_view_ Devices devices = {};
        const char *bytes = NULL;
        const Device *root;

        for (size_t k = 0; k < d->n_usage && !bytes; k++)
                if (streq_ptr(d->usage[k].pool, i->pool) && streq(d->usage[k].project, i->project))
                        bytes = config_get(&d->usage[k].bytes, i->name);
        json_object_begin(w, "disk");
        if (bytes && instance_expand_devices(i, &devices) >= 0 && (root = devices_find_root(&devices))) {
                json_object_begin(w, root->name);
                json_raw(w, "usage", bytes, strlen(bytes));
                json_object_end(w);
        }
        json_object_end(w);
}

static void write_network(JsonWriter *w, const StateData *d, const Instance *i, bool running) {
        char id[32];

        (void) snprintf(id, sizeof(id), "%" PRIu64, i->id);
        for (size_t k = 0; running && k < d->n_guests; k++)
                if (d->guests[k].key_length == strlen(id) && memcmp(d->guests[k].key, id, strlen(id)) == 0) {
                        json_raw(w, "network", d->guests[k].value, d->guests[k].value_length);
                        return;
                }
        if (running) {
                json_object_begin(w, "network");
                json_object_end(w);
        } else
                json_null(w, "network");
}

static int read_cgroup_file(const char *file, char **ret, void *userdata) {
        return guest_cgroup_get(userdata, file, ret);
}

static void write_state_fields(JsonWriter *w, const StateData *d, Instance *i) {
        bool running = i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN;
        CgroupUsage u = {};

        if (running)
                cgroup_usage_read(cgroup_layout(), read_cgroup_file, &i->guest, &u);
        json_string(w, "status", instance_status_text(i->status));
        json_int(w, "status_code", i->status);
        write_disk(w, d, i);
        json_object_begin(w, "memory");
        json_int(w, "usage", u.memory);
        json_int(w, "usage_peak", u.memory_peak);
        json_int(w, "swap_usage", u.swap);
        json_int(w, "swap_usage_peak", u.swap_peak);
        json_object_end(w);
        write_network(w, d, i, running);
        json_int(w, "pid", running ? i->guest.init_pid : 0);
        json_int(w, "processes", u.processes);
        json_object_begin(w, "cpu");
        json_int(w, "usage", u.cpu);
        json_object_end(w);
}

static void write_full(JsonWriter *w, const StateData *d, Instance *i) {
        json_null(w, "backups");
        json_object_begin(w, "state");
        write_state_fields(w, d, i);
        json_object_end(w);
        if (i->n_snapshots == 0) {
                json_null(w, "snapshots");
                return;
        }
        json_array_begin(w, "snapshots");
        for (size_t k = 0; k < i->n_snapshots; k++)
                if (i->snapshots[k]->row == ROW_CREATED)
                        snapshot_write_json(w, NULL, i->snapshots[k]);
        json_array_end(w);
}

static int reply_with(sd_bus_message *m, JsonWriter *w, const char *etag) {
        _cleanup_close_ int fd = json_document_finish(w);

        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

/* Who asks for one type sees the URLs of that type's own collection (/1.0/containers, as clients of the first years do). */
static void write_url(JsonWriter *w, const char *type, const Instance *i) {
        const char *collection = streq(type, "container") ? "containers" : streq(type, "virtual-machine") ? "virtual-machines" : "instances";
        _cleanup_free_ char *url = NULL;

        if (instance_url(i, &url) >= 0)
                json_stringf(w, NULL, "/1.0/%s%s", collection, url + STRLEN("/1.0/instances"));
}

static int reply_list(Job *j) {
        _cleanup_(json_done) JsonWriter w = {};
        StateData *d = j->data;

        json_document_begin(&w);
        json_array_begin(&w, NULL);
        for (size_t k = 0; k < j->manager->n_instances; k++) {
                Instance *i = j->manager->instances[k];

                if (!is_wanted(d, i))
                        continue;
                if (d->recursion == 0) {
                        write_url(&w, d->type, i);
                        continue;
                }
                json_object_begin(&w, NULL);
                instance_write_fields(&w, i);
                if (d->recursion > 1)
                        write_full(&w, d, i);
                json_object_end(&w);
        }
        json_array_end(&w);
        return reply_with(j->request, &w, NULL);
}

static int reply_one(Job *j) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        StateData *d = j->data;
        Instance *i = j->instance;
        int r;

        json_document_begin(&w);
        json_object_begin(&w, NULL);
        if (d->state_only)
                write_state_fields(&w, d, i);
        else {
                instance_write_fields(&w, i);
                if (d->recursion > 0)
                        write_full(&w, d, i);
                r = instance_etag(i, &etag);
                if (r < 0)
                        return r;
        }
        json_object_end(&w);
        return reply_with(j->request, &w, etag);
}

static const JobStep ask_steps[] = { { "ask", step_ask, NULL }, {} };
static const JobStep no_steps[] = { {} };

static int start(Manager *manager, Instance *i, const JobStep *steps, StateData **data, int (*reply)(Job *j), sd_bus_message *m) {
        Job *j;
        int r = job_new(manager, i, "describe", JOB_FREE, steps, NULL, &j);

        if (r < 0)
                return r;
        j->data = TAKE_PTR(*data);
        j->free_data = state_data_free;
        j->reply = reply;
        return job_start_reply_done(j, m);
}

static void state_data_freep(StateData **d) {
        if (*d)
                state_data_free(*d);
}

int state_reply_instance(Instance *i, unsigned recursion, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(state_data_freep) StateData *d = calloc(1, sizeof(StateData));

        if (!d)
                return -ENOMEM;
        d->recursion = recursion;
        return start(i->manager, i, recursion > 0 ? ask_steps : no_steps, &d, reply_one, m);
}

int state_reply_state(Instance *i, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(state_data_freep) StateData *d = calloc(1, sizeof(StateData));

        if (!d)
                return -ENOMEM;
        d->state_only = true;
        return start(i->manager, i, ask_steps, &d, reply_one, m);
}

int state_reply_list(Manager *manager, const char *project, bool all_projects, const char *type, unsigned recursion, const char *filter,
                     sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(state_data_freep) StateData *d = calloc(1, sizeof(StateData));
        int r;

        if (!d || str_replace(&d->project, project) < 0 || str_replace(&d->type, type) < 0)
                return -ENOMEM;
        if (!isempty(type) && !streq(type, "container") && !streq(type, "virtual-machine"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance type \"%s\"", type);
        r = filter_parse(filter, &d->filter, error);
        if (r < 0)
                return r;
        d->all_projects = all_projects;
        d->recursion = recursion;
        return start(manager, NULL, recursion > 1 ? ask_steps : no_steps, &d, reply_list, m);
}
