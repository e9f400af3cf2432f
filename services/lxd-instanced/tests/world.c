/* SPDX-License-Identifier: Apache-2.0 */
/* A pretended world around lxd-instanced's real vtables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/file.h"
#include "bus-error.h"
#include "guest-templates.h"
#include "world.h"

World world;

/* ---- volumes ---- */

static void volume_add(const char *name) {
        if (!strv_contains(world.volumes, name))
                assert_int_equal(strv_extend(&world.volumes, name), 0);
}

/* Removes it and what is below it. True if something was there. */
static bool volume_remove(const char *name) {
        _cleanup_strv_free_ Strv left = NULL;
        size_t n = strlen(name), before = strv_length(world.volumes);

        STRV_FOREACH(v, world.volumes)
                if (strncmp(*v, name, n) != 0 || ((*v)[n] != '\0' && (*v)[n] != '/'))
                        assert_int_equal(strv_extend(&left, *v), 0);
        strv_free(world.volumes);
        world.volumes = TAKE_PTR(left);
        return strv_length(world.volumes) < before;
}

static bool volume_rename(const char *from, const char *to) {
        size_t n = strlen(from);
        bool found = false;

        STRV_FOREACH(v, world.volumes)
                if (strncmp(*v, from, n) == 0 && ((*v)[n] == '\0' || (*v)[n] == '/')) {
                        char *renamed;

                        assert_int_equal(str_format(&renamed, "%s%s", to, *v + n), 0);
                        free(*v);
                        *v = renamed;
                        found = true;
                }
        return found;
}

static int storage_call(sd_bus_message *m, const char *member, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_free_ char *key = NULL, *other = NULL;
        const char *pool, *project, *name, *extra = NULL;
        int r;

        if (streq(member, "UnmountAll"))
                return 0;
        if (streq(member, "Mount") || streq(member, "Unmount")) {
                const char *type;

                r = sd_bus_message_read(m, "ssss", &pool, &type, &project, &name);
                if (r >= 0 && streq(member, "Mount"))
                        r = sd_bus_message_append(reply, "sasb", world.dir, 0, 0);
                return r;
        }
        if (streq(member, "GetUsage")) {
                _cleanup_strv_free_ Strv names = NULL;

                assert_true(sd_bus_message_read(m, "ss", &pool, &project) > 0);
                assert_int_equal(bus_read_strv(m, &names), 0);
                assert_true(sd_bus_message_open_container(reply, 'a', "{st}") >= 0);
                STRV_FOREACH(n, names)
                        assert_true(sd_bus_message_append(reply, "{st}", *n, (uint64_t) 4096) >= 0);
                return sd_bus_message_close_container(reply);
        }

        assert_true(sd_bus_message_read(m, "sss", &pool, &project, &name) > 0);
        assert_int_equal(str_format(&key, "%s/%s/%s", pool, project, name), 0);
        if (streq(member, "CreateVolume")) {
                _cleanup_(config_done) Config config = {}, source = {};

                assert_int_equal(bus_read_config(m, &config), 0);
                assert_int_equal(bus_read_config(m, &source), 0);
                if (strv_contains(world.volumes, key))
                        return bus_error_set(e, LXD_ERROR_EXISTS, "Volume by that name already exists");
                volume_add(key);
                if (streq(config_get_or(&source, "type", ""), "copy") && !isempty(config_get(&source, "snapshots")))
                        for (size_t k = 0; k < strv_length(world.volumes); k++) {
                                _cleanup_free_ char *prefix = NULL, *copy = NULL;
                                _cleanup_strv_free_ Strv names = NULL;
                                const char *rest;

                                assert_int_equal(strv_split(config_get(&source, "snapshots"), "\n", &names), 0);

                                assert_int_equal(str_format(&prefix, "%s/%s/%s/", config_get(&source, "pool"), config_get(&source, "project"),
                                                            config_get(&source, "name")), 0);
                                rest = startswith(world.volumes[k], prefix);
                                if (rest && strv_contains(names, rest)) {
                                        assert_int_equal(str_format(&copy, "%s/%s", key, rest), 0);
                                        volume_add(copy);
                                }
                        }
                return 0;
        }
        if (streq(member, "DeleteVolume")) {
                (void) volume_remove(key);
                return 0;
        }
        if (streq(member, "UpdateVolume") || streq(member, "CheckVolume"))
                return 0;
        if (streq(member, "RefreshVolume")) {
                _cleanup_(config_done) Config source = {};

                assert_int_equal(bus_read_config(m, &source), 0);
                assert_int_equal(str_format(&other, "%s/%s/%s", config_get(&source, "pool"), config_get(&source, "project"), config_get(&source, "name")), 0);
                return strv_contains(world.volumes, other) && strv_contains(world.volumes, key) ? 0
                                : bus_error_set(e, LXD_ERROR_NOT_FOUND, "No volume \"%s\" or \"%s\"", other, key);
        }
        assert_true(sd_bus_message_read(m, "s", &extra) > 0);
        if (streq(member, "RenameVolume")) {
                assert_int_equal(str_format(&other, "%s/%s/%s", pool, project, extra), 0);
                return volume_rename(key, other) ? 0 : bus_error_set(e, LXD_ERROR_NOT_FOUND, "No volume \"%s\"", key);
        }
        assert_int_equal(str_format(&other, "%s/%s", key, extra), 0);
        if (streq(member, "CreateSnapshot"))
                volume_add(other);
        else if (!strv_contains(world.volumes, other)) /* RestoreSnapshot */
                return bus_error_set(e, LXD_ERROR_NOT_FOUND, "No snapshot \"%s\"", other);
        return 0;
}

static int network_call(sd_bus_message *m, const char *member, sd_bus_message *reply, sd_bus_error *e) {
        if (streq(member, "Attach"))
                return sd_bus_message_append(reply, "a{ss}", 5, "link", "veth0", "host_name", "veth1", "name", "eth0", "hwaddr",
                                             "00:16:3e:00:00:01", "mtu", "1500");
        if (streq(member, "Detach")) {
                const char *device;
                uint64_t id;

                return sd_bus_message_read(m, "tst", &id, &device, &world.detach_flags);
        }
        if (streq(member, "DescribeGuests")) {
                _cleanup_close_ int fd = memfd_new_sealed("guests", "{}", 2);

                world.n_calls_network_describe++;
                return sd_bus_message_append(reply, "h", fd);
        }
        return 0;
}

static int image_call(sd_bus_message *m, const char *member, sd_bus_message *reply, sd_bus_error *e) {
        if (streq(member, "ResolveImage"))
                return sd_bus_message_append(reply, "sssa{ss}as", "0123456789abcdef", "container", architecture_native(), 1, "os", "Test", 0);
        return 0;
}

static int on_peer_call(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *member = sd_bus_message_get_member(m), *interface = sd_bus_message_get_interface(m);
        int r;

        if (!sd_bus_message_is_method_call(m, NULL, NULL))
                return 0;
        assert_int_equal(strv_extend(&world.calls, member), 0);
        if (world.fail && streq(world.fail, member) && !world.lose) {
                world.fail = world.fail_then;
                world.fail_then = NULL;
                return sd_bus_reply_method_errorf(m, LXD_ERROR_FAILED, "no luck");
        }
        assert_true(sd_bus_message_new_method_return(m, &reply) >= 0);
        r = strstr(interface, "storage1")   ? storage_call(m, member, reply, &e)
            : strstr(interface, "network1") ? network_call(m, member, reply, &e)
                                            : image_call(m, member, reply, &e);
        if (world.during && streq(world.during, member)) {
                world.during = NULL;
                world.meanwhile();
        }
        if (world.lose && streq(world.lose, member)) {
                world.lose = NULL;
                return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_NO_REPLY, "Connection terminated");
        }
        if (r < 0)
                return sd_bus_reply_method_error(m, &e);
        return sd_bus_send(NULL, reply, NULL) < 0 ? -EIO : 1;
}

static sd_bus *peer_attach(BusPeer *p) {
        sd_bus *bus;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_fd(bus, pair[0], pair[0]) >= 0);
        assert_true(sd_bus_set_server(bus, 1, SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10)) >= 0);
        assert_true(sd_bus_negotiate_fds(bus, true) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        assert_true(sd_bus_add_filter(bus, NULL, on_peer_call, NULL) >= 0);
        assert_true(sd_bus_attach_event(bus, world.f.event, 0) >= 0);
        assert_true(bus_peer_attach(p, pair[1]) >= 0);
        return bus;
}

/* ---- runners and the service manager ---- */

typedef struct Runner {
        uint64_t id;
        unit_job_t callback;
        void *userdata;
} Runner;

static void call_guest(const char *member, uint64_t id, sd_bus_message_handler_t then, void *userdata, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;

        assert_int_equal(fixture_message(&world.f, &m, INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Guest", member), 0);
        assert_true(sd_bus_message_append(m, "t", id) >= 0);
        va_start(ap, types);
        assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        assert_true(sd_bus_call_async(world.f.client, NULL, m, then, userdata, 0) >= 0);
}

static int runner_failed(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ Runner *r = userdata;

        if (r->callback)
                r->callback(bus_error_set(&e, LXD_ERROR_FAILED, "Job failed"), &e, r->userdata);
        return 0;
}

static int runner_started(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        _cleanup_free_ Runner *r = userdata;

        assert_false(sd_bus_message_is_method_error(m, NULL));
        if (r->callback)
                r->callback(0, NULL, r->userdata);
        return 0;
}

static bool runner_gives_up(sd_bus_message *m, Runner *r) {
        _cleanup_free_ char *reason = NULL;

        if (!sd_bus_message_is_method_error(m, NULL))
                return false;
        assert_int_equal(str_format(&reason, "failed: %s", sd_bus_message_get_error(m)->message), 0);
        call_guest("GuestStopped", r->id, runner_failed, r, "st", reason, (uint64_t) 0);
        return true;
}

static int runner_connected(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        Runner *r = userdata;

        if (!runner_gives_up(m, r))
                call_guest("GuestStarted", r->id, runner_started, r, "ut", (uint32_t) getpid(), (uint64_t) 0);
        return 0;
}

static int runner_prepared(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        _cleanup_close_ int netns = -EBADF;
        Runner *r = userdata;

        if (runner_gives_up(m, r))
                return 0;
        netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        assert_true(netns >= 0);
        call_guest("ConnectGuest", r->id, runner_connected, r, "ht", netns, (uint64_t) 0);
        return 0;
}

static Runner *runner_new(uint64_t id, unit_job_t callback, void *userdata) {
        Runner *r = calloc(1, sizeof(Runner));

        assert_non_null(r);
        *r = (Runner) { id, callback, userdata };
        return r;
}

static int on_no_runner(sd_event_source *s, void *userdata) {
        sd_event_source_disable_unref(s);
        return runner_failed(NULL, userdata, NULL);
}

int units_new(sd_event *event, Units **ret) {
        static int dummy;

        *ret = (Units *) &dummy;
        return 0;
}

Units *units_free(Units *u) {
        return NULL;
}

int unit_start(Units *u, const char *name, unit_job_t callback, void *userdata) {
        uint64_t id = strtoull(strchr(name, '@') + 1, NULL, 10);

        if (world.no_runner != 0) {
                sd_event_source *s;

                assert_true(sd_event_add_defer(world.manager->event, &s, on_no_runner, runner_new(id, callback, userdata)) >= 0);
                assert_true(sd_event_source_set_priority(s, world.no_runner) >= 0);
                world.no_runner = 0;
                return 0;
        }
        call_guest("PrepareGuest", id, runner_prepared, runner_new(id, callback, userdata), "t", (uint64_t) 0);
        return 0;
}

int unit_stop(Units *u, const char *name, unit_job_t callback, void *userdata) {
        return -EOPNOTSUPP;
}

/* Units here end with a word. */
int units_list(Units *u, const char *pattern, void (*callback)(char **names, const sd_bus_error *e, void *userdata), void *userdata) {
        return -EOPNOTSUPP;
}

int unit_kill(Units *u, const char *name, int signal, unit_job_t callback, void *userdata) {
        return -EOPNOTSUPP;
}

int unit_reset_failed(Units *u, const char *name) {
        return 0;
}

typedef struct Answer {
        guest_reply_t callback;
        void *userdata;
} Answer;

static int on_answer(sd_event_source *s, void *userdata) {
        _cleanup_free_ Answer *a = userdata;

        sd_event_source_unref(s);
        a->callback(0, NULL, NULL, 0, a->userdata);
        return 0;
}

static int answer_later(guest_reply_t callback, void *userdata) {
        Answer *a = calloc(1, sizeof(Answer));
        sd_event_source *s;

        assert_non_null(a);
        *a = (Answer) { callback, userdata };
        return sd_event_add_defer(world.f.event, &s, on_answer, a);
}

static int ignore(sd_bus_message *m, void *userdata, sd_bus_error *unused) {
        return 0;
}

int guest_shutdown(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret, sd_bus_error *e) {
        if (!world.deaf)
                call_guest("GuestStopped", id, ignore, NULL, "st", "shutdown", (uint64_t) 0);
        return answer_later(callback, userdata);
}

int guest_kill(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret, sd_bus_error *e) {
        call_guest("GuestStopped", id, ignore, NULL, "st", "shutdown", (uint64_t) 0);
        return answer_later(callback, userdata);
}

int guest_freeze(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret, sd_bus_error *e) {
        return answer_later(callback, userdata);
}

int guest_unfreeze(sd_event *event, uint64_t id, guest_reply_t callback, void *userdata, GuestCall **ret, sd_bus_error *e) {
        return answer_later(callback, userdata);
}

int guest_cgroup_set(sd_event *event, uint64_t id, const char *file, const char *value, guest_reply_t callback, void *userdata,
                     GuestCall **ret, sd_bus_error *e) {
        _cleanup_free_ char *text = NULL;

        assert_int_equal(str_format(&text, "%s=%s", file, value), 0);
        assert_int_equal(strv_extend(&world.calls, text), 0);
        return answer_later(callback, userdata);
}

int guest_exec(sd_event *event, uint64_t id, const GuestExec *exec, guest_reply_t callback, void *userdata, GuestCall **ret, sd_bus_error *e) {
        return bus_error_set(e, LXD_ERROR_NOT_SUPPORTED, "no exec here");
}

int guest_console(sd_event *event, uint64_t id, unsigned width, unsigned height, guest_reply_t callback, void *userdata, GuestCall **ret,
                  sd_bus_error *e) {
        return bus_error_set(e, LXD_ERROR_NOT_SUPPORTED, "no console here");
}

int guest_mount_add(sd_event *event, uint64_t id, const GuestMount *mount, guest_reply_t callback, void *userdata, GuestCall **ret,
                    sd_bus_error *e) {
        assert_int_equal(strv_extend(&world.calls, "mount_add"), 0);
        return answer_later(callback, userdata);
}

int guest_mount_remove(sd_event *event, uint64_t id, const char *target, guest_reply_t callback, void *userdata, GuestCall **ret,
                       sd_bus_error *e) {
        assert_int_equal(strv_extend(&world.calls, "mount_remove"), 0);
        return answer_later(callback, userdata);
}

int guest_device_add(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata, GuestCall **ret,
                     sd_bus_error *e) {
        return answer_later(callback, userdata);
}

int guest_device_remove(sd_event *event, uint64_t id, const GuestDevice *device, guest_reply_t callback, void *userdata, GuestCall **ret,
                        sd_bus_error *e) {
        return answer_later(callback, userdata);
}

int guest_idmap_probe(const char *path) {
        return 1;
}

typedef struct TemplateAnswer {
        guest_templates_reply_t callback;
        void *userdata;
} TemplateAnswer;

static int on_templates(sd_event_source *s, void *userdata) {
        _cleanup_free_ TemplateAnswer *a = userdata;

        sd_event_source_unref(s);
        a->callback(0, NULL, a->userdata);
        return 0;
}

const GuestWorkersKind guest_templates_workers = { .name = "template", .max = 1 };

int guest_templates_apply(GuestWorkers *workers, const GuestTemplates *t, guest_templates_reply_t callback, void *userdata, sd_bus_error *e) {
        TemplateAnswer *a = calloc(1, sizeof(TemplateAnswer));
        sd_event_source *s;

        assert_non_null(a);
        *a = (TemplateAnswer) { callback, userdata };
        assert_int_equal(sd_event_add_defer(world.f.event, &s, on_templates, a), 0);
        return 1;
}

/* ---- the daemon ---- */

static bool on_step(const char *kind, const char *step, void *userdata) {
        if (!world.crash_kind || !streq(world.crash_kind, kind) || !streq(world.crash_step, step))
                return false;
        world.crashed = world.f.gone = true;
        return true;
}

static void start_daemon(void) {
        _cleanup_free_ char *db = NULL;
        DaemonSpec spec = {
                .name = "instanced", .root = INSTANCE1_ROOT, .owner = OPERATION_OWNER_INSTANCED, .interfaces = instanced_interfaces,
                .enumerators = instanced_enumerators,
        };

        assert_int_equal(manager_new(&world.manager), 0);
        world.manager->state_dir = world.manager->run_dir = world.manager->log_dir = world.dir;
        world.manager->crash_hook = on_step;
        spec.userdata = world.manager;
        assert_true(fixture_open(&world.f, &spec) >= 0);
        assert_int_equal(str_format(&db, "%s/instanced.db", world.dir), 0);
        assert_int_equal(manager_load(world.manager, world.f.event, db), 0);
        world.peers[0] = peer_attach(world.manager->storaged);
        world.peers[1] = peer_attach(world.manager->netd);
        world.peers[2] = peer_attach(world.manager->imaged);
        manager_attach(world.manager, NULL, world.f.server, world.f.operations);
}

static void stop_daemon(void) {
        world.manager = manager_free(world.manager);
        for (size_t k = 0; k < ELEMENTSOF(world.peers); k++)
                world.peers[k] = sd_bus_close_unref(world.peers[k]);
        fixture_close(&world.f);
        world.f = (Fixture) {};
}

void world_open(void) {
        world = (World) {};
        assert_in_range(snprintf(world.dir, sizeof(world.dir), "%s/lxd-test-XXXXXX", getenv("TMPDIR") ?: "/tmp"), 1, sizeof(world.dir) - 1);
        assert_non_null(mkdtemp(world.dir));
        start_daemon();
}

void world_close(void) {
        stop_daemon();
        assert_int_equal(remove_tree_at(AT_FDCWD, world.dir), 0);
        world.volumes = strv_free(world.volumes);
        world.calls = strv_free(world.calls);
}

void world_restart(void) {
        stop_daemon();
        world.crash_kind = world.crash_step = NULL;
        world.crashed = world.f.gone = false;
        world.fail = world.fail_then;
        world.fail_then = NULL;
        start_daemon();
        world_settle();
}

void world_set_up(void) {
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/default", LXD_BUS_PREFIX ".instance1.Profile", "Update", NULL,
                                      "sa{ss}a{sa{ss}}s(sss)t", "", 0, 2, "root", 3, "type", "disk", "path", "/", "pool", "p", "eth0", 3, "type",
                                      "nic", "network", "br0", "name", "eth0", "", "", "", "", (uint64_t) UPDATE_DEVICES),
                         0);
        world.calls = strv_free(world.calls);
}

/* ---- calls ---- */

Instance *world_instance(const char *name) {
        return instance_find(world.manager, "default", name);
}

static bool has_volume_in(const char *pool, const char *name) {
        _cleanup_free_ char *key = NULL;

        assert_int_equal(str_format(&key, "%s/default/%s", pool, name), 0);
        return strv_contains(world.volumes, key);
}

bool world_has_volume(const char *name) {
        return has_volume_in("p", name);
}

bool world_called(const char *member) {
        return strv_contains(world.calls, member);
}

void world_settle(void) {
        while (!world.crashed && world.manager->jobs)
                assert_true(sd_event_run(world.f.event, UINT64_MAX) >= 0);
}

int world_wait(sd_bus_error *e) {
        _cleanup_free_ char *path = NULL;
        const char *text;
        int r = 0;

        assert_true(sd_bus_message_read(world.f.reply, "o", &text) > 0);
        path = strdup(text);
        for (;;) {
                OperationRecord record = {};
                uint32_t status;

                if (world.crashed)
                        return -EPIPE;
                r = fixture_call(&world.f, path, LXD_BUS_PREFIX ".Operation1", "Get", NULL, "t", (uint64_t) 0);
                if (world.crashed)
                        return -EPIPE;
                assert_int_equal(r, 0);
                assert_int_equal(operation_record_read(world.f.reply, &record), 0);
                status = record.status;
                if (status >= OPERATION_FAILURE)
                        r = bus_error_set(e, LXD_ERROR_FAILED, "%s", record.error);
                operation_record_done(&record);
                if (status >= OPERATION_SUCCESS)
                        return r;
                assert_true(sd_event_run(world.f.event, USEC_PER_MSEC) >= 0);
        }
}

static int call_path(const char *path, const char *interface, const char *member, sd_bus_error *e, const char *types, ...) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        va_list ap;
        int r;

        assert_int_equal(fixture_message(&world.f, &m, path, interface, member), 0);
        va_start(ap, types);
        assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
        va_end(ap);
        r = fixture_send(&world.f, m, e);
        return r < 0 ? r : world_wait(e);
}

int world_create_with(const char *name, const char *key, const char *value, bool ephemeral, sd_bus_error *e) {
        return call_path(INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Manager", "CreateInstance", e, "sssssbasa{ss}a{sa{ss}}a{ss}(sss)t", "default",
                         name, "", "", "", ephemeral, 0, 1, key ?: "user.none", key ? value : "", 0, 1, "type", "none", "", "", "", (uint64_t) 1);
}

int world_create(const char *name, const char *type, sd_bus_error *e) {
        return call_path(INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Manager", "CreateInstance", e, "sssssbasa{ss}a{sa{ss}}a{ss}(sss)t", "default",
                         name, "container", "", "", 0, 0, 0, 0, 2, "type", type, "alias", "x", "", "", "", (uint64_t) 1);
}

int world_copy(const char *source, const char *name, sd_bus_error *e) {
        return call_path(INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Manager", "CreateInstance", e, "sssssbasa{ss}a{sa{ss}}a{ss}(sss)t", "default",
                         name, "container", "", "", 0, 0, 0, 0, 2, "type", "copy", "source", source, "", "", "", (uint64_t) 1);
}

static char *path_of(const char *name) {
        char *path;

        assert_int_equal(bus_path_encode(&path, INSTANCE1_INSTANCE, "default", name, NULL), 0);
        return path;
}

#define INSTANCE LXD_BUS_PREFIX ".instance1.Instance"

int world_do(const char *name, const char *member, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, member, e, "(sss)t", "", "", "", (uint64_t) 0);
}

int world_stop(const char *name, const char *member, int timeout, bool force, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, member, e, "i(sss)t", timeout, "", "", "", (uint64_t) force);
}

int world_rename(const char *name, const char *new_name, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, "Rename", e, "s(sss)t", new_name, "", "", "", (uint64_t) 0);
}

int world_snapshot(const char *name, const char *snapshot, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, "CreateSnapshot", e, "sbt(sss)t", snapshot, 0, (uint64_t) 0, "", "", "", (uint64_t) 0);
}

int world_restore(const char *name, const char *snapshot, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, "Restore", e, "sb(sss)t", snapshot, 0, "", "", "", (uint64_t) 0);
}

int world_snapshot_do(const char *name, const char *snapshot, const char *member, const char *argument, sd_bus_error *e) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(bus_path_encode(&path, INSTANCE1_SNAPSHOT, "default", name, snapshot, NULL), 0);
        if (argument)
                return call_path(path, LXD_BUS_PREFIX ".instance1.Snapshot", member, e, "s(sss)t", argument, "", "", "", (uint64_t) 0);
        return call_path(path, LXD_BUS_PREFIX ".instance1.Snapshot", member, e, "(sss)t", "", "", "", (uint64_t) 0);
}

int world_set(const char *name, const char *key, const char *value, sd_bus_error *e) {
        _cleanup_free_ char *path = path_of(name);

        return call_path(path, INSTANCE, "Update", e, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 1, key, value, 0, "", "", "", "",
                         (uint64_t) (UPDATE_MERGE | UPDATE_CONFIG));
}

void world_assert_consistent(void) {
        STRV_FOREACH(v, world.volumes) {
                _cleanup_strv_free_ Strv parts = NULL;
                Instance *i;

                assert_int_equal(strv_split(*v, "/", &parts), 0);
                i = instance_find(world.manager, parts[1], parts[2]);
                if (!i || !streq(parts[0], i->pool))
                        fail_msg("volume %s has no instance", *v);
                assert_int_equal(i->row, ROW_CREATED);
                if (parts[3] && !snapshot_find(i, parts[3]))
                        fail_msg("volume %s has no snapshot", *v);
        }
        for (size_t k = 0; k < world.manager->n_instances; k++) {
                Instance *i = world.manager->instances[k];

                assert_int_equal(i->row, ROW_CREATED);
                assert_null(i->intent);
                if (!has_volume_in(i->pool, i->name))
                        fail_msg("instance %s has no volume", i->name);
                for (size_t s = 0; s < i->n_snapshots; s++) {
                        _cleanup_free_ char *name = NULL;

                        assert_int_equal(str_format(&name, "%s/%s", i->name, i->snapshots[s]->name), 0);
                        assert_int_equal(i->snapshots[s]->row, ROW_CREATED);
                        assert_null(i->snapshots[s]->intent);
                        if (!has_volume_in(i->pool, name))
                                fail_msg("snapshot %s has no volume", name);
                }
        }
}
