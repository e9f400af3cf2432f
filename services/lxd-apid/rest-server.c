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
        return call_send_document(&c, error);
}

static int cluster_list(Request *r, const char *member, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", member);
        call_append(&c, "u", request_recursion(r));
        return call_send_document(&c, error);
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
static int pick_warning(Request *r, sd_bus_message *reply, char **ret, sd_bus_error *error) {
        _cleanup_json_ json_object *document = NULL;
        _cleanup_free_ char *text = NULL;
        size_t n;
        int fd, x;

        x = sd_bus_message_read(reply, "h", &fd);
        if (x >= 0)
                x = fd_read_all(fd, JSON_BODY_MAX, &text, &n);
        if (x >= 0)
                x = json_body_parse(text, n, &document, error);
        if (x >= 0)
                x = json_pick(document, "metadata", "uuid", r->labels[0], ret);
        return x == -ENOENT ? bus_error_set(error, LXD_ERROR_NOT_FOUND, "Warning not found") : x;
}

static int then_warning(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *warning = NULL;
        _cleanup_(json_done) JsonWriter w = {};
        int x = pick_warning(r, reply, &warning, error);

        if (x < 0)
                return x;
        json_raw(&w, NULL, warning, strlen(warning));
        return reply_json(r, &w, NULL);
}

/* Nobody writes any, so there are none to be acknowledged or removed. */
static int then_no_such_warning(Request *r, sd_bus_message *reply, sd_bus_error *error) {
        _cleanup_free_ char *warning = NULL;
        int x = pick_warning(r, reply, &warning, error);

        return x < 0 ? x : bus_error_set(error, LXD_ERROR_NOT_SUPPORTED, "Warnings cannot be changed yet");
}

static int find_warning(Request *r, CallThen then, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_CLUSTERD, ".Manager", "ListWarnings");
        call_append(&c, "ut", (uint32_t) 1, (uint64_t) 0);
        return call_send(&c, then, error);
}

int rest_warning_get(Request *r, sd_bus_error *error) {
        return find_warning(r, then_warning, error);
}

int rest_warning_put(Request *r, sd_bus_error *error) {
        json_object *o = NULL;
        int x = request_json(r, &o, error);

        return x < 0 ? x : find_warning(r, then_no_such_warning, error);
}

int rest_warning_delete(Request *r, sd_bus_error *error) {
        return find_warning(r, then_no_such_warning, error);
}

int rest_internal_ready_get(Request *r, sd_bus_error *error) {
        return reply_empty(r);
}

/* lxd shutdown: the daemons end by themselves when idle; what it is about is the instances. */
int rest_internal_shutdown_put(Request *r, sd_bus_error *error) {
        Call c;

        call_begin(&c, r, OPERATION_OWNER_INSTANCED, ".Manager", "StopAll");
        return call_send_change(&c, 0, then_finished, error);
}
