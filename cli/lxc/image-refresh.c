/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image refresh */

#include <stdio.h>

#include "image.h"

static int run(Context *c) {
        for (char **a = c->args; *a; a++) {
                _cleanup_free_ char *path = NULL, *refresh = NULL;
                _cleanup_reply_ Reply started = {}, ended = {};
                int r;

                r = image_path(c, *a, NULL, &path);
                if (r < 0)
                        return r;
                refresh = xformat("%s/refresh", path);
                r = client_call(c->client, "POST", refresh, NULL, NULL, &started);
                if (r >= 0)
                        r = operation_wait(c->client, &started, &ended);
                if (r < 0)
                        return r;
                printf("%s\n", jbool(ended.metadata, "metadata.refreshed") ? "Image refreshed successfully!" : "Image already up to date.");
        }
        return 0;
}

const Command command_image_refresh = {
        .name = "refresh",
        .usage = "[<remote>:]<image> [[<remote>:]<image>...]",
        .summary = "Refresh images",
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run,
};
