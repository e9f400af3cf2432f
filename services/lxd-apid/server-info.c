/* SPDX-License-Identifier: Apache-2.0 */
/* Owns GET, PUT and PATCH of /1.0, and the ready-made answer of the first. */

#include <unistd.h>

#include <json-c/json.h>

#include "api-extensions.h"
#include "bus-error.h"
#include "call.h"
#include "environment.h"
#include "json-args.h"
#include "log.h"
#include "owners.h"
#include "reply.h"
#include "rest.h"
#include "server-info.h"

#define KEY_TRUST_PASSWORD "core.trust_password"

typedef struct Driver {
        char *name, *version;
        bool remote, used;
} Driver;

typedef struct Waiting {
        Request *request;
        struct Waiting *next;
} Waiting;

struct ServerInfo {
        Manager *manager;
        struct MHD_Response *answer; /* for the default project */
        bool wanted;                 /* the signals that tell of changes */

        /* While it is being asked for. */
        unsigned open;   /* answers to come */
        bool stale;      /* something changed meanwhile, or is missing: not to be kept */
        Waiting *waiting;
        Config config;
        char *etag, *name;
        Driver *drivers;
        size_t n_drivers;
        char *failure;
};

int server_info_new(Manager *m, ServerInfo **ret) {
        ServerInfo *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->manager = m;
        *ret = s;
        return 0;
}

static void forget_answers(ServerInfo *s) {
        for (size_t i = 0; i < s->n_drivers; i++) {
                free(s->drivers[i].name);
                free(s->drivers[i].version);
        }
        s->drivers = (free(s->drivers), NULL);
        s->n_drivers = 0;
        config_done(&s->config);
        s->etag = (free(s->etag), NULL);
        s->name = (free(s->name), NULL);
        s->failure = (free(s->failure), NULL);
        s->stale = false;
}

static Request *pop_waiting(ServerInfo *s) {
        Waiting *w = s->waiting;
        Request *r = w->request;

        s->waiting = w->next;
        free(w);
        return r;
}

ServerInfo *server_info_free(ServerInfo *s) {
        if (!s)
                return NULL;
        while (s->waiting)
                (void) pop_waiting(s); /* the requests are gone with the HTTP side */
        if (s->answer)
                MHD_destroy_response(s->answer);
        if (s->wanted) {
                owner_release(s->manager, OPERATION_OWNER_CLUSTERD);
                owner_release(s->manager, OPERATION_OWNER_STORAGED);
        }
        forget_answers(s);
        free(s);
        return NULL;
}

void server_info_invalidate(ServerInfo *s) {
        s->stale = true;
        if (s->answer)
                MHD_destroy_response(s->answer);
        s->answer = NULL;
}

/* "btrfs | dir": names or versions of the drivers in use. */
static void write_used(const ServerInfo *s, JsonWriter *w, const char *key, bool version) {
        _cleanup_strv_free_ Strv used = NULL;
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < s->n_drivers; i++)
                if (s->drivers[i].used)
                        (void) strv_extend(&used, version ? s->drivers[i].version : s->drivers[i].name);
        (void) strv_join(used, " | ", &text);
        json_string(w, key, strempty(text));
}

static void write_environment(const ServerInfo *s, JsonWriter *w, const char *project) {
        char host[256] = "";

        (void) gethostname(host, sizeof(host) - 1);
        json_object_begin(w, "environment");
        environment_write_host(w, s->manager->certificate_path, project);
        json_string(w, "server", "lxd");
        json_boolean(w, "server_clustered", false);
        json_string(w, "server_event_mode", "full-mesh");
        json_string(w, "server_name", isempty(s->name) ? host : s->name);
        json_int(w, "server_pid", getpid());
        json_string(w, "server_version", LXD_VERSION);
        write_used(s, w, "storage", false);
        write_used(s, w, "storage_version", true);
        json_array_begin(w, "storage_supported_drivers");
        for (size_t i = 0; i < s->n_drivers; i++) {
                json_object_begin(w, NULL);
                json_string(w, "Name", s->drivers[i].name);
                json_string(w, "Version", s->drivers[i].version);
                json_boolean(w, "Remote", s->drivers[i].remote);
                json_object_end(w);
        }
        json_array_end(w);
        json_object_end(w);
}

/* All values are texts, but LXD says just that there is a password. */
static void write_config(JsonWriter *w, const Config *config) {
        json_object_begin(w, "config");
        CONFIG_FOREACH(i, config)
                if (streq(i->key, KEY_TRUST_PASSWORD))
                        json_boolean(w, i->key, true);
                else
                        json_string(w, i->key, i->value);
        json_object_end(w);
}

/* The answer for one project; NULL: no memory. */
static struct MHD_Response *make_answer(const ServerInfo *s, const char *project) {
        _cleanup_free_ char *metadata = NULL, *text = NULL, *etag = NULL;
        _cleanup_(json_done) JsonWriter w = {};
        struct MHD_Response *response;
        size_t n;

        json_object_begin(&w, NULL);
        write_config(&w, &s->config);
        json_strv(&w, "api_extensions", (char *const *) api_extensions);
        json_string(&w, "api_status", "stable");
        json_string(&w, "api_version", "1.0");
        json_string(&w, "auth", "trusted");
        json_boolean(&w, "public", false);
        json_strv(&w, "auth_methods", (char *[]) { (char*) "tls", NULL });
        write_environment(s, &w, project);
        json_object_end(&w);
        if (json_finish_text(&w, &metadata) < 0 || envelope_sync(metadata, strlen(metadata), &text, &n) < 0)
                return NULL;

        response = response_from_text(text, n, "application/json");
        if (response && str_format(&etag, "\"%s\"", strempty(s->etag)) >= 0)
                (void) MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, etag);
        return response;
}

static void answer_waiting(ServerInfo *s) {
        bool fresh = !s->stale && !s->failure;

        while (s->waiting) {
                Request *r = pop_waiting(s);

                if (s->failure)
                        (void) reply_error(r, MHD_HTTP_SERVICE_UNAVAILABLE, s->failure);
                else
                        (void) reply_response(r, MHD_HTTP_OK, make_answer(s, r->project));
                request_resume(r);
                request_unref(r);
        }
        if (fresh) {
                if (s->answer)
                        MHD_destroy_response(s->answer);
                s->answer = make_answer(s, "default");
        }
        forget_answers(s);
}

static void answered(ServerInfo *s) {
        if (--s->open == 0)
                answer_waiting(s);
}

static void on_config(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        ServerInfo *s = userdata;
        const char *etag = "";

        if (error || bus_read_config(m, &s->config) < 0 || sd_bus_message_read(m, "s", &etag) < 0)
                (void) str_format(&s->failure, "lxd-clusterd cannot tell the configuration of the server: %s",
                                  error && error->message ? error->message : "malformed answer");
        else
                (void) str_replace(&s->etag, etag);
        answered(s);
}

static void on_name(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        ServerInfo *s = userdata;
        const char *name;

        if (!error && sd_bus_message_read(m, "v", "s", &name) >= 0)
                (void) str_replace(&s->name, name);
        answered(s);
}

static int read_driver(sd_bus_message *m, ServerInfo *s) {
        const char *name, *version;
        int remote, used, r;
        Driver *more;

        r = sd_bus_message_read(m, "(ssbb)", &name, &version, &remote, &used);
        if (r <= 0)
                return r;
        more = reallocarray(s->drivers, s->n_drivers + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        s->drivers = more;
        more[s->n_drivers] = (Driver) { .name = strdup(name), .version = strdup(version), .remote = remote, .used = used };
        if (!more[s->n_drivers].name || !more[s->n_drivers].version) {
                free(more[s->n_drivers].name);
                free(more[s->n_drivers].version);
                return -ENOMEM;
        }
        s->n_drivers++;
        return 1;
}

static void on_drivers(sd_bus_message *m, const sd_bus_error *error, void *userdata) {
        ServerInfo *s = userdata;
        int r = error ? -EIO : sd_bus_message_enter_container(m, 'a', "(ssbb)");

        while (r > 0)
                r = read_driver(m, s);
        if (r < 0) /* the rest is worth telling without it */
                s->stale = true;
        answered(s);
}

/* Asks one owner; what fails at once is as good as an empty answer that is not kept. */
static void ask(ServerInfo *s, int owner, const char *interface, const char *member, bus_peer_reply_t callback, const char *types,
                const char *a, const char *b) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        BusPeer *peer = s->manager->peers[owner];
        int r;

        r = bus_peer_message(peer, &m, owner_info(owner)->root, interface, member);
        if (r >= 0)
                r = a ? sd_bus_message_append(m, types, a, b) : sd_bus_message_append(m, "t", (uint64_t) 0);
        if (r >= 0)
                r = bus_peer_call(peer, m, callback, s);
        if (r >= 0)
                s->open++;
        else {
                log_debug_errno(r, "Failed to ask lxd-%s: %m", owner_info(owner)->daemon);
                s->stale = true;
        }
}

static void ask_all(ServerInfo *s) {
        if (!s->wanted) {
                s->wanted = true;
                owner_want(s->manager, OPERATION_OWNER_CLUSTERD);
                owner_want(s->manager, OPERATION_OWNER_STORAGED);
        }
        s->stale = false;
        ask(s, OPERATION_OWNER_CLUSTERD, LXD_BUS_PREFIX ".cluster1.Manager", "GetConfig", on_config, NULL, NULL, NULL);
        if (s->open == 0) {
                (void) str_replace(&s->failure, "lxd-clusterd cannot be reached; see \"systemctl status lxd-clusterd.socket\"");
                return;
        }
        ask(s, OPERATION_OWNER_CLUSTERD, "org.freedesktop.DBus.Properties", "Get", on_name, "ss",
            LXD_BUS_PREFIX ".cluster1.Manager", "ServerName");
        ask(s, OPERATION_OWNER_STORAGED, LXD_BUS_PREFIX ".storage1.Manager", "ListDrivers", on_drivers, NULL, NULL, NULL);
}

int rest_server_get(Request *r, sd_bus_error *error) {
        ServerInfo *s = r->manager->server;
        Waiting *w;
        int x;

        x = request_check_target(r, error);
        if (x < 0)
                return x;
        if (s->answer && streq(r->project, "default")) {
                r->borrowed = true;
                return reply_response(r, MHD_HTTP_OK, s->answer);
        }
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Waiting) { .request = request_ref(r), .next = s->waiting };
        s->waiting = w;
        if (s->open == 0)
                ask_all(s);
        if (s->open == 0) /* nobody could be asked */
                answer_waiting(s);
        return 0;
}

static int then_updated(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        server_info_invalidate(r->manager->server);
        return reply_empty(r);
}

/* A client may send back what it read: that there is a password. lxd-clusterd takes that as the one it has. */
static void settle_password(json_object *o) {
        json_object *config = json_object_is_type(o, json_type_object) ? json_object_object_get(o, "config") : NULL, *value = NULL;

        if (json_object_is_type(config, json_type_object) && json_object_object_get_ex(config, KEY_TRUST_PASSWORD, &value) &&
            json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value))
                (void) json_object_object_add(config, KEY_TRUST_PASSWORD, json_object_new_string("true"));
}

int rest_server_put(Request *r, sd_bus_error *error) {
        uint64_t flags = streq(r->method, "PATCH") ? UPDATE_MERGE : 0;
        _cleanup_(config_done) Config config = {};
        json_object *o = NULL;
        Call c;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0) {
                settle_password(o);
                x = json_arg_config(o, "config", &config, error);
        }
        if (x < 0)
                return x;
        if (!isempty(config_get(&config, "core.https_address")))
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED,
                                     "core.https_address is not supported yet: this server listens on its unix socket only");

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "UpdateConfig");
        call_config(&c, &config);
        call_append(&c, "s", request_etag(r));
        call_requestor(&c);
        call_append(&c, "t", flags);
        return call_send(&c, then_updated, error);
}

int rest_server_patch(Request *r, sd_bus_error *error) {
        return rest_server_put(r, error);
}
