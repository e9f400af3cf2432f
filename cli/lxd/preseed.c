/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, applies and writes preseeds. */

#include <stdio.h>

#include "preseed.h"
#include "yaml-json.h"

/* A kind of object of a preseed. */
typedef struct Kind {
        const char *member;             /* of the preseed */
        const char *what;               /* for people */
        const char *collection;         /* of the API */
        const char *const *writable;    /* what PUT takes */
        const char *const *known;       /* besides those, what an entry may have */
        const char *const *dumped;
} Kind;

static const char *const config_description[] = { "config", "description", NULL };
static const char *const profile_members[] = { "config", "description", "devices", NULL };

static const Kind kinds[] = {
        { "storage_pools", "storage pool", "storage-pools", config_description,
          (const char *const[]) { "name", "driver", NULL },
          (const char *const[]) { "config", "description", "name", "driver", NULL } },
        { "networks", "network", "networks", config_description,
          (const char *const[]) { "name", "type", "project", NULL },
          (const char *const[]) { "config", "description", "name", "type", "project", NULL } },
        { "projects", "project", "projects", config_description,
          (const char *const[]) { "name", NULL },
          (const char *const[]) { "config", "description", "name", NULL } },
        { "profiles", "profile", "profiles", profile_members,
          (const char *const[]) { "name", NULL },
          (const char *const[]) { "config", "description", "devices", "name", NULL } },
};

/* What undoes a step. */
typedef struct Undo {
        char *method, *path;
        struct json_object *body;
} Undo;

typedef struct Applying {
        Client *client;
        Undo *undo;
        size_t n_undo;
} Applying;

static bool is_listed(const char *const *list, const char *key) {
        for (; *list; list++)
                if (streq(*list, key))
                        return true;
        return false;
}

static int stringify(struct json_object *o, const char *key) {
        struct json_object *value = json_object_get(jget_key(o, key));

        if (!value)
                return 0;
        if (yaml_stringify(&value) < 0)
                abort();
        jset(o, key, value);
        return 0;
}

static int check_entry(const Kind *kind, struct json_object *entry) {
        if (!json_object_is_type(entry, json_type_object) || isempty(jstr(entry, "name")))
                return fail(-EINVAL, "Each of %s is to be a map with a name", kind->member);

        JFOREACH(m, entry)
                if (!is_listed(kind->writable, m.key) && !is_listed(kind->known, m.key))
                        return fail(-EINVAL, "Unknown field \"%s\" of %s \"%s\"", m.key, kind->what, jstr(entry, "name"));
        for (const char *const *k = kind->writable; *k; k++)
                (void) stringify(entry, *k);
        for (const char *const *k = kind->known; *k; k++)
                (void) stringify(entry, *k);
        return 0;
}

static int check_member(struct json_object *preseed, const char *key, struct json_object *value) {
        if (streq(key, "config"))
                return value && !json_object_is_type(value, json_type_object) ?
                        fail(-EINVAL, "\"config\" is to be a map of keys and values") : stringify(preseed, key);
        if (streq(key, "cluster"))
                return value ? fail(-EOPNOTSUPP, "Clusters cannot be set up by \"lxd init\" yet") : 0;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (!streq(kinds[i].member, key))
                        continue;
                if (value && !json_object_is_type(value, json_type_array))
                        return fail(-EINVAL, "\"%s\" is to be a list", key);
                for (size_t j = 0; j < jlen(value); j++) {
                        int r = check_entry(kinds + i, jat(value, j));
                        if (r < 0)
                                return r;
                }
                return 0;
        }
        return fail(-EINVAL, "Unknown field \"%s\"", key);
}

int preseed_parse(const char *text, size_t size, struct json_object **ret) {
        _cleanup_json_ struct json_object *o = NULL;
        _cleanup_free_ char *message = NULL;
        int r;

        r = yaml_parse(text, size, &o, &message);
        if (r < 0)
                return fail(-EINVAL, "Failed to parse the preseed: %s", message ?: strerror(-r));
        if (!json_object_is_type(o, json_type_object))
                return fail(-EINVAL, "The preseed is to be a YAML map with config, storage_pools, networks, projects, profiles");
        JFOREACH(m, o) {
                r = check_member(o, m.key, m.value);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(o);
        return 0;
}

static void push_undo(Applying *a, const char *method, const char *path, struct json_object *body) {
        a->undo = xrealloc(a->undo, (a->n_undo + 1) * sizeof(Undo));
        a->undo[a->n_undo++] = (Undo) { xstrdup(method), xstrdup(path), json_object_get(body) };
}

/* Undoes all steps, last first. What cannot be undone is told, but the first error stays the one that counts. */
static void run_undo(Applying *a) {
        _cleanup_free_ char *first = xstrdup(fail_text());

        for (size_t i = a->n_undo; i > 0; i--) {
                Undo *u = a->undo + i - 1;

                if (operation_run(a->client, u->method, u->path, u->body, NULL) < 0)
                        fprintf(stderr, "Could not undo %s: %s\n", u->path, fail_text());
        }
        if (first)
                (void) fail(-EREMOTEIO, "%s", first);
}

static void applying_done(Applying *a) {
        for (size_t i = 0; i < a->n_undo; i++) {
                free(a->undo[i].method);
                free(a->undo[i].path);
                json_object_put(a->undo[i].body);
        }
        free(a->undo);
}

static int apply_config(Applying *a, struct json_object *config) {
        _cleanup_json_ struct json_object *o = jnew(), *before = jnew();
        _cleanup_reply_ Reply reply = {};
        struct json_object *old = jobject(before, "config");
        int r;

        if (!json_object_is_type(config, json_type_object) || json_object_object_length(config) == 0)
                return 0;
        r = client_get(a->client, "/1.0", &reply);
        if (r < 0)
                return r;
        JFOREACH(m, config)
                jset_str(old, m.key, strempty(json_object_get_string(jget_key(jget(reply.metadata, "config"), m.key))));

        jset(o, "config", json_object_get(config));
        r = operation_run(a->client, "PATCH", "/1.0", o, NULL);
        if (r < 0)
                return fail_context(r, "Failed to update server configuration");
        push_undo(a, "PATCH", "/1.0", before);
        return 0;
}

/* What is there, with the preseed's values over it: keys that the preseed does not name stay. */
static struct json_object *overlay(const Kind *kind, struct json_object *present, struct json_object *entry) {
        _cleanup_json_ struct json_object *picked = jpick(entry, kind->writable);
        struct json_object *o = jpick(present, kind->writable);

        JFOREACH(m, picked) {
                struct json_object *into;

                if (!json_object_is_type(m.value, json_type_object)) {
                        jset(o, m.key, json_object_get(m.value));
                        continue;
                }
                into = jobject(o, m.key);
                JFOREACH(k, m.value)
                        jset(into, k.key, json_object_get(k.value));
        }
        return o;
}

static int update_entry(Applying *a, const Kind *kind, struct json_object *entry, const char *path, const Reply *present) {
        _cleanup_json_ struct json_object *o = overlay(kind, present->metadata, entry),
                                          *before = jpick(present->metadata, kind->writable);
        const char *driver = jstr(entry, "driver");
        int r;

        if (!isempty(driver) && !streq(driver, jstr(present->metadata, "driver")))
                return fail(-EINVAL, "Storage pool \"%s\" is of type \"%s\" instead of \"%s\"", jstr(entry, "name"),
                            jstr(present->metadata, "driver"), driver);
        if (json_object_equal(o, before))
                return 0;

        r = operation_run(a->client, "PUT", path, o, present->etag);
        if (r < 0)
                return fail_context(r, "Failed to update %s \"%s\"", kind->what, jstr(entry, "name"));
        push_undo(a, "PUT", path, before);
        return 0;
}

static int apply_entry(Applying *a, const Kind *kind, struct json_object *entry) {
        _cleanup_free_ char *path = api_path(kind->collection, jstr(entry, "name"), NULL),
                            *collection = api_path(kind->collection, NULL);
        _cleanup_json_ struct json_object *o = jcopy(entry);
        const char *project = jstr(entry, "project");
        _cleanup_reply_ Reply present = {};
        int r;

        if (!isempty(project)) {
                api_query(&path, "project", project);
                api_query(&collection, "project", project);
                json_object_object_del(o, "project");
        }

        r = client_get(a->client, path, &present);
        if (r >= 0 && (!streq(kind->member, "networks") || jbool(present.metadata, "managed")))
                return update_entry(a, kind, entry, path, &present);
        if (r < 0 && r != -ENOENT)
                return r;
        fail_clear();

        r = operation_run(a->client, "POST", collection, o, NULL);
        if (r < 0)
                return fail_context(r, "Failed to create %s \"%s\"", kind->what, jstr(entry, "name"));
        push_undo(a, "DELETE", path, NULL);
        return 0;
}

static int apply_all(Applying *a, struct json_object *preseed) {
        int r;

        r = apply_config(a, jget(preseed, "config"));
        for (size_t i = 0; i < ELEMENTSOF(kinds) && r >= 0; i++) {
                struct json_object *list = jget(preseed, kinds[i].member);

                for (size_t j = 0; j < jlen(list) && r >= 0; j++)
                        r = apply_entry(a, kinds + i, jat(list, j));
        }
        return r;
}

int preseed_apply(Client *client, struct json_object *preseed) {
        _cleanup_(applying_done) Applying a = { .client = client };
        int r;

        r = apply_all(&a, preseed);
        if (r < 0)
                run_undo(&a);
        return r;
}

static int dump_kind(Client *client, const Kind *kind, struct json_object *into) {
        _cleanup_free_ char *path = api_path(kind->collection, NULL);
        struct json_object *list = json_object_new_array();
        _cleanup_reply_ Reply reply = {};
        int r;

        jset(into, kind->member, list);
        api_query(&path, "recursion", "1");
        r = client_get(client, path, &reply);
        if (r < 0)
                return r;

        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);

                if (streq(kind->member, "networks") && !jbool(o, "managed"))
                        continue;
                if (streq(kind->member, "networks") && !jget(o, "project"))
                        jset_str(o, "project", "default");
                json_object_array_add(list, jpick(o, kind->dumped));
        }
        return 0;
}

int preseed_dump(Client *client) {
        _cleanup_json_ struct json_object *o = jnew();
        static const size_t order[] = { 1, 0, 3, 2 };   /* networks first, as LXD does */
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(client, "/1.0", &reply);
        if (r < 0)
                return r;
        jset(o, "config", json_object_get(jget(reply.metadata, "config")));
        for (size_t i = 0; i < ELEMENTSOF(order); i++) {
                r = dump_kind(client, kinds + order[i], o);
                if (r < 0)
                        return r;
        }
        r = output_yaml(o);
        return r < 0 ? r : output_bytes("\n", 1);
}
