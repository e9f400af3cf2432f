/* SPDX-License-Identifier: Apache-2.0 */
/* lxd-lease-release NETWORK: run by lxd-dnsmasq@.service when it is reloaded. dnsmasq has its leases in memory and takes no orders, so the leases of guests that are
 * gone are given back as their clients would do it. */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "lease-file.h"
#include "log.h"

#define LEASES_MAX (64U * 1024U * 1024U)
#define RESERVATION_MAX 4096U

typedef struct Releaser {
        const char *network;
        LeaseList leases;
        struct ifaddrs *addresses;
} Releaser;

static void releaser_done(Releaser *x) {
        lease_list_done(&x->leases);
        if (x->addresses)
                freeifaddrs(x->addresses);
}

/* The bridge's own address that serves this one. */
static bool find_server(const Releaser *x, const InetPrefix *address, struct sockaddr_in *ret, InetPrefix *ret_prefix) {
        for (struct ifaddrs *i = x->addresses; i; i = i->ifa_next) {
                const struct sockaddr_in *own = (const struct sockaddr_in *) i->ifa_addr, *mask = (const struct sockaddr_in *) i->ifa_netmask;
                in_addr_t a;

                if (!own || !mask || own->sin_family != AF_INET || !streq(i->ifa_name, x->network))
                        continue;
                memcpy(&a, address->address, sizeof(a));
                if ((a ^ own->sin_addr.s_addr) & mask->sin_addr.s_addr)
                        continue;
                *ret = *own;
                *ret_prefix = (InetPrefix) { .family = AF_INET, .length = 32 };
                memcpy(ret_prefix->address, &own->sin_addr, 4);
                return true;
        }
        return false;
}

static int send_message(const Releaser *x, int family, const void *to, socklen_t to_size, const void *data, size_t n) {
        _cleanup_close_ int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, x->network, (socklen_t) strlen(x->network) + 1) < 0 ||
            sendto(fd, data, n, 0, to, to_size) < 0)
                return -errno;
        return 0;
}

static int release_lease(const Releaser *x, const Lease *lease) {
        struct sockaddr_in to = {};
        struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htobe16(547), .sin6_scope_id = if_nametoindex(x->network) };
        InetPrefix address, server = {};
        uint8_t message[LEASE_MESSAGE_MAX];
        ssize_t n;

        if (inet_parse(AF_UNSPEC, lease->address, &address) < 0)
                return -EINVAL;
        if (address.family == AF_INET && !find_server(x, &address, &to, &server))
                return 0; /* another subnet is served by now */
        n = lease_build_release(lease, &server, x->leases.server, message);
        if (n < 0)
                return (int) n;
        to.sin_port = htobe16(67);
        if (address.family == AF_INET)
                return send_message(x, AF_INET, &to, sizeof(to), message, (size_t) n);
        (void) inet_pton(AF_INET6, "ff02::1:2", &to6.sin6_addr); /* all DHCP servers of the link */
        return send_message(x, AF_INET6, &to6, sizeof(to6), message, (size_t) n);
}

/* text: "HWADDR,...,NAME", as it was a reservation. */
static void release_guest(const Releaser *x, char *text) {
        char *name = strrchr(text, ',');

        text[strcspn(text, "\n")] = '\0';
        if (!name)
                return;
        text[strcspn(text, ",")] = '\0';
        name++;
        for (size_t i = 0; i < x->leases.n; i++) {
                const Lease *l = x->leases.items + i;
                int r;

                if (l->hwaddr[0] ? strcasecmp(l->hwaddr, text) != 0 : !streq(l->name, name))
                        continue;
                r = release_lease(x, l);
                if (r < 0)
                        log_warning_errno(r, "Failed to give back the address %s of \"%s\" in network \"%s\"; it is free when its lease expires: %m", l->address, name, x->network);
        }
}

static int load(Releaser *x) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        int r = str_format(&path, LXD_STATE_DIR "/networks/%s/dnsmasq.leases", x->network);

        if (r >= 0)
                r = file_read(path, LEASES_MAX, &text, NULL);
        if (r >= 0)
                r = lease_parse(text, &x->leases);
        return r >= 0 && getifaddrs(&x->addresses) < 0 ? -errno : r;
}

static int release_all(Releaser *x) {
        _cleanup_closedir_ DIR *d = NULL;
        _cleanup_free_ char *folder = NULL;
        int r = str_format(&folder, LXD_RUN_DIR "/network/%s/released", x->network);

        if (r < 0)
                return r;
        d = opendir(folder);
        if (!d)
                return errno == ENOENT ? 0 : -errno;
        r = load(x);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (struct dirent *e = readdir(d); e; e = readdir(d)) {
                _cleanup_free_ char *path = NULL, *text = NULL;

                if (e->d_name[0] == '.' || str_format(&path, "%s/%s", folder, e->d_name) < 0 || file_read(path, RESERVATION_MAX, &text, NULL) < 0)
                        continue;
                release_guest(x, text);
        }
        return 0;
}

int main(int argc, char **argv) {
        _cleanup_(releaser_done) Releaser x = {};
        int r;

        log_set_identifier("lxd-lease-release");
        if (argc != 2 || strchr(argv[1], '/')) {
                fprintf(stderr, "This program is run by lxd-dnsmasq@.service.\n");
                return EXIT_FAILURE;
        }
        x.network = argv[1];
        r = release_all(&x);
        if (r < 0)
                log_error_errno(r, "Failed to give back the addresses of guests that are gone in network \"%s\": %m", x.network);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
