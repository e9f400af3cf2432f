/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the shape of operations in REST. */

#include "operation-json.h"

/* Keys are sorted, so all of "progress." stand together; where a plain key "progress" is there as well it wins. */
static void write_metadata(JsonWriter *w, const Config *metadata) {
        _cleanup_free_ char *open = NULL;

        if (metadata->n == 0) {
                json_null(w, "metadata");
                return;
        }
        json_object_begin(w, "metadata");
        CONFIG_FOREACH(i, metadata) {
                const char *dot = strchr(i->key, '.');
                _cleanup_free_ char *group = dot ? strndup(i->key, dot - i->key) : NULL;

                if (group && config_get(metadata, group))
                        continue;
                if (open && !streq_ptr(open, group)) {
                        json_object_end(w);
                        open = (free(open), NULL);
                }
                if (group && !open) {
                        json_object_begin(w, group);
                        open = TAKE_PTR(group);
                }
                json_string(w, dot ? dot + 1 : i->key, i->value);
        }
        if (open)
                json_object_end(w);
        json_object_end(w);
}

static void write_containers(JsonWriter *w, Strv urls) {
        json_array_begin(w, "containers");
        STRV_FOREACH(url, urls) {
                const char *rest = startswith(*url, "/1.0/instances/");

                json_stringf(w, NULL, "%s%s", rest ? "/1.0/containers/" : "", rest ?: *url);
        }
        json_array_end(w);
}

/* LXD calls instances containers, too, but not where their state is changed. */
static bool names_containers(const OperationRecord *record) {
        static const char *const others[] = { "Starting instance", "Stopping instance", "Restarting instance", "Freezing instance",
                                              "Unfreezing instance" };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (streq(record->description, others[i]))
                        return false;
        return true;
}

static void write_resources(JsonWriter *w, const OperationRecord *record) {
        if (record->n_resources == 0) {
                json_null(w, "resources");
                return;
        }
        json_object_begin(w, "resources");
        for (size_t i = 0; i < record->n_resources; i++) {
                if (streq(record->resources[i].kind, "instances") && names_containers(record))
                        write_containers(w, record->resources[i].urls);
                json_strv(w, record->resources[i].kind, record->resources[i].urls);
        }
        json_object_end(w);
}

void json_operation(JsonWriter *w, const char *key, const OperationRecord *record, const char *metadata) {
        json_object_begin(w, key);
        json_string(w, "id", record->id);
        json_string(w, "class", record->class);
        json_string(w, "description", record->description);
        json_time(w, "created_at", record->created);
        json_time(w, "updated_at", record->updated);
        json_string(w, "status", operation_status_text(record->status));
        json_int(w, "status_code", record->status);
        write_resources(w, record);
        if (metadata)
                json_raw(w, "metadata", metadata, strlen(metadata));
        else
                write_metadata(w, &record->metadata);
        json_boolean(w, "may_cancel", record->may_cancel);
        json_string(w, "err", record->error);
        json_string(w, "location", "none");
        json_object_end(w);
}
