/* SPDX-License-Identifier: Apache-2.0 */
/* Every value is untrusted: its type is looked at before its content, and a null is never a string. */

#include "base/str.h"
#include "bus-error.h"
#include "worker/metadata.h"
#include "yaml-json.h"

/* First the name we use, then the others. */
static const char *const architectures[][6] = {
        { "x86_64", "amd64", "generic_64" },
        { "i686", "i386", "i586", "386", "x86", "generic_32" },
        { "aarch64", "arm64", "generic_arm64" },
        { "armv7l", "armhf", "armhfp", "armv7a_hardfp", "armv7", "armv7a_vfpv3_hardfp" },
        { "armv8l", "armv8a" },
        { "armv6l", "arm", "armel", "armv6j_hardfp" },
        { "ppc", "powerpc" },
        { "ppc64", "powerpc64" },
        { "ppc64le", "ppc64el" },
        { "s390x" },
        { "mips" },
        { "mips64" },
        { "riscv32" },
        { "riscv64" },
        { "loongarch64" },
};

const char *architecture_name(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(architectures); i++)
                for (size_t j = 0; j < ELEMENTSOF(architectures[i]) && architectures[i][j]; j++)
                        if (strcasecmp(architectures[i][j], s) == 0)
                                return architectures[i][0];
        return NULL;
}

void image_metadata_done(ImageMetadata *m) {
        free(m->architecture);
        config_done(&m->properties);
        *m = (ImageMetadata) {};
}

#define refuse(error, ...) bus_error_set(error, LXD_ERROR_INVALID, "metadata.yaml: " __VA_ARGS__)

static const char *type_name(struct json_object *o) {
        switch (json_object_get_type(o)) {
        case json_type_null:
                return "nothing";
        case json_type_boolean:
                return "a boolean";
        case json_type_double:
        case json_type_int:
                return "a number";
        case json_type_object:
                return "a mapping";
        case json_type_array:
                return "a list";
        case json_type_string:
        default:
                return "a text";
        }
}

static bool is_scalar(struct json_object *o) {
        return o && !json_object_is_type(o, json_type_object) && !json_object_is_type(o, json_type_array);
}

/* Member `key` of o as a mapping of at most METADATA_ITEMS_MAX items. 1, 0 when there is none (or null), -EINVAL. */
static int get_mapping(struct json_object *o, const char *key, const char *where, struct json_object **ret, sd_bus_error *error) {
        struct json_object *m;

        if (!json_object_object_get_ex(o, key, &m) || !m)
                return 0;
        if (!json_object_is_type(m, json_type_object))
                return refuse(error, "%s must be a mapping, but it is %s", where, type_name(m));
        if (json_object_object_length(m) > (int) METADATA_ITEMS_MAX)
                return refuse(error, "%s has %d items, more than %u", where, json_object_object_length(m), METADATA_ITEMS_MAX);
        *ret = m;
        return 1;
}

/* A date in seconds. *ret stays 0 when there is none. */
static int get_date(struct json_object *o, const char *key, uint64_t *ret, sd_bus_error *error) {
        struct json_object *v;
        int64_t seconds;

        if (!json_object_object_get_ex(o, key, &v) || !v)
                return 0;
        if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
                return refuse(error, "%s must be a number of seconds, but it is %s%s%.64s%s", key, type_name(v),
                              is_scalar(v) ? " (\"" : "", is_scalar(v) ? yaml_text(v) : "", is_scalar(v) ? "\")" : "");
        seconds = json_object_get_int64(v);
        if (seconds < 0 || seconds > INT64_C(253402300799)) /* the year 9999: REST's time stamps end there */
                return refuse(error, "%s is out of range: %.64s", key, yaml_text(v));
        *ret = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

static int get_architecture(struct json_object *o, char **ret, sd_bus_error *error) {
        struct json_object *v = NULL;
        const char *name;

        if (json_object_object_get_ex(o, "architecture", &v) && v && !is_scalar(v))
                return refuse(error, "architecture must be a text, but it is %s", type_name(v));
        name = v ? yaml_text(v) : "";
        if (!architecture_name(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "Architecture isn't supported: %.64s", name);
        *ret = strdup(architecture_name(name));
        return *ret ? 0 : -ENOMEM;
}

static int check_key(const char *key, const char *where, sd_bus_error *error) {
        if (isempty(key))
                return refuse(error, "%s has an item without a name", where);
        if (strlen(key) > 255 || !text_is_valid(key, false))
                return refuse(error, "%s has an item with a bad name", where);
        return 0;
}

/* Checks a mapping of names to scalars; ret may be NULL. */
static int get_properties(struct json_object *o, const char *where, Config *ret, sd_bus_error *error) {
        struct json_object *m = NULL;
        int r = get_mapping(o, "properties", where, &m, error);

        if (r <= 0)
                return r;
        json_object_object_foreach(m, key, v) {
                r = check_key(key, where, error);
                if (r < 0)
                        return r;
                if (v && !is_scalar(v))
                        return refuse(error, "%s: \"%.255s\" must be a text, but it is %s", where, key, type_name(v));
                if (strlen(yaml_text(v)) > METADATA_VALUE_MAX)
                        return refuse(error, "%s: the value of \"%.255s\" is longer than %u bytes", where, key, METADATA_VALUE_MAX);
                if (!text_is_valid(yaml_text(v), true))
                        return refuse(error, "%s: the value of \"%.255s\" has control characters", where, key);
                r = ret ? config_set(ret, key, yaml_text(v)) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A relative path inside of templates/, without "..". */
static bool template_is_valid(const char *s) {
        if (isempty(s) || s[0] == '/' || strlen(s) > 255 || !text_is_valid(s, false))
                return false;
        for (const char *p = s; *p; p += strcspn(p, "/"), p += *p == '/')
                if (strcspn(p, "/") == 2 && strncmp(p, "..", 2) == 0)
                        return false;
        return true;
}

static int check_when(struct json_object *t, const char *path, sd_bus_error *error) {
        struct json_object *when = NULL;

        if (!json_object_object_get_ex(t, "when", &when) || !when)
                return 0;
        if (!json_object_is_type(when, json_type_array))
                return refuse(error, "template of %.255s: when must be a list, but it is %s", path, type_name(when));
        for (size_t i = 0; i < json_object_array_length(when); i++)
                if (!json_object_is_type(json_object_array_get_idx(when, i), json_type_string))
                        return refuse(error, "template of %.255s: when must be a list of texts, but it has %s", path,
                                      type_name(json_object_array_get_idx(when, i)));
        return 0;
}

static int check_template(const char *path, struct json_object *t, sd_bus_error *error) {
        struct json_object *v = NULL;
        char where[300];
        int r;

        if (!path_is_valid(path))
                return refuse(error, "templates: \"%.255s\" must be an absolute path without \"..\"", path);
        if (!json_object_is_type(t, json_type_object))
                return refuse(error, "template of %.255s must be a mapping, but it is %s", path, type_name(t));
        if (!json_object_object_get_ex(t, "template", &v) || !json_object_is_type(v, json_type_string))
                return refuse(error, "template of %.255s: template must be a text, but it is %s", path, type_name(v));
        if (!template_is_valid(json_object_get_string(v)))
                return refuse(error, "template of %.255s: \"%.255s\" must be the name of a file in templates/", path,
                              json_object_get_string(v));
        if (json_object_object_get_ex(t, "create_only", &v) && v && !json_object_is_type(v, json_type_boolean))
                return refuse(error, "template of %.255s: create_only must be a boolean, but it is %s", path, type_name(v));
        r = check_when(t, path, error);
        if (r < 0)
                return r;
        (void) snprintf(where, sizeof(where), "properties of the template of %.200s", path);
        return get_properties(t, where, NULL, error);
}

static int metadata_from_tree(struct json_object *o, ImageMetadata *m, sd_bus_error *error) {
        struct json_object *templates = NULL;
        int r;

        if (!json_object_is_type(o, json_type_object))
                return refuse(error, "must be a mapping, but it is %s", type_name(o));
        r = get_architecture(o, &m->architecture, error);
        if (r >= 0)
                r = get_date(o, "creation_date", &m->created, error);
        if (r < 0)
                return r;
        if (m->created == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing creation date");
        r = get_date(o, "expiry_date", &m->expires, error);
        if (r >= 0)
                r = get_properties(o, "properties", &m->properties, error);
        if (r >= 0)
                r = get_mapping(o, "templates", "templates", &templates, error);
        if (r <= 0)
                return r;
        json_object_object_foreach(templates, path, t) {
                r = check_template(path, t, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

int image_metadata_parse(const char *text, size_t size, ImageMetadata *ret, sd_bus_error *error) {
        _cleanup_(image_metadata_done) ImageMetadata m = {};
        _cleanup_free_ char *message = NULL;
        struct json_object *o = NULL;
        int r;

        if (size > METADATA_SIZE_MAX)
                return refuse(error, "is larger than %u bytes", METADATA_SIZE_MAX);
        r = yaml_parse(text, size, &o, &message);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return refuse(error, "%s", message ?: strerror(-r));

        r = metadata_from_tree(o, &m, error);
        json_object_put(o);
        if (r < 0)
                return r;
        *ret = m;
        m = (ImageMetadata) {};
        return 0;
}
