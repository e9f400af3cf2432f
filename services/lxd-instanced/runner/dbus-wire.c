/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus-wire.h"

#define FIXED_SIZE 16U /* of the header, with the length of its fields */
#define BODY_SIZE_AT 4U
#define FIELDS_SIZE_AT 12U
#define NATIVE (BYTE_ORDER == LITTLE_ENDIAN ? 'l' : 'B')

enum {
        FIELD_PATH = 1,
        FIELD_INTERFACE = 2,
        FIELD_MEMBER = 3,
        FIELD_ERROR_NAME = 4,
        FIELD_REPLY_SERIAL = 5,
        FIELD_SIGNATURE = 8,
        FIELD_UNIX_FDS = 9,
};

static size_t align(size_t n, size_t to) {
        return (n + to - 1) & ~(to - 1);
}

/* ---- writing ---- */

void dbus_writer_done(DbusWriter *w) {
        free(w->data);
        *w = (DbusWriter) {};
}

/* n bytes at a place that alignment divides, and what lies before it zeroed. NULL after an error. */
static void *add(DbusWriter *w, size_t alignment, size_t n) {
        size_t at = align(w->size, alignment);

        if (w->error == 0 && (n > DBUS_MESSAGE_MAX || at + n > DBUS_MESSAGE_MAX))
                w->error = -E2BIG;
        if (w->error < 0)
                return NULL;
        if (at + n > w->allocated) {
                size_t size = 2 * (at + n);
                uint8_t *grown = realloc(w->data, size);

                if (!grown) {
                        w->error = -ENOMEM;
                        return NULL;
                }
                w->data = grown;
                w->allocated = size;
        }
        memset(w->data + w->size, 0, at - w->size);
        w->size = at + n;
        return w->data + at;
}

static void add_u8(DbusWriter *w, uint8_t value) {
        uint8_t *p = add(w, 1, 1);

        if (p)
                *p = value;
}

void dbus_add_u32(DbusWriter *w, uint32_t value) {
        void *p = add(w, sizeof(value), sizeof(value));

        if (p)
                memcpy(p, &value, sizeof(value));
}

void dbus_add_u64(DbusWriter *w, uint64_t value) {
        void *p = add(w, sizeof(value), sizeof(value));

        if (p)
                memcpy(p, &value, sizeof(value));
}

static void add_text(DbusWriter *w, const char *value) {
        size_t n = strlen(value) + 1;
        void *p = add(w, 1, n);

        if (p)
                memcpy(p, value, n);
}

void dbus_add_string(DbusWriter *w, const char *value) {
        dbus_add_u32(w, (uint32_t) strlen(value));
        add_text(w, value);
}

static void add_signature(DbusWriter *w, const char *value) {
        add_u8(w, (uint8_t) strlen(value));
        add_text(w, value);
}

/* A struct of a code and a variant, whose value comes next. */
static void add_field(DbusWriter *w, uint8_t code, const char *signature) {
        (void) add(w, 8, 0);
        add_u8(w, code);
        add_signature(w, signature);
}

static void set_u32(DbusWriter *w, size_t at, size_t value) {
        if (w->error == 0)
                memcpy(w->data + at, &(uint32_t) { (uint32_t) value }, sizeof(uint32_t));
}

void dbus_call_begin(DbusWriter *w, uint32_t serial, const char *path, const char *interface, const char *member, const char *signature, uint32_t n_fds) {
        const struct { uint8_t code; const char *type, *value; } names[] = {
                { FIELD_PATH, "o", path }, { FIELD_INTERFACE, "s", interface }, { FIELD_MEMBER, "s", member },
        };

        dbus_writer_done(w);
        add_u8(w, NATIVE);
        add_u8(w, DBUS_CALL);
        add_u8(w, 0); /* flags */
        add_u8(w, 1); /* version */
        dbus_add_u32(w, 0);
        dbus_add_u32(w, serial);
        dbus_add_u32(w, 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                add_field(w, names[i].code, names[i].type);
                dbus_add_string(w, names[i].value);
        }
        if (*signature) {
                add_field(w, FIELD_SIGNATURE, "g");
                add_signature(w, signature);
        }
        if (n_fds > 0) {
                add_field(w, FIELD_UNIX_FDS, "u");
                dbus_add_u32(w, n_fds);
        }
        set_u32(w, FIELDS_SIZE_AT, w->size - FIXED_SIZE);
        (void) add(w, 8, 0);
        w->body = w->size;
}

int dbus_call_end(DbusWriter *w) {
        set_u32(w, BODY_SIZE_AT, w->size - w->body);
        return w->error;
}

/* ---- reading ---- */

static uint32_t u32_at(const uint8_t *data, size_t at) {
        uint32_t value;

        memcpy(&value, data + at, sizeof(value));
        return value;
}

ssize_t dbus_message_size(const void *data, size_t n) {
        const uint8_t *p = data;
        size_t fields, body;

        if (n < FIXED_SIZE)
                return 0;
        fields = u32_at(p, FIELDS_SIZE_AT);
        body = u32_at(p, BODY_SIZE_AT);
        if (p[0] != NATIVE || p[3] != 1 || fields > DBUS_MESSAGE_MAX || body > DBUS_MESSAGE_MAX ||
            align(FIXED_SIZE + fields, 8) + body > DBUS_MESSAGE_MAX)
                return -EBADMSG;
        return (ssize_t) (align(FIXED_SIZE + fields, 8) + body);
}

/* n bytes at the next place that alignment divides; the reader is behind them. */
static int take(DbusReader *r, size_t alignment, size_t n, const uint8_t **ret) {
        size_t at = align(r->at, alignment);

        if (at > r->end || n > r->end - at)
                return -EBADMSG;
        *ret = r->data + at;
        r->at = at + n;
        return 1;
}

static int get_u8(DbusReader *r, uint8_t *ret) {
        const uint8_t *p;
        int q = take(r, 1, 1, &p);

        if (q > 0)
                *ret = *p;
        return q;
}

int dbus_get_u32(DbusReader *r, uint32_t *ret) {
        const uint8_t *p;
        int q;

        if (r->at == r->end)
                return 0;
        q = take(r, sizeof(*ret), sizeof(*ret), &p);
        if (q > 0)
                *ret = u32_at(p, 0);
        return q;
}

/* n characters and the zero behind them, and no other. */
static int get_text(DbusReader *r, size_t n, const char **ret) {
        const uint8_t *p;
        int q = n > DBUS_MESSAGE_MAX ? -EBADMSG : take(r, 1, n + 1, &p);

        if (q <= 0)
                return q;
        if (memchr(p, 0, n + 1) != p + n)
                return -EBADMSG;
        *ret = (const char *) p;
        return 1;
}

int dbus_get_string(DbusReader *r, const char **ret) {
        uint32_t n;
        int q = dbus_get_u32(r, &n);

        return q <= 0 ? q : get_text(r, n, ret);
}

static int get_signature(DbusReader *r, const char **ret) {
        uint8_t n;
        int q = get_u8(r, &n);

        return q <= 0 ? q : get_text(r, n, ret);
}

int dbus_enter_struct(DbusReader *r) {
        const uint8_t *p;

        return r->at == r->end ? 0 : take(r, 8, 0, &p);
}

int dbus_get_array_of_structs(DbusReader *r, DbusReader *ret_items) {
        const uint8_t *p;
        uint32_t n;
        int q = dbus_get_u32(r, &n);

        if (q <= 0)
                return -EBADMSG;
        q = take(r, 8, n, &p);
        if (q > 0)
                *ret_items = (DbusReader) { .data = r->data, .at = r->at - n, .end = r->at };
        return q;
}

/* A field of the header. Those that say nothing to us are read over. */
static int get_field(DbusReader *r, DbusMessage *m) {
        const char *type, *text = NULL;
        uint32_t number = 0;
        uint8_t code;
        int q = get_u8(r, &code);

        if (q > 0)
                q = get_signature(r, &type);
        if (q <= 0)
                return q;
        if (strcmp(type, "u") == 0)
                q = dbus_get_u32(r, &number);
        else if (strcmp(type, "g") == 0)
                q = get_signature(r, &text);
        else if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
                q = dbus_get_string(r, &text);
        else
                return -EBADMSG;
        if (q <= 0)
                return -EBADMSG;
        if (code == FIELD_REPLY_SERIAL)
                m->reply_serial = number;
        else if (code == FIELD_ERROR_NAME)
                m->error_name = text;
        else if (code == FIELD_SIGNATURE && text)
                m->signature = text;
        return 1;
}

int dbus_message_parse(const void *data, size_t n, DbusMessage *ret) {
        const uint8_t *p = data;
        DbusReader fields;
        size_t body;
        int q;

        if (n < FIXED_SIZE || dbus_message_size(data, n) != (ssize_t) n)
                return -EBADMSG;
        fields = (DbusReader) { .data = p, .at = FIXED_SIZE, .end = FIXED_SIZE + u32_at(p, FIELDS_SIZE_AT) };
        body = n - u32_at(p, BODY_SIZE_AT);
        *ret = (DbusMessage) { .type = p[1], .signature = "", .body = { .data = p, .at = body, .end = n } };
        while ((q = dbus_enter_struct(&fields)) > 0) {
                q = get_field(&fields, ret);
                if (q <= 0)
                        return -EBADMSG;
        }
        return q;
}
