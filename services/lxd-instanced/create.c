/* SPDX-License-Identifier: Apache-2.0 */
/* Making instances: from images, empty, and as copies. */
#include "create.h"

#include <sys/random.h>

#include "base/clock.h"
#include "bus-error.h"
#include "db-records.h"
#include "device-config.h"
#include "device-host.h"
#include "guest.h"
#include "instance-config.h"
#include "log.h"
#include "manager.h"
#include "refresh.h"
#include "snapshot.h"
#include "storage.h"

typedef struct CreateData {
        Config source;
        bool default_profiles;
        bool with_snapshots;
        bool volume_made;
        Strv image_profiles;
        Config image_properties;
        char *fingerprint;
} CreateData;

void create_request_done(CreateRequest *c) {
        free(c->project);
        free(c->name);
        free(c->type);
        free(c->architecture);
        free(c->description);
        strv_free(c->profiles);
        config_done(&c->config);
        devices_done(&c->devices);
        config_done(&c->source);
        *c = (CreateRequest) {};
}

static void create_data_free(void *p) {
        CreateData *d = p;

        config_done(&d->source);
        config_done(&d->image_properties);
        strv_free(d->image_profiles);
        free(d->fingerprint);
        free(d);
}

/* A name nobody has, of two words, for requests without one. */
static int make_name(Manager *m, const char *project, char **ret) {
        static const char *const first[] = { "able", "brave", "calm", "clever", "eager", "fair", "gentle", "happy", "kind", "lively", "merry",
                                             "neat", "proud", "quick", "rapid", "sharp", "solid", "sunny", "vivid", "wise" };
        static const char *const second[] = { "badger", "beaver", "crane", "falcon", "ferret", "finch", "gecko", "heron", "ibex", "lynx",
                                              "marten", "moth", "otter", "owl", "plover", "raven", "robin", "seal", "stoat", "wren" };

        for (unsigned attempt = 0; attempt < 1000; attempt++) {
                _cleanup_free_ char *name = NULL;
                uint32_t v;
                int r;

                if (getrandom(&v, sizeof(v), 0) != sizeof(v))
                        return -EIO;
                if (attempt < 100)
                        r = str_format(&name, "%s-%s", first[v % ELEMENTSOF(first)], second[(v >> 8) % ELEMENTSOF(second)]);
                else
                        r = str_format(&name, "%s-%s-%u", first[v % ELEMENTSOF(first)], second[(v >> 8) % ELEMENTSOF(second)], v >> 16);
                if (r < 0)
                        return r;
                if (!instance_find(m, project, name)) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
        }
        return -EEXIST;
}

static int make_uuid(char **ret) {
        sd_id128_t id;
        int r = sd_id128_randomize(&id);

        if (r < 0)
                return r;
        return str_format(ret, SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
}

static bool hwaddr_is_used(Manager *m, const char *hwaddr) {
        for (size_t k = 0; k < m->n_instances; k++)
                CONFIG_FOREACH(i, &m->instances[k]->settings.config)
                        if (strcasecmp(i->value, hwaddr) == 0 && endswith(i->key, ".hwaddr"))
                                return true;
        return false;
}

static int make_hwaddr(Manager *m, char **ret) {
        for (;;) {
                _cleanup_free_ char *text = NULL;
                uint8_t b[3];
                int r;

                if (getrandom(b, sizeof(b), 0) != sizeof(b))
                        return -EIO;
                r = str_format(&text, "00:16:3e:%02x:%02x:%02x", b[0], b[1], b[2]);
                if (r < 0)
                        return r;
                if (!hwaddr_is_used(m, text)) {
                        *ret = TAKE_PTR(text);
                        return 0;
                }
        }
}

/* The first ethN that no NIC has. */
static int make_nic_name(const Devices *devices, const Config *config, char **ret) {
        for (unsigned n = 0;; n++) {
                _cleanup_free_ char *name = NULL;
                bool taken = false;
                int r;

                r = str_format(&name, "eth%u", n);
                if (r < 0)
                        return r;
                DEVICES_FOREACH(d, devices) {
                        char key[128];

                        (void) snprintf(key, sizeof(key), "volatile.%s.name", d->name);
                        if (device_kind(&d->config) == DEVICE_NIC && (streq_ptr(config_get(&d->config, "name"), name) ||
                                                                      streq_ptr(config_get(config, key), name)))
                                taken = true;
                }
                if (!taken) {
                        *ret = TAKE_PTR(name);
                        return 0;
                }
        }
}

int instance_fill_nics(Instance *i, const Devices *expanded, Config *config) {
        int r = 0;

        DEVICES_FOREACH(d, expanded) {
                _cleanup_free_ char *hwaddr = NULL, *name = NULL;
                char key[128];

                if (device_kind(&d->config) != DEVICE_NIC)
                        continue;
                (void) snprintf(key, sizeof(key), "volatile.%s.hwaddr", d->name);
                if (isempty(config_get(&d->config, "hwaddr")) && isempty(config_get(config, key))) {
                        r = make_hwaddr(i->manager, &hwaddr);
                        if (r >= 0)
                                r = config_set(config, key, hwaddr);
                }
                (void) snprintf(key, sizeof(key), "volatile.%s.name", d->name);
                if (r >= 0 && isempty(config_get(&d->config, "name")) && isempty(config_get(config, key))) {
                        r = make_nic_name(expanded, config, &name);
                        if (r >= 0)
                                r = config_set(config, key, name);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

int create_find_source(Manager *m, const Config *source, const char *project, Instance **ret, Snapshot **ret_snapshot, sd_bus_error *error) {
        const char *text = config_get_or(source, "source", ""), *slash = strchr(text, '/');
        const char *from = config_get_or(source, "project", project);
        _cleanup_free_ char *name = strndup(text, slash ? (size_t) (slash - text) : strlen(text));

        if (!name)
                return -ENOMEM;
        if (isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Must specify a source instance");
        *ret = instance_find(m, isempty(from) ? project : from, name);
        *ret_snapshot = *ret && slash ? snapshot_find(*ret, slash + 1) : NULL;
        if (!*ret)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Failed to fetch instance \"%s\" in project \"%s\": Instance not found", text,
                                     isempty(from) ? project : from);
        if (slash && !*ret_snapshot)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND,
                                     "Failed to fetch snapshot \"%s\" of instance \"%s\" in project \"%s\": InstanceSnapshot not found",
                                     slash + 1, name, isempty(from) ? project : from);
        if ((*ret)->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Source instance \"%s\" is still being created", name);
        return 0;
}

/* What a copy takes over where the request says nothing. */
static int inherit(CreateRequest *c, const Instance *from, const Snapshot *snapshot) {
        const Settings *s = snapshot ? &snapshot->settings : &from->settings;
        int r;

        CONFIG_FOREACH(i, &s->config) {
                if ((startswith(i->key, "volatile.") && !streq(i->key, "volatile.base_image") && !streq(i->key, "volatile.last_state.idmap")) ||
                    config_get(&c->config, i->key))
                        continue;
                r = config_set(&c->config, i->key, i->value);
                if (r < 0)
                        return r;
        }
        DEVICES_FOREACH(d, &s->devices) {
                if (devices_get(&c->devices, d->name))
                        continue;
                r = devices_set(&c->devices, d->name, &d->config);
                if (r < 0)
                        return r;
        }
        if (c->default_profiles) {
                for (size_t k = 0; k < from->n_profiles; k++) {
                        r = strv_extend(&c->profiles, from->profiles[k]->name);
                        if (r < 0)
                                return r;
                }
                c->default_profiles = false;
        }
        return isempty(c->architecture) ? str_replace(&c->architecture, s->architecture) : 0;
}

static int check_request(Manager *m, CreateRequest *c, sd_bus_error *error) {
        const char *type = config_get_or(&c->source, "type", "");
        int r;

        if (!isempty(c->type) && !streq(c->type, "container"))
                return streq(c->type, "virtual-machine")
                                ? bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Virtual machines are not supported by this server yet")
                                : bus_error_set(error, LXD_ERROR_INVALID, "Invalid instance type");
        if (streq(type, "migration"))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Migration from another server is not supported by this server yet");
        if (!streq(type, "image") && !streq(type, "none") && !streq(type, "copy"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Unknown source type %s", type);
        if (!object_name_is_valid(c->project))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid project name \"%s\"", c->project);
        if (isempty(c->name)) {
                c->name = (free(c->name), NULL);
                r = make_name(m, c->project, &c->name);
                if (r < 0)
                        return r;
        }
        r = instance_check_name(c->name, error);
        if (r < 0)
                return r;
        if (instance_find(m, c->project, c->name))
                return bus_error_set(error, LXD_ERROR_EXISTS, "Instance \"%s\" already exists", c->name);
        if (!text_is_valid(strempty(c->description), true))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid description");
        if (!isempty(c->architecture)) {
                const char *a = architecture_intern(c->architecture);

                if (!a)
                        return bus_error_set(error, LXD_ERROR_INVALID, "Architecture isn't supported: %s", c->architecture);
                if (!architecture_is_supported(a))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Failed creating instance record: Requested architecture isn't supported by this host");
        }
        r = instance_config_check(&c->config, false, error);
        if (r >= 0) {
                r = devices_check(&c->devices, error);
                if (r < 0)
                        (void) bus_error_wrap(error, r, "Invalid devices");
        }
        return r < 0 ? bus_error_wrap(error, r, "Failed creating instance record") : 0;
}

/* The record as far as the request alone gives it. */
static int fill_instance(Instance *i, CreateRequest *c, sd_bus_error *error) {
        _cleanup_free_ char *uuid = NULL, *instance_id = NULL;
        static char *const default_profile[] = { (char *) "default", NULL };
        char *const *profiles = c->default_profiles ? default_profile : c->profiles;
        int r;

        i->row = ROW_PENDING;
        i->volume_settled = true;
        i->created_at = now_realtime();
        i->settings.architecture = architecture_intern(c->architecture) ?: architecture_native();
        i->settings.description = TAKE_PTR(c->description);
        i->settings.ephemeral = c->ephemeral;
        i->settings.config = c->config;
        c->config = (Config) {};
        i->settings.devices = c->devices;
        c->devices = (Devices) {};
        config_remove_empty(&i->settings.config);
        devices_remove_empty(&i->settings.devices);
        r = str_replace(&i->pool, "");
        if (r >= 0)
                r = profiles_resolve(i->manager, i->project, profiles, &i->profiles, &i->n_profiles, error);
        if (r >= 0)
                r = make_uuid(&uuid);
        if (r >= 0)
                r = make_uuid(&instance_id);
        if (r >= 0)
                r = config_set(&i->settings.config, "volatile.uuid", uuid);
        if (r >= 0)
                r = config_set(&i->settings.config, "volatile.cloud-init.instance-id", instance_id);
        if (r >= 0)
                r = config_set(&i->settings.config, "volatile.apply_template",
                               streq(config_get_or(&c->source, "type", ""), "copy") ? "copy" : "create");
        if (r >= 0 && !config_get(&i->settings.config, "volatile.last_state.idmap"))
                r = config_set(&i->settings.config, "volatile.last_state.idmap", "[]");
        return r < 0 ? r : guest_idmap_next(i, &i->settings.config, error);
}

static int resolved(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        CreateData *d = j->data;
        const char *fingerprint, *type, *architecture, *a;
        int r;

        r = sd_bus_message_read(m, "sss", &fingerprint, &type, &architecture);
        if (r >= 0)
                r = bus_read_config(m, &d->image_properties);
        if (r >= 0)
                r = bus_read_strv(m, &d->image_profiles);
        if (r >= 0)
                r = str_replace(&d->fingerprint, fingerprint);
        if (r < 0)
                return r;

        if (!isempty(type) && !streq(type, "container"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Requested image's type \"%s\" doesn't match instance type \"container\"", type);
        a = architecture_intern(architecture);
        if (!a || !architecture_is_supported(a))
                return bus_error_set(error, LXD_ERROR_INVALID, "Requested architecture isn't supported by this host: %s", architecture);
        j->instance->settings.architecture = a;
        return 0;
}

static int step_resolve(Job *j, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        CreateData *d = j->data;
        int r;

        if (!streq(config_get_or(&d->source, "type", ""), "image"))
                return 0;
        r = bus_peer_message(j->manager->imaged, &m, "/org/lxd/image1", "org.lxd.image1.Store", "ResolveImage");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", j->instance->project);
        if (r >= 0)
                r = bus_append_config(m, &d->source);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to ask lxd-imaged for the image");
        return job_call(j, j->manager->imaged, m, resolved, NULL, error);
}

/* image.* keys and the profiles of the image. */
static int apply_image(Job *j, sd_bus_error *error) {
        CreateData *d = j->data;
        Instance *i = j->instance;
        int r;

        if (!d->fingerprint)
                return 0;
        CONFIG_FOREACH(p, &d->image_properties) {
                _cleanup_free_ char *key = NULL;

                r = str_format(&key, "image.%s", p->key);
                if (r >= 0 && text_is_valid(p->value, true) && text_is_valid(p->key, false))
                        r = config_set(&i->settings.config, key, p->value);
                if (r < 0)
                        return r;
        }
        if (d->default_profiles && strv_length(d->image_profiles) > 0) {
                Profile **profiles;
                size_t n;

                r = profiles_resolve(j->manager, i->project, d->image_profiles, &profiles, &n, error);
                if (r < 0)
                        return r;
                free(i->profiles);
                i->profiles = profiles;
                i->n_profiles = n;
        }
        return config_set(&i->settings.config, "volatile.base_image", d->fingerprint);
}

#define CREATE_FAILED "Failed creating instance record: Failed initialising instance"

static int step_plan(Job *j, sd_bus_error *error) {
        DB_LAZY(j->manager->db); /* the row is pending */
        _cleanup_devices_view_ Devices expanded = {};
        Instance *i = j->instance;
        int r;

        r = apply_image(j, error);
        if (r < 0)
                return r;
        r = instance_expand_devices(i, &expanded);
        if (r < 0)
                return r;
        r = devices_check_expanded(&expanded, error);
        if (r < 0)
                return r;
        r = devices_check_sources(NULL, &expanded, error);
        if (r < 0)
                return bus_error_wrap(error, r, CREATE_FAILED);

        r = str_replace(&i->pool, config_get(&devices_find_root(&expanded)->config, "pool"));
        if (r >= 0)
                r = instance_fill_nics(i, &expanded, &i->settings.config);
        if (r >= 0)
                r = db_instance_update(j->manager->db, i->id, &i->settings, i->profiles, i->n_profiles);
        if (r >= 0)
                r = db_instance_set_pool(j->manager->db, i->id, i->pool);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed creating instance record");
        r = nics_validate(j, &expanded, CREATE_FAILED ": Invalid devices", error);
        return r < 0 ? r : volumes_validate(j, NULL, &expanded, CREATE_FAILED, error);
}

/* Up to here the request itself may be wrong, or name what is not there: the caller hears that at once. The rest takes time. If nobody
 * can be told, it goes on all the same: the row is there. */
int create_step_answer(Job *j, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *request = TAKE_PTR(j->request), *reply = NULL;
        int r;

        if (!request)
                return 0;
        operation_begun(j->operation);
        r = sd_bus_message_new_method_return(request, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "os", operation_path(j->operation), j->instance->name);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        if (r < 0)
                log_debug_errno(r, "Failed to answer CreateInstance: %m");
        return 0;
}

/* What could not be removed keeps its record, so that a deletion or the next start finds it. */
static int undo_record(Job *j) {
        if (!j->undo_failed) {
                instance_forget(j->instance);
                return 0;
        }
        j->instance->row = ROW_DELETING;
        return db_instance_set_row(j->manager->db, j->instance->id, ROW_DELETING);
}

/* The copies of the snapshots' records, and with them which volumes are to come: what happens to the source from here on is too late. */
static int step_snapshots(Job *j, sd_bus_error *error) {
        DB_LAZY(j->manager->db); /* they belong to a pending row */
        CreateData *d = j->data;
        Instance *from;
        Snapshot *snapshot;
        int r;

        if (!d->with_snapshots)
                return 0;
        r = create_find_source(j->manager, &d->source, j->instance->project, &from, &snapshot, error);
        for (size_t k = 0; r >= 0 && k < from->n_snapshots; k++) {
                const Snapshot *old = from->snapshots[k];
                Snapshot *new;

                if (old->row != ROW_CREATED)
                        continue;
                new = snapshot_copy(old, j->instance);
                if (!new)
                        return -ENOMEM;
                r = db_snapshot_insert(j->manager->db, new);
        }
        return r;
}

static int step_volume(Job *j, sd_bus_error *error) {
        _cleanup_(config_done) Config source = {};
        _cleanup_free_ char *names = NULL;
        CreateData *d = j->data;
        const char *type = config_get_or(&d->source, "type", "");
        int r;

        r = config_set(&source, "type", type);
        if (r >= 0 && d->fingerprint)
                r = config_set(&source, "fingerprint", d->fingerprint);
        if (r >= 0 && streq(type, "copy")) {
                Instance *from;
                Snapshot *snapshot;

                r = create_find_source(j->manager, &d->source, j->instance->project, &from, &snapshot, error);
                if (r >= 0)
                        r = config_set(&source, "pool", from->pool);
                if (r >= 0)
                        r = config_set(&source, "project", from->project);
                if (r >= 0)
                        r = config_set(&source, "name", config_get(&d->source, "source"));
                if (r >= 0)
                        r = snapshots_names(j->instance, &names);
                if (r >= 0)
                        r = config_set(&source, "snapshots", names);
        }
        if (r < 0)
                return r;
        return storage_create_volume(j, j->instance, &source, error);
}

static int undo_volume(Job *j) {
        CreateData *d = j->data;

        /* The volume of that name is somebody else's: not ours to remove. */
        if (!d->volume_made && j->result == -EEXIST)
                return 0;
        return storage_delete_volume(j, j->instance, NULL, NULL);
}

static int step_commit(Job *j, sd_bus_error *error) {
        _cleanup_(config_done) Config context = {};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        CreateData *d = j->data;
        Instance *i = j->instance;
        int r;

        d->volume_made = true;
        r = db_instance_set_row(j->manager->db, i->id, ROW_CREATED);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record that the instance is complete");
        i->row = ROW_CREATED;
        snapshots_update_duties(j->manager, i);

        (void) config_set(&context, "type", "container");
        (void) config_set(&context, "storage-pool", i->pool);
        instance_lifecycle(i, "created", &context, &j->who, j->operation);
        snapshots_lifecycle(i, "created", &j->who, j->operation); /* a copy's, which came with it */

        /* For the image's last use; nobody depends on the answer. */
        if (d->fingerprint &&
            bus_peer_message(j->manager->imaged, &m, "/org/lxd/image1", "org.lxd.image1.Store", "MarkUsed") >= 0 &&
            sd_bus_message_append(m, "sst", i->project, d->fingerprint, (uint64_t) 0) >= 0)
                (void) peer_call_ignore(j->manager->imaged, m);
        return 0;
}

static int step_begin(Job *j, sd_bus_error *error) {
        return 0; /* the row is there already: its reverse is what this step is for */
}

static const JobStep create_steps[] = {
        { "record", step_begin, undo_record },
        { "resolve", step_resolve, NULL },
        { "plan", step_plan, NULL },
        { "answer", create_step_answer, NULL },
        { "snapshots", step_snapshots, NULL },
        { "volume", step_volume, undo_volume },
        { "commit", step_commit, NULL },
        {}
};

static int record(Instance *i, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = db_instance_insert(i->manager->db, i);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Instance \"%s\" already exists", i->name);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed creating instance record");
        r = instance_link(i);
        if (r < 0) {
                (void) db_instance_delete(i->manager->db, i->id);
                i->id = 0;
                return r;
        }
        if (i->manager->server && instance_path(i, &path) >= 0)
                (void) bus_server_emit_object_added(i->manager->server, path);
        return 0;
}

int create_add_source(Job *j, const Instance *from, const Snapshot *snapshot) {
        _cleanup_free_ char *url = NULL;
        int r = snapshot ? snapshot_resource_url(snapshot, &url) : instance_url(from, &url);

        return r < 0 ? r : operation_add_resource(j->operation, "instances", url);
}

int instance_create(Manager *m, CreateRequest *c, const Requestor *who, Job **ret, sd_bus_error *error) {
        _cleanup_(instance_freep) Instance *i = NULL;
        _cleanup_(job_freep) Job *j = NULL;
        bool copy = streq(config_get_or(&c->source, "type", ""), "copy");
        Snapshot *from_snapshot = NULL;
        Instance *from = NULL;
        CreateData *d;
        int r;

        if (m->stopping)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "LXD is shutting down");
        if (copy && str_is_true(config_get(&c->source, "refresh")) && instance_find(m, c->project, c->name))
                return instance_refresh(instance_find(m, c->project, c->name), &c->source, who, ret, error);
        r = check_request(m, c, error);
        if (r >= 0 && copy)
                r = create_find_source(m, &c->source, c->project, &from, &from_snapshot, error);
        if (r >= 0 && copy)
                r = inherit(c, from, from_snapshot);
        if (r < 0)
                return r;

        i = instance_new(m, c->project, c->name);
        if (!i)
                return -ENOMEM;
        r = fill_instance(i, c, error);
        if (r >= 0)
                r = job_new(m, i, "create", JOB_DATA, create_steps, who, &j);
        if (r < 0)
                return r;

        d = job_alloc_data(j, sizeof(CreateData), create_data_free);
        if (!d)
                return -ENOMEM;
        d->source = c->source;
        c->source = (Config) {};
        d->default_profiles = c->default_profiles;
        d->with_snapshots = copy && !from_snapshot && !str_is_true(config_get(&d->source, "instance_only"));

        r = job_new_operation(j, "Creating instance", error);
        if (r < 0)
                return r;
        job_allow_cancel(j);
        r = copy ? create_add_source(j, from, from_snapshot) : 0;
        if (r >= 0)
                r = record(i, error);
        if (r < 0) {
                operation_finish(j->operation, r, error);
                return r;
        }

        TAKE_PTR(i); /* in the tables now; the job's from here on */
        *ret = TAKE_PTR(j);
        return 0;
}
