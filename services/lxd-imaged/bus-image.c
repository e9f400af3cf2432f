/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.image1.Image: one image of one project. */

#include "base/clock.h"
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-message.h"
#include "delete.h"
#include "image-format.h"
#include "import.h"
#include "secret.h"
#include "store.h"

int image_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        Manager *m = userdata;
        ImageObject *o;
        int r = bus_path_decode(path, IMAGE_PREFIX, 2, &labels);

        if (r <= 0)
                return r;
        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->manager = m;
        r = db_image_get(m->db, labels[0], labels[1], &o->record);
        if (r < 0) {
                free(o);
                return image_lookup_error(r, error);
        }

        ImageObject **slot = &m->recent_images[m->next_image++ % MANAGER_RECENT];
        if (*slot)
                image_record_done(&(*slot)->record);
        free(*slot);
        *ret = *slot = o;
        return 1;
}

typedef struct PathList {
        Strv paths;
        const char *prefix;
} PathList;

static int add_path(ImageRecord *i, void *userdata) {
        _cleanup_free_ char *path = NULL;
        int r = bus_path_encode(&path, IMAGE_PREFIX, i->project, i->fingerprint, NULL);

        return r < 0 ? r : strv_extend(userdata, path);
}

int image_enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv paths = NULL;
        int r = db_image_foreach(((Manager *) userdata)->db, NULL, IMAGE_CREATED, add_path, &paths);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(paths);
        return 0;
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};
        _cleanup_free_ char *etag = NULL;
        _cleanup_close_ int fd = -EBADF;
        ImageObject *o = userdata;
        uint64_t flags;
        int r = bus_read_flags(m, 0, &flags, error);

        r = r < 0 ? r : image_record_etag(&o->record, &etag);
        if (r < 0)
                return r;
        json_document_begin(&w);
        image_record_write(&o->record, &w);
        fd = json_document_finish(&w);
        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

#define UPDATE_KNOWN (UPDATE_MERGE | UPDATE_CONFIG | UPDATE_PROFILES | UPDATE_EXPIRY | UPDATE_PUBLIC | UPDATE_AUTO_UPDATE)

/* Properties: replaced or merged; an empty value removes either way. */
static int update_properties(ImageRecord *i, Config *properties, bool merge, sd_bus_error *error) {
        int r = image_check_properties(properties, error);

        if (r < 0)
                return r;
        if (merge)
                return config_merge(&i->properties, properties, true);
        config_done(&i->properties);
        i->properties = *properties;
        *properties = (Config) {};
        config_remove_empty(&i->properties);
        return 0;
}

static int image_update(ImageObject *o, const ImageRecord *wanted, Config *properties, uint64_t flags, const char *etag, const Requestor *who,
                        sd_bus_error *error) {
        _cleanup_free_ char *current = NULL;
        ImageRecord *i = &o->record;
        int r = image_record_etag(i, &current);

        if (r < 0)
                return r;
        if (etag[0] && !streq(etag, current))
                return bus_error_set(error, LXD_ERROR_PRECONDITION, "ETag doesn't match: %s vs %s", current, etag);
        if (flags & UPDATE_CONFIG)
                r = update_properties(i, properties, flags & UPDATE_MERGE, error);
        if (r >= 0 && (flags & UPDATE_PROFILES)) {
                i->profiles = strv_free(i->profiles);
                r = wanted->profiles[0] ? strv_copy(wanted->profiles, &i->profiles) : strv_extend(&i->profiles, "default");
        }
        if (r < 0)
                return r;
        if (flags & UPDATE_PUBLIC)
                i->public = wanted->public;
        if (flags & UPDATE_AUTO_UPDATE)
                i->auto_update = wanted->auto_update;
        if (flags & UPDATE_EXPIRY)
                i->expires = wanted->expires;
        r = db_image_update(o->manager->db, i);
        if (r == -ENOENT)
                return image_lookup_error(r, error);
        if (r < 0)
                return r;
        manager_image_changed(o->manager, i->project, i->fingerprint, (char *[]) { (char *) "Public", (char *) "AutoUpdate", (char *) "ExpiresAt",
                                                                                   (char *) "Properties", (char *) "Profiles", NULL });
        manager_image_event(o->manager, i->project, "image-updated", i->fingerprint, NULL, NULL, who, NULL);
        return 0;
}

static int method_update(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(config_done) Config properties = {};
        _cleanup_(image_record_done) ImageRecord wanted = {};
        int public, auto_update;
        const char *etag;
        uint64_t flags;
        int r = sd_bus_message_read(m, "bb", &public, &auto_update);

        r = r < 0 ? r : bus_read_config(m, &properties);
        r = r < 0 ? r : bus_read_strv(m, &wanted.profiles);
        r = r < 0 ? r : sd_bus_message_read(m, "ts", &wanted.expires, &etag);
        r = r < 0 ? r : bus_read_requestor(m, &who);
        r = r < 0 ? r : bus_read_flags(m, UPDATE_KNOWN, &flags, error);
        if (r < 0)
                return r;
        wanted.public = public;
        wanted.auto_update = auto_update;
        r = image_update(userdata, &wanted, &properties, flags, etag, &who, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int read_who(sd_bus_message *m, Requestor *who, sd_bus_error *error) {
        uint64_t flags;
        int r = bus_read_requestor(m, who);

        return r < 0 ? r : bus_read_flags(m, 0, &flags, error);
}

static int method_delete(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        ImageObject *o = userdata;
        Operation *op = NULL;
        int r = read_who(m, &who, error);

        r = r < 0 ? r : delete_start(o->manager, &o->record, true, &who, &op, error);
        return r < 0 ? r : operation_reply(op, m);
}

/* Names as LXD gives them: the client cannot choose where its download goes. */
int image_append_files(sd_bus_message *reply, const ImageRecord *i, int metadata, int rootfs) {
        const char *extension = image_format_extension(image_format_detect_fd(metadata));
        _cleanup_free_ char *first = NULL, *second = NULL;
        int r;

        if (streq(i->format, "unified")) {
                r = str_format(&first, "%s%s", i->fingerprint, extension);
                return r < 0 ? r : sd_bus_message_append(reply, "a(sh)", 1, first, metadata);
        }
        r = str_format(&first, "meta-%s%s", i->fingerprint, extension);
        r = r < 0 ? r : str_format(&second, "%s%s", i->fingerprint, image_format_extension(image_format_detect_fd(rootfs)));
        return r < 0 ? r : sd_bus_message_append(reply, "a(sh)", 2, first, metadata, second, rootfs);
}

static int method_export(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_close_ int metadata = -EBADF, rootfs = -EBADF;
        ImageObject *o = userdata;
        const char *format;
        int r = read_who(m, &who, error);

        r = r < 0 ? r : store_open(o->manager->images_fd, o->record.fingerprint, o->record.format, &metadata, &rootfs, &format, error);
        r = r < 0 ? r : sd_bus_message_new_method_return(m, &reply);
        r = r < 0 ? r : image_append_files(reply, &o->record, metadata, rootfs);
        if (r < 0)
                return r;
        manager_image_event(o->manager, o->record.project, "image-retrieved", o->record.fingerprint, NULL, NULL, &who, NULL);
        return sd_bus_message_send(reply);
}

static int method_create_secret(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        ImageObject *o = userdata;
        Operation *op = NULL;
        int r = read_who(m, &who, error);

        r = r < 0 ? r : secret_new(o->manager, &o->record, &who, &op, error);
        if (r < 0)
                return r;
        manager_image_event(o->manager, o->record.project, "image-secret-created", o->record.fingerprint, NULL, NULL, &who, NULL);
        return operation_reply(op, m);
}

static int property_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error) {
        const ImageRecord *i = &((ImageObject *) userdata)->record;
        const char *text = streq(property, "Fingerprint")    ? i->fingerprint
                           : streq(property, "Project")      ? i->project
                           : streq(property, "Filename")     ? i->filename
                           : streq(property, "Architecture") ? i->architecture
                                                             : i->type;

        return sd_bus_message_append(reply, "s", text);
}

static int property_flag(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                         sd_bus_error *error) {
        const ImageRecord *i = &((ImageObject *) userdata)->record;

        return sd_bus_message_append(reply, "b", streq(property, "Public") ? i->public : streq(property, "Cached") ? i->cached : i->auto_update);
}

static int property_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                           sd_bus_error *error) {
        const ImageRecord *i = &((ImageObject *) userdata)->record;
        uint64_t n = streq(property, "Size")         ? i->size
                     : streq(property, "CreatedAt")  ? i->created
                     : streq(property, "ExpiresAt")  ? i->expires
                     : streq(property, "UploadedAt") ? i->uploaded
                                                     : i->last_used;

        return sd_bus_message_append(reply, "t", n);
}

static int property_properties(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                               sd_bus_error *error) {
        return bus_append_config(reply, &((ImageObject *) userdata)->record.properties);
}

static int property_profiles(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                             sd_bus_error *error) {
        return bus_append_strv(reply, ((ImageObject *) userdata)->record.profiles);
}

const sd_bus_vtable image_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("t", flags), SD_BUS_RESULT("h", document, "s", etag), method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("Update",
                                SD_BUS_ARGS("b", public, "b", auto_update, "a{ss}", properties, "as", profiles, "t", expires, "s", etag, "(sss)", requestor,
                                            "t", flags),
                                SD_BUS_NO_RESULT, method_update, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation), method_delete, 0),
        SD_BUS_METHOD_WITH_ARGS("Export", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("a(sh)", files), method_export, 0),
        SD_BUS_METHOD_WITH_ARGS("CreateSecret", SD_BUS_ARGS("(sss)", requestor, "t", flags), SD_BUS_RESULT("o", operation), method_create_secret, 0),
        SD_BUS_PROPERTY("Fingerprint", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Project", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Filename", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Architecture", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Type", "s", property_text, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Size", "t", property_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("CreatedAt", "t", property_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("UploadedAt", "t", property_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ExpiresAt", "t", property_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LastUsedAt", "t", property_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Public", "b", property_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("AutoUpdate", "b", property_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Cached", "b", property_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Properties", "a{ss}", property_properties, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Profiles", "as", property_profiles, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
