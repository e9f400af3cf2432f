/* SPDX-License-Identifier: Apache-2.0 */
/* lxd activateifneeded */

#include "lxd.h"

/* LXD had to be woken at boot if it was to listen on the network or to start instances. Here systemd listens, and
 * lxd-instances.service starts instances; what is left of it is to ask whether anybody is there. */
static int run(Context *c) {
        _cleanup_reply_ Reply reply = {};

        return client_get(c->client, "/1.0", &reply);
}

const Command command_activateifneeded = {
        .name = "activateifneeded",
        .summary = "Check if LXD should be started",
        .description = "The sockets of LXD belong to systemd, and its instances are started by lxd-instances.service, so\n"
                       "nothing depends on this. It connects once, for scripts that expect it to.",
        .run = run,
};
