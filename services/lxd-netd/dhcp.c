/* SPDX-License-Identifier: Apache-2.0 */
/* The dnsmasq of a network: its files, its unit, the reservations of guests. */
#include "dhcp.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>

#include "base/file.h"
#include "bus-error.h"
#include "dnsmasq.h"
#include "lease.h"
#include "log.h"

#define CONFIG_MAX (1024U * 1024U)

static int unit_name(const char *network, char **ret) {
        return str_format(ret, "lxd-dnsmasq@%s.service", network);
}

/* ---- leases of guests that are gone ---- */

/* A reload is three processes in a sandbox, some 25 ms of processor time: who deletes a hundred guests in a row shall not pay for it each
 * time, and a lease that ends a little later harms nobody. */
#define RELEASE_USEC (1 * USEC_PER_SEC)

/* Files below released/: former reservations, whose leases lxd-lease-release ends when dnsmasq's unit is reloaded. One for each network at
 * the most; its end looks for what has come meanwhile. */
typedef struct Release {
        Manager *manager;
        char *network;
        sd_event_source *timer;
        Strv paths; /* what the reload that runs gives back */
        struct Release *next;
} Release;

static void release_soon(Manager *m, const char *network);

static Release *release_free(Release *x) {
        if (!x)
                return NULL;
        sd_event_source_disable_unref(x->timer);
        free(x->network);
        strv_free(x->paths);
        free(x);
        return NULL;
}
DEFINE_CLEANUP(Release, release_free)

static void release_end(Release *x) {
        for (Release **p = &x->manager->releases; *p; p = &(*p)->next)
                if (*p == x) {
                        *p = x->next;
                        break;
                }
        x->manager->pending--;
        release_free(x);
}

static int list_released(const Manager *m, const char *network, Strv *ret) {
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *folder = NULL;
        int r = str_format(&folder, "%s/%s/released", m->run_dir, network);

        if (r < 0)
                return r;
        d = opendir(folder);
        for (struct dirent *e = d ? readdir(d) : NULL; r >= 0 && e; e = readdir(d)) {
                _cleanup_free_ char *path = NULL;

                if (e->d_name[0] == '.')
                        continue;
                r = str_format(&path, "%s/%s", folder, e->d_name);
                if (r >= 0)
                        r = strv_extend(ret, path);
        }
        return r;
}

static void on_released(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_free_ char *network = NULL;
        Release *x = userdata;
        Manager *m = x->manager;

        if (r < 0) /* the files stay: the next start of the server, or of us, tries again */
                log_debug("The DHCP server of network \"%s\" was not reloaded: %s", x->network, e && e->message ? e->message : strerror(-r));
        else
                STRV_FOREACH(p, x->paths)
                        (void) unlink(*p);
        network = TAKE_PTR(x->network);
        release_end(x);
        if (r >= 0)
                release_soon(m, network);
}

static int on_release_time(sd_event_source *s, uint64_t usec, void *userdata) {
        _cleanup_free_ char *unit = NULL;
        Release *x = userdata;
        int r;

        r = list_released(x->manager, x->network, &x->paths);
        if (r >= 0 && !x->paths) {
                release_end(x);
                return 0;
        }
        if (r >= 0)
                r = unit_name(x->network, &unit);
        if (r >= 0)
                r = unit_reload(x->manager->units, unit, on_released, x);
        if (r < 0)
                on_released(r, NULL, x);
        return 0;
}

/* Gives back what lies below released/ by then. */
static void release_soon(Manager *m, const char *network) {
        _cleanup_(release_freep) Release *x = NULL;
        _cleanup_strv_free_ Strv paths = NULL;

        for (Release *i = m->releases; i; i = i->next)
                if (streq(i->network, network))
                        return;
        if (!m->units || list_released(m, network, &paths) < 0 || !paths)
                return;
        x = calloc(1, sizeof(*x));
        if (!x)
                return;
        *x = (Release) { .manager = m, .network = strdup(network), .next = m->releases };
        if (!x->network || sd_event_add_time_relative(m->event, &x->timer, CLOCK_MONOTONIC, RELEASE_USEC, 0, on_release_time, x) < 0)
                return;
        m->pending++;
        m->releases = TAKE_PTR(x);
}

/* ---- the unit ---- */

typedef struct UnitWait {
        Manager *manager;
        char *network, *unit;
        char *stamp; /* file that says "started with this configuration"; NULL when stopping */
        done_t done;
        void *userdata;
} UnitWait;

static UnitWait *unit_wait_free(UnitWait *w) {
        if (!w)
                return NULL;
        free(w->network);
        free(w->unit);
        free(w->stamp);
        free(w);
        return NULL;
}
DEFINE_CLEANUP(UnitWait, unit_wait_free)

static void on_unit(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(unit_wait_freep) UnitWait *w = userdata;

        w->manager->pending--;
        if (r < 0 && w->stamp)
                (void) bus_error_set(&error, LXD_ERROR_FAILED,
                                     "The DHCP and DNS server of network \"%s\" did not start: %s. Often another server has port 53 or "
                                     "67 on its addresses, or raw.dnsmasq has a mistake: see journalctl -u %s",
                                     w->network, e && e->message ? e->message : strerror(-r), w->unit);
        else if (r < 0)
                (void) bus_error_set(&error, LXD_ERROR_FAILED, "The DHCP and DNS server of network \"%s\" did not stop: %s", w->network,
                                     e && e->message ? e->message : strerror(-r));
        if (r >= 0 && w->stamp) {
                (void) file_write_atomic(w->stamp, "", 0, 0644);
                release_soon(w->manager, w->network);
        }
        if (!w->stamp && w->manager->units)
                (void) unit_reset_failed(w->manager->units, w->unit); /* one that nobody wants has not failed */
        w->done(r, r < 0 ? &error : NULL, w->userdata);
}

static int unit_wait_new(Manager *m, const char *network, const char *stamp, done_t done, void *userdata, UnitWait **ret) {
        _cleanup_(unit_wait_freep) UnitWait *w = calloc(1, sizeof(UnitWait));

        if (!w)
                return -ENOMEM;
        *w = (UnitWait) { .manager = m, .done = done, .userdata = userdata };
        if (str_replace(&w->network, network) < 0 || unit_name(network, &w->unit) < 0 || str_replace(&w->stamp, stamp) < 0)
                return -ENOMEM;
        *ret = TAKE_PTR(w);
        return 0;
}

/* Restarts (stamp given) or stops the unit. */
static int change_unit(Manager *m, const char *network, const char *stamp, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_(unit_wait_freep) UnitWait *w = NULL;
        int r;

        r = unit_wait_new(m, network, stamp, done, userdata, &w);
        if (r < 0)
                return bus_error_ensure(error, r);
        m->pending++;
        if (!m->units) {
                on_unit(0, NULL, TAKE_PTR(w));
                return 0;
        }
        if (stamp)
                (void) unit_reset_failed(m->units, w->unit); /* a former failure does not count against this start */
        r = stamp ? unit_restart(m->units, w->unit, on_unit, w) : unit_stop(m->units, w->unit, on_unit, w);
        if (r < 0) {
                m->pending--;
                return bus_error_wrap(error, r, "Failed to reach the service manager");
        }
        TAKE_PTR(w);
        return 0;
}

/* Writes the file if its content differs. 1 = it did, 0 = not, -errno. */
static int write_if_changed(const char *path, const char *text) {
        _cleanup_free_ char *old = NULL;
        int r;

        r = file_read(path, CONFIG_MAX, &old, NULL);
        if (r >= 0 && streq(old, text))
                return 0;
        r = file_write_atomic(path, text, strlen(text), 0644);
        return r < 0 ? r : 1;
}

/* The folders that dnsmasq and its helper read; they run as another user. */
static int make_folders(Manager *m, const char *network, char **ret_run) {
        _cleanup_free_ char *run = NULL, *hosts = NULL, *released = NULL;
        mode_t mask = umask(0022);
        int r;

        r = str_format(&run, "%s/%s", m->run_dir, network);
        if (r >= 0)
                r = str_format(&hosts, "%s/hosts", run);
        if (r >= 0)
                r = str_format(&released, "%s/released", run);
        if (r >= 0)
                r = mkdir_parents(hosts, 0755);
        if (r >= 0)
                r = mkdir_parents(released, 0755);
        (void) umask(mask);
        if (r < 0)
                return r;
        *ret_run = TAKE_PTR(run);
        return 0;
}

static int reserve_all(Manager *m, const char *network) {
        _cleanup_(nic_list_done) NicList nics = {};
        int r;

        r = db_nic_list_network(m->db, network, &nics);
        for (size_t i = 0; r >= 0 && i < nics.n; i++)
                r = dhcp_reserve(m, nics.items + i);
        return r;
}

static int write_configuration(Manager *m, const Network *n, char **ret_stamp) {
        _cleanup_free_ char *run = NULL, *state = NULL, *text = NULL, *path = NULL, *stamp = NULL;
        int changed, r;

        r = make_folders(m, n->name, &run);
        if (r >= 0)
                r = str_format(&state, "%s/%s", m->state_dir, n->name);
        if (r >= 0)
                r = str_format(&path, "%s/dnsmasq.conf", run);
        if (r >= 0)
                r = str_format(&stamp, "%s/started", run);
        if (r >= 0)
                r = dnsmasq_build(n->name, &n->config, &(DnsmasqPaths) { run, state }, &text);
        if (r < 0)
                return r;
        changed = write_if_changed(path, text);
        if (changed < 0)
                return changed;
        if (changed > 0)
                (void) unlink(stamp);
        r = reserve_all(m, n->name);
        if (r < 0)
                return r;
        *ret_stamp = TAKE_PTR(stamp);
        return 0;
}

int dhcp_stop(Manager *m, const char *network, done_t done, void *userdata, sd_bus_error *error) {
        return change_unit(m, network, NULL, done, userdata, error);
}

int dhcp_configure(Manager *m, const Network *n, done_t done, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *stamp = NULL;
        int r;

        r = write_configuration(m, n, &stamp);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to write the DHCP configuration of network \"%s\"", n->name);
        if (!dnsmasq_wanted(&n->config)) {
                /* Also without a stamp: a change of the configuration has just removed it, or a daemon was killed before the stop. */
                (void) unlink(stamp);
                return dhcp_stop(m, n->name, done, userdata, error);
        }
        if (access(stamp, F_OK) >= 0) {
                release_soon(m, n->name);
                done(0, NULL, userdata);
                return 0;
        }
        return change_unit(m, n->name, stamp, done, userdata, error);
}

int dhcp_remove(Manager *m, const char *network) {
        const char *const folders[] = { m->run_dir, m->state_dir };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                _cleanup_close_ int fd = open(folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                int r = fd < 0 ? -errno : remove_tree_at(fd, network);

                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return 0;
}

int dhcp_rename(Manager *m, const char *old_name, const char *name) {
        _cleanup_free_ char *from = NULL, *to = NULL;
        int r;

        r = str_format(&from, "%s/%s", m->state_dir, old_name);
        if (r >= 0)
                r = str_format(&to, "%s/%s", m->state_dir, name);
        if (r < 0)
                return r;
        if (rename(from, to) < 0 && errno != ENOENT)
                return -errno;
        return dhcp_remove(m, old_name);
}

int dhcp_host_name(const char *project, const char *instance, char **ret) {
        char *name;
        int r;

        r = streq(project, "default") ? str_format(&name, "%s", instance) : str_format(&name, "%s-%s", instance, project);
        if (r < 0)
                return r;
        for (char *p = name; *p; p++) /* a project may be called what DNS does not like */
                if (!isalnum((unsigned char) *p))
                        *p = '-';
        *ret = name;
        return 0;
}

/* folder: "hosts" or "released". */
static int reservation_path(Manager *m, const Nic *nic, const char *folder, char **ret) {
        _cleanup_free_ char *device = NULL;
        int r;

        r = url_encode(nic->device, &device);
        return r < 0 ? r : str_format(ret, "%s/%s/%s/%" PRIu64 ".%s", m->run_dir, nic->network, folder, nic->guest, device);
}

/* dnsmasq adds what appears in the folder by itself, but forgets only when it is told to read everything again. */
static void reread(Manager *m, const char *network) {
        _cleanup_free_ char *unit = NULL;
        int r;

        if (!m->units)
                return;
        r = unit_name(network, &unit);
        if (r >= 0)
                r = unit_kill(m->units, unit, SIGHUP, NULL, NULL);
        if (r < 0)
                log_warning_errno(r, "Failed to tell the DHCP server of network \"%s\" about a reservation: %m", network);
}

int dhcp_reserve(Manager *m, const Nic *nic) {
        _cleanup_free_ char *path = NULL, *released = NULL, *text = NULL, *name = NULL;
        bool existed;
        int r;

        if (isempty(nic->network))
                return 0;
        r = dhcp_host_name(nic->project, nic->instance, &name);
        if (r >= 0)
                r = dnsmasq_build_host(&(DnsmasqHost) { nic->hwaddr, isempty(nic->ipv4) ? NULL : nic->ipv4,
                                                        isempty(nic->ipv6) ? NULL : nic->ipv6, name }, &text);
        if (r >= 0)
                r = reservation_path(m, nic, "hosts", &path);
        if (r >= 0)
                r = reservation_path(m, nic, "released", &released);
        if (r < 0)
                return r;
        (void) unlink(released); /* its lease is wanted again */
        existed = access(path, F_OK) >= 0;
        r = write_if_changed(path, text);
        if (r > 0 && existed)
                reread(m, nic->network);
        return r < 0 ? r : 0;
}

int dhcp_release(Manager *m, const Nic *nic) {
        _cleanup_free_ char *path = NULL, *released = NULL;
        int r;

        if (isempty(nic->network))
                return 0;
        r = reservation_path(m, nic, "hosts", &path);
        if (r >= 0)
                r = reservation_path(m, nic, "released", &released);
        if (r < 0)
                return r;
        if (lease_exists(m, nic) > 0 && rename(path, released) >= 0) {
                release_soon(m, nic->network);
                return 0;
        }
        r = file_remove(path);
        if (r > 0)
                reread(m, nic->network);
        return r < 0 ? r : 0;
}
