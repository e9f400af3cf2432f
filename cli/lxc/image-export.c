/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image export */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "image.h"
#include "multipart.h"
#include "progress.h"

static bool arg_vm = false;

/* Files on their way in. Each is complete only when it gets its name. */
typedef struct Download {
        const char *target;             /* of the user; NULL: the working directory */
        const HttpHead *head;
        bool begun, split;
        Multipart multipart;
        int fd;
        char *name;                     /* what the open file is to be called */
        char *temporary;
        unsigned n_files;
        uint64_t done;
        Progress progress;
        uint64_t started;
} Download;

static void download_done(Download *d) {
        progress_done(&d->progress);
        multipart_done(&d->multipart);
        if (d->fd != STDOUT_FILENO)
                close_safe(d->fd);
        if (d->temporary)
                (void) unlink(d->temporary);
        free(d->temporary);
        free(d->name);
}

static bool is_directory(const char *path) {
        struct stat st;

        return stat(path, &st) >= 0 && S_ISDIR(st.st_mode);
}

/* What follows the first dot of a name: ".tar.gz", ".squashfs". */
static const char *extension(const char *name) {
        const char *tar = strstr(name, ".tar");

        return tar ?: strrchr(name, '.') ?: "";
}

/* "TARGET/NAME", or TARGET with the name's extension; of two files the metadata is TARGET, the other TARGET.root. */
static char *file_name(const Download *d, const char *name) {
        if (!d->target)
                return xstrdup(name);
        if (is_directory(d->target))
                return xformat("%s%s%s", d->target, endswith(d->target, "/") ? "" : "/", name);
        if (d->split)
                return xformat("%s%s", d->target, d->n_files == 0 ? "" : ".root");
        return xformat("%s%s", d->target, extension(name));
}

static int file_finish(Download *d) {
        if (d->fd < 0 || d->fd == STDOUT_FILENO)
                return 0;
        d->fd = close_safe(d->fd);
        if (rename(d->temporary, d->name) < 0)
                return fail(-errno, "Cannot give %s its name: %m", d->name);
        free(TAKE_PTR(d->temporary));
        free(TAKE_PTR(d->name));
        d->n_files++;
        return 0;
}

static int file_begin(void *userdata, const char *filename) {
        Download *d = userdata;
        int r;

        r = file_finish(d);
        if (r < 0)
                return r;
        if (streq_ptr(d->target, "-")) {
                d->fd = STDOUT_FILENO;
                return d->split ? fail(-EINVAL, "The image has two files; they cannot both go to standard output") : 0;
        }

        d->name = file_name(d, isempty(filename) ? "image" : filename);
        d->temporary = xformat("%s.XXXXXX", d->name);
        d->fd = mkostemp(d->temporary, O_CLOEXEC);
        if (d->fd < 0) {
                r = fail(-errno, "Cannot create %s: %m", d->temporary);
                free(TAKE_PTR(d->temporary));
                return r;
        }
        (void) fchmod(d->fd, 0644);
        return 0;
}

static int file_data(void *userdata, const void *data, size_t n) {
        Download *d = userdata;
        int r;

        r = fd_write_all(d->fd, data, n);
        return r < 0 ? fail(r, "Cannot write %s: %s", strempty(d->name), strerror(-r)) : 0;
}

static int download_begin(Download *d) {
        const char *type = strempty(http_head_get(d->head, "Content-Type"));
        _cleanup_free_ char *filename = NULL;

        d->begun = true;
        d->split = startswith(type, "multipart/");
        if (d->split)
                return multipart_init(&d->multipart, type, &(MultipartHandler) { file_begin, file_data, d });

        filename = disposition_filename(http_head_get(d->head, "Content-Disposition"));
        return file_begin(d, filename);
}

static int on_received(void *userdata, const void *data, size_t n) {
        Download *d = userdata;
        int r = 0;

        if (!d->begun)
                r = download_begin(d);
        if (r >= 0)
                r = d->split ? multipart_feed(&d->multipart, data, n) : file_data(d, data, n);
        if (r < 0)
                return fail_text() ? r : fail(r, "The server sent an image that cannot be taken apart");

        d->done += n;
        progress_bytes(&d->progress, d->done, d->head->has_length ? d->head->length : 0, d->started);
        return 0;
}

static int run(Context *c) {
        _cleanup_(download_done) Download d = { .target = c->args[1], .fd = -EBADF };
        _cleanup_(http_head_done) HttpHead head = {};
        _cleanup_free_ char *path = NULL, *export = NULL;
        struct timespec ts;
        int r;

        r = image_path(c, c->args[0], arg_vm ? "virtual-machine" : NULL, &path);
        if (r < 0)
                return r;
        export = xformat("%s/export", path);
        client_add_project(c->client, &export);

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        d.started = (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
        d.head = &head;
        progress_init(&d.progress, c->client->quiet || streq_ptr(d.target, "-"), "Exporting the image");
        r = client_transfer(c->client, &(HttpRequest) { .method = "GET", .path = export }, &head, on_received, &d);
        if (r >= 0 && !d.begun)
                r = download_begin(&d);
        if (r >= 0 && d.split && multipart_end(&d.multipart) < 0)
                r = fail(-EBADMSG, "The server sent only a part of the image");
        if (r >= 0)
                r = file_finish(&d);
        if (r < 0)
                return r;

        progress_done(&d.progress);
        if (!streq_ptr(d.target, "-"))
                printf("Image exported successfully!\n");
        return 0;
}

static const Option options[] = {
        { 0, "vm", OPTION_BOOL, &arg_vm, "Query virtual machine images" },
        {},
};

const Command command_image_export = {
        .name = "export",
        .usage = "[<remote>:]<image> [<target>]",
        .summary = "Export and download images",
        .description = "The target is a directory, a file name without extension, or - for standard output; without it,\n"
                       "files go to the working directory.",
        .options = options,
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
