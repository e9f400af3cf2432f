/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image: delete, info, show, edit and the properties. */

#include <stdio.h>

#include "entity.h"
#include "image.h"

static bool arg_vm = false;

static const char *const image_writable[] = {
        "auto_update", "properties", "public", "expires_at", "profiles", NULL,
};
static const char *const image_known[] = {
        "aliases", "architecture", "cached", "filename", "fingerprint", "size", "update_source", "type", "created_at",
        "last_used_at", "uploaded_at", "project", NULL,
};

int image_resolve(Client *client, const char *name, const char *type, char **ret) {
        _cleanup_free_ char *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        if (isempty(name))
                return fail(-EINVAL, "Image identifier missing");

        path = api_path("images", "aliases", name, NULL);
        api_query(&path, "type", type);
        r = client_get(client, path, &reply);
        if (r < 0 && r != -ENOENT)
                return r;
        fail_clear();
        *ret = xstrdup(r < 0 ? name : jstr(reply.metadata, "target"));
        return 0;
}

int image_path(Context *c, const char *argument, const char *type, char **ret_path) {
        _cleanup_free_ char *name = NULL, *fingerprint = NULL, *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = remote_split(argument, &name);
        if (r >= 0)
                r = image_resolve(c->client, name, type, &fingerprint);
        if (r < 0)
                return r;
        path = api_path("images", fingerprint, NULL);
        if (type) {
                r = client_get(c->client, path, &reply);
                if (r < 0)
                        return r;
                if (!streq(jstr(reply.metadata, "type"), type))
                        return fail(-ENOENT, "Image not found");
        }
        *ret_path = TAKE_PTR(path);
        return 0;
}

int image_set_aliases(Client *client, char *const *aliases, const char *fingerprint) {
        for (; aliases && *aliases; aliases++) {
                _cleanup_json_ struct json_object *o = jnew();
                _cleanup_free_ char *path = api_path("images", "aliases", *aliases, NULL);
                _cleanup_reply_ Reply reply = {}, moved = {};
                int r;

                jset_str(o, "name", *aliases);
                jset_str(o, "target", fingerprint);
                jset_str(o, "description", "");
                r = client_call(client, "POST", "/1.0/images/aliases", o, NULL, &reply);
                if (r == -EEXIST) {
                        fail_clear();
                        json_object_object_del(o, "name");
                        r = client_call(client, "PUT", path, o, NULL, &moved);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

const char *image_fingerprint(struct json_object *operation) {
        return jstr(operation, "metadata.fingerprint");
}

static const char *wanted_type(void) {
        return arg_vm ? "virtual-machine" : NULL;
}

static Entity image_entity(const char *path) {
        return (Entity) {
                .path = path,
                .map = "properties",
                .writable = image_writable,
                .shown = image_writable,
                .only_shown = true,
                .help = "### The properties of an image, as YAML.\n"
                        "### Lines that begin with a '#' are ignored.\n"
                        "###\n"
                        "### For example:\n"
                        "### properties:\n"
                        "###   description: My web server\n"
                        "### public: false\n",
        };
}

static int run_delete(Context *c) {
        for (char **a = c->args; *a; a++) {
                _cleanup_free_ char *path = NULL;
                int r;

                r = image_path(c, *a, NULL, &path);
                if (r >= 0)
                        r = operation_run(c->client, "DELETE", path, NULL, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void print_time(const char *label, struct json_object *o, const char *member, const char *none) {
        _cleanup_free_ char *date = NULL;

        if (date_seconds(jstr(o, member)) <= 0) {
                if (none)
                        printf("    %s: %s\n", label, none);
                return;
        }
        date = format_date(jstr(o, member));
        printf("    %s: %s\n", label, date);
}

static void print_image(struct json_object *o) {
        struct json_object *aliases = jget(o, "aliases"), *source = jget(o, "update_source"), *profiles = jget(o, "profiles");

        printf("Fingerprint: %s\n", jstr(o, "fingerprint"));
        printf("Size: %.2fMB\n", (double) jint(o, "size") / 1024.0 / 1024.0);
        printf("Architecture: %s\n", jstr(o, "architecture"));
        printf("Type: %s\n", isempty(jstr(o, "type")) ? "container" : jstr(o, "type"));
        printf("Public: %s\n", yes_no(jbool(o, "public")));
        printf("Timestamps:\n");
        print_time("Created", o, "created_at", NULL);
        print_time("Uploaded", o, "uploaded_at", NULL);
        print_time("Expires", o, "expires_at", "never");
        print_time("Last used", o, "last_used_at", "never");
        printf("Properties:\n");
        JFOREACH(m, jget(o, "properties"))
                printf("    %s: %s\n", m.key, strempty(json_object_get_string(m.value)));
        printf("Aliases:\n");
        for (size_t i = 0; i < jlen(aliases); i++) {
                printf("    - %s", jstr(jat(aliases, i), "name"));
                if (!isempty(jstr(jat(aliases, i), "description")))
                        printf(" (%s)", jstr(jat(aliases, i), "description"));
                putchar('\n');
        }
        printf("Cached: %s\n", yes_no(jbool(o, "cached")));
        printf("Auto update: %s\n", jbool(o, "auto_update") ? "enabled" : "disabled");
        if (source) {
                printf("Source:\n");
                printf("    Server: %s\n", jstr(source, "server"));
                printf("    Protocol: %s\n", jstr(source, "protocol"));
                printf("    Alias: %s\n", jstr(source, "alias"));
        }
        if (jlen(profiles) == 0)
                printf("Profiles: []\n");
        else
                printf("Profiles:\n");
        for (size_t i = 0; i < jlen(profiles); i++)
                printf("    - %s\n", jstr_at(profiles, i));
}

static int run_info(Context *c) {
        _cleanup_free_ char *path = NULL;
        _cleanup_reply_ Reply reply = {};
        int r;

        r = image_path(c, c->args[0], wanted_type(), &path);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        print_image(reply.metadata);
        return 0;
}

static int run_show(Context *c) {
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = image_path(c, c->args[0], wanted_type(), &path);
        if (r < 0)
                return r;
        e = image_entity(path);
        return entity_show(c, &e);
}

/* A file may hold all that "lxc query" shows of an image; what cannot be changed is left out. */
static int run_edit(Context *c) {
        static const char *all[ELEMENTSOF(image_writable) + ELEMENTSOF(image_known)];
        _cleanup_free_ char *path = NULL;
        size_t n = 0;
        Entity e;
        int r;

        r = image_path(c, c->args[0], NULL, &path);
        if (r < 0)
                return r;
        e = image_entity(path);
        if (!isatty(STDIN_FILENO)) {
                for (const char *const *m = image_writable; *m; m++)
                        all[n++] = *m;
                for (const char *const *m = image_known; *m; m++)
                        all[n++] = *m;
                e.shown = all;
        }
        return entity_edit(c, &e);
}

static int run_get(Context *c) {
        _cleanup_free_ char *path = NULL;
        _cleanup_reply_ Reply reply = {};
        struct json_object *value;
        int r;

        r = image_path(c, c->args[0], NULL, &path);
        if (r >= 0)
                r = client_get(c->client, path, &reply);
        if (r < 0)
                return r;
        value = jget_key(jget(reply.metadata, "properties"), c->args[1]);
        if (!value)
                return fail(-ENOENT, "Property not found");
        printf("%s\n", strempty(json_object_get_string(value)));
        return 0;
}

static int run_set(Context *c) {
        _cleanup_free_ char *path = NULL, *pair = xformat("%s=%s", c->args[1], c->args[2]);
        char *const pairs[] = { pair, NULL };
        Entity e;
        int r;

        r = image_path(c, c->args[0], NULL, &path);
        if (r < 0)
                return r;
        e = image_entity(path);
        return entity_set(c, &e, pairs);
}

static int run_unset(Context *c) {
        _cleanup_free_ char *path = NULL;
        Entity e;
        int r;

        r = image_path(c, c->args[0], NULL, &path);
        if (r < 0)
                return r;
        e = image_entity(path);
        return entity_unset(c, &e, c->args[1]);
}

static const Option options_vm[] = {
        { 0, "vm", OPTION_BOOL, &arg_vm, "Query virtual machine images" },
        {},
};

static const Command delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<image> [[<remote>:]<image>...]",
        .summary = "Delete images",
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run_delete,
};
static const Command edit = {
        .name = "edit",
        .usage = "[<remote>:]<image>",
        .summary = "Edit image properties",
        .examples = "  lxc image edit <image>\n"
                    "      Launch a text editor to edit the properties\n"
                    "\n"
                    "  lxc image edit <image> < image.yaml\n"
                    "      Load the image properties from a YAML file",
        .min_args = 1,
        .max_args = 1,
        .run = run_edit,
};
static const Command get_property = {
        .name = "get-property",
        .usage = "[<remote>:]<image> <key>",
        .summary = "Get image properties",
        .min_args = 2,
        .max_args = 2,
        .run = run_get,
};
static const Command info = {
        .name = "info",
        .usage = "[<remote>:]<image>",
        .summary = "Show useful information about images",
        .options = options_vm,
        .min_args = 1,
        .max_args = 1,
        .run = run_info,
};
static const Command set_property = {
        .name = "set-property",
        .usage = "[<remote>:]<image> <key> <value>",
        .summary = "Set image properties",
        .min_args = 3,
        .max_args = 3,
        .run = run_set,
};
static const Command show = {
        .name = "show",
        .usage = "[<remote>:]<image>",
        .summary = "Show image properties",
        .options = options_vm,
        .min_args = 1,
        .max_args = 1,
        .run = run_show,
};
static const Command unset_property = {
        .name = "unset-property",
        .usage = "[<remote>:]<image> <key>",
        .summary = "Unset image properties",
        .min_args = 2,
        .max_args = 2,
        .run = run_unset,
};

const Command command_image = {
        .name = "image",
        .summary = "Manage images",
        .description = "Instances are made from images. An image is known by its fingerprint, the SHA-256 of its file or\n"
                       "files, of which the first digits are enough where they are unique; or by an alias.",
        .children = (const Command *const[]) {
                &command_image_alias, &command_image_copy, &delete, &edit, &command_image_export, &get_property,
                &command_image_import, &info, &command_image_list, &command_image_refresh, &set_property, &show,
                &unset_property, NULL,
        },
};
