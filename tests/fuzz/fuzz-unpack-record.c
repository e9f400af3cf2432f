/* SPDX-License-Identifier: Apache-2.0 */
/* What the unpacker of a stranger's image asks lxd-storaged's worker to set: what is read can be written again, and whatever it is, nothing
 * beside the volume changes. */
#include <sys/mman.h>
#include <sys/stat.h>

#include "scratch.h"
#include "unpack-owners.h"
#include "unpack-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int memory_file(const void *data, size_t size) {
        int fd = memfd_create("records", MFD_CLOEXEC);

        if (fd < 0 || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) != 0)
                abort();
        return fd;
}

static void read_again(const uint8_t *data, size_t size) {
        _cleanup_fclose_ FILE *f = fdopen(memory_file(data, size), "r");
        _cleanup_free_ UnpackRecord *x = malloc(sizeof(*x));
        _cleanup_free_ char *text = NULL;
        size_t n = 0, read = 0;
        FILE *out = open_memstream(&text, &n);

        if (!f || !x || !out)
                abort();
        while (unpack_record_read(f, x) > 0) {
                if (x->kind == UNPACK_RECORD_OWNER ? unpack_record_write_owner(out, x->path, x->uid, x->gid, x->mode) < 0
                                                   : unpack_record_write_xattr(out, x->path, x->name, x->value, x->value_size) < 0)
                        abort();
                read = (size_t) ftell(f);
        }
        if (fclose(out) != 0 || n != read)
                abort();
}

static void make_tree(const Scratch *s) {
        if (mkdirat(s->target, "rootfs", 0755) < 0 || mkdirat(s->target, "rootfs/d", 0700) < 0 || mknodat(s->target, "rootfs/d/f", S_IFREG | 0644, 0) < 0 ||
            symlinkat("../..", s->target, "rootfs/up") < 0 || symlinkat("d/f", s->target, "rootfs/l") < 0 ||
            mknodat(s->fd, "outside", S_IFREG | 0640, 0) < 0 || fchmod(s->target, 0700) < 0)
                abort();
}

static void check_and_remove(Scratch *s) {
        struct stat outside, target;

        if (fstatat(s->fd, "outside", &outside, AT_SYMLINK_NOFOLLOW) < 0 || fstat(s->target, &target) < 0)
                abort();
        if (outside.st_uid != geteuid() || outside.st_mode != (S_IFREG | 0640) || target.st_uid != geteuid() || target.st_mode != (S_IFDIR | 0700))
                abort();
        if (unlinkat(s->fd, "outside", 0) < 0)
                abort();
        if (geteuid() != 0) /* what it took from itself */
                (void) fchmodat(s->target, "rootfs", 0700, 0), (void) fchmodat(s->target, "rootfs/d", 0700, 0);
        scratch_check(s, (const char *const[]) { "rootfs", NULL });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        Scratch s = scratch_new();
        _cleanup_(host_error_done) HostError e = {};
        uint64_t skipped;

        read_again(data, size);
        make_tree(&s);
        if (unpack_apply_records(s.target, memory_file(data, size), &skipped, &e) < 0 && isempty(e.text))
                abort();
        check_and_remove(&s);
        return 0;
}
