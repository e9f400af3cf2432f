/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between two expanded states, applied to a running guest: limits, disks, NICs, device nodes. */
#include "live.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "bus-error.h"
#include "cgroup-limits.h"
#include "device-config.h"
#include "device-host.h"
#include "guest.h"
#include "log.h"
#include "lxc-config.h"
#include "manager.h"
#include "volume-ids.h"
#include "unix-device.h"

void live_change_done(LiveChange *c) {
        config_done(&c->old_config);
        config_done(&c->new_config);
        devices_done(&c->old_devices);
        devices_done(&c->new_devices);
}

int live_change_take(const Instance *i, Config *config, Devices *devices) {
        _cleanup_config_view_ Config c = {};
        _cleanup_devices_view_ Devices d = {};
        int r;

        r = instance_expand_config(i, &c);
        if (r >= 0)
                r = instance_expand_devices(i, &d);
        if (r >= 0)
                r = config_copy(&c, config);
        return r < 0 ? r : devices_copy(&d, devices);
}

static bool has_guest(const Instance *i) {
        return i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN;
}

LiveState *live_state_free(LiveState *s) {
        if (!s)
                return NULL;
        config_done(&s->config);
        devices_done(&s->devices);
        free(s);
        return NULL;
}

int live_set(Instance *i, const Config *config, const Devices *devices) {
        _cleanup_(live_state_freep) LiveState *s = calloc(1, sizeof(LiveState));

        if (!s || config_copy(config, &s->config) < 0 || devices_copy(devices, &s->devices) < 0)
                return -ENOMEM;
        live_state_free(i->live);
        i->live = TAKE_PTR(s);
        return 0;
}

int live_remember(Instance *i) {
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};
        int r;

        if (!has_guest(i) || i->live)
                return 0;
        r = instance_expand_config(i, &config);
        if (r >= 0)
                r = instance_expand_devices(i, &devices);
        return r < 0 ? r : live_set(i, &config, &devices);
}

/* Volatile keys are our own notes. */
static bool has_same_keys(const Config *a, const Config *b) {
        CONFIG_FOREACH(k, a)
                if (!startswith(k->key, "volatile.") && !streq_ptr(config_get(b, k->key), k->value))
                        return false;
        return true;
}

bool live_is_behind(const Instance *i) {
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};

        if (!has_guest(i) || !i->live || instance_expand_config(i, &config) < 0 || instance_expand_devices(i, &devices) < 0)
                return false;
        return !has_same_keys(&config, &i->live->config) || !has_same_keys(&i->live->config, &config) ||
               !devices_equal(&devices, &i->live->devices);
}

int live_change_begin(const Instance *i, LiveChange *c) {
        int r;

        if (!has_guest(i) || !i->live)
                return live_change_take(i, &c->old_config, &c->old_devices);
        r = config_copy(&i->live->config, &c->old_config);
        return r < 0 ? r : devices_copy(&i->live->devices, &c->old_devices);
}

void live_change_applied(Instance *i, const LiveChange *c) {
        if (!has_guest(i) || live_set(i, &c->new_config, &c->new_devices) < 0)
                return;
        if (!live_is_behind(i))
                i->live = live_state_free(i->live);
}

/* It may end at any moment, of which we hear later: r is -EHOSTDOWN when its runner says so, or is not there itself. */
static bool guest_is_gone(const Instance *i, int r) {
        _cleanup_close_ int pidfd = guest_state_pidfd(&i->guest);

        return r == -EHOSTDOWN || !has_guest(i) || pidfd < 0 || poll(&(struct pollfd) { .fd = pidfd, .events = POLLIN }, 1, 0) > 0;
}

/* A guest that ended in the middle of a change has it at its next start. */
static int unless_gone(Job *j, int r, sd_bus_error *error) {
        if (r >= 0 || !guest_is_gone(j->instance, r))
                return r;
        sd_bus_error_free(error);
        return 0;
}

static void live_done(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata) {
        Job *j = userdata;

        if (r < 0 && guest_is_gone(j->instance, r))
                r = 0;
        job_guest_done(r, r < 0 ? e : NULL, fds, n_fds, j);
}

int live_validate(Job *j, const LiveChange *c, sd_bus_error *error) {
        Devices changed = {};
        int r = 0;

        /* Only devices that differ: an unrelated change must not fail because a network or a folder is gone. */
        DEVICES_FOREACH(d, &c->new_devices) {
                const Config *old = devices_get(&c->old_devices, d->name);

                if (r >= 0 && (!old || !config_equal(old, &d->config)))
                        r = devices_set(&changed, d->name, &d->config);
        }
        if (r >= 0)
                r = devices_check_sources(&c->old_devices, &c->new_devices, error);
        if (r >= 0)
                r = nics_validate(j, &changed, "Invalid devices", error);
        if (r >= 0)
                r = volumes_validate(j, &c->old_devices, &c->new_devices, NULL, error);
        devices_done(&changed);
        return r;
}

/* Must this device of `from` go, before that of `to` can come? */
static bool is_replaced(const Device *d, const Devices *to) {
        const Config *other = devices_get(to, d->name);

        return !other || (!config_equal(&d->config, other) && !device_change_is_live(&d->config, other));
}

/* Is the volume of `d` shown by another device as well? The hold on it is the instance's, not the device's. */
static bool volume_stays(const Device *d, const Devices *to) {
        DEVICES_FOREACH(other, to)
                if (device_is_custom_volume(&other->config) && streq_ptr(config_get(&other->config, "pool"), config_get(&d->config, "pool")) &&
                    streq_ptr(config_get(&other->config, "source"), config_get(&d->config, "source")))
                        return true;
        return false;
}

static int unplug_disk(Job *j, const Device *d, const Devices *to, sd_bus_error *error) {
        const Config *c = &d->config;
        int r;

        r = guest_mount_remove(j->manager->event, j->instance->id, config_get(c, "path"), live_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        r = unless_gone(j, r, error);
        if (r < 0)
                return r;
        /* The unmount in the guest is lazy and sent first: the volume's own mount goes right after it. */
        return device_is_custom_volume(c) && !volume_stays(d, to) ? storage_unmount(j, j->instance, config_get(c, "pool"), config_get(c, "source"), error) : 0;
}

/* Does the guest keep the right to use this device, as one that all have or that another of its own shows? */
static bool node_is_shared(const UnixDevice *u, const Devices *to) {
        if (lxc_device_is_common(S_ISBLK(u->mode), major(u->device), minor(u->device)))
                return true;
        DEVICES_FOREACH(d, to) {
                _cleanup_(unix_device_done) UnixDevice other = {};

                if (unix_device_read(d, &other, NULL) > 0 && other.device == u->device && (other.mode & S_IFMT) == (u->mode & S_IFMT))
                        return true;
        }
        return false;
}

static int unplug_node(Job *j, const Device *d, const Devices *to, sd_bus_error *error) {
        _cleanup_(unix_device_done) UnixDevice u = {};
        int r = unix_device_read(d, &u, NULL);

        if (r <= 0)
                return 0; /* its source is gone: nothing to forbid any more */
        r = guest_device_remove(j->manager->event, j->instance->id,
                                &(const GuestDevice) { .path = u.target, .device = u.device, .mode = u.mode, .uid = u.uid, .gid = u.gid,
                                                        .shared = node_is_shared(&u, to) },
                                live_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return unless_gone(j, r, error);
}

int live_unplug(Job *j, const Devices *from, const Devices *to, sd_bus_error *error) {
        int r = 0;

        if (!has_guest(j->instance))
                return 0;
        DEVICES_FOREACH(d, from) {
                if (r < 0 || !is_replaced(d, to) || device_is_root(&d->config))
                        continue;
                switch (device_kind(&d->config)) {
                case DEVICE_DISK:
                        r = unplug_disk(j, d, to, error);
                        break;
                case DEVICE_NIC:
                        r = nic_detach(j, j->instance->id, d->name, error);
                        break;
                case DEVICE_UNIX_CHAR:
                case DEVICE_UNIX_BLOCK:
                        r = unplug_node(j, d, to, error);
                        break;
                default:
                        break;
                }
        }
        return r;
}

static int mount_in_guest(Job *j, const Device *d, const char *source, bool shift, sd_bus_error *error) {
        const Config *c = &d->config;
        GuestMount m = {
                .source_fd = -EBADF,
                .source = source,
                .target = config_get(c, "path"),
                .propagation = config_get(c, "propagation"),
                .flags = (config_is_true(c, "readonly") ? GUEST_MOUNT_READONLY : 0) | (config_is_true(c, "recursive") ? GUEST_MOUNT_RECURSIVE : 0) |
                         (shift ? GUEST_MOUNT_SHIFT : 0) | (device_is_required(c) ? 0 : GUEST_MOUNT_OPTIONAL),
        };
        int r = guest_mount_add(j->manager->event, j->instance->id, &m, live_done, j, NULL, error);

        if (r >= 0)
                job_wait(j);
        return unless_gone(j, r, error);
}

static int mount_volume(Job *j, const Device *d, sd_bus_error *error);

static int volume_shifted(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        return mount_volume(j, arg, error);
}

/* The ids of its files are made right first; then the volume is asked for once more. */
static int volume_mounted(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        bool privileged = instance_is_true(j->instance, "security.privileged");
        _cleanup_strv_free_ Strv guest = NULL, wanted = NULL;
        _cleanup_(mounted_volume_done) MountedVolume v = {};
        _cleanup_(idmap_done) Idmap map = {};
        const Device *d = arg;
        int r;

        r = mounted_volume_read(m, &v);
        if (r >= 0)
                r = idmap_from_json(config_get_or(&j->instance->settings.config, "volatile.idmap.current", "[]"), &map);
        if (r >= 0)
                r = idmap_to_lines(&map, &guest);
        if (r >= 0)
                r = volume_ids_wanted(&v, privileged, guest, &wanted, error);
        if (r < 0)
                return r;
        if (!strv_equal(wanted, v.idmap))
                return storage_shift(j, j->instance, config_get(&d->config, "pool"), config_get(&d->config, "source"), wanted, volume_shifted, arg,
                                     error);
        return mount_in_guest(j, d, v.path, volume_ids_by_mount(&v, privileged), error);
}

static int mount_volume(Job *j, const Device *d, sd_bus_error *error) {
        return storage_mount_then(j, j->instance, config_get(&d->config, "pool"), config_get(&d->config, "source"), volume_mounted, (void *) d, error);
}

static int plug_disk(Job *j, const Device *d, sd_bus_error *error) {
        const Config *c = &d->config;

        if (device_is_custom_volume(c))
                return mount_volume(j, d, error);
        if (device_source_is_missing(c))
                return device_is_required(c) ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "Missing source path \"%s\" for disk \"%s\"",
                                                             config_get(c, "source"), d->name) : 0;
        return mount_in_guest(j, d, config_get(c, "source"), config_is_true(c, "shift") && !instance_is_true(j->instance, "security.privileged"), error);
}

static int nic_attached(Job *j, sd_bus_message *m, void *arg, sd_bus_error *error) {
        _cleanup_(config_done) Config result = {};
        _cleanup_close_ int netns = -EBADF;
        const Device *d = arg;
        char key[160];
        int r;

        r = bus_read_config(m, &result);
        if (r < 0)
                return r;
        (void) snprintf(key, sizeof(key), "volatile.%s.host_name", d->name);
        (void) instance_set_volatile(j->instance, key, config_get(&result, "host_name"), NULL);
        netns = guest_state_open_namespace(&j->instance->guest, "net");
        return netns < 0 ? unless_gone(j, netns, error) : nic_connect(j, j->instance, netns, error);
}

static int plug_nic(Job *j, const Device *d, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = nic_attach_message(j, j->instance, d, 0, &m, error);

        return r < 0 ? r : job_call(j, j->manager->netd, m, nic_attached, (void *) d, error);
}

static int plug_node(Job *j, const Device *d, sd_bus_error *error) {
        _cleanup_(unix_device_done) UnixDevice u = {};
        int r = unix_device_read(d, &u, error);

        if (r <= 0)
                return r;
        r = guest_device_add(j->manager->event, j->instance->id,
                             &(const GuestDevice) { .path = u.target, .device = u.device, .mode = u.mode, .uid = u.uid, .gid = u.gid },
                             live_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return unless_gone(j, r, error);
}

static int plug(Job *j, const Device *d, sd_bus_error *error) {
        switch (device_kind(&d->config)) {
        case DEVICE_DISK:
                return plug_disk(j, d, error);
        case DEVICE_NIC:
                return plug_nic(j, d, error);
        case DEVICE_UNIX_CHAR:
        case DEVICE_UNIX_BLOCK:
                return plug_node(j, d, error);
        default:
                return 0;
        }
}

int live_plug(Job *j, const Devices *from, const Devices *to, sd_bus_error *error) {
        int r = 0;

        if (!has_guest(j->instance))
                return 0;
        DEVICES_FOREACH(d, to) {
                const Config *old = devices_get(from, d->name);

                if (r < 0 || device_is_root(&d->config) || (old && config_equal(old, &d->config)))
                        continue;
                if (old && device_change_is_live(old, &d->config))
                        r = device_kind(&d->config) == DEVICE_NIC ? nic_update(j, j->instance, d, error) : 0;
                else
                        r = plug(j, d, error);
                if (r < 0)
                        r = bus_error_wrap(error, r, "Failed to start device \"%s\"", d->name);
        }
        return r;
}

int live_resize(Job *j, const Devices *from, const Devices *to, sd_bus_error *error) {
        const Device *old = devices_find_root(from), *new = devices_find_root(to);
        const char *before = old ? config_get_or(&old->config, "size", "") : "", *after = new ? config_get_or(&new->config, "size", "") : "";

        return streq(before, after) ? 0 : storage_set_size(j, j->instance, after, error);
}

static char *online_cpus(void) {
        char *text = NULL;

        if (file_read("/sys/devices/system/cpu/online", 4096, &text, NULL) < 0)
                return NULL;
        text[strcspn(text, "\n")] = '\0';
        return text;
}

static int limits_of(Instance *i, const Config *config, const char *all, Config *ret) {
        _cleanup_free_ char *cpus = NULL;
        int r = guest_choose_cpus(i, config_get(config, "limits.cpu"), &cpus);

        if (r < 0)
                return r;
        return cgroup_limits_build(config, &(const LimitsHost) { cgroup_layout(), i->manager->host_memory, cpus, all }, true, ret);
}

static int set_limit(Job *j, const Config *values, const char *file, sd_bus_error *error) {
        int r;

        if (!config_get(values, file))
                return 0;
        r = guest_cgroup_set(j->manager->event, j->instance->id, file, config_get(values, file), live_done, j, NULL, error);
        if (r >= 0)
                job_wait(j);
        return unless_gone(j, r, error);
}

int live_limits(Job *j, const Config *from, const Config *to, sd_bus_error *error) {
        _cleanup_(config_done) Config old = {}, new = {};
        _cleanup_free_ char *all = online_cpus();
        int r;

        if (!has_guest(j->instance))
                return 0;
        r = limits_of(j->instance, from, all, &old);
        if (r >= 0)
                r = limits_of(j->instance, to, all, &new);
        if (r < 0)
                return r;

        CONFIG_FOREACH(i, &new)
                if (r >= 0 && !streq_ptr(config_get(&old, i->key), i->value))
                        r = set_limit(j, &new, i->key, error);
        return r;
}

typedef struct Announcement {
        uint64_t id;
        Config old, new;
} Announcement;

static int fill_announcement(sd_bus_message *m, void *userdata) {
        const Announcement *a = userdata;
        int r = sd_bus_message_append(m, "t", a->id);

        if (r >= 0)
                r = bus_append_config(m, &a->old);
        return r < 0 ? r : bus_append_config(m, &a->new);
}

void live_announce(Instance *i, const Config *from, const Config *to) {
        Announcement a = { .id = i->id };

        CONFIG_FOREACH(k, from)
                if (!streq_ptr(config_get(to, k->key), k->value) && !startswith(k->key, "volatile."))
                        (void) config_set(&a.old, k->key, k->value);
        CONFIG_FOREACH(k, to)
                if (!streq_ptr(config_get(from, k->key), k->value) && !startswith(k->key, "volatile."))
                        (void) config_set(&a.new, k->key, k->value);
        if (i->manager->server && (a.old.n > 0 || a.new.n > 0))
                (void) bus_server_emit(i->manager->server, INSTANCE1_ROOT, "org.lxd.instance1.Guest", "GuestConfigChanged", fill_announcement, &a);
        config_done(&a.old);
        config_done(&a.new);
}
