/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the bus: record, cancel, end, unknown flags, lost objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bus-error.h"
#include "fixture.h"

#define ROOT "/org/lxd/test1"

static const DaemonSpec spec = { .name = "test", .root = ROOT, .owner = OPERATION_OWNER_IMAGED };

static void on_cancel(Operation *op, void *userdata) {
        operation_finish(op, -ECANCELED, NULL);
}

static int call(Fixture *f, const char *path, const char *member, uint64_t flags, sd_bus_error *e) {
        return fixture_call(f, path, "org.lxd.Operation1", member, e, "t", flags);
}

static void record(void **state) {
        _cleanup_(operation_record_done) OperationRecord o = {};
        Fixture f = {};
        Operation *op;

        assert_true(fixture_open(&f, &spec) >= 0);
        assert_int_equal(operation_new(f.operations, "task", "Testing", "default", NULL, &op, NULL), 0);
        assert_int_equal(operation_owner(operation_id(op)), OPERATION_OWNER_IMAGED);
        assert_int_equal(operation_add_resource(op, "images", "/1.0/images/x"), 0);
        assert_int_equal(operation_set_metadata(op, "fingerprint", "x"), 0);
        assert_int_equal(call(&f, operation_path(op), "Get", 0, NULL), 0);
        assert_int_equal(operation_record_read(f.reply, &o), 0);
        assert_int_equal(o.status, OPERATION_RUNNING);
        assert_string_equal(o.resources[0].urls[0], "/1.0/images/x");
        assert_string_equal(config_get(&o.metadata, "fingerprint"), "x");
        assert_false(o.may_cancel);
        fixture_close(&f);
}

static void cancel(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Fixture f = {};
        Operation *op;

        assert_true(fixture_open(&f, &spec) >= 0);
        assert_int_equal(operation_new(f.operations, "task", "Testing", "default", NULL, &op, NULL), 0);
        assert_int_equal(call(&f, operation_path(op), "Get", 4, &e), -EINVAL);
        assert_string_equal(e.name, LXD_ERROR_INVALID);
        sd_bus_error_free(&e);
        assert_int_equal(call(&f, operation_path(op), "Cancel", 0, &e), -EINVAL);
        sd_bus_error_free(&e);
        operation_set_cancel(op, on_cancel, NULL);
        assert_int_equal(call(&f, operation_path(op), "Cancel", 0, &e), 0);
        assert_int_equal(operation_status(op), OPERATION_CANCELLED);
        assert_int_equal(operations_running(f.operations), 0);
        assert_int_equal(operations_count(f.operations), 1);
        assert_int_equal(call(&f, ROOT "/operation/nope", "Get", 0, &e), -ENOENT);
        assert_string_equal(e.message, "Operation not found");
        fixture_close(&f);
}

static void too_many(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Fixture f = {};
        Operation *op;

        assert_true(fixture_open(&f, &spec) >= 0);
        for (int i = 0; i < OPERATIONS_MAX; i++)
                assert_int_equal(operation_new(f.operations, "task", "Testing", "default", NULL, &op, NULL), 0);
        assert_int_equal(operation_new(f.operations, "task", "Testing", "default", NULL, &op, &e), -EHOSTDOWN);
        assert_int_equal(bus_error_http_status(e.name), 503);
        fixture_close(&f);
}

static void owners(void **state) {
        assert_int_equal(operation_owner("ead2ffff-4697-4cdc-9f54-6beb26496cc6"), OPERATION_OWNER_INSTANCED);
        assert_int_equal(operation_owner("ead2ffff-4697-4cdc-9f54-6beb26496cc0"), -EINVAL);
        assert_int_equal(operation_owner("ead2ffff-4697-4cdc-9f54-6beb26496cc"), -EINVAL);
        assert_int_equal(operation_owner("../../etc/passwd"), -EINVAL);
}

static void paths(void **state) {
        _cleanup_free_ char *path = NULL;
        char **labels = NULL;

        assert_int_equal(bus_path_encode(&path, "/a", "pro/ject", "c1", NULL), 0);
        assert_int_equal(bus_path_decode(path, "/a", 2, &labels), 1);
        assert_string_equal(labels[0], "pro/ject");
        assert_string_equal(labels[1], "c1");
        strv_free(labels);
        assert_int_equal(bus_path_decode(path, "/a", 1, &labels), 0);
        assert_int_equal(bus_path_decode(path, "/b", 2, &labels), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(record), cmocka_unit_test(cancel), cmocka_unit_test(too_many),
                                            cmocka_unit_test(owners), cmocka_unit_test(paths) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
