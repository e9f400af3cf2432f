/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-clusterd's vtables with an in-memory database: good calls, wrong calls, what clients see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/file.h"
#include "bus-error.h"
#include "certificate.h"
#include "fixture.h"
#include "manager.h"
#include "resources.h"

#define MANAGER CLUSTER_INTERFACE("Manager")
#define CERTIFICATE CLUSTER_INTERFACE("Certificate")

typedef struct Context {
        Manager manager;
        Fixture f;
} Context;

static int setup(void **state) {
        Context *c = calloc(1, sizeof(Context));
        const DaemonSpec spec = { .name = "clusterd", .root = CLUSTER_ROOT, .owner = OPERATION_OWNER_CLUSTERD,
                                  .interfaces = manager_interfaces, .enumerators = manager_enumerators,
                                  .userdata = &c->manager };

        assert_int_equal(manager_load(&c->manager, ":memory:", NULL), 0);
        assert_true(fixture_open(&c->f, &spec) >= 0);
        *state = c;
        return 0;
}

static int teardown(void **state) {
        Context *c = *state;

        fixture_close(&c->f);
        manager_done(&c->manager);
        free(c);
        return 0;
}

static int update_config(Context *c, const char *key, const char *value, const char *etag, uint64_t flags, sd_bus_error *e) {
        return fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "UpdateConfig", e, "a{ss}s(sss)t", 1u, key, value, etag, "root", "unix", "@",
                            flags);
}

static void read_config(Context *c, Config *config, char **etag) {
        const char *text;

        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "GetConfig", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(bus_read_config(c->f.reply, config), 0);
        assert_true(sd_bus_message_read(c->f.reply, "s", &text) > 0);
        assert_int_equal(str_replace(etag, text), 0);
}

static void configuration(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config config = {}, again = {};
        _cleanup_free_ char *before = NULL, *after = NULL;
        Context *c = *state;

        read_config(c, &config, &before);
        assert_int_equal(config.n, 0);
        assert_int_equal(update_config(c, "user.note", "hello", "", UPDATE_MERGE, NULL), 0);
        assert_int_equal(update_config(c, "user.other", "x", before, UPDATE_MERGE, &e), -ESTALE);
        assert_int_equal(bus_error_http_status(e.name), 412);
        sd_bus_error_free(&e);
        read_config(c, &again, &after);
        assert_string_equal(config_get(&again, "user.note"), "hello");
        assert_string_not_equal(before, after);
        assert_int_equal(update_config(c, "user.other", "x", after, 0, NULL), 0); /* replaces */
        config_done(&again);
        read_config(c, &again, &after);
        assert_null(config_get(&again, "user.note"));
        assert_int_equal(update_config(c, "user.other", "", "", UPDATE_MERGE, NULL), 0);
        config_done(&again);
        read_config(c, &again, &after);
        assert_int_equal(again.n, 0);
}

static void refused(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Context *c = *state;

        assert_int_equal(update_config(c, "core.nope", "1", "", UPDATE_MERGE, &e), -EINVAL);
        assert_string_equal(e.message, "Unknown configuration key: core.nope");
        sd_bus_error_free(&e);
        assert_int_equal(update_config(c, "images.auto_update_interval", "often", "", UPDATE_MERGE, &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(update_config(c, "core.https_address", ":8443", "", UPDATE_MERGE, &e), -EOPNOTSUPP);
        sd_bus_error_free(&e);
        assert_int_equal(update_config(c, "user.x", "1", "", 1 << 20, &e), -EINVAL);
}

static void password(void **state) {
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *etag = NULL;
        Context *c = *state;
        int matches;

        assert_int_equal(update_config(c, "core.trust_password", "true", "", UPDATE_MERGE, NULL), 0); /* of another server */
        assert_null(config_get(&c->manager.config, "core.trust_password"));
        assert_int_equal(update_config(c, "core.trust_password", "secret", "", UPDATE_MERGE, NULL), 0);
        read_config(c, &config, &etag);
        assert_string_equal(config_get(&config, "core.trust_password"), "true");
        assert_null(strstr(config_get(&c->manager.config, "core.trust_password"), "secret"));
        /* A client that sends back what it read changes nothing. */
        assert_int_equal(update_config(c, "core.trust_password", "true", "", UPDATE_MERGE, NULL), 0);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "CheckPassword", NULL, "st", "secret", (uint64_t) 0), 0);
        assert_true(sd_bus_message_read(c->f.reply, "b", &matches) > 0 && matches);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "CheckPassword", NULL, "st", "Secret", (uint64_t) 0), 0);
        assert_true(sd_bus_message_read(c->f.reply, "b", &matches) > 0 && !matches);
}

static int add(Context *c, const char *type, const char *text, const char *project, sd_bus_error *e) {
        return fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "AddCertificate", e, "sssbas(sss)t", "me", type, text, 1, 1u, project, "", "", "",
                            (uint64_t) 0);
}

static char *make_certificate(void) {
        char dir[] = "/tmp/lxd-test-XXXXXX", *path = NULL, *text = NULL;

        assert_non_null(mkdtemp(dir));
        assert_int_equal(certificate_make_server(dir), 0);
        assert_int_equal(str_format(&path, "%s/server.crt", dir), 0);
        assert_int_equal(file_read(path, 1 << 16, &text, NULL), 0);
        free(path);
        assert_int_equal(remove_tree_at(AT_FDCWD, dir), 0);
        return text;
}

static void certificates(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *pem = make_certificate(), *path = NULL, *fingerprint = NULL, *document = NULL;
        const char *text;
        Context *c = *state;

        assert_int_equal(add(c, "client", pem, "default", NULL), 0);
        assert_true(sd_bus_message_read(c->f.reply, "s", &text) > 0);
        fingerprint = strdup(text);
        assert_true(hex_is_valid(fingerprint, 64));
        assert_int_equal(add(c, "client", pem, "default", &e), -EEXIST);
        assert_string_equal(e.message, "Certificate already in trust store");
        sd_bus_error_free(&e);
        fingerprint[12] = '\0'; /* a prefix finds it */
        assert_int_equal(bus_path_encode(&path, CLUSTER_ROOT "/certificate", fingerprint, NULL), 0);
        assert_int_equal(fixture_call(&c->f, path, CERTIFICATE, "Describe", NULL, "t", (uint64_t) 0), 0);
        document = fixture_document(&c->f);
        assert_non_null(strstr(document, "\"type\":\"client\",\"restricted\":true,\"projects\":[\"default\"]"));
        assert_int_equal(fixture_call(&c->f, path, CERTIFICATE, "Delete", NULL, "(sss)t", "", "", "", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&c->f, path, CERTIFICATE, "Delete", &e, "(sss)t", "", "", "", (uint64_t) 0), -ENOENT);
        assert_string_equal(e.message, "Certificate not found");
}

static void bad_certificates(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *pem = make_certificate();
        Context *c = *state;

        assert_int_equal(add(c, "client", "rubbish", "default", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(add(c, "client", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "default", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(add(c, "admin", pem, "default", &e), -EINVAL);
        sd_bus_error_free(&e);
        assert_int_equal(add(c, "client", pem, "nope", &e), -ENOENT);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "ListCertificates", NULL, "ut", 0u, (uint64_t) 0), 0);
        free(pem);
        pem = fixture_document(&c->f);
        assert_non_null(strstr(pem, "\"metadata\":[]")); /* nothing half-made */
}

static void documents(void **state) {
        static const char *const members[] = { "DescribeCluster", "DescribeResources" };
        Context *c = *state;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                _cleanup_free_ char *text = NULL;
                json_object *o;

                assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, members[i], NULL, "t", (uint64_t) 0), 0);
                text = fixture_document(&c->f);
                o = json_tokener_parse(text);
                assert_non_null(o);
                json_object_put(o);
        }
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "ListProjects", NULL, "ut", 1u, (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "GetProject", NULL, "st", "default", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "GetProject", NULL, "st", "nope", (uint64_t) 0), -ENOENT);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT "/project/default", CLUSTER_INTERFACE("Project"), "Describe", NULL, "t", (uint64_t) 0), 0);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT "/project/nope", CLUSTER_INTERFACE("Project"), "Describe", NULL, "t", (uint64_t) 0), -ENOENT);
}

static void put_file(const char *root, const char *path, const char *text) {
        _cleanup_free_ char *full = NULL, *dir = NULL;

        assert_true(str_format(&full, "%s/%s", root, path) >= 0);
        dir = strdup(full);
        *strrchr(dir, '/') = '\0';
        assert_int_equal(mkdir_parents(dir, 0755), 0);
        assert_int_equal(file_write_atomic(full, text, strlen(text), 0644), 0);
}

/* Memory is what is plugged in, as LXD counts it; drivers that came with the kernel have its version. */
static void resources(void **state) {
        char root[] = "/tmp/test-resources-XXXXXX", link[128];
        _cleanup_free_ char *memory = NULL, *pci = NULL;
        _cleanup_(json_done) JsonWriter w = {}, v = {};
        struct utsname host;

        assert_non_null(mkdtemp(root));
        put_file(root, "proc/meminfo", "MemTotal: 900 kB\nMemFree: 100 kB\nBuffers: 20 kB\nCached: 30 kB\n");
        resources_write_memory(&w, root);
        put_file(root, "sys/devices/system/memory/block_size_bytes", "80000\n");
        put_file(root, "sys/devices/system/memory/memory0/online", "1\n");
        put_file(root, "sys/devices/system/memory/memory1/online", "1\n");
        put_file(root, "sys/devices/system/memory/memory2/online", "0\n");
        put_file(root, "sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 500 kB\nNode 0 MemFree: 100 kB\n");
        put_file(root, "sys/devices/system/node/node0/memory0/online", "1\n");
        resources_write_memory(&v, root);
        assert_true(json_finish_text(&w, &memory) >= 0);
        assert_non_null(strstr(memory, "\"used\":768000,\"total\":921600"));
        free(memory);
        assert_true(json_finish_text(&v, &memory) >= 0);
        assert_non_null(strstr(memory, "\"used\":421888,\"total\":524288}]"));
        assert_non_null(strstr(memory, "\"used\":894976,\"total\":1048576"));

        put_file(root, "sys/bus/pci/devices/0000:00:00.0/vendor", "0x8086\n");
        put_file(root, "sys/bus/pci/devices/0000:00:01.0/vendor", "0x1af4\n");
        (void) snprintf(link, sizeof(link), "%s/sys/bus/pci/devices/0000:00:01.0/driver", root);
        assert_int_equal(symlink("../../drivers/virtio-pci", link), 0);
        resources_write_pci(&w, root);
        assert_true(json_finish_text(&w, &pci) >= 0);
        assert_int_equal(uname(&host), 0);
        assert_non_null(strstr(pci, "\"driver\":\"\",\"driver_version\":\"\""));
        assert_non_null(strstr(pci, "\"driver\":\"virtio-pci\",\"driver_version\":\""));
        assert_non_null(strstr(pci, host.release));
        assert_int_equal(remove_tree_at(AT_FDCWD, root), 0);
}

#define PROJECT CLUSTER_ROOT "/project/default"

static int update_project(Context *c, const char *key, const char *value, const char *etag, uint64_t flags, sd_bus_error *e) {
        return fixture_call(&c->f, PROJECT, CLUSTER_INTERFACE("Project"), "Update", e, "sa{ss}s(sss)t", "text", 1u, key, value, etag, "",
                            "", "", flags);
}

static void default_project(void **state) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        _cleanup_(config_done) Config config = {};
        _cleanup_free_ char *description = NULL;
        Context *c = *state;

        assert_int_equal(update_project(c, "user.a", "b", "", UPDATE_MERGE | UPDATE_CONFIG | UPDATE_DESCRIPTION, NULL), 0);
        assert_int_equal(records_project_get(c->manager.db, "default", &description, &config), 0);
        assert_string_equal(description, "text");
        assert_string_equal(config_get(&config, "user.a"), "b");
        assert_string_equal(config_get(&config, "features.images"), "true");

        assert_int_equal(update_project(c, "user.a", "", "wrong", UPDATE_MERGE | UPDATE_CONFIG, &e), -ESTALE);
        sd_bus_error_free(&e);
        assert_int_equal(update_project(c, "features.images", "false", "", UPDATE_MERGE | UPDATE_CONFIG, &e), -EINVAL);
        assert_string_equal(e.message, "You can't change the features of the default project");
        sd_bus_error_free(&e);
        assert_int_equal(update_project(c, "user.a", "b", "", UPDATE_CONFIG, &e), -EINVAL); /* replaces: no features */
        sd_bus_error_free(&e);
        assert_int_equal(update_project(c, "limits.memory", "1GB", "", UPDATE_MERGE | UPDATE_CONFIG, &e), -EOPNOTSUPP);
        sd_bus_error_free(&e);
        assert_int_equal(update_project(c, "nope", "1", "", UPDATE_MERGE | UPDATE_CONFIG, &e), -EINVAL);
        assert_string_equal(e.message, "Invalid project configuration key \"nope\"");
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&c->f, PROJECT, CLUSTER_INTERFACE("Project"), "Delete", &e, "(sss)t", "", "", "", (uint64_t) 0), -EACCES);
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "CreateProject", &e, "ssa{ss}(sss)t", "a_b", "", 0u, "", "", "",
                                      (uint64_t) 0), -EINVAL);
        assert_string_equal(e.message, "Project names may not contain underscores");
        sd_bus_error_free(&e);
        assert_int_equal(fixture_call(&c->f, CLUSTER_ROOT, MANAGER, "CreateProject", &e, "ssa{ss}(sss)t", "default", "", 0u, "", "", "",
                                      (uint64_t) 0), -EEXIST);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(configuration, setup, teardown),
                cmocka_unit_test_setup_teardown(default_project, setup, teardown),
                cmocka_unit_test_setup_teardown(refused, setup, teardown),
                cmocka_unit_test_setup_teardown(password, setup, teardown),
                cmocka_unit_test_setup_teardown(certificates, setup, teardown),
                cmocka_unit_test_setup_teardown(bad_certificates, setup, teardown),
                cmocka_unit_test_setup_teardown(documents, setup, teardown), cmocka_unit_test(resources),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
