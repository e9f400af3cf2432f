/* SPDX-License-Identifier: Apache-2.0 */
/* One channel of a session: a descriptor on the guest's side, a websocket on the client's, bytes between them. */
#pragma once

#include "websocket.h"

#define CHANNEL_SECRET_BYTES 32

typedef struct Channel Channel;

typedef struct ChannelOwner {
        /* Something has changed that may end the session: output ended, was delivered, the client left. */
        void (*changed)(Channel *c, void *userdata);
        /* A whole message on a channel without descriptor (control). */
        void (*message)(Channel *c, const char *text, size_t n, void *userdata);
} ChannelOwner;

struct Channel {
        sd_event *event;
        const ChannelOwner *owner;
        void *userdata;

        const char *name; /* "0", "1", "2", "control" */
        char *secret;     /* NULL: used, or over */
        int fd;
        bool input, output; /* client to guest, guest to client; a terminal does both */
        sd_event_source *io;

        WebSocket *ws;
        bool connected; /* there was a websocket at some time */
        bool clean;     /* it said goodbye */
        bool eof;       /* the guest will send no more */
        bool last;      /* the guest's process has ended: what can be read now is all there is */
        bool barrier;   /* the client was told of the end */
        char *pending;  /* input the guest has not taken yet, or the beginning of a message */
        size_t pending_size;
        size_t message_size;
        bool input_eof;
        bool types_end; /* the end of the input is a ^D; not on a console, where it would log out whoever is there */
        bool half_line; /* the last of the input was no line break */
};

/* Makes a secret; takes fd (-EBADF for control). 0, -errno. */
int channel_init(Channel *c, sd_event *event, const char *name, int fd, bool input, bool output, const ChannelOwner *owner,
                 void *userdata);
/* Hangs up and frees the contents. */
void channel_done(Channel *c);

/* The client has come. */
void channel_connect(Channel *c, WebSocket *ws);
/* The guest's process has ended. */
void channel_set_last(Channel *c);
/* Closes the guest's side. */
void channel_close_fd(Channel *c);
/* Says the end of the output to the client. */
void channel_send_barrier(Channel *c);
/* Says goodbye to the client; the rest of the conversation goes on without us. */
void channel_disconnect(Channel *c);

/* Is there nothing left to bring to the client (or nobody to bring it to)? */
bool channel_is_delivered(const Channel *c);
