/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file, whose names and identifiers are the guests': what is read can be shown, and given back to a server. */
#include "lease-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lease(const Lease *l, const char *server_id) {
        uint8_t message[LEASE_MESSAGE_MAX], hwaddr[6];
        InetPrefix address, server;
        ssize_t n;

        if (!l->name || !l->client || strpbrk(l->name, " \n") || strpbrk(l->client, " \n") || inet_parse(AF_UNSPEC, l->address, &address) < 0)
                abort();
        if ((address.family == AF_INET) != (hwaddr_parse(l->hwaddr, hwaddr) >= 0))
                abort();
        if (inet_parse(address.family, address.family == AF_INET ? "10.0.0.1" : "fd42::1", &server) < 0)
                abort();
        n = lease_build_release(l, &server, server_id, message);
        if (n < 0 ? n != -EINVAL : n < 4 || (size_t) n > sizeof(message))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size);
        _cleanup_(lease_list_done) LeaseList list = {};

        if (!text || lease_parse(text, &list) < 0)
                abort();
        for (size_t i = 0; i < list.n; i++)
                check_lease(list.items + i, list.server);
        return 0;
}
