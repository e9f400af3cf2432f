/* SPDX-License-Identifier: Apache-2.0 */
/* Folders, links and attributes in one pass; then the files, then hard links, then what folders get last. */

#include "worker/unpack-squashfs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <sqfs/dir.h>
#include <sqfs/dir_reader.h>
#include <sqfs/error.h>
#include <sqfs/id_table.h>
#include <sqfs/xattr.h>
#include <sqfs/xattr_reader.h>

#include "bus-error.h"
#include "worker/archive.h"
#include "worker/attributes.h"
#include "worker/entry.h"
#include "worker/folders.h"
#include "worker/squashfs-files.h"
#include "worker/squashfs.h"
#include "worker/tree.h"

#define NO_XATTRS UINT32_MAX
#define XATTRS_MAX 1024U /* of one entry */

typedef struct HardLink {
        char *path;
        uint32_t inode;
} HardLink;

typedef struct Squashfs {
        const UnpackJob *job;
        SquashfsFile image;
        sqfs_super_t super;
        sqfs_compressor_t *compressor;
        sqfs_id_table_t *ids;
        sqfs_xattr_reader_t *xattrs; /* NULL: the image has none */
        sqfs_dir_reader_t *reader;
        Tree tree;
        Folders folders;
        SquashfsFiles files;
        AttributeLog log;
        char **first; /* by inode number: the path of what has more than one name */
        HardLink *links;
        size_t n_links, allocated_links;
        uint64_t entries, devices;
} Squashfs;

/* A folder that is met, and read after the one it is in: the reader knows one at a time. */
typedef struct Child {
        char *path;
        sqfs_inode_generic_t *inode;
} Child;

typedef struct Children {
        Child *items;
        size_t n, allocated;
} Children;

static void archive_entry_freep(struct archive_entry **e) {
        archive_entry_free(*e);
}

static void children_done(Children *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->items[i].path);
                sqfs_free(c->items[i].inode);
        }
        free(c->items);
}

static void squashfs_done(Squashfs *s) {
        for (size_t i = 0; s->first && i <= s->super.inode_count; i++)
                free(s->first[i]);
        free(s->first);
        for (size_t i = 0; i < s->n_links; i++)
                free(s->links[i].path);
        free(s->links);
        squashfs_files_done(&s->files);
        folders_done(&s->folders);
        tree_done(&s->tree);
        sqfs_destroy(s->reader);
        sqfs_destroy(s->xattrs);
        sqfs_destroy(s->ids);
        sqfs_destroy(s->compressor);
}

/* ---- attributes ---- */

static int read_xattrs(Squashfs *s, const sqfs_inode_generic_t *inode, struct archive_entry *e) {
        sqfs_u32 index = NO_XATTRS;
        sqfs_xattr_id_t set;
        int r = sqfs_inode_get_xattr_index(inode, &index);

        if (r < 0 || index == NO_XATTRS || !s->xattrs)
                return r;
        r = sqfs_xattr_reader_get_desc(s->xattrs, index, &set);
        if (r >= 0 && set.count > XATTRS_MAX)
                r = SQFS_ERROR_CORRUPTED;
        r = r < 0 ? r : sqfs_xattr_reader_seek_kv(s->xattrs, &set);
        for (sqfs_u32 i = 0; r >= 0 && i < set.count; i++) {
                _cleanup_sqfs_free_ sqfs_xattr_entry_t *key = NULL;
                _cleanup_sqfs_free_ sqfs_xattr_value_t *value = NULL;

                r = sqfs_xattr_reader_read_key(s->xattrs, &key);
                r = r < 0 ? r : sqfs_xattr_reader_read_value(s->xattrs, key, &value);
                if (r >= 0)
                        archive_entry_xattr_add_entry(e, (const char *) key->key, value->value, value->size);
        }
        return r;
}

/* What the image says about an entry, in the form that tar gives it, too. */
static int describe(Squashfs *s, const sqfs_inode_generic_t *inode, unsigned type, const char *path, struct archive_entry **ret, sd_bus_error *error) {
        _cleanup_(archive_entry_freep) struct archive_entry *e = archive_entry_new();
        sqfs_u32 uid, gid;
        int r;

        if (!e)
                return -ENOMEM;
        r = sqfs_id_table_index_to_id(s->ids, inode->base.uid_idx, &uid);
        r = r < 0 ? r : sqfs_id_table_index_to_id(s->ids, inode->base.gid_idx, &gid);
        r = r < 0 ? r : read_xattrs(s, inode, e);
        if (r < 0)
                return squashfs_error(r, path, error);
        archive_entry_set_filetype(e, type);
        archive_entry_set_perm(e, inode->base.mode & 07777);
        archive_entry_set_uid(e, uid);
        archive_entry_set_gid(e, gid);
        archive_entry_set_mtime(e, inode->base.mod_time, 0);
        *ret = TAKE_PTR(e);
        return 0;
}

static unsigned entry_type(const sqfs_inode_generic_t *inode) {
        switch (inode->base.type) {
        case SQFS_INODE_DIR:
        case SQFS_INODE_EXT_DIR:
                return AE_IFDIR;
        case SQFS_INODE_FILE:
        case SQFS_INODE_EXT_FILE:
                return AE_IFREG;
        case SQFS_INODE_SLINK:
        case SQFS_INODE_EXT_SLINK:
                return AE_IFLNK;
        case SQFS_INODE_FIFO:
        case SQFS_INODE_EXT_FIFO:
                return AE_IFIFO;
        case SQFS_INODE_SOCKET:
        case SQFS_INODE_EXT_SOCKET:
                return AE_IFSOCK;
        default:
                return 0; /* a device */
        }
}

/* ---- names ---- */

static int entry_name(const char *folder, const sqfs_dir_entry_t *entry, char **ret, sd_bus_error *error) {
        size_t n = (size_t) entry->size + 1;
        const char *name = (const char *) entry->name;

        if (memchr(name, '/', n) || memchr(name, '\0', n) || (n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.'))
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry whose name is no name of a file, in %.256s", folder);
        if (strlen(folder) + 1 + n > ENTRY_PATH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry with a path longer than %u bytes: %.64s...", ENTRY_PATH_MAX, folder);
        if (asprintf(ret, "%s/%.*s", folder, (int) n, name) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* 1: an inode that already has a name; the new one is made at the end. */
static int is_hardlink(Squashfs *s, const sqfs_inode_generic_t *inode, const char *path) {
        uint32_t number = inode->base.inode_number;

        if (number > s->super.inode_count)
                return 0;
        if (!s->first[number]) {
                s->first[number] = strdup(path);
                return s->first[number] ? 0 : -ENOMEM;
        }
        if (s->n_links == s->allocated_links) {
                size_t n = MAX((size_t) 64, s->allocated_links * 2);
                HardLink *more = reallocarray(s->links, n, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                s->links = more;
                s->allocated_links = n;
        }
        s->links[s->n_links] = (HardLink) { strdup(path), number };
        return s->links[s->n_links++].path ? 1 : -ENOMEM;
}

/* ---- the tree ---- */

static int unpack_special(Squashfs *s, const sqfs_inode_generic_t *inode, struct archive_entry *e, const char *path, sd_bus_error *error) {
        unsigned type = archive_entry_filetype(e);
        const char *name;
        int r, parent;

        if (type == AE_IFLNK) {
                _cleanup_free_ char *target = strndup((const char *) inode->extra, inode->payload_bytes_used);

                r = target ? tree_create_symlink(&s->tree, path, target, error) : -ENOMEM;
        } else
                r = tree_create_node(&s->tree, path, (type == AE_IFIFO ? S_IFIFO : S_IFSOCK) | (inode->base.mode & 0777), error);
        if (r < 0)
                return r;
        parent = tree_open_parent(&s->tree, path, &name, error);
        return parent < 0 ? parent : attributes_apply_at(parent, name, e, path, &s->log, error);
}

static int unpack_folder(Squashfs *s, const sqfs_inode_generic_t *inode, const char *path, sd_bus_error *error) {
        _cleanup_(archive_entry_freep) struct archive_entry *e = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = describe(s, inode, AE_IFDIR, path, &e, error);

        if (r < 0)
                return r;
        fd = tree_create_directory(&s->tree, path, error);
        r = fd < 0 ? fd : attributes_record(e, path, &s->log, error);
        return r < 0 ? r : folders_add(&s->folders, path, inode->base.mode, inode->base.mod_time, 0);
}

/* Anything but a folder. Takes *inode when it keeps it. */
static int unpack_other(Squashfs *s, sqfs_inode_generic_t **inode, const char *path, sd_bus_error *error) {
        _cleanup_(archive_entry_freep) struct archive_entry *e = NULL;
        unsigned type = entry_type(*inode);
        int r;

        if (type == 0) {
                s->devices++;
                return 0;
        }
        r = is_hardlink(s, *inode, path);
        if (r != 0)
                return MIN(r, 0);
        r = describe(s, *inode, type, path, &e, error);
        if (r < 0)
                return r;
        if (type != AE_IFREG)
                return unpack_special(s, *inode, e, path, error);
        r = attributes_record(e, path, &s->log, error);
        return r < 0 ? r : squashfs_files_add(&s->files, path, TAKE_PTR(*inode), error);
}

static int children_add(Children *c, char **path, sqfs_inode_generic_t **inode) {
        if (c->n == c->allocated) {
                size_t n = MAX((size_t) 16, c->allocated * 2);
                Child *more = reallocarray(c->items, n, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                c->items = more;
                c->allocated = n;
        }
        c->items[c->n++] = (Child) { TAKE_PTR(*path), TAKE_PTR(*inode) };
        return 0;
}

/* 1, 0 at the end of the folder. */
static int unpack_next(Squashfs *s, const char *folder, Children *children, sd_bus_error *error) {
        _cleanup_sqfs_free_ sqfs_dir_entry_t *entry = NULL;
        _cleanup_sqfs_free_ sqfs_inode_generic_t *inode = NULL;
        _cleanup_free_ char *path = NULL;
        int r = sqfs_dir_reader_read(s->reader, &entry);

        if (r != 0)
                return r < 0 ? squashfs_error(r, folder, error) : 0;
        if (++s->entries > ARCHIVE_ENTRIES_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The rootfs archive has more than %u entries", ARCHIVE_ENTRIES_MAX);
        r = entry_name(folder, entry, &path, error);
        if (r < 0)
                return r;
        r = sqfs_dir_reader_get_inode(s->reader, &inode);
        if (r < 0)
                return squashfs_error(r, path, error);
        r = entry_type(inode) == AE_IFDIR ? children_add(children, &path, &inode) : unpack_other(s, &inode, path, error);
        return r < 0 ? r : 1;
}

static int unpack_below(Squashfs *s, const sqfs_inode_generic_t *inode, const char *path, unsigned depth, sd_bus_error *error) {
        _cleanup_(children_done) Children children = {};
        int r = unpack_folder(s, inode, path, error);

        if (r < 0)
                return r;
        if (depth > ENTRY_DEPTH_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "The image has an entry deeper than %u folders: %.64s...", ENTRY_DEPTH_MAX, path);
        r = sqfs_dir_reader_open_dir(s->reader, inode, 0);
        if (r < 0)
                return squashfs_error(r, path, error);
        while ((r = unpack_next(s, path, &children, error)) > 0)
                ;
        for (size_t i = 0; r >= 0 && i < children.n; i++)
                r = unpack_below(s, children.items[i].inode, children.items[i].path, depth + 1, error);
        return r;
}

static int unpack_links(Squashfs *s, sd_bus_error *error) {
        for (size_t i = 0; i < s->n_links; i++) {
                int r = tree_create_hardlink(&s->tree, s->links[i].path, s->first[s->links[i].inode], error);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the image ---- */

static int open_tables(Squashfs *s, sd_bus_error *error) {
        bool xattrs = !(s->super.flags & SQFS_FLAG_NO_XATTRS) && s->super.xattr_id_table_start != UINT64_MAX;
        int r = squashfs_compressor(&s->super, &s->compressor, error);

        if (r < 0)
                return r;
        s->ids = sqfs_id_table_create(0);
        s->reader = sqfs_dir_reader_create(&s->super, s->compressor, &s->image.file, 0);
        s->xattrs = xattrs ? sqfs_xattr_reader_create(0) : NULL;
        s->first = calloc((size_t) s->super.inode_count + 1, sizeof(*s->first));
        if (!s->ids || !s->reader || (xattrs && !s->xattrs) || !s->first)
                return -ENOMEM;
        r = sqfs_id_table_read(s->ids, &s->image.file, &s->super, s->compressor);
        r = r < 0 || !xattrs ? r : sqfs_xattr_reader_load(s->xattrs, &s->super, &s->image.file, s->compressor);
        return r < 0 ? squashfs_error(r, NULL, error) : 0;
}

static int unpack_all(Squashfs *s, sd_bus_error *error) {
        _cleanup_sqfs_free_ sqfs_inode_generic_t *root = NULL;
        int r = sqfs_dir_reader_get_root_inode(s->reader, &root);

        if (r < 0)
                return squashfs_error(r, NULL, error);
        if (entry_type(root) != AE_IFDIR)
                return bus_error_set(error, LXD_ERROR_INVALID, "rootfs of the image is not a directory");
        r = unpack_below(s, root, "rootfs", 0, error);
        r = r < 0 ? r : squashfs_files_write(&s->files, s->job, &s->image, &s->super, error);
        r = r < 0 ? r : unpack_links(s, error);
        return r < 0 ? r : folders_finish(&s->folders, &s->tree, error);
}

int unpack_squashfs(const UnpackJob *job, UnpackNotes *notes, sd_bus_error *error) {
        _cleanup_(squashfs_done) Squashfs s = { .job = job, .tree = { .fd = job->target_fd, .parent_fd = -EBADF }, .log = { .records = job->records } };
        int r = squashfs_open(job->rootfs_fd, &s.image, &s.super, error);

        r = r < 0 ? r : open_tables(&s, error);
        r = r < 0 ? r : unpack_all(&s, error);
        if (r < 0)
                return r;
        notes->devices += s.devices;
        notes->xattrs += s.log.skipped_xattrs;
        return 0;
}
