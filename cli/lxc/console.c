/* SPDX-License-Identifier: Apache-2.0 */
/* lxc console */

#include <stdio.h>

#include "console.h"
#include "lxc.h"
#include "session.h"
#include "terminal.h"

static bool arg_show_log = false;
static char *arg_type = NULL;

int console_attach(Client *client, const char *instance, const char *type) {
        _cleanup_json_ struct json_object *o = jnew();
        _cleanup_free_ char *path = api_path("instances", instance, "console", NULL);
        _cleanup_reply_ Reply started = {}, ended = {};
        unsigned width, height;
        int r;

        if (streq(type, "vga"))
                return fail(-EOPNOTSUPP, "Graphical consoles need a SPICE viewer, which this client cannot start");
        if (!streq(type, "console"))
                return fail(-EINVAL, "Unknown output type \"%s\"", type);

        terminal_size(&width, &height);
        jset_int(o, "width", width);
        jset_int(o, "height", height);
        jset_str(o, "type", type);
        r = client_call(client, "POST", path, o, NULL, &started);
        if (r < 0)
                return r;

        printf("To detach from the console, press: <ctrl>+a q\n");
        fflush(stdout);
        r = session_run(client, &started, SESSION_INTERACTIVE | SESSION_ESCAPE, &ended);
        if (r < 0)
                return r;
        if (!isempty(jstr(ended.metadata, "err")))
                return fail(-EREMOTEIO, "%s", jstr(ended.metadata, "err"));
        return 0;
}

static int show_log(Client *client, const char *instance) {
        _cleanup_free_ char *path = api_path("instances", instance, "console", NULL);
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_buffer_ Buffer log = {};
        int r;

        client_add_project(client, &path);
        r = client_transfer(client, &(HttpRequest) { .method = "GET", .path = path }, &head, http_sink_buffer, &log);
        if (r < 0)
                return r;

        printf("\nConsole log:\n\n");
        fflush(stdout);
        r = output_bytes(strempty(log.data), log.size);
        return r < 0 ? r : output_bytes("\n", 1);
}

static int run(Context *c) {
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(c->args[0], &name);
        if (r < 0)
                return r;
        if (arg_show_log)
                return arg_type && !streq(arg_type, "console") ?
                        fail(-EINVAL, "The --show-log flag is only supported for by 'console' output type") :
                        show_log(c->client, name);
        return console_attach(c->client, name, arg_type ?: "console");
}

static const Option options[] = {
        { 0, "show-log", OPTION_BOOL, &arg_show_log, "Retrieve the instance's console log" },
        { 't', "type", OPTION_STRING, &arg_type, "Type of connection to establish: 'console' for serial console, 'vga' for SPICE graphical output", NULL, "\"console\"" },
        {},
};

const Command command_console = {
        .name = "console",
        .usage = "[<remote>:]<instance>",
        .summary = "Attach to instance consoles",
        .description = "The console shows the boot and has a login. <ctrl>+a q detaches from it, <ctrl>+a a sends a\n"
                       "<ctrl>+a. With --show-log, what it has shown so far is printed.",
        .options = options,
        .min_args = 1,
        .max_args = 1,
        .run = run,
};
