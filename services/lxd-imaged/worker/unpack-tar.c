/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the entries. */

#include <fcntl.h>
#include <sys/stat.h>

#include "bus-error.h"
#include "image-format.h"
#include "worker/archive.h"
#include "worker/attributes.h"
#include "worker/decompress.h"
#include "worker/entry.h"
#include "worker/folders.h"
#include "worker/metadata.h"
#include "worker/tree.h"
#include "worker/unpack-tar.h"

#define TEMPLATE_SIZE_MAX (16U * 1024U * 1024U)

typedef struct Unpacker {
        const UnpackJob *job;
        UnpackTarKind kind;
        const char *what; /* for errors */
        struct archive *archive;
        int archive_fd;
        Decompressor decompressor;
        Tree tree;
        Folders folders;
        AttributeLog log;
        uint64_t devices, written;
        uint64_t archive_size;
        unsigned percent;
        bool metadata, rootfs; /* seen */
        bool damaged;          /* the tar could not be read */
} Unpacker;

static void unpacker_done(Unpacker *u) {
        folders_done(&u->folders);
        tree_done(&u->tree);
        archive_freep(&u->archive);
        decompressor_done(&u->decompressor);
}

static void progress(Unpacker *u) {
        unsigned percent;

        if (!u->job->progress || u->kind == UNPACK_METADATA || u->archive_size == 0)
                return;
        /* The decompressing process shares the offset of the file. */
        int64_t done = u->decompressor.pid > 0 ? lseek(u->archive_fd, 0, SEEK_CUR) : archive_filter_bytes(u->archive, -1);
        percent = (unsigned) MIN(UINT64_C(100), (uint64_t) MAX(INT64_C(0), done) * 100 / u->archive_size);
        if (percent <= u->percent)
                return;
        u->percent = percent;
        u->job->progress(percent, u->job->userdata);
}

/* The data of the entry, holes left as holes. limit: of the whole file. */
static int write_data(Unpacker *u, int fd, struct archive_entry *e, const char *path, uint64_t limit, sd_bus_error *error) {
        int64_t size = archive_entry_size(e), end = 0, offset;
        const void *data;
        size_t n;
        int r, k;

        if (size < 0 || (uint64_t) size > limit)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the file %.256s with %" PRId64 " bytes, the limit is %" PRIu64, path, size, limit);
        while ((r = archive_read_data_block(u->archive, &data, &n, &offset)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
                if (offset < 0 || (uint64_t) offset > limit || n > limit - (uint64_t) offset)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The image has the file %.256s with more than %" PRIu64 " bytes", path, limit);
                u->written += n;
                if (u->written > UNPACK_DATA_MAX)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The image has more than %" PRIu64 " bytes of data", UNPACK_DATA_MAX);
                k = tree_write(fd, data, n, offset);
                if (k < 0)
                        return tree_error(k, path, "write", error);
                k = archive_check_ratio(u->archive, u->what, error);
                if (k < 0)
                        return k;
                end = offset + (int64_t) n;
                progress(u);
        }
        if (r != ARCHIVE_EOF) {
                u->damaged = true;
                return archive_failed(u->archive, u->what, error);
        }
        if (size > end && ftruncate(fd, size) < 0)
                return tree_error(-errno, path, "set the size of", error);
        return 0;
}

static int unpack_folder(Unpacker *u, struct archive_entry *e, const char *path, sd_bus_error *error) {
        _cleanup_close_ int fd = tree_create_directory(&u->tree, path, error);
        int r = fd < 0 ? fd : attributes_record(e, path, &u->log, error);

        return r < 0 ? r : folders_add(&u->folders, path, archive_entry_perm(e), archive_entry_mtime(e), archive_entry_mtime_nsec(e) % 1000000000L);
}

static int unpack_file(Unpacker *u, struct archive_entry *e, const char *path, uint64_t limit, sd_bus_error *error) {
        _cleanup_close_ int fd = tree_create_file(&u->tree, path, archive_entry_perm(e), error);
        int r = fd < 0 ? fd : write_data(u, fd, e, path, limit, error);

        return r < 0 ? r : attributes_apply(fd, e, path, &u->log, error);
}

/* The target of a hard link is named like an entry, and must be in the rootfs, too. */
static int unpack_hardlink(Unpacker *u, struct archive_entry *e, const char *path, sd_bus_error *error) {
        _cleanup_free_ char *clean = NULL, *target = NULL;
        int r = entry_path(archive_entry_hardlink(e), &clean, error);

        if (r < 0)
                return r;
        if (asprintf(&target, "%s%s", u->kind == UNPACK_ROOTFS ? "rootfs/" : "", clean) < 0) {
                target = NULL;
                return -ENOMEM;
        }
        if (strncmp(target, "rootfs/", 7) != 0)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the hard link %.256s to %.256s outside of its rootfs", path, target);
        return tree_create_hardlink(&u->tree, path, target, error);
}

static int unpack_special(Unpacker *u, struct archive_entry *e, const char *path, sd_bus_error *error) {
        unsigned type = archive_entry_filetype(e);
        const char *name;
        int parent, r;

        if (type == AE_IFLNK)
                r = tree_create_symlink(&u->tree, path, archive_entry_symlink(e), error);
        else
                r = tree_create_node(&u->tree, path, (type == AE_IFIFO ? S_IFIFO : S_IFSOCK) | (archive_entry_perm(e) & 0777), error);
        if (r < 0)
                return r;
        parent = tree_open_parent(&u->tree, path, &name, error);
        return parent < 0 ? parent : attributes_apply_at(parent, name, e, path, &u->log, error);
}

static int unpack_in_rootfs(Unpacker *u, struct archive_entry *e, const char *path, sd_bus_error *error) {
        if (archive_entry_hardlink(e))
                return unpack_hardlink(u, e, path, error);
        switch (archive_entry_filetype(e)) {
        case AE_IFDIR:
                return unpack_folder(u, e, path, error);
        case AE_IFREG:
                return unpack_file(u, e, path, UNPACK_FILE_MAX, error);
        case AE_IFLNK:
        case AE_IFIFO:
        case AE_IFSOCK:
                return unpack_special(u, e, path, error);
        case AE_IFCHR:
        case AE_IFBLK:
                u->devices++;
                return 0;
        default:
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has the entry %.256s of an unknown type", path);
        }
}

/* metadata.yaml and templates are read by the daemon: plain files of root, whatever the archive says. */
static void make_plain(struct archive_entry *e) {
        archive_entry_set_uid(e, 0);
        archive_entry_set_gid(e, 0);
        archive_entry_set_perm(e, archive_entry_filetype(e) == AE_IFDIR ? 0755 : 0644);
        archive_entry_xattr_clear(e);
        archive_entry_acl_clear(e);
}

static int unpack_metadata(Unpacker *u, struct archive_entry *e, const char *path, EntryPlace place, sd_bus_error *error) {
        bool folder = archive_entry_filetype(e) == AE_IFDIR, file = archive_entry_filetype(e) == AE_IFREG && !archive_entry_hardlink(e);

        if (place == ENTRY_METADATA && !file)
                return bus_error_set(error, LXD_ERROR_INVALID, "metadata.yaml of the image is not a regular file");
        if (place == ENTRY_TEMPLATES && !folder)
                return bus_error_set(error, LXD_ERROR_INVALID, "templates of the image is not a directory");
        if (!file && !folder)
                return bus_error_set(error, LXD_ERROR_INVALID, "%.256s of the image is not a regular file", path);
        make_plain(e);
        if (place == ENTRY_METADATA)
                u->metadata = true;
        return folder ? unpack_folder(u, e, path, error) : unpack_file(u, e, path, place == ENTRY_METADATA ? METADATA_SIZE_MAX : TEMPLATE_SIZE_MAX, error);
}

static int unpack_entry(Unpacker *u, struct archive_entry *e, sd_bus_error *error) {
        _cleanup_free_ char *clean = NULL, *path = NULL;
        EntryPlace place;
        int r = entry_path(archive_entry_pathname(e), &clean, error);

        if (r < 0)
                return r;
        if (asprintf(&path, "%s%s%s", u->kind == UNPACK_ROOTFS ? "rootfs" : "", u->kind == UNPACK_ROOTFS && clean[0] ? "/" : "", clean) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = entry_place(path, &place, error);
        if (r < 0)
                return r;

        switch (place) {
        case ENTRY_TOP:
                if (archive_entry_filetype(e) != AE_IFDIR)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The top of the image is not a directory");
                return 0;
        case ENTRY_ROOTFS_IMG:
                return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "The image is one of a virtual machine (it has rootfs.img); only container images can be used");
        case ENTRY_ROOTFS:
        case ENTRY_IN_ROOTFS:
                if (u->kind == UNPACK_METADATA)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The metadata archive of a split image must not have a rootfs of its own");
                if (place == ENTRY_ROOTFS && (archive_entry_filetype(e) != AE_IFDIR || archive_entry_hardlink(e)))
                        return bus_error_set(error, LXD_ERROR_INVALID, "rootfs of the image is not a directory");
                u->rootfs = true;
                return unpack_in_rootfs(u, e, path, error);
        case ENTRY_METADATA:
        case ENTRY_TEMPLATES:
        case ENTRY_TEMPLATE:
        default:
                return unpack_metadata(u, e, path, place, error);
        }
}

static int unpack_all(Unpacker *u, sd_bus_error *error) {
        struct archive_entry *e;
        int r;

        for (unsigned n = 0; (r = archive_next(u->archive, u->what, &e, error)) > 0; n++) {
                if (n >= ARCHIVE_ENTRIES_MAX)
                        return bus_error_set(error, LXD_ERROR_INVALID, "The %s has more than %u entries", u->what, ARCHIVE_ENTRIES_MAX);
                r = unpack_entry(u, e, error);
                r = r < 0 ? r : archive_check_ratio(u->archive, u->what, error);
                if (r < 0)
                        return r;
                progress(u);
        }
        if (r < 0 || (!u->metadata && !u->rootfs))
                u->damaged = true;
        if (r < 0)
                return r;
        if (u->kind != UNPACK_ROOTFS && !u->metadata)
                return bus_error_set(error, LXD_ERROR_INVALID, "Metadata tarball is missing metadata.yaml");
        if (u->kind != UNPACK_METADATA && !u->rootfs)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has no rootfs");
        return folders_finish(&u->folders, &u->tree, error);
}

static int unpacker_open(Unpacker *u, sd_bus_error *error) {
        int r;

        if (!u->job->fork || image_format_detect_fd(u->archive_fd) == IMAGE_FORMAT_TAR)
                return archive_open_tar(u->archive_fd, u->what, &u->archive, error);
        r = decompressor_start(u->archive_fd, u->what, &u->decompressor, error);
        if (r < 0)
                return r;
        r = archive_open_plain(u->decompressor.data_fd, u->what, &u->archive, error);
        u->damaged = r < 0; /* it reads the beginning already */
        return r;
}

int unpack_tar(const UnpackJob *job, UnpackTarKind kind, UnpackNotes *notes, sd_bus_error *error) {
        _cleanup_(unpacker_done) Unpacker u = {
                .job = job,
                .kind = kind,
                .what = kind == UNPACK_UNIFIED ? "image" : kind == UNPACK_METADATA ? "metadata archive" : "rootfs archive",
                .archive_fd = kind == UNPACK_ROOTFS ? job->rootfs_fd : job->metadata_fd,
                .decompressor = { .data_fd = -EBADF, .error_fd = -EBADF },
                .tree = { .fd = job->target_fd, .parent_fd = -EBADF },
                .log = { .records = job->records },
        };
        struct stat st;
        int r, k;

        if (fstat(u.archive_fd, &st) < 0)
                return -errno;
        u.archive_size = (uint64_t) st.st_size;
        r = unpacker_open(&u, error);
        r = r < 0 ? r : unpack_all(&u, error);
        /* Damaged data is the reason, what tar made of it the consequence. A fault of an entry ends the other process before it sees more. */
        if (r >= 0 || u.damaged) {
                k = decompressor_finish(&u.decompressor, error);
                r = k < 0 ? k : r;
        }
        if (r < 0)
                return r;
        notes->devices += u.devices;
        notes->xattrs += u.log.skipped_xattrs;
        return 0;
}
