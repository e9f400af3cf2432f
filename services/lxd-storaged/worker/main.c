/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-storage-worker: jobs on the host for lxd-storaged, one after the other, with their outcome on the report socket.
 *
 *   lxd-storage-worker [VERB KEY=VALUE...]
 *
 * Without arguments it waits for those of its jobs. Every verb takes driver=, pool=, path= (mount point), source=, state-dir=, options=,
 * uuid=. The list of verbs with their further keys is `verbs` below. Volumes are paths below the mount point.
 * What is open for as long as the job (the pool, the lock of the mounts) worker_serve() closes. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "backend.h"
#include "base/file.h"
#include "base/str.h"
#include "crash.h"
#include "volume-job.h"
#include "worker.h"

typedef struct Job {
        HostPool pool;
        const Backend *backend;
        const char *id;
        const char *to;          /* the last to= */
        const char *from;        /* the last from= */
        const char *source_path; /* mount point of another pool that from= is in */
        const char *format;
        const char *remove_dir;
        const char *below;
        const char *idmap;
        uint64_t quota;
        int mode;
        bool rootfs;
        bool readonly;
        VolumePair *pairs; /* one for each to= */
        size_t n_pairs;
} Job;

typedef struct Verb {
        const char *name;
        int (*run)(Job *j, HostError *e);
        bool needs_pool; /* opens the mount point first */
} Verb;

static void report_progress(unsigned percent) {
        (void) worker_reportf("progress", "%u", percent);
}

/* ---- pools ---- */

static int make_kinds(Job *j, HostError *e) {
        _cleanup_close_ int fd = open(j->pool.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return host_error(e, -errno, "Failed to open \"%s\"", j->pool.path);
        for (const KindDirectory *k = kind_directories; k->name; k++)
                if ((mkdirat(fd, k->name, k->mode) < 0 && errno != EEXIST) || fchmodat(fd, k->name, k->mode, 0) < 0)
                        return host_error(e, -errno, "Failed to create \"%s/%s\"", j->pool.path, k->name);
        if (fchmod(fd, 0711) < 0)
                return host_error(e, -errno, "Failed to set the mode of \"%s\"", j->pool.path);
        return 0;
}

/* Only one process mounts at a time: two would stack their mounts. The lock goes with the job's descriptors. */
static int lock_mounts(Job *j, HostError *e) {
        _cleanup_free_ char *dir = NULL;
        int fd, r;

        r = str_format(&dir, "%s/storage-pools", j->pool.state_dir);
        if (r >= 0)
                r = mkdir_parents(dir, 0711);
        if (r < 0)
                return host_error(e, r, "Failed to create \"%s\"", strempty(dir));
        (void) chmod(dir, 0711); /* the umask may have closed it */
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 || flock(fd, LOCK_EX) < 0)
                return host_error(e, -errno, "Failed to lock \"%s\"", dir);
        return 0;
}

/* Loop files, places to mount at and what is in a new pool. */
static int flush_file_system(const char *path, HostError *e) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || syncfs(fd) < 0 ? host_error(e, -errno, "Failed to flush the file system of \"%s\"", path) : 0;
}

static int run_pool_create(Job *j, HostError *e) {
        int r;

        r = lock_mounts(j, e);
        if (r >= 0)
                r = j->backend->pool_create(&j->pool, e);
        if (r < 0)
                return r;
        crash_point("worker-pool-mounted");
        r = make_kinds(j, e);
        if (r >= 0)
                r = flush_file_system(j->pool.path, e);
        if (r >= 0)
                r = flush_file_system(j->pool.state_dir, e);
        if (r < 0)
                (void) j->backend->pool_delete(&j->pool, host_error_ignored());
        return r;
}

static int run_pool_check(Job *j, HostError *e) {
        return j->backend->pool_check(&j->pool, e);
}

static int run_pool_mount(Job *j, HostError *e) {
        int r;

        r = lock_mounts(j, e);
        if (r < 0)
                return r;
        r = j->backend->pool_is_mounted(&j->pool);
        if (r > 0)
                return 0;
        return j->backend->pool_mount(&j->pool, e);
}

static int run_pool_delete(Job *j, HostError *e) {
        int r;

        r = lock_mounts(j, e);
        if (r >= 0)
                r = j->backend->pool_delete(&j->pool, e);
        return r < 0 ? r : flush_file_system(j->pool.state_dir, e);
}

static int run_pool_resources(Job *j, HostError *e) {
        struct statvfs fs;

        if (fstatvfs(j->pool.fd, &fs) < 0)
                return host_error(e, -errno, "Failed to read the space of storage pool \"%s\"", j->pool.name);
        (void) worker_reportf("space.total", "%" PRIu64, (uint64_t) fs.f_blocks * fs.f_frsize);
        (void) worker_reportf("space.used", "%" PRIu64, (uint64_t) (fs.f_blocks - fs.f_bfree) * fs.f_frsize);
        (void) worker_reportf("inodes.total", "%" PRIu64, (uint64_t) fs.f_files);
        (void) worker_reportf("inodes.used", "%" PRIu64, (uint64_t) (fs.f_files - fs.f_ffree));
        return 0;
}

/* ---- volumes ---- */

static int run_volume_create(Job *j, HostError *e) {
        return volume_create(j->backend, &j->pool, j->to, j->id, j->mode, j->rootfs, j->quota, e);
}

static int run_image_create(Job *j, HostError *e) {
        VolumeImage image = { j->format, WORKER_FIRST_FD, WORKER_FIRST_FD + 1 };

        return volume_create_image(j->backend, &j->pool, j->to, j->id, &image, report_progress, e);
}

/* The mount point that from= is below. *ret_opened is the caller's to close, *ret_fd borrowed. */
static int open_source(Job *j, int *ret_opened, int *ret_fd, HostError *e) {
        if (!j->source_path) {
                *ret_fd = j->pool.fd;
                return 0;
        }
        *ret_opened = *ret_fd = open(j->source_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return *ret_fd < 0 ? host_error(e, -errno, "Failed to open \"%s\"", j->source_path) : 0;
}

static int run_volume_copy(Job *j, HostError *e) {
        _cleanup_close_ int opened = -EBADF;
        int source, r = open_source(j, &opened, &source, e);

        return r < 0 ? r : volume_copy(j->backend, &j->pool, source, j->pairs, j->n_pairs, j->id, j->quota, j->mode, e);
}

static int run_volume_restore(Job *j, HostError *e) {
        _cleanup_close_ int opened = -EBADF;
        int source, r = open_source(j, &opened, &source, e);

        return r < 0 ? r : volume_restore(j->backend, &j->pool, source, j->from, j->to, j->id, j->quota, e);
}

static int run_volume_rename(Job *j, HostError *e) {
        return volume_rename(j->backend, &j->pool, j->pairs, j->n_pairs, e);
}

static int run_volume_delete(Job *j, HostError *e) {
        const char *paths[j->n_pairs + 1];

        for (size_t i = 0; i < j->n_pairs; i++)
                paths[i] = j->pairs[i].to;
        return volume_delete(j->backend, &j->pool, paths, j->n_pairs, j->id, j->remove_dir, e);
}

static int run_volume_settle(Job *j, HostError *e) {
        return volume_settle(j->backend, &j->pool, j->to, j->id, j->quota, e);
}

/* Reports "changed": how many inodes have new owners. */
static int run_volume_shift(Job *j, HostError *e) {
        uint64_t changed = 0;
        int r;

        r = volume_shift(&j->pool, j->to, j->below, j->id, j->idmap ?: "", &changed, e);
        if (r >= 0)
                (void) worker_reportf("changed", "%" PRIu64, changed);
        return r;
}

static int run_volume_quota(Job *j, HostError *e) {
        return volume_set_quota(j->backend, &j->pool, j->to, j->quota, e);
}

/* Reports "usage.<n>" for the n-th to=; volumes of unknown usage are left out. */
static int run_volume_usage(Job *j, HostError *e) {
        char key[40];
        uint64_t bytes;

        for (size_t i = 0; i < j->n_pairs; i++) {
                if (volume_usage(j->backend, &j->pool, j->pairs[i].to, &bytes) < 0)
                        continue;
                (void) snprintf(key, sizeof(key), "usage.%zu", i);
                (void) worker_reportf(key, "%" PRIu64, bytes);
        }
        return 0;
}

static const Verb verbs[] = {
        { "pool-check", run_pool_check, false },        /* before pool-create; changes nothing */
        { "pool-create", run_pool_create, false },      /* size= */
        { "pool-mount", run_pool_mount, false },
        { "pool-delete", run_pool_delete, false },      /* repeatable; also undoes pool-create */
        { "pool-resources", run_pool_resources, true },
        { "volume-create", run_volume_create, true },   /* to= id= mode= [rootfs=1] [quota=] */
        { "image-create", run_image_create, true },     /* to= id= format=; fds: metadata, rootfs */
        { "volume-copy", run_volume_copy, true },       /* (readonly= from= to=)... id= [quota=] [mode=] [source-path=] */
        { "volume-restore", run_volume_restore, true }, /* from= to= id= [quota=] [source-path=] */
        { "volume-rename", run_volume_rename, true },   /* (from= to=)... */
        { "volume-delete", run_volume_delete, true },   /* to=... id= [remove-dir=]; repeatable */
        { "volume-settle", run_volume_settle, true },   /* to= id= quota=; repeatable */
        { "volume-shift", run_volume_shift, true },     /* to= id= idmap= [below=]; repeatable */
        { "volume-quota", run_volume_quota, true },     /* to= quota= */
        { "volume-usage", run_volume_usage, true },     /* to=... */
};

/* ---- arguments ---- */

static int job_set_volume(Job *j, const char *key, const char *value) {
        if (streq(key, "id"))
                j->id = value;
        else if (streq(key, "from"))
                j->from = value;
        else if (streq(key, "to")) {
                j->to = value;
                j->pairs[j->n_pairs++] = (VolumePair) { j->from, j->to, j->readonly };
        } else if (streq(key, "readonly"))
                j->readonly = str_is_true(value);
        else if (streq(key, "rootfs"))
                j->rootfs = str_is_true(value);
        else if (streq(key, "quota"))
                return parse_u64(value, &j->quota);
        else if (streq(key, "mode"))
                return parse_mode(value, (unsigned *) &j->mode);
        else if (streq(key, "format"))
                j->format = value;
        else if (streq(key, "source-path"))
                j->source_path = value;
        else if (streq(key, "remove-dir"))
                j->remove_dir = value;
        else if (streq(key, "below"))
                j->below = value;
        else if (streq(key, "idmap"))
                j->idmap = value;
        else
                return -EINVAL;
        return 0;
}

static int job_set(Job *j, const char *key, const char *value) {
        if (streq(key, "driver")) {
                j->backend = backend_find(value);
                return j->backend ? 0 : -EINVAL;
        }
        if (streq(key, "pool"))
                j->pool.name = value;
        else if (streq(key, "path"))
                j->pool.path = value;
        else if (streq(key, "source"))
                j->pool.source = value;
        else if (streq(key, "state-dir"))
                j->pool.state_dir = value;
        else if (streq(key, "options"))
                j->pool.mount_options = value;
        else if (streq(key, "uuid"))
                j->pool.uuid = value;
        else if (streq(key, "size"))
                return parse_u64(value, &j->pool.size);
        else
                return job_set_volume(j, key, value);
        return 0;
}

static int job_parse(Job *j, char **args, HostError *e) {
        STRV_FOREACH(a, args) {
                char *value = strchr(*a, '=');

                if (value)
                        *value++ = '\0';
                if (!value || job_set(j, *a, value) < 0)
                        return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Storage worker: bad argument \"%s\"", *a);
        }
        if (!j->backend || !j->pool.name || !j->pool.path || !j->pool.state_dir)
                return host_refuse(e, -EINVAL, HOST_ERROR_INVALID, "Storage worker: arguments are missing");
        return 0;
}

static int job_run(const Verb *verb, Job *j, HostError *e) {
        int r;

        if (verb->needs_pool) {
                j->pool.fd = open(j->pool.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (j->pool.fd < 0)
                        return host_error(e, -errno, "Failed to open storage pool \"%s\" at %s", j->pool.name,
                                          j->pool.path);
        }
        crash_point("worker-start");
        r = verb->run(j, e);
        crash_point("worker-end");
        return r;
}

static const Verb *verb_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (name && streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

static int run(int argc, char *argv[]) {
        _cleanup_(host_error_done) HostError error = {};
        _cleanup_free_ VolumePair *pairs = NULL;
        Job job = { .pool = { .fd = -EBADF, .source = "", .mount_options = "", .uuid = "" }, .id = "0", .mode = -1 };
        const Verb *verb;
        int r;

        verb = argc > 1 ? verb_find(argv[1]) : NULL;
        pairs = calloc(argc + 1, sizeof(*pairs));
        job.pairs = pairs;
        if (!pairs)
                r = -ENOMEM;
        else if (!verb)
                r = host_refuse(&error, -EINVAL, HOST_ERROR_INVALID, "Storage worker: unknown verb");
        else {
                r = job_parse(&job, argv + 2, &error);
                if (r >= 0)
                        r = job_run(verb, &job, &error);
        }
        if (r >= 0)
                return EXIT_SUCCESS;
        return worker_fail(r, &(sd_bus_error) { .name = error.name, .message = error.text });
}

int main(int argc, char *argv[]) {
        /* Without its daemon nobody would record the outcome: the next daemon undoes the job. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) umask(0);
        return worker_serve(argc, argv, run);
}
