/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /1.0/certificates. */

#include "bus-error.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"
#include "rest-object.h"

static void certificate_call(Call *c, Request *r, const char *member) {
        call_begin_object(c, r, OPERATION_OWNER_CLUSTERD, ".Certificate", member, "certificate", r->labels[0], NULL);
}

int rest_certificates_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "ListCertificates");
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
}

typedef struct CertificateBody {
        const char *name, *type, *certificate;
        bool restricted, token;
        Strv projects;
        uint64_t flags;
} CertificateBody;

static void certificate_body_done(CertificateBody *b) {
        b->projects = strv_free(b->projects);
}

static int certificate_body_read(Request *r, CertificateBody *b, sd_bus_error *error) {
        json_object *o = NULL;
        int x;

        x = request_json(r, &o, error);
        if (x >= 0 && (x = json_arg_text(o, "name", &b->name, error)) > 0)
                b->flags |= UPDATE_NAME;
        if (x >= 0 && (x = json_arg_text(o, "type", &b->type, error)) > 0)
                b->flags |= UPDATE_TYPE;
        if (x >= 0 && (x = json_arg_bool(o, "restricted", &b->restricted, error)) > 0)
                b->flags |= UPDATE_PROJECTS;
        if (x >= 0 && (x = json_arg_strv(o, "projects", &b->projects, error)) > 0)
                b->flags |= UPDATE_PROJECTS;
        if (x >= 0)
                x = json_arg_text(o, "certificate", &b->certificate, error);
        if (x >= 0)
                x = json_arg_bool(o, "token", &b->token, error);
        return x < 0 ? x : 0;
}

static int then_added(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        const char *fingerprint;
        int x;

        x = sd_bus_message_read(reply, "s", &fingerprint);
        if (x >= 0)
                x = str_format(&r->location, "/1.0/certificates/%s", fingerprint);
        return x < 0 ? x : reply_created(r, r->location);
}

int rest_certificates_post(Request *r, sd_bus_error *error) {
        _cleanup_(certificate_body_done) CertificateBody b = { .name = "", .type = "", .certificate = "" };
        Call c;
        int x;

        x = certificate_body_read(r, &b, error);
        if (x < 0)
                return x;
        if (b.token)
                return bus_error_set(error, LXD_ERROR_INVALID, "Can't issue token when server isn't listening on network");
        /* Whoever reached the unix socket is trusted already: there is nobody to enrol. */
        if (b.certificate[0] == '\0')
                return bus_error_set(error, LXD_ERROR_INVALID, "Client is already trusted");

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "AddCertificate");
        call_append(&c, "sssb", b.name, b.type, b.certificate, (int) b.restricted);
        call_strv(&c, b.projects);
        return call_send_change(&c, 0, then_added, error);
}

int rest_certificate_get(Request *r, sd_bus_error *error) {
        return object_document(r, certificate_call, "Describe", error);
}

int rest_certificate_put(Request *r, sd_bus_error *error) {
        _cleanup_(certificate_body_done) CertificateBody b = { .name = "", .type = "", .certificate = "" };
        Call c;
        int x;

        x = certificate_body_read(r, &b, error);
        if (x < 0)
                return x;
        if (streq(r->method, "PUT"))
                b.flags |= UPDATE_NAME | UPDATE_TYPE | UPDATE_PROJECTS;
        else
                b.flags |= UPDATE_MERGE;

        certificate_call(&c, r, "Update");
        call_append(&c, "ssb", b.name, b.type, (int) b.restricted);
        call_strv(&c, b.projects);
        call_append(&c, "s", request_etag(r));
        return call_send_change(&c, b.flags, then_empty, error);
}

int rest_certificate_patch(Request *r, sd_bus_error *error) {
        return rest_certificate_put(r, error);
}

int rest_certificate_delete(Request *r, sd_bus_error *error) {
        return object_delete(r, certificate_call, then_empty, error);
}
