/* SPDX-License-Identifier: Apache-2.0 */
/* Creates instances from images. */

#include <stdio.h>

#include "create.h"
#include "device.h"
#include "entity.h"

char **arg_create_config = NULL, **arg_create_devices = NULL, **arg_create_profiles = NULL, *arg_create_network = NULL,
     *arg_create_storage = NULL, *arg_create_target = NULL, *arg_create_type = NULL;
bool arg_create_empty = false, arg_create_ephemeral = false, arg_create_no_profiles = false, arg_create_vm = false;

static const char *const instance_members[] = {
        "architecture", "config", "description", "devices", "ephemeral", "profiles", "stateful", NULL,
};

/* "lxc init IMAGE < config.yaml" */
static int read_config(struct json_object **ret) {
        const Entity entity = { .writable = instance_members };
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (isatty(STDIN_FILENO)) {
                *ret = jnew();
                return 0;
        }
        r = read_stdin(&text, &size);
        return r < 0 ? r : entity_parse(&entity, text, size, ret);
}

static int add_network(Client *client, struct json_object *devices) {
        _cleanup_free_ char *path = api_path("networks", arg_create_network, NULL);
        _cleanup_reply_ Reply reply = {};
        struct json_object *nic;
        int r;

        r = client_get(client, path, &reply);
        if (r < 0)
                return fail_context(r, "Failed loading network \"%s\"", arg_create_network);

        nic = jnew();
        jset_str(nic, "type", "nic");
        jset_str(nic, "name", "eth0");
        if (jbool(reply.metadata, "managed"))
                jset_str(nic, "network", arg_create_network);
        else {
                jset_str(nic, "nictype", streq(jstr(reply.metadata, "type"), "bridge") ? "bridged" : "macvlan");
                jset_str(nic, "parent", arg_create_network);
        }
        jset(devices, "eth0", nic);
        return 0;
}

/* A root disk in that pool; one that is there keeps its other keys. */
static void add_storage(struct json_object *devices) {
        struct json_object *root = jobject(devices, "root");

        jset_str(root, "type", "disk");
        jset_str(root, "path", "/");
        jset_str(root, "pool", arg_create_storage);
}

static int check_pool(Client *client) {
        _cleanup_free_ char *path = api_path("storage-pools", arg_create_storage, NULL);
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(client, path, &reply);
        return r < 0 ? fail_context(r, "Failed loading storage pool \"%s\"", arg_create_storage) : 0;
}

/* The keys of -d are added to what the profiles say of that device, and the whole is the instance's own. */
static int apply_device_options(Client *client, struct json_object *o) {
        _cleanup_json_ struct json_object *inherited = NULL;
        int r;

        if (!arg_create_devices)
                return 0;
        if (!arg_create_no_profiles) {
                r = profiles_devices(client, jget(o, "profiles"), &inherited);
                if (r < 0)
                        return r;
        }
        return device_options_parse(arg_create_devices, inherited, jobject(o, "devices"));
}

static int apply_options(Client *client, struct json_object *o) {
        struct json_object *devices = jobject(o, "devices");
        int r;

        r = keyvalues_parse(arg_create_config, jobject(o, "config"));
        if (r < 0)
                return r;
        if (arg_create_network) {
                r = add_network(client, devices);
                if (r < 0)
                        return r;
        }
        if (arg_create_storage) {
                r = check_pool(client);
                if (r < 0)
                        return r;
                add_storage(devices);
        }
        if (arg_create_ephemeral)
                jset_bool(o, "ephemeral", true);
        if (arg_create_no_profiles || arg_create_profiles)
                jset_strings(o, "profiles", arg_create_profiles);
        if (arg_create_type)
                jset_str(o, "instance_type", arg_create_type);
        return apply_device_options(client, o);
}

/* An alias of the local store, or a fingerprint; whichever exists. The image also says what it is an image of. */
static int local_image(Client *client, const char *name, struct json_object *source, char **ret_type) {
        _cleanup_free_ char *alias_path = api_path("images", "aliases", name, NULL), *path = NULL;
        _cleanup_reply_ Reply alias = {}, image = {};
        int r;

        if (isempty(name))
                return fail(-ENOENT, "Image not found");
        api_query(&alias_path, "type", arg_create_vm ? "virtual-machine" : NULL);
        r = client_get(client, alias_path, &alias);
        if (r >= 0) {
                jset_str(source, "fingerprint", jstr(alias.metadata, "target"));
                *ret_type = xstrdup(jstr(alias.metadata, "type"));
                return 0;
        }
        if (r != -ENOENT)
                return r;

        path = api_path("images", name, NULL);
        r = client_get(client, path, &image);
        if (r == -ENOENT) {
                fail_hint("\"lxc image list\" shows the images there are. Those of a server need its name in front: "
                          "images:%s", name);
                return r;
        }
        if (r < 0)
                return r;
        jset_str(source, "fingerprint", jstr(image.metadata, "fingerprint"));
        *ret_type = xstrdup(jstr(image.metadata, "type"));
        return 0;
}

/* What the arguments name. */
typedef struct Wanted {
        char *instance, *image;         /* NULL: the server is to choose; there is none */
        const char *server, *protocol;  /* of the image, NULL if it is here */
} Wanted;

static void wanted_done(Wanted *w) {
        free(w->instance);
        free(w->image);
}

static int make_source(Client *client, const Wanted *w, struct json_object *o) {
        struct json_object *source = jobject(o, "source");
        _cleanup_free_ char *type = NULL;
        int r;

        jset_str(source, "type", w->image ? "image" : "none");
        if (w->server) {
                jset_str(source, "mode", "pull");
                jset_str(source, "server", w->server);
                jset_str(source, "protocol", w->protocol);
                jset_str(source, "alias", isempty(w->image) ? "default" : w->image);
        } else if (w->image) {
                r = local_image(client, w->image, source, &type);
                if (r < 0)
                        return r;
                if (arg_create_vm && streq(type, "container"))
                        return fail(-EINVAL, "Asked for a VM but image is of type container");
        }

        jset_str(o, "type", arg_create_vm ? "virtual-machine" : !isempty(type) ? type : "container");
        return 0;
}

/* The name the server chose, from what the operation says it works on. */
static char *created_name(struct json_object *operation) {
        struct json_object *list = jget(operation, "resources.instances");
        const char *slash;
        char *name;

        if (jlen(list) == 0)
                list = jget(operation, "resources.containers");
        slash = strrchr(jstr_at(list, 0), '/');
        if (!slash)
                return NULL;
        name = xstrdup(slash + 1);
        name[strcspn(name, "?")] = 0;
        return name;
}

static void hint_no_network(Client *client, const char *name) {
        _cleanup_free_ char *path = api_path("instances", name, NULL);
        _cleanup_reply_ Reply reply = {};
        struct json_object *devices;

        if (client_get(client, path, &reply) < 0) {
                fail_clear();
                return;
        }
        devices = jget(reply.metadata, "expanded_devices");
        JFOREACH(m, devices) {
                if (streq(jstr(m.value, "type"), "nic"))
                        return;
        }

        fflush(stdout);
        fprintf(stderr, "\nThe instance you are starting doesn't have any network attached to it.\n"
                        "  To create a new network, use: lxc network create\n"
                        "  To attach a network to an instance, use: lxc network attach\n\n");
}

static int split_arguments(Context *c, Wanted *w) {
        const char *name = c->args[0];
        int r = 0;

        if (arg_create_empty) {
                if (c->n_args > 1)
                        return fail(-EINVAL, "--empty cannot be combined with an image name");
        } else {
                if (c->n_args == 0)
                        return fail(-EINVAL, "Name the image to make the instance from, or pass --empty");
                r = remote_split_image(c->args[0], &w->image, &w->server, &w->protocol);
                name = c->args[1];
        }
        return r < 0 || !name ? r : remote_split(name, &w->instance);
}

int create_instance(Context *c, char **ret_name) {
        _cleanup_json_ struct json_object *o = NULL;
        _cleanup_free_ char *path = xstrdup("/1.0/instances");
        _cleanup_(wanted_done) Wanted wanted = {};
        _cleanup_reply_ Reply started = {};
        bool named;
        int r;

        r = split_arguments(c, &wanted);
        if (r >= 0)
                r = read_config(&o);
        if (r < 0)
                return r;

        named = !isempty(wanted.instance);
        if (!c->client->quiet) {
                printf(named ? "Creating %s\n" : "Creating the instance\n", wanted.instance);
                fflush(stdout);
        }
        r = apply_options(c->client, o);
        if (r >= 0)
                r = make_source(c->client, &wanted, o);
        if (r < 0)
                return r;
        if (named)
                jset_str(o, "name", wanted.instance);

        api_query(&path, "target", arg_create_target);
        r = client_call(c->client, "POST", path, o, NULL, &started);
        if (r >= 0)
                r = operation_wait(c->client, &started, NULL);
        if (r < 0)
                return wanted.server ? fail_context(r, "Failed instance creation") : r;

        if (!named) {
                free(wanted.instance);
                wanted.instance = created_name(started.metadata);
                if (!wanted.instance)
                        return fail(-EBADMSG, "Failed to get the new instance name");
                printf("Instance name is: %s\n", wanted.instance);
        }
        hint_no_network(c->client, wanted.instance);
        *ret_name = TAKE_PTR(wanted.instance);
        return 0;
}
