/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of failed steps. */
#include "host-error.h"

#include "base/str.h"

void host_error_done(HostError *e) {
        free(e->name);
        free(e->text);
        *e = (HostError) {};
}

/* What users of a full or broken pool should read instead of the bare errno. */
static const char *reason(int r) {
        switch (-r) {
        case ENOSPC:
                return "No space left in the storage pool";
        case EDQUOT:
                return "The quota of the volume is used up";
        case EROFS:
                return "The file system is read-only (btrfs becomes so after I/O errors; see the kernel log)";
        default:
                return strerror(-r);
        }
}

int host_error(HostError *e, int r, const char *format, ...) {
        _cleanup_free_ char *step = NULL;
        va_list ap;

        if (e->text)
                return r;

        va_start(ap, format);
        if (str_vformat(&step, format, ap) < 0)
                step = NULL;
        va_end(ap);
        (void) str_format(&e->text, "%s: %s", step ?: "Out of memory", reason(r));
        return r;
}

int host_refuse(HostError *e, int r, const char *name, const char *format, ...) {
        va_list ap;

        if (e->text)
                return r;

        va_start(ap, format);
        if (str_vformat(&e->text, format, ap) < 0)
                e->text = NULL;
        va_end(ap);
        e->name = strdup(name);
        return r;
}

HostError *host_error_ignored(void) {
        static HostError ignored;

        host_error_done(&ignored);
        return &ignored;
}
