/* SPDX-License-Identifier: Apache-2.0 */
/* Managed networks: creating, changing, renaming, deleting. */
#include "network.h"

#include "bridge.h"
#include "bus-error.h"
#include "conflict.h"
#include "dhcp.h"
#include "json-write.h"
#include "life-event.h"
#include "log.h"
#include "network-apply.h"
#include "network-config.h"

int network_load(Manager *m, const char *name, Network *ret, sd_bus_error *error) {
        int r = db_network_load(m->db, name, ret);

        if (r == -ENOENT || (r >= 0 && !streq(ret->state, "created") && !streq(ret->state, "updating"))) {
                if (r >= 0)
                        network_done(ret);
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Network not found");
        }
        return r < 0 ? bus_error_wrap(error, r, "Failed to load network \"%s\"", name) : 0;
}

int network_etag(const Network *n, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_string(&w, "name", n->name);
        json_string(&w, "description", n->description);
        json_config(&w, "config", &n->config);
        json_object_end(&w);
        return json_etag(&w, ret);
}

static void network_event(Job *j, const char *action, const char *name, const Config *context) {
        _cleanup_free_ char *source = NULL, *encoded = NULL;

        if (url_encode(name, &encoded) < 0 || str_format(&source, "/1.0/networks/%s", encoded) < 0)
                return;
        (void) lifecycle_emit(j->manager->operations, action, source, context, &j->who,
                              &(const LogFields) { .project = "default", .network = name });
}

static void network_object_event(Manager *m, const char *name, int (*emit)(BusServer *s, const char *path)) {
        _cleanup_free_ char *path = NULL;

        if (m->server && bus_path_encode(&path, NETD_PREFIX_NETWORK, "default", name, NULL) >= 0)
                (void) emit(m->server, path);
}

/* Remembers why, before something is taken back. */
static void job_fail(Job *j, int r, const sd_bus_error *e) {
        j->result = r;
        if (e && sd_bus_error_is_set(e))
                (void) sd_bus_error_copy(&j->failure, e);
        (void) bus_error_ensure(&j->failure, r);
}

/* Create: row, bridge, DHCP, firewall; what failed takes everything back. */

static void on_create_undone(int r, const sd_bus_error *e, void *userdata) {
        Job *j = userdata;

        if (r < 0)
                log_warning("Network \"%s\" could not be taken back entirely, the next start tries again: %s", j->next.name,
                            e ? e->message : strerror(-r));
        else
                (void) db_network_delete(j->manager->db, j->next.id);
        job_done(j, j->result, &j->failure);
}

static void create_undo(Job *j) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        (void) db_network_set_state(j->manager->db, j->next.id, "deleting");
        r = network_remove(j->manager, &j->next, on_create_undone, j, &error);
        if (r < 0)
                on_create_undone(r, &error, j);
}

static void on_created(int r, const sd_bus_error *e, void *userdata) {
        Job *j = userdata;

        if (r >= 0)
                r = db_network_set_state(j->manager->db, j->next.id, "created");
        if (r < 0) {
                job_fail(j, r, e);
                create_undo(j);
                return;
        }
        conflict_explain(&j->next);
        network_event(j, "network-created", j->next.name, NULL);
        network_object_event(j->manager, j->next.name, bus_server_emit_object_added);
        job_done(j, 0, NULL);
}

static int create_new(Job *j, sd_bus_error *error) {
        Manager *m = j->manager;
        Link link;
        int r;

        if (link_get(&m->rtnl, j->next.name, &link) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Network interface \"%s\" already exists", j->next.name);
        r = bridge_fill_config(m, &j->next, true, error);
        if (r >= 0)
                r = network_config_check(j->next.name, &j->next.config, error);
        if (r < 0)
                return r;
        r = bridge_choose_hwaddr(&j->next);
        if (r >= 0)
                r = db_network_insert(m->db, &j->next);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record network \"%s\"", j->next.name);
        r = network_apply(m, &j->next, NULL, on_created, j, error);
        if (r < 0) {
                job_fail(j, r, error);
                create_undo(j);
        }
        return 0;
}

/* What an earlier removal could not take away is gone, or cannot be taken away now either. */
static void on_leftover_removed(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;

        if (r >= 0)
                r = db_network_delete(j->manager->db, j->network.id);
        if (r < 0) {
                job_done(j, r, e);
                return;
        }
        r = create_new(j, &error);
        if (r < 0)
                job_done(j, r, &error);
}

int network_create(Job *j, sd_bus_error *error) {
        int r = db_network_load(j->manager->db, j->next.name, &j->network);

        if (r == -ENOENT)
                return create_new(j, error);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for network \"%s\"", j->next.name);
        if (!streq(j->network.state, "deleting"))
                return bus_error_set(error, LXD_ERROR_EXISTS, "The network already exists");
        return network_remove(j->manager, &j->network, on_leftover_removed, j, error);
}

/* Update: the host first, the record when it worked; else the host gets back what the record says. */

static void on_update_undone(int r, const sd_bus_error *e, void *userdata) {
        Job *j = userdata;

        if (r < 0)
                log_error("Network \"%s\" could not be set back to its former configuration: %s", j->network.name,
                          e ? e->message : strerror(-r));
        (void) db_network_set_state(j->manager->db, j->network.id, "created");
        job_done(j, j->result, &j->failure);
}

static void on_updated(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        Manager *m = j->manager;

        if (r < 0) {
                job_fail(j, r, e);
                (void) db_network_update(m->db, &j->network);
                r = network_apply(m, &j->network, &j->next, on_update_undone, j, &error);
                if (r < 0)
                        on_update_undone(r, &error, j);
                return;
        }
        r = db_network_set_state(m->db, j->next.id, "created");
        if (r >= 0) {
                network_event(j, "network-updated", j->next.name, NULL);
                if (m->server) {
                        _cleanup_free_ char *path = NULL;

                        if (bus_path_encode(&path, NETD_PREFIX_NETWORK, "default", j->next.name, NULL) >= 0)
                                (void) bus_server_emit_properties_changed(m->server, path, NETD_INTERFACE("Network"),
                                                                          (char *[]) { (char *) "Config", (char *) "Description", NULL });
                }
        }
        job_done(j, r, NULL);
}

/* What the network shall be, from what it is and what was asked. */
static int update_merge(Job *j, sd_bus_error *error) {
        _cleanup_(network_done) Network asked = j->next;
        int r;

        j->next = (Network) {};
        r = network_copy(&j->network, &j->next);
        if (r >= 0 && (j->flags & UPDATE_DESCRIPTION))
                r = str_replace(&j->next.description, asked.description);
        if (r >= 0 && (j->flags & UPDATE_CONFIG)) {
                if (!(j->flags & UPDATE_MERGE))
                        config_done(&j->next.config);
                r = config_merge(&j->next.config, &asked.config, true);
        }
        if (r < 0)
                return bus_error_ensure(error, r);
        r = network_config_check(j->next.name, &j->next.config, error);
        if (r >= 0)
                r = bridge_fill_config(j->manager, &j->next, false, error);
        if (r >= 0 && !isempty(config_get(&j->next.config, "bridge.hwaddr")))
                r = bridge_choose_hwaddr(&j->next);
        return r < 0 ? bus_error_ensure(error, r) : 0;
}

int network_update(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *etag = NULL, *name = NULL;
        Manager *m = j->manager;
        int r;

        name = TAKE_PTR(j->network.name);
        r = network_load(m, name, &j->network, error);
        if (r < 0)
                return r;
        r = network_etag(&j->network, &etag);
        if (r < 0)
                return bus_error_ensure(error, r);
        if (!isempty(j->etag) && !streq(j->etag, etag))
                return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", j->etag, etag);
        r = update_merge(j, error);
        if (r < 0)
                return r;
        r = db_network_set_state(m->db, j->network.id, "updating");
        if (r >= 0)
                r = db_network_update(m->db, &j->next); /* the rules are made from the record; it is put back when this fails */
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to record network \"%s\"", j->network.name);
        r = network_apply(m, &j->next, &j->network, on_updated, j, error);
        if (r < 0)
                on_updated(r, error, j);
        return 0;
}

/* Rename and delete begin by asking whether somebody uses the network. */

static int refuse_used(Job *j, const UsedBy *used, const char *text, sd_bus_error *error) {
        _cleanup_(nic_list_done) NicList nics = {};
        char *const *urls = used_by_get(used, j->network.name);
        int r;

        if (strv_length(urls) > 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "%s", text);
        r = db_nic_list_network(j->manager->db, j->network.name, &nics);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to look for users of network \"%s\"", j->network.name);
        for (size_t i = 0; i < nics.n; i++)
                if (!streq(nics.items[i].state, "reserved"))
                        return bus_error_set(error, LXD_ERROR_INVALID, "%s", text);
        return 0;
}

static void on_renamed(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(config_done) Config context = {};
        Job *j = userdata;

        if (r >= 0)
                r = db_network_rename_end(j->manager->db, j->next.id);
        if (r >= 0) {
                (void) config_set(&context, "old_name", j->network.name);
                network_event(j, "network-renamed", j->next.name, &context);
                network_object_event(j->manager, j->network.name, bus_server_emit_object_removed);
                network_object_event(j->manager, j->next.name, bus_server_emit_object_added);
        }
        job_done(j, r, e);
}

/* The server of the old name has ended: the interface and its files get the new one. */
static void on_rename_stopped(int r, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        Manager *m = j->manager;

        if (r < 0) {
                job_done(j, r, e);
                return;
        }
        r = db_network_rename_begin(m->db, j->network.id, j->network.name, j->next.name);
        if (r >= 0)
                r = network_finish_rename(m, j->network.name, &j->next, on_renamed, j, &error);
        if (r < 0) {
                /* The same steps backwards; what this cannot do, the next start does. */
                (void) bridge_rename(m, j->next.name, j->network.name, NULL);
                (void) db_network_rename_begin(m->db, j->network.id, j->next.name, j->network.name);
                (void) db_network_rename_end(m->db, j->network.id);
                job_fail(j, r, &error);
                r = network_apply(m, &j->network, NULL, on_update_undone, j, NULL);
                if (r < 0)
                        job_done(j, j->result, &j->failure);
        }
}

static void on_rename_allowed(const UsedBy *used, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        int r;

        if (!used) {
                job_done(j, sd_bus_error_get_errno(e) > 0 ? -sd_bus_error_get_errno(e) : -EIO, e);
                return;
        }
        r = refuse_used(j, used, "Network is currently in use", &error);
        if (r >= 0)
                r = dhcp_stop(j->manager, j->network.name, on_rename_stopped, j, &error);
        if (r < 0)
                job_done(j, r, &error);
}

int network_rename(Job *j, sd_bus_error *error) {
        _cleanup_(network_done) Network other = {};
        _cleanup_free_ char *name = TAKE_PTR(j->network.name), *new_name = TAKE_PTR(j->next.name);
        Manager *m = j->manager;
        Link link;
        int r;

        if (isempty(new_name))
                return bus_error_set(error, LXD_ERROR_INVALID, "New network name not provided");
        r = network_name_check(new_name, error);
        if (r >= 0)
                r = network_load(m, name, &j->network, error);
        if (r < 0)
                return r;
        if (db_network_load(m->db, new_name, &other) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Network \"%s\" already exists", new_name);
        if (link_get(&m->rtnl, new_name, &link) >= 0)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Network interface \"%s\" already exists", new_name);
        r = network_copy(&j->network, &j->next);
        if (r >= 0)
                r = str_replace(&j->next.name, new_name);
        if (r >= 0)
                r = network_config_check(new_name, &j->next.config, error); /* tunnels need room in the name */
        return r < 0 ? bus_error_ensure(error, r) : used_by_query(m, on_rename_allowed, j, error);
}

static void on_deleted(int r, const sd_bus_error *e, void *userdata) {
        Job *j = userdata;

        if (r < 0) { /* it is there again, so that it can be deleted again */
                job_fail(j, r, e);
                r = network_apply(j->manager, &j->network, NULL, on_update_undone, j, NULL);
                if (r < 0)
                        on_update_undone(r, NULL, j);
                return;
        }
        r = db_network_delete(j->manager->db, j->network.id);
        if (r >= 0) {
                network_event(j, "network-deleted", j->network.name, NULL);
                network_object_event(j->manager, j->network.name, bus_server_emit_object_removed);
        }
        job_done(j, r, e);
}

static void on_delete_allowed(const UsedBy *used, const sd_bus_error *e, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Job *j = userdata;
        int r;

        if (!used) {
                job_done(j, sd_bus_error_get_errno(e) > 0 ? -sd_bus_error_get_errno(e) : -EIO, e);
                return;
        }
        r = refuse_used(j, used, "The network is currently in use", &error);
        if (r >= 0)
                r = db_network_set_state(j->manager->db, j->network.id, "deleting");
        if (r >= 0)
                r = network_remove(j->manager, &j->network, on_deleted, j, &error);
        if (r < 0)
                job_done(j, r, &error);
}

int network_delete(Job *j, sd_bus_error *error) {
        _cleanup_free_ char *name = TAKE_PTR(j->network.name);
        int r;

        r = network_load(j->manager, name, &j->network, error);
        return r < 0 ? r : used_by_query(j->manager, on_delete_allowed, j, error);
}
