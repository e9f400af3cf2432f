/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of .Instance that hand out descriptors: exec, console, logs. */
#include "bus-session.h"

#include <fcntl.h>

#include "base/file.h"
#include "bus.h"
#include "guest-control.h"
#include "job.h"
#include "life-event.h"
#include "logs.h"

enum {
        EXEC_INTERACTIVE = 1 << 0,
        EXEC_RECORD = 1 << 1,
        EXEC_NO_STDIO = 1 << 2,
        EXEC_HOLD = 1 << 3,
};

typedef struct Session {
        int *fds;
        size_t n_fds;
        Strv logs;
        Strv argv, env;
        Config environment; /* the same as env */
        char *cwd;
        GuestExec exec;
} Session;

static void session_free(void *p) {
        Session *s = p;

        for (size_t k = 0; k < s->n_fds; k++)
                (void) close_safe(s->fds[k]);
        for (size_t k = 0; k < 3; k++)
                (void) close_safe(s->exec.stdio[k]);
        free(s->fds);
        strv_free(s->logs);
        strv_free(s->argv);
        strv_free(s->env);
        config_done(&s->environment);
        free(s->cwd);
        free(s);
}

static int check_running(const Instance *i, sd_bus_error *error) {
        if (i->status == INSTANCE_FROZEN)
                return bus_error_set(error, LXD_ERROR_INVALID, "Instance is frozen");
        if (i->status != INSTANCE_RUNNING)
                return bus_error_set(error, LXD_ERROR_INVALID, "Instance is not running");
        return 0;
}

static void session_done(int r, const sd_bus_error *e, int *fds, size_t n_fds, void *userdata) {
        Job *j = userdata;
        Session *s = j->data;

        if (r >= 0 && n_fds > 0) {
                s->fds = calloc(n_fds, sizeof(int));
                if (s->fds)
                        memcpy(s->fds, fds, n_fds * sizeof(int));
                else
                        r = -ENOMEM;
                for (size_t k = 0; k < n_fds; k++)
                        fds[k] = s->fds ? -EBADF : close_safe(fds[k]);
                s->n_fds = s->fds ? n_fds : 0;
        }
        job_wake(j, r, e);
}

static int step_exec(Job *j, sd_bus_error *error) {
        Session *s = j->data;
        int r = guest_exec(j->manager->event, j->instance->id, &s->exec, session_done, j, NULL, error);

        for (size_t k = 0; k < 3; k++)
                s->exec.stdio[k] = close_safe(s->exec.stdio[k]);
        if (r >= 0)
                job_wait(j);
        return r;
}

/* The command word by word, as a list in the context: command.0, command.1, ... */
static void tell_exec(Job *j) {
        _cleanup_(config_done) Config context = {};
        Session *s = j->data;
        char key[32];
        int r = 0;

        for (size_t k = 0; s->argv[k] && r >= 0; k++) {
                (void) snprintf(key, sizeof(key), "command.%zu", k);
                r = config_set(&context, key, s->argv[k]);
        }
        if (r >= 0)
                instance_lifecycle(j->instance, "exec", &context, &j->who, j->operation);
}

static int reply_exec(Job *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Session *s = j->data;
        int r;

        tell_exec(j);
        r = sd_bus_message_new_method_return(j->request, &m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "h");
        for (size_t k = 0; k < s->n_fds && r >= 0; k++)
                r = sd_bus_message_append(m, "h", s->fds[k]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = bus_append_strv(m, s->logs);
        if (r >= 0)
                r = bus_append_config(m, &s->environment);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static const JobStep exec_steps[] = { { "exec", step_exec, NULL }, {} };

static int set_default(Config *c, const char *key, const char *value) {
        return config_get(c, key) ? 0 : config_set(c, key, value);
}

/* environment.* of the instance, then the request's own, which win; and what every command has. */
static int merge_environment(Instance *i, const Config *request, uid_t uid, Config *ret) {
        _cleanup_config_view_ Config config = {};
        int r;

        r = instance_expand_config(i, &config);
        CONFIG_FOREACH(k, &config) {
                const char *name = startswith(k->key, "environment.");

                if (name && r >= 0)
                        r = config_set(ret, name, k->value);
        }
        if (r >= 0)
                r = config_merge(ret, request, false);
        if (r >= 0)
                r = set_default(ret, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        if (r >= 0)
                r = set_default(ret, "LANG", "C.UTF-8");
        if (r >= 0 && uid == 0)
                r = set_default(ret, "HOME", "/root");
        if (r >= 0 && uid == 0)
                r = set_default(ret, "USER", "root");
        return r;
}

/* NAME=VALUE */
static int environment_lines(const Config *c, Strv *ret) {
        CONFIG_FOREACH(k, c) {
                _cleanup_free_ char *item = NULL;
                int r = str_format(&item, "%s=%s", k->key, k->value);

                if (r >= 0)
                        r = strv_extend(ret, item);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_environment(const Config *env, sd_bus_error *error) {
        CONFIG_FOREACH(k, env)
                if (k->key[0] == '\0' || strchr(k->key, '='))
                        return bus_error_set(error, LXD_ERROR_INVALID, "Invalid environment variable name \"%s\"", k->key);
        return 0;
}

static int read_exec(sd_bus_message *m, Instance *i, Session *s, Requestor *who, uint64_t *flags, sd_bus_error *error) {
        _cleanup_(config_done) Config env = {};
        const char *cwd;
        uint32_t uid, gid, width, height;
        int r;

        r = bus_read_strv(m, &s->argv);
        if (r >= 0)
                r = bus_read_config(m, &env);
        if (r >= 0)
                r = sd_bus_message_read(m, "suuuu", &cwd, &uid, &gid, &width, &height);
        if (r >= 0)
                r = bus_read_tail(m, who, EXEC_INTERACTIVE | EXEC_RECORD | EXEC_NO_STDIO | EXEC_HOLD, flags, error);
        if (r < 0)
                return r;
        if (strv_length(s->argv) == 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "Missing command");
        if (width > UINT16_MAX || height > UINT16_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "Invalid size of the terminal");
        r = check_environment(&env, error);
        if (r >= 0)
                r = merge_environment(i, &env, uid, &s->environment);
        if (r >= 0)
                r = environment_lines(&s->environment, &s->env);
        if (r >= 0)
                r = str_replace(&s->cwd, cwd);
        if (r < 0)
                return r;
        s->exec.argv = s->argv;
        s->exec.env = s->env;
        s->exec.cwd = s->cwd;
        s->exec.uid = uid;
        s->exec.gid = gid;
        s->exec.width = width;
        s->exec.height = height;
        return 0;
}

int method_exec(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(job_freep) Job *j = NULL;
        Instance *i = userdata;
        uint64_t flags;
        Session *s;
        int r;

        r = job_new(i->manager, i, "exec", JOB_FREE, exec_steps, NULL, &j);
        if (r < 0)
                return r;
        s = job_alloc_data(j, sizeof(Session), session_free);
        if (!s)
                return -ENOMEM;
        s->exec.stdio[0] = s->exec.stdio[1] = s->exec.stdio[2] = -EBADF;
        r = read_exec(m, i, s, &who, &flags, error);
        if (r >= 0)
                r = check_running(i, error);
        if (r >= 0)
                r = requestor_copy(&who, &j->who);
        if (r < 0)
                return r;

        if (flags & EXEC_INTERACTIVE)
                s->exec.flags = GUEST_EXEC_INTERACTIVE;
        else if (flags & EXEC_RECORD) {
                r = log_new_recording(i, s->exec.stdio + 1, &s->logs);
                if (r < 0)
                        return bus_error_wrap(error, r, "Failed to make the files for the recorded output");
        } else if (!(flags & EXEC_NO_STDIO))
                s->exec.flags = GUEST_EXEC_PIPES;
        if (flags & EXEC_HOLD)
                s->exec.flags |= GUEST_EXEC_HOLD;
        j->reply = reply_exec;
        return job_start_reply_done(TAKE_PTR(j), m);
}

static int step_console(Job *j, sd_bus_error *error) {
        Session *s = j->data;
        int r = guest_console(j->manager->event, j->instance->id, s->exec.width, s->exec.height, session_done, j, NULL, error);

        if (r >= 0)
                job_wait(j);
        return r;
}

static int reply_console(Job *j) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(config_done) Config context = {};
        Session *s = j->data;
        int r;

        if (s->n_fds != 2)
                return sd_bus_reply_method_errorf(j->request, LXD_ERROR_FAILED, "The runner gave no console");
        (void) config_set(&context, "type", "console");
        instance_lifecycle(j->instance, "console", &context, &j->who, j->operation);
        r = sd_bus_message_new_method_return(j->request, &m);
        if (r >= 0)
                r = sd_bus_message_append(m, "hh", s->fds[0], s->fds[1]);
        return r < 0 ? r : sd_bus_send(NULL, m, NULL);
}

static const JobStep console_steps[] = { { "console", step_console, NULL }, {} };

int method_console(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        _cleanup_(job_freep) Job *j = NULL;
        Instance *i = userdata;
        uint32_t width, height;
        Session *s;
        int r;

        r = sd_bus_message_read(m, "uu", &width, &height);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = check_running(i, error);
        if (r >= 0)
                r = job_new(i->manager, i, "console", JOB_FREE, console_steps, &who, &j);
        if (r < 0)
                return r;
        s = job_alloc_data(j, sizeof(Session), session_free);
        if (!s)
                return -ENOMEM;
        s->exec.stdio[0] = s->exec.stdio[1] = s->exec.stdio[2] = -EBADF;
        s->exec.width = MIN(width, (uint32_t) UINT16_MAX);
        s->exec.height = MIN(height, (uint32_t) UINT16_MAX);
        j->reply = reply_console;
        return job_start_reply_done(TAKE_PTR(j), m);
}

/* ---- logs ---- */

static int reply_fd(sd_bus_message *m, int fd) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "h", fd);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static void log_lifecycle(Instance *i, const char *what, const char *file, const Requestor *who) {
        _cleanup_free_ char *url = NULL, *action = NULL;
        const char *query = streq(i->project, "default") ? "" : "?project=";

        if (i->manager->operations && str_format(&action, "instance-log-%s", what) >= 0 &&
            str_format(&url, "/1.0/instances/%s/logs/%s%s%s", i->name, file, query, query[0] ? i->project : "") >= 0)
                (void) lifecycle_emit(i->manager->operations, action, url, NULL, who, LOG_INSTANCE(i));
}

int method_open_console_log(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        Instance *i = userdata;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        fd = log_open(i, "console.log");
        if (fd == -ENOENT) /* it never had a console: an empty history */
                fd = memfd_new_sealed("console", "", 0);
        if (fd < 0)
                return bus_error_wrap(error, fd, "Failed to open the console log");
        instance_lifecycle(i, "console-retrieved", NULL, NULL, NULL);
        return reply_fd(m, fd);
}

int method_clear_console_log(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Instance *i = userdata;
        int r;

        r = bus_read_tail(m, &who, 0, NULL, error);
        if (r < 0)
                return r;
        r = console_log_clear(i);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to clear the console log");
        instance_lifecycle(i, "console-reset", NULL, &who, NULL);
        return sd_bus_reply_method_return(m, NULL);
}

int method_list_logs(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        uint64_t flags;
        int r;

        r = bus_read_flags(m, 0, &flags, error);
        if (r < 0)
                return r;
        fd = logs_list(userdata);
        return fd < 0 ? bus_error_wrap(error, fd, "Failed to list the log files") : reply_fd(m, fd);
}

static int check_log_name(const char *name, sd_bus_error *error) {
        return log_name_is_valid(name) ? 0 : bus_error_set(error, LXD_ERROR_INVALID, "log file name %s not valid", name);
}

int method_open_log(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_close_ int fd = -EBADF;
        Instance *i = userdata;
        const char *name;
        uint64_t flags;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_flags(m, 0, &flags, error);
        if (r >= 0)
                r = check_log_name(name, error);
        if (r < 0)
                return r;
        fd = log_open(i, name);
        if (fd == -ENOENT && streq(name, "lxc.log"))
                fd = memfd_new_sealed(name, "", 0); /* never started: clients show it with the instance */
        if (fd == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Log file \"%s\" not found", name);
        if (fd < 0)
                return bus_error_wrap(error, fd, "Failed to open log file \"%s\"", name);
        log_lifecycle(i, "retrieved", name, NULL);
        return reply_fd(m, fd);
}

int method_delete_log(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(requestor_done) Requestor who = {};
        Instance *i = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r >= 0)
                r = bus_read_tail(m, &who, 0, NULL, error);
        if (r >= 0)
                r = check_log_name(name, error);
        if (r < 0)
                return r;
        if (!startswith(name, "exec_")) /* the others are being written while the guest runs */
                return bus_error_set(error, LXD_ERROR_INVALID, "lxc.log and lxc.conf may not be deleted");
        r = log_delete(i, name);
        if (r == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Log file \"%s\" not found", name);
        if (r < 0)
                return bus_error_wrap(error, r, "Failed to delete log file \"%s\"", name);
        log_lifecycle(i, "deleted", name, &who);
        return sd_bus_reply_method_return(m, NULL);
}
