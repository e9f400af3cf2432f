/* SPDX-License-Identifier: Apache-2.0 */
/* What the clients of the storm ask for. */
#include "actions.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define INSTANCES 4
#define OTHERS 2

const char *storm_image, *storm_fingerprint;

static unsigned instance(Client *c) {
        return choose(c, INSTANCES);
}

static unsigned other(Client *c) {
        return choose(c, OTHERS);
}

/* A path with up to two numbers of objects in it. */
static const char *path(const char *format, unsigned a, unsigned b) {
        static char text[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void) snprintf(text, sizeof(text), format, a, b);
#pragma GCC diagnostic pop
        return text;
}

static bool create(Client *c) {
        return requestf(c, "POST", "/1.0/instances", "{\"name\":\"st%u\",\"source\":{\"type\":\"image\",\"alias\":\"%s\"}}", instance(c),
                        choose(c, 4) == 0 ? "storm" : "bb");
}

static bool create_with(Client *c) {
        unsigned i = instance(c), p = other(c);

        return requestf(c, "POST", "/1.0/instances",
                        "{\"name\":\"st%u\",\"profiles\":[\"default\",\"sp%u\"],\"source\":{\"type\":\"image\",\"alias\":\"bb\"},"
                        "\"devices\":{\"eth7\":{\"type\":\"nic\",\"network\":\"sn%u\",\"name\":\"eth7\"}}}", i, p, other(c));
}

static bool copy(Client *c) {
        unsigned from = instance(c), to = instance(c);

        return requestf(c, "POST", "/1.0/instances", "{\"name\":\"st%u\",\"source\":{\"type\":\"copy\",\"source\":\"st%u\",\"instance_only\":%s}}", to,
                        from, choose(c, 2) ? "true" : "false");
}

static bool copy_snapshot(Client *c) {
        unsigned from = instance(c), to = instance(c);

        return requestf(c, "POST", "/1.0/instances", "{\"name\":\"st%u\",\"source\":{\"type\":\"copy\",\"source\":\"st%u/s%u\"}}", to, from, other(c));
}

static bool delete(Client *c) {
        return requestf(c, "DELETE", path("/1.0/instances/st%u", instance(c), 0), NULL);
}

static bool set_state(Client *c, const char *action, int timeout, bool force) {
        return requestf(c, "PUT", path("/1.0/instances/st%u/state", instance(c), 0), "{\"action\":\"%s\",\"timeout\":%d,\"force\":%s}", action, timeout,
                        force ? "true" : "false");
}

static bool start(Client *c) {
        return set_state(c, "start", -1, false);
}

static bool stop(Client *c) {
        return set_state(c, "stop", -1, true);
}

static bool shut_down(Client *c) {
        return set_state(c, "stop", 3, false);
}

static bool restart(Client *c) {
        return set_state(c, "restart", -1, true);
}

static bool freeze(Client *c) {
        return set_state(c, choose(c, 2) ? "freeze" : "unfreeze", -1, false);
}

static bool rename_instance(Client *c) {
        return requestf(c, "POST", path("/1.0/instances/st%u", instance(c), 0), "{\"name\":\"st%u\"}", instance(c));
}

static bool snapshot(Client *c) {
        return requestf(c, "POST", path("/1.0/instances/st%u/snapshots", instance(c), 0), "{\"name\":\"s%u\"}", other(c));
}

static bool delete_snapshot(Client *c) {
        return requestf(c, "DELETE", path("/1.0/instances/st%u/snapshots/s%u", instance(c), other(c)), NULL);
}

static bool rename_snapshot(Client *c) {
        return requestf(c, "POST", path("/1.0/instances/st%u/snapshots/s%u", instance(c), other(c)), "{\"name\":\"s%u\"}", other(c));
}

static bool restore(Client *c) {
        return requestf(c, "PUT", path("/1.0/instances/st%u", instance(c), 0), "{\"restore\":\"s%u\"}", other(c));
}

static bool exec(Client *c) {
        return requestf(c, "POST", path("/1.0/instances/st%u/exec", instance(c), 0),
                        "{\"command\":[\"sh\",\"-c\",\"sleep 0.%u; echo out\"],\"wait-for-websocket\":false,\"record-output\":true}", choose(c, 3));
}

static bool push(Client *c) {
        return request(c, "POST", path("/1.0/instances/st%u/files?path=/tmp/f%u", instance(c), other(c)),
                       "X-LXD-type: file\r\nX-LXD-mode: 0644\r\n", "content", 7);
}

static bool set_config(Client *c) {
        static const char *const memory[] = { "100MiB", "200MiB", "" };

        return requestf(c, "PATCH", path("/1.0/instances/st%u", instance(c), 0), "{\"config\":{\"limits.memory\":\"%s\",\"user.n\":\"%u\"}}",
                        memory[choose(c, 3)], choose(c, 100));
}

static bool set_devices(Client *c) {
        static const char *const devices[] = {
                "\"dir\":{\"type\":\"disk\",\"source\":\"/usr/share\",\"path\":\"/mnt/dir\"}",
                "\"null\":{\"type\":\"unix-char\",\"source\":\"/dev/null\",\"path\":\"/dev/null2\"}",
                "\"vol\":{\"type\":\"disk\",\"pool\":\"default\",\"source\":\"sv0\",\"path\":\"/mnt/vol\"}",
                "\"eth8\":{\"type\":\"nic\",\"network\":\"sn0\",\"name\":\"eth8\",\"security.mac_filtering\":\"true\"}",
        };

        return requestf(c, "PATCH", path("/1.0/instances/st%u", instance(c), 0), "{\"devices\":{%s}}", devices[choose(c, 4)]);
}

/* All of its own devices and profiles go. */
static bool reset_devices(Client *c) {
        return requestf(c, "PUT", path("/1.0/instances/st%u", instance(c), 0),
                        "{\"config\":{},\"devices\":{},\"profiles\":[\"default\"],\"description\":\"\",\"ephemeral\":false}");
}

static bool create_profile(Client *c) {
        return requestf(c, "POST", "/1.0/profiles", "{\"name\":\"sp%u\",\"config\":{\"limits.memory\":\"300MiB\"}}", other(c));
}

static bool change_profile(Client *c) {
        return requestf(c, "PATCH", path("/1.0/profiles/sp%u", other(c), 0), "{\"config\":{\"limits.memory\":\"%uMiB\"}}", 100 + choose(c, 100));
}

static bool plug_profile(Client *c) {
        unsigned p = other(c);

        return requestf(c, "PUT", path("/1.0/profiles/sp%u", p, 0), "{\"config\":{},\"devices\":{%s}}",
                        choose(c, 2) ? "" : "\"dir2\":{\"type\":\"disk\",\"source\":\"/usr/lib\",\"path\":\"/mnt/dir2\"}");
}

static bool delete_profile(Client *c) {
        return requestf(c, "DELETE", path("/1.0/profiles/sp%u", other(c), 0), NULL);
}

static bool rename_profile(Client *c) {
        return requestf(c, "POST", path("/1.0/profiles/sp%u", other(c), 0), "{\"name\":\"sp%u\"}", other(c));
}

static bool use_profile(Client *c) {
        return requestf(c, "PATCH", path("/1.0/instances/st%u", instance(c), 0), "{\"profiles\":[\"default\",\"sp%u\"]}", other(c));
}

static bool create_network(Client *c) {
        unsigned n = other(c);

        return requestf(c, "POST", "/1.0/networks", "{\"name\":\"sn%u\",\"config\":{\"ipv4.address\":\"10.%u.%u.1/24\",\"ipv6.address\":\"none\"}}", n,
                        70 + c->number, choose(c, 20));
}

static bool change_network(Client *c) {
        return requestf(c, "PATCH", path("/1.0/networks/sn%u", other(c), 0), "{\"config\":{\"ipv4.nat\":\"%s\",\"dns.mode\":\"%s\"}}",
                        choose(c, 2) ? "true" : "false", choose(c, 2) ? "managed" : "none");
}

static bool delete_network(Client *c) {
        return requestf(c, "DELETE", path("/1.0/networks/sn%u", other(c), 0), NULL);
}

static bool rename_network(Client *c) {
        return requestf(c, "POST", path("/1.0/networks/sn%u", other(c), 0), "{\"name\":\"sn%u\"}", other(c));
}

static bool create_volume(Client *c) {
        return requestf(c, "POST", "/1.0/storage-pools/default/volumes/custom", "{\"name\":\"sv%u\"}", other(c));
}

static bool copy_volume(Client *c) {
        return requestf(c, "POST", "/1.0/storage-pools/default/volumes/custom",
                        "{\"name\":\"sv%u\",\"source\":{\"type\":\"copy\",\"pool\":\"default\",\"name\":\"sv%u\"}}", other(c), other(c));
}

static bool snapshot_volume(Client *c) {
        return requestf(c, "POST", path("/1.0/storage-pools/default/volumes/custom/sv%u/snapshots", other(c), 0), "{\"name\":\"s%u\"}", other(c));
}

static bool restore_volume(Client *c) {
        return requestf(c, "PUT", path("/1.0/storage-pools/default/volumes/custom/sv%u", other(c), 0), "{\"restore\":\"s%u\"}", other(c));
}

static bool rename_volume(Client *c) {
        return requestf(c, "POST", path("/1.0/storage-pools/default/volumes/custom/sv%u", other(c), 0), "{\"name\":\"sv%u\"}", other(c));
}

static bool delete_volume(Client *c) {
        return requestf(c, "DELETE", path("/1.0/storage-pools/default/volumes/custom/sv%u", other(c), 0), NULL);
}

static bool import(Client *c) {
        struct stat st;
        bool good = false;
        void *data;
        int fd;

        if (!storm_image)
                return true;
        fd = open(storm_image, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return false;
        data = mmap(NULL, (size_t) st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data != MAP_FAILED) {
                good = request(c, "POST", "/1.0/images", "Content-Type: application/octet-stream\r\nX-LXD-aliases: alias=storm\r\n", data, (size_t) st.st_size);
                (void) munmap(data, (size_t) st.st_size);
        }
        (void) close(fd);
        return good;
}

static bool delete_image(Client *c) {
        char url[128];

        if (!storm_fingerprint)
                return true;
        (void) snprintf(url, sizeof(url), "/1.0/images/%s", storm_fingerprint);
        return requestf(c, "DELETE", url, NULL);
}

static bool list(Client *c) {
        static const char *const lists[] = { "/1.0/instances?recursion=2", "/1.0/instances?recursion=1", "/1.0/networks?recursion=1",
                                             "/1.0/profiles?recursion=1", "/1.0/storage-pools/default/volumes?recursion=1", "/1.0/operations?recursion=1",
                                             "/1.0/images?recursion=1" };

        return requestf(c, "GET", lists[choose(c, sizeof(lists) / sizeof(lists[0]))], NULL);
}

static bool look(Client *c) {
        static const char *const formats[] = { "/1.0/instances/st%u", "/1.0/instances/st%u/state", "/1.0/instances/st%u/snapshots?recursion=1",
                                               "/1.0/networks/sn%u/leases", "/1.0/networks/sn%u/state" };

        return requestf(c, "GET", path(formats[choose(c, sizeof(formats) / sizeof(formats[0]))], other(c), 0), NULL);
}

const Action actions[] = {
        { "create", 8, create },
        { "create-with", 3, create_with },
        { "copy", 4, copy },
        { "copy-snapshot", 2, copy_snapshot },
        { "delete", 6, delete },
        { "start", 10, start },
        { "stop", 8, stop },
        { "shut-down", 2, shut_down },
        { "restart", 3, restart },
        { "freeze", 4, freeze },
        { "rename", 4, rename_instance },
        { "snapshot", 6, snapshot },
        { "delete-snapshot", 3, delete_snapshot },
        { "rename-snapshot", 2, rename_snapshot },
        { "restore", 3, restore },
        { "exec", 8, exec },
        { "push", 4, push },
        { "set-config", 5, set_config },
        { "set-devices", 6, set_devices },
        { "reset-devices", 3, reset_devices },
        { "create-profile", 3, create_profile },
        { "change-profile", 3, change_profile },
        { "plug-profile", 3, plug_profile },
        { "delete-profile", 2, delete_profile },
        { "rename-profile", 1, rename_profile },
        { "use-profile", 4, use_profile },
        { "create-network", 3, create_network },
        { "change-network", 2, change_network },
        { "delete-network", 2, delete_network },
        { "rename-network", 1, rename_network },
        { "create-volume", 3, create_volume },
        { "copy-volume", 2, copy_volume },
        { "snapshot-volume", 2, snapshot_volume },
        { "restore-volume", 1, restore_volume },
        { "rename-volume", 1, rename_volume },
        { "delete-volume", 2, delete_volume },
        { "import", 2, import },
        { "delete-image", 2, delete_image },
        { "list", 6, list },
        { "look", 6, look },
        {},
};

const Action *action_choose(Client *c) {
        static unsigned total;
        unsigned n;

        if (total == 0)
                for (const Action *a = actions; a->name; a++)
                        total += a->weight;
        n = choose(c, total);
        for (const Action *a = actions;; a++) {
                if (n < a->weight)
                        return a;
                n -= a->weight;
        }
}
