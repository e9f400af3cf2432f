/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of org.lxd.instance1: which paths there are, and what their handlers share. */
#include "bus.h"

int bus_read_tail(sd_bus_message *m, Requestor *who, uint64_t known_flags, uint64_t *ret_flags, sd_bus_error *error) {
        uint64_t flags;
        int r;

        r = bus_read_requestor(m, who);
        if (r >= 0)
                r = bus_read_flags(m, known_flags, &flags, error);
        if (r < 0)
                return r;
        if (ret_flags)
                *ret_flags = flags;
        return 0;
}

int bus_reply_job(sd_bus_message *m, int r, Job *j) {
        if (r < 0)
                return r;
        r = job_start_reply_operation(j, m);
        return r < 0 ? r : 1;
}

int bus_reply_writer(sd_bus_message *m, JsonWriter *w, const char *etag) {
        _cleanup_close_ int fd = json_document_finish(w);

        return fd < 0 ? fd : bus_reply_document(m, fd, etag);
}

int instance_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        Instance *i;
        int r;

        r = bus_path_decode(path, INSTANCE1_INSTANCE, 2, &labels);
        if (r <= 0)
                return r;
        i = instance_find(userdata, labels[0], labels[1]);
        if (!i || i->leftover)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Instance not found");
        *ret = i;
        return 1;
}

int snapshot_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        Snapshot *s = NULL;
        Instance *i;
        int r;

        r = bus_path_decode(path, INSTANCE1_SNAPSHOT, 3, &labels);
        if (r <= 0)
                return r;
        i = instance_find(userdata, labels[0], labels[1]);
        if (i)
                s = snapshot_find(i, labels[2]);
        if (!i)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Instance not found");
        if (!s)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND,
                                     "Failed to fetch snapshot \"%s\" of instance \"%s\" in project \"%s\": InstanceSnapshot not found", labels[2], i->name,
                                     i->project);
        *ret = s;
        return 1;
}

int profile_object_find(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv labels = NULL;
        Profile *p;
        int r;

        r = bus_path_decode(path, INSTANCE1_PROFILE, 2, &labels);
        if (r <= 0)
                return r;
        p = profile_find(userdata, labels[0], labels[1]);
        if (!p)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Profile not found");
        *ret = p;
        return 1;
}

static int enumerate_instances(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv nodes = NULL;
        Manager *m = userdata;
        size_t n = 0;

        nodes = calloc(m->n_instances + 1, sizeof(char *));
        if (!nodes)
                return -ENOMEM;
        for (size_t k = 0; k < m->n_instances; k++)
                if (!m->instances[k]->leftover && instance_path(m->instances[k], nodes + n++) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(nodes);
        return 0;
}

static int enumerate_snapshots(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv nodes = NULL;
        Manager *m = userdata;
        size_t n = 0;

        for (size_t k = 0; k < m->n_instances; k++)
                n += m->instances[k]->n_snapshots;
        nodes = calloc(n + 1, sizeof(char *));
        if (!nodes)
                return -ENOMEM;
        n = 0;
        for (size_t k = 0; k < m->n_instances; k++)
                for (size_t s = 0; s < m->instances[k]->n_snapshots; s++)
                        if (snapshot_path(m->instances[k]->snapshots[s], nodes + n++) < 0)
                                return -ENOMEM;
        *ret = TAKE_PTR(nodes);
        return 0;
}

static int enumerate_profiles(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        _cleanup_strv_free_ Strv nodes = NULL;
        Manager *m = userdata;

        nodes = calloc(m->n_profiles + 1, sizeof(char *));
        if (!nodes)
                return -ENOMEM;
        for (size_t k = 0; k < m->n_profiles; k++)
                if (bus_path_encode(nodes + k, INSTANCE1_PROFILE, m->profiles[k]->project, m->profiles[k]->name, NULL) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(nodes);
        return 0;
}

const BusInterface instanced_interfaces[] = {
        { .path = INSTANCE1_ROOT, .interface = IFACE("Manager"), .vtable = manager_vtable },
        { .path = INSTANCE1_ROOT, .interface = IFACE("Guest"), .vtable = guest_vtable },
        { .path = INSTANCE1_ROOT, .interface = IFACE("References"), .vtable = references_vtable },
        { .path = INSTANCE1_INSTANCE, .interface = IFACE("Instance"), .vtable = instance_vtable, .find = instance_object_find },
        { .path = INSTANCE1_INSTANCE, .interface = IFACE("Files"), .vtable = files_vtable, .find = instance_object_find },
        { .path = INSTANCE1_INSTANCE, .interface = IFACE("Metadata"), .vtable = metadata_vtable, .find = instance_object_find },
        { .path = INSTANCE1_SNAPSHOT, .interface = IFACE("Snapshot"), .vtable = snapshot_vtable, .find = snapshot_object_find },
        { .path = INSTANCE1_PROFILE, .interface = IFACE("Profile"), .vtable = profile_vtable, .find = profile_object_find },
        {}
};

const struct BusEnumerator instanced_enumerators[] = {
        { INSTANCE1_INSTANCE, enumerate_instances },
        { INSTANCE1_SNAPSHOT, enumerate_snapshots },
        { INSTANCE1_PROFILE, enumerate_profiles },
        {}
};
