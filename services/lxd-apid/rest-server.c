/* SPDX-License-Identifier: Apache-2.0 */
/* Owns /, /internal and what lxd-clusterd describes of the server: cluster, resources, warnings. */

#include "base/file.h"
#include "bus-error.h"
#include "call.h"
#include "json-args.h"
#include "reply.h"
#include "rest.h"

int rest_root_get(Request *r, sd_bus_error *error) {
        _cleanup_(json_done) JsonWriter w = {};

        json_array_begin(&w, NULL);
        json_string(&w, NULL, "/1.0");
        json_array_end(&w);
        return reply_json(r, &w, NULL);
}

/* A Manager method of lxd-clusterd that takes only flags. */
static int cluster_document(Request *r, const char *member, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", member);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_document, error);
}

static int cluster_list(Request *r, const char *member, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", member);
        call_append(&c, "ut", request_recursion(r), (uint64_t) 0);
        return call_send(&c, then_document, error);
}

int rest_cluster_get(Request *r, sd_bus_error *error) {
        return cluster_document(r, "DescribeCluster", error);
}

int rest_cluster_put(Request *r, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Clustering is not supported yet");
}

int rest_cluster_members_get(Request *r, sd_bus_error *error) {
        return reply_error(r, 500, "Server is not clustered");
}

int rest_cluster_groups_get(Request *r, sd_bus_error *error) {
        return bus_error_set(error, LXD_ERROR_INVALID, "This server is not clustered");
}

int rest_resources_get(Request *r, sd_bus_error *error) {
        int x = request_check_target(r, error);

        return x < 0 ? x : cluster_document(r, "DescribeResources", error);
}

int rest_warnings_get(Request *r, sd_bus_error *error) {
        return cluster_list(r, "ListWarnings", error);
}

/* The list is all lxd-clusterd tells of warnings: the one that was asked for is picked out of it. */
static int then_warning(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *text = NULL, *warning = NULL;
        _cleanup_json_ json_object *document = NULL;
        _cleanup_(json_done) JsonWriter w = {};
        size_t n;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = fd_read_all(fd, JSON_BODY_MAX, &text, &n);
        if (x >= 0)
                x = json_body_parse(text, n, &document, error);
        if (x >= 0)
                x = json_pick(document, "metadata", "uuid", r->labels[0], &warning);
        if (x == -ENOENT)
                return bus_error_set(error, LXD_ERROR_NOT_FOUND, "Warning not found");
        if (x < 0)
                return x;
        json_raw(&w, NULL, warning, strlen(warning));
        return reply_json(r, &w, NULL);
}

int rest_warning_get(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "ListWarnings");
        call_append(&c, "ut", (uint32_t) 1, (uint64_t) 0);
        return call_send(&c, then_warning, error);
}

int rest_internal_ready_get(Request *r, sd_bus_error *error) {
        return reply_empty(r);
}

/* lxd shutdown: the daemons end by themselves when idle; what it is about is the instances. */
int rest_internal_shutdown_put(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "StopAll");
        call_requestor(&c);
        call_append(&c, "t", (uint64_t) 0);
        return call_send(&c, then_finished, error);
}
