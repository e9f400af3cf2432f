/* SPDX-License-Identifier: Apache-2.0 */
/* org.lxd.image1.Store: for the other daemons. */

#include "base/clock.h"
#include "bus-error.h"
#include "bus-interfaces.h"
#include "bus-message.h"
#include "secret.h"
#include "store.h"

/* source: alias, fingerprint (or the beginning of one), or properties.<name> of which the newest match wins. */
static int resolve(Manager *m, const char *project, const Config *source, ImageRecord *ret, sd_bus_error *error) {
        _cleanup_(alias_record_done) AliasRecord a = {};
        _cleanup_(config_done) Config properties = {};
        const char *fingerprint = config_get(source, "fingerprint"), *alias = config_get(source, "alias");
        int r = 0;

        if (!isempty(alias)) {
                r = db_alias_get(m->db, project, alias, &a);
                if (r == -ENOENT)
                        return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Image alias not found: %s", alias);
                if (r < 0)
                        return r;
                fingerprint = a.target;
        }
        if (!isempty(fingerprint))
                return image_lookup_error(db_image_get(m->db, project, fingerprint, ret), error);

        CONFIG_FOREACH(i, source) {
                const char *key = startswith(i->key, "properties.");

                if (key && (r = config_set(&properties, key, i->value)) < 0)
                        return r;
        }
        if (properties.n == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Must specify one of alias, fingerprint or properties for init from image");
        r = db_image_find_by_properties(m->db, project, &properties, ret);
        return r == -ENOENT ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "No matching image could be found") : r;
}

static int method_resolve_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(image_record_done) ImageRecord i = {};
        _cleanup_(config_done) Config source = {};
        const char *project;
        uint64_t flags;
        int r = bus_require_internal(m, error);

        r = r < 0 ? r : sd_bus_message_read(m, "s", &project);
        r = r < 0 ? r : bus_read_config(m, &source);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        r = r < 0 ? r : resolve(userdata, project, &source, &i, error);
        r = r < 0 ? r : sd_bus_message_new_method_return(m, &reply);
        r = r < 0 ? r : sd_bus_message_append(reply, "sss", i.fingerprint, i.type, i.architecture);
        r = r < 0 ? r : bus_append_config(reply, &i.properties);
        r = r < 0 ? r : bus_append_strv(reply, i.profiles);
        return r < 0 ? r : sd_bus_message_send(reply);
}

/* The image of whichever project: the files are the same. */
static int find_any(ImageRecord *i, void *userdata) {
        ImageRecord *wanted = userdata;

        if (!streq(i->fingerprint, wanted->fingerprint))
                return 0;
        image_record_done(wanted);
        *wanted = *i;
        *i = (ImageRecord) {};
        return 1;
}

static int method_open_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord i = {};
        _cleanup_close_ int metadata = -EBADF, rootfs = -EBADF;
        Manager *manager = userdata;
        const char *fingerprint, *format;
        uint64_t flags;
        int r = bus_require_internal(m, error);

        r = r < 0 ? r : sd_bus_message_read(m, "s", &fingerprint);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        r = r < 0 ? r : str_replace(&i.fingerprint, fingerprint);
        r = r < 0 ? r : db_image_foreach(manager->db, NULL, IMAGE_CREATED, find_any, &i);
        if (r == 0)
                return image_lookup_error(-ENOENT, error);
        r = r < 0 ? r : store_open(manager->images_fd, i.fingerprint, i.format, &metadata, &rootfs, &format, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, "hhs", metadata, rootfs, format);
}

/* For guests: what is public or only cached here, by its whole fingerprint. The others are as if they were not there. */
static int method_export_public(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(image_record_done) ImageRecord i = {};
        _cleanup_close_ int metadata = -EBADF, rootfs = -EBADF;
        const char *project, *fingerprint, *format;
        Manager *manager = userdata;
        uint64_t flags;
        int r = bus_require_internal(m, error);

        r = r < 0 ? r : sd_bus_message_read(m, "ss", &project, &fingerprint);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        r = hex_is_valid(fingerprint, FINGERPRINT_LENGTH) ? db_image_get(manager->db, project, fingerprint, &i) : -ENOENT;
        if (r >= 0 && !i.public && !i.cached)
                r = -ENOENT;
        r = image_lookup_error(r, error);
        r = r < 0 ? r : store_open(manager->images_fd, i.fingerprint, i.format, &metadata, &rootfs, &format, error);
        r = r < 0 ? r : sd_bus_message_new_method_return(m, &reply);
        r = r < 0 ? r : image_append_files(reply, &i, metadata, rootfs);
        return r < 0 ? r : sd_bus_message_send(reply);
}

static int method_mark_used(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(image_record_done) ImageRecord i = {};
        Manager *manager = userdata;
        const char *project, *fingerprint;
        uint64_t flags;
        int r = bus_require_internal(m, error);

        r = r < 0 ? r : sd_bus_message_read(m, "ss", &project, &fingerprint);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = image_lookup_error(db_image_get(manager->db, project, fingerprint, &i), error);
        r = r < 0 ? r : db_image_set_last_used(manager->db, i.id, now_realtime());
        return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
}

static int method_check_secret(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *project, *fingerprint, *secret;
        uint64_t flags;
        int r = bus_require_internal(m, error);

        r = r < 0 ? r : sd_bus_message_read(m, "sss", &project, &fingerprint, &secret);
        r = r < 0 ? r : bus_read_flags(m, 0, &flags, error);
        return r < 0 ? r : sd_bus_reply_method_return(m, "b", secret_check(userdata, project, fingerprint, secret));
}

const sd_bus_vtable store_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ResolveImage", SD_BUS_ARGS("s", project, "a{ss}", source, "t", flags),
                                SD_BUS_RESULT("s", fingerprint, "s", type, "s", architecture, "a{ss}", properties, "as", profiles), method_resolve_image, 0),
        SD_BUS_METHOD_WITH_ARGS("OpenImage", SD_BUS_ARGS("s", fingerprint, "t", flags), SD_BUS_RESULT("h", metadata, "h", rootfs, "s", format),
                                method_open_image, 0),
        SD_BUS_METHOD_WITH_ARGS("ExportPublic", SD_BUS_ARGS("s", project, "s", fingerprint, "t", flags), SD_BUS_RESULT("a(sh)", files),
                                method_export_public, 0),
        SD_BUS_METHOD_WITH_ARGS("MarkUsed", SD_BUS_ARGS("s", project, "s", fingerprint, "t", flags), SD_BUS_NO_RESULT, method_mark_used, 0),
        SD_BUS_METHOD_WITH_ARGS("CheckSecret", SD_BUS_ARGS("s", project, "s", fingerprint, "s", secret, "t", flags), SD_BUS_RESULT("b", valid),
                                method_check_secret, 0),
        SD_BUS_VTABLE_END,
};
