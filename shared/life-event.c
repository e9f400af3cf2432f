/* SPDX-License-Identifier: Apache-2.0 */
/* Every event of an object's life, on the bus and in the journal. */
#include "life-event.h"

#include "base/str.h"
#include "bus-message.h"

#define ID(suffix) "6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a" suffix

const LifecycleAction lifecycle_actions[] = {
        { "instance-created", ID("01"), "Created instance", LOG_INFO },
        { "instance-started", ID("02"), NULL, LOG_INFO },
        { "instance-shutdown", ID("03"), NULL, LOG_INFO },
        { "instance-stopped", ID("03"), NULL, LOG_INFO },
        { "instance-deleted", ID("04"), "Deleted instance", LOG_INFO },
        { "image-created", ID("07"), "Imported image", LOG_INFO },
        { "network-created", ID("08"), "Created network", LOG_INFO },
        { "instance-restarted", ID("10"), "Restarted instance", LOG_INFO },
        { "instance-paused", ID("11"), "Paused instance", LOG_INFO },
        { "instance-resumed", ID("12"), "Resumed instance", LOG_INFO },
        { "instance-renamed", ID("13"), "Renamed instance to", LOG_INFO },
        { "instance-updated", ID("14"), "Updated instance", LOG_INFO },
        { "instance-restored", ID("15"), "Restored instance", LOG_INFO },
        { "instance-exec", ID("16"), "Executed a command in instance", LOG_INFO },
        { "instance-console", ID("17"), "Opened the console of instance", LOG_INFO },
        { "instance-console-reset", ID("18"), "Cleared the console log of instance", LOG_INFO },
        { "instance-console-retrieved", ID("19"), "Read the console log of instance", LOG_DEBUG },
        { "instance-file-pushed", ID("1a"), "Wrote a file of instance", LOG_DEBUG },
        { "instance-file-retrieved", ID("1b"), "Read a file of instance", LOG_DEBUG },
        { "instance-file-deleted", ID("1c"), "Deleted a file of instance", LOG_DEBUG },
        { "instance-log-retrieved", ID("1d"), "Read log", LOG_DEBUG },
        { "instance-log-deleted", ID("1e"), "Deleted log", LOG_INFO },
        { "instance-metadata-retrieved", ID("1f"), "Read the metadata of instance", LOG_DEBUG },
        { "instance-metadata-updated", ID("20"), "Updated the metadata of instance", LOG_INFO },
        { "instance-metadata-template-created", ID("21"), "Wrote a template of instance", LOG_INFO },
        { "instance-metadata-template-deleted", ID("22"), "Deleted a template of instance", LOG_INFO },
        { "instance-metadata-template-retrieved", ID("23"), "Read a template of instance", LOG_DEBUG },
        { "instance-snapshot-created", ID("24"), "Created snapshot", LOG_INFO },
        { "instance-snapshot-deleted", ID("25"), "Deleted snapshot", LOG_INFO },
        { "instance-snapshot-renamed", ID("26"), "Renamed snapshot to", LOG_INFO },
        { "instance-snapshot-updated", ID("27"), "Updated snapshot", LOG_INFO },
        { "instance-backup-created", ID("28"), "Created backup", LOG_INFO },
        { "instance-backup-deleted", ID("29"), "Deleted backup", LOG_INFO },
        { "instance-backup-renamed", ID("2a"), "Renamed backup to", LOG_INFO },
        { "instance-backup-retrieved", ID("2b"), "Exported backup", LOG_INFO },
        { "profile-created", ID("30"), "Created profile", LOG_INFO },
        { "profile-deleted", ID("31"), "Deleted profile", LOG_INFO },
        { "profile-renamed", ID("32"), "Renamed profile to", LOG_INFO },
        { "profile-updated", ID("33"), "Updated profile", LOG_INFO },
        { "image-deleted", ID("34"), "Deleted image", LOG_INFO },
        { "image-updated", ID("35"), "Updated image", LOG_INFO },
        { "image-refreshed", ID("36"), "Refreshed image", LOG_INFO },
        { "image-retrieved", ID("37"), "Exported image", LOG_INFO },
        { "image-secret-created", ID("38"), "Made a secret for image", LOG_INFO },
        { "image-alias-created", ID("39"), "Created image alias", LOG_INFO },
        { "image-alias-deleted", ID("3a"), "Deleted image alias", LOG_INFO },
        { "image-alias-renamed", ID("3b"), "Renamed image alias to", LOG_INFO },
        { "image-alias-updated", ID("3c"), "Updated image alias", LOG_INFO },
        { "network-deleted", ID("40"), "Deleted network", LOG_INFO },
        { "network-renamed", ID("41"), "Renamed network to", LOG_INFO },
        { "network-updated", ID("42"), "Updated network", LOG_INFO },
        { "storage-pool-created", ID("50"), "Created storage pool", LOG_INFO },
        { "storage-pool-deleted", ID("51"), "Deleted storage pool", LOG_INFO },
        { "storage-pool-updated", ID("52"), "Updated storage pool", LOG_INFO },
        { "storage-volume-created", ID("53"), "Created volume", LOG_INFO },
        { "storage-volume-deleted", ID("54"), "Deleted volume", LOG_INFO },
        { "storage-volume-renamed", ID("55"), "Renamed volume to", LOG_INFO },
        { "storage-volume-updated", ID("56"), "Updated volume", LOG_INFO },
        { "storage-volume-restored", ID("57"), "Restored volume", LOG_INFO },
        { "storage-volume-snapshot-created", ID("58"), "Created volume snapshot", LOG_INFO },
        { "storage-volume-snapshot-deleted", ID("59"), "Deleted volume snapshot", LOG_INFO },
        { "storage-volume-snapshot-renamed", ID("5a"), "Renamed volume snapshot to", LOG_INFO },
        { "storage-volume-snapshot-updated", ID("5b"), "Updated volume snapshot", LOG_INFO },
        { "storage-volume-backup-created", ID("5c"), "Created volume backup", LOG_INFO },
        { "storage-volume-backup-deleted", ID("5d"), "Deleted volume backup", LOG_INFO },
        { "storage-volume-backup-renamed", ID("5e"), "Renamed volume backup to", LOG_INFO },
        { "storage-volume-backup-retrieved", ID("5f"), "Exported volume backup", LOG_INFO },
        { "certificate-created", ID("60"), "Trusted certificate", LOG_INFO },
        { "certificate-deleted", ID("61"), "No longer trusts certificate", LOG_INFO },
        { "certificate-updated", ID("62"), "Updated certificate", LOG_INFO },
        { "config-updated", ID("63"), "Updated the server's configuration", LOG_INFO },
        { "project-created", ID("64"), "Created project", LOG_INFO },
        { "project-deleted", ID("65"), "Deleted project", LOG_INFO },
        { "project-renamed", ID("66"), "Renamed project to", LOG_INFO },
        { "project-updated", ID("67"), "Updated project", LOG_INFO },
        { "operation-cancelled", ID("68"), "Cancelled operation", LOG_INFO },
        { "warning-acknowledged", ID("69"), "Acknowledged warning", LOG_INFO },
        { "warning-deleted", ID("6a"), "Deleted warning", LOG_INFO },
        { "warning-reset", ID("6b"), "Reset warning", LOG_INFO },
        {},
};

typedef struct Lifecycle {
        const char *project, *action, *source;
        const Config *context;
        const Requestor *who;
} Lifecycle;

static int append_lifecycle(sd_bus_message *m, void *userdata) {
        const Lifecycle *l = userdata;
        int r;

        r = sd_bus_message_append(m, "sss", strempty(l->project), l->action, l->source);
        if (r >= 0)
                r = bus_append_config(m, l->context);
        return r < 0 ? r : bus_append_requestor(m, l->who);
}

static const LifecycleAction *find_action(const char *name) {
        for (const LifecycleAction *a = lifecycle_actions; a->name; a++)
                if (streq(a->name, name))
                        return a;
        return NULL;
}

/* "c1/snapshots/before" of "/1.0/instances/c1/snapshots/before?project=p"; the server itself, "/1.0", has no name. What ends in "/metadata" or
 * "/metadata/templates" is the instance's, and the entry's text says so already. */
static const char *object_of(const char *source, int *ret_length) {
        const char *name = startswith(source, "/1.0/"), *part;

        name = name ? strchr(name, '/') : NULL;
        name = name ? name + 1 : "";
        *ret_length = (int) strcspn(name, "?");
        part = strchr(name, '/');
        if (part && part < name + *ret_length && startswith(part, "/metadata") && strchr("/?", part[STRLEN("/metadata")]))
                *ret_length = (int) (part - name);
        return name;
}

static void write_entry(const Lifecycle *l, const LogFields *about) {
        const LifecycleAction *a = find_action(l->action);
        LogFields fields = *about;
        const char *object;
        int length;

        if (a && !a->text)
                return;
        object = object_of(l->source, &length);
        fields.requestor = l->who ? l->who->user : NULL;
        fields.message_id = a ? a->message_id : NULL;
        log_at(a ? a->level : LOG_INFO, 0, &fields, "%s%s%.*s.", a ? a->text : l->action, length > 0 ? " " : "", length, object);
}

int lifecycle_emit(Operations *o, const char *action, const char *source, const Config *context, const Requestor *who,
                   const LogFields *about) {
        const Lifecycle l = { about->project, action, source, context, who };

        write_entry(&l, about);
        return operations_emit(o, "Lifecycle", append_lifecycle, (void *) &l);
}
