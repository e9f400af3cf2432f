/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the sessions: their channels, their operation, and how each of them comes to an end, whatever happens. */

#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "bus-error.h"
#include "channel.h"
#include "events.h"
#include "json-args.h"
#include "json-write.h"
#include "log.h"
#include "operation-watch.h"
#include "session.h"

#define LINGER_WAIT (10 * USEC_PER_SEC) /* the result stays readable */
#define READING_WAIT USEC_PER_SEC
#define CONTROL_MAX 4096

enum {
        CHANNEL_DATA_MAX = 3,
        CHANNEL_CONTROL = CHANNEL_DATA_MAX,
        CHANNEL_MAX,
};

typedef enum SessionStage {
        STAGE_CONNECTING, /* the client has not opened all data channels: the command waits */
        STAGE_RUNNING,
        STAGE_HANGUP, /* the client has left: the guest's process was told */
        STAGE_KILL,   /* and then killed */
        STAGE_READING, /* the command has failed: the client may still read what it wrote */
        STAGE_DONE,   /* only the result is left */
} SessionStage;

struct Session {
        Sessions *sessions;
        Session *next, **link;
        Operation *operation; /* NULL once it is finished */
        char id[37];
        SessionKind kind;
        SessionStage stage;
        char *project, *instance;
        Requestor who;
        Strv command, logs;
        Config environment;
        bool interactive, websockets;
        uint64_t created, updated;
        OperationStatus status;

        Channel channels[CHANNEL_MAX];
        size_t n_data;
        int control; /* to the guest's side */
        sd_event_source *control_io, *timer;

        bool exited;   /* the guest's side has said how it ended, or is gone */
        int code;      /* exit status, -1: unknown */
        char *error;   /* why it failed */
};

struct Sessions {
        Manager *manager;
        Session *first;
        unsigned n;
};

static void session_check(Session *s);
static void session_leave(Session *s);

int sessions_new(Manager *m, Sessions **ret) {
        Sessions *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->manager = m;
        *ret = s;
        return 0;
}

static void session_free(Session *s) {
        if (s->link) {
                *s->link = s->next;
                if (s->next)
                        s->next->link = s->link;
                s->sessions->n--;
        }
        for (size_t i = 0; i < CHANNEL_MAX; i++)
                channel_done(&s->channels[i]);
        sd_event_source_disable_unref(s->control_io);
        sd_event_source_disable_unref(s->timer);
        close_safe(s->control);
        requestor_done(&s->who);
        config_done(&s->environment);
        strv_free(s->command);
        strv_free(s->logs);
        free(s->project);
        free(s->instance);
        free(s->error);
        free(s);
}

Sessions *sessions_free(Sessions *s) {
        if (!s)
                return NULL;
        while (s->first)
                session_free(s->first);
        free(s);
        return NULL;
}

unsigned sessions_count(Sessions *s) {
        return s->n;
}

static Session *find(Sessions *sessions, const char *id) {
        for (Session *s = sessions->first; s; s = s->next)
                if (streq(s->id, id))
                        return s;
        return NULL;
}

bool sessions_is_finished(Sessions *sessions, const char *id) {
        Session *s = find(sessions, id);

        return s && s->stage == STAGE_DONE;
}

const Requestor *sessions_requestor(Sessions *sessions, const char *id) {
        Session *s = find(sessions, id);

        return s ? &s->who : NULL;
}

int sessions_ids(Sessions *sessions, Strv *ret) {
        _cleanup_strv_free_ Strv ids = NULL;

        for (Session *s = sessions->first; s; s = s->next) {
                int r = strv_extend(&ids, s->id);

                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(ids);
        return 0;
}

/* What REST and the bus see of it. */

static int fill_resources(const Session *s, OperationRecord *ret) {
        _cleanup_free_ char *encoded = NULL, *url = NULL;
        int r;

        ret->resources = calloc(1, sizeof(*ret->resources));
        if (!ret->resources)
                return -ENOMEM;
        ret->n_resources = 1;
        ret->resources[0].kind = strdup("instances");
        if (!ret->resources[0].kind)
                return -ENOMEM;
        r = url_encode(s->instance, &encoded);
        if (r >= 0)
                r = str_format(&url, "/1.0/instances/%s", encoded);
        return r < 0 ? r : strv_extend(&ret->resources[0].urls, url);
}

static int session_record(const Session *s, OperationRecord *ret) {
        OperationRecord record = { .status = s->status, .created = s->created, .updated = s->updated,
                                   .may_cancel = s->stage != STAGE_DONE };
        int r;

        r = str_replace(&record.id, s->id);
        if (r >= 0)
                r = str_replace(&record.class, s->websockets ? "websocket" : "task");
        if (r >= 0)
                r = str_replace(&record.description, s->kind == SESSION_EXEC ? "Executing command" : "Showing console");
        if (r >= 0)
                r = str_replace(&record.project, s->project);
        if (r >= 0)
                r = str_replace(&record.error, strempty(s->error));
        if (r >= 0)
                r = fill_resources(s, &record);
        if (r < 0) {
                operation_record_done(&record);
                return r;
        }
        *ret = record;
        return 0;
}

int sessions_record(Sessions *sessions, const char *id, OperationRecord *ret) {
        Session *s = find(sessions, id);

        if (!s)
                return -ENOENT;
        return ret ? session_record(s, ret) : 0;
}

static void write_secrets(const Session *s, JsonWriter *w) {
        json_object_begin(w, "fds");
        for (size_t i = 0; i < CHANNEL_MAX; i++)
                if (s->channels[i].secret)
                        json_string(w, s->channels[i].name, s->channels[i].secret);
        json_object_end(w);
}

static void write_logs(const Session *s, JsonWriter *w) {
        char name[2] = "1";

        json_object_begin(w, "output");
        STRV_FOREACH(log, s->logs) {
                _cleanup_free_ char *encoded = NULL;

                if (url_encode(s->instance, &encoded) < 0)
                        break;
                json_stringf(w, name, "/1.0/instances/%s/logs/%s", encoded, *log);
                name[0]++;
        }
        json_object_end(w);
}

static int session_metadata(const Session *s, bool secrets, char **ret) {
        bool result = s->kind == SESSION_EXEC && s->stage == STAGE_DONE && s->code >= 0;
        _cleanup_(json_done) JsonWriter w = {};

        if (!s->websockets && !result)
                return str_replace(ret, "null");

        json_object_begin(&w, NULL);
        if (s->kind == SESSION_EXEC && s->websockets) {
                json_strv(&w, "command", s->command);
                json_config(&w, "environment", &s->environment);
        }
        if (s->websockets && secrets)
                write_secrets(s, &w);
        if (s->kind == SESSION_EXEC && s->websockets)
                json_boolean(&w, "interactive", s->interactive);
        if (strv_length(s->logs) > 0 && result)
                write_logs(s, &w);
        if (result)
                json_int(&w, "return", s->code);
        json_object_end(&w);
        return json_finish_text(&w, ret);
}

int sessions_metadata(Sessions *sessions, const char *id, bool secrets, char **ret) {
        Session *s = find(sessions, id);

        return s ? session_metadata(s, secrets, ret) : -ENOENT;
}

static void publish(Session *s) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        _cleanup_free_ char *metadata = NULL;
        Manager *m = s->sessions->manager;

        if (session_record(s, &record) < 0 || session_metadata(s, false, &metadata) < 0)
                return;
        events_operation(m->events, &record, metadata);
        watches_changed(m->watches, &record);
}

/* Towards the guest's side. */

static void control_send(Session *s, const char *text) {
        if (s->control >= 0 && send(s->control, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                log_debug_errno(-errno, "Failed to send \"%s\" to a session: %m", text);
}

static int arm_timer(Session *s, uint64_t usec);

/* Without "start" the command has not run, and with its control socket closed it never will. */
static void session_abandon(Session *s, const char *why) {
        s->control_io = sd_event_source_disable_unref(s->control_io);
        s->control = close_safe(s->control);
        s->timer = sd_event_source_disable_unref(s->timer);
        s->stage = STAGE_HANGUP;
        s->exited = true;
        s->code = -1;
        if (!s->error)
                (void) str_replace(&s->error, why);
}

/* The client is not there any more. A terminal hangs up; anything else is killed, for it could run on for ever unseen. */
static void session_leave(Session *s) {
        if (s->exited || s->stage >= STAGE_HANGUP)
                return;
        if (s->stage == STAGE_CONNECTING) {
                session_abandon(s, "The client left before the command began");
                return;
        }
        s->stage = STAGE_HANGUP;
        if (s->kind == SESSION_CONSOLE)
                s->exited = true;
        else
                control_send(s, s->interactive ? "signal 1" : "signal 9");
        for (size_t i = 0; i < s->n_data; i++)
                if (!s->channels[i].ws)
                        channel_close_fd(&s->channels[i]);
        (void) arm_timer(s, s->sessions->manager->session_wait);
}

static bool all_connected(const Session *s) {
        for (size_t i = 0; i < s->n_data; i++)
                if (!s->channels[i].connected)
                        return false;
        return true;
}

/* Has the client left? When it has cut the control channel without a word, or the only channel, or all of them. */
static bool client_left(const Session *s) {
        const Channel *control = &s->channels[CHANNEL_CONTROL];
        unsigned open = 0, gone = 0;

        if (control->connected && !control->ws && (!control->clean || s->kind == SESSION_CONSOLE))
                return true;
        for (size_t i = 0; i < CHANNEL_MAX; i++) {
                open += s->channels[i].ws != NULL;
                gone += s->channels[i].connected && !s->channels[i].ws;
        }
        if (gone > 0 && open == 0 && all_connected(s))
                return true;
        return s->n_data == 1 && s->channels[0].connected && !s->channels[0].ws;
}

static void session_finish(Session *s) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        Operation *operation = TAKE_PTR(s->operation);
        char code[16];

        s->stage = STAGE_DONE;
        s->status = s->error ? OPERATION_FAILURE : OPERATION_SUCCESS;
        s->updated = now_realtime();
        s->control_io = sd_event_source_disable_unref(s->control_io);
        s->control = close_safe(s->control);

        if (operation) {
                (void) snprintf(code, sizeof(code), "%d", s->code);
                if (s->kind == SESSION_EXEC && s->code >= 0)
                        (void) operation_set_metadata(operation, "return", code);
                if (s->error)
                        (void) bus_error_set(&error, LXD_ERROR_FAILED, "%s", s->error);
                operation_finish(operation, s->error ? -EIO : 0, s->error ? &error : NULL);
        }
        publish(s);
        for (size_t i = 0; i < CHANNEL_MAX; i++)
                if (s->channels[i].name)
                        channel_disconnect(&s->channels[i]);
        /* A client that opens its control channel last, after a command that was quick, still finds it. */
        if (arm_timer(s, LINGER_WAIT) < 0)
                session_free(s);
}

/* A client that hears of a failed operation may end at once, with output unread: it hears of it when it has hung up, which says that it has
 * read all, or after a while. Of a success it reads the output first by itself. */
static bool client_reads(Session *s) {
        bool reads = false;

        for (size_t i = 0; i < s->n_data; i++)
                reads = reads || (s->channels[i].output && s->channels[i].ws);
        if (s->error && reads && s->stage == STAGE_RUNNING && arm_timer(s, READING_WAIT) >= 0)
                s->stage = STAGE_READING;
        return reads && s->stage == STAGE_READING;
}

/* The end comes when the guest's side has ended, and all it wrote is with the client. */
static void session_check(Session *s) {
        if (s->stage == STAGE_DONE)
                return;
        if (s->stage == STAGE_CONNECTING && s->websockets && all_connected(s)) {
                s->stage = STAGE_RUNNING;
                s->timer = sd_event_source_disable_unref(s->timer);
                if (s->kind == SESSION_EXEC)
                        control_send(s, "start");
        }
        if (s->kind == SESSION_CONSOLE && s->channels[0].connected && s->channels[0].eof)
                s->exited = true;
        if (!s->exited && client_left(s))
                session_leave(s);
        if (!s->exited || (s->stage == STAGE_CONNECTING && s->websockets))
                return;

        for (size_t i = 0; i < s->n_data; i++)
                if (s->channels[i].output && s->channels[i].ws && !s->channels[i].eof)
                        return;
        for (size_t i = 0; i < s->n_data; i++)
                channel_send_barrier(&s->channels[i]);
        for (size_t i = 0; i < s->n_data; i++)
                if (!channel_is_delivered(&s->channels[i]))
                        return;
        if (client_reads(s))
                return;
        session_finish(s);
}

static void session_exited(Session *s) {
        s->exited = true;
        s->control_io = sd_event_source_disable_unref(s->control_io);
        for (size_t i = 0; i < s->n_data; i++)
                if (s->channels[i].output)
                        channel_set_last(&s->channels[i]);
        session_check(s);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Session *s = userdata;

        switch (s->stage) {
        case STAGE_CONNECTING:
                session_abandon(s, "Timed out waiting for websockets to connect");
                break;
        case STAGE_HANGUP:
                control_send(s, "signal 9");
                s->stage = STAGE_KILL;
                (void) arm_timer(s, s->sessions->manager->session_wait);
                break;
        case STAGE_KILL:
                log_warning("A session in instance %s does not end although it was killed.", s->instance);
                (void) str_replace(&s->error, "The command did not end although it was killed");
                s->exited = true;
                for (size_t i = 0; i < CHANNEL_MAX; i++)
                        if (s->channels[i].name)
                                channel_disconnect(&s->channels[i]);
                break;
        case STAGE_READING:
                session_finish(s);
                return 0;
        case STAGE_DONE:
                session_free(s);
                return 0;
        default:
                break;
        }
        session_check(s);
        return 0;
}

static int arm_timer(Session *s, uint64_t usec) {
        s->timer = sd_event_source_disable_unref(s->timer);
        return sd_event_add_time_relative(s->sessions->manager->event, &s->timer, CLOCK_MONOTONIC, usec, 0, on_timer, s);
}

/* Statuses that say that the command could not run, which makes the operation fail. NULL for the others. */
static const char *status_error(int code) {
        return code == 127 ? "Command not found" : code == 126 ? "Command not executable" : NULL;
}

/* From the guest's side: "exit N", "error TEXT", or its end. */
static int on_control_io(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Session *s = userdata;
        char text[CONTROL_MAX + 1];
        const char *rest;
        uint32_t code;
        ssize_t n;

        n = recv(fd, text, CONTROL_MAX, MSG_DONTWAIT);
        if (n < 0 && errno == ECONNRESET) /* it has not read all that we sent; that is told before what it sent itself */
                n = recv(fd, text, CONTROL_MAX, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                if (s->kind == SESSION_EXEC && s->code < 0 && !s->error)
                        (void) str_replace(&s->error, "The command was killed before it could tell its exit status");
                session_exited(s);
                return 0;
        }
        text[n] = '\0';
        if ((rest = startswith(text, "exit ")) && parse_u32(rest, &code) >= 0 && code <= INT32_MAX) {
                s->code = (int) code;
                if (status_error(s->code))
                        (void) str_replace(&s->error, status_error(s->code));
        } else if ((rest = startswith(text, "error ")))
                (void) str_replace(&s->error, rest);
        else
                return 0;
        session_exited(s);
        return 0;
}

/* From the client: {"command": "window-resize", "args": {"width": "80", "height": "24"}}, {"command": "signal", "signal": 15}. */
static void on_message(Channel *c, const char *text, size_t n, void *userdata) {
        _cleanup_json_ json_object *o = NULL;
        const char *command = "", *width = "", *height = "";
        json_object *args = NULL;
        Session *s = userdata;
        char out[64] = "";
        uint32_t w, h;
        int64_t sig;

        if (json_body_parse(strempty(text), n, &o, NULL) < 0 || json_arg_text(o, "command", &command, NULL) <= 0)
                return;
        if (streq(command, "window-resize")) {
                if (json_arg_object(o, "args", &args, NULL) > 0 && json_arg_text(args, "width", &width, NULL) > 0 &&
                    json_arg_text(args, "height", &height, NULL) > 0 && parse_u32(width, &w) >= 0 && parse_u32(height, &h) >= 0 &&
                    w <= UINT16_MAX && h <= UINT16_MAX)
                        (void) snprintf(out, sizeof(out), "resize %" PRIu32 " %" PRIu32, w, h);
        } else if (streq(command, "signal") && json_arg_int(o, "signal", 1, 64, &sig, NULL) > 0)
                (void) snprintf(out, sizeof(out), "signal %d", (int) sig);
        if (out[0])
                control_send(s, out);
}

static void on_changed(Channel *c, void *userdata) {
        session_check(userdata);
}

static const ChannelOwner channel_owner = { .changed = on_changed, .message = on_message };

/* Beginning. */

static void on_cancel(Operation *operation, void *userdata) {
        Session *s = userdata;

        session_leave(s);
        session_check(s);
}

int sessions_cancel(Sessions *sessions, const char *id, sd_bus_error *error) {
        Session *s = find(sessions, id);

        if (!s)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");
        if (s->stage == STAGE_DONE)
                return bus_error_set(error, LXD_ERROR_INVALID, "Only running operations can be cancelled");
        session_leave(s);
        session_check(s);
        return 0;
}

static int open_channels(Session *s, int *fds, size_t n_fds) {
        static const char *const names[] = { "0", "1", "2" };
        sd_event *event = s->sessions->manager->event;
        int r = 0;

        s->n_data = n_fds - 1;
        for (size_t i = 0; i < s->n_data && r >= 0; i++) {
                bool terminal = s->n_data == 1;

                r = channel_init(&s->channels[i], event, names[i], TAKE_FD(fds[i]), terminal || i == 0, terminal || i > 0,
                                 &channel_owner, s);
                s->channels[i].types_end = terminal && s->kind == SESSION_EXEC;
        }
        if (r >= 0 && s->websockets)
                r = channel_init(&s->channels[CHANNEL_CONTROL], event, "control", -EBADF, false, false, &channel_owner, s);
        if (r >= 0) {
                s->control = TAKE_FD(fds[n_fds - 1]);
                r = sd_event_add_io(event, &s->control_io, s->control, EPOLLIN, on_control_io, s);
        }
        return r;
}

static int copy_spec(Session *s, const SessionSpec *spec) {
        int r;

        s->kind = spec->kind;
        s->interactive = spec->interactive;
        s->websockets = spec->websockets;
        r = str_replace(&s->project, spec->project);
        if (r >= 0)
                r = str_replace(&s->instance, spec->instance);
        if (r >= 0)
                r = requestor_copy(spec->who, &s->who);
        if (r >= 0)
                r = strv_copy(spec->command, &s->command);
        if (r >= 0)
                r = strv_copy(spec->logs, &s->logs);
        if (r >= 0 && spec->environment)
                r = config_copy(spec->environment, &s->environment);
        return r;
}

static int start_operation(Session *s, sd_bus_error *error) {
        _cleanup_(operation_record_done) OperationRecord record = {};
        int r = session_record(s, &record);

        if (r >= 0)
                r = operation_new(s->sessions->manager->operations, record.class, record.description, s->project, &s->who,
                                  &s->operation, error);
        if (r < 0)
                return r;
        (void) snprintf(s->id, sizeof(s->id), "%s", operation_id(s->operation));
        operation_set_cancel(s->operation, on_cancel, s);
        return operation_add_resource(s->operation, record.resources[0].kind, record.resources[0].urls[0]);
}

int session_new(Sessions *sessions, const SessionSpec *spec, const char **ret_id, sd_bus_error *error) {
        Session *s = calloc(1, sizeof(*s));
        int r = s ? 0 : -ENOMEM;

        if (s) {
                s->sessions = sessions;
                s->status = OPERATION_RUNNING;
                s->code = -1;
                s->control = -EBADF;
                s->created = s->updated = now_realtime();
                for (size_t i = 0; i < CHANNEL_MAX; i++)
                        s->channels[i].fd = -EBADF;
                r = copy_spec(s, spec);
                if (r >= 0)
                        r = open_channels(s, spec->fds, spec->n_fds);
        }
        for (size_t i = 0; i < spec->n_fds; i++)
                close_safe(spec->fds[i]);
        if (r >= 0)
                r = start_operation(s, error);
        if (r >= 0 && s->websockets)
                r = arm_timer(s, sessions->manager->connect_wait);
        if (r < 0) {
                if (s && s->operation)
                        operation_finish(s->operation, r, NULL);
                if (s)
                        session_free(s);
                return r;
        }

        s->stage = s->websockets ? STAGE_CONNECTING : STAGE_RUNNING;
        s->next = sessions->first;
        s->link = &sessions->first;
        if (s->next)
                s->next->link = &s->next;
        sessions->first = s;
        sessions->n++;
        publish(s);
        *ret_id = s->id;
        return 0;
}

/* The client's websockets. */

typedef struct Arrival {
        Sessions *sessions;
        char id[37];
        size_t channel;
} Arrival;

static void on_arrived(WebSocket *ws, void *userdata) {
        _cleanup_free_ Arrival *a = userdata;
        Session *s = find(a->sessions, a->id);

        if (!ws)
                return;
        if (!s || s->stage == STAGE_DONE || s->channels[a->channel].connected)
                websocket_close(ws);
        else
                channel_connect(&s->channels[a->channel], ws);
}

int sessions_connect(Sessions *sessions, const char *id, const char *secret, Request *r, sd_bus_error *error) {
        Session *s = find(sessions, id);
        Arrival *a;
        int x;

        if (!s)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Operation not found");
        if (!s->websockets)
                return bus_error_set(error, LXD_ERROR_INVALID, "Only websocket operations can be connected");

        for (size_t i = 0; i < CHANNEL_MAX; i++) {
                Channel *c = &s->channels[i];

                if (!c->secret || strlen(secret) != strlen(c->secret) || CRYPTO_memcmp(secret, c->secret, strlen(secret)) != 0)
                        continue;
                a = calloc(1, sizeof(*a));
                if (!a)
                        return -ENOMEM;
                *a = (Arrival) { .sessions = sessions, .channel = i };
                memcpy(a->id, s->id, sizeof(a->id));
                x = websocket_accept(r, on_arrived, a, error);
                if (x < 0)
                        free(a);
                else
                        c->secret = (free(c->secret), NULL); /* good for one connection */
                return x;
        }
        return bus_error_set(error, LXD_ERROR_FORBIDDEN, "permission denied");
}
