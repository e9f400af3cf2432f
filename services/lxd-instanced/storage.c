/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs ask of lxd-storaged and lxd-netd: one function per call, each waits in the job. */
#include "storage.h"

#include "bus-error.h"
#include "device-config.h"
#include "manager.h"

static int storage_message(Job *j, const char *member, sd_bus_message **ret, sd_bus_error *error) {
        int r = bus_peer_message(j->manager->storaged, ret, "/org/lxd/storage1", "org.lxd.storage1.Guests", member);

        return r < 0 ? bus_error_wrap(error, r, "Failed to reach lxd-storaged") : 0;
}

static int network_message(Job *j, const char *member, sd_bus_message **ret, sd_bus_error *error) {
        int r = bus_peer_message(j->manager->netd, ret, "/org/lxd/network1", "org.lxd.network1.Nics", member);

        return r < 0 ? bus_error_wrap(error, r, "Failed to reach lxd-netd") : 0;
}

static int volume_name(const Instance *i, const char *snapshot, char **ret) {
        return snapshot ? str_format(ret, "%s/%s", i->name, snapshot) : str_replace(ret, i->name);
}

/* The root disk's quota, which a new volume gets at once. */
static int volume_config(const Instance *i, Config *ret) {
        _cleanup_devices_view_ Devices devices = {};
        const Device *root;
        const char *size;

        if (instance_expand_devices(i, &devices) < 0)
                return -ENOMEM;
        root = devices_find_root(&devices);
        size = root ? config_get(&root->config, "size") : NULL;
        return isempty(size) ? 0 : config_set(ret, "size", size);
}

/* A call that changes volumes. The row that announces the change gets to the disk while lxd-storaged begins with it. */
static int storage_begin(Job *j, sd_bus_message *m, job_reply_t then, sd_bus_error *error) {
        int r = job_call(j, j->manager->storaged, m, then, NULL, error);

        if (r >= 0)
                (void) db_sync(j->manager->db); /* logged; the commit at the end fails as well then */
        return r;
}

int storage_create_volume(Job *j, const Instance *i, const Config *source, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = volume_config(i, &config);
        if (r >= 0)
                r = storage_message(j, "CreateVolume", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "sss", i->pool, i->project, i->name);
        if (r >= 0)
                r = bus_append_config(m, &config);
        if (r >= 0)
                r = bus_append_config(m, source);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : storage_begin(j, m, NULL, error);
}

int storage_delete_volume(Job *j, const Instance *i, const char *snapshot, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *name = NULL;
        int r;

        if (isempty(i->pool))
                return 0;
        r = volume_name(i, snapshot, &name);
        if (r >= 0)
                r = storage_message(j, "DeleteVolume", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "ssst", i->pool, i->project, name, (uint64_t) 0);
        return r < 0 ? r : storage_begin(j, m, NULL, error);
}

int storage_rename_volume(Job *j, const Instance *i, bool snapshot, const char *from, const char *to, job_reply_t then, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *old = NULL, *new = NULL;
        int r;

        r = snapshot ? volume_name(i, from, &old) : str_replace(&old, from);
        if (r >= 0)
                r = snapshot ? volume_name(i, to, &new) : str_replace(&new, to);
        if (r >= 0)
                r = storage_message(j, "RenameVolume", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "sssst", i->pool, i->project, old, new, (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, then, NULL, error);
}

static int snapshot_call(Job *j, const char *member, const Instance *i, const char *snapshot, job_reply_t then, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = storage_message(j, member, &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "sssst", i->pool, i->project, i->name, snapshot, (uint64_t) 0);
        return r < 0 ? r : storage_begin(j, m, then, error);
}

int storage_create_snapshot(Job *j, const Instance *i, const char *snapshot, job_reply_t then, sd_bus_error *error) {
        return snapshot_call(j, "CreateSnapshot", i, snapshot, then, error);
}

int storage_refresh_volume(Job *j, const Instance *i, const Config *source, job_reply_t then, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = storage_message(j, "RefreshVolume", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "sss", i->pool, i->project, i->name);
        if (r >= 0)
                r = bus_append_config(m, source);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : storage_begin(j, m, then, error);
}

int storage_restore_snapshot(Job *j, const Instance *i, const char *snapshot, sd_bus_error *error) {
        return snapshot_call(j, "RestoreSnapshot", i, snapshot, NULL, error);
}

int storage_set_size(Job *j, const Instance *i, const char *size, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = config_set(&config, "size", strempty(size));
        if (r >= 0)
                r = storage_message(j, "UpdateVolume", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "sss", i->pool, i->project, i->name);
        if (r >= 0)
                r = bus_append_config(m, &config);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, NULL, NULL, error);
}

void mounted_volume_done(MountedVolume *v) {
        free(v->path);
        strv_free(v->idmap);
        *v = (MountedVolume) {};
}

int mounted_volume_read(sd_bus_message *m, MountedVolume *ret) {
        MountedVolume v = {};
        const char *path;
        int r, unmapped;

        r = sd_bus_message_read(m, "s", &path);
        if (r >= 0)
                r = bus_read_strv(m, &v.idmap);
        if (r >= 0)
                r = sd_bus_message_read(m, "b", &unmapped);
        if (r >= 0)
                r = str_replace(&v.path, path);
        if (r < 0) {
                mounted_volume_done(&v);
                return r;
        }
        v.unmapped = unmapped;
        mounted_volume_done(ret);
        *ret = v;
        return 0;
}

/* A call that names a volume and this instance as its holder, without what follows. */
static int mount_message(Job *j, const char *member, const Instance *i, const char *pool, const char *volume, sd_bus_message **ret,
                         sd_bus_error *error) {
        char holder[32];
        int r;

        (void) snprintf(holder, sizeof(holder), "%" PRIu64, i->id);
        r = storage_message(j, member, ret, error);
        if (r < 0)
                return r;
        return sd_bus_message_append(*ret, "sssss", volume ? pool : i->pool, volume ? "custom" : "container", i->project,
                                     volume ?: i->name, holder);
}

static int mounted(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        return mounted_volume_read(m, arg);
}

int storage_mount_then(Job *j, const Instance *i, const char *pool, const char *volume, job_reply_t then, void *arg, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = mount_message(j, "Mount", i, pool, volume, &m, error);

        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, then, arg, error);
}

int storage_mount(Job *j, const Instance *i, const char *pool, const char *volume, MountedVolume *ret, sd_bus_error *error) {
        return storage_mount_then(j, i, pool, volume, mounted, ret, error);
}

int storage_shift(Job *j, const Instance *i, const char *pool, const char *volume, char *const *idmap, job_reply_t then, void *arg,
                  sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = mount_message(j, "Shift", i, pool, volume, &m, error);

        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) idmap);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, then, arg, error);
}

int storage_unmount(Job *j, const Instance *i, const char *pool, const char *volume, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = mount_message(j, "Unmount", i, pool, volume, &m, error);

        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, NULL, NULL, error);
}

int storage_mount_for(Job *j, const Instance *i, const char *holder, MountedVolume *ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = storage_message(j, "Mount", &m, error);

        if (r >= 0)
                r = sd_bus_message_append(m, "ssssst", i->pool, "container", i->project, i->name, holder, (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, mounted, ret, error);
}

int storage_release(Job *j, const Instance *i, const char *holder, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        char number[32];
        int r;

        (void) snprintf(number, sizeof(number), "%" PRIu64, i->id);
        r = storage_message(j, "UnmountAll", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "st", holder ?: number, (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->storaged, m, NULL, NULL, error);
}

int nic_config(const Instance *i, const Device *d, Config *ret) {
        static const char *const parts[] = { "hwaddr", "name", "host_name" };
        int r = config_copy(&d->config, ret);

        for (size_t k = 0; k < ELEMENTSOF(parts) && r >= 0; k++) {
                char key[160];

                (void) snprintf(key, sizeof(key), "volatile.%s.%s", d->name, parts[k]);
                if (k < 2 && isempty(config_get(ret, parts[k])))
                        r = config_set(ret, parts[k], config_get(&i->settings.config, key));
        }
        return r;
}

int nic_validate_message(Job *j, const char *project, const char *instance, const Device *d, sd_bus_message **ret, sd_bus_error *error) {
        int r = network_message(j, "Validate", ret, error);

        if (r >= 0)
                r = sd_bus_message_append(*ret, "sss", project, instance, d->name);
        if (r >= 0)
                r = bus_append_config(*ret, &d->config);
        return r < 0 ? r : sd_bus_message_append(*ret, "t", (uint64_t) 0);
}

int nics_validate(Job *j, const Devices *expanded, const char *about, sd_bus_error *error) {
        DEVICES_FOREACH(d, expanded) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r;

                if (device_kind(&d->config) != DEVICE_NIC)
                        continue;
                r = nic_validate_message(j, j->instance->project, j->instance->name, d, &m, error);
                if (r >= 0)
                        r = job_call_about(j, j->manager->netd, m, about, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int volumes_validate(Job *j, const Devices *old, const Devices *expanded, const char *about, sd_bus_error *error) {
        DEVICES_FOREACH(d, expanded) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                const Config *former = old ? devices_get(old, d->name) : NULL;
                _cleanup_free_ char *text = NULL;
                int r;

                if (!device_is_custom_volume(&d->config) || (former && config_equal(former, &d->config)))
                        continue;
                r = str_format(&text, "%s%sFailed add validation for device \"%s\"", strempty(about), about ? ": " : "", d->name);
                if (r >= 0)
                        r = storage_message(j, "CheckVolume", &m, error);
                if (r >= 0)
                        r = sd_bus_message_append(m, "ssst", config_get(&d->config, "pool"), j->instance->project, config_get(&d->config, "source"),
                                                  (uint64_t) 0);
                if (r >= 0)
                        r = job_call_about(j, j->manager->storaged, m, text, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

#define ATTACH_HERE UINT64_C(1)

static int attached(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        return bus_read_config(m, arg);
}

int nic_attach_message(Job *j, const Instance *i, const Device *d, uint64_t flags, sd_bus_message **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = nic_config(i, d, &config);
        if (r >= 0)
                r = network_message(j, "Attach", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "tsss", i->id, i->project, i->name, d->name);
        if (r >= 0)
                r = bus_append_config(m, &config);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", flags);
        if (r >= 0)
                *ret = TAKE_PTR(m);
        return r;
}

int nic_attach(Job *j, const Instance *i, const Device *d, bool here, Config *ret_result, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = nic_attach_message(j, i, d, here ? ATTACH_HERE : 0, &m, error);

        return r < 0 ? r : job_call(j, j->manager->netd, m, attached, ret_result, error);
}

int nic_connect(Job *j, const Instance *i, int netns_fd, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = network_message(j, "ConnectGuest", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "tht", i->id, netns_fd, (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->netd, m, NULL, NULL, error);
}

int nic_update(Job *j, const Instance *i, const Device *d, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        r = nic_config(i, d, &config);
        if (r >= 0)
                r = network_message(j, "Update", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "ts", i->id, d->name);
        if (r >= 0)
                r = bus_append_config(m, &config);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->netd, m, NULL, NULL, error);
}

#define DETACH_FORGET UINT64_C(1)
#define DETACH_DYING UINT64_C(2)

static int detach_message(Job *j, uint64_t id, const char *device, uint64_t flags, sd_bus_message **ret, sd_bus_error *error) {
        int r = network_message(j, "Detach", ret, error);

        return r < 0 ? r : sd_bus_message_append(*ret, "tst", id, device, flags);
}

static int detach(Job *j, uint64_t id, const char *device, uint64_t flags, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = detach_message(j, id, device, flags, &m, error);

        return r < 0 ? r : job_call(j, j->manager->netd, m, NULL, NULL, error);
}

int nic_detach(Job *j, uint64_t id, const char *device, sd_bus_error *error) {
        return detach(j, id, device, 0, error);
}

void nic_detach_dying(Job *j, uint64_t id) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (detach_message(j, id, "", DETACH_DYING, &m, NULL) >= 0)
                (void) peer_call_ignore(j->manager->netd, m);
}

int nic_forget(Job *j, uint64_t id, sd_bus_error *error) {
        return detach(j, id, "", DETACH_FORGET, error);
}

int nic_rename_guest(Job *j, uint64_t id, const char *name, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = network_message(j, "Rename", &m, error);
        if (r >= 0)
                r = sd_bus_message_append(m, "tst", id, name, (uint64_t) 0);
        return r < 0 ? r : job_call(j, j->manager->netd, m, NULL, NULL, error);
}

static void ignored(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
}

int peer_call_ignore(BusPeer *p, sd_bus_message *m) {
        return bus_peer_call(p, m, ignored, NULL);
}
