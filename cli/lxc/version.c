/* SPDX-License-Identifier: Apache-2.0 */
/* lxc version */

#include <stdio.h>

#include "lxc.h"

static int run(Context *c) {
        _cleanup_reply_ Reply reply = {};
        _cleanup_free_ char *name = NULL;
        int r;

        r = remote_split(strempty(c->args[0]), &name);
        if (r < 0)
                return r;

        printf("Client version: %s\n", LXD_VERSION);
        if (client_get(c->client, "/1.0", &reply) < 0)
                printf("Server version: unreachable\n");
        else
                printf("Server version: %s\n", jstr(reply.metadata, "environment.server_version"));
        return 0;
}

const Command command_version = {
        .name = "version",
        .usage = "[<remote>:]",
        .summary = "Show local and remote versions",
        .max_args = 1,
        .run = run,
};
