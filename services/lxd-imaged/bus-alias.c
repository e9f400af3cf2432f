/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.image1.Alias: a name for an image. */

#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-message.h"
#include "import.h"

int alias_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        Manager *m = userdata;
        AliasObject *o;
        int r = bus_path_decode(path, ALIAS_PREFIX, 2, &labels);

        if (r <= 0)
                return r;
        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->manager = m;
        r = db_alias_get(m->db, labels[0], labels[1], &o->record);
        if (r < 0) {
                free(o);
                return r == -ENOENT ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "Image alias not found") : r;
        }

        AliasObject **slot = &m->recent_aliases[m->next_alias++ % MANAGER_RECENT];
        if (*slot)
                alias_record_done(&(*slot)->record);
        free(*slot);
        *ret = *slot = o;
        return 1;
}

static int add_path(AliasRecord *a, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r = bus_path_encode(&path, ALIAS_PREFIX, a->project, a->name, NULL);

        return r < 0 ? r : strv_extend(userdata, path);
}

int alias_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv paths = NULL;
        int r = db_alias_foreach(((Manager *) userdata)->db, NULL, add_path, &paths);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        _cleanup_close_ int fd = -EBADF;
        AliasObject *o = userdata;
        uint64_t flags;
        int r = bus_read_flags(m, 0, &flags, error);

        r = r < 0 ? r : alias_record_etag(&o->record, &etag);
        if (r < 0)
                return r;
        json_document_begin(&w);
        alias_record_write(&o->record, &w);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

static int alias_update(AliasObject *o, const char *description, const char *target, const char *etag, const Requestor *who, uint64_t flags,
                        sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord i = {};
        _cleanup_free_ char *current = NULL;
        AliasRecord *a = &o->record;
        int r = alias_record_etag(a, &current);

        if (r < 0)
                return r;
        if (etag[0] && !streq(etag, current))
                return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
        if ((flags & UPDATE_TARGET) && isempty(target))
                return bus_error_set(error, LXD_ERROR_INVALID, "The target field is required");
        if ((flags & UPDATE_DESCRIPTION) && !text_is_valid(description, true))
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid description of the alias");
        r = db_image_get(o->manager->db, a->project, flags & UPDATE_TARGET ? target : a->target, &i);
        if (r < 0)
                return image_lookup_error(r, error);
        r = db_alias_update(o->manager->db, a->id, flags & UPDATE_DESCRIPTION ? description : a->description, i.id);
        if (r < 0)
                return r;
        manager_alias_signal(o->manager, ALIAS_CHANGED, a->project, a->name);
        manager_alias_event(o->manager, a->project, "image-alias-updated", a->name, "target", i.fingerprint, who);
        return 0;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        const char *description, *target, *etag;
        uint64_t flags;
        int r = sd_bus_message_read(m, "sss", &description, &target, &etag);

        r = r < 0 ? r : bus_read_requestor(m, &who);
        r = r < 0 ? r : bus_read_flags(m, UPDATE_DESCRIPTION | UPDATE_TARGET | UPDATE_MERGE, &flags, error);
        r = r < 0 ? r : alias_update(userdata, description, target, etag, &who, flags, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_rename(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        AliasObject *o = userdata;
        const char *name;
        uint64_t flags;
        int r = sd_bus_message_read(m, "s", &name);

        r = r < 0 ? r : bus_read_requestor(m, &who);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        if (r >= 0 && isempty(name))
                return bus_error_set(error, LXD_ERROR_INVALID, "The new name of the alias is missing");
        r = r < 0 ? r : image_check_alias_name(name, error);
        r = r < 0 ? r : db_alias_rename(o->manager->db, o->record.id, name);
        if (r == -EEXIST)
                return bus_error_set(error, LXD_ERROR_EXISTS, "Alias \"%s\" already exists", name);
        if (r < 0)
                return r;
        manager_alias_signal(o->manager, ALIAS_VANISHED, o->record.project, o->record.name);
        manager_alias_signal(o->manager, ALIAS_APPEARED, o->record.project, name);
        manager_alias_event(o->manager, o->record.project, "image-alias-renamed", name, "old_name", o->record.name, &who);
        return sd_bus_reply_method_return(m, NULL);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        AliasObject *o = userdata;
        uint64_t flags;
        int r = bus_read_requestor(m, &who);

        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        r = r < 0 ? r : db_alias_delete(o->manager->db, o->record.id);
        if (r < 0)
                return r;
        manager_alias_signal(o->manager, ALIAS_VANISHED, o->record.project, o->record.name);
        manager_alias_event(o->manager, o->record.project, "image-alias-deleted", o->record.name, NULL, NULL, &who);
        return sd_bus_reply_method_return(m, NULL);
}

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error) {
        const AliasRecord *a = &((AliasObject *) userdata)->record;
        const char *text = streq(property, "Name")          ? a->name
                           : streq(property, "Project")     ? a->project
                           : streq(property, "Description") ? a->description
                           : streq(property, "Target")      ? a->target
                                                            : a->type;

        return sd_bus_message_append(reply, "s", text);
}

const sd_bus_vtable alias_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update", SD_BUS_ARGS("s", description, "s", target, "s", etag, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT,
                                method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Rename", SD_BUS_ARGS("s", name, "(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_rename, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_NO_RESULT, method_delete, 0),
        SD_BUS_PROPERTY("Name", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Project", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Description", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Target", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Type", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
