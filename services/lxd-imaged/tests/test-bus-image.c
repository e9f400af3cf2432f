/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-imaged's real vtables over a socketpair, with a database in memory, a store in a temporary folder and the real import worker. */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <json-c/json.h>

#include "base/file.h"
#include "bus-error.h"
#include "image-format.h"
#include "manager.h"

typedef struct Fixture {
        sd_event *event;
        BusServer *server;
        Operations *operations;
        Manager manager;
        sd_bus *client, *storaged;
        sd_bus_error error; /* of the last call */
        unsigned volumes_deleted;
        bool storaged_fails;
        char events[1024]; /* lifecycle actions, each with a space behind it */
        char dir[64];
        char fingerprint[65];
} Fixture;

static sd_bus_message *reply_of_call;

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        reply_of_call = sd_bus_message_ref(m);
        return 0;
}

static void run_once(Fixture *f) {
        assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

/* Sends m and gives the reply, or NULL and f->error. */
static sd_bus_message *call(Fixture *f, sd_bus_message *m) {
        sd_bus_message *reply;

        sd_bus_error_free(&f->error);
        reply_of_call = NULL;
        assert_true(sd_bus_call_async(f->client, NULL, m, on_reply, NULL, UINT64_MAX) >= 0);
        sd_bus_message_unref(m);
        while (!reply_of_call)
                run_once(f);
        reply = reply_of_call;
        if (!sd_bus_message_is_method_error(reply, NULL))
                return reply;
        assert_true(sd_bus_error_copy(&f->error, sd_bus_message_get_error(reply)) != 0);
        sd_bus_message_unref(reply);
        return NULL;
}

static sd_bus_message *message(Fixture *f, const char *path, const char *interface, const char *member) {
        char name[64];
        sd_bus_message *m = NULL;

        (void) snprintf(name, sizeof(name), "org.lxd.%s", interface);
        assert_true(sd_bus_message_new_method_call(f->client, &m, "org.lxd.image1", path, name, member) >= 0);
        return m;
}

#define CALL(f, path, interface, member, ...)                                                                 \
        ({                                                                                                    \
                sd_bus_message *_m = message(f, path, interface, member);                                     \
                assert_true(sd_bus_message_append(_m, __VA_ARGS__) >= 0);                                     \
                call(f, _m);                                                                                  \
        })

#define assert_refused(f, reply, error_name, text)                                                            \
        do {                                                                                                  \
                sd_bus_message *_reply = (reply);                                                             \
                assert_null(_reply);                                                                          \
                assert_string_equal((f)->error.name, error_name);                                             \
                assert_string_equal((f)->error.message, text);                                                \
        } while (0)

#define assert_done(f, reply)                                                                                 \
        do {                                                                                                  \
                sd_bus_message *_reply = (reply);                                                             \
                if (!_reply)                                                                                  \
                        fail_msg("%s", (f)->error.message);                                                   \
                sd_bus_message_unref(_reply);                                                                 \
        } while (0)

/* The metadata of the Document in a reply (consumed). */
static struct json_object *document(sd_bus_message *reply, char **ret_etag) {
        _cleanup_free_ char *text = NULL;
        struct json_object *o, *metadata;
        const char *etag;
        int fd;

        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
        assert_int_equal(fd_read_all(fd, 1 << 20, &text, NULL), 0);
        if (ret_etag) {
                assert_true(sd_bus_message_read(reply, "s", &etag) > 0);
                *ret_etag = strdup(etag);
        }
        sd_bus_message_unref(reply);
        o = json_tokener_parse(text);
        assert_non_null(o);
        assert_true(json_object_object_get_ex(o, "metadata", &metadata));
        metadata = json_object_get(metadata);
        json_object_put(o);
        return metadata;
}

static void assert_document(sd_bus_message *reply, const char *json) {
        struct json_object *o = document(reply, NULL);

        assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), json);
        json_object_put(o);
}

/* A unified image; its text is in the property. fd at offset 0. */
static int make_image(const char *architecture, const char *property, unsigned date) {
        struct archive *a = archive_write_new();
        struct archive_entry *e = archive_entry_new();
        int fd = memfd_create("image", MFD_CLOEXEC);
        char metadata[256];

        (void) snprintf(metadata, sizeof(metadata), "architecture: %s\ncreation_date: %u\nproperties: {os: %s}\n", architecture, date, property);
        assert_int_equal(archive_write_set_format_gnutar(a), ARCHIVE_OK);
        assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
        /* The same image a second later is the same bytes. */
        assert_int_equal(archive_write_set_options(a, "gzip:!timestamp"), ARCHIVE_OK);
        assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
        archive_entry_set_pathname(e, "metadata.yaml");
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        archive_entry_set_size(e, (la_int64_t) strlen(metadata));
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        assert_true(archive_write_data(a, metadata, strlen(metadata)) > 0);
        archive_entry_clear(e);
        archive_entry_set_pathname(e, "rootfs/");
        archive_entry_set_filetype(e, AE_IFDIR);
        archive_entry_set_perm(e, 0755);
        assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
        archive_entry_free(e);
        assert_int_equal(archive_write_free(a), ARCHIVE_OK);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        return fd;
}

static int count_files(Fixture *f) {
        _cleanup_closedir_ DIR *d = opendir(f->dir);
        int n = 0;

        for (struct dirent *e = readdir(d); e; e = readdir(d))
                n += e->d_name[0] != '.';
        return n;
}

/* ImportImage; stream is closed. alias may be NULL. */
static sd_bus_message *import(Fixture *f, int stream, uint64_t size, const char *fingerprint, const char *alias) {
        sd_bus_message *m = message(f, "/org/lxd/image1", "image1.Manager", "ImportImage");

        assert_true(sd_bus_message_append(m, "shssst", "default", stream, "application/octet-stream", "busy.tar.gz", fingerprint, size) >= 0);
        assert_true(sd_bus_message_append(m, "bba{ss}", false, true, 1, "release", "1") >= 0);
        assert_true((alias ? sd_bus_message_append(m, "a(ss)", 1, alias, "an alias") : sd_bus_message_append(m, "a(ss)", 0)) >= 0);
        assert_true(sd_bus_message_append(m, "ast(sss)t", 0, UINT64_C(0), "tester", "unix", "@", UINT64_C(0)) >= 0);
        (void) close(stream);
        return call(f, m);
}

/* Waits for the operation in a reply (consumed). Gives its record. */
static OperationRecord finish(Fixture *f, sd_bus_message *reply) {
        OperationRecord record = {};
        _cleanup_free_ char *copy = NULL;
        const char *path;

        if (!reply)
                fail_msg("%s", f->error.message);
        assert_true(sd_bus_message_read(reply, "o", &path) > 0);
        copy = strdup(path);
        sd_bus_message_unref(reply);
        for (;;) {
                reply = CALL(f, copy, "Operation1", "Get", "t", UINT64_C(0));
                assert_non_null(reply);
                assert_true(operation_record_read(reply, &record) >= 0);
                sd_bus_message_unref(reply);
                if (record.status >= OPERATION_SUCCESS)
                        return record;
                operation_record_done(&record);
                record = (OperationRecord) {};
                run_once(f);
        }
}

static void assert_finished(Fixture *f, sd_bus_message *reply, OperationStatus status, const char *text) {
        OperationRecord record = finish(f, reply);

        assert_string_equal(record.error, text);
        assert_int_equal(record.status, status);
        operation_record_done(&record);
}

/* Imports a good image and remembers its fingerprint. */
static void import_good(Fixture *f, const char *property, unsigned date, const char *alias) {
        OperationRecord record = finish(f, import(f, make_image("amd64", property, date), UINT64_MAX, "", alias));

        assert_string_equal(record.error, "");
        assert_int_equal(record.status, OPERATION_SUCCESS);
        assert_string_equal(record.description, "Downloading image");
        assert_non_null(config_get(&record.metadata, "size"));
        (void) snprintf(f->fingerprint, sizeof(f->fingerprint), "%s", config_get(&record.metadata, "fingerprint"));
        operation_record_done(&record);
}

static const char *image_path(Fixture *f) {
        static char path[128];

        (void) snprintf(path, sizeof(path), "/org/lxd/image1/image/default/%s", f->fingerprint);
        return path;
}

static int method_delete_image(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Fixture *f = userdata;

        f->volumes_deleted++;
        if (f->storaged_fails)
                return bus_error_set(error, LXD_ERROR_LOCKED, "Volume is in use");
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable storaged_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("DeleteImage", "st", "", method_delete_image, 0),
        SD_BUS_VTABLE_END,
};

static int on_lifecycle(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Fixture *f = userdata;
        const char *action;

        assert_true(sd_bus_message_read(m, "ss", NULL, &action) > 0);
        (void) strncat(f->events, action, sizeof(f->events) - strlen(f->events) - 2);
        (void) strcat(f->events, " ");
        return 0;
}

static void attach_bus(Fixture *f) {
        sd_id128_t id = {};
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_true(bus_server_add_connection(f->server, pair[0]) >= 0);
        assert_true(sd_bus_new(&f->client) >= 0);
        assert_true(sd_bus_set_fd(f->client, pair[1], pair[1]) >= 0);
        assert_true(sd_bus_negotiate_fds(f->client, true) >= 0);
        assert_true(sd_bus_start(f->client) >= 0);
        assert_true(sd_bus_attach_event(f->client, f->event, 0) >= 0);
        assert_true(sd_bus_match_signal(f->client, NULL, NULL, "/org/lxd/image1", "org.lxd.Operations1", "Lifecycle", on_lifecycle, f) >= 0);

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_true(bus_peer_attach(f->manager.storaged, pair[0]) >= 0);
        assert_true(sd_bus_new(&f->storaged) >= 0);
        assert_true(sd_bus_set_fd(f->storaged, pair[1], pair[1]) >= 0);
        assert_true(sd_bus_set_server(f->storaged, true, id) >= 0);
        assert_true(sd_bus_negotiate_fds(f->storaged, true) >= 0);
        assert_true(sd_bus_add_object_vtable(f->storaged, NULL, "/org/lxd/storage1", "org.lxd.storage1.Guests", storaged_vtable, f) >= 0);
        assert_true(sd_bus_start(f->storaged) >= 0);
        assert_true(sd_bus_attach_event(f->storaged, f->event, 0) >= 0);
}

/* With database and store in dir, which is made when it is NULL. */
static Fixture *fixture_new(const char *dir) {
        Fixture *f = calloc(1, sizeof(*f));
        char database[128];
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGCHLD); /* as daemon_new() has it */
        assert_int_equal(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
        strcpy(f->dir, dir ?: "/tmp/lxd-images-XXXXXX");
        if (!dir)
                assert_non_null(mkdtemp(f->dir));
        (void) snprintf(database, sizeof(database), "%s/.images.db", f->dir);
        f->manager.images_fd = -EBADF;
        assert_true(sd_event_new(&f->event) >= 0);
        assert_true(bus_server_new(f->event, IMAGE_ROOT, &f->manager, &f->server) >= 0);
        assert_true(operations_new(f->event, f->server, IMAGE_ROOT, OPERATION_OWNER_IMAGED, &f->operations) >= 0);
        for (const BusInterface *i = imaged_interfaces; i->path; i++)
                assert_true(bus_server_add_interface(f->server, i) >= 0);
        for (const struct BusEnumerator *e = imaged_enumerators; e->prefix; e++)
                assert_true(bus_server_add_enumerator(f->server, e->prefix, e->callback) >= 0);
        assert_int_equal(manager_open(&f->manager, dir ? database : ":memory:", f->dir), 0);
        assert_int_equal(manager_attach(&f->manager, NULL, f->event, f->server, f->operations), 0);
        attach_bus(f);
        assert_int_equal(manager_recover(&f->manager), 0);
        assert_done(f, CALL(f, "/org/lxd/image1", "Operations1", "Subscribe", "t", UINT64_C(0)));
        return f;
}

static int setup(void **state) {
        *state = fixture_new(NULL);
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        manager_done(&f->manager);
        operations_free(f->operations);
        bus_server_free(f->server);
        sd_bus_close_unref(f->client);
        sd_bus_close_unref(f->storaged);
        sd_event_unref(f->event);
        sd_bus_error_free(&f->error);
        assert_int_equal(remove_tree_at(AT_FDCWD, f->dir), 0);
        free(f);
        return 0;
}

static void test_import_and_describe(void **state) {
        static const char *const keys[] = { "auto_update", "properties", "public", "expires_at", "profiles", "aliases", "architecture", "cached", "filename",
                                            "fingerprint", "size", "type", "created_at", "last_used_at", "uploaded_at" };
        Fixture *f = *state;
        struct json_object *o, *v;
        size_t n = 0;

        import_good(f, "busybox", 1700000000, "busy");
        assert_int_equal(count_files(f), 1);
        assert_string_equal(f->events, "image-created ");

        o = document(CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), NULL);
        json_object_object_foreach(o, key, value) {
                assert_true(n < ELEMENTSOF(keys));
                assert_string_equal(key, keys[n++]);
                (void) value;
        }
        assert_int_equal(n, ELEMENTSOF(keys));
        assert_string_equal(json_object_get_string(json_object_object_get(o, "expires_at")), "1970-01-01T00:00:00Z");
        assert_string_equal(json_object_get_string(json_object_object_get(o, "last_used_at")), "0001-01-01T00:00:00Z");
        assert_string_equal(json_object_get_string(json_object_object_get(o, "created_at")), "2023-11-14T22:13:20Z");
        assert_string_equal(json_object_get_string(json_object_object_get(o, "architecture")), "x86_64");
        assert_string_equal(json_object_get_string(json_object_object_get(o, "filename")), "busy.tar.gz");
        v = json_object_object_get(o, "properties");
        assert_string_equal(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN), "{\"os\":\"busybox\",\"release\":\"1\"}");
        v = json_object_object_get(o, "aliases");
        assert_string_equal(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN), "[{\"name\":\"busy\",\"description\":\"an alias\"}]");
        v = json_object_object_get(o, "profiles");
        assert_string_equal(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN), "[\"default\"]");
        json_object_put(o);
}

static void test_import_refused(void **state) {
        Fixture *f = *state;
        char text[256];
        int fd;

        import_good(f, "busybox", 1700000000, "busy");
        assert_finished(f, import(f, make_image("amd64", "busybox", 1700000000), UINT64_MAX, "", NULL), OPERATION_FAILURE,
                        "Image with same fingerprint already exists");
        assert_refused(f, import(f, make_image("amd64", "x", 5), UINT64_MAX, f->fingerprint, NULL), LXD_ERROR_EXISTS,
                       "Image with same fingerprint already exists");
        assert_refused(f, import(f, make_image("amd64", "x", 5), UINT64_MAX, "", "busy"), LXD_ERROR_EXISTS, "Alias \"busy\" already exists");
        assert_refused(f, import(f, make_image("amd64", "x", 5), UINT64_MAX, "xyz", NULL), LXD_ERROR_INVALID, "Invalid fingerprint: \"xyz\"");
        assert_finished(f, import(f, make_image("pdp11", "x", 5), UINT64_MAX, "", "new"), OPERATION_FAILURE, "Architecture isn't supported: pdp11");

        fd = make_image("amd64", "x", 5);
        off_t size = lseek(fd, 0, SEEK_END);
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        (void) snprintf(text, sizeof(text), "The upload ended after %d of %d bytes", (int) size, (int) size + 1);
        assert_finished(f, import(f, fd, (uint64_t) size + 1, "", NULL), OPERATION_FAILURE, text);

        assert_int_equal(count_files(f), 1);
        assert_string_equal(f->events, "image-created ");
        assert_refused(f, CALL(f, "/org/lxd/image1/alias/default/new", "image1.Alias", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND,
                       "Image alias not found");
}

static void test_import_cancelled(void **state) {
        Fixture *f = *state;
        _cleanup_close_ int writer = -EBADF;
        _cleanup_free_ char *copy = NULL;
        OperationRecord record;
        sd_bus_message *reply;
        const char *path;
        int pair[2];

        assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
        writer = pair[1];
        reply = import(f, pair[0], UINT64_MAX, "", NULL);
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "o", &path) > 0);
        copy = strdup(path);
        assert_done(f, CALL(f, copy, "Operation1", "Cancel", "t", UINT64_C(0)));
        assert_int_equal(sd_bus_message_rewind(reply, true), 1);
        record = finish(f, reply);
        assert_int_equal(record.status, OPERATION_CANCELLED);
        operation_record_done(&record);
        assert_int_equal(count_files(f), 0);
        /* nobody reads any more: the writer gets to know */
        (void) signal(SIGPIPE, SIG_IGN);
        assert_int_equal(write(writer, "x", 1), -1);
        assert_int_equal(errno, EPIPE);
}

static void test_lookup(void **state) {
        Fixture *f = *state;
        char path[64];

        for (unsigned i = 0; i < 17; i++) /* two begin with the same digit */
                import_good(f, "busybox", 1700000000 + i, NULL);
        assert_refused(f, CALL(f, "/org/lxd/image1/image/default/_25", "image1.Image", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");
        assert_refused(f, CALL(f, "/org/lxd/image1/image/default/_5f", "image1.Image", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");
        assert_refused(f, CALL(f, "/org/lxd/image1/image/other/0", "image1.Image", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");
        (void) snprintf(path, sizeof(path), "/org/lxd/image1/image/default/%.20s", f->fingerprint);
        assert_done(f, CALL(f, path, "image1.Image", "Describe", "t", UINT64_C(0)));

        unsigned ambiguous = 0;
        for (const char *digit = "0123456789abcdef"; *digit; digit++) {
                (void) snprintf(path, sizeof(path), "/org/lxd/image1/image/default/%c", *digit);
                sd_bus_message *reply = CALL(f, path, "image1.Image", "Describe", "t", UINT64_C(0));
                ambiguous += !reply && streq(f->error.message, "More than one image matches");
                sd_bus_message_unref(reply);
        }
        assert_true(ambiguous > 0);
}

static void test_list_and_filter(void **state) {
        static const char *const filters[][2] = {
                { "", "2" },
                { "properties.os eq busybox", "1" },
                { "Properties.os eq BUSY.*", "1" },
                { "public eq false and architecture eq x86_64", "2" },
                { "not properties.os eq alpine", "1" },
                { "properties.missing ne x", "2" },
        };
        Fixture *f = *state;
        char text[128];

        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 0, "", UINT64_C(0)), "[]");
        import_good(f, "busybox", 1700000000, NULL);
        (void) snprintf(text, sizeof(text), "[\"/1.0/images/%s\"]", f->fingerprint);
        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 0, "", UINT64_C(0)), text);
        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 0, "", UINT64_C(1)), "[]");
        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "other", 1, "", UINT64_C(0)), "[]");
        import_good(f, "alpine", 1700000000, NULL);
        for (size_t i = 0; i < ELEMENTSOF(filters); i++) {
                struct json_object *o = document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 1, filters[i][0], UINT64_C(0)), NULL);

                if ((int) json_object_array_length(o) != atoi(filters[i][1]))
                        fail_msg("%s: %zu", filters[i][0], json_object_array_length(o));
                json_object_put(o);
        }
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 1, "foo", UINT64_C(0)), LXD_ERROR_INVALID,
                       "Invalid filter: clause has no operator");
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 7, "", UINT64_C(0)), LXD_ERROR_INVALID,
                       "Unknown recursion level 7");
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 0, "", UINT64_C(8)), LXD_ERROR_INVALID,
                       "Unknown flags 0x8");
}

#define UPDATE(f, public, auto_update, etag, flags, ...)                                                      \
        ({                                                                                                    \
                sd_bus_message *_m = message(f, image_path(f), "image1.Image", "Update");                     \
                assert_true(sd_bus_message_append(_m, "bb", public, auto_update) >= 0);                       \
                assert_true(sd_bus_message_append(_m, "a{ss}", __VA_ARGS__) >= 0);                            \
                assert_true(sd_bus_message_append(_m, "asts(sss)t", 0, UINT64_C(1900000000000000), etag, "", "", "", (uint64_t) (flags)) >= 0); \
                call(f, _m);                                                                                  \
        })

static void test_update(void **state) {
        _cleanup_free_ char *etag = NULL, *later = NULL;
        Fixture *f = *state;
        struct json_object *o;
        char text[256];

        import_good(f, "busybox", 1700000000, NULL);
        json_object_put(document(CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), &etag));
        assert_done(f, UPDATE(f, true, false, etag, UPDATE_CONFIG | UPDATE_PUBLIC, 2, "os", "linux", "a", "b"));
        o = document(CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), &later);
        assert_string_not_equal(etag, later);
        assert_true(json_object_get_boolean(json_object_object_get(o, "public")));
        assert_true(json_object_get_boolean(json_object_object_get(o, "auto_update"))); /* its bit was not set */
        assert_string_equal(json_object_get_string(json_object_object_get(o, "expires_at")), "1970-01-01T00:00:00Z");
        assert_string_equal(json_object_to_json_string_ext(json_object_object_get(o, "properties"), JSON_C_TO_STRING_PLAIN), "{\"a\":\"b\",\"os\":\"linux\"}");
        json_object_put(o);

        (void) snprintf(text, sizeof(text), "ETag doesn't match: %s vs %s", later, etag);
        assert_refused(f, UPDATE(f, false, false, etag, UPDATE_PUBLIC, 0), LXD_ERROR_PRECONDITION, text);

        assert_done(f, UPDATE(f, false, false, later, UPDATE_MERGE | UPDATE_CONFIG | UPDATE_EXPIRY | UPDATE_AUTO_UPDATE | UPDATE_PROFILES, 2, "a", "", "c", "d"));
        o = document(CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), NULL);
        assert_string_equal(json_object_to_json_string_ext(json_object_object_get(o, "properties"), JSON_C_TO_STRING_PLAIN), "{\"c\":\"d\",\"os\":\"linux\"}");
        assert_string_equal(json_object_get_string(json_object_object_get(o, "expires_at")), "2030-03-17T17:46:40Z");
        json_object_put(o);

        assert_refused(f, UPDATE(f, false, false, "", UPDATE_CONFIG, 1, "a\nb", "c"), LXD_ERROR_INVALID, "Invalid name of an image property: \"a\nb\"");
        assert_refused(f, UPDATE(f, false, false, "", UPDATE_DEVICES, 0), LXD_ERROR_INVALID, "Unknown flags 0x4");
        assert_string_equal(f->events, "image-created image-updated image-updated ");
}

static sd_bus_message *create_alias(Fixture *f, const char *name, const char *target) {
        return CALL(f, "/org/lxd/image1", "image1.Manager", "CreateAlias", "sssss(sss)t", "default", name, "text", target, "container", "", "", "", UINT64_C(0));
}

static void test_aliases(void **state) {
        Fixture *f = *state;
        char first[65], text[256];

        import_good(f, "busybox", 1700000000, NULL);
        strcpy(first, f->fingerprint);
        import_good(f, "alpine", 1700000000, NULL);
        assert_done(f, create_alias(f, "q/w e", f->fingerprint));
        assert_done(f, create_alias(f, "b", first));
        assert_refused(f, create_alias(f, "b", first), LXD_ERROR_EXISTS, "Alias \"b\" already exists");
        assert_refused(f, create_alias(f, "", first), LXD_ERROR_INVALID, "name and target are required");
        assert_refused(f, create_alias(f, "c", ""), LXD_ERROR_INVALID, "name and target are required");
        assert_refused(f, create_alias(f, "c", "00"), LXD_ERROR_NOT_FOUND, "Image not found");
        assert_refused(f, create_alias(f, "a\nb", first), LXD_ERROR_INVALID, "Invalid alias name: at most 255 bytes, no control characters");

        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListAliases", "sut", "default", 0, UINT64_C(0)),
                        "[\"/1.0/images/aliases/b\",\"/1.0/images/aliases/q%2Fw%20e\"]");
        (void) snprintf(text, sizeof(text), "{\"description\":\"text\",\"target\":\"%s\",\"name\":\"b\",\"type\":\"container\"}", first);
        assert_document(CALL(f, "/org/lxd/image1/alias/default/b", "image1.Alias", "Describe", "t", UINT64_C(0)), text);

        assert_refused(f, CALL(f, "/org/lxd/image1/alias/default/b", "image1.Alias", "Rename", "s(sss)t", "q/w e", "", "", "", UINT64_C(0)), LXD_ERROR_EXISTS,
                       "Alias \"q/w e\" already exists");
        assert_refused(f, CALL(f, "/org/lxd/image1/alias/default/b", "image1.Alias", "Rename", "s(sss)t", "", "", "", "", UINT64_C(0)), LXD_ERROR_INVALID,
                       "The new name of the alias is missing");
        assert_done(f, CALL(f, "/org/lxd/image1/alias/default/b", "image1.Alias", "Rename", "s(sss)t", "c", "", "", "", UINT64_C(0)));
        assert_refused(f, CALL(f, "/org/lxd/image1/alias/default/b", "image1.Alias", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image alias not found");

        assert_refused(f, CALL(f, "/org/lxd/image1/alias/default/c", "image1.Alias", "Update", "sss(sss)t", "", "", "", "", "", "", (uint64_t) UPDATE_TARGET),
                       LXD_ERROR_INVALID, "The target field is required");
        assert_done(f, CALL(f, "/org/lxd/image1/alias/default/c", "image1.Alias", "Update", "sss(sss)t", "ignored", f->fingerprint, "", "", "", "",
                            (uint64_t) UPDATE_TARGET));
        (void) snprintf(text, sizeof(text), "{\"description\":\"text\",\"target\":\"%s\",\"name\":\"c\",\"type\":\"container\"}", f->fingerprint);
        assert_document(CALL(f, "/org/lxd/image1/alias/default/c", "image1.Alias", "Describe", "t", UINT64_C(0)), text);
        assert_done(f, CALL(f, "/org/lxd/image1/alias/default/c", "image1.Alias", "Delete", "(sss)t", "", "", "", UINT64_C(0)));
        assert_string_equal(f->events, "image-created image-created image-alias-created image-alias-created image-alias-renamed image-alias-updated "
                                       "image-alias-deleted ");
}

static void test_delete_failed_and_done(void **state) {
        Fixture *f = *state;
        char text[128];

        import_good(f, "busybox", 1700000000, "busy");
        f->storaged_fails = true;
        (void) snprintf(text, sizeof(text), "Failed to delete image %.12s: Volume is in use", f->fingerprint);
        assert_finished(f, CALL(f, image_path(f), "image1.Image", "Delete", "(sss)t", "", "", "", UINT64_C(0)), OPERATION_FAILURE, text);
        assert_int_equal(count_files(f), 1);
        assert_done(f, CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)));

        f->storaged_fails = false;
        assert_finished(f, CALL(f, image_path(f), "image1.Image", "Delete", "(sss)t", "", "", "", UINT64_C(0)), OPERATION_SUCCESS, "");
        assert_int_equal(f->volumes_deleted, 2);
        assert_int_equal(count_files(f), 0);
        assert_refused(f, CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");
        assert_document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListAliases", "sut", "default", 0, UINT64_C(0)), "[]");
        assert_string_equal(f->events, "image-created image-deleted ");
        import_good(f, "busybox", 1700000000, "busy");
}

static void test_store(void **state) {
        char prefix[13];
        Fixture *f = *state;
        const char *fingerprint, *type, *architecture, *format;
        sd_bus_message *reply, *m;
        int metadata, rootfs;
        char old[65];

        import_good(f, "busybox", 1700000000, "busy");
        strcpy(old, f->fingerprint);
        import_good(f, "busybox", 1800000000, NULL);
        reply = CALL(f, "/org/lxd/image1", "image1.Store", "ResolveImage", "sa{ss}t", "default", 1, "alias", "busy", UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "sss", &fingerprint, &type, &architecture) > 0);
        assert_string_equal(fingerprint, old);
        assert_string_equal(type, "container");
        assert_string_equal(architecture, "x86_64");
        sd_bus_message_unref(reply);

        reply = CALL(f, "/org/lxd/image1", "image1.Store", "ResolveImage", "sa{ss}t", "default", 1, "properties.os", "busybox", UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "s", &fingerprint) > 0);
        assert_string_equal(fingerprint, f->fingerprint); /* the newest */
        sd_bus_message_unref(reply);
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ResolveImage", "sa{ss}t", "default", 1, "properties.os", "x", UINT64_C(0)),
                       LXD_ERROR_NOT_FOUND, "No matching image could be found");
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ResolveImage", "sa{ss}t", "default", 1, "alias", "nope", UINT64_C(0)),
                       LXD_ERROR_NOT_FOUND, "Image alias not found: nope");
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ResolveImage", "sa{ss}t", "default", 0, UINT64_C(0)), LXD_ERROR_INVALID,
                       "Must specify one of alias, fingerprint or properties for init from image");

        reply = CALL(f, "/org/lxd/image1", "image1.Store", "OpenImage", "st", f->fingerprint, UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "hhs", &metadata, &rootfs, &format) > 0);
        assert_string_equal(format, "unified");
        assert_int_equal(image_format_detect_fd(metadata), IMAGE_FORMAT_TAR_GZIP);
        assert_int_equal(image_format_detect_fd(rootfs), IMAGE_FORMAT_TAR_GZIP);
        sd_bus_message_unref(reply);
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "OpenImage", "st", "../../etc/passwd", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");

        /* For guests: public ones only, and by the whole fingerprint. */
        (void) snprintf(prefix, sizeof(prefix), "%.12s", f->fingerprint);
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ExportPublic", "sst", "default", f->fingerprint, UINT64_C(0)), LXD_ERROR_NOT_FOUND,
                       "Image not found");
        assert_done(f, UPDATE(f, true, false, "", UPDATE_PUBLIC, 0));
        reply = CALL(f, "/org/lxd/image1", "image1.Store", "ExportPublic", "sst", "default", f->fingerprint, UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "a(sh)", 1, &format, &metadata) > 0);
        assert_memory_equal(format, f->fingerprint, strlen(f->fingerprint));
        assert_int_equal(image_format_detect_fd(metadata), IMAGE_FORMAT_TAR_GZIP);
        sd_bus_message_unref(reply);
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ExportPublic", "sst", "default", prefix, UINT64_C(0)), LXD_ERROR_NOT_FOUND,
                       "Image not found");
        assert_refused(f, CALL(f, "/org/lxd/image1", "image1.Store", "ExportPublic", "sst", "other", f->fingerprint, UINT64_C(0)), LXD_ERROR_NOT_FOUND,
                       "Image not found");

        assert_done(f, CALL(f, "/org/lxd/image1", "image1.Store", "MarkUsed", "sst", "default", f->fingerprint, UINT64_C(0)));
        m = CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0));
        struct json_object *o = document(m, NULL);
        assert_string_not_equal(json_object_get_string(json_object_object_get(o, "last_used_at")), "0001-01-01T00:00:00Z");
        json_object_put(o);
}

static void test_export_and_secret(void **state) {
        Fixture *f = *state;
        char name[128];
        const char *text, *path;
        sd_bus_message *reply;
        OperationRecord record = {};
        int fd, valid;

        import_good(f, "busybox", 1700000000, NULL);
        reply = CALL(f, image_path(f), "image1.Image", "Export", "(sss)t", "", "", "", UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sh)") > 0);
        assert_true(sd_bus_message_read(reply, "(sh)", &text, &fd) > 0);
        (void) snprintf(name, sizeof(name), "%s.tar.gz", f->fingerprint);
        assert_string_equal(text, name);
        assert_int_equal(image_format_detect_fd(fd), IMAGE_FORMAT_TAR_GZIP);
        assert_int_equal(sd_bus_message_read(reply, "(sh)", &text, &fd), 0);
        sd_bus_message_unref(reply);

        reply = CALL(f, image_path(f), "image1.Image", "CreateSecret", "(sss)t", "", "", "", UINT64_C(0));
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "o", &path) > 0);
        sd_bus_message *got = CALL(f, path, "Operation1", "Get", "t", UINT64_C(0));
        assert_true(operation_record_read(got, &record) >= 0);
        sd_bus_message_unref(got);
        assert_string_equal(record.class, "token");
        for (unsigned i = 0; i < 2; i++) {
                got = CALL(f, "/org/lxd/image1", "image1.Store", "CheckSecret", "ssst", "default", f->fingerprint,
                           i == 0 ? config_get(&record.metadata, "secret") : "", UINT64_C(0));
                assert_true(sd_bus_message_read(got, "b", &valid) > 0);
                assert_int_equal(valid, i == 0);
                sd_bus_message_unref(got);
        }
        assert_done(f, CALL(f, path, "Operation1", "Cancel", "t", UINT64_C(0)));
        got = CALL(f, "/org/lxd/image1", "image1.Store", "CheckSecret", "ssst", "default", f->fingerprint, config_get(&record.metadata, "secret"), UINT64_C(0));
        assert_true(sd_bus_message_read(got, "b", &valid) > 0);
        assert_false(valid);
        sd_bus_message_unref(got);
        operation_record_done(&record);
        sd_bus_message_unref(reply);
}

static void put_file(Fixture *f, char digit, const char *suffix) {
        char name[128];

        memset(name, digit, FINGERPRINT_LENGTH);
        strcpy(name + FINGERPRINT_LENGTH, suffix);
        assert_true(close(openat(f->manager.images_fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
}

static void put_row(Fixture *f, char digit, ImageState image_state) {
        char fingerprint[FINGERPRINT_LENGTH + 1] = {};
        ImageRecord i = { .state = image_state, .project = (char *) "default", .fingerprint = fingerprint, .filename = (char *) "", .format = (char *) "unified",
                          .type = (char *) "container", .architecture = (char *) "x86_64" };

        memset(fingerprint, digit, FINGERPRINT_LENGTH);
        assert_int_equal(db_image_insert(f->manager.db, &i), 0);
}

static void test_recover(void **state) {
        Fixture *f = *state;

        put_row(f, 'a', IMAGE_CREATED); /* whole */
        put_file(f, 'a', "");
        put_row(f, 'b', IMAGE_CREATED); /* row without file */
        put_row(f, 'c', IMAGE_PENDING); /* killed import */
        put_file(f, 'c', "");
        put_file(f, 'c', ".rootfs");
        put_row(f, 'd', IMAGE_DELETING); /* killed deletion */
        put_file(f, 'd', "");
        put_file(f, 'e', ""); /* files without row */
        put_file(f, 'f', ".rootfs");
        assert_true(close(openat(f->manager.images_fd, "README", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);

        assert_int_equal(manager_recover(&f->manager), 0);
        while (f->manager.deletes)
                run_once(f);
        assert_int_equal(f->volumes_deleted, 1);
        assert_int_equal(count_files(f), 2); /* a and README */
        memset(f->fingerprint, 'a', FINGERPRINT_LENGTH);
        assert_done(f, CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)));
        for (char digit = 'b'; digit <= 'f'; digit++) {
                memset(f->fingerprint, digit, FINGERPRINT_LENGTH);
                assert_refused(f, CALL(f, image_path(f), "image1.Image", "Describe", "t", UINT64_C(0)), LXD_ERROR_NOT_FOUND, "Image not found");
                put_row(f, digit, IMAGE_PENDING); /* no row is left */
        }
}

static void test_busctl_sees_objects(void **state) {
        Fixture *f = *state;
        sd_bus_message *reply;
        const char *text;

        import_good(f, "busybox", 1700000000, "busy");
        reply = CALL(f, image_path(f), "x", "y", "");
        sd_bus_message_unref(reply);
        sd_bus_message *m = NULL;
        assert_true(sd_bus_message_new_method_call(f->client, &m, NULL, "/org/lxd/image1/image/default", "org.freedesktop.DBus.Introspectable", "Introspect") >= 0);
        reply = call(f, m);
        assert_non_null(reply);
        assert_true(sd_bus_message_read(reply, "s", &text) > 0);
        assert_non_null(strstr(text, f->fingerprint));
        sd_bus_message_unref(reply);
        assert_true(sd_bus_message_new_method_call(f->client, &m, NULL, image_path(f), "org.freedesktop.DBus.Properties", "GetAll") >= 0);
        assert_true(sd_bus_message_append(m, "s", "org.lxd.image1.Image") >= 0);
        assert_done(f, call(f, m));
        assert_true(sd_bus_message_new_method_call(f->client, &m, NULL, "/org/lxd/image1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects") >= 0);
        assert_done(f, call(f, m));
}

/* Runs a child on the database and store of dir that is killed at a step of importing or deleting the image. */
static void crash(const char *dir, const char *step, bool delete) {
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Fixture *f = fixture_new(dir);

                if (!delete)
                        (void) setenv("LXD_CRASH_AT", step, 1);
                import_good(f, "busybox", 1700000000, "busy");
                (void) setenv("LXD_CRASH_AT", step, 1);
                (void) finish(f, CALL(f, image_path(f), "image1.Image", "Delete", "(sss)t", "", "", "", UINT64_C(0)));
                _exit(EXIT_SUCCESS);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
                fail_msg("%s: was not killed there (status %#x)", step, (unsigned) status);
}

static unsigned count_images(Fixture *f) {
        struct json_object *o = document(CALL(f, "/org/lxd/image1", "image1.Manager", "ListImages", "sust", "default", 0, "", UINT64_C(0)), NULL);
        unsigned n = (unsigned) json_object_array_length(o);

        json_object_put(o);
        return n;
}

/* After each kill: what is listed has its file and its alias, nothing else is there, and the same request works (again). */
static void test_killed_at_every_step(void **state) {
        static const struct {
                const char *step;
                bool delete;
                unsigned images;
        } steps[] = {
                { "import-recorded", false, 0 },    { "store-first-name", false, 0 },   { "import-published", false, 0 },
                { "import-before-commit", false, 0 }, { "import-committed", false, 1 }, { "delete-marked", true, 0 },
                { "delete-volumes-gone", true, 0 }, { "store-first-removed", true, 0 }, { "delete-files-gone", true, 0 },
                { "delete-committed", true, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                char dir[] = "/tmp/lxd-images-XXXXXX";
                Fixture *f;

                assert_non_null(mkdtemp(dir));
                crash(dir, steps[i].step, steps[i].delete);
                f = fixture_new(dir);
                while (f->manager.deletes)
                        run_once(f);
                if (count_images(f) != steps[i].images || (unsigned) count_files(f) != steps[i].images)
                        fail_msg("%s: %u images, %d files", steps[i].step, count_images(f), count_files(f));
                if (steps[i].images == 0)
                        import_good(f, "busybox", 1700000000, "busy");
                else
                        assert_finished(f, import(f, make_image("amd64", "busybox", 1700000000), UINT64_MAX, "", NULL), OPERATION_FAILURE,
                                        "Image with same fingerprint already exists");
                assert_done(f, CALL(f, "/org/lxd/image1/alias/default/busy", "image1.Alias", "Describe", "t", UINT64_C(0)));
                assert_int_equal(count_files(f), 1);
                teardown((void **) &f);
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_import_and_describe), TEST(test_import_refused), TEST(test_import_cancelled), TEST(test_lookup), TEST(test_list_and_filter),
                TEST(test_update), TEST(test_aliases), TEST(test_delete_failed_and_done), TEST(test_store), TEST(test_export_and_secret), TEST(test_recover),
                TEST(test_busctl_sees_objects), cmocka_unit_test(test_killed_at_every_step),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
