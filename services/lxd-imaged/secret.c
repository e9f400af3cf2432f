/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets live in memory only: a daemon that ends has forgotten them, so it does not end while there are any. */

#include <openssl/crypto.h>

#include "bus-error.h"
#include "secret.h"

#define SECRET_BYTES 32U

struct Secret {
        Manager *manager;
        Operation *operation;
        sd_event_source *timer;
        char *project, *fingerprint, *secret;
        Secret *next;
};

static void secret_free(Secret *s) {
        for (Secret **p = &s->manager->secrets; *p; p = &(*p)->next)
                if (*p == s) {
                        *p = s->next;
                        break;
                }
        sd_event_source_disable_unref(s->timer);
        free(s->project);
        free(s->fingerprint);
        if (s->secret)
                OPENSSL_cleanse(s->secret, strlen(s->secret));
        free(s->secret);
        free(s);
}

void secret_drop_all(Manager *m) {
        while (m->secrets)
                secret_free(m->secrets);
}

static int on_too_old(sd_event_source *source, uint64_t usec, void *userdata) {
        Secret *s = userdata;

        operation_finish(s->operation, 0, NULL);
        secret_free(s);
        return 0;
}

static void on_cancel(Operation *o, void *userdata) {
        Secret *s = userdata;

        operation_finish(s->operation, -ECANCELED, NULL);
        secret_free(s);
}

int secret_new(Manager *m, const ImageRecord *i, const Requestor *who, Operation **ret, sd_bus_error *error) {
        char url[FINGERPRINT_LENGTH + 32];
        Secret *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (Secret) { .manager = m, .next = m->secrets };
        m->secrets = s;
        r = random_hex(SECRET_BYTES, &s->secret);
        r = r < 0 ? r : str_replace(&s->project, i->project);
        r = r < 0 ? r : str_replace(&s->fingerprint, i->fingerprint);
        r = r < 0 ? r : sd_event_add_time_relative(m->event, &s->timer, CLOCK_MONOTONIC, SECRET_LIFETIME_USEC, 0, on_too_old, s);
        r = r < 0 ? r : operation_new(m->operations, "token", "Image download token", i->project, who, &s->operation, error);
        if (r < 0) {
                secret_free(s);
                return r;
        }
        (void) snprintf(url, sizeof(url), "/1.0/images/%s", i->fingerprint);
        (void) operation_add_resource(s->operation, "images", url);
        (void) operation_set_metadata(s->operation, "secret", s->secret);
        operation_set_cancel(s->operation, on_cancel, s);
        *ret = s->operation;
        return 0;
}

bool secret_check(Manager *m, const char *project, const char *fingerprint, const char *secret) {
        bool found = false;

        for (Secret *s = m->secrets; s; s = s->next)
                if (streq(s->project, project) && streq(s->fingerprint, fingerprint) && strlen(secret) == 2 * SECRET_BYTES)
                        found |= CRYPTO_memcmp(s->secret, secret, 2 * SECRET_BYTES) == 0;
        return found;
}
