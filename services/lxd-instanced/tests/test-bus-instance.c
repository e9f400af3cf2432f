/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-instanced's vtables in a pretended world: life of instances, snapshots and profiles; what is refused; what a kill leaves behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/file.h"
#include "bus-error.h"
#include "db-records.h"
#include "guest.h"
#include "snapshot.h"
#include "world.h"

#define PROFILE LXD_BUS_PREFIX ".instance1.Profile"
#define MANAGER LXD_BUS_PREFIX ".instance1.Manager"
#define _cleanup_error_ _cleanup_(sd_bus_error_free)

static int setup(void **state) {
        world_open();
        world_set_up();
        return 0;
}

static int teardown(void **state) {
        world_close();
        return 0;
}

static void life(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "image", NULL), 0);
        assert_true(world_called("ResolveImage") && world_called("Validate") && world_called("CreateVolume") && world_called("MarkUsed"));
        assert_string_equal(config_get(&world_instance("c1")->settings.config, "image.os"), "Test");
        assert_non_null(config_get(&world_instance("c1")->settings.config, "volatile.eth0.hwaddr"));
        world_assert_consistent();

        assert_true(world_stop("c1", "Stop", -1, false, &e) < 0);
        assert_string_equal(e.message, "The instance is already stopped");
        sd_bus_error_free(&e);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_RUNNING);
        assert_string_equal(config_get(&world_instance("c1")->settings.config, "volatile.last_state.power"), "RUNNING");
        assert_null(config_get(&world_instance("c1")->settings.config, "volatile.apply_template"));
        assert_true(world_do("c1", "Start", &e) < 0);
        assert_string_equal(e.message, "The instance is already running");
        sd_bus_error_free(&e);
        assert_true(world_do("c1", "Delete", &e) < 0);
        assert_string_equal(e.message, "Instance is running");
        sd_bus_error_free(&e);
        assert_true(world_rename("c1", "c2", &e) < 0);
        assert_string_equal(e.message, "Renaming of running container not allowed");

        assert_int_equal(world_do("c1", "Freeze", NULL), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_FROZEN);
        assert_int_equal(world_do("c1", "Unfreeze", NULL), 0);
        assert_int_equal(world_stop("c1", "Restart", -1, false, NULL), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_RUNNING);
        assert_int_equal(world_stop("c1", "Stop", -1, false, NULL), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
        assert_true(world_called("Detach") && world_called("UnmountAll"));
        assert_int_equal(world.detach_flags, 0);
        assert_int_equal(world_do("c1", "Delete", NULL), 0);
        assert_int_equal(world.detach_flags, 1); /* its reservations go with it */
        assert_null(world_instance("c1"));
        assert_int_equal(strv_length(world.volumes), 0);
}

/* What a failed creation removes is its own, and what it cannot remove stays known. */
static void create_undone(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(strv_extend(&world.volumes, "p/default/c1"), 0);
        assert_true(world_create("c1", "image", &e) < 0);
        assert_string_equal(e.message, "Volume by that name already exists");
        assert_null(world_instance("c1"));
        assert_true(world_has_volume("c1"));

        strv_free(TAKE_PTR(world.volumes));
        world.fail = "CreateVolume";
        world.fail_then = "DeleteVolume";
        assert_true(world_create("c1", "image", NULL) < 0);
        assert_non_null(world_instance("c1"));
        assert_int_equal(world_instance("c1")->row, ROW_DELETING);
        assert_int_equal(world_do("c1", "Delete", NULL), 0);
        assert_null(world_instance("c1"));

        world.fail = "CreateVolume";
        world.fail_then = "DeleteVolume";
        assert_true(world_create("c1", "image", NULL) < 0);
        world_restart();
        assert_null(world_instance("c1"));
}

static void refused(void **state) {
        static const struct { const char *name, *key, *value; int r; const char *text; } cases[] = {
                { "c_1", NULL, NULL, -EINVAL, "Invalid instance name" },
                { "../x", NULL, NULL, -EINVAL, "The character \"/\" is reserved for snapshots" },
                { "ok", "limits.foo", "1", -EINVAL, "Unknown configuration key: limits.foo" },
                { "ok", "limits.cpu", "0-", -EINVAL, "limits.cpu" },
                { "ok", "environment.A", "x\nlxc.hook.start = /bin/sh", -EINVAL, "environment.A" },
                { "ok", "environment.A=B", "x", -EINVAL, "not allowed in the name" },
                { "ok", "linux.sysctl.a=b", "x", -EINVAL, "Invalid sysctl" },
                { "ok", "linux.sysctl.a\nlxc.hook.start", "/bin/sh", -EINVAL, "Invalid sysctl" },
                { "ok", "cluster.evacuate", "never", -EINVAL, "cluster.evacuate" },
                { "ok", "raw.lxc", "lxc.rootfs.path = /", -EINVAL, "raw.lxc" },
                { "ok", "security.secureboot", "true", -EINVAL, "Unknown configuration key" },
                { "ok", "nvidia.runtime", "true", -EOPNOTSUPP, "nvidia.runtime" },
                { "ok", "raw.idmap", "both 1", -EINVAL, "raw.idmap" },
        };

        for (size_t k = 0; k < ELEMENTSOF(cases); k++) {
                _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

                assert_int_equal(world_create_with(cases[k].name, cases[k].key, cases[k].value, false, &e), cases[k].r);
                if (!strstr(e.message, cases[k].text))
                        fail_msg("case %zu: \"%s\" does not say \"%s\"", k, e.message, cases[k].text);
        }
        assert_int_equal(world.manager->n_instances, 0);
        assert_null(world.calls);
}

static void names(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_create("c1", "none", &e), -EEXIST);
        assert_string_equal(e.message, "Instance \"c1\" already exists");
        assert_int_equal(world_create("", "none", NULL), 0);
        assert_int_equal(world.manager->n_instances, 2);
        world_assert_consistent();
}

static void unknown_flags(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ListInstances", &e, "ssust", "default", "", 1u, "", (uint64_t) 1 << 40), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ListInstances", &e, "ssust", "default", "", 1u, "name eq", (uint64_t) 0), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_INSTANCE "/default/c1", LXD_BUS_PREFIX ".instance1.Instance", "Start", &e, "(sss)t", "", "", "",
                                      (uint64_t) 1), -EINVAL);
        assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
}

static void failed_creation(void **state) {
        static const char *const members[] = { "ResolveImage", "Validate", "CreateVolume" };

        for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

                world.fail = members[k];
                assert_true(world_create("c1", "image", &e) < 0);
                assert_non_null(strstr(e.message, "no luck"));
                assert_null(world_instance("c1"));
        }
        assert_int_equal(world_create("c1", "image", NULL), 0);
        world_assert_consistent();
}

static unsigned count_called(const char *member) {
        unsigned n = 0;

        STRV_FOREACH(c, world.calls)
                n += streq(*c, member);
        return n;
}

/* What the runner will ask for is done while it is started, and once. */
static void prepared_ahead(void **state) {
        static const int64_t moments[] = { SD_EVENT_PRIORITY_NORMAL - 10, SD_EVENT_PRIORITY_IDLE };

        assert_int_equal(world_create("c1", "none", NULL), 0);
        world.calls = strv_free(world.calls);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(count_called("Attach"), 1);
        assert_int_equal(count_called("Mount"), 1);
        assert_null(world_instance("c1")->prepare_job);
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);

        /* No runner asks, while it is still being prepared and when all has been: nothing of it may stay. */
        for (size_t k = 0; k < ELEMENTSOF(moments); k++) {
                _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

                world.calls = strv_free(world.calls);
                world.no_runner = moments[k];
                assert_true(world_do("c1", "Start", &e) < 0);
                assert_string_equal(e.message, "Failed to start instance \"c1\": Job failed");
                world_settle();
                assert_true(count_called("Mount") == 0 || count_called("UnmountAll") > 0);
                assert_true(count_called("Detach") >= count_called("Attach"));
                assert_null(world_instance("c1")->prepare_job);
                assert_false(world_instance("c1")->prepared);
                assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
        }
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
}

static void runner_killed(void) {
        assert_int_equal(guest_cleanup(world_instance("c1"), "failed: killed"), 0);
}

static ssize_t position_of_last(const char *member) {
        ssize_t last = -1;

        for (ssize_t k = 0; world.calls && world.calls[k]; k++)
                if (streq(world.calls[k], member))
                        last = k;
        return last;
}

/* Its end is told while what it asked for is still being done: that comes to an end first, then all of it is undone. */
static void killed_while_prepared(void **state) {
        static const char *const members[] = { "Mount", "Attach" };

        assert_int_equal(world_create("c1", "none", NULL), 0);
        for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

                world.calls = strv_free(world.calls);
                world.during = members[k];
                world.meanwhile = runner_killed;
                assert_true(world_do("c1", "Start", &e) < 0);
                world_settle();
                assert_true(position_of_last("Mount") >= 0 && position_of_last("UnmountAll") > position_of_last("Mount"));
                assert_true(position_of_last("Attach") >= 0 && position_of_last("Detach") > position_of_last("Attach"));
                assert_null(world_instance("c1")->prepare_job);
                assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
        }
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
}

static void failed_start(void **state) {
        static const char *const members[] = { "Mount", "Attach" };

        assert_int_equal(world_create("c1", "none", NULL), 0);
        for (size_t k = 0; k < ELEMENTSOF(members); k++) {
                _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

                world.calls = strv_free(world.calls);
                world.fail = members[k];
                assert_true(world_do("c1", "Start", &e) < 0);
                assert_string_equal(e.message, "Failed to start instance \"c1\": no luck");
                assert_true(world_called("Detach") && world_called("UnmountAll"));
                assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
        }
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.fail = "UnmountAll"; /* an end is an end, even if not all could be undone now */
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
}

static void deaf_guest(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.deaf = true;
        assert_true(world_stop("c1", "Stop", 0, false, &e) < 0);
        assert_string_equal(e.message, "Failed shutting down instance, status is \"Running\": context deadline exceeded");
        assert_int_equal(world_instance("c1")->status, INSTANCE_RUNNING);
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
}

static void forced_stop_overtakes(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.deaf = true;
        assert_int_equal(fixture_call(&world.f, INSTANCE1_INSTANCE "/default/c1", LXD_BUS_PREFIX ".instance1.Instance", "Stop", NULL, "i(sss)t", -1, "",
                                      "", "", (uint64_t) 0), 0);
        assert_int_equal(world_stop("c1", "Stop", -1, false, &e), -EBUSY);
        assert_string_equal(e.message, "Instance is busy running a \"stop\" operation");
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
        world_settle();
        assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
        assert_null(world_instance("c1")->life_job);
}

static void ephemeral(void **state) {
        assert_int_equal(world_create_with("e1", NULL, NULL, true, NULL), 0);
        assert_int_equal(world_do("e1", "Start", NULL), 0);
        assert_int_equal(world_stop("e1", "Restart", -1, true, NULL), 0);
        assert_non_null(world_instance("e1"));
        assert_int_equal(world_stop("e1", "Stop", -1, false, NULL), 0);
        assert_null(world_instance("e1")); /* gone by the time the operation is over */
        assert_int_equal(strv_length(world.volumes), 0);
}

static void reboot_inside(void **state) {
        uint64_t id;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        id = world_instance("c1")->id;
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Guest", "GuestStopped", NULL, "tst", id, "reboot", (uint64_t) 0), 0);
        world_settle();
        assert_int_equal(world_instance("c1")->status, INSTANCE_RUNNING);
        /* idempotent, and fine for guests nobody knows */
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Guest", "GuestStopped", NULL, "tst", id, "shutdown", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Guest", "GuestStopped", NULL, "tst", id, "shutdown", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, LXD_BUS_PREFIX ".instance1.Guest", "GuestStopped", NULL, "tst", (uint64_t) 999, "crash", (uint64_t) 0), 0);
        assert_int_equal(world_instance("c1")->status, INSTANCE_STOPPED);
}

static void rename_and_protect(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_create("c2", "none", NULL), 0);
        assert_int_equal(world_snapshot("c1", "s", NULL), 0);
        assert_int_equal(world_rename("c1", "c2", &e), -EEXIST);
        sd_bus_error_free(&e);
        assert_int_equal(world_rename("c1", "c3", NULL), 0);
        assert_null(world_instance("c1"));
        world_assert_consistent();
        world.fail = "RenameVolume";
        assert_true(world_rename("c3", "c4", &e) < 0);
        sd_bus_error_free(&e);
        world_assert_consistent();

        assert_int_equal(world_set("c3", "security.protection.delete", "true", NULL), 0);
        assert_int_equal(world_do("c3", "Delete", &e), -EINVAL);
        assert_string_equal(e.message, "Container is protected");
        assert_int_equal(world_set("c3", "security.protection.delete", "", NULL), 0);
        assert_int_equal(world_do("c3", "Delete", NULL), 0);
}

static void snapshots(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_snapshot("c1", "", NULL), 0);
        assert_int_equal(world_snapshot("c1", "", NULL), 0);
        assert_non_null(snapshot_find(world_instance("c1"), "snap1"));
        assert_int_equal(world_snapshot("c1", "snap1", &e), -EEXIST);
        sd_bus_error_free(&e);
        assert_int_equal(world_snapshot("c1", "a/b", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(world_snapshot_do("c1", "snap0", "Rename", "first", NULL), 0);
        world_assert_consistent();
        assert_int_equal(world_set("c1", "user.x", "new", NULL), 0);
        assert_int_equal(world_restore("c1", "nope", &e), -ENOENT);
        sd_bus_error_free(&e);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(world_restore("c1", "c1/first", NULL), 0); /* stopped for it and started again */
        assert_int_equal(world_instance("c1")->status, INSTANCE_RUNNING);
        assert_null(config_get(&world_instance("c1")->settings.config, "user.x"));
        assert_int_equal(world_copy("c1", "c2", NULL), 0);
        assert_int_equal(world_instance("c2")->n_snapshots, 2);
        assert_string_not_equal(config_get(&world_instance("c1")->settings.config, "volatile.uuid"),
                                config_get(&world_instance("c2")->settings.config, "volatile.uuid"));
        assert_int_equal(world_copy("c1/first", "c3", NULL), 0);
        assert_int_equal(world_instance("c3")->n_snapshots, 0);
        assert_int_equal(world_snapshot_do("c1", "first", "Delete", NULL, NULL), 0);
        world.fail = "CreateSnapshot";
        assert_true(world_snapshot("c1", "bad", &e) < 0);
        world_assert_consistent();
}

static void expiry(void **state) {
        uint64_t past = now_realtime() - USEC_PER_SEC;
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Instance";

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_snapshot("c1", "keep", NULL), 0);
        for (unsigned k = 0; k < 3; k++) {
                assert_int_equal(fixture_call(&world.f, path, interface, "CreateSnapshot", NULL, "sbt(sss)t", "", 0, past, "", "", "", (uint64_t) 1), 0);
                assert_int_equal(world_wait(NULL), 0);
        }
        assert_int_equal(fixture_call(&world.f, path, interface, "CreateSnapshot", NULL, "sbt(sss)t", "later", 0, past + 3600 * USEC_PER_SEC, "", "", "",
                                      (uint64_t) 1), 0);
        assert_int_equal(world_wait(NULL), 0);
        world.fail = "DeleteVolume"; /* one of them stays for the next time */
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ExpireSnapshots", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_int_equal(world_instance("c1")->n_snapshots, 3);
        world_assert_consistent();
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ExpireSnapshots", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_int_equal(world_instance("c1")->n_snapshots, 2);
        assert_non_null(snapshot_find(world_instance("c1"), "keep"));
        assert_non_null(snapshot_find(world_instance("c1"), "later"));
        world_assert_consistent();
}

static void schedule(void **state) {
        _cleanup_free_ char *marker = NULL;

        assert_int_equal(str_format(&marker, "%s/snapshot-duties", world.dir), 0);
        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_create("c2", "none", NULL), 0);
        assert_int_not_equal(access(marker, F_OK), 0); /* nothing to do: the timer wakes nobody */
        assert_int_equal(world_set("c1", "snapshots.schedule", "* * * * *", NULL), 0);
        assert_int_equal(access(marker, F_OK), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ExpireSnapshots", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(world_wait(NULL), 0);
        world_settle();
        assert_int_equal(world_instance("c1")->n_snapshots, 0); /* stopped */
        assert_int_equal(world_set("c1", "snapshots.schedule.stopped", "true", NULL), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ExpireSnapshots", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(world_wait(NULL), 0);
        world_settle();
        assert_int_equal(world_instance("c1")->n_snapshots, 1);
        assert_int_equal(world_instance("c2")->n_snapshots, 0);
        assert_int_equal(world_set("c1", "snapshots.schedule", "", NULL), 0);
        assert_int_not_equal(access(marker, F_OK), 0);
        world_assert_consistent();
}

static int update_profile(const char *name, const char *key, const char *value, const char *etag, sd_bus_error *e) {
        _cleanup_free_ char *path = NULL;

        assert_int_equal(bus_path_encode(&path, INSTANCE1_PROFILE, "default", name, NULL), 0);
        return fixture_call(&world.f, path, PROFILE, "Update", e, "sa{ss}a{sa{ss}}s(sss)t", "", 1, key, value, 0, etag, "", "", "",
                            (uint64_t) (UPDATE_CONFIG | UPDATE_MERGE));
}

/* The marker follows from one instance to the next. */
static void duties(void **state) {
        _cleanup_free_ char *marker = NULL;

        assert_int_equal(str_format(&marker, "%s/snapshot-duties", world.dir), 0);
        for (unsigned k = 1; k <= 3; k++) {
                char name[] = { 'c', (char) ('0' + k), 0 };

                assert_int_equal(world_create(name, "none", NULL), 0);
                if (k < 3)
                        assert_int_equal(world_set(name, "snapshots.schedule", "@daily", NULL), 0);
        }
        assert_int_equal(world_do("c1", "Delete", NULL), 0);
        assert_int_equal(access(marker, F_OK), 0);
        world_restart();
        assert_int_equal(access(marker, F_OK), 0);
        assert_int_equal(world_set("c2", "snapshots.schedule", "", NULL), 0);
        assert_int_not_equal(access(marker, F_OK), 0);
        assert_int_equal(world_set("c3", "snapshots.expiry", "1d", NULL), 0);
        assert_int_equal(world_snapshot("c3", "s", NULL), 0);
        assert_int_equal(access(marker, F_OK), 0);
        assert_int_equal(world_snapshot_do("c3", "s", "Delete", NULL, NULL), 0);
        assert_int_not_equal(access(marker, F_OK), 0);
        assert_int_equal(update_profile("default", "snapshots.schedule", "@daily", "", NULL), 0);
        assert_int_equal(access(marker, F_OK), 0);
        assert_int_equal(world_do("c2", "Delete", NULL), 0);
        assert_int_equal(access(marker, F_OK), 0);
        assert_int_equal(world_do("c3", "Delete", NULL), 0);
        assert_int_not_equal(access(marker, F_OK), 0);
}

static void profiles(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "a/b", "", 0, 0, "",
                                      "", "", (uint64_t) 0), -EINVAL);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "web", "", 0, 0, "",
                                      "", "", (uint64_t) 0), 0);
        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.calls = strv_free(world.calls);
        assert_int_equal(update_profile("default", "limits.processes", "500", "", NULL), 0);
        world_settle();
        assert_true(world_called("pids.max=500")); /* the running user follows at once */
        assert_string_equal(instance_get(world_instance("c1"), "limits.processes"), "500");
        assert_int_equal(update_profile("default", "limits.memory", "lots", "", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(update_profile("default", "user.x", "1", "stale", &e), -ESTALE);
        sd_bus_error_free(&e);
        assert_int_equal(update_profile("default", "volatile.uuid", "1", "", &e), -EINVAL);
        sd_bus_error_free(&e);
        /* without its root disk the user could not start any more */
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/default", PROFILE, "Update", &e, "sa{ss}a{sa{ss}}s(sss)t", "", 0, 0, "", "",
                                      "", "", (uint64_t) UPDATE_DEVICES), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/default", PROFILE, "Delete", &e, "(sss)t", "", "", "", (uint64_t) 0), -EACCES);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/web", PROFILE, "Rename", NULL, "s(sss)t", "zeb", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/zeb", PROFILE, "Delete", NULL, "(sss)t", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/zeb", PROFILE, "Delete", NULL, "(sss)t", "", "", "", (uint64_t) 0), -ENOENT);
}

static int change_states(const char *action, bool force, sd_bus_error *e) {
        int r = fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ChangeStates", e, "sssi(sss)t", "default", "", action, 5, "", "", "", (uint64_t) force);

        return r < 0 ? r : world_wait(e);
}

/* One operation for all instances of a project. */
static void bulk(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        static const char *const names[] = { "c1", "c2", "c3" };

        assert_int_equal(change_states("start", false, NULL), 0); /* there is nothing to be done, and that is no failure */
        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                assert_int_equal(world_create(names[k], "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_int_equal(change_states("start", false, NULL), 0);
        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                assert_int_equal(world_instance(names[k])->status, INSTANCE_RUNNING);
        assert_int_equal(world_do("c1", "Freeze", NULL), 0);
        assert_int_equal(change_states("freeze", false, NULL), 0);
        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                assert_int_equal(world_instance(names[k])->status, INSTANCE_FROZEN);
        assert_int_equal(change_states("unfreeze", false, NULL), 0);
        assert_int_equal(world_instance("c3")->status, INSTANCE_RUNNING);
        assert_int_equal(change_states("restart", true, NULL), 0);
        assert_int_equal(change_states("stop", true, NULL), 0);
        for (size_t k = 0; k < ELEMENTSOF(names); k++)
                assert_int_equal(world_instance(names[k])->status, INSTANCE_STOPPED);

        /* one that fails does not keep the others, and is named with its reason */
        world.fail = "Mount";
        assert_true(change_states("start", false, &e) < 0);
        assert_non_null(strstr(e.message, "The following instances failed to update state:\n - Instance: c"));
        assert_non_null(strstr(e.message, "no luck"));
        assert_int_equal((world_instance("c1")->status == INSTANCE_RUNNING) + (world_instance("c2")->status == INSTANCE_RUNNING) +
                         (world_instance("c3")->status == INSTANCE_RUNNING), 2);
        sd_bus_error_free(&e);
        assert_int_equal(change_states("dance", false, &e), -EINVAL);
        assert_string_equal(e.message, "Unknown action: 'dance'");
        world_settle();
}

/* metadata.yaml and the templates of an image, which no guest reaches but which a stranger may have made. */
static void metadata(void **state) {
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Metadata";
        _cleanup_close_ int dir = -EBADF, content = memfd_new_sealed("content", "text", 4), outside = memfd_new_sealed("content", "lies", 4);
        _cleanup_free_ char *all = NULL, *merged = NULL, *names = NULL, *text = NULL;
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        char buffer[16] = "";
        int fd;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "sxxa{ss}a(sasbsa{ss})s(sss)t", "x86_64", (int64_t) 5, (int64_t) 6, 2,
                                      "os", "x", "release", "1", 1, "/etc/hostname", 1, "create", 1, "hostname.tpl", 1, "a", "b", "", "", "", "",
                                      (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, path, LXD_BUS_PREFIX ".instance1.Instance", "DescribeMetadata", NULL, "t", (uint64_t) 0), 0);
        all = fixture_document(&world.f);
        assert_non_null(strstr(all, "\"creation_date\":5"));
        assert_non_null(strstr(all, "{\"when\":[\"create\"],\"create_only\":true,\"template\":\"hostname.tpl\",\"properties\":{\"a\":\"b\"}}"));

        /* a merge of one property (flags: merge, properties) leaves all others */
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "sxxa{ss}a(sasbsa{ss})s(sss)t", "", (int64_t) 0, (int64_t) 0, 1,
                                      "release", "2", 0, "", "", "", "", (uint64_t) (1 | 16)), 0);
        assert_int_equal(fixture_call(&world.f, path, LXD_BUS_PREFIX ".instance1.Instance", "DescribeMetadata", NULL, "t", (uint64_t) 0), 0);
        merged = fixture_document(&world.f);
        assert_non_null(strstr(merged, "\"os\":\"x\"") && strstr(merged, "\"release\":\"2\"") && strstr(merged, "hostname.tpl") ? merged : NULL);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", &e, "sxxa{ss}a(sasbsa{ss})s(sss)t", "", (int64_t) 0, (int64_t) 0, 0, 0,
                                      "stale", "", "", "", (uint64_t) 0), -ESTALE);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", &e, "sxxa{ss}a(sasbsa{ss})s(sss)t", "", (int64_t) 0, (int64_t) 0, 0, 1,
                                      "/etc/x", 0, 0, "../../passwd", 0, "", "", "", "", (uint64_t) 0), -EINVAL);
        sd_bus_error_free(&e);

        assert_int_equal(fixture_call(&world.f, path, interface, "OpenTemplate", &e, "st", "a.tpl", (uint64_t) 0), -ENOENT);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, path, interface, "PutTemplate", NULL, "sh(sss)t", "a.tpl", content, "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "OpenTemplate", NULL, "st", "a.tpl", (uint64_t) 0), 0);
        assert_true(sd_bus_message_read(world.f.reply, "h", &fd) > 0);
        assert_int_equal(pread(fd, buffer, sizeof(buffer), 0), 4);
        assert_string_equal(buffer, "text");
        for (const char *const *name = (const char *[]) { "", "..", "../metadata.yaml", "a/b", ".hidden", "a\nb", NULL }; *name; name++) {
                assert_int_equal(fixture_call(&world.f, path, interface, "PutTemplate", &e, "sh(sss)t", *name, content, "", "", "", (uint64_t) 0), -EINVAL);
                sd_bus_error_free(&e);
                assert_int_equal(fixture_call(&world.f, path, interface, "OpenTemplate", &e, "st", *name, (uint64_t) 0), -EINVAL);
                sd_bus_error_free(&e);
                assert_int_equal(fixture_call(&world.f, path, interface, "DeleteTemplate", &e, "s(sss)t", *name, "", "", "", (uint64_t) 0), -EINVAL);
                sd_bus_error_free(&e);
        }

        /* a link that came with an image leads nowhere, neither reading nor writing */
        assert_int_equal(str_format(&text, "%s/templates", world.dir), 0);
        dir = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
        assert_true(dir >= 0 && symlinkat("../metadata.yaml", dir, "link") >= 0);
        assert_true(fixture_call(&world.f, path, interface, "OpenTemplate", &e, "st", "link", (uint64_t) 0) < 0);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, path, interface, "PutTemplate", NULL, "sh(sss)t", "link", outside, "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, path, LXD_BUS_PREFIX ".instance1.Instance", "DescribeMetadata", NULL, "t", (uint64_t) 0), 0);

        assert_int_equal(fixture_call(&world.f, path, interface, "ListTemplates", NULL, "t", (uint64_t) 0), 0);
        names = fixture_document(&world.f);
        assert_non_null(strstr(names, "[\"a.tpl\",\"link\"]"));
        assert_int_equal(fixture_call(&world.f, path, interface, "DeleteTemplate", NULL, "s(sss)t", "a.tpl", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "DeleteTemplate", &e, "s(sss)t", "a.tpl", "", "", "", (uint64_t) 0), -ENOENT);
}

/* Ctrl-C during "lxc init" and "lxc launch". */
static void cancelled_create(void **state) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *started = NULL;
        const char *operation;

        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateInstance", NULL, "sssssbasa{ss}a{sa{ss}}a{ss}(sss)t", "default", "c1",
                                      "container", "", "", 0, 0, 0, 0, 2, "type", "image", "alias", "x", "", "", "", (uint64_t) 1), 0);
        started = sd_bus_message_ref(world.f.reply);
        assert_true(sd_bus_message_read(started, "o", &operation) > 0);
        assert_int_equal(fixture_call(&world.f, operation, LXD_BUS_PREFIX ".Operation1", "Cancel", NULL, "t", (uint64_t) 0), 0);
        assert_true(sd_bus_message_rewind(started, true) >= 0);
        sd_bus_message_unref(world.f.reply);
        world.f.reply = sd_bus_message_ref(started);
        assert_true(world_wait(NULL) < 0);
        assert_null(world_instance("c1"));
        assert_int_equal(strv_length(world.volumes), 0);
        world_assert_consistent();
        assert_int_equal(world_create("c1", "image", NULL), 0);
}

/* Clients unset a key by sending it empty, in a whole new record as well. */
static void empty_values(void **state) {
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Instance";
        const Devices *devices;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 2, "user.a", "", "user.b", "1",
                                      1, "data", 4, "type", "disk", "source", "/tmp", "path", "/mnt", "readonly", "", "", "", "", "",
                                      (uint64_t) (UPDATE_DEVICES | UPDATE_CONFIG)), 0);
        assert_int_equal(world_wait(NULL), 0);
        devices = &world_instance("c1")->settings.devices;
        assert_null(config_get(&world_instance("c1")->settings.config, "user.a"));
        assert_string_equal(config_get(&world_instance("c1")->settings.config, "user.b"), "1");
        assert_null(config_get(devices_get(devices, "data"), "readonly"));
        assert_string_equal(config_get(devices_get(devices, "data"), "source"), "/tmp");

        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "p", "", 1, "user.x",
                                      "", 0, "", "", "", (uint64_t) 0), 0);
        assert_null(config_get(&profile_find(world.manager, "default", "p")->config, "user.x"));
        assert_int_equal(fixture_call(&world.f, INSTANCE1_PROFILE "/default/p", PROFILE, "Update", NULL, "sa{ss}a{sa{ss}}s(sss)t", "", 1, "user.y", "", 0,
                                      "", "", "", "", (uint64_t) UPDATE_CONFIG), 0);
        assert_null(config_get(&profile_find(world.manager, "default", "p")->config, "user.y"));
}

static int set_disk(const char *source, const char *required, sd_bus_error *e) {
        int r = fixture_call(&world.f, INSTANCE1_INSTANCE "/default/c1", LXD_BUS_PREFIX ".instance1.Instance", "Update", e, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0,
                             0, 1, "data", 4, "type", "disk", "source", source, "path", "/mnt", "required", required, "", "", "", "",
                             (uint64_t) (UPDATE_DEVICES | UPDATE_MERGE));

        return r < 0 ? r : world_wait(e);
}

/* What is not there is refused when a device comes to name it, and not when something else is changed later. */
static void missing_source(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *there = NULL;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(str_format(&there, "%s/there", world.dir), 0);
        assert_true(set_disk(there, "", &e) < 0);
        assert_true(startswith(e.message, "Failed add validation for device \"data\": Missing source path \""));
        assert_null(devices_get(&world_instance("c1")->settings.devices, "data"));
        assert_int_equal(set_disk(there, "false", NULL), 0);
        assert_int_equal(mkdir(there, 0700), 0);
        assert_int_equal(set_disk(there, "", NULL), 0);
        assert_int_equal(rmdir(there), 0);
        assert_int_equal(world_set("c1", "user.x", "1", NULL), 0);
        sd_bus_error_free(&e);
        assert_true(world_copy("c1", "c2", &e) < 0);
        assert_non_null(strstr(e.message, "Failed creating instance record: Failed initialising instance: Failed add validation for device \"data\""));
        assert_null(world_instance("c2"));
}

static void missing_volume(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Instance";

        assert_int_equal(world_create("c1", "none", NULL), 0);
        world.fail = "CheckVolume";
        for (unsigned k = 0; k < 2; k++) {
                sd_bus_error_free(&e);
                assert_int_equal(fixture_call(&world.f, path, interface, "Update", &e, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 1, "v", 4, "type", "disk",
                                              "pool", "p", "source", "v", "path", "/mnt", "", "", "", "", (uint64_t) (UPDATE_DEVICES | UPDATE_MERGE)), 0);
                assert_int_equal(world_wait(&e), k == 0 ? -EIO : 0);
                if (k == 0)
                        assert_string_equal(e.message, "Failed add validation for device \"v\": no luck");
        }
        assert_non_null(devices_get(&world_instance("c1")->settings.devices, "v"));
        /* As it was before: not asked for again. */
        world.calls = strv_free(world.calls);
        assert_int_equal(world_set("c1", "user.x", "1", NULL), 0);
        assert_false(world_called("CheckVolume"));
}

/* A profile may name a path that is not there, but no network. */
static void missing_network(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *path = INSTANCE1_PROFILE "/default/p";

        world.fail = "Validate";
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", &e, "sssa{ss}a{sa{ss}}(sss)t", "default", "p", "", 0, 1, "eth0", 2,
                                      "type", "nic", "network", "no", "", "", "", (uint64_t) 0), -EIO);
        assert_non_null(strstr(e.message, "no luck"));
        assert_null(profile_find(world.manager, "default", "p"));
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "p", "", 0, 2, "eth0", 2,
                                      "type", "nic", "network", "br0", "data", 3, "type", "disk", "source", "/nowhere/at/all", "path", "/x", "", "", "",
                                      (uint64_t) 0), 0);
        assert_string_equal(config_get(devices_get(&profile_find(world.manager, "default", "p")->devices, "eth0"), "network"), "br0");

        world.fail = "Validate";
        assert_int_equal(fixture_call(&world.f, path, PROFILE, "Update", NULL, "sa{ss}a{sa{ss}}s(sss)t", "", 0, 1, "eth0", 2, "type", "nic", "network", "no", "",
                                      "", "", "", (uint64_t) UPDATE_DEVICES), -EIO);
        assert_string_equal(config_get(devices_get(&profile_find(world.manager, "default", "p")->devices, "eth0"), "network"), "br0");
        /* The same network as before is not asked for. */
        world.calls = strv_free(world.calls);
        assert_int_equal(fixture_call(&world.f, path, PROFILE, "Update", NULL, "sa{ss}a{sa{ss}}s(sss)t", "", 0, 1, "eth0", 3, "type", "nic", "network", "br0",
                                      "name", "eth7", "", "", "", "", (uint64_t) UPDATE_DEVICES), 0);
        assert_false(world_called("Validate"));
        assert_string_equal(config_get(devices_get(&profile_find(world.manager, "default", "p")->devices, "eth0"), "name"), "eth7");
}

static void snapshot_expiry(void **state) {
        const char *path = INSTANCE1_SNAPSHOT "/default/c1/s", *interface = LXD_BUS_PREFIX ".instance1.Snapshot";
        const uint64_t later = 1893456000 * (uint64_t) 1000000;

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_snapshot("c1", "s", NULL), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ts(sss)t", later, "", "", "", "", (uint64_t) UPDATE_EXPIRY), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_int_equal(snapshot_find(world_instance("c1"), "s")->expires_at, later);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ts(sss)t", (uint64_t) 0, "", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_int_equal(snapshot_find(world_instance("c1"), "s")->expires_at, later);
}

/* The guest is this process, as far as the state of a guest says; here it has to be alive. */
static void make_guest_alive(const char *name) {
        _cleanup_close_ int proc = process_open(getpid());

        assert_true(proc >= 0);
        assert_int_equal(process_start_time(proc, &world_instance(name)->guest.start_time), 0);
}

static void live_devices(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Instance";

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        make_guest_alive("c1");
        world.calls = strv_free(world.calls);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 2, "data", 3, "type", "disk",
                                      "source", "/tmp", "path", "/mnt", "eth1", 2, "type", "nic", "network", "br1", "", "", "", "",
                                      (uint64_t) (UPDATE_DEVICES | UPDATE_MERGE)), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_true(world_called("mount_add") && world_called("Attach") && world_called("ConnectGuest"));
        assert_non_null(config_get(&world_instance("c1")->settings.config, "volatile.eth1.hwaddr"));
        assert_string_equal(config_get(&world_instance("c1")->settings.config, "volatile.eth1.host_name"), "veth1");
        /* a failed plug leaves the record as it was */
        world.fail = "Attach";
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 1, "eth2", 2, "type", "nic",
                                      "network", "br2", "", "", "", "", (uint64_t) (UPDATE_DEVICES | UPDATE_MERGE)), 0);
        assert_true(world_wait(&e) < 0);
        assert_null(devices_get(&world_instance("c1")->settings.devices, "eth2"));
        /* removal */
        world.calls = strv_free(world.calls);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 0, "", "", "", "",
                                      (uint64_t) UPDATE_DEVICES), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_true(world_called("mount_remove") && world_called("Detach"));
        assert_null(config_get(&world_instance("c1")->settings.config, "volatile.eth1.hwaddr"));
        /* the pool of the root disk stays */
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", &e, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 1, "root", 3, "type", "disk",
                                      "path", "/", "pool", "other", "", "", "", "", (uint64_t) UPDATE_DEVICES), -EINVAL);
}

/* A NIC has its address from the moment it is given to an instance, running or not: who plans networks wants to know it. */
static void new_nic(void **state) {
        const char *path = INSTANCE1_INSTANCE "/default/c1", *interface = LXD_BUS_PREFIX ".instance1.Instance";

        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 1, "eth1", 2,
                                      "type", "nic", "network", "br1", "", "", "", "", (uint64_t) (UPDATE_DEVICES | UPDATE_MERGE)), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_non_null(config_get(&world_instance("c1")->settings.config, "volatile.eth1.hwaddr"));
        assert_int_equal(fixture_call(&world.f, path, interface, "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t", "", "", 0, 0, 0, 0, "", "", "", "",
                                      (uint64_t) UPDATE_DEVICES), 0);
        assert_int_equal(world_wait(NULL), 0);
        assert_null(config_get(&world_instance("c1")->settings.config, "volatile.eth1.hwaddr"));
}

/* ---- what happens while a job waits for others ---- */

static Profile *web(void) {
        return profile_find(world.manager, "default", "web");
}

static int update_c1(const char *key, const char *value, const char *profile, const char *nic) {
        int r = fixture_call(&world.f, INSTANCE1_INSTANCE "/default/c1", LXD_BUS_PREFIX ".instance1.Instance", "Update", NULL, "ssbasa{ss}a{sa{ss}}s(sss)t",
                             "", "", 0, 2, "default", profile, 1, key, value, 1, nic, 2, "type", "nic", "network", "br1", "", "", "", "",
                             (uint64_t) (UPDATE_DEVICES | UPDATE_CONFIG | UPDATE_PROFILES | UPDATE_MERGE));

        return r < 0 ? r : world_wait(NULL);
}

static const char *last_call(const char *prefix) {
        const char *found = NULL;

        STRV_FOREACH(c, world.calls)
                found = startswith(*c, prefix) ?: found;
        return found;
}

static void running_c1(void) {
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "web", "", 0, 0, "",
                                      "", "", (uint64_t) 0), 0);
        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.calls = strv_free(world.calls);
}

static void delete_web(void) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_true(profile_delete(world.manager, web(), NULL, &e) < 0);
        assert_string_equal(e.message, "Profile is currently in use");
}

/* It would be the instance's a moment later. */
static void profile_deleted_meanwhile(void **state) {
        running_c1();
        world.during = "Attach";
        world.meanwhile = delete_web;
        assert_int_equal(update_c1("user.x", "1", "web", "eth1"), 0);
        assert_null(world.during);
        assert_true(instance_uses_profile(world_instance("c1"), web()));
        /* and a change that comes to nothing lets it go again */
        world.fail = "Attach";
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateProfile", NULL, "sssa{ss}a{sa{ss}}(sss)t", "default", "other", "", 0, 0,
                                      "", "", "", (uint64_t) 0), 0);
        assert_true(update_c1("user.x", "1", "other", "eth2") < 0);
        world_settle();
        assert_int_equal(profile_delete(world.manager, profile_find(world.manager, "default", "other"), NULL, NULL), 0);
}

static void limit_profile(const char *name, const char *value) {
        _cleanup_(config_done) Config config = {};
        Job *j = NULL;

        assert_int_equal(config_set(&config, "limits.processes", value), 0);
        assert_int_equal(profile_update(world.manager, profile_find(world.manager, "default", name), UPDATE_CONFIG | UPDATE_MERGE, NULL, &config, NULL, NULL, NULL,
                                        &j, NULL), 0);
        if (j)
                job_start(j);
}

static void limit_default(void) {
        limit_profile("default", "500");
}

static void limit_web(void) {
        limit_profile("web", "300");
}

/* The instance's own key wins, whoever is applied last. */
static void profile_changed_during_update(void **state) {
        running_c1();
        world.during = "Attach";
        world.meanwhile = limit_default;
        assert_int_equal(update_c1("limits.processes", "100", "web", "eth1"), 0);
        world_settle();
        assert_string_equal(last_call("pids.max="), "100");
        assert_int_equal(update_c1("limits.processes", "", "web", "eth1"), 0);
        world_settle();
        assert_string_equal(last_call("pids.max="), "500");
}

/* A profile that the instance is only just getting. */
static void coming_profile_changed(void **state) {
        running_c1();
        world.during = "Attach";
        world.meanwhile = limit_web;
        assert_int_equal(update_c1("user.x", "1", "web", "eth1"), 0);
        world_settle();
        assert_string_equal(instance_get(world_instance("c1"), "limits.processes"), "300");
        assert_string_equal(last_call("pids.max="), "300");
}

/* The guest is being built with what the profile said before. */
static void profile_changed_during_start(void **state) {
        assert_int_equal(world_create("c1", "none", NULL), 0);
        world.during = "Mount";
        world.meanwhile = limit_default;
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_null(world.during);
        world_settle();
        assert_string_equal(last_call("pids.max="), "500");
        assert_null(world_instance("c1")->live);
}

static void snapshot_made(void) {
        Snapshot *s = snapshot_new(world_instance("c1"), "late");

        assert_non_null(s);
        s->row = ROW_CREATED;
        s->settings.architecture = architecture_native();
        assert_int_equal(db_snapshot_insert(world.manager->db, s), 0);
        assert_int_equal(strv_extend(&world.volumes, "p/default/c1/late"), 0);
}

static void snapshot_made_during_copy(void **state) {
        assert_int_equal(world_create("c1", "none", NULL), 0);
        assert_int_equal(world_snapshot("c1", "s", NULL), 0);
        world.during = "CreateVolume";
        world.meanwhile = snapshot_made;
        assert_int_equal(world_copy("c1", "c2", NULL), 0);
        assert_non_null(snapshot_find(world_instance("c2"), "s"));
        world_assert_consistent();
}

/* ---- kill -9 after each step of each job ---- */

static void crash_to(const char *kind, const char *step, int (*action)(void)) {
        world.crash_kind = kind;
        world.crash_step = step;
        (void) action();
        if (!world.crashed)
                fail_msg("%s never came to step %s", kind, step);
        world_restart();
}

static void crash(const char *kind, const char *step, int (*action)(void)) {
        crash_to(kind, step, action);
        world_assert_consistent();
}

static int do_create(void) {
        return world_create("c1", "image", NULL);
}

static int do_delete(void) {
        return world_do("c1", "Delete", NULL);
}

static int do_rename(void) {
        return world_rename("c1", "c2", NULL);
}

static int do_snapshot(void) {
        return world_snapshot("c1", "s", NULL);
}

static int do_snapshot_rename(void) {
        return world_snapshot_do("c1", "s", "Rename", "t", NULL);
}

static int do_restore(void) {
        return world_restore("c1", "s", NULL);
}

static void killed_create(void **state) {
        static const char *const before[] = { "record", "resolve", "plan", "snapshots", "volume" };

        for (size_t k = 0; k < ELEMENTSOF(before); k++) {
                crash("create", before[k], do_create);
                assert_null(world_instance("c1")); /* as if nobody had asked */
        }
        crash("create", "commit", do_create);
        assert_non_null(world_instance("c1"));
        assert_int_equal(do_delete(), 0);
        assert_int_equal(do_create(), 0);
}

static void killed_delete(void **state) {
        static const char *const steps[] = { "mark", "volume", "network", "forget" };

        for (size_t k = 0; k < ELEMENTSOF(steps); k++) {
                assert_int_equal(do_create(), 0);
                crash("delete", steps[k], do_delete);
                assert_null(world_instance("c1")); /* what had begun is finished */
        }
}

static void killed_rename(void **state) {
        static const char *const steps[] = { "intent", "volume" };

        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        for (size_t k = 0; k < ELEMENTSOF(steps); k++) {
                crash("rename", steps[k], do_rename);
                assert_non_null(world_instance("c1"));
        }
        crash("rename", "record", do_rename);
        assert_non_null(world_instance("c2"));
}

/* lxd-storaged dies when it is already sure to rename the volume, and its next process does it. */
static void renaming_storage_killed(void **state) {
        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        world.lose = "RenameVolume";
        assert_true(do_rename() < 0);
        world_assert_consistent();
        world.lose = "RenameVolume";
        assert_true(do_snapshot_rename() < 0);
        world_assert_consistent();

        /* The volume cannot get its name back either: nobody may touch the instance before it has. */
        world.lose = world.fail = "RenameVolume";
        assert_true(do_rename() < 0);
        assert_true(do_delete() < 0);
        world_settle();
        world_assert_consistent();
        world.lose = world.fail = "RenameVolume";
        assert_true(do_rename() < 0);
        world_restart();
        world_assert_consistent();
        assert_int_equal(do_rename(), 0);
}

static int do_snapshot_delete(void) {
        return world_snapshot_do("c1", "s", "Delete", NULL, NULL);
}

/* lxd-storaged dies when it has begun to remove the volume: what has lost its volume does not come back. */
static void deleting_storage_killed(void **state) {
        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        world.lose = "DeleteVolume";
        assert_true(do_snapshot_delete() < 0);
        world_settle();
        assert_null(snapshot_find(world_instance("c1"), "s"));
        world_assert_consistent();
        world.lose = "DeleteVolume";
        assert_true(do_delete() < 0);
        world_settle();
        assert_null(world_instance("c1"));
        world_assert_consistent();
}

/* A volume that may not go keeps its instance, but what was half made or half gone does not become whole by that. */
static void delete_refused(void **state) {
        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        world.fail = "DeleteVolume";
        assert_true(do_snapshot_delete() < 0);
        assert_int_equal(snapshot_find(world_instance("c1"), "s")->row, ROW_CREATED);
        world.fail = "DeleteVolume";
        assert_true(do_delete() < 0);
        assert_int_equal(world_instance("c1")->row, ROW_CREATED);
        world_assert_consistent();

        world.fail_then = "DeleteVolume";
        crash_to("snapshot", "mark", do_snapshot_delete);
        assert_int_not_equal(snapshot_find(world_instance("c1"), "s")->row, ROW_CREATED);
        world_restart();
        assert_null(snapshot_find(world_instance("c1"), "s"));

        world.fail_then = "DeleteVolume";
        crash_to("delete", "mark", do_delete);
        assert_int_not_equal(world_instance("c1")->row, ROW_CREATED);
        world_restart();
        assert_null(world_instance("c1"));
        world_assert_consistent();
}

/* What a guest held is let go also when lxd-storaged dies just then, and at the latest when somebody needs the volume. */
static void stopping_storage_killed(void **state) {
        assert_int_equal(do_create(), 0);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        world.calls = strv_free(world.calls);
        world.lose = "UnmountAll";
        assert_int_equal(world_stop("c1", "Stop", -1, true, NULL), 0);
        assert_int_equal(count_called("UnmountAll"), 2);
        world_restart();
        world.calls = strv_free(world.calls);
        assert_int_equal(do_rename(), 0);
        assert_int_equal(count_called("UnmountAll"), 2); /* for files and for the guest */
}

/* A volume that has the new name already is somebody else's: it keeps it. */
static void rename_refused(void **state) {
        assert_int_equal(do_create(), 0);
        world.fail = "RenameVolume";
        world.calls = strv_free(world.calls);
        assert_true(do_rename() < 0);
        assert_int_equal(strv_length(world.calls), 1);
        world_assert_consistent();
}

/* The volume that a device names got another name, and another pool; the root disk and other projects are none of its business. */
static void volume_moved(void **state) {
        static const char *const disk[] = { "type", "disk", "pool", "p", "source", "v", "path", "/data" };
        _cleanup_(config_done) Config c = {};
        Devices *d;

        assert_int_equal(do_create(), 0);
        d = &world_instance("c1")->settings.devices;
        for (size_t k = 0; k < ELEMENTSOF(disk); k += 2)
                assert_int_equal(config_set(&c, disk[k], disk[k + 1]), 0);
        assert_true(devices_set(d, "data", &c) >= 0);
        assert_int_equal(fixture_call(&world.f, "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1.References", "RenameVolume", NULL, "ssssst", "q",
                                      "default", "v", "r", "w", (uint64_t) 0), 0);
        assert_string_equal(config_get(devices_get(d, "data"), "source"), "v");
        for (unsigned k = 0; k < 2; k++) { /* repeatable */
                assert_int_equal(fixture_call(&world.f, "/org/lxd/instance1", LXD_BUS_PREFIX ".instance1.References", "RenameVolume", NULL,
                                              "ssssst", "p", "default", "v", "q", "w", (uint64_t) 0), 0);
                d = &world_instance("c1")->settings.devices;
                assert_string_equal(config_get(devices_get(d, "data"), "source"), "w");
                assert_string_equal(config_get(devices_get(d, "data"), "pool"), "q");
        }
}

static int move(const char *instance, const char *name, const char *pool, sd_bus_error *e) {
        _cleanup_free_ char *path = NULL;
        int r;

        assert_int_equal(str_format(&path, INSTANCE1_INSTANCE "/default/%s", instance), 0);
        r = fixture_call(&world.f, path, LXD_BUS_PREFIX ".instance1.Instance", "Move", e, "ss(sss)t", name, pool, "", "", "", (uint64_t) 0);
        return r < 0 ? r : world_wait(e);
}

static int do_move(void) {
        return move("c1", "c2", "q", NULL);
}

static const char *root_pool(const Settings *s) {
        return config_get(devices_get(&s->devices, "root"), "pool");
}

static void moving(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;

        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        assert_int_equal(do_move(), 0);
        world_assert_consistent();
        assert_null(world_instance("c1"));
        assert_string_equal(world_instance("c2")->pool, "q");
        assert_string_equal(root_pool(&world_instance("c2")->settings), "q");
        assert_string_equal(root_pool(&world_instance("c2")->snapshots[0]->settings), "q");
        assert_int_equal(move("c2", "c2", "q", NULL), 0); /* it is there */
        assert_int_equal(move("c2", "", "p", NULL), 0);
        world_restart();
        world_assert_consistent();
        assert_string_equal(world_instance("c2")->pool, "p");
        assert_string_equal(root_pool(&world_instance("c2")->snapshots[0]->settings), "p");
        assert_int_equal(move("c2", "c3", "p", NULL), 0); /* a rename */
        assert_int_equal(do_create(), 0);
        assert_int_equal(move("c1", "c3", "q", &e), -EEXIST);
        sd_bus_error_free(&e);
        world.fail = "CreateVolume";
        assert_true(move("c1", "c1", "q", &e) < 0);
        assert_string_equal(e.message, "no luck");
        world_assert_consistent();
        sd_bus_error_free(&e);
        world.fail = "DeleteVolume"; /* the old one: it is gone at the second try */
        assert_true(move("c1", "c1", "q", &e) < 0);
        world_assert_consistent();
        assert_string_equal(world_instance("c1")->pool, "q");
        sd_bus_error_free(&e);
        assert_int_equal(world_do("c1", "Start", NULL), 0);
        assert_true(move("c1", "c1", "p", &e) < 0);
        assert_non_null(strstr(e.message, "CRIU"));
}

static void killed_move(void **state) {
        static const char *const before[] = { "intent", "volume" }, *const after[] = { "record", "remove", "end" };

        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        for (size_t k = 0; k < ELEMENTSOF(before); k++) {
                crash("move", before[k], do_move);
                assert_string_equal(world_instance("c1")->pool, "p");
        }
        for (size_t k = 0; k < ELEMENTSOF(after); k++) {
                crash("move", after[k], do_move);
                assert_string_equal(world_instance("c2")->pool, "q");
                assert_int_equal(move("c2", "c1", "p", NULL), 0);
        }
}

static int refresh(const char *source, const char *only, sd_bus_error *e) {
        int r = fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "CreateInstance", e, "sssssbasa{ss}a{sa{ss}}a{ss}(sss)t", "default", "c2", "", "", "", 0, 0, 0, 0, 4,
                             "type", "copy", "source", source, "refresh", "true", "instance_only", only, "", "", "", (uint64_t) 1);

        return r < 0 ? r : world_wait(e);
}

static int do_refresh(void) {
        return refresh("c1", "false", NULL);
}

static const char *names_of(const char *instance, char **ret) {
        *ret = (free(*ret), NULL);
        assert_int_equal(snapshots_names(world_instance(instance), ret), 0);
        return *ret;
}

static void refreshing(void **state) {
        _cleanup_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *names = NULL;

        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        assert_int_equal(do_refresh(), 0); /* nothing there: a copy */
        assert_int_equal(world_snapshot("c2", "own", NULL), 0);
        assert_int_equal(refresh("c1", "true", NULL), 0);
        assert_string_equal(names_of("c2", &names), "s\nown");
        assert_int_equal(world_snapshot("c1", "s2", NULL), 0);
        assert_int_equal(world_snapshot("c1", "s3", NULL), 0);
        assert_int_equal(world_set("c2", "user.own", "1", NULL), 0);
        world.fail = "CreateSnapshot";
        assert_true(refresh("c1", "false", &e) < 0);
        assert_string_equal(e.message, "no luck");
        sd_bus_error_free(&e);
        world_assert_consistent();
        assert_string_equal(names_of("c2", &names), "s");
        assert_int_equal(do_refresh(), 0);
        assert_string_equal(names_of("c2", &names), "s\ns2\ns3");
        assert_non_null(config_get(&world_instance("c2")->settings.config, "user.own"));
        /* the name of another snapshot */
        assert_int_equal(world_snapshot_do("c1", "s2", "Delete", NULL, NULL), 0);
        assert_int_equal(world_snapshot("c1", "s2", NULL), 0);
        assert_int_equal(do_refresh(), 0);
        assert_int_equal(snapshot_find(world_instance("c1"), "s2")->created_at, snapshot_find(world_instance("c2"), "s2")->created_at);
        world_restart();
        world_assert_consistent();
        assert_int_equal(world_instance("c2")->n_snapshots, 3);
        assert_int_equal(refresh("c2", "false", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(refresh("nope", "false", &e), -ENOENT);
        sd_bus_error_free(&e);
        assert_int_equal(world_do("c2", "Start", NULL), 0);
        assert_int_equal(refresh("c1", "false", &e), -EINVAL);
        assert_non_null(strstr(e.message, "Instance is running"));
}

static void killed_refresh(void **state) {
        static const char *const steps[] = { "extra", "missing", "snapshots", "contents" };

        assert_int_equal(do_create(), 0);
        assert_int_equal(do_snapshot(), 0);
        assert_int_equal(do_refresh(), 0);
        for (size_t k = 0; k < ELEMENTSOF(steps); k++) {
                assert_int_equal(world_snapshot("c2", "own", NULL), 0);
                assert_int_equal(world_snapshot("c1", "new", NULL), 0);
                crash("refresh", steps[k], do_refresh);
                assert_null(snapshot_find(world_instance("c2"), "own"));
                assert_int_equal(do_refresh(), 0);
                assert_non_null(snapshot_find(world_instance("c2"), "new"));
                assert_int_equal(world_snapshot_do("c1", "new", "Delete", NULL, NULL), 0);
        }
}

static void killed_snapshot(void **state) {
        assert_int_equal(do_create(), 0);
        crash("snapshot", "record", do_snapshot);
        crash("snapshot", "volume", do_snapshot);
        assert_int_equal(world_instance("c1")->n_snapshots, 0);
        assert_int_equal(do_snapshot(), 0);
        crash("snapshot", "intent", do_snapshot_rename);
        crash("snapshot", "volume", do_snapshot_rename);
        assert_non_null(snapshot_find(world_instance("c1"), "s"));
        assert_int_equal(world_set("c1", "user.x", "new", NULL), 0);
        crash("restore", "intent", do_restore);
        assert_non_null(config_get(&world_instance("c1")->settings.config, "user.x"));
        crash("restore", "volume", do_restore); /* the volume is the snapshot's: so is the record */
        assert_null(config_get(&world_instance("c1")->settings.config, "user.x"));
}

/* ---- many ---- */

static void thousand(void **state) {
        _cleanup_free_ char *text = NULL;
        Profile *p = profile_find(world.manager, "default", "default");
        json_object *document, *metadata;
        uint64_t begin;

        assert_int_equal(sqlite3_exec(db_handle(world.manager->db), "PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
        for (unsigned k = 0; k < 1000; k++) {
                char name[32];
                Instance *i;

                (void) snprintf(name, sizeof(name), "n%04u", k);
                i = instance_new(world.manager, "default", name);
                assert_non_null(i);
                i->pool = strdup("p");
                i->settings.architecture = architecture_native();
                for (unsigned c = 0; c < 15; c++)
                        assert_int_equal(config_setf(&i->settings.config, c & 1 ? "user.key" : "image.key", "value %u", c), 0);
                for (unsigned c = 0; c < 15; c++) {
                        char key[32];

                        (void) snprintf(key, sizeof(key), "user.%u", c);
                        assert_int_equal(config_setf(&i->settings.config, key, "some value of a key, %u", c), 0);
                }
                i->profiles = calloc(1, sizeof(Profile *));
                i->profiles[0] = p;
                i->n_profiles = 1;
                assert_int_equal(db_instance_insert(world.manager->db, i), 0);
                assert_int_equal(instance_link(i), 0);
        }

        begin = now_monotonic();
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ListInstances", NULL, "ssust", "default", "", 2u, "", (uint64_t) 0), 0);
        print_message("list of 1000, recursion=2: %" PRIu64 " us\n", now_monotonic() - begin);
        text = fixture_document(&world.f);
        document = json_tokener_parse(text);
        assert_true(json_object_object_get_ex(document, "metadata", &metadata));
        assert_int_equal(json_object_array_length(metadata), 1000);
        json_object_put(document);
        assert_int_equal(world.n_calls_network_describe, 0); /* nobody runs: nobody is asked */

        free(text);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ListInstances", NULL, "ssust", "default", "", 0u, "name eq n0500", (uint64_t) 0), 0);
        text = fixture_document(&world.f);
        assert_non_null(strstr(text, "\"metadata\":[\"/1.0/instances/n0500\"]"));
        free(text);
        assert_int_equal(fixture_call(&world.f, INSTANCE1_ROOT, MANAGER, "ListInstances", NULL, "ssust", "default", "container", 0u, "name eq n0500", (uint64_t) 0), 0);
        text = fixture_document(&world.f);
        assert_non_null(strstr(text, "\"metadata\":[\"/1.0/containers/n0500\"]"));

        begin = now_monotonic();
        assert_int_equal(update_profile("default", "user.all", "1", "", NULL), 0);
        print_message("profile of 1000: %" PRIu64 " us\n", now_monotonic() - begin);
        begin = now_monotonic();
        world_restart();
        print_message("restart with 1000: %" PRIu64 " us\n", now_monotonic() - begin);
        assert_int_equal(world.manager->n_instances, 1000);
        assert_string_equal(instance_get(world_instance("n0999"), "user.14"), "some value of a key, 14");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(life), TEST(create_undone), TEST(refused), TEST(names), TEST(unknown_flags), TEST(failed_creation), TEST(killed_while_prepared), TEST(failed_start), TEST(prepared_ahead), TEST(deaf_guest),
                TEST(forced_stop_overtakes), TEST(ephemeral), TEST(reboot_inside), TEST(rename_and_protect), TEST(snapshots), TEST(expiry), TEST(schedule), TEST(duties), TEST(profiles),
                TEST(live_devices), TEST(new_nic), TEST(profile_deleted_meanwhile), TEST(profile_changed_during_update),
                TEST(coming_profile_changed), TEST(profile_changed_during_start), TEST(snapshot_made_during_copy),
                TEST(empty_values), TEST(cancelled_create), TEST(metadata), TEST(bulk), TEST(missing_source),
                TEST(missing_volume), TEST(missing_network), TEST(snapshot_expiry), TEST(killed_create), TEST(killed_delete),
                TEST(killed_rename), TEST(volume_moved), TEST(moving), TEST(killed_move), TEST(refreshing), TEST(killed_refresh),
                TEST(killed_snapshot), TEST(renaming_storage_killed), TEST(deleting_storage_killed), TEST(delete_refused),
                TEST(rename_refused), TEST(stopping_storage_killed), TEST(thousand),
        };

        if (geteuid() != 0) {
                print_message("the runner's interface is for root only\n");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
