/* SPDX-License-Identifier: Apache-2.0 */
/* LXD's REST API as the benchmark needs it. */
#include <err.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api.h"

#define SOCKET "/var/lib/lxd/unix.socket"

double now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void api_open(Http *h) {
        int r = http_open(h, SOCKET);

        if (r < 0)
                errx(1, "cannot connect to %s: %s", SOCKET, strerror(-r));
}

static int request(Http *h, const char *method, const char *path, const char *headers, const void *body, size_t n,
                   char **ret) {
        int status;

        if (h->fd < 0)
                api_open(h);
        status = http_request(h, method, path, headers, body, n, ret, NULL);
        if (status < 0)
                errx(1, "%s %s: %s", method, path, strerror(-status));
        return status;
}

/* The wait is skipped when the answer already says how the operation ended. */
static char *wait_operation(Http *h, const char *method, const char *path, char *answer) {
        json_object *root = json_tokener_parse(answer), *value, *metadata;
        char *operation = NULL;
        int status, code = 0;

        if (json_object_object_get_ex(root, "operation", &value) && json_object_get_string_len(value) > 0 &&
            asprintf(&operation, "%s/wait", json_object_get_string(value)) < 0)
                err(1, NULL);
        json_object_put(root);
        free(answer);

        status = request(h, "GET", operation, NULL, NULL, 0, &answer);
        free(operation);
        root = json_tokener_parse(answer);
        if (json_object_object_get_ex(root, "metadata", &metadata) &&
            json_object_object_get_ex(metadata, "status_code", &value))
                code = json_object_get_int(value);
        json_object_put(root);
        if (status != 200 || code != 200)
                errx(1, "%s %s: the operation failed: %s", method, path, answer);
        return answer;
}

char *api_do(Http *h, const char *method, const char *path, const char *format, ...) {
        char *body = NULL, *answer = NULL;
        int n = 0, status;

        if (format) {
                va_list ap;

                va_start(ap, format);
                n = vasprintf(&body, format, ap);
                va_end(ap);
                if (n < 0)
                        err(1, NULL);
        }
        status = request(h, method, path, body ? "Content-Type: application/json\r\n" : NULL, body, n, &answer);
        free(body);
        if (status == 202)
                return wait_operation(h, method, path, answer);
        if (status != 200 && status != 201)
                errx(1, "%s %s: status %d: %s", method, path, status, answer);
        return answer;
}

int api_exists(Http *h, const char *path) {
        char *answer = NULL;
        int status = request(h, "GET", path, NULL, NULL, 0, &answer);

        free(answer);
        return status == 200;
}

char *api_upload(Http *h, const char *path, const char *headers, const char *file) {
        char *answer = NULL, *fingerprint = NULL;
        json_object *root, *value;
        struct stat st;
        void *data;
        int fd, status;

        fd = open(file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                err(1, "%s", file);
        data = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (data == MAP_FAILED)
                err(1, "%s", file);
        status = request(h, "POST", path, headers, data, st.st_size, &answer);
        munmap(data, st.st_size);
        close(fd);
        if (status != 202 && status != 200)
                errx(1, "POST %s: status %d: %s", path, status, answer);
        if (status == 202)
                answer = wait_operation(h, "POST", path, answer);

        root = json_tokener_parse(answer);
        free(answer);
        if (json_object_object_get_ex(root, "metadata", &value) &&
            json_object_object_get_ex(value, "metadata", &value) &&
            json_object_object_get_ex(value, "fingerprint", &value))
                fingerprint = strdup(json_object_get_string(value));
        json_object_put(root);
        return fingerprint;
}
