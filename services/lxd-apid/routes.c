/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the table of routes and the search in it. */

#include "rest.h"
#include "routes.h"

/* A more special path stands before the general one that would match it as well. */
static const Route routes[] = {
        { "GET", "", "Path", rest_root_get, BODY_NONE },
        { "HEAD", "", "Path", rest_root_get, BODY_NONE },
        { "GET", "1.0", "Server", rest_server_get, BODY_NONE },
        { "PUT", "1.0", "Server", rest_server_put, BODY_JSON },
        { "PATCH", "1.0", "Server", rest_server_patch, BODY_JSON },
        { "GET", "1.0/certificates", "Certificate", rest_certificates_get, BODY_NONE },
        { "POST", "1.0/certificates", "Certificate", rest_certificates_post, BODY_JSON },
        { "GET", "1.0/certificates/{}", "Certificate", rest_certificate_get, BODY_NONE },
        { "PUT", "1.0/certificates/{}", "Certificate", rest_certificate_put, BODY_JSON },
        { "PATCH", "1.0/certificates/{}", "Certificate", rest_certificate_patch, BODY_JSON },
        { "DELETE", "1.0/certificates/{}", "Certificate", rest_certificate_delete, BODY_NONE },
        { "GET", "1.0/cluster", "Cluster", rest_cluster_get, BODY_NONE },
        { "PUT", "1.0/cluster", "Cluster", rest_cluster_put, BODY_JSON },
        { "GET", "1.0/cluster/groups", "Cluster group", rest_cluster_groups_get, BODY_NONE },
        { "GET", "1.0/cluster/members", "Cluster member", rest_cluster_members_get, BODY_NONE },
        { "GET", "1.0/events", "Events", rest_events_get, BODY_NONE },
        { "GET", "1.0/images", "Image", rest_images_get, BODY_NONE },
        { "POST", "1.0/images", "Image", rest_images_post, BODY_EITHER },
        { "GET", "1.0/images/aliases", "Image alias", rest_aliases_get, BODY_NONE },
        { "POST", "1.0/images/aliases", "Image alias", rest_aliases_post, BODY_JSON },
        { "GET", "1.0/images/aliases/{*}", "Image alias", rest_alias_get, BODY_NONE },
        { "POST", "1.0/images/aliases/{*}", "Image alias", rest_alias_post, BODY_JSON },
        { "PUT", "1.0/images/aliases/{*}", "Image alias", rest_alias_put, BODY_JSON },
        { "PATCH", "1.0/images/aliases/{*}", "Image alias", rest_alias_patch, BODY_JSON },
        { "DELETE", "1.0/images/aliases/{*}", "Image alias", rest_alias_delete, BODY_NONE },
        { "GET", "1.0/images/{}", "Image", rest_image_get, BODY_NONE },
        { "PUT", "1.0/images/{}", "Image", rest_image_put, BODY_JSON },
        { "PATCH", "1.0/images/{}", "Image", rest_image_patch, BODY_JSON },
        { "DELETE", "1.0/images/{}", "Image", rest_image_delete, BODY_NONE },
        { "GET", "1.0/images/{}/export", "Image", rest_image_export_get, BODY_NONE },
        { "POST", "1.0/images/{}/refresh", "Image", rest_image_refresh_post, BODY_NONE },
        { "POST", "1.0/images/{}/secret", "Image", rest_image_secret_post, BODY_NONE },
        { "GET", "1.0/instances", "Instance", rest_instances_get, BODY_NONE },
        { "POST", "1.0/instances", "Instance", rest_instances_post, BODY_EITHER },
        { "PUT", "1.0/instances", "Instance", rest_instances_put, BODY_JSON },
        { "GET", "1.0/instances/{}", "Instance", rest_instance_get, BODY_NONE },
        { "POST", "1.0/instances/{}", "Instance", rest_instance_post, BODY_JSON },
        { "PUT", "1.0/instances/{}", "Instance", rest_instance_put, BODY_JSON },
        { "PATCH", "1.0/instances/{}", "Instance", rest_instance_patch, BODY_JSON },
        { "DELETE", "1.0/instances/{}", "Instance", rest_instance_delete, BODY_NONE },
        { "GET", "1.0/instances/{}/backups", "Instance", rest_backups_get, BODY_NONE },
        { "POST", "1.0/instances/{}/backups", "Instance", rest_backups_post, BODY_JSON },
        { "GET", "1.0/instances/{}/backups/{}", "Instance", rest_backup_get, BODY_NONE },
        { "DELETE", "1.0/instances/{}/backups/{}", "Instance", rest_backup_get, BODY_NONE },
        { "GET", "1.0/instances/{}/console", "Instance", rest_console_get, BODY_NONE },
        { "POST", "1.0/instances/{}/console", "Instance", rest_console_post, BODY_JSON },
        { "DELETE", "1.0/instances/{}/console", "Instance", rest_console_delete, BODY_NONE },
        { "POST", "1.0/instances/{}/exec", "Instance", rest_exec_post, BODY_JSON },
        { "GET", "1.0/instances/{}/files", "Instance", rest_files_get, BODY_NONE },
        { "HEAD", "1.0/instances/{}/files", "Instance", rest_files_get, BODY_NONE },
        { "POST", "1.0/instances/{}/files", "Instance", rest_files_post, BODY_STREAM },
        { "DELETE", "1.0/instances/{}/files", "Instance", rest_files_delete, BODY_NONE },
        { "GET", "1.0/instances/{}/logs", "Instance", rest_logs_get, BODY_NONE },
        { "GET", "1.0/instances/{}/logs/{}", "Instance", rest_log_get, BODY_NONE },
        { "DELETE", "1.0/instances/{}/logs/{}", "Instance", rest_log_delete, BODY_NONE },
        { "GET", "1.0/instances/{}/metadata", "Instance", rest_instance_metadata_get, BODY_NONE },
        { "PUT", "1.0/instances/{}/metadata", "Instance", rest_instance_metadata_put, BODY_JSON },
        { "PATCH", "1.0/instances/{}/metadata", "Instance", rest_instance_metadata_put, BODY_JSON },
        { "GET", "1.0/instances/{}/metadata/templates", "Instance", rest_templates_get, BODY_NONE },
        { "POST", "1.0/instances/{}/metadata/templates", "Instance", rest_templates_post, BODY_JSON },
        { "DELETE", "1.0/instances/{}/metadata/templates", "Instance", rest_templates_delete, BODY_NONE },
        { "GET", "1.0/instances/{}/snapshots", "Instance", rest_snapshots_get, BODY_NONE },
        { "POST", "1.0/instances/{}/snapshots", "Instance", rest_snapshots_post, BODY_JSON },
        { "GET", "1.0/instances/{}/snapshots/{}", "Instance snapshot", rest_snapshot_get, BODY_NONE },
        { "POST", "1.0/instances/{}/snapshots/{}", "Instance snapshot", rest_snapshot_post, BODY_JSON },
        { "PUT", "1.0/instances/{}/snapshots/{}", "Instance snapshot", rest_snapshot_put, BODY_JSON },
        { "PATCH", "1.0/instances/{}/snapshots/{}", "Instance snapshot", rest_snapshot_put, BODY_JSON },
        { "DELETE", "1.0/instances/{}/snapshots/{}", "Instance snapshot", rest_snapshot_delete, BODY_NONE },
        { "GET", "1.0/instances/{}/state", "Instance", rest_instance_state_get, BODY_NONE },
        { "PUT", "1.0/instances/{}/state", "Instance", rest_instance_state_put, BODY_JSON },
        { "GET", "1.0/networks", "Network", rest_networks_get, BODY_NONE },
        { "POST", "1.0/networks", "Network", rest_networks_post, BODY_JSON },
        { "GET", "1.0/networks/{}", "Network", rest_network_get, BODY_NONE },
        { "POST", "1.0/networks/{}", "Network", rest_network_post, BODY_JSON },
        { "PUT", "1.0/networks/{}", "Network", rest_network_put, BODY_JSON },
        { "PATCH", "1.0/networks/{}", "Network", rest_network_patch, BODY_JSON },
        { "DELETE", "1.0/networks/{}", "Network", rest_network_delete, BODY_NONE },
        { "GET", "1.0/networks/{}/leases", "Network", rest_network_leases_get, BODY_NONE },
        { "GET", "1.0/networks/{}/state", "Network", rest_network_state_get, BODY_NONE },
        { "GET", "1.0/operations", "Operation", rest_operations_get, BODY_NONE },
        { "GET", "1.0/operations/{}", "Operation", rest_operation_get, BODY_NONE },
        { "DELETE", "1.0/operations/{}", "Operation", rest_operation_delete, BODY_NONE },
        { "GET", "1.0/operations/{}/wait", "Operation", rest_operation_wait_get, BODY_NONE },
        { "GET", "1.0/operations/{}/websocket", "Operation", rest_operation_websocket_get, BODY_NONE },
        { "GET", "1.0/profiles", "Profile", rest_profiles_get, BODY_NONE },
        { "POST", "1.0/profiles", "Profile", rest_profiles_post, BODY_JSON },
        { "GET", "1.0/profiles/{}", "Profile", rest_profile_get, BODY_NONE },
        { "POST", "1.0/profiles/{}", "Profile", rest_profile_post, BODY_JSON },
        { "PUT", "1.0/profiles/{}", "Profile", rest_profile_put, BODY_JSON },
        { "PATCH", "1.0/profiles/{}", "Profile", rest_profile_patch, BODY_JSON },
        { "DELETE", "1.0/profiles/{}", "Profile", rest_profile_delete, BODY_NONE },
        { "GET", "1.0/projects", "Project", rest_projects_get, BODY_NONE },
        { "POST", "1.0/projects", "Project", rest_projects_post, BODY_JSON },
        { "GET", "1.0/projects/{}", "Project", rest_project_get, BODY_NONE },
        { "POST", "1.0/projects/{}", "Project", rest_project_post, BODY_JSON },
        { "PUT", "1.0/projects/{}", "Project", rest_project_put, BODY_JSON },
        { "PATCH", "1.0/projects/{}", "Project", rest_project_patch, BODY_JSON },
        { "DELETE", "1.0/projects/{}", "Project", rest_project_delete, BODY_NONE },
        { "GET", "1.0/resources", "Server", rest_resources_get, BODY_NONE },
        { "GET", "1.0/storage-pools", "Storage pool", rest_pools_get, BODY_NONE },
        { "POST", "1.0/storage-pools", "Storage pool", rest_pools_post, BODY_JSON },
        { "GET", "1.0/storage-pools/{}", "Storage pool", rest_pool_get, BODY_NONE },
        { "PUT", "1.0/storage-pools/{}", "Storage pool", rest_pool_put, BODY_JSON },
        { "PATCH", "1.0/storage-pools/{}", "Storage pool", rest_pool_patch, BODY_JSON },
        { "DELETE", "1.0/storage-pools/{}", "Storage pool", rest_pool_delete, BODY_NONE },
        { "GET", "1.0/storage-pools/{}/resources", "Storage pool", rest_pool_resources_get, BODY_NONE },
        { "GET", "1.0/storage-pools/{}/volumes", "Storage pool", rest_volumes_get, BODY_NONE },
        { "POST", "1.0/storage-pools/{}/volumes", "Storage pool", rest_volumes_post, BODY_EITHER },
        { "GET", "1.0/storage-pools/{}/volumes/{}", "Storage pool", rest_volumes_get, BODY_NONE },
        { "POST", "1.0/storage-pools/{}/volumes/{}", "Storage pool", rest_volumes_post, BODY_EITHER },
        { "GET", "1.0/storage-pools/{}/volumes/{}/{}", "Storage pool volume", rest_volume_get, BODY_NONE },
        { "POST", "1.0/storage-pools/{}/volumes/{}/{}", "Storage pool volume", rest_volume_post, BODY_JSON },
        { "PUT", "1.0/storage-pools/{}/volumes/{}/{}", "Storage pool volume", rest_volume_put, BODY_JSON },
        { "PATCH", "1.0/storage-pools/{}/volumes/{}/{}", "Storage pool volume", rest_volume_patch, BODY_JSON },
        { "DELETE", "1.0/storage-pools/{}/volumes/{}/{}", "Storage pool volume", rest_volume_delete, BODY_NONE },
        { "GET", "1.0/storage-pools/{}/volumes/{}/{}/state", "Storage pool volume", rest_volume_state_get, BODY_NONE },
        { "GET", "1.0/storage-pools/{}/volumes/{}/{}/snapshots", "Storage pool volume", rest_volume_snapshots_get, BODY_NONE },
        { "POST", "1.0/storage-pools/{}/volumes/{}/{}/snapshots", "Storage pool volume", rest_volume_snapshots_post, BODY_JSON },
        { "GET", "1.0/storage-pools/{}/volumes/{}/{}/snapshots/{}", "Storage volume snapshot", rest_volume_snapshot_get, BODY_NONE },
        { "POST", "1.0/storage-pools/{}/volumes/{}/{}/snapshots/{}", "Storage volume snapshot", rest_volume_snapshot_post, BODY_JSON },
        { "PUT", "1.0/storage-pools/{}/volumes/{}/{}/snapshots/{}", "Storage volume snapshot", rest_volume_snapshot_put, BODY_JSON },
        { "PATCH", "1.0/storage-pools/{}/volumes/{}/{}/snapshots/{}", "Storage volume snapshot", rest_volume_snapshot_patch, BODY_JSON },
        { "DELETE", "1.0/storage-pools/{}/volumes/{}/{}/snapshots/{}", "Storage volume snapshot", rest_volume_snapshot_delete, BODY_NONE },
        { "GET", "1.0/warnings", "Warning", rest_warnings_get, BODY_NONE },
        { "GET", "1.0/warnings/{}", "Warning", rest_warning_get, BODY_NONE },
        { "PUT", "1.0/warnings/{}", "Warning", rest_warning_put, BODY_JSON },
        { "PATCH", "1.0/warnings/{}", "Warning", rest_warning_put, BODY_JSON },
        { "DELETE", "1.0/warnings/{}", "Warning", rest_warning_delete, BODY_NONE },
        { "GET", "internal/ready", "Server", rest_internal_ready_get, BODY_NONE },
        { "PUT", "internal/shutdown", "Server", rest_internal_shutdown_put, BODY_NONE },
};

/* The aliases of /1.0/instances from the times before, and what each says about the type. */
static const struct {
        const char *segment, *type;
} aliases[] = {
        { "containers", "container" },
        { "virtual-machines", "virtual-machine" },
};

/* The next piece of a path up to its slash; 0 at the end. */
static size_t piece(const char **path, const char **ret) {
        size_t n = strcspn(*path, "/");

        *ret = *path;
        *path += n + ((*path)[n] == '/');
        return n;
}

static bool piece_is(const char *text, size_t n, const char *word) {
        return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* Compares the segments with a route's path and notes what its {} stand for. */
static bool matches(const char *path, char *const *segments, size_t n_segments, const char *labels[static REQUEST_LABELS_MAX]) {
        size_t n_labels = 0, i = 0;

        while (*path) {
                const char *text;
                size_t n = piece(&path, &text);

                if (i >= n_segments || segments[i][0] == '\0')
                        return false;
                if (piece_is(text, n, "{*}")) {
                        labels[n_labels] = segments[i];
                        return true;
                }
                if (piece_is(text, n, "{}"))
                        labels[n_labels++] = segments[i];
                else if (!piece_is(text, n, segments[i]))
                        return false;
                i++;
        }
        return i == n_segments;
}

/* {*}: puts the slashes back that divide the rest. The segments follow each other in the text of the target, and decoding only ever
 * made them shorter. */
static void join_rest(Request *r, const char *first) {
        size_t i = 0;
        char *end;

        while (i < r->target.n_segments && r->target.segments[i] != first)
                i++;
        if (i >= r->target.n_segments)
                return;
        end = r->target.segments[i] + strlen(r->target.segments[i]);
        for (i++; i < r->target.n_segments; i++) {
                size_t n = strlen(r->target.segments[i]);

                *end++ = '/';
                memmove(end, r->target.segments[i], n + 1);
                end += n;
        }
}

int route_find(Request *r, const char *method) {
        char *segments[TARGET_SEGMENTS_MAX];
        const char *labels[REQUEST_LABELS_MAX];
        bool path_known = false;

        memcpy(segments, r->target.segments, sizeof(segments));
        for (size_t i = 0; i < ELEMENTSOF(aliases) && r->target.n_segments >= 2; i++)
                if (streq(segments[1], aliases[i].segment)) {
                        segments[1] = (char*) "instances";
                        r->type = aliases[i].type;
                }

        for (const Route *route = routes; route < routes + ELEMENTSOF(routes); route++) {
                memset(labels, 0, sizeof(labels));
                if (!matches(route->path, segments, r->target.n_segments, labels))
                        continue;
                path_known = true;
                if (!streq(route->method, method))
                        continue;

                r->route = route;
                memcpy(r->labels, labels, sizeof(labels));
                for (size_t i = 0; endswith(route->path, "{*}") && i < ELEMENTSOF(labels) && labels[i]; i++)
                        join_rest(r, labels[i]);
                return 0;
        }
        return path_known ? -EOPNOTSUPP : -ENOENT;
}
