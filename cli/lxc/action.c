/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the state of instances, several at a time. */

#include <stdio.h>

#include "action.h"
#include "console.h"

#define BATCH_MAX 32                    /* requests under way at once */

int action_request(Client *client, const char *instance, const char *name, int64_t timeout, bool force, bool stateful,
                   Reply *ret) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = api_path("instances", instance, "state", NULL);

        jset_str(o, "action", name);
        jset_int(o, "timeout", timeout);
        jset_bool(o, "force", force);
        jset_bool(o, "stateful", stateful);
        return client_call(client, "PUT", path, o, NULL, ret);
}

/* A frozen instance starts by being thawed, a stopped one may resume from its saved state. */
static int start_request(Client *client, const char *instance, const Action *a, Reply *ret) {
        _cleanup_free_ char *path = api_path("instances", instance, NULL);
        _cleanup_reply_ Reply reply = {};
        int r;

        r = client_get(client, path, &reply);
        if (r < 0)
                return r;

        if (jint(reply.metadata, "status_code") == 110)
                return action_request(client, instance, "unfreeze", 0, false, false, ret);
        return action_request(client, instance, "start", -1, false,
                              jbool(reply.metadata, "stateful") && !a->stateless, ret);
}

/* One instance of a batch. */
typedef struct Job {
        char *name;
        OperationWatch *watch;
        char *error;
} Job;

static void job_start(Client *client, const Action *a, Job *j) {
        _cleanup_reply_ Reply reply = {};
        int r;

        fail_clear();
        if (streq(a->name, "start"))
                r = start_request(client, j->name, a, &reply);
        else
                r = action_request(client, j->name, a->name, a->timeout, a->force, a->stateful, &reply);

        if (r < 0)
                j->error = xstrdup(fail_text() ?: strerror(-r));
        else
                j->watch = operation_wait_begin(client, &reply);
}

static void job_finish(const Action *a, Job *j) {
        int r;

        if (!j->watch)
                return;
        r = operation_wait_end(j->watch, NULL);
        if (r >= 0)
                return;
        j->error = xstrdup(fail_text() ?: strerror(-r));
        if (streq(a->name, "start") && !strstr(j->error, "already running")) {
                _cleanup_free_ char *error = j->error;

                j->error = xformat("%s\nTry `lxc info --show-log %s` for more info", error, j->name);
        }
}

static void jobs_free(Job *jobs, size_t n) {
        for (size_t i = 0; i < n; i++) {
                free(jobs[i].name);
                free(jobs[i].error);
        }
        free(jobs);
}

static int jobs_run(Client *client, const Action *a, Job *jobs, size_t n) {
        size_t failed = 0;

        for (size_t begin = 0; begin < n; begin += BATCH_MAX) {
                size_t end = MIN(begin + BATCH_MAX, n);

                for (size_t i = begin; i < end; i++)
                        job_start(client, a, jobs + i);
                for (size_t i = begin; i < end; i++)
                        job_finish(a, jobs + i);
        }
        fail_clear();

        for (size_t i = 0; i < n; i++) {
                if (!jobs[i].error)
                        continue;
                if (n == 1)
                        return fail(-EREMOTEIO, "%s", jobs[i].error);
                fprintf(stderr, "%s: error: %s\n", jobs[i].name, jobs[i].error);
                failed++;
        }
        if (failed == 0)
                return 0;

        fputc('\n', stderr);
        return fail(-EREMOTEIO, "Some instances failed to %s", a->verb);
}

/* With --all: start those that do not run, the rest those that do. */
static int list_all(Client *client, const Action *a, char ***ret) {
        _cleanup_reply_ Reply reply = {};
        char **names = NULL;
        int r;

        r = client_get(client, "/1.0/instances?recursion=1", &reply);
        if (r < 0)
                return r;

        for (size_t i = 0; i < jlen(reply.metadata); i++) {
                struct json_object *o = jat(reply.metadata, i);
                int64_t code = jint(o, "status_code");
                bool running = code == 103, frozen = code == 110;

                if (streq(a->name, "start") ? !running : running || (frozen && streq(a->name, "stop")))
                        list_append(&names, xstrdup(jstr(o, "name")));
        }
        *ret = names ?: xcalloc(1, sizeof(char*));
        return 0;
}

static int list_named(Context *c, char ***ret) {
        _cleanup_list_ char **names = NULL;

        for (char **a = c->args; *a; a++) {
                char *name;
                int r;

                r = remote_split(*a, &name);
                if (r < 0)
                        return r;
                list_append(&names, name);
        }
        *ret = TAKE_PTR(names);
        return 0;
}

int action_run(Context *c) {
        const Action *a = c->command->data;
        _cleanup_free_ char **names = NULL;
        size_t n;
        Job *jobs;
        int r;

        if (a->all && c->n_args > 0)
                return fail(-EINVAL, "Both --all and instance name given");
        if (!a->all && c->n_args == 0)
                return command_usage(c);
        if (a->console && (a->all || c->n_args != 1))
                return fail(-EINVAL, a->all ? "--console can't be used with --all" : "--console only works with a single instance");

        r = a->all ? list_all(c->client, a, &names) : list_named(c, &names);
        if (r < 0)
                return r;

        n = list_length(names);
        jobs = xcalloc(n, sizeof(Job));
        for (size_t i = 0; i < n; i++)
                jobs[i].name = names[i];
        r = jobs_run(c->client, a, jobs, n);
        if (r >= 0 && a->console)
                r = console_attach(c->client, jobs[0].name, a->console);
        jobs_free(jobs, n);
        return r;
}
