/* SPDX-License-Identifier: Apache-2.0 */
/* lxc image import */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "image.h"
#include "progress.h"

#define BOUNDARY "lxd-image-6e1c2f0a9b7d4853"

static char **arg_alias = NULL;
static bool arg_public = false;

/* An image on its way: one file, or metadata and root filesystem, or a directory that tar packs. */
typedef struct Upload {
        int fds[2];
        pid_t tar;                      /* 0: none */
        Progress progress;
        uint64_t started;
} Upload;

static void upload_done(Upload *u) {
        progress_done(&u->progress);
        for (size_t i = 0; i < ELEMENTSOF(u->fds); i++)
                close_safe(u->fds[i]);
        if (u->tar > 0)
                (void) waitpid(u->tar, NULL, 0);
}

static void on_sent(void *userdata, uint64_t sent, uint64_t total) {
        Upload *u = userdata;

        progress_bytes(&u->progress, sent, total, u->started);
}

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static int open_file(const char *path, int *ret, struct stat *ret_stat) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return fail(-errno, "open %s: %s", path, errno == ENOENT ? "no such file or directory" : strerror(errno));
        *ret = fd;
        if (fstat(fd, ret_stat) < 0)
                return fail(-errno, "Cannot read %s: %m", path);
        return 0;
}

/* Starts tar on a directory; its output is what is sent. */
static int pack_directory(const char *path, Upload *u) {
        _cleanup_free_ char *metadata = xformat("%s/metadata.yaml", path), *templates = xformat("%s/templates", path);
        bool has_templates = access(templates, F_OK) >= 0;
        int pipe_fds[2];

        if (access(metadata, F_OK) < 0)
                return fail(-errno, "%s is no unpacked image: it has no metadata.yaml", path);
        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return fail(-errno, "Cannot make a pipe: %m");

        u->tar = fork();
        if (u->tar == 0) {
                if (dup2(pipe_fds[1], STDOUT_FILENO) >= 0)
                        execlp("tar", "tar", "-C", path, "--numeric-owner", "--xattrs", "--acls", "-cz", "metadata.yaml", "rootfs",
                               has_templates ? "templates" : NULL, NULL);
                _exit(127);
        }
        close_safe(pipe_fds[1]);
        u->fds[0] = pipe_fds[0];
        return u->tar < 0 ? fail(-errno, "Cannot start tar: %m") : 0;
}

static int wait_tar(Upload *u) {
        int status;

        if (u->tar <= 0)
                return 0;
        u->fds[0] = close_safe(u->fds[0]);
        if (waitpid(u->tar, &status, 0) < 0)
                return fail(-errno, "Cannot wait for tar: %m");
        u->tar = 0;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                return fail(-EIO, "tar could not pack the directory");
        return 0;
}

/* "key=value" pairs as a query string. */
static int make_properties(char *const *pairs, Buffer *ret) {
        _cleanup_json_ struct json_object *o = jnew();
        int r;

        r = keyvalues_parse(pairs, o);
        if (r < 0)
                return r;
        JFOREACH(m, o) {
                _cleanup_free_ char *key = api_escape(m.key), *value = api_escape(strempty(json_object_get_string(m.value)));

                buffer_printf(ret, "%s%s=%s", ret->size > 0 ? "&" : "", key, value);
        }
        return 0;
}

static int make_headers(const char *filename, char *const *pairs, bool split, char ***ret) {
        _cleanup_buffer_ Buffer properties = {};
        _cleanup_list_ char **headers = NULL;
        int r;

        r = make_properties(pairs, &properties);
        if (r < 0)
                return r;
        list_append(&headers, xstrdup(split ? "Content-Type: multipart/form-data; boundary=" BOUNDARY
                                            : "Content-Type: application/octet-stream"));
        if (filename && !filename[strcspn(filename, "\r\n")])
                list_append(&headers, xformat("X-LXD-filename: %s", filename));
        if (arg_public)
                list_append(&headers, xstrdup("X-LXD-public: true"));
        if (properties.size > 0)
                list_append(&headers, xformat("X-LXD-properties: %s", properties.data));
        *ret = TAKE_PTR(headers);
        return 0;
}

/* A disk image for virtual machines is a QCOW2 file. */
static const char *rootfs_field(int fd) {
        char magic[4];

        return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, "QFI\xfb", 4) == 0 ? "rootfs.img" : "rootfs";
}

static char *part_head(const char *field, const char *path, bool first) {
        _cleanup_free_ char *name = api_escape(base_name(path));

        return xformat("%s--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
                       "Content-Type: application/octet-stream\r\n\r\n", first ? "" : "\r\n", field, name);
}

static int send_image(Context *c, Upload *u, char *const *headers, const HttpPart *parts, size_t n, Reply *ret) {
        _cleanup_free_ char *path = xstrdup("/1.0/images");
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        u->started = (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / NSEC_PER_USEC;
        progress_init(&u->progress, c->client->quiet, "Transferring image");
        client_add_project(c->client, &path);
        return client_send(c->client, &(HttpRequest) {
                .method = "POST",
                .path = path,
                .headers = headers,
                .parts = parts,
                .n_parts = n,
                .progress = on_sent,
                .userdata = u,
        }, ret);
}

static int upload_split(Context *c, Upload *u, const char *metadata, const char *rootfs, char *const *pairs, Reply *ret) {
        _cleanup_free_ char *first = NULL, *second = NULL;
        _cleanup_list_ char **headers = NULL;
        static const char end[] = "\r\n--" BOUNDARY "--\r\n";
        struct stat a, b;
        int r;

        r = open_file(metadata, &u->fds[0], &a);
        if (r >= 0)
                r = open_file(rootfs, &u->fds[1], &b);
        if (r >= 0)
                r = make_headers(NULL, pairs, true, &headers);
        if (r < 0)
                return r;

        first = part_head("metadata", metadata, true);
        second = part_head(rootfs_field(u->fds[1]), rootfs, false);
        return send_image(c, u, headers, (const HttpPart[]) {
                { .data = first, .size = strlen(first) },
                { .fd = u->fds[0], .size = (uint64_t) a.st_size },
                { .data = second, .size = strlen(second) },
                { .fd = u->fds[1], .size = (uint64_t) b.st_size },
                { .data = end, .size = strlen(end) },
        }, 5, ret);
}

static int upload_one(Context *c, Upload *u, const char *path, char *const *pairs, Reply *ret) {
        _cleanup_list_ char **headers = NULL;
        HttpPart part = {};
        struct stat st;
        int r;

        r = open_file(path, &u->fds[0], &st);
        if (r < 0)
                return r;
        if (S_ISDIR(st.st_mode)) {
                u->fds[0] = close_safe(u->fds[0]);
                r = pack_directory(path, u);
        }
        if (r >= 0)
                r = make_headers(S_ISDIR(st.st_mode) ? "image.tar.gz" : base_name(path), pairs, false, &headers);
        if (r < 0)
                return r;

        part.fd = u->fds[0];
        part.size = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : HTTP_SIZE_UNKNOWN;
        r = send_image(c, u, headers, &part, 1, ret);
        return r < 0 ? r : wait_tar(u);
}

static int import_url(Context *c, const char *url, char *const *pairs, Reply *ret) {
        _cleanup_json_ struct json_object *o = jnew();
        struct json_object *source = jobject(o, "source");
        int r;

        if (!startswith(url, "https://"))
                return fail(-EINVAL, "Only https:// is supported for remote image import");
        jset_str(source, "type", "url");
        jset_str(source, "mode", "pull");
        jset_str(source, "url", url);
        jset_bool(o, "public", arg_public);
        r = keyvalues_parse(pairs, jobject(o, "properties"));
        return r < 0 ? r : client_call(c->client, "POST", "/1.0/images", o, NULL, ret);
}

/* Arguments: one or two files, perhaps a remote, then properties. */
static int split_arguments(Context *c, const char **ret_rootfs, char ***ret_pairs) {
        char **a = c->args + 1;

        *ret_rootfs = NULL;
        if (*a && !endswith(*a, ":") && (access(*a, F_OK) >= 0 || !strchr(*a, '=')))
                *ret_rootfs = *a++;
        if (*a && endswith(*a, ":")) {
                _cleanup_free_ char *name = NULL;
                int r;

                r = remote_split(*a++, &name);
                if (r < 0)
                        return r;
        }
        *ret_pairs = a;
        return 0;
}

static int run(Context *c) {
        _cleanup_(upload_done) Upload u = { .fds = { -EBADF, -EBADF } };
        _cleanup_reply_ Reply started = {}, ended = {};
        const char *image = c->args[0], *rootfs = NULL;
        char **pairs = NULL;
        int r;

        r = split_arguments(c, &rootfs, &pairs);
        if (r < 0)
                return r;
        if (startswith(image, "http://") || startswith(image, "https://"))
                r = import_url(c, image, pairs, &started);
        else if (rootfs)
                r = upload_split(c, &u, image, rootfs, pairs, &started);
        else
                r = upload_one(c, &u, image, pairs, &started);
        progress_done(&u.progress);
        if (r >= 0)
                r = operation_wait(c->client, &started, &ended);
        if (r < 0)
                return r;

        if (!c->client->quiet)
                printf("Image imported with fingerprint: %s\n", image_fingerprint(ended.metadata));
        fflush(stdout);
        return image_set_aliases(c->client, arg_alias, image_fingerprint(ended.metadata));
}

static const Option options[] = {
        { 0, "alias", OPTION_LIST, &arg_alias, "New aliases to add to the image" },
        { 0, "public", OPTION_BOOL, &arg_public, "Make image public" },
        {},
};

const Command command_image_import = {
        .name = "import",
        .usage = "<tarball>|<directory>|<URL> [<rootfs tarball>] [<remote>:] [key=value...]",
        .summary = "Import image into the image store",
        .description = "A directory holds metadata.yaml, rootfs and perhaps templates; reading it needs root.",
        .options = options,
        .min_args = 1,
        .max_args = COMMAND_ANY,
        .run = run,
};
