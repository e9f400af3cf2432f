/* SPDX-License-Identifier: Apache-2.0 */
/* Images and aliases: memory and JSON. */

#include <stdio.h>

#include "base/clock.h"
#include "image-record.h"

void image_aliases_done(ImageAliases *a) {
        for (size_t i = 0; i < a->n; i++) {
                free(a->items[i].name);
                free(a->items[i].description);
        }
        free(a->items);
        *a = (ImageAliases) {};
}

int image_aliases_add(ImageAliases *a, const char *name, const char *description) {
        ImageAlias item = {};
        ImageAlias *items = reallocarray(a->items, a->n + 1, sizeof(*items));

        if (!items)
                return -ENOMEM;
        a->items = items;
        if (str_replace(&item.name, name) < 0 || str_replace(&item.description, description) < 0) {
                free(item.name);
                return -ENOMEM;
        }
        a->items[a->n++] = item;
        return 0;
}

void image_record_done(ImageRecord *i) {
        free(i->project);
        free(i->fingerprint);
        free(i->filename);
        free(i->format);
        free(i->type);
        free(i->architecture);
        config_done(&i->properties);
        strv_free(i->profiles);
        image_aliases_done(&i->aliases);
        *i = (ImageRecord) {};
}

void alias_record_done(AliasRecord *a) {
        free(a->project);
        free(a->name);
        free(a->description);
        free(a->target);
        free(a->type);
        *a = (AliasRecord) {};
}

/* LXD shows the epoch for an image that does not expire. */
static void write_expires(JsonWriter *w, uint64_t expires) {
        if (expires == 0)
                json_string(w, "expires_at", "1970-01-01T00:00:00Z");
        else
                json_time(w, "expires_at", expires);
}

void image_record_write(const ImageRecord *i, JsonWriter *w) {
        json_object_begin(w, NULL);
        json_boolean(w, "auto_update", i->auto_update);
        json_config(w, "properties", &i->properties);
        json_boolean(w, "public", i->public);
        write_expires(w, i->expires);
        json_strv(w, "profiles", i->profiles);
        json_array_begin(w, "aliases");
        for (size_t k = 0; k < i->aliases.n; k++) {
                json_object_begin(w, NULL);
                json_string(w, "name", i->aliases.items[k].name);
                json_string(w, "description", i->aliases.items[k].description);
                json_object_end(w);
        }
        json_array_end(w);
        json_string(w, "architecture", i->architecture);
        json_boolean(w, "cached", i->cached);
        json_string(w, "filename", i->filename);
        json_string(w, "fingerprint", i->fingerprint);
        json_uint(w, "size", i->size);
        json_string(w, "type", i->type);
        json_time(w, "created_at", i->created);
        json_time(w, "last_used_at", i->last_used);
        json_time(w, "uploaded_at", i->uploaded);
        json_object_end(w);
}

void alias_record_write(const AliasRecord *a, JsonWriter *w) {
        json_object_begin(w, NULL);
        json_string(w, "description", a->description);
        json_string(w, "target", a->target);
        json_string(w, "name", a->name);
        json_string(w, "type", a->type);
        json_object_end(w);
}

int image_record_etag(const ImageRecord *i, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        json_object_begin(&w, NULL);
        json_boolean(&w, "auto_update", i->auto_update);
        json_config(&w, "properties", &i->properties);
        json_boolean(&w, "public", i->public);
        write_expires(&w, i->expires);
        json_strv(&w, "profiles", i->profiles);
        json_object_end(&w);
        return json_etag(&w, ret);
}

int alias_record_etag(const AliasRecord *a, char **ret) {
        _cleanup_(json_done) JsonWriter w = {};

        alias_record_write(a, &w);
        return json_etag(&w, ret);
}

const char *image_record_field(const char *field, char *buffer, size_t size, void *userdata) {
        const ImageRecord *i = userdata;
        char time[TIME_TEXT_MAX];

        if (strncasecmp(field, "properties.", STRLEN("properties.")) == 0)
                return config_get(&i->properties, field + STRLEN("properties."));
        if (strcasecmp(field, "fingerprint") == 0)
                return i->fingerprint;
        if (strcasecmp(field, "filename") == 0)
                return i->filename;
        if (strcasecmp(field, "architecture") == 0)
                return i->architecture;
        if (strcasecmp(field, "type") == 0)
                return i->type;
        if (strcasecmp(field, "public") == 0)
                return i->public ? "true" : "false";
        if (strcasecmp(field, "auto_update") == 0 || strcasecmp(field, "autoupdate") == 0)
                return i->auto_update ? "true" : "false";
        if (strcasecmp(field, "cached") == 0)
                return i->cached ? "true" : "false";

        if (strcasecmp(field, "size") == 0)
                (void) snprintf(buffer, size, "%" PRIu64, i->size);
        else if (strcasecmp(field, "created_at") == 0)
                (void) snprintf(buffer, size, "%s", time_format(i->created, time));
        else if (strcasecmp(field, "uploaded_at") == 0)
                (void) snprintf(buffer, size, "%s", time_format(i->uploaded, time));
        else if (strcasecmp(field, "last_used_at") == 0)
                (void) snprintf(buffer, size, "%s", time_format(i->last_used, time));
        else if (strcasecmp(field, "expires_at") == 0)
                (void) snprintf(buffer, size, "%s", i->expires ? time_format(i->expires, time) : "1970-01-01T00:00:00Z");
        else
                return NULL;
        return buffer;
}

bool fingerprint_prefix_is_valid(const char *s) {
        size_t n = strspn(s, "0123456789abcdef");

        return n > 0 && n <= FINGERPRINT_LENGTH && s[n] == '\0';
}
