/* SPDX-License-Identifier: Apache-2.0 */
/* Loading, the server configuration, and the tables that put the interfaces on the bus. */
#include "bus-error.h"
#include "certificate.h"
#include "json-write.h"
#include "life-event.h"
#include "log.h"
#include "manager.h"
#include "server-config.h"

#define KEY_TRUST_PASSWORD "core.trust_password"

const BusInterface manager_interfaces[] = {
        { CLUSTER_ROOT, CLUSTER_INTERFACE("Manager"), manager_vtable, NULL, NULL },
        { CLUSTER_ROOT "/certificate", CLUSTER_INTERFACE("Certificate"), certificate_vtable, certificate_object_find, NULL },
        { CLUSTER_ROOT "/project", CLUSTER_INTERFACE("Project"), project_vtable, project_object_find, NULL },
        {},
};

const struct BusEnumerator manager_enumerators[] = {
        { CLUSTER_ROOT "/certificate", certificate_enumerate },
        { CLUSTER_ROOT "/project", project_enumerate },
        {},
};

int manager_load(Manager *m, const char *database, const char *state_dir) {
        int r;

        r = records_open(database, &m->db);
        if (r < 0)
                return r;
        r = records_config_load(m->db, &m->config);
        if (r < 0)
                return log_error_errno(r, "Failed to load the server configuration: %m");
        if (state_dir) {
                r = certificate_make_server(state_dir);
                if (r < 0)
                        return log_error_errno(r, "Failed to make the server certificate in %s: %m", state_dir);
        }
        return 0;
}

void manager_done(Manager *m) {
        config_done(&m->config);
        m->db = db_close(m->db);
}

int etag_check(const char *etag, const char *current, sd_bus_error *error) {
        if (isempty(etag) || streq(etag, current))
                return 0;
        return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
}

void manager_lifecycle(Manager *m, const char *action, const char *source, const Requestor *who) {
        int r;

        if (!m->daemon)
                return;
        r = lifecycle_emit(daemon_operations(m->daemon), action, source, NULL, who,
                           &(const LogFields) { .project = "default" });
        if (r < 0)
                log_warning_errno(r, "Failed to signal %s: %m", action);
}

int manager_public_config(Manager *m, Config *ret, char **ret_etag) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_(config_done) Config c = {};
        int r;

        r = server_config_public(&m->config, &c);
        if (r < 0)
                return r;
        json_config(&w, NULL, &m->config); /* as stored, so that a new password changes the ETag too */
        r = json_etag(&w, ret_etag);
        if (r < 0)
                return r;
        *ret = c;
        c = (Config) {};
        return 0;
}

/* The password as it comes becomes what is stored. "true" is what a client read and sends back, here or, with a whole configuration, to another
 * server: it says that there is a password, and never is one. */
static int settle_password(const Manager *m, Config *c) {
        const char *given = config_get(c, KEY_TRUST_PASSWORD), *stored = config_get(&m->config, KEY_TRUST_PASSWORD);
        _cleanup_free_ char *hash = NULL;
        int r;

        if (!given || streq(given, "true") || streq_ptr(given, stored))
                return config_set(c, KEY_TRUST_PASSWORD, given ? stored : NULL);
        r = password_hash(given, &hash);
        return r < 0 ? r : config_set(c, KEY_TRUST_PASSWORD, hash);
}

/* Only what changes is checked: a key stored by a newer version must not block others. A key that is unset must be one. */
static int check_changes(const Manager *m, const Config *change, const Config *next, sd_bus_error *error) {
        _cleanup_(config_done) Config changed = {};
        int r;

        CONFIG_FOREACH(i, change)
                if (isempty(i->value) && !config_get(&m->config, i->key)) {
                        r = config_set(&changed, i->key, "");
                        if (r < 0)
                                return bus_error_ensure(error, r);
                }
        CONFIG_FOREACH(i, next)
                if (!streq_ptr(config_get(&m->config, i->key), i->value)) {
                        r = config_set(&changed, i->key, i->value);
                        if (r < 0)
                                return bus_error_ensure(error, r);
                }
        return server_config_check(&changed, error);
}

static int next_config(Manager *m, const Config *change, uint64_t flags, Config *next, sd_bus_error *error) {
        int r = 0;

        if (flags & UPDATE_MERGE)
                r = config_merge(next, &m->config, false);
        if (r >= 0)
                r = config_merge(next, change, true);
        if (r < 0)
                return bus_error_ensure(error, r);
        r = check_changes(m, change, next, error);
        if (r < 0)
                return r;
        r = settle_password(m, next);
        return r < 0 ? bus_error_ensure(error, r) : 0;
}

int manager_update_config(Manager *m, const Config *change, const char *etag, const Requestor *who, uint64_t flags,
                          sd_bus_error *error) {
        _cleanup_(config_done) Config next = {}, public = {};
        _cleanup_free_ char *current = NULL;
        int r;

        r = manager_public_config(m, &public, &current);
        if (r < 0)
                return bus_error_ensure(error, r);
        r = etag_check(etag, current, error);
        if (r >= 0)
                r = next_config(m, change, flags, &next, error);
        if (r < 0)
                return r;
        r = records_config_store(m->db, &next);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to store the server configuration");
        config_done(&m->config);
        m->config = next;
        next = (Config) {};
        if (m->daemon)
                (void) bus_server_emit_properties_changed(daemon_server(m->daemon), CLUSTER_ROOT, CLUSTER_INTERFACE("Manager"),
                                                          (char *[]) { (char *) "Config", NULL });
        manager_lifecycle(m, "config-updated", "/1.0", who);
        return 0;
}
