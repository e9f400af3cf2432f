/* SPDX-License-Identifier: Apache-2.0 */
/* libsquashfs opens files by name only; the image has none here. */

#include "worker/squashfs.h"

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/frag_table.h>
#include <sqfs/id_table.h>

#include "bus-error.h"
#include "worker/archive.h"

static int read_at(sqfs_file_t *base, sqfs_u64 offset, void *buffer, size_t size) {
        const SquashfsFile *f = (const SquashfsFile *) base;
        char *p = buffer;

        if (offset > f->size || size > f->size - offset)
                return SQFS_ERROR_OUT_OF_BOUNDS;
        while (size > 0) {
                ssize_t n = pread(f->fd, p, size, (off_t) offset);

                if (n == 0)
                        return SQFS_ERROR_OUT_OF_BOUNDS;
                if (n < 0 && errno != EINTR)
                        return SQFS_ERROR_IO;
                if (n > 0) {
                        p += n;
                        offset += (sqfs_u64) n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

static int write_at(sqfs_file_t *base, sqfs_u64 offset, const void *buffer, size_t size) {
        return SQFS_ERROR_UNSUPPORTED;
}

static sqfs_u64 get_size(const sqfs_file_t *base) {
        return ((const SquashfsFile *) base)->size;
}

static int change_size(sqfs_file_t *base, sqfs_u64 size) {
        return SQFS_ERROR_UNSUPPORTED;
}

static void destroy(sqfs_object_t *object) {
}

/* The fields of the head that tell a hostile or truncated file at once. */
static int check_head(const SquashfsFile *f, sd_bus_error *error) {
        struct {
                uint32_t magic, inodes;
                uint8_t others[32];
                uint64_t bytes_used;
        } __attribute__((packed)) s;

        if (pread(f->fd, &s, sizeof(s), 0) != (ssize_t) sizeof(s))
                return archive_damaged("rootfs archive", "it is shorter than the head of a squashfs", error);
        if (le64toh(s.bytes_used) > f->size) {
                char reason[128];

                (void) snprintf(reason, sizeof(reason), "the squashfs should have %" PRIu64 " bytes and has %" PRIu64, le64toh(s.bytes_used), f->size);
                return archive_damaged("rootfs archive", reason, error);
        }
        if (le32toh(s.inodes) > ARCHIVE_ENTRIES_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive has more than %u entries", ARCHIVE_ENTRIES_MAX);
        return 0;
}

int squashfs_open(int fd, SquashfsFile *ret, sqfs_super_t *ret_super, sd_bus_error *error) {
        SquashfsFile f = {
                .file = { .base = { .destroy = destroy }, .read_at = read_at, .write_at = write_at, .get_size = get_size, .truncate = change_size },
                .fd = fd,
        };
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        f.size = (uint64_t) st.st_size;
        r = check_head(&f, error);
        if (r < 0)
                return r;
        r = sqfs_super_read(ret_super, &f.file);
        if (r < 0)
                return squashfs_error(r, NULL, error);
        *ret = f;
        return 0;
}

int squashfs_compressor(const sqfs_super_t *super, sqfs_compressor_t **ret, sd_bus_error *error) {
        sqfs_compressor_config_t config;
        int r = sqfs_compressor_config_init(&config, super->compression_id, super->block_size, SQFS_COMP_FLAG_UNCOMPRESS);

        r = r < 0 ? r : sqfs_compressor_create(&config, ret);
        if (r == SQFS_ERROR_UNSUPPORTED)
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "The rootfs archive is a squashfs compressed with %s, which cannot be unpacked here; use gzip, xz, zstd or lz4",
                                     sqfs_compressor_name_from_id(super->compression_id) ?: "something unknown");
        return r < 0 ? squashfs_error(r, NULL, error) : 0;
}

int squashfs_data_reader(SquashfsFile *f, const sqfs_super_t *super, sqfs_compressor_t *c, sqfs_data_reader_t **ret, sd_bus_error *error) {
        sqfs_data_reader_t *d = sqfs_data_reader_create(&f->file, super->block_size, c, 0);
        int r = d ? sqfs_data_reader_load_fragment_table(d, super) : SQFS_ERROR_ALLOC;

        if (r < 0) {
                sqfs_destroy(d);
                return squashfs_error(r, NULL, error);
        }
        *ret = d;
        return 0;
}

/* Each table begins behind the one before, and all of them before the end; those that may be missing say so. */
static bool tables_fit(const sqfs_super_t *s) {
        const uint64_t tables[] = { s->inode_table_start, s->directory_table_start, s->fragment_table_start, s->export_table_start, s->id_table_start, s->xattr_id_table_start };
        uint64_t last = sizeof(*s) - 1;

        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                if (tables[i] == UINT64_MAX && i >= 2 && i != 4)
                        continue;
                if (tables[i] < last || tables[i] >= s->bytes_used)
                        return false;
                last = tables[i];
        }
        return s->fragment_entry_count <= s->inode_count;
}

static int read_tables(SquashfsFile *f, const sqfs_super_t *super, sqfs_compressor_t *c) {
        _cleanup_(sqfs_destroyp) sqfs_id_table_t *ids = sqfs_id_table_create(0);
        _cleanup_(sqfs_destroyp) sqfs_frag_table_t *fragments = sqfs_frag_table_create(0);
        _cleanup_(sqfs_destroyp) sqfs_dir_reader_t *reader = sqfs_dir_reader_create(super, c, &f->file, 0);
        _cleanup_sqfs_free_ sqfs_inode_generic_t *root = NULL;
        int r = ids && fragments && reader ? sqfs_id_table_read(ids, &f->file, super, c) : SQFS_ERROR_ALLOC;

        r = r < 0 ? r : sqfs_frag_table_read(fragments, &f->file, super, c);
        return r < 0 ? r : sqfs_dir_reader_get_root_inode(reader, &root);
}

int squashfs_check(int fd, sd_bus_error *error) {
        _cleanup_(sqfs_destroyp) sqfs_compressor_t *c = NULL;
        SquashfsFile f;
        sqfs_super_t super;
        int r = squashfs_open(fd, &f, &super, error);

        if (r >= 0 && !tables_fit(&super))
                r = squashfs_error(SQFS_ERROR_CORRUPTED, NULL, error);
        r = r < 0 ? r : squashfs_compressor(&super, &c, error);
        if (r < 0)
                return r;
        r = read_tables(&f, &super, c);
        return r < 0 ? squashfs_error(r, NULL, error) : 0;
}

static const char *reason(int r) {
        switch (r) {
        case SQFS_ERROR_COMPRESSOR:
                return "data that cannot be decompressed";
        case SQFS_ERROR_OUT_OF_BOUNDS:
                return "something lies behind its end";
        case SQFS_ERROR_UNSUPPORTED:
                return "something that no squashfs 4.0 has";
        case SQFS_ERROR_LINK_LOOP:
                return "folders in a circle";
        default:
                return "the structure is broken";
        }
}

int squashfs_error(int r, const char *path, sd_bus_error *error) {
        char text[400];

        if (r == SQFS_ERROR_ALLOC)
                return -ENOMEM;
        if (r == SQFS_ERROR_IO)
                return bus_error_set(error, LXD_ERROR_FAILED, "Failed to read the rootfs archive");
        (void) snprintf(text, sizeof(text), "%s%s%.256s", reason(r), path ? " at " : "", path ?: "");
        return archive_damaged("rootfs archive", text, error);
}
