/* SPDX-License-Identifier: Apache-2.0 */
/* One netlink socket and its request/answer discipline. */
#include "netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "crash.h"

#define RECEIVE_MAX 65536U

int netlink_open(int protocol, Netlink *ret) {
        _cleanup_close_ int fd = -EBADF;
        struct sockaddr_nl address = { .nl_family = AF_NETLINK };
        struct timeval timeout = { .tv_sec = 10 };
        int on = 1;

        fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (fd < 0)
                return -errno;
        /* A socket without an address of its own gets no events of the packet filter. */
        if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        /* Neither is needed for correctness: one gives better texts, the other is a seat belt. */
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
        /* Refuses unknown attributes and headers in dumps, so that a filter is never silently ignored. */
        (void) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));

        *ret = (Netlink) { .fd = TAKE_FD(fd), .seq = 1 };
        return 0;
}

void netlink_close(Netlink *nl) {
        nl->fd = close_safe(nl->fd);
}

void *netlink_begin(NetlinkMessage *m, uint16_t type, uint16_t flags, size_t size) {
        m->header = mnl_nlmsg_put_header(m->buffer);
        m->header->nlmsg_type = type;
        m->header->nlmsg_flags = NLM_F_REQUEST | flags;
        return mnl_nlmsg_put_extra_header(m->header, size);
}

static int netlink_send(Netlink *nl, NetlinkMessage *m) {
        ssize_t n;

        m->header->nlmsg_seq = ++nl->seq;
        nl->reason[0] = '\0';
        do
                n = send(nl->fd, m->header, m->header->nlmsg_len, 0);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

static ssize_t netlink_receive(Netlink *nl, char *buffer) {
        ssize_t n;

        do
                n = recv(nl->fd, buffer, RECEIVE_MAX, 0);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        return n;
}

/* The error of an NLMSG_ERROR message (0 = acknowledged), and the kernel's explanation, if any. */
static int netlink_error(Netlink *nl, const struct nlmsghdr *h) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
        size_t size = sizeof(*e);
        const struct nlattr *a;

        if (mnl_nlmsg_get_payload_len(h) < sizeof(*e))
                return -EBADMSG;
        if (!(h->nlmsg_flags & NLM_F_CAPPED))
                size += e->msg.nlmsg_len - sizeof(struct nlmsghdr);
        if (e->error < 0 && (h->nlmsg_flags & NLM_F_ACK_TLVS) && mnl_nlmsg_get_payload_len(h) > size)
                mnl_attr_for_each(a, h, size)
                        if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG) {
                                size_t n = MIN((size_t) mnl_attr_get_payload_len(a), sizeof(nl->reason) - 1);

                                memcpy(nl->reason, mnl_attr_get_payload(a), n);
                                nl->reason[n] = '\0';
                        }
        return e->error;
}

/* Reads messages until the one that ends the request. `single`: the first answer ends it. */
static int netlink_read_answers(Netlink *nl, bool single, int (*callback)(const struct nlmsghdr *h, void *userdata),
                                void *userdata) {
        _cleanup_free_ char *buffer = NULL;
        int result = 0;

        buffer = malloc(RECEIVE_MAX);
        if (!buffer)
                return -ENOMEM;
        for (;;) {
                ssize_t n = netlink_receive(nl, buffer);
                const struct nlmsghdr *h = (const struct nlmsghdr *) buffer;
                int left = (int) n;

                if (n < 0)
                        return (int) n;
                for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
                        if (h->nlmsg_seq != nl->seq)
                                continue; /* the rest of a request that timed out */
                        if (h->nlmsg_type == NLMSG_ERROR) {
                                int r = netlink_error(nl, h);

                                return result < 0 ? result : r;
                        }
                        if (h->nlmsg_type == NLMSG_DONE)
                                return result;
                        if (callback && result >= 0)
                                result = callback(h, userdata);
                        if (single)
                                return result;
                }
        }
}

int netlink_call(Netlink *nl, NetlinkMessage *m) {
        int r;

        m->header->nlmsg_flags |= NLM_F_ACK;
        r = netlink_send(nl, m);
        if (r >= 0)
                r = netlink_read_answers(nl, false, NULL, NULL);
        crash_point("netlink-done");
        return r;
}

int netlink_get(Netlink *nl, NetlinkMessage *m, int (*callback)(const struct nlmsghdr *h, void *userdata), void *userdata) {
        int r = netlink_send(nl, m);

        return r < 0 ? r : netlink_read_answers(nl, true, callback, userdata);
}

int netlink_dump(Netlink *nl, NetlinkMessage *m, int (*callback)(const struct nlmsghdr *h, void *userdata),
                 void *userdata) {
        int r;

        m->header->nlmsg_flags |= NLM_F_DUMP;
        r = netlink_send(nl, m);
        return r < 0 ? r : netlink_read_answers(nl, false, callback, userdata);
}

void netlink_parse(const struct nlmsghdr *h, size_t size, const struct nlattr **table, uint16_t max) {
        const struct nlattr *a;

        memset(table, 0, sizeof(table[0]) * ((size_t) max + 1));
        if (mnl_nlmsg_get_payload_len(h) < size)
                return;
        mnl_attr_for_each(a, h, size)
                if (mnl_attr_get_type(a) <= max)
                        table[mnl_attr_get_type(a)] = a;
}

void netlink_parse_nested(const struct nlattr *nest, const struct nlattr **table, uint16_t max) {
        const struct nlattr *a;

        memset(table, 0, sizeof(table[0]) * ((size_t) max + 1));
        mnl_attr_for_each_nested(a, nest)
                if (mnl_attr_get_type(a) <= max)
                        table[mnl_attr_get_type(a)] = a;
}
