/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the requests of golden/requests through the real front end, and compares what the owners were asked and what the client got
 * with golden/transcript. LXD_TEST_REGENERATE=1 rewrites it. */

#include <stdio.h>

#include "base/file.h"
#include "rest-fixture.h"

/* The parts of a head that clients depend on; dates and the like come and go. */
static void print_head(FILE *out, const Answer *a) {
        static const char *const wanted[] = { "Content-Type: ", "Location: ", "ETag: ", "X-LXD-", "Content-Disposition: ", "Connection: " };
        _cleanup_strv_free_ Strv lines = NULL;

        (void) strv_split(a->head, "\r\n", &lines);
        STRV_FOREACH(line, lines)
                for (size_t i = 0; i < ELEMENTSOF(wanted); i++)
                        if (startswith(*line, wanted[i]) && !startswith(*line, "X-LXD-modified"))
                                fprintf(out, "< %s\n", *line);
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Several owners are asked at once, and it is nobody's business who hears it first. */
static void print_calls(FILE *out, RestFixture *f) {
        _cleanup_strv_free_ Strv lines = NULL;

        (void) strv_split(strempty(f->calls), "\n", &lines);
        if (lines)
                qsort(lines, strv_length(lines), sizeof(*lines), compare);
        STRV_FOREACH(line, lines)
                fprintf(out, "%s\n", *line);
}

static void mask(char *text, const char *secret) {
        for (char *p = text; (p = strstr(p, secret)); p += strlen(secret))
                memset(p, 'B', strlen(secret));
}

/* One request: "METHOD TARGET [Header: value]... [{json}]" */
static int run(RestFixture *f, const char *line, FILE *out) {
        _cleanup_free_ char *copy = strdup(line), *headers = strdup("");
        char *method = copy, *target = strchr(copy, ' '), *rest, *body, *boundary;
        _cleanup_(answer_done) Answer a = {};
        int r;

        *target++ = '\0';
        rest = strchrnul(target, ' ');
        body = rest[0] ? strstr(rest, " {") : NULL;
        if (body)
                *body++ = '\0';
        if (*rest && rest != body - 1) {
                *rest++ = '\0';
                headers = (free(headers), NULL);
                if (asprintf(&headers, "%s\r\n", rest) < 0)
                        return -ENOMEM;
        }
        *rest = '\0';
        rest_clear(f);
        r = rest_request(f, method, target, headers, body, body ? strlen(body) : 0, &a);
        fprintf(out, "> %s\n", line);
        print_calls(out, f);
        if (r < 0) {
                fprintf(out, "no answer: %s\n\n", strerror(-r));
                return 0;
        }
        fprintf(out, "< %u\n", a.status);
        boundary = strstr(a.head, "boundary=");
        if (boundary) { /* random, and as long everywhere */
                boundary = strndup(boundary + 9, strcspn(boundary + 9, "\r"));
                mask(a.head, boundary);
                mask(a.body, boundary);
        }
        print_head(out, &a);
        fprintf(out, "%s\n", a.body);
        free(boundary);
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_free_ char *requests = NULL, *golden = NULL, *transcript = NULL, *name = NULL;
        _cleanup_strv_free_ Strv lines = NULL;
        RestFixture f;
        size_t n;
        FILE *out;

        if (argc != 2 || str_format(&name, "%s/requests", argv[1]) < 0 || file_read(name, 1 << 20, &requests, NULL) < 0 ||
            strv_split(requests, "\n", &lines) < 0 || rest_open(&f) < 0)
                return EXIT_FAILURE;
        out = open_memstream(&transcript, &n);
        STRV_FOREACH(line, lines)
                if (**line != '#' && run(&f, *line, out) < 0)
                        return EXIT_FAILURE;
        fclose(out);
        rest_close(&f);

        free(name);
        if (str_format(&name, "%s/transcript", argv[1]) < 0)
                return EXIT_FAILURE;
        if (streq_ptr(getenv("LXD_TEST_REGENERATE"), "1"))
                return file_write_atomic(name, transcript, n, 0644) < 0;
        if (file_read(name, 1 << 20, &golden, NULL) < 0 || !streq(golden, transcript)) {
                (void) file_write_atomic("/tmp/lxd-apid-transcript", transcript, n, 0644);
                fprintf(stderr, "The transcript differs: diff %s /tmp/lxd-apid-transcript\n", name);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
