/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the pretending: owners, client, guests. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "bus-error.h"
#include "http.h"
#include "rest-fixture.h"

#define WAIT_MS 60000 /* patience, not a measure */

const char *rest_operation_id(int owner, unsigned number, char buffer[static 37]) {
        (void) snprintf(buffer, 37, "00000000-0000-4000-8000-%011u%x", number, (unsigned) owner);
        return buffer;
}

static void note(RestFixture *f, const char *text) {
        char *longer;

        if (asprintf(&longer, "%s%s", strempty(f->calls), text) < 0)
                abort();
        free(f->calls);
        f->calls = longer;
}

/* The arguments of a call as text; sd-bus' own dump is not stable. */
static void dump(sd_bus_message *m, FILE *out) {
        const char *contents, *text;
        const char *comma = "";
        char type;
        int r;

        while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
                uint64_t t = 0;
                uint32_t u = 0;
                int64_t x = 0;
                int i = 0;

                fputs(comma, out);
                comma = ", ";
                switch (type) {
                case 's':
                case 'o':
                        (void) sd_bus_message_read_basic(m, type, &text);
                        fprintf(out, "\"%s\"", text);
                        break;
                case 'u':
                        (void) sd_bus_message_read_basic(m, type, &u);
                        fprintf(out, "%" PRIu32, u);
                        break;
                case 't':
                        (void) sd_bus_message_read_basic(m, type, &t);
                        fprintf(out, t == UINT64_MAX ? "max" : "%" PRIu64, t);
                        break;
                case 'x':
                        (void) sd_bus_message_read_basic(m, type, &x);
                        fprintf(out, "%" PRIi64, x);
                        break;
                case 'b':
                        (void) sd_bus_message_read_basic(m, type, &i);
                        fputs(i ? "true" : "false", out);
                        break;
                case 'i':
                        (void) sd_bus_message_read_basic(m, type, &i);
                        fprintf(out, "%d", i);
                        break;
                case 'h':
                        (void) sd_bus_message_read_basic(m, type, &i);
                        fputs("fd", out);
                        break;
                default:
                        (void) sd_bus_message_enter_container(m, type, contents);
                        fputc(type == 'a' ? '[' : type == 'e' ? ' ' : '(', out);
                        dump(m, out);
                        fputs(type == 'a' ? "]" : type == 'e' ? "" : ")", out);
                        (void) sd_bus_message_exit_container(m);
                }
        }
}

static int append_record(sd_bus_message *m, int owner, unsigned number, uint32_t status) {
        char id[37];

        return sd_bus_message_append(m, OPERATION_SIGNATURE, rest_operation_id(owner, number, id), "task", "Doing something", status,
                                     (uint64_t) 1000000, (uint64_t) 2000000, "default", 1, "instances", 1, "/1.0/instances/c1", 2,
                                     "progress.percent", "50", "size", "7", 1,
                                     status == OPERATION_FAILURE ? "It did not work" : "",
                                     status == OPERATION_FAILURE ? LXD_ERROR_FAILED : "");
}

int rest_emit_operation(RestFixture *f, int owner, unsigned number, uint32_t status) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        sd_bus *bus = f->owners[owner].bus;
        int r;

        r = sd_bus_message_new_signal(bus, &m, owner_info(owner)->root, LXD_BUS_PREFIX ".Operations1", "Changed");
        if (r >= 0)
                r = append_record(m, owner, number, status);
        if (r >= 0)
                r = sd_bus_send(bus, m, NULL);
        return MIN(r, 0);
}

int rest_emit_lifecycle(RestFixture *f, int owner, const char *project, const char *action, const char *source) {
        int r = sd_bus_emit_signal(f->owners[owner].bus, owner_info(owner)->root, LXD_BUS_PREFIX ".Operations1", "Lifecycle",
                                  "sssa{ss}(sss)", project, action, source, 1, "key", "value", "root", "unix", "@");

        return MIN(r, 0);
}

static int reply_document(sd_bus_message *m, bool etag) {
        static const char text[] = "{\"type\":\"sync\",\"metadata\":\"a document\"}\n";
        _cleanup_close_ int fd = memfd_new_sealed("document", text, sizeof(text) - 1);

        return fd < 0 ? fd : etag ? sd_bus_reply_method_return(m, "hs", fd, "0123abcd") : sd_bus_reply_method_return(m, "h", fd);
}

static int reply_operation(FakeOwner *o, sd_bus_message *m, bool name) {
        _cleanup_free_ char *path = NULL;
        char id[37];
        int r = bus_path_encode(&path, owner_info(o->owner)->root, "operation", rest_operation_id(o->owner, ++o->fixture->operation, id),
                                NULL);

        if (r < 0)
                return r;
        return name ? sd_bus_reply_method_return(m, "os", path, "made-up") : sd_bus_reply_method_return(m, "o", path);
}

static int reply_record(FakeOwner *o, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = append_record(reply, o->owner, o->fixture->operation, o->fixture->operation_status);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_list(FakeOwner *o, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', OPERATION_SIGNATURE);
        if (r >= 0 && o->owner == OPERATION_OWNER_INSTANCED)
                r = append_record(reply, o->owner, 1, OPERATION_RUNNING);
        if (r >= 0 && o->owner == OPERATION_OWNER_IMAGED)
                r = append_record(reply, o->owner, 2, OPERATION_FAILURE);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* Data channels in the order stdin, stdout, stderr (pipes), or one terminal (a socket stands for it); then control. */
static int make_guest(RestFixture *f, bool terminal, bool data, int *fds, size_t *n) {
        *n = 0;
        for (size_t i = 0; i < f->n_guest; i++)
                f->guest[i] = close_safe(f->guest[i]);
        f->n_guest = 0;
        for (int i = 0; i < (!data ? 1 : terminal ? 2 : 4); i++) {
                bool control = i == (!data ? 0 : terminal ? 1 : 3);
                int pair[2], r;

                if (control || terminal)
                        r = socketpair(AF_UNIX, (control ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair);
                else
                        r = pipe2(pair, O_CLOEXEC | O_NONBLOCK);
                if (r < 0)
                        return -errno;
                f->guest[f->n_guest++] = pair[i == 0 && !control && !terminal ? 0 : 1];
                fds[(*n)++] = pair[i == 0 && !control && !terminal ? 1 : 0];
        }
        return 0;
}

static int reply_exec(RestFixture *f, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t flags;
        int fds[4], r;
        size_t n;

        (void) sd_bus_message_rewind(m, true);
        r = sd_bus_message_skip(m, "asa{ss}suuuu(sss)");
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &flags);
        if (r >= 0)
                r = make_guest(f, flags & 1, !(flags & 6), fds, &n);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "h");
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = sd_bus_message_append(reply, "h", fds[i]);
                close_safe(fds[i]);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = flags & 2 ? sd_bus_message_append(reply, "as", 2, "exec_1.stdout", "exec_1.stderr") : sd_bus_message_append(reply, "as", 0);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{ss}", 2, "A", "b", "HOME", "/root");
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int reply_console(RestFixture *f, sd_bus_message *m) {
        int fds[4], r;
        size_t n;

        r = make_guest(f, true, true, fds, &n);
        if (r < 0)
                return r;
        r = sd_bus_reply_method_return(m, "hh", fds[0], fds[1]);
        close_safe(fds[0]);
        close_safe(fds[1]);
        return r;
}

static int reply_file(sd_bus_message *m) {
        _cleanup_close_ int fd = -EBADF;
        const char *path = "";

        (void) sd_bus_message_rewind(m, true);
        (void) sd_bus_message_read(m, "s", &path);
        if (streq(path, "/large")) {
                _cleanup_free_ char *data = malloc(FAKE_LARGE);

                memset(data, 'L', FAKE_LARGE);
                fd = memfd_new_sealed("file", data, FAKE_LARGE);
        } else
                fd = memfd_new_sealed("file", "content\n", 8);
        return sd_bus_reply_method_return(m, "suuuth", "file", 1000, 100, 0644, (uint64_t) 1700000000000000, fd);
}

static int reply_export(sd_bus_message *m, bool two) {
        _cleanup_close_ int a = memfd_new_sealed("a", "METADATA", 8), b = memfd_new_sealed("b", "ROOTFS", 6);

        return two ? sd_bus_reply_method_return(m, "a(sh)", 2, "meta-x.tar.xz", a, "x.squashfs", b) :
                     sd_bus_reply_method_return(m, "a(sh)", 1, "x.tar.gz", a);
}

/* Methods that take a stream: remember it, to be read as it comes. */
static void keep_stream(RestFixture *f, sd_bus_message *m, const char *before) {
        int fd;

        (void) sd_bus_message_rewind(m, true);
        if (sd_bus_message_skip(m, before) >= 0 && sd_bus_message_read(m, "h", &fd) >= 0) {
                close_safe(f->body_fd);
                f->body_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
                (void) fd_set_nonblock(f->body_fd, true);
                f->body = (free(f->body), NULL);
                f->body_size = 0;
        }
}

static int reply_project(sd_bus_message *m) {
        const char *name = "";

        (void) sd_bus_message_rewind(m, true);
        (void) sd_bus_message_read(m, "s", &name);
        if (strstr(name, "missing"))
                return sd_bus_reply_method_errorf(m, LXD_ERROR_NOT_FOUND, "Project not found");
        return sd_bus_reply_method_return(m, "sa{ss}", "", 0);
}

static int reply_text(sd_bus_message *m, const char *text, bool etag) {
        _cleanup_close_ int fd = memfd_new_sealed("document", text, strlen(text));

        return etag ? sd_bus_reply_method_return(m, "hs", fd, "0123abcd") : sd_bus_reply_method_return(m, "h", fd);
}

static const struct {
        const char *interface, *member;
} asynchronous[] = {
        { ".Instance", "Update" },         { ".Instance", "Start" },        { ".Instance", "Stop" },
        { ".Instance", "Restart" },        { ".Instance", "Freeze" },       { ".Instance", "Unfreeze" },
        { ".Instance", "Rename" },         { ".Instance", "Delete" },       { ".Instance", "CreateSnapshot" },
        { ".Instance", "Restore" },        { ".Snapshot", "Update" },       { ".Snapshot", "Rename" },
        { ".Snapshot", "Delete" },         { ".Pool", "CopyVolume" },       { ".Volume", "CreateSnapshot" }, { ".Volume", "Move" },
        { ".VolumeSnapshot", "Rename" },   { ".VolumeSnapshot", "Delete" }, { ".Image", "Delete" },
        { ".Image", "CreateSecret" },      { ".Manager", "StopAll" },      { ".Manager", "ChangeStates" },
};

static int answer(FakeOwner *o, sd_bus_message *m) {
        const char *path = sd_bus_message_get_path(m), *member = sd_bus_message_get_member(m);
        RestFixture *f = o->fixture;

        if (strstr(path, "missing"))
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_UNKNOWN_OBJECT, "Unknown object %s", path);
        if (strstr(path, "stale"))
                return sd_bus_reply_method_errorf(m, LXD_ERROR_PRECONDITION, "ETag doesn't match: a vs b");
        if (strstr(path, "crash")) {
                sd_bus_close(o->bus);
                return 0;
        }
        if (strstr(path, "silent"))
                return 0;
        if (streq(member, "Subscribe")) {
                o->subscriptions++;
                return sd_bus_reply_method_return(m, NULL);
        }
        if (streq(member, "GetConfig"))
                return sd_bus_reply_method_return(m, "a{ss}s", 1, "user.x", "y", "etag-of-config");
        if (streq(member, "GetProject"))
                return reply_project(m);
        if (streq(member, "AddCertificate"))
                return sd_bus_reply_method_return(m, "s", "abcd");
        if (streq(member, "ListProjects") || strstr(path, "/project/")) {
                f->collecting = true;
                return reply_text(m, streq(member, "Describe") ? "{\"metadata\":{\"name\":\"default\"}}" : "{\"metadata\":[{\"name\":\"default\"}]}",
                                  streq(member, "Describe"));
        }
        if (f->collecting)
                return reply_text(m, streq(member, "ListPools")      ? "{\"metadata\":[{\"name\":\"pool\"}]}"
                                     : streq(member, "ListNetworks") ? "{\"metadata\":[{\"name\":\"br 0\",\"managed\":true},{\"name\":\"lo\"}]}"
                                                                     : "{\"metadata\":[\"/1.0/x\"]}", false);
        if (streq(member, "ListDrivers"))
                return sd_bus_reply_method_return(m, "a(ssbb)", 2, "btrfs", "6.2", 0, 1, "dir", "1", 0, 0);
        if (streq(sd_bus_message_get_interface(m), "org.freedesktop.DBus.Properties"))
                return sd_bus_reply_method_return(m, "v", "s", "testhost");
        if (endswith(sd_bus_message_get_interface(m), ".Operations1"))
                return reply_list(o, m);
        if (endswith(sd_bus_message_get_interface(m), ".Operation1"))
                return streq(member, "Get") ? reply_record(o, m) : sd_bus_reply_method_return(m, NULL);
        if (endswith(sd_bus_message_get_interface(m), ".Files") && streq(member, "Get"))
                return reply_file(m);
        if (streq(member, "Put")) {
                keep_stream(f, m, "ssiiis");
                return sd_bus_reply_method_return(m, NULL);
        }
        if (streq(member, "ImportImage")) {
                keep_stream(f, m, "s");
                return reply_operation(o, m, false);
        }
        if (streq(member, "Exec"))
                return reply_exec(f, m);
        if (streq(member, "Console"))
                return reply_console(f, m);
        if (streq(member, "Export"))
                return reply_export(m, strstr(path, "two") != NULL);
        if (startswith(member, "Open"))
                return reply_document(m, false);
        if (streq(member, "CreateInstance"))
                return reply_operation(o, m, true);
        if (startswith(member, "List") || startswith(member, "Describe"))
                return reply_document(m, streq(member, "Describe") || streq(member, "DescribeMetadata") || streq(member, "DescribeCluster"));
        for (size_t i = 0; i < ELEMENTSOF(asynchronous); i++)
                if (endswith(sd_bus_message_get_interface(m), asynchronous[i].interface) && streq(member, asynchronous[i].member))
                        return reply_operation(o, m, false);
        return sd_bus_reply_method_return(m, NULL);
}

static bool is_noise(const char *member, const char *interface) {
        return streq(member, "Subscribe") || (streq(member, "Get") && endswith(interface, ".Operation1"));
}

static int on_call(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *arguments = NULL, *line = NULL;
        FakeOwner *o = userdata;
        size_t n;
        FILE *out;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        out = open_memstream(&arguments, &n);
        dump(m, out);
        fclose(out);
        if (asprintf(&line, "%s %s.%s(%s)\n", sd_bus_message_get_path(m), sd_bus_message_get_interface(m), sd_bus_message_get_member(m),
                     arguments) < 0)
                abort();
        if (!is_noise(sd_bus_message_get_member(m), sd_bus_message_get_interface(m)))
                note(o->fixture, line);
        (void) sd_bus_message_rewind(m, true);
        if (answer(o, m) < 0)
                abort();
        return 1;
}

static int open_owner(RestFixture *f, int owner) {
        FakeOwner *o = &f->owners[owner];
        sd_id128_t id = {};
        int pair[2], r;

        *o = (FakeOwner) { .fixture = f, .owner = owner };
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        r = bus_peer_attach(f->manager->peers[owner], pair[1]);
        if (r >= 0)
                r = sd_bus_new(&o->bus);
        if (r >= 0)
                r = sd_bus_set_fd(o->bus, pair[0], pair[0]);
        if (r >= 0)
                r = sd_bus_set_server(o->bus, 1, id);
        if (r >= 0)
                r = sd_bus_set_anonymous(o->bus, 1);
        if (r >= 0)
                r = sd_bus_negotiate_fds(o->bus, 1);
        if (r >= 0)
                r = sd_bus_start(o->bus);
        if (r >= 0)
                r = sd_bus_add_filter(o->bus, NULL, on_call, o);
        return r < 0 ? r : sd_bus_attach_event(o->bus, f->event, 0);
}

int rest_open(RestFixture *f) {
        int r;

        *f = (RestFixture) { .client = -EBADF, .body_fd = -EBADF, .operation_status = OPERATION_RUNNING };
        r = sd_event_new(&f->event);
        if (r >= 0)
                r = bus_server_new(f->event, "/org/lxd/api1", NULL, &f->server);
        if (r >= 0)
                r = operations_new(f->event, f->server, "/org/lxd/api1", OPERATION_OWNER_APID, &f->operations);
        if (r >= 0)
                r = manager_new(f->event, &f->manager);
        if (r < 0)
                return r;
        f->manager->operations = f->operations;
        f->manager->certificate_path = "/nonexistent";
        f->manager->session_wait = f->manager->connect_wait = 100 * USEC_PER_MSEC;
        for (int i = 0; i < OWNER_MAX && r >= 0; i++)
                if (f->manager->peers[i])
                        r = open_owner(f, i);
        return r;
}

void rest_clear(RestFixture *f) {
        f->calls = (free(f->calls), NULL);
        f->operation = 0;
        f->collecting = false;
}

void rest_close(RestFixture *f) {
        f->client = close_safe(f->client);
        rest_settle(f);
        f->manager = manager_free(f->manager);
        for (int i = 0; i < OWNER_MAX; i++)
                sd_bus_close_unref(f->owners[i].bus);
        for (size_t i = 0; i < f->n_guest; i++)
                close_safe(f->guest[i]);
        close_safe(f->body_fd);
        operations_free(f->operations);
        bus_server_free(f->server);
        sd_event_unref(f->event);
        free(f->calls);
        free(f->body);
}

/* The stream of the last call, as far as it has come. */
static void read_stream(RestFixture *f) {
        char buffer[65536];

        while (f->body_fd >= 0) {
                ssize_t n = read(f->body_fd, buffer, sizeof(buffer) - 1);
                const char *text = n > 0 ? buffer : n == 0 ? "(eof)" : "(reset)";
                char *longer;

                if (n < 0 && errno == EAGAIN)
                        return;
                if (n > 0)
                        buffer[n] = '\0';
                longer = realloc(f->body, f->body_size + strlen(text) + 1);
                if (!longer)
                        abort();
                strcpy(longer + f->body_size, text);
                f->body_size += strlen(text);
                f->body = longer;
                if (n <= 0)
                        f->body_fd = close_safe(f->body_fd);
        }
}

static int turn(RestFixture *f, uint64_t usec) {
        int r = sd_event_run(f->event, usec);

        read_stream(f);
        return r;
}

void rest_settle(RestFixture *f) {
        while (turn(f, 20 * USEC_PER_MSEC) > 0)
                ;
}

int rest_connect(RestFixture *f) {
        int pair[2];

        f->client = close_safe(f->client);
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
                return -errno;
        f->client = pair[0];
        return http_add_connection(f->manager->http, pair[1]);
}

static int send_all(RestFixture *f, int fd, const char *data, size_t n) {
        uint64_t until = now_monotonic() + WAIT_MS * USEC_PER_MSEC;

        while (n > 0) {
                ssize_t k = send(fd, data, n, MSG_NOSIGNAL);

                if (k < 0 && errno != EAGAIN)
                        return -errno;
                if (k > 0) {
                        data += k;
                        n -= k;
                }
                (void) turn(f, n > 0 ? 1 * USEC_PER_MSEC : 0);
                if (now_monotonic() > until)
                        return -ETIMEDOUT;
        }
        return 0;
}

int rest_send(RestFixture *f, const void *data, size_t n) {
        return send_all(f, f->client, data, n);
}

/* Exactly n bytes: never what belongs to the next answer. */
static int read_bytes(RestFixture *f, int fd, void *ret, size_t n) {
        uint64_t until = now_monotonic() + WAIT_MS * USEC_PER_MSEC;

        while (n > 0) {
                ssize_t k = recv(fd, ret, n, MSG_DONTWAIT);

                if (k > 0) {
                        ret = (char*) ret + k;
                        n -= k;
                        continue;
                }
                if (k == 0 || errno != EAGAIN)
                        return -ECONNRESET;
                if (now_monotonic() > until)
                        return -ETIMEDOUT;
                (void) turn(f, 5 * USEC_PER_MSEC);
        }
        return 0;
}

static int read_head(RestFixture *f, int fd, char **ret) {
        _cleanup_free_ char *head = malloc(65536);
        size_t n = 0;

        while (n < 65535) {
                int r = read_bytes(f, fd, head + n, 1);

                if (r < 0)
                        return r;
                head[++n] = '\0';
                if (endswith(head + (n < 4 ? 0 : n - 4), "\r\n\r\n")) {
                        *ret = TAKE_PTR(head);
                        return 0;
                }
        }
        return -EMSGSIZE;
}

int rest_receive(RestFixture *f, bool head_only, Answer *ret) {
        _cleanup_(answer_done) Answer a = {};
        const char *length;
        int r;

        r = read_head(f, f->client, &a.head);
        if (r < 0)
                return r;
        if (sscanf(a.head, "HTTP/1.1 %u", &a.status) != 1)
                return -EBADMSG;
        length = strcasestr(a.head, "\r\nContent-Length: ");
        a.body_size = length && !head_only ? strtoul(length + 18, NULL, 10) : 0;
        a.body = calloc(1, a.body_size + 1);
        r = read_bytes(f, f->client, a.body, a.body_size);
        if (r < 0)
                return r;
        *ret = a;
        a = (Answer) {};
        return 0;
}

void answer_done(Answer *a) {
        free(a->head);
        free(a->body);
}

int rest_request(RestFixture *f, const char *method, const char *target, const char *headers, const char *body, size_t n, Answer *ret) {
        _cleanup_free_ char *head = NULL;
        int r = rest_connect(f);

        if (r < 0)
                return r;
        if (asprintf(&head, "%s %s HTTP/1.1\r\nHost: lxd\r\nContent-Length: %zu\r\n%s\r\n", method, target, n, strempty(headers)) < 0)
                return -ENOMEM;
        r = rest_send(f, head, strlen(head));
        if (r >= 0 && n > 0)
                r = rest_send(f, body, n);
        if (r == -EPIPE) /* refused before the end */
                r = 0;
        return r < 0 ? r : rest_receive(f, streq(method, "HEAD"), ret);
}

int rest_websocket(RestFixture *f, const char *target) {
        _cleanup_free_ char *head = NULL, *answer_head = NULL;
        unsigned status;
        int r = rest_connect(f);

        if (r < 0)
                return r;
        if (asprintf(&head,
                     "GET %s HTTP/1.1\r\nHost: lxd\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     target) < 0)
                return -ENOMEM;
        r = rest_send(f, head, strlen(head));
        if (r >= 0)
                r = read_head(f, f->client, &answer_head);
        if (r < 0)
                return r;
        if (sscanf(answer_head, "HTTP/1.1 %u", &status) != 1 || status != 101)
                return -(int) status;
        if (!strstr(answer_head, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
                return -EBADMSG;
        return TAKE_FD(f->client);
}

int rest_websocket_send(int fd, unsigned opcode, const void *data, size_t n) {
        _cleanup_free_ uint8_t *frame = malloc(n + 14);
        size_t at = 0;

        frame[at++] = 0x80 | opcode;
        if (n < 126)
                frame[at++] = 0x80 | n;
        else {
                frame[at++] = 0x80 | (n < 65536 ? 126 : 127);
                for (int i = n < 65536 ? 8 : 56; i >= 0; i -= 8)
                        frame[at++] = (uint8_t) ((uint64_t) n >> i);
        }
        memset(frame + at, 0, 4); /* a mask of zeroes leaves the data as it is */
        at += 4;
        if (n > 0)
                memcpy(frame + at, data, n);
        for (size_t done = 0; done < at + n;) {
                ssize_t k = send(fd, frame + done, at + n - done, MSG_NOSIGNAL);

                if (k < 0 && errno != EAGAIN)
                        return -errno;
                done += MAX(k, 0);
        }
        return 0;
}

int rest_websocket_receive(RestFixture *f, int fd, char **ret, size_t *ret_n) {
        _cleanup_free_ char *payload = NULL;
        uint8_t head[2];
        uint64_t n;
        int r, more;

        r = read_bytes(f, fd, head, 2);
        if (r < 0)
                return r;
        n = head[1] & 0x7f;
        more = n == 126 ? 2 : n == 127 ? 8 : 0;
        if (more)
                n = 0;
        for (int i = 0; i < more && r >= 0; i++) {
                uint8_t byte;

                r = read_bytes(f, fd, &byte, 1);
                n = n << 8 | byte;
        }
        payload = calloc(1, n + 1);
        if (r >= 0)
                r = read_bytes(f, fd, payload, n);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(payload);
        if (ret_n)
                *ret_n = n;
        return head[0] & 0x0f;
}
