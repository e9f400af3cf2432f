/* SPDX-License-Identifier: Apache-2.0 */
/* Changes the texts of bus-calls.h by lines: whole calls of the daemon's methods, with arguments of their types made of words that the text has
 * already. Bytes that are changed anywhere seldom get past the names of objects. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/str.h"
#include "bus-calls.h"

#define LINES_MAX 512

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

int LLVMFuzzerInitialize(int *argc, char ***argv);

static unsigned state;

/* Before libFuzzer has threads, with which there is no new namespace. Who only runs others (-merge=1 and the like) keeps the rights to the corpus, and one
 * of these others has to write to the file it is given. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
        for (int i = 1; i < *argc; i++) {
                const char *file = startswith((*argv)[i], "-merge_control_file=");

                if (streq((*argv)[i], "-merge=1") || streq((*argv)[i], "-set_cover_merge=1") || streq((*argv)[i], "-minimize_crash=1"))
                        return 0;
                if (file && geteuid() == 0 && chmod(file, 0666) < 0)
                        return 0;
        }
        (void) bus_calls_confine();
        return 0;
}

static unsigned any(unsigned n) { /* below n */
        state = state * 1103515245 + 12345;
        return (state >> 16) % n;
}

typedef struct Text {
        char *copy, *lines[LINES_MAX];
        unsigned n;
} Text;

static void text_read(const uint8_t *data, size_t size, Text *ret) {
        char *rest = ret->copy = strndup((const char *) data, size);

        for (ret->n = 0; rest && ret->n < LINES_MAX;)
                ret->lines[ret->n++] = strsep(&rest, "\n");
}

static const char *any_word(const Text *t) {
        static const char *const words[] = { "", "0", "1", "2", "]", "root", "default", "x", "a/b", "../x", "18446744073709551615", "-1", "true", "c\\nd" };

        return t->n == 0 || any(3) == 0 ? words[any(ELEMENTSOF(words))] : t->lines[any(t->n)];
}

/* The words of an object: behind the name of some call. */
static const char *any_labels(const Text *t) {
        for (unsigned i = 0; t->n > 0 && i < 16; i++) {
                const char *line = t->lines[any(t->n)], *space = strchr(line, ' ');

                if (space && memchr(line, '.', (size_t) (space - line)))
                        return space;
        }
        return "";
}

static void write_arguments(FILE *f, const Text *t, const char *types, const char *end);

static void write_elements(FILE *f, const Text *t, const char *types, const char *end) {
        for (unsigned n = any(4); n > 0; n--)
                write_arguments(f, t, types, end);
        fputs("]\n", f);
}

static const char *type_end(const char *p) {
        unsigned depth = 0;

        while (*p == 'a')
                p++;
        do {
                depth += *p == '(' || *p == '{';
                depth -= *p == ')' || *p == '}';
                p++;
        } while (depth > 0);
        return p;
}

static void write_arguments(FILE *f, const Text *t, const char *types, const char *end) {
        for (const char *next; types < end; types = next) {
                next = type_end(types);
                if (*types == 'a')
                        write_elements(f, t, types + 1, next);
                else if (startswith(types, "(sss)"))
                        fputs("root\n", f);
                else if (*types == '(' || *types == '{')
                        write_arguments(f, t, types + 1, next - 1);
                else if (*types == 't' && !*next) /* flags */
                        fprintf(f, "%u\n", any(4) == 0 ? any(16) : 0);
                else
                        fprintf(f, "%s\n", any_word(t));
        }
}

static void write_call(FILE *f, const Text *t) {
        const BusInterface *all = bus_calls_interfaces(), *i;
        const sd_bus_vtable *v;
        unsigned n = 0, m = 0;

        if (any(32) == 0) {
                fputs(any(2) ? "Peers.Refuse\n" : "Peers.Answer\n", f);
                return;
        }
        while (all[n].path)
                n++;
        i = all + any(n);
        for (v = i->vtable; v->type != _SD_BUS_VTABLE_END; v++)
                m += v->type == _SD_BUS_VTABLE_METHOD;
        if (m == 0)
                return;
        m = any(m);
        for (v = i->vtable; v->type != _SD_BUS_VTABLE_METHOD || m-- > 0; v++)
                ;
        fprintf(f, "%s.%s%s", strrchr(i->interface, '.') + 1, v->x.method.member, i->find ? any_labels(t) : "");
        if (i->find && any(4) == 0)
                fprintf(f, " %s", any_word(t));
        fputc('\n', f);
        write_arguments(f, t, v->x.method.signature, v->x.method.signature + strlen(v->x.method.signature));
}

static void write_changed(FILE *f, const Text *t) {
        unsigned from = t->n > 0 ? any(t->n) : 0, n = 1 + any(8), kind = any(5);

        for (unsigned i = 0; i < t->n; i++) {
                bool here = i >= from && i < from + n;

                if (kind == 0 && i == from)
                        write_call(f, t);
                if (kind == 1 && here) /* gone */
                        continue;
                if (kind == 2 && i == from) {
                        fprintf(f, "%s\n", any_word(t));
                        continue;
                }
                fprintf(f, i + 1 < t->n || t->lines[i][0] ? "%s\n" : "%s", t->lines[i]);
                if (kind == 3 && i + 1 == from + n) /* once more */
                        for (unsigned k = from; k <= i; k++)
                                fprintf(f, "%s\n", t->lines[k]);
        }
        if (kind == 4)
                write_call(f, t);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
        _cleanup_free_ char *text = NULL;
        size_t n = 0;
        Text t;
        FILE *f;

        state = seed;
        if (!bus_calls_interfaces() || any(3) == 0)
                return LLVMFuzzerMutate(data, size, max_size);
        f = open_memstream(&text, &n);
        if (!f)
                abort();
        text_read(data, size, &t);
        write_changed(f, &t);
        free(t.copy);
        if (fclose(f) != 0)
                abort();
        n = MIN(n, max_size);
        memcpy(data, text, n);
        return n;
}
