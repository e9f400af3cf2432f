/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that change instances: launch, start, stop, create, snapshot, restore, copy, files. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"
#include "row.h"

const char *fresh_name(void) {
        static char names[8][32];
        static unsigned counter;
        char *name = names[counter % 8];

        snprintf(name, sizeof(names[0]), "b%d-%u", (int) getpid(), counter++);
        return name;
}

static const char *instance_path(const char *name, const char *suffix) {
        static char paths[4][128];
        static unsigned counter;
        char *path = paths[counter++ % 4];

        snprintf(path, sizeof(paths[0]), "/1.0/instances/%s%s", name, suffix);
        return path;
}

void create_instance(Http *h, const char *name, const char *alias) {
        api_run(h, "POST", "/1.0/instances", "{\"name\":\"%s\",\"source\":{\"type\":\"image\",\"alias\":\"%s\"}}", name,
                alias);
}

static void set_state(Http *h, const char *name, const char *action) {
        api_run(h, "PUT", instance_path(name, "/state"), "{\"action\":\"%s\",\"timeout\":-1,\"force\":true}", action);
}

void start_instance(Http *h, const char *name) {
        set_state(h, name, "start");
}

void delete_instance(Http *h, const char *name) {
        char *answer = api_do(h, "GET", instance_path(name, "/state"), NULL);

        if (!strstr(answer, "\"Stopped\""))
                set_state(h, name, "stop");
        free(answer);
        api_run(h, "DELETE", instance_path(name, ""), NULL);
}

static double measure_launch(Http *h, const char *alias) {
        const char *name = fresh_name();
        double start = now_ms(), end;

        create_instance(h, name, alias);
        start_instance(h, name);
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

/* Clients are processes, as people's are; each launches its share on a connection of its own. */
static double measure_launch_parallel(Http *h, const char *alias) {
        enum { CLIENTS = 8, EACH = 2 };
        pid_t pids[CLIENTS];
        double start = now_ms(), end;
        int status, failed = 0;
        char name[32];

        for (int i = 0; i < CLIENTS; i++) {
                pids[i] = fork();
                if (pids[i] < 0)
                        err(1, "fork");
                if (pids[i] != 0)
                        continue;
                api_open(h);
                for (int k = 0; k < EACH; k++) {
                        snprintf(name, sizeof(name), "p%d-%d", i, k);
                        create_instance(h, name, alias);
                        start_instance(h, name);
                }
                _exit(0);
        }
        for (int i = 0; i < CLIENTS; i++)
                if (waitpid(pids[i], &status, 0) < 0 || status != 0)
                        failed++;
        end = now_ms();
        if (failed > 0)
                errx(1, "%d of %d clients failed", failed, CLIENTS);
        for (int i = 0; i < CLIENTS * EACH; i++) {
                snprintf(name, sizeof(name), "p%d-%d", i / EACH, i % EACH);
                delete_instance(h, name);
        }
        return end - start;
}

static double measure_create(Http *h, const char *alias) {
        const char *name = fresh_name();
        double start = now_ms(), end;

        create_instance(h, name, alias);
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

static double measure_first_start(Http *h, const char *alias) {
        const char *name = fresh_name();
        double start, end;

        create_instance(h, name, alias);
        start = now_ms();
        start_instance(h, name);
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

static double measure_start_again(Http *h, const char *alias) {
        const char *name = fresh_name();
        double start, end;

        create_instance(h, name, alias);
        start_instance(h, name);
        set_state(h, name, "stop");
        start = now_ms();
        start_instance(h, name);
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

static double measure_stop_force(Http *h, const char *alias) {
        const char *name = fresh_name();
        double start, end;

        create_instance(h, name, alias);
        start_instance(h, name);
        start = now_ms();
        set_state(h, name, "stop");
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

static double measure_snapshot(Http *h, const char *what) {
        const char *name = fresh_name();
        double start, end;

        create_instance(h, name, "busybox");
        start = now_ms();
        api_run(h, "POST", instance_path(name, "/snapshots"), "{\"name\":\"one\",\"stateful\":false}");
        if (strcmp(what, "restore") == 0) {
                start = now_ms();
                api_run(h, "PUT", instance_path(name, ""), "{\"restore\":\"one\"}");
        }
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

static double measure_copy(Http *h, const char *argument) {
        const char *name = fresh_name(), *copy = fresh_name();
        double start, end;

        create_instance(h, name, argument);
        start = now_ms();
        api_run(h, "POST", "/1.0/instances",
                "{\"name\":\"%s\",\"profiles\":[\"default\"],\"source\":{\"type\":\"copy\",\"source\":\"%s\"}}", copy,
                name);
        end = now_ms();
        delete_instance(h, copy);
        delete_instance(h, name);
        return end - start;
}

static double measure_config_set(Http *h, const char *argument) {
        const char *name = fresh_name();
        double start, end;

        create_instance(h, name, argument);
        start = now_ms();
        api_run(h, "PATCH", instance_path(name, ""), "{\"config\":{\"user.bench\":\"%.0f\"}}", start);
        end = now_ms();
        delete_instance(h, name);
        return end - start;
}

const Row rows_instance[] = {
        { "launch-busybox", measure_launch, "busybox" },
        { "launch-debian", measure_launch, "debian" },
        { "launch-parallel", measure_launch_parallel, "busybox" },
        { "create", measure_create, "busybox" },
        { "first-start", measure_first_start, "busybox" },
        { "start-again", measure_start_again, "busybox" },
        { "stop-force", measure_stop_force, "busybox" },
        { "snapshot", measure_snapshot, "snapshot" },
        { "restore", measure_snapshot, "restore" },
        { "copy", measure_copy, "busybox" },
        { "config-set", measure_config_set, "busybox" },
        {},
};
