/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.image1.Manager: lists, import, new aliases. */

#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-message.h"
#include "filter.h"
#include "import.h"

enum {
        LIST_PUBLIC = 1 << 0,
};

typedef struct ListContext {
        JsonWriter *w;
        uint32_t recursion;
        bool public;
        const Filter *filter;
} ListContext;

static int check_recursion(uint32_t recursion, sd_bus_error *error) {
        return recursion <= 2 ? 0 : bus_error_set(error, LXD_ERROR_INVALID, "Unknown recursion level %" PRIu32, recursion);
}

static int list_image(ImageRecord *i, void *userdata) {
        ListContext *c = userdata;

        if ((c->public && !i->public) || !filter_match(c->filter, image_record_field, i))
                return 0;
        if (c->recursion == 0)
                json_stringf(c->w, NULL, "/1.0/images/%s", i->fingerprint);
        else
                image_record_write(i, c->w);
        return 0;
}

static int reply_list(sd_bus_message *m, JsonWriter *w) {
        _cleanup_close_ int fd = -EBADF;

        json_array_end(w);
        fd = json_document_finish(w);
        return fd < 0 ? fd : bus_reply_document(m, fd, NULL);
}

static int method_list_images(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_(filter_freep) Filter *filter = NULL;
        Manager *manager = userdata;
        ListContext c = { .w = &w };
        const char *project, *expression;
        uint64_t flags;
        int r = sd_bus_message_read(m, "sus", &project, &c.recursion, &expression);

        r = r < 0 ? r : bus_read_flags(m, LIST_PUBLIC, &flags, error);
        r = r < 0 ? r : check_recursion(c.recursion, error);
        r = r < 0 ? r : filter_parse(expression, &filter, error);
        if (r < 0)
                return r;
        c.public = flags & LIST_PUBLIC;
        c.filter = filter;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        r = db_image_foreach(manager->db, project, IMAGE_CREATED, list_image, &c);
        return r < 0 ? r : reply_list(m, &w);
}

static int list_alias(AliasRecord *a, void *userdata) {
        _cleanup_free_ char *encoded = NULL;
        ListContext *c = userdata;
        int r;

        if (c->recursion > 0) {
                alias_record_write(a, c->w);
                return 0;
        }
        r = url_encode(a->name, &encoded);
        if (r >= 0)
                json_stringf(c->w, NULL, "/1.0/images/aliases/%s", encoded);
        return r;
}

static int method_list_aliases(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        Manager *manager = userdata;
        ListContext c = { .w = &w };
        const char *project;
        uint64_t flags;
        int r = sd_bus_message_read(m, "su", &project, &c.recursion);

        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        r = r < 0 ? r : check_recursion(c.recursion, error);
        if (r < 0)
                return r;
        json_document_begin(&w);
        json_array_begin(&w, NULL);
        r = db_alias_foreach(manager->db, project, list_alias, &c);
        return r < 0 ? r : reply_list(m, &w);
}

static int read_aliases(sd_bus_message *m, ImageAliases *ret) {
        const char *name, *description;
        int r = sd_bus_message_enter_container(m, 'a', "(ss)");

        while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &name, &description)) > 0)
                r = image_aliases_add(ret, name, description);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_import(sd_bus_message *m, ImportRequest *q, sd_bus_error *error) {
        const char *project, *content_type, *filename, *fingerprint;
        int public, auto_update, stream = -EBADF, r;
        uint64_t flags;

        r = sd_bus_message_read(m, "s", &project);
        r = r < 0 ? r : bus_read_fd(m, &stream);
        if (r < 0)
                return r;
        q->stream = stream;
        r = sd_bus_message_read(m, "ssstbb", &content_type, &filename, &fingerprint, &q->size, &public, &auto_update);
        r = r < 0 ? r : bus_read_config(m, &q->properties);
        r = r < 0 ? r : read_aliases(m, &q->aliases);
        r = r < 0 ? r : bus_read_strv(m, &q->profiles);
        r = r < 0 ? r : sd_bus_message_read(m, "t", &q->expires);
        r = r < 0 ? r : bus_read_requestor(m, &q->who);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        q->public = public;
        q->auto_update = auto_update;
        r = str_replace(&q->project, project);
        r = r < 0 ? r : str_replace(&q->content_type, content_type);
        r = r < 0 ? r : str_replace(&q->filename, filename);
        return r < 0 ? r : str_replace(&q->fingerprint, fingerprint);
}

static int method_import_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(import_request_done) ImportRequest q = {};
        Operation *op = NULL;
        int r = read_import(m, &q, error);

        r = r < 0 ? r : import_start(userdata, &q, &op, error);
        return r < 0 ? r : operation_reply(op, m);
}

static int alias_create(Manager *m, const char *project, const char *name, const char *description, const char *target, const char *type, const Requestor *who,
                        sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord i = {};
        int r = image_check_alias_name(name, error);

        if (r < 0)
                return r;
        if (isempty(target))
                return bus_error_set(error, LXD_ERROR_INVALID, "name and target are required");
        if (!isempty(type) && !streq(type, "container") && !streq(type, "virtual-machine"))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid image type: \"%.64s\"", type);
        if (!text_is_valid(description, true))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid description of the alias");
        r = db_image_get(m->db, project, target, &i);
        if (r < 0)
                return image_lookup_error(r, error);
        r = db_alias_insert(m->db, project, name, description, i.id);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Alias \"%s\" already exists", name);
        if (r < 0)
                return r;
        manager_alias_signal(m, ALIAS_APPEARED, project, name);
        manager_alias_event(m, project, "image-alias-created", name, "target", i.fingerprint, who);
        return 0;
}

static int method_create_alias(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *project, *name, *description, *target, *type;
        uint64_t flags;
        int r = sd_bus_message_read(m, "sssss", &project, &name, &description, &target, &type);

        r = r < 0 ? r : bus_read_requestor(m, &who);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        r = r < 0 ? r : alias_create(userdata, project, name, description, target, type, &who, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListImages", SD_BUS_ARGS("s", project, "u", recursion, "s", filter, "t", flags), SD_BUS_RESULT("h", document),
                                method_list_images, 0),
        SD_BUS_METHOD_WITH_ARGS("ImportImage",
                                SD_BUS_ARGS("s", project, "h", stream, "s", content_type, "s", filename, "s", fingerprint, "t", size, "b", public, "b",
                                            auto_update, "a{ss}", properties, "a(ss)", aliases, "as", profiles, "t", expires, "(sss)", requestor, "t", flags),
                                SD_BUS_RESULT("o", operation), method_import_image, 0),
        SD_BUS_METHOD_WITH_ARGS("ListAliases", SD_BUS_ARGS("s", project, "u", recursion, "t", flags), SD_BUS_RESULT("h", document), method_list_aliases, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateAlias",
                                SD_BUS_ARGS("s", project, "s", name, "s", description, "s", target, "s", type, "(sss)", requestor, "t", flags),
                                SD_BUS_NO_RESULT, method_create_alias, 0),
        SD_BUS_VTABLE_END,
};

const BusInterface imaged_interfaces[] = {
        { IMAGE_ROOT, IMAGE_BUS ".Manager", manager_vtable, NULL, NULL },
        { IMAGE_ROOT, IMAGE_BUS ".Store", store_vtable, NULL, NULL },
        { IMAGE_PREFIX, IMAGE_BUS ".Image", image_vtable, image_object_find, NULL },
        { ALIAS_PREFIX, IMAGE_BUS ".Alias", alias_vtable, alias_object_find, NULL },
        {},
};

const struct BusEnumerator imaged_enumerators[] = {
        { IMAGE_PREFIX, image_enumerate },
        { ALIAS_PREFIX, alias_enumerate },
        {},
};
