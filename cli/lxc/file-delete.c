/* SPDX-License-Identifier: Apache-2.0 */
/* lxc file delete */

#include "file-api.h"

static int run(Context *c) {
        for (char **a = c->args; *a; a++) {
                _cleanup_(file_target_done) FileTarget target = {};
                _cleanup_free_ char *path = NULL;
                _cleanup_reply_ Reply reply = {};
                int r;

                r = file_target_parse(*a, &target);
                if (r < 0)
                        return r;
                path = api_path("instances", target.instance, "files", NULL);
                api_query(&path, "path", target.path);
                r = client_call(c->client, "DELETE", path, NULL, NULL, &reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

const Command command_file_delete = {
        .name = "delete",
        .aliases = "rm",
        .usage = "[<remote>:]<instance>/<path> [[<remote>:]<instance>/<path>...]",
        .summary = "Delete files in instances",
        .description = "Directories are deleted if they are empty.",
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run,
};
