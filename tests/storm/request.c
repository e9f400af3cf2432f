/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the storm and its end, held against what must be true of every request. */
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#define SOCKET "/var/lib/lxd/unix.socket"
#define OPERATION_MAX 60 /* s */
#define FROZEN_MAX 5     /* s */
#define CONNECT_MAX 100  /* times */

static char last_error[TEXT_MAX];

unsigned choose(Client *c, unsigned n) {
        c->random ^= c->random << 13;
        c->random ^= c->random >> 7;
        c->random ^= c->random << 17;
        return (unsigned) ((c->random >> 11) % n);
}

const char *request_error(void) {
        return last_error;
}

static bool broken(Client *c, const char *method, const char *path, const char *what, const char *detail) {
        c->broken++;
        printf("BROKEN client %u: %s %s: %s: %s\n", c->number, method, path, what, detail);
        fflush(stdout);
        return false;
}

/* The text under key, or "". */
static const char *string_of(struct json_object *o, const char *key) {
        struct json_object *v;
        const char *text = o && json_object_object_get_ex(o, key, &v) ? json_object_get_string(v) : NULL;

        return text ? text : "";
}

static int int_of(struct json_object *o, const char *key) {
        struct json_object *v;

        return o && json_object_object_get_ex(o, key, &v) ? json_object_get_int(v) : 0;
}

/* Connects when need be; LXD_IDLE_SEC and kills end connections, so an old one that breaks is tried once more. */
static int send_request(Client *c, const char *method, const char *path, const char *headers, const void *body, size_t n, char **ret) {
        bool old = c->http.fd >= 0;
        int r;

        r = old ? 0 : http_open(&c->http, SOCKET);
        if (r < 0)
                return r;
        r = http_request(&c->http, method, path, headers, body, n, ret, NULL);
        if (r >= 0)
                return r;
        http_close(&c->http);
        if (!old || strcmp(method, "GET") != 0)
                return r;
        r = http_open(&c->http, SOCKET);
        return r < 0 ? r : http_request(&c->http, method, path, headers, body, n, ret, NULL);
}

/* A command in a guest that somebody has frozen goes on when that is thawed. */
static void thaw_for(Client *c, const char *path, const char *operation) {
        static const char body[] = "{\"action\":\"unfreeze\"}";
        const char *exec = strstr(path, "/exec");
        char url[TEXT_MAX], *answer = NULL;

        if (!exec)
                return;
        (void) snprintf(url, sizeof(url), "%s/wait?timeout=%d", operation, FROZEN_MAX);
        if (send_request(c, "GET", url, NULL, NULL, 0, &answer) == 200 && strstr(answer, "\"Running\"")) {
                free(answer);
                answer = NULL;
                (void) snprintf(url, sizeof(url), "%.*s/state", (int) (exec - path), path);
                (void) send_request(c, "PUT", url, NULL, body, strlen(body), &answer);
        }
        free(answer);
}

/* The end of an operation; one that is not known any more ended some time ago. */
static bool wait_operation(Client *c, const char *method, const char *path, const char *operation) {
        char url[TEXT_MAX], *body = NULL;
        struct json_object *o, *metadata = NULL;
        int status, code;
        bool good = false;

        thaw_for(c, path, operation);
        (void) snprintf(url, sizeof(url), "%s/wait?timeout=%d", operation, OPERATION_MAX);
        status = send_request(c, "GET", url, NULL, NULL, 0, &body);
        if (status == 404) {
                free(body);
                return true;
        }
        if (status != 200) {
                (void) snprintf(url, sizeof(url), "%d %s", status, status < 0 ? strerror(-status) : body ? body : "");
                free(body);
                return broken(c, method, path, "its operation cannot be waited for", url);
        }
        o = json_tokener_parse(body);
        if (o)
                (void) json_object_object_get_ex(o, "metadata", &metadata);
        code = int_of(metadata, "status_code");
        if (code == 200)
                good = true;
        else if (code == 400 || code == 401) {
                c->failed++;
                (void) snprintf(last_error, sizeof(last_error), "%s", string_of(metadata, "err"));
                if (!last_error[0])
                        (void) broken(c, method, path, "its operation failed without a reason", body);
        } else
                (void) broken(c, method, path, "its operation has not ended", body ? body : "");
        json_object_put(o);
        free(body);
        return good;
}

bool request(Client *c, const char *method, const char *path, const char *headers, const void *body, size_t n_body) {
        char *answer = NULL, operation[TEXT_MAX] = "", text[TEXT_MAX];
        struct json_object *o;
        int status;

        last_error[0] = '\0';
        c->requests++;
        status = send_request(c, method, path, headers ? headers : "Content-Type: application/json\r\n", body, n_body, &answer);
        if (status < 0) {
                free(answer);
                return broken(c, method, path, "no answer", strerror(-status));
        }
        o = json_tokener_parse(answer ? answer : "");
        (void) snprintf(last_error, sizeof(last_error), "%s", string_of(o, "error"));
        (void) snprintf(operation, sizeof(operation), "%s", string_of(o, "operation"));
        json_object_put(o);
        (void) snprintf(text, sizeof(text), "%d %.1500s", status, answer ? answer : "");
        free(answer);
        if (status >= 500 && status != 501 && status != 503)
                return broken(c, method, path, "an internal error", text);
        if (status >= 400) {
                c->refused++;
                return last_error[0] ? false : broken(c, method, path, "refused without a reason", text);
        }
        if (status != 202)
                return true;
        c->operations++;
        return operation[0] ? wait_operation(c, method, path, operation) : broken(c, method, path, "no operation", text);
}

bool requestf(Client *c, const char *method, const char *path, const char *format, ...) {
        char *body = NULL;
        bool good;
        va_list ap;

        if (!format)
                return request(c, method, path, NULL, NULL, 0);
        va_start(ap, format);
        if (vasprintf(&body, format, ap) < 0)
                abort();
        va_end(ap);
        good = request(c, method, path, NULL, body, strlen(body));
        free(body);
        return good;
}

char **request_names(Client *c, const char *path) {
        struct json_object *o, *list = NULL;
        char *body = NULL, **names;
        size_t n;

        if (send_request(c, "GET", path, NULL, NULL, 0, &body) != 200)
                (void) broken(c, "GET", path, "no list", body ? body : "");
        o = json_tokener_parse(body ? body : "");
        if (o)
                (void) json_object_object_get_ex(o, "metadata", &list);
        n = list ? json_object_array_length(list) : 0;
        names = calloc(n + 1, sizeof(char *));
        if (!names)
                abort();
        for (size_t i = 0; i < n; i++) {
                const char *url = json_object_get_string(json_object_array_get_idx(list, i)), *slash = strrchr(url, '/');

                names[i] = strdup(slash ? slash + 1 : url);
        }
        json_object_put(o);
        free(body);
        return names;
}
