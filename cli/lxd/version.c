/* SPDX-License-Identifier: Apache-2.0 */
/* lxd version */

#include <stdio.h>

#include "lxd.h"

static int run(Context *c) {
        printf("%s\n", LXD_VERSION);
        return 0;
}

const Command command_version = {
        .name = "version",
        .summary = "Show the server version",
        .run = run,
};
