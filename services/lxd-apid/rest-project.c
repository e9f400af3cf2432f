/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/projects: lxd-clusterd has the projects, and what is in them is asked of those who have that. */

#include <json-c/json.h>

#include "base/file.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"
#include "rest-object.h"

#define PARTS (UPDATE_DESCRIPTION | UPDATE_CONFIG)

/* Projects on their way to the client, while used_by is being collected. */
typedef struct Collection {
        json_object *document; /* of lxd-clusterd */
        char *etag;
        size_t project;        /* which of the projects */
        unsigned step;
        Strv pools;            /* still to be asked for custom volumes, from the end */
        json_object *used_by;  /* of this project, so far */
} Collection;

static void collection_free(void *p) {
        Collection *c = p;

        (void) json_object_put(c->document);
        (void) json_object_put(c->used_by);
        strv_free(c->pools);
        free(c->etag);
        free(c);
}

static json_object *metadata(json_object *document) {
        return json_object_object_get(document, "metadata");
}

/* The project at c->project, or NULL behind the last. */
static json_object *current_project(const Collection *c) {
        json_object *m = metadata(c->document);

        if (!json_object_is_type(m, json_type_array))
                return c->project == 0 ? m : NULL;
        return c->project < json_object_array_length(m) ? json_object_array_get_idx(m, c->project) : NULL;
}

static int read_document(sd_bus_message *reply, json_object **ret, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL;
        size_t n;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = fd_read_all(fd, (size_t) 64 << 20, &text, &n);
        if (x < 0)
                return x;
        *ret = json_tokener_parse(text);
        return json_object_is_type(*ret, json_type_object) ? 0 : -EBADMSG;
}

/* ["/1.0/..."] */
static int take_urls(Collection *c, json_object *list) {
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (json_object_array_add(c->used_by, json_object_get(json_object_array_get_idx(list, i))) < 0)
                        return -ENOMEM;
        return 0;
}

/* Objects of networks: those that LXD manages belong to a project. */
static int take_networks(Collection *c, json_object *list) {
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *network = json_object_array_get_idx(list, i);
                _cleanup_free_ char *name = NULL, *url = NULL;
                int x;

                if (!json_object_get_boolean(json_object_object_get(network, "managed")))
                        continue;
                x = url_encode(strempty(json_object_get_string(json_object_object_get(network, "name"))), &name);
                if (x >= 0)
                        x = str_format(&url, "/1.0/networks/%s", name);
                if (x < 0 || json_object_array_add(c->used_by, json_object_new_string(url)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* Objects of pools: their names. */
static int take_pools(Collection *c, json_object *list) {
        for (size_t i = json_object_array_length(list); i-- > 0;) {
                const char *name = json_object_get_string(json_object_object_get(json_object_array_get_idx(list, i), "name"));

                if (strv_extend(&c->pools, strempty(name)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static const struct {
        OperationOwner owner;
        const char *member;
        const char *types; /* of the arguments: p project, t type "", r recursion 0, o recursion 1, f filter "", 0 flags */
        int (*take)(Collection *c, json_object *list);
} steps[] = {
        { OPERATION_OWNER_INSTANCED, "ListInstances", "ptrf", take_urls },
        { OPERATION_OWNER_INSTANCED, "ListProfiles", "pr", take_urls },
        { OPERATION_OWNER_IMAGED, "ListImages", "prf", take_urls },
        { OPERATION_OWNER_STORAGED, "ListPools", "o", take_pools },
        { OPERATION_OWNER_NETD, "ListNetworks", "po", take_networks },
};

static int next_step(Request *r, sd_bus_error *error);

static int then_step(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_json_ json_object *document = NULL;
        Collection *c = r->waiting;
        json_object *list;
        int x;

        x = read_document(reply, &document, error);
        if (x < 0)
                return x;
        list = metadata(document);
        if (!json_object_is_type(list, json_type_array))
                return -EBADMSG;
        if (strv_length(c->pools) > 0) {
                size_t last = strv_length(c->pools) - 1;

                free(c->pools[last]);
                c->pools[last] = NULL;
                x = take_urls(c, list);
        } else {
                x = steps[c->step].take(c, list);
                c->step++;
        }
        return x < 0 ? x : next_step(r, error);
}

static int ask_volumes(Request *r, const char *project, const char *pool, sd_bus_error *error) {
        Call call;

        call_begin_object(&call, r, OPERATION_OWNER_STORAGED, ".Pool", "ListVolumes", "pool", pool, NULL);
        call_append(&call, "ssust", project, "custom", (uint32_t) 0, "", (uint64_t) 0);
        return call_send(&call, then_step, error);
}

static int ask_step(Request *r, const char *project, unsigned step, sd_bus_error *error) {
        Call call;

        call_begin(&call, r, steps[step].owner, ".Manager", steps[step].member);
        for (const char *t = steps[step].types; *t; t++)
                if (*t == 'r' || *t == 'o')
                        call_append(&call, "u", (uint32_t) (*t == 'o'));
                else
                        call_append(&call, "s", *t == 'p' ? project : "");
        call_append(&call, "t", (uint64_t) 0);
        return call_send(&call, then_step, error);
}

static int finish(Request *r) {
        _cleanup_(json_done) JsonWriter w = {};
        Collection *c = r->waiting;
        const char *text = json_object_to_json_string_ext(metadata(c->document), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        if (!text)
                return -ENOMEM;
        json_raw(&w, NULL, text, strlen(text));
        return reply_json(r, &w, c->etag);
}

static int next_step(Request *r, sd_bus_error *error) {
        Collection *c = r->waiting;
        json_object *project = current_project(c);
        const char *name;

        if (!project)
                return finish(r);
        if (!c->used_by && !(c->used_by = json_object_new_array()))
                return -ENOMEM;
        name = strempty(json_object_get_string(json_object_object_get(project, "name")));
        if (strv_length(c->pools) > 0)
                return ask_volumes(r, name, c->pools[strv_length(c->pools) - 1], error);
        if (c->step < ELEMENTSOF(steps))
                return ask_step(r, name, c->step, error);

        if (json_object_object_add(project, "used_by", TAKE_PTR(c->used_by)) < 0)
                return -ENOMEM;
        c->step = 0;
        c->project++;
        return next_step(r, error);
}

static int then_projects(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        Collection *c = calloc(1, sizeof(*c));
        const char *etag = NULL;
        int x;

        if (!c)
                return -ENOMEM;
        r->waiting = c;
        r->free_waiting = collection_free;
        x = read_document(reply, &c->document, error);
        if (x >= 0 && !sd_bus_message_at_end(reply, true))
                x = sd_bus_message_read(reply, "s", &etag);
        if (x >= 0 && etag)
                x = str_replace(&c->etag, etag);
        return x < 0 ? x : next_step(r, error);
}

static void project_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_CLUSTERD, ".Project", member, "project", r->labels[0], NULL);
}

int rest_projects_get(Request *r, sd_bus_error *error) {
        uint32_t recursion = request_recursion(r);
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "ListProjects");
        call_append(&c, "ut", recursion, (uint64_t) 0);
        return call_send(&c, recursion > 0 ? then_projects : then_document, error);
}

int rest_project_get(Request *r, sd_bus_error *error) {
        Call c;

        project_call(&c, r, "Describe");
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_projects, error);
}

int rest_projects_post(Request *r, sd_bus_error *error) {
        _cleanup_(update_body_done) UpdateBody b = {};
        const char *name;
        Call c;
        int x;

        x = body_name(r, &name, error);
        if (x >= 0)
                x = update_body_read(r, PARTS, &b, error);
        if (x >= 0)
                x = location_set(r, "/1.0/projects/", name);
        if (x < 0)
                return x;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "CreateProject");
        call_append(&c, "ss", name, b.description);
        call_config(&c, &b.config);
        return call_send_change(&c, 0, then_created, error);
}

int rest_project_put(Request *r, sd_bus_error *error) {
        return object_update(r, project_call, PARTS, error);
}

int rest_project_patch(Request *r, sd_bus_error *error) {
        return rest_project_put(r, error);
}

int rest_project_post(Request *r, sd_bus_error *error) {
        const char *name;
        Call c;
        int x = body_name(r, &name, error);

        if (x < 0)
                return x;
        project_call(&c, r, "Rename");
        call_append(&c, "s", name);
        return call_send_change(&c, 0, then_empty, error);
}

int rest_project_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, project_call, then_empty, error);
}
