/* SPDX-License-Identifier: Apache-2.0 */
/* What the interfaces inside of guests look like, asked by netlink with the id of their namespace: nobody enters the guest. */
#include <inttypes.h>
#include <stdio.h>

#include "describe.h"
#include "log.h"
#include "nic.h"

int guest_register(Manager *m, uint64_t guest, int netns_fd) {
        int id = namespace_id(&m->rtnl, netns_fd);

        return id < 0 ? id : db_guest_put(m->db, guest, id);
}

/* The id of a guest's namespace. An end of a pair on the host knows for sure; the id noted at the guest's start serves the rest. */
static int guest_namespace(Manager *m, uint64_t guest, const NicList *nics, const LinkList *host) {
        int id = LINK_NSID_NONE, r;

        for (size_t i = 0; i < nics->n; i++) {
                const Link *l = streq(nics->items[i].state, "attached") ? link_list_find(host, nics->items[i].host_name) : NULL;

                if (l && l->peer_nsid >= 0)
                        return l->peer_nsid;
        }
        r = db_guest_get(m->db, guest, &id);
        return r < 0 ? r : id;
}

static const char *find_host_name(const Link *link, const NicList *nics, const LinkList *host) {
        for (size_t i = 0; i < nics->n; i++) {
                const Link *l = link_list_find(host, nics->items[i].host_name);

                if (l && l->peer == link->index && link->peer == l->index)
                        return nics->items[i].host_name;
        }
        return "";
}

static int describe_one(Manager *m, uint64_t guest, const LinkList *host, JsonWriter *w) {
        _cleanup_(nic_list_done) NicList nics = {};
        _cleanup_(link_list_done) LinkList links = {};
        _cleanup_(address_list_done) AddressList addresses = {};
        char key[24];
        int id, r;

        r = db_nic_list_guest(m->db, guest, &nics);
        if (r < 0)
                return r;
        id = guest_namespace(m, guest, &nics, host);
        if (id < 0)
                return 0;
        r = link_list(&m->rtnl, id, &links);
        if (r >= 0)
                r = address_list(&m->rtnl, id, &addresses);
        if (r < 0) { /* it has ended just now */
                log_debug_errno(r, "Cannot look at the interfaces of guest %" PRIu64 ": %m", guest);
                return 0;
        }
        (void) snprintf(key, sizeof(key), "%" PRIu64, guest);
        json_object_begin(w, key);
        for (size_t i = 0; i < links.n; i++)
                describe_guest_link(w, links.items + i, &addresses, find_host_name(links.items + i, &nics, host));
        json_object_end(w);
        return 0;
}

int guest_describe(Manager *m, const uint64_t *guests, size_t n) {
        _cleanup_(link_list_done) LinkList host = {};
        _cleanup_(json_done) JsonWriter w = {};
        int r;

        r = link_list(&m->rtnl, LINK_NSID_NONE, &host);
        if (r < 0)
                return r;
        json_object_begin(&w, NULL);
        for (size_t i = 0; i < n; i++) {
                r = describe_one(m, guests[i], &host, &w);
                if (r < 0)
                        return r;
        }
        json_object_end(&w);
        return json_finish_memfd(&w);
}
