/* SPDX-License-Identifier: Apache-2.0 */
/* lxc exec: a command in an instance. */

#include "base/str.h"
#include "lxc.h"
#include "session.h"
#include "terminal.h"

static char **arg_env = NULL, *arg_mode = NULL, *arg_cwd = NULL;
static bool arg_interactive = false, arg_noninteractive = false, arg_disable_stdin = false;
static int64_t arg_user = 0, arg_group = 0;

static int decide_interactive(bool *ret) {
        const char *mode = arg_mode ?: "auto";

        if (arg_interactive && arg_noninteractive)
                return fail(-EINVAL, "You can't pass -t and -T at the same time");
        if ((arg_interactive || arg_noninteractive) && !streq(mode, "auto"))
                return fail(-EINVAL, "You can't pass -t or -T at the same time as --mode");

        if (arg_interactive || streq(mode, "interactive"))
                *ret = true;
        else if (arg_noninteractive || streq(mode, "non-interactive"))
                *ret = false;
        else if (streq(mode, "auto"))
                *ret = !arg_disable_stdin && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
        else
                return fail(-EINVAL, "Invalid mode \"%s\": it is one of auto, interactive, non-interactive", mode);
        return 0;
}

static int environment(struct json_object *into) {
        const char *term = getenv("TERM");

        jset_str(into, "TERM", term);
        for (char **e = arg_env; e && *e; e++) {
                const char *equals = strchr(*e, '=');
                _cleanup_free_ char *key = xstrndup(*e, strcspn(*e, "="));

                if (isempty(key))
                        return fail(-EINVAL, "Invalid environment variable \"%s\": it is to be KEY=VALUE", *e);
                jset_str(into, key, equals ? equals + 1 : "");
        }
        return 0;
}

static int make_request(char *const *command, bool interactive, struct json_object **ret) {
        _cleanup_json_ struct json_object *o = jnew();
        struct json_object *env = jnew();
        unsigned width = 0, height = 0;
        int r;

        if (interactive)
                terminal_size(&width, &height);

        jset_strings(o, "command", command);
        jset_bool(o, "wait-for-websocket", true);
        jset_bool(o, "interactive", interactive);
        jset(o, "environment", env);
        r = environment(env);
        if (r < 0)
                return r;
        jset_int(o, "width", width);
        jset_int(o, "height", height);
        jset_bool(o, "record-output", false);
        jset_int(o, "user", arg_user);
        jset_int(o, "group", arg_group);
        jset_str(o, "cwd", strempty(arg_cwd));

        *ret = TAKE_PTR(o);
        return 0;
}

/* The command's status; where it could not be run LXD says why, and gives the status a shell would. */
static int exit_status(struct json_object *operation) {
        struct json_object *status = jget(operation, "metadata.return");
        const char *error = jstr(operation, "err");

        if (!isempty(error)) {
                (void) fail(-EREMOTEIO, "%s", error);
                if (!status || jint(operation, "metadata.return") == 0)
                        return -EREMOTEIO;
                fail_print(-EREMOTEIO);
        } else if (!status)
                return fail(-EREMOTEIO, "LXD did not say with which status the command ended");
        return (int) (json_object_get_int64(status) & 0xff);
}

static int run(Context *c) {
        _cleanup_json_ struct json_object *request = NULL;
        _cleanup_free_ char *name = NULL, *path = NULL;
        _cleanup_reply_ Reply started = {}, ended = {};
        SessionFlags flags = 0;
        bool interactive = false;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        r = decide_interactive(&interactive);
        if (r < 0)
                return r;
        r = make_request(c->args + 1, interactive, &request);
        if (r < 0)
                return r;

        path = api_path("instances", name, "exec", NULL);
        r = client_call(c->client, "POST", path, request, NULL, &started);
        if (r < 0)
                return r;

        if (interactive)
                flags |= SESSION_INTERACTIVE;
        if (arg_disable_stdin)
                flags |= SESSION_NO_STDIN;
        r = session_run(c->client, &started, flags, &ended);
        return r < 0 ? r : exit_status(ended.metadata);
}

static const Option options[] = {
        { 0, "cwd", OPTION_STRING, &arg_cwd, "Directory to run the command in (default /root)" },
        { 'n', "disable-stdin", OPTION_BOOL, &arg_disable_stdin, "Disable stdin (reads from /dev/null)" },
        { 0, "env", OPTION_LIST, &arg_env, "Environment variable to set (e.g. HOME=/home/foo)" },
        { 't', "force-interactive", OPTION_BOOL, &arg_interactive, "Force pseudo-terminal allocation" },
        { 'T', "force-noninteractive", OPTION_BOOL, &arg_noninteractive, "Disable pseudo-terminal allocation" },
        { 0, "group", OPTION_INT, &arg_group, "Group ID to run the command as (default 0)" },
        { 0, "mode", OPTION_STRING, &arg_mode, "Override the terminal mode (auto, interactive or non-interactive)", NULL, "\"auto\"" },
        { 0, "user", OPTION_INT, &arg_user, "User ID to run the command as (default 0)" },
        {},
};

const Command command_exec = {
        .name = "exec",
        .usage = "[<remote>:]<instance> [flags] [--] <command line>",
        .summary = "Execute commands in instances",
        .description =
                "The command is run as it is, not by a shell: variables, pipes and redirections mean nothing to it.\n"
                "For those, run a shell:\n"
                "\n"
                "  lxc exec <instance> -- sh -c \"cd /tmp && pwd\"\n"
                "\n"
                "If stdin and stdout are terminals, the command gets a terminal too. The exit status is that of the\n"
                "command; 126 and 127 also mean that it could not be run or found.",
        .options = options,
        .min_args = 2,
        .max_args = COMMAND_ANY,
        .run = run,
};
