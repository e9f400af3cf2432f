/* SPDX-License-Identifier: Apache-2.0 */
/* A change of owners: maps (lines "u 0 1000000 65536", then a line "-", then those of the other map), after a NUL the attribute of a guest's file,
 * which is also the plan of an interrupted change. */
#include <sys/mman.h>

#include "base/file.h"
#include "shift-plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_attributes(const IdMap *from, const IdMap *to, const uint8_t *value, size_t size) {
        unsigned char capability[CAPABILITY_SIZE_MAX];
        _cleanup_free_ uint8_t *acl = malloc(size + 1);

        if (!acl || capability_translate(from, to, value, size, capability) > sizeof(capability))
                abort();
        memcpy(acl, value, size);
        if (acl_translate(from, to, acl, size) != (memcmp(acl, value, size) != 0))
                abort();
}

static void try_maps(char *text, const uint8_t *value, size_t size) {
        char *half = strstr(text, "\n-\n");
        _cleanup_(id_map_done) IdMap from = {}, to = {};
        _cleanup_strv_free_ Strv a = NULL, b = NULL;

        if (half)
                *half = '\0';
        if (strv_split(text, "\n", &a) < 0 || strv_split(half ? half + 3 : "", "\n", &b) < 0)
                abort();
        if (id_map_parse(a, &from) >= 0 && id_map_parse(b, &to) >= 0) {
                for (size_t i = 0; i < from.n; i++)
                        (void) id_translate(&from, &to, from.ranges[i].gid, from.ranges[i].outside);
                try_attributes(&from, &to, value, size);
        }
}

/* A plan that is read to its end is the one that was written. */
static void try_plan(const uint8_t *data, size_t size) {
        int fd = memfd_create("plan", MFD_CLOEXEC);
        _cleanup_free_ char *old_map = NULL, *new_map = NULL, *text = NULL; /* outlives its stream */
        _cleanup_fclose_ FILE *f = NULL, *out = NULL;
        size_t n = 0, end;
        ShiftRecord x;
        int r;

        if (fd < 0 || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) != 0 || !(f = fdopen(fd, "r")) || !(out = open_memstream(&text, &n)))
                abort();
        if (shift_plan_check(f, &old_map, &new_map) <= 0)
                return;
        end = (size_t) ftell(f);
        while ((r = shift_plan_next(f, &x)) > 0) {
                if (shift_plan_add(out, &x) < 0)
                        abort();
                shift_record_done(&x);
        }
        if (fflush(out) != 0 || (r == 0 && memcmp(text, data + end, n) != 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        size_t n = text ? strlen(text) : 0;

        if (!text)
                abort();
        n += n < size;
        try_maps(text, data + n, size - n);
        try_plan(data + n, size - n);
        return 0;
}
