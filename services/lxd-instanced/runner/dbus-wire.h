/* SPDX-License-Identifier: Apache-2.0 */
/* As much of D-Bus' wire format as the programs of a guest's unit need: a method call out, its answer in. Pure. They do without libsystemd, which
 * would cost each start a process, each exec half a millisecond, and each container 0.15 MB. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/macro.h"

#define DBUS_MESSAGE_MAX (4U * 1024U * 1024U)

typedef enum DbusType {
        DBUS_CALL = 1,
        DBUS_RETURN = 2,
        DBUS_ERROR = 3,
        DBUS_SIGNAL = 4,
} DbusType;

/* A message in the making; a zeroed one is empty. What cannot be added is missing, and dbus_call_end() says why. */
typedef struct DbusWriter {
        uint8_t *data;
        size_t size, allocated, body;
        int error;
} DbusWriter;

void dbus_writer_done(DbusWriter *w);
#define _cleanup_dbus_writer_ _cleanup_(dbus_writer_done)

/* A call to whoever is at the other end; signature is that of the arguments, which are added next, one dbus_add_...() for each. */
void dbus_call_begin(DbusWriter *w, uint32_t serial, const char *path, const char *interface, const char *member, const char *signature, uint32_t n_fds);
void dbus_add_u32(DbusWriter *w, uint32_t value); /* u, and h: the descriptor's place among those sent along */
void dbus_add_u64(DbusWriter *w, uint64_t value);
void dbus_add_string(DbusWriter *w, const char *value);
int dbus_call_end(DbusWriter *w); /* 0: w->data is the message; -ENOMEM, -E2BIG */

/* A part of a message that is read from its beginning to its end. The strings live as long as the message. */
typedef struct DbusReader {
        const uint8_t *data; /* of the whole message: alignment counts from its beginning */
        size_t at, end;
} DbusReader;

typedef struct DbusMessage {
        DbusType type;
        uint32_t reply_serial;  /* 0: of no call */
        const char *error_name; /* NULL: none */
        const char *signature;  /* of the body, "" without one */
        DbusReader body;
} DbusMessage;

/* How long the message is that begins with these n bytes. 0: it takes more of them to know; -EBADMSG: none of this kind of machine, or longer than
 * DBUS_MESSAGE_MAX. */
ssize_t dbus_message_size(const void *data, size_t n);
/* n as dbus_message_size() said. 0, -EBADMSG. */
int dbus_message_parse(const void *data, size_t n, DbusMessage *ret);

/* 1; 0 at the end of an array; -EBADMSG: not there. */
int dbus_get_u32(DbusReader *r, uint32_t *ret);
int dbus_get_string(DbusReader *r, const char **ret);
/* Goes on with the next of an array's structs or dictionary entries. 1, 0 at its end, -EBADMSG. */
int dbus_enter_struct(DbusReader *r);
/* An array, which *ret_items reads. 1, -EBADMSG. */
int dbus_get_array_of_structs(DbusReader *r, DbusReader *ret_items);
