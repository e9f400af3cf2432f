/* SPDX-License-Identifier: Apache-2.0 */
/* Sees to it that our rules come back when another program has flushed them.
 *
 * lxd-netd sleeps when there is nothing to do, but rules can be flushed at any time. This process holds one netlink socket and nothing
 * else (no bus, no library that could apply rules): when a transaction of somebody is over and the number of our rules is not what the
 * file says, it runs lxd-firewall-worker on the file. */
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#include "base/file.h"
#include "netlink.h"

#define RULESET_MAX (64U * 1024U * 1024U)
#define QUIET_MSEC 100
#define TABLE "lxd"

extern char **environ;

typedef struct Counts {
        unsigned inet, bridge;
} Counts;

/* The rules in our text: what stands two tabs deep, except the lines that declare a hook. */
static void count_wanted(const char *text, Counts *ret) {
        unsigned *current = &ret->inet;

        for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (startswith(line, "table "))
                        current = startswith(line, "table bridge") ? &ret->bridge : &ret->inet;
                else if (startswith(line, "\t\t") && !startswith(line, "\t\ttype "))
                        (*current)++;
        }
}

static int count_one(const struct nlmsghdr *h, void *userdata) {
        if ((h->nlmsg_type & 0xff) == NFT_MSG_NEWRULE)
                (*(unsigned *) userdata)++;
        return 0;
}

static int count_family(Netlink *nl, uint8_t family, unsigned *ret) {
        NetlinkMessage m;
        struct nfgenmsg *g;
        int r;

        g = netlink_begin(&m, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, 0, sizeof(*g));
        g->nfgen_family = family;
        mnl_attr_put_strz(m.header, NFTA_RULE_TABLE, TABLE);
        r = netlink_dump(nl, &m, count_one, ret);
        return r == -ENOENT ? 0 : r;
}

static int apply(const char *path) {
        char *const argv[] = { (char *) LXD_LIBEXEC_DIR "/lxd-firewall-worker", (char *) path, NULL };
        int status, r;
        pid_t pid;

        r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
        if (r != 0)
                return -r;
        if (waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* Compares and repairs. 0 also when there is nothing to compare with. */
static int check(Netlink *nl, const char *path) {
        _cleanup_free_ char *text = NULL;
        Counts wanted = {}, there = {};
        int r;

        r = file_read(path, RULESET_MAX, &text, NULL);
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        count_wanted(text, &wanted);
        r = count_family(nl, NFPROTO_INET, &there.inet);
        if (r >= 0)
                r = count_family(nl, NFPROTO_BRIDGE, &there.bridge);
        if (r < 0)
                return r;
        if (wanted.inet == there.inet && wanted.bridge == there.bridge)
                return 0;
        fprintf(stderr, "<5>Rules of LXD are missing (%u of %u): another program changed them. Putting them back.\n",
                there.inet + there.bridge, wanted.inet + wanted.bridge);
        return apply(path);
}

/* Reads what is waiting. 1 = there was something. */
static int drain(int fd) {
        char buffer[16384];
        int any = 0;

        for (;;) {
                ssize_t n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0 && errno == EAGAIN)
                        return any;
                if (n < 0 && errno != ENOBUFS) /* lost events are events */
                        return -errno;
                any = 1;
        }
}

static int watch(const char *path) {
        _cleanup_(netlink_close) Netlink events = { .fd = -EBADF }, query = { .fd = -EBADF };
        int group = NFNLGRP_NFTABLES, r;

        r = netlink_open(NETLINK_NETFILTER, &events);
        if (r >= 0)
                r = netlink_open(NETLINK_NETFILTER, &query);
        if (r >= 0 && setsockopt(events.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
                r = -errno;
        if (r < 0)
                return r;
        (void) sd_notify(false, "READY=1");
        for (bool changed = true;;) { /* true: what happened before we listened */
                struct pollfd p = { .fd = events.fd, .events = POLLIN };

                r = poll(&p, 1, changed ? QUIET_MSEC : -1);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0) {
                        r = drain(events.fd);
                        if (r < 0)
                                return r;
                        changed = true;
                } else if (r == 0 && changed) {
                        r = check(&query, path);
                        if (r < 0)
                                fprintf(stderr, "<4>Failed to check the rules of LXD: %s\n", strerror(-r));
                        changed = false;
                }
        }
}

int main(int argc, char **argv) {
        int r;

        if (argc != 2) {
                fprintf(stderr, "Usage: %s RULESET\n", argv[0]);
                return EXIT_FAILURE;
        }
        r = watch(argv[1]);
        fprintf(stderr, "<3>Cannot watch the packet filter: %s\n", strerror(-r));
        return EXIT_FAILURE;
}
