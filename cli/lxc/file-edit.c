/* SPDX-License-Identifier: Apache-2.0 */
/* lxc file edit */

#include <sys/mman.h>

#include "base/file.h"
#include "editor.h"
#include "file-api.h"

#define EDIT_MAX (64U * 1024U * 1024U)

static int give_fd(void *userdata, const FileMetadata *metadata) {
        return *(int*) userdata;
}

static int run(Context *c) {
        _cleanup_(file_target_done) FileTarget target = {};
        _cleanup_free_ char *text = NULL, *edited = NULL;
        _cleanup_close_ int fd = -EBADF;
        FileMetadata keep = { .uid = -1, .gid = -1, .mode = -1 };
        const char *suffix;
        size_t size, edited_size;
        int r;

        r = file_target_parse(c->args[0], &target);
        if (r < 0)
                return r;
        if (!isatty(STDIN_FILENO)) {
                r = read_stdin(&text, &size);
                return r < 0 ? r : file_put(c->client, &target, &keep, -EBADF, text, size, NULL);
        }

        fd = memfd_create("lxc-file-edit", MFD_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "Cannot keep the file in memory: %m");
        FileGet get = { .on_head = give_fd, .userdata = &fd };
        r = file_get(c->client, &target, &get, NULL);
        if (r < 0)
                return r;
        list_free(get.names);
        free(get.link);
        if (get.metadata.type != FILE_REGULAR)
                return fail(-EINVAL, "%s is no regular file", c->args[0]);
        r = fd_read_all(fd, EDIT_MAX, &text, &size);
        if (r < 0)
                return fail(r, "Cannot read the file back: %s", strerror(-r));

        suffix = strrchr(target.path, '.');
        r = editor_run(text, size, suffix && !strchr(suffix, '/') ? suffix : "", &edited, &edited_size);
        if (r < 0)
                return r;
        if (size == edited_size && memcmp(text, edited, size) == 0)
                return 0;
        return file_put(c->client, &target, &get.metadata, -EBADF, edited, edited_size, NULL);
}

const Command command_file_edit = {
        .name = "edit",
        .usage = "[<remote>:]<instance>/<path>",
        .summary = "Edit files in instances",
        .description = "Owner and mode stay as they are. Standard input that is no terminal becomes the content.",
        .min_args = 1,
        .max_args = 1,
        .run = run,
};
