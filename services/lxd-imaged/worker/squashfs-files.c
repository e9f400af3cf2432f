/* SPDX-License-Identifier: Apache-2.0 */
/* Files share fragments (blocks with the ends of several), so a thread takes a run of files with the same one: each is decompressed once. */

#include "worker/squashfs-files.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/block.h>

#include "bus-error.h"
#include "worker/archive.h"
#include "worker/attributes.h"
#include "worker/tree.h"

#define THREADS_MAX 16
#define RUN_MAX 256U
#define NO_FRAGMENT UINT32_MAX

typedef struct Writing {
        const SquashfsFiles *files;
        const UnpackJob *job;
        SquashfsFile *image;
        const sqfs_super_t *super;
        pthread_mutex_t lock; /* of what follows */
        size_t next;
        uint64_t written, passed; /* bytes on disk, and with the holes */
        unsigned percent;
        int r; /* the first failure stops all */
        sd_bus_error error;
} Writing;

typedef struct Thread {
        Writing *w;
        sqfs_compressor_t *compressor;
        sqfs_data_reader_t *reader;
        Tree tree;
} Thread;

void squashfs_files_done(SquashfsFiles *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->items[i].path);
                sqfs_free(f->items[i].inode);
        }
        free(f->items);
        *f = (SquashfsFiles) {};
}

static uint64_t file_size(const sqfs_inode_generic_t *inode) {
        sqfs_u64 size = 0;

        (void) sqfs_inode_get_file_size(inode, &size); /* fails for what is no regular file only */
        return size;
}

int squashfs_files_add(SquashfsFiles *f, const char *path, sqfs_inode_generic_t *inode, sd_bus_error *error) {
        _cleanup_sqfs_free_ sqfs_inode_generic_t *owned = inode;
        uint64_t size = file_size(inode);
        char *copy;

        if (size > UNPACK_FILE_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the file %.256s with %" PRIu64 " bytes, the limit is %" PRIu64, path, size, UNPACK_FILE_MAX);
        f->inodes_size += sizeof(*inode) + inode->payload_bytes_used;
        if (f->inodes_size > SQUASHFS_INODES_SIZE_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive has too many blocks");
        if (f->n == f->allocated) {
                size_t n = MAX((size_t) 1024, f->allocated * 2);
                SquashfsRegular *more = reallocarray(f->items, n, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                f->items = more;
                f->allocated = n;
        }
        copy = strdup(path);
        if (!copy)
                return -ENOMEM;
        f->items[f->n++] = (SquashfsRegular) { copy, TAKE_PTR(owned) };
        f->data_size += MIN(size, UNPACK_FILE_MAX);
        return 0;
}

static uint32_t fragment_of(const sqfs_inode_generic_t *inode) {
        sqfs_u32 index = NO_FRAGMENT, offset;

        (void) sqfs_inode_get_frag_location(inode, &index, &offset);
        return index;
}

static int compare(const void *a, const void *b) {
        const sqfs_inode_generic_t *x = ((const SquashfsRegular *) a)->inode, *y = ((const SquashfsRegular *) b)->inode;
        uint32_t f = fragment_of(x), g = fragment_of(y);
        sqfs_u64 i = 0, k = 0;

        (void) sqfs_inode_get_file_block_start(x, &i);
        (void) sqfs_inode_get_file_block_start(y, &k);
        return f != g ? (f > g) - (f < g) : (i > k) - (i < k);
}

/* The next run of files for a thread, as [*ret_from, result). */
static size_t take_run(Writing *w, size_t *ret_from) {
        size_t end;

        (void) pthread_mutex_lock(&w->lock);
        *ret_from = end = w->r < 0 ? w->files->n : w->next;
        while (end < w->files->n && end - *ret_from < RUN_MAX &&
               fragment_of(w->files->items[end].inode) == fragment_of(w->files->items[*ret_from].inode) &&
               (end == *ret_from || fragment_of(w->files->items[end].inode) != NO_FRAGMENT))
                end++;
        w->next = MAX(w->next, end);
        (void) pthread_mutex_unlock(&w->lock);
        return end;
}

/* So many bytes more. Gives the first failure of any thread, so that all end soon. */
static int account(Writing *w, uint64_t written, uint64_t passed, sd_bus_error *error) {
        unsigned percent;
        int r;

        (void) pthread_mutex_lock(&w->lock);
        w->written += written;
        w->passed += passed;
        r = w->r;
        percent = (unsigned) MIN(UINT64_C(100), w->passed * 100 / MAX(UINT64_C(1), w->files->data_size));
        if (r >= 0 && w->job->progress && percent > w->percent) {
                w->percent = percent;
                w->job->progress(percent, w->job->userdata);
        }
        written = w->written;
        (void) pthread_mutex_unlock(&w->lock);
        if (r < 0)
                return r;
        if (written > UNPACK_DATA_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has more than %" PRIu64 " bytes of data", UNPACK_DATA_MAX);
        return archive_check_growth((int64_t) w->image->size, (int64_t) written, "rootfs archive", error);
}

static int write_block(Thread *t, int fd, const SquashfsRegular *f, uint64_t offset, const sqfs_u8 *data, size_t n, sd_bus_error *error) {
        int r;

        if (offset > file_size(f->inode) || n > file_size(f->inode) - offset)
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive is damaged or incomplete: %.256s has more data than its size", f->path);
        r = tree_write(fd, data, n, (int64_t) offset);
        return r < 0 ? tree_error(r, f->path, "write", error) : account(t->w, n, n, error);
}

static int write_content(Thread *t, int fd, const SquashfsRegular *f, sd_bus_error *error) {
        size_t blocks = sqfs_inode_get_file_block_count(f->inode), n;
        uint64_t offset = 0, size = file_size(f->inode);
        int r;

        for (size_t i = 0; i < blocks; i++, offset += t->w->super->block_size) {
                _cleanup_sqfs_free_ sqfs_u8 *data = NULL;

                if (SQFS_IS_SPARSE_BLOCK(f->inode->extra[i])) {
                        r = account(t->w, 0, t->w->super->block_size, error);
                        if (r < 0)
                                return r;
                        continue;
                }
                r = sqfs_data_reader_get_block(t->reader, f->inode, i, &n, &data);
                r = r < 0 ? squashfs_error(r, f->path, error) : write_block(t, fd, f, offset, data, n, error);
                if (r < 0)
                        return r;
        }
        if (fragment_of(f->inode) != NO_FRAGMENT) {
                _cleanup_sqfs_free_ sqfs_u8 *data = NULL;

                r = sqfs_data_reader_get_fragment(t->reader, f->inode, &n, &data);
                r = r < 0 ? squashfs_error(r, f->path, error) : data ? write_block(t, fd, f, offset, data, n, error) : 0;
                return r;
        }
        return blocks > 0 && SQFS_IS_SPARSE_BLOCK(f->inode->extra[blocks - 1]) && ftruncate(fd, (off_t) size) < 0
                       ? tree_error(-errno, f->path, "set the size of", error) : 0;
}

static int write_file(Thread *t, const SquashfsRegular *f, sd_bus_error *error) {
        _cleanup_close_ int fd = tree_create_file(&t->tree, f->path, f->inode->base.mode, error);
        int r = fd < 0 ? fd : write_content(t, fd, f, error);

        if (r < 0)
                return r;
        r = attributes_set_mtime(fd, f->inode->base.mod_time, 0);
        return r < 0 ? tree_error(r, f->path, "set the time of", error) : 0;
}

static int write_runs(Thread *t, sd_bus_error *error) {
        int r = squashfs_compressor(t->w->super, &t->compressor, error);

        r = r < 0 ? r : squashfs_data_reader(t->w->image, t->w->super, t->compressor, &t->reader, error);
        while (r >= 0) {
                size_t i, end = take_run(t->w, &i);

                if (i == end)
                        return 0;
                for (; r >= 0 && i < end; i++)
                        r = write_file(t, &t->w->files->items[i], error);
        }
        return r;
}

static void *thread_run(void *userdata) {
        Writing *w = userdata;
        Thread t = { .w = w, .tree = { .fd = w->job->target_fd, .parent_fd = -EBADF } };
        sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = write_runs(&t, &e);

        (void) pthread_mutex_lock(&w->lock);
        if (r < 0 && w->r >= 0) {
                w->r = r;
                w->error = e;
                e = SD_BUS_ERROR_NULL;
        }
        (void) pthread_mutex_unlock(&w->lock);
        sd_bus_error_free(&e);
        tree_done(&t.tree);
        sqfs_destroy(t.reader);
        sqfs_destroy(t.compressor);
        return NULL;
}

int squashfs_files_write(SquashfsFiles *f, const UnpackJob *job, SquashfsFile *image, const sqfs_super_t *super, sd_bus_error *error) {
        Writing w = { .files = f, .job = job, .image = image, .super = super, .lock = PTHREAD_MUTEX_INITIALIZER };
        pthread_t threads[THREADS_MAX];
        unsigned n = 0, wanted = 1;
        cpu_set_t cpus;

        SORT(f->items, f->n, compare);
        if (job->fork && sched_getaffinity(0, sizeof(cpus), &cpus) >= 0)
                wanted = MIN(2 * (unsigned) CPU_COUNT(&cpus), (unsigned) THREADS_MAX); /* some wait for the disk */
        while (n + 1 < wanted && pthread_create(&threads[n], NULL, thread_run, &w) == 0) /* fewer do, too */
                n++;
        (void) thread_run(&w);
        while (n > 0)
                (void) pthread_join(threads[--n], NULL);
        return w.r < 0 ? sd_bus_error_move(error, &w.error) : 0;
}
