/* SPDX-License-Identifier: Apache-2.0 */
/* Names of servers in arguments: "remote:name". */

#include "lxc.h"

static const Remote remotes[] = {
        { "images", "https://images.linuxcontainers.org", "simplestreams", true, false },
        { "local", "unix://", "lxd", false, true },
        { "ubuntu", "https://cloud-images.ubuntu.com/releases", "simplestreams", true, true },
        { "ubuntu-daily", "https://cloud-images.ubuntu.com/daily", "simplestreams", true, true },
};

const Remote *remote_list(size_t *ret_n) {
        *ret_n = ELEMENTSOF(remotes);
        return remotes;
}

static int remote_find(const char *argument, const Remote **ret, const char **ret_name) {
        const char *colon = strchr(argument, ':');
        _cleanup_free_ char *name = colon ? xstrndup(argument, (size_t) (colon - argument)) : xstrdup("local");

        for (size_t i = 0; i < ELEMENTSOF(remotes); i++)
                if (streq(remotes[i].name, name)) {
                        *ret = remotes + i;
                        *ret_name = colon ? colon + 1 : argument;
                        return 0;
                }

        (void) fail(-EINVAL, "The remote \"%s\" doesn't exist", name);
        fail_hint("This version talks to servers through their unix socket only. One elsewhere is reached by forwarding\n"
                  "its socket: ssh -N -L /run/user/$UID/lxd.socket:/var/lib/lxd/unix.socket USER@HOST\n"
                  "and then: LXD_SOCKET=/run/user/$UID/lxd.socket lxc ...");
        return -EINVAL;
}

int remote_split(const char *argument, char **ret_name) {
        const Remote *remote;
        const char *name;
        int r;

        r = remote_find(argument, &remote, &name);
        if (r < 0)
                return r;
        if (!streq(remote->name, "local")) {
                (void) fail(-EINVAL, "The remote \"%s\" is an image server, and this version asks the local server only",
                            remote->name);
                fail_hint("An image of it can be fetched elsewhere and taken in by \"lxc image import\"");
                return -EINVAL;
        }

        *ret_name = xstrdup(name);
        return 0;
}

int remote_check(const char *argument) {
        _cleanup_free_ char *name = NULL;

        return argument ? remote_split(argument, &name) : 0;
}

int remote_split_image(const char *argument, char **ret_name, const char **ret_server, const char **ret_protocol) {
        const Remote *remote;
        const char *name;
        int r;

        r = remote_find(argument, &remote, &name);
        if (r < 0)
                return r;

        *ret_name = xstrdup(name);
        *ret_server = streq(remote->name, "local") ? NULL : remote->address;
        *ret_protocol = remote->protocol;
        return 0;
}
