/* SPDX-License-Identifier: Apache-2.0 */
/* lxc file */

#include "file-api.h"

const Command command_file = {
        .name = "file",
        .summary = "Manage files in instances",
        .children = (const Command *const[]) {
                &command_file_delete, &command_file_edit, &command_file_pull, &command_file_push, NULL,
        },
};
