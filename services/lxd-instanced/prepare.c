/* SPDX-License-Identifier: Apache-2.0 */
/* PrepareGuest: storage mounted, NICs attached, devices and templates made, and the configuration for liblxc. */
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.h"
#include "bus-error.h"
#include "create.h"
#include "device-config.h"
#include "device-dir.h"
#include "guest-place.h"
#include "guest-templates.h"
#include "guest.h"
#include "live.h"
#include "log.h"
#include "lxc-config.h"
#include "lxc-raw.h"
#include "manager.h"
#include "unix-device.h"
#include "volume-ids.h"

typedef struct PrepareData {
        Config config;   /* expanded: copies, the profiles may change meanwhile */
        Devices devices;
        MountedVolume root;
        MountedVolume *volumes; /* custom ones, by index of the device */
        Config *nics;    /* lxd-netd's answers, by index of the device */
        char **binds;    /* places for disks, by index of the device */
        char *device_dir;
        UnixDevice *nodes;
        Idmap idmap;
        Strv idmap_lines;
        bool privileged;
        /* Addresses in raw.lxc are for interfaces that liblxc knows, as it does those that it moves into the guest itself; and a guest that shares
         * the network of somebody else is nothing to make interfaces in. */
        bool liblxc_moves_nics;
        char *log_dir, *seccomp, *name, *rootfs, *cpus;
        LxcConfig lxc;
        bool waiting; /* all is done but nobody has asked yet */
} PrepareData;

static void prepare_data_free(void *p) {
        PrepareData *d = p;

        for (size_t k = 0; k < d->devices.n; k++) {
                if (d->volumes)
                        mounted_volume_done(d->volumes + k);
                if (d->binds)
                        free(d->binds[k]);
                if (d->nics)
                        config_done(d->nics + k);
                if (d->nodes)
                        unix_device_done(d->nodes + k);
        }
        free(d->volumes);
        free(d->binds);
        free(d->device_dir);
        free(d->nics);
        free(d->nodes);
        config_done(&d->config);
        devices_done(&d->devices);
        idmap_done(&d->idmap);
        strv_free(d->idmap_lines);
        mounted_volume_done(&d->root);
        free(d->log_dir);
        free(d->seccomp);
        free(d->name);
        free(d->rootfs);
        free(d->cpus);
        lxc_config_done(&d->lxc);
        free(d);
}

static int fill_data(Job *j) {
        _cleanup_config_view_ Config config = {};
        _cleanup_devices_view_ Devices devices = {};
        PrepareData *d = j->data;
        Instance *i = j->instance;
        int r;

        r = instance_expand_config(i, &config);
        if (r >= 0)
                r = instance_expand_devices(i, &devices);
        if (r >= 0)
                r = config_copy(&config, &d->config);
        if (r >= 0)
                r = devices_copy(&devices, &d->devices);
        if (r < 0)
                return r;
        r = live_set(i, &d->config, &d->devices);
        if (r < 0)
                return r;
        d->volumes = calloc(d->devices.n + 1, sizeof(MountedVolume));
        d->binds = calloc(d->devices.n + 1, sizeof(char *));
        d->nics = calloc(d->devices.n + 1, sizeof(Config));
        d->nodes = calloc(d->devices.n + 1, sizeof(UnixDevice));
        return d->volumes && d->binds && d->nics && d->nodes ? 0 : -ENOMEM;
}

static int step_plan(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        Instance *i = j->instance;
        _cleanup_(config_done) Config filled = {};
        int r;

        i->prepared = true;
        i->killed = false;
        i->failure = (free(i->failure), NULL);
        instance_set_status(i, INSTANCE_STARTING);

        r = fill_data(j);
        if (r >= 0)
                r = devices_check_expanded(&d->devices, error);
        if (r >= 0)
                r = config_copy(&i->settings.config, &filled);
        if (r >= 0)
                r = instance_fill_nics(i, &d->devices, &filled);
        if (r < 0)
                return r;
        CONFIG_FOREACH(k, &filled)
                if (startswith(k->key, "volatile.")) {
                        r = instance_set_volatile(i, k->key, k->value, NULL);
                        if (r < 0)
                                return bus_error_wrap(error, r, "Failed to record volatile keys");
                }

        d->privileged = config_is_true(&d->config, "security.privileged");
        d->liblxc_moves_nics = raw_lxc_has_network(config_get_or(&d->config, "raw.lxc", ""));
        r = guest_idmap(i, &d->idmap, error);
        if (r >= 0)
                r = idmap_to_lines(&d->idmap, &d->idmap_lines);
        if (r >= 0)
                r = guest_choose_cpus(i, config_get(&d->config, "limits.cpu"), &d->cpus);
        return r;
}

static int step_resources(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        Instance *i = j->instance;
        int r;

        r = storage_mount(j, i, NULL, NULL, &d->root, error);
        for (size_t k = 0; k < d->devices.n && r >= 0; k++) {
                const Device *device = d->devices.items + k;

                if (device_is_custom_volume(&device->config))
                        r = storage_mount(j, i, config_get(&device->config, "pool"), config_get(&device->config, "source"), d->volumes + k, error);
                else if (device_kind(&device->config) == DEVICE_NIC)
                        r = nic_attach(j, i, device, d->liblxc_moves_nics, d->nics + k, error);
        }
        return r;
}

static int undo_resources(Job *j) {
        int r = nic_detach(j, j->instance->id, "", NULL);

        (void) storage_release(j, j->instance, NULL, NULL);
        return r;
}

static int shift_one(Job *j, const char *pool, const char *volume, MountedVolume *v, sd_bus_error *error) {
        _cleanup_strv_free_ Strv wanted = NULL;
        PrepareData *d = j->data;
        int r;

        r = volume_ids_wanted(v, d->privileged, d->idmap_lines, &wanted, error);
        if (r < 0 || strv_equal(wanted, v->idmap))
                return r;
        strv_free(v->idmap);
        v->idmap = TAKE_PTR(wanted); /* or the job fails */
        return storage_shift(j, j->instance, pool, volume, v->idmap, NULL, NULL, error);
}

/* Ids on disk are the guest's own and are mapped at mount time. Where the file system cannot do that they are shifted, and shifted back
 * where they were and need not be any more. */
static int step_shift(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        int r;

        r = shift_one(j, NULL, NULL, &d->root, error);
        for (size_t k = 0; k < d->devices.n && r >= 0; k++) {
                const Config *c = &d->devices.items[k].config;

                if (device_is_custom_volume(c))
                        r = shift_one(j, config_get(c, "pool"), config_get(c, "source"), d->volumes + k, error);
        }
        return r;
}

static int record_last_idmap(Job *j) {
        _cleanup_free_ char *json = NULL;
        PrepareData *d = j->data;
        int r;

        r = idmap_to_json(strv_length(d->root.idmap) > 0 ? &d->idmap : &(const Idmap) {}, &json);
        return r < 0 ? r : instance_set_volatile(j->instance, "volatile.last_state.idmap", json, NULL);
}

static int make_log_dir(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        int r;

        r = instance_log_dir(j->instance, &d->log_dir);
        if (r >= 0)
                r = mkdir_parents(d->log_dir, 0700);
        return r < 0 ? bus_error_wrap(error, r, "Failed to make the log folder %s", strempty(d->log_dir)) : 0;
}

static int write_seccomp(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL, *dir = NULL;
        PrepareData *d = j->data;
        int r;

        r = seccomp_build(&d->config, &text);
        if (r < 0 || !text)
                return r;
        r = str_format(&dir, "%s/seccomp", j->manager->run_dir);
        if (r >= 0)
                r = mkdir_parents(dir, 0700);
        if (r >= 0)
                r = str_format(&d->seccomp, "%s/%" PRIu64, dir, j->instance->id);
        if (r >= 0)
                r = file_write_atomic(d->seccomp, text, strlen(text), 0600);
        return r < 0 ? bus_error_wrap(error, r, "Failed to write the seccomp policy") : 0;
}

static const char *disk_source(const PrepareData *d, size_t k) {
        return d->volumes[k].path ?: config_get(&d->devices.items[k].config, "source");
}

/* A place for one disk where liblxc can get at it; the runner's side binds it there (append_binds()). An optional one that is missing has no place,
 * and no mount in the guest. */
static int place_disk(Job *j, size_t k, sd_bus_error *error) {
        PrepareData *d = j->data;
        const Device *device = d->devices.items + k;
        const char *source = disk_source(d, k);
        struct stat st;

        if (stat(source, &st) < 0) {
                if (!device_is_required(&device->config))
                        return 0;
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Missing source path \"%s\" for disk \"%s\"", source, device->name);
        }
        if (!d->privileged && !d->volumes[k].path && config_is_true(&device->config, "shift") && guest_idmap_probe(source) == 0)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "Required idmapping abilities not available: the file system of \"%s\" cannot be mounted with mapped ids",
                                     source);
        if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISFIFO(st.st_mode))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "\"%s\" is neither a folder nor a file", source);
        return device_dir_place(d->device_dir, device->name, S_ISDIR(st.st_mode), d->binds + k);
}

static bool device_has_place(const Device *d) {
        DeviceKind kind = device_kind(&d->config);

        return kind == DEVICE_UNIX_CHAR || kind == DEVICE_UNIX_BLOCK || (kind == DEVICE_DISK && !device_is_root(&d->config));
}

static int make_device(Job *j, size_t k, sd_bus_error *error) {
        PrepareData *d = j->data;
        const Device *device = d->devices.items + k;

        if (device_kind(&device->config) == DEVICE_DISK)
                return place_disk(j, k, error);
        return unix_device_make(d->device_dir, device, d->privileged ? NULL : &d->idmap, d->nodes + k, error);
}

static int make_devices(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        int r = 0;

        for (size_t k = 0; k < d->devices.n && r >= 0; k++) {
                if (!device_has_place(d->devices.items + k))
                        continue;
                if (!d->device_dir)
                        r = device_dir_make(j->manager, j->instance->id, d->privileged ? NULL : &d->idmap, &d->device_dir);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to make the folder for devices");
                r = make_device(j, k, error);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to start device \"%s\"", d->devices.items[k].name);
        }
        return r;
}

static int step_host(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;
        Instance *i = j->instance;
        const char *trigger = config_get(&i->settings.config, "volatile.apply_template");
        char *triggers[] = { (char *) (isempty(trigger) ? "start" : trigger), (char *) (isempty(trigger) ? NULL : "start"), NULL };
        int r;

        r = record_last_idmap(j);
        if (r >= 0)
                r = make_log_dir(j, error);
        if (r >= 0)
                r = write_seccomp(j, error);
        if (r >= 0)
                r = make_devices(j, error);
        if (r < 0)
                return r;

        r = guest_templates_apply(j->manager->template_workers,
                                  &(const GuestTemplates) {
                                          .volume = d->root.path,
                                          .triggers = triggers,
                                          .name = i->name,
                                          .type = "container",
                                          .architecture = i->settings.architecture,
                                          .privileged = d->privileged,
                                          .ephemeral = i->settings.ephemeral,
                                          .config = &d->config,
                                          .devices = &d->devices,
                                          .idmap = d->root.idmap,
                                  },
                                  job_templates_done, j, error);
        if (r > 0)
                job_wait(j);
        return r < 0 ? r : 0;
}

static int undo_host(Job *j) {
        device_dir_remove(j->manager, j->instance->id);
        return 0;
}

static bool apparmor_works(void) {
        _cleanup_free_ char *enabled = NULL;

        return file_read("/sys/module/apparmor/parameters/enabled", 16, &enabled, NULL) >= 0 && enabled[0] == 'Y' &&
               (access("/sbin/apparmor_parser", X_OK) >= 0 || access("/usr/sbin/apparmor_parser", X_OK) >= 0);
}

/* In a user namespace of its own (LXD inside of a container) nobody may touch the devices cgroup. */
static bool in_user_namespace(void) {
        _cleanup_free_ char *map = NULL;

        return file_read("/proc/self/uid_map", 4096, &map, NULL) >= 0 && !strstr(map, "4294967295");
}

/* One disk of the guest as a mount; 0 when the device is something else, or optional and missing. */
static int disk_mount(Job *j, size_t k, LxcMount *ret) {
        PrepareData *d = j->data;
        const Config *c = &d->devices.items[k].config;
        struct stat st;

        if (!d->binds[k])
                return 0;
        if (stat(d->binds[k], &st) < 0)
                return -errno;
        *ret = (LxcMount) {
                .source = d->binds[k],
                .target = config_get(c, "path"),
                .propagation = config_get(c, "propagation"),
                .directory = S_ISDIR(st.st_mode),
                .readonly = config_is_true(c, "readonly"),
                .recursive = config_is_true(c, "recursive"),
                .optional = !device_is_required(c),
                .shift = device_is_custom_volume(c) ? volume_ids_by_mount(d->volumes + k, d->privileged)
                                                     : !d->privileged && config_is_true(c, "shift"),
        };
        return 1;
}

typedef struct Lists {
        LxcNic *nics;
        LxcMount *mounts;
        GuestPlace *places; /* of the mounts */
        LxcDevice *devices;
        size_t n_nics, n_mounts, n_devices;
} Lists;

static void lists_done(Lists *l) {
        free(l->nics);
        free(l->mounts);
        free(l->places);
        free(l->devices);
}

/* 1: the mount is among the list, 0: it cannot be and need not. */
static int check_place(const PrepareData *d, const Lists *l, const char *target, bool optional, sd_bus_error *error) {
        if (guest_place_check(d->rootfs, l->places, l->n_mounts, target) >= 0)
                return 1;
        if (optional)
                return 0;
        return bus_error_set(error, LXD_ERROR_INVALID, "The path \"%s\" leads through a symbolic link in the instance", target);
}

static int collect_mount(Job *j, size_t k, Lists *l, sd_bus_error *error) {
        LxcMount *m = l->mounts + l->n_mounts;
        PrepareData *d = j->data;
        int r;

        r = disk_mount(j, k, m);
        if (r > 0)
                r = check_place(d, l, m->target, m->optional, error);
        if (r > 0)
                l->places[l->n_mounts++] = (GuestPlace) { m->target, disk_source(d, k) };
        return r;
}

/* Their places are made after all disks. */
static int check_devices(Job *j, const Lists *l, sd_bus_error *error) {
        int r = 0;

        for (size_t i = 0; i < l->n_devices && r >= 0; i++)
                r = check_place(j->data, l, l->devices[i].target, false, error);
        return r < 0 ? bus_error_wrap(error, r, "Failed to start a device") : 0;
}

static int collect(Job *j, Lists *l, sd_bus_error *error) {
        PrepareData *d = j->data;
        int r;

        l->nics = calloc(d->devices.n + 1, sizeof(LxcNic));
        l->mounts = calloc(d->devices.n + 1, sizeof(LxcMount));
        l->places = calloc(d->devices.n + 1, sizeof(GuestPlace));
        l->devices = calloc(d->devices.n + 1, sizeof(LxcDevice));
        if (!l->nics || !l->mounts || !l->places || !l->devices)
                return -ENOMEM;

        for (size_t k = 0; k < d->devices.n; k++) {
                if (d->nics[k].n > 0 && d->liblxc_moves_nics)
                        l->nics[l->n_nics++] = (LxcNic) { config_get_or(d->nics + k, "link", ""), config_get_or(d->nics + k, "name", "") };
                if (d->nodes[k].node)
                        l->devices[l->n_devices++] = (LxcDevice) { d->nodes[k].node, d->nodes[k].target, major(d->nodes[k].device),
                                                                   minor(d->nodes[k].device), S_ISBLK(d->nodes[k].mode) };
                r = collect_mount(j, k, l, error);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to start device \"%s\"", d->devices.items[k].name);
        }
        return check_devices(j, l, error);
}

/* For people who look for it where LXD put it: what the guest was started with. */
static void write_lxc_conf(const PrepareData *d) {
        _cleanup_free_ char *text = NULL, *path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (lxc_config_to_text(&d->lxc, &text) < 0 || str_format(&path, "%s/lxc.conf", d->log_dir) < 0)
                return;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0)
                (void) fd_write_all(fd, text, strlen(text));
}

static int record_attached(Job *j) {
        PrepareData *d = j->data;

        for (size_t k = 0; k < d->devices.n; k++) {
                char key[160];
                int r;

                if (isempty(config_get(d->nics + k, "host_name")))
                        continue;
                (void) snprintf(key, sizeof(key), "volatile.%s.host_name", d->devices.items[k].name);
                r = instance_set_volatile(j->instance, key, config_get(d->nics + k, "host_name"), NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool path_exists(const char *path) {
        return access(path, F_OK) >= 0;
}

static int step_build(Job *j, sd_bus_error *error) {
        _cleanup_(lists_done) Lists l = {};
        _cleanup_free_ char *devlxd = NULL;
        PrepareData *d = j->data;
        Instance *i = j->instance;
        const char *devlxd_key = config_get(&d->config, "security.devlxd");
        const Device *root = devices_find_root(&d->devices);
        int r;

        r = str_format(&d->rootfs, "%s/rootfs", d->root.path);
        if (r >= 0)
                r = collect(j, &l, error);
        if (r >= 0)
                r = str_format(&devlxd, "%s/devlxd", j->manager->state_dir);
        if (r >= 0)
                r = guest_lxc_name(i, &d->name);
        if (r >= 0)
                r = record_attached(j);
        if (r < 0)
                return r;

        r = lxc_config_build(
                        &(const LxcSpec) {
                                .hostname = i->name,
                                .rootfs = d->rootfs,
                                .architecture = i->settings.architecture,
                                .log_dir = d->log_dir,
                                .seccomp = d->seccomp,
                                .devlxd = isempty(devlxd_key) || str_is_true(devlxd_key) ? devlxd : NULL,
                                .exists = path_exists,
                                .apparmor = apparmor_works() ? "generated" : NULL,
                                .privileged = d->privileged,
                                .nesting = config_is_true(&d->config, "security.nesting"),
                                .readonly = root && config_is_true(&root->config, "readonly"),
                                .idmapped = volume_ids_by_mount(&d->root, d->privileged),
                                .device_cgroup = !in_user_namespace(),
                                .cgroup_namespace = access("/proc/self/ns/cgroup", F_OK) >= 0,
                                .idmap = d->privileged ? NULL : &d->idmap,
                                .config = &d->config,
                                .limits = { cgroup_layout(), j->manager->host_memory, d->cpus, NULL },
                                .nics = l.nics,
                                .n_nics = l.n_nics,
                                .mounts = l.mounts,
                                .n_mounts = l.n_mounts,
                                .devices = l.devices,
                                .n_devices = l.n_devices,
                        },
                        &d->lxc, error);
        if (r >= 0)
                write_lxc_conf(d);
        return r;
}

/* "bind" or "rbind", and the place = the source */
static int append_binds(sd_bus_message *m, const PrepareData *d) {
        for (size_t k = 0; k < d->devices.n; k++) {
                _cleanup_free_ char *key = NULL;
                int r;

                if (!d->binds[k])
                        continue;
                r = str_format(&key, "%s %s", config_is_true(&d->devices.items[k].config, "recursive") ? "rbind" : "bind", d->binds[k]);
                r = r < 0 ? r : sd_bus_message_append(m, "{ss}", key, disk_source(d, k));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_options(sd_bus_message *m, Job *j) {
        PrepareData *d = j->data;
        Instance *i = j->instance;
        _cleanup_free_ char *log = NULL;
        char title[256];
        int r;

        (void) snprintf(title, sizeof(title), "%s/%s", i->project, i->name);
        r = str_format(&log, "%s/lxc.log", d->log_dir);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{ss}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{ss}{ss}{ss}{ss}{ss}", "log_file", log, "title", title, "project", i->project, "instance", i->name,
                                          "shutdown_timeout", config_get_or(&d->config, "boot.host_shutdown_timeout", "30"));
        if (r >= 0 && !isempty(config_get(&d->config, "linux.kernel_modules")))
                r = sd_bus_message_append(m, "{ss}", "modules", config_get(&d->config, "linux.kernel_modules"));
        if (r >= 0)
                r = append_binds(m, d);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Begun ahead: the answer waits for the question. */
static int step_asked(Job *j, sd_bus_error *error) {
        PrepareData *d = j->data;

        if (j->request)
                return 0;
        d->waiting = true;
        job_wait(j);
        return 0;
}

static int reply(Job *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        PrepareData *d = j->data;
        int r;

        r = sd_bus_message_new_method_return(j->request, &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", d->name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(ss)");
        for (size_t k = 0; k < d->lxc.n && r >= 0; k++)
                r = sd_bus_message_append(m, "(ss)", d->lxc.pairs[k].key, d->lxc.pairs[k].value);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = append_options(m, j);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

/* Whoever waits for the start gets the reason, also when the runner cannot bring it any more. */
static void done(Job *j) {
        Instance *i = j->instance;

        if (i->prepare_job == j)
                i->prepare_job = NULL;
        if (j->result >= 0)
                return;
        i->prepared = false;
        if (!j->cancelled) /* the reason is known better elsewhere */
                (void) str_replace(&i->failure, j->error.message);
        if (i->status == INSTANCE_STARTING && !i->life_job)
                instance_set_status(i, INSTANCE_STOPPED);
}

static const JobStep prepare_steps[] = {
        { "plan", step_plan, NULL },
        { "resources", step_resources, undo_resources },
        { "shift", step_shift, NULL },
        { "host", step_host, undo_host },
        { "build", step_build, NULL },
        { "asked", step_asked, NULL },
        {}
};

static int new_job(Instance *i, Job **ret, sd_bus_error *error) {
        _cleanup_(job_freep) Job *j = NULL;
        int r;

        if (i->row != ROW_CREATED)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance \"%s\" is not complete", i->name);
        /* While it starts the runner may repeat the call (every step is fine with being repeated); beside a guest that runs it may not. */
        if (i->status == INSTANCE_RUNNING || i->status == INSTANCE_FROZEN)
                return bus_error_set(error, LXD_ERROR_LOCKED, "The instance is already running");
        if (i->manager->stopping)
                return bus_error_set(error, LXD_ERROR_UNAVAILABLE, "LXD is shutting down");
        if (i->data_job && !streq(i->data_job->kind, "update") && !streq(i->data_job->kind, "snapshot") &&
            !(streq(i->data_job->kind, "restore") && i->restarting))
                return bus_error_set(error, LXD_ERROR_LOCKED, "Instance is busy running a \"%s\" operation", i->data_job->kind);

        r = job_new(i->manager, i, "prepare", JOB_FREE, prepare_steps, NULL, &j);
        if (r < 0)
                return r;
        if (!job_alloc_data(j, sizeof(PrepareData), prepare_data_free))
                return -ENOMEM;
        j->reply = reply;
        j->done = done;
        i->prepare_job = j;
        *ret = TAKE_PTR(j);
        return 0;
}

static void wake_waiting(Job *j, int r) {
        PrepareData *d = j->data;

        if (!d->waiting)
                return;
        d->waiting = false;
        job_wake(j, r, NULL);
}

int guest_prepare(Instance *i, sd_bus_message *m, sd_bus_error *error) {
        Job *j = i->prepare_job;
        int r;

        if (!j || j->request) {
                r = new_job(i, &j, error);
                return r < 0 ? r : job_start_reply_done(j, m);
        }
        j->request = sd_bus_message_ref(m);
        wake_waiting(j, 0);
        return 1;
}

void guest_prepare_ahead(Instance *i) {
        Job *j;

        if (i->prepare_job || new_job(i, &j, NULL) < 0)
                return;
        job_start(j);
}

void guest_prepare_cancel(Instance *i, Job *waiter) {
        Job *j = i->prepare_job;

        if (!j)
                return;
        j->cancelled = true;
        if (waiter && !j->parent) {
                j->parent = waiter;
                job_wait(waiter);
        }
        wake_waiting(j, -ECANCELED);
}
