/* SPDX-License-Identifier: Apache-2.0 */
/* dnsmasq's lease file, and what ends a lease before its time. */
#include "lease-file.h"

#include <ctype.h>
#include <endian.h>

void lease_list_done(LeaseList *l) {
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].name);
                free(l->items[i].client);
        }
        free(l->items);
        free(l->server);
        *l = (LeaseList) {};
}

static const char *known(const char *field) {
        return streq(field, "*") ? "" : field;
}

/* "1700000000 00:16:3e:01:02:03 10.0.0.5 c1 ff:..." and, after a line "duid 00:01:...", "1700000000 12345 fd42::5 c1 00:01:...". */
static int lease_parse_line(Strv fields, Lease *ret) {
        Lease lease = {};
        uint8_t hwaddr[6];
        uint64_t iaid = 0;
        InetPrefix p;
        int r;

        if (strv_length(fields) < 4 || parse_u64(fields[0], &lease.expires) < 0 || inet_parse(AF_UNSPEC, fields[2], &p) < 0)
                return 0;
        if (p.family == AF_INET) {
                if (hwaddr_parse(fields[1], hwaddr) < 0)
                        return 0;
                hwaddr_format(hwaddr, lease.hwaddr);
        } else if (parse_u64(fields[1], &iaid) >= 0)
                lease.iaid = (uint32_t) iaid;
        inet_format(&p, lease.address);
        r = str_replace(&lease.name, known(fields[3]));
        if (r >= 0)
                r = str_replace(&lease.client, known(fields[4] ?: "*"));
        if (r < 0) {
                free(lease.name);
                return r;
        }
        *ret = lease;
        return 1;
}

int lease_parse(const char *text, LeaseList *ret) {
        _cleanup_(lease_list_done) LeaseList list = {};
        _cleanup_strv_free_ Strv lines = NULL;
        int r;

        r = strv_split(text, "\n", &lines);
        if (r < 0)
                return r;
        list.items = calloc(strv_length(lines) + 1, sizeof(Lease));
        if (!list.items)
                return -ENOMEM;
        STRV_FOREACH(l, lines) {
                _cleanup_strv_free_ Strv fields = NULL;

                r = strv_split(*l, " ", &fields);
                if (r >= 0)
                        r = strv_length(fields) == 2 && streq(fields[0], "duid") ? str_replace(&list.server, fields[1])
                                                                                 : lease_parse_line(fields, list.items + list.n);
                if (r < 0)
                        return r;
                list.n += (size_t) r;
        }
        *ret = list;
        list = (LeaseList) {};
        return 0;
}

/* ---- messages ---- */

typedef struct Message {
        uint8_t *data;
        size_t n;
        bool failed; /* too long, or an identifier that cannot be read */
} Message;

static void put(Message *m, const void *data, size_t n) {
        if (n > LEASE_MESSAGE_MAX - m->n)
                m->failed = true;
        if (m->failed)
                return;
        memcpy(m->data + m->n, data, n);
        m->n += n;
}

static void put_u8(Message *m, unsigned v) {
        put(m, &(uint8_t) { (uint8_t) v }, 1);
}

static void put_u16(Message *m, unsigned v) {
        put(m, &(uint16_t) { htobe16((uint16_t) v) }, 2);
}

static void put_u32(Message *m, uint32_t v) {
        put(m, &(uint32_t) { htobe32(v) }, 4);
}

/* "00:01:ab" as bytes. */
static void put_identifier(Message *m, const char *text) {
        for (const char *p = text; *p; p += p[2] ? 3 : 2) {
                if (!isxdigit((unsigned char) p[0]) || !isxdigit((unsigned char) p[1]) || (p[2] && (p[2] != ':' || !p[3]))) {
                        m->failed = true;
                        return;
                }
                put_u8(m, (unsigned) strtoul((char[]) { p[0], p[1], '\0' }, NULL, 16));
        }
}

static size_t identifier_size(const char *text) {
        return (strlen(text) + 1) / 3;
}

/* RFC 2131 */
static void build_ipv4(Message *m, const Lease *lease, const InetPrefix *server, const InetPrefix *address) {
        static const uint8_t zeros[192];
        uint8_t hwaddr[6];
        size_t n = identifier_size(lease->client);

        m->failed = m->failed || n > 255 || hwaddr_parse(lease->hwaddr, hwaddr) < 0 || server->family != AF_INET;
        put(m, (const uint8_t[]) { 1, 1, 6, 0, 'l', 'x', 'd', 0, 0, 0, 0, 0 }, 12); /* a request, Ethernet, some transaction */
        put(m, address->address, 4);
        put(m, zeros, 12);
        if (!m->failed)
                put(m, hwaddr, 6);
        put(m, zeros, 10);
        put(m, zeros, 192); /* names of server and file */
        put_u32(m, 0x63825363);
        put(m, (const uint8_t[]) { 53, 1, 7 }, 3); /* DHCPRELEASE */
        put(m, (const uint8_t[]) { 54, 4 }, 2);
        put(m, server->address, 4);
        if (n > 0) {
                put_u8(m, 61);
                put_u8(m, (unsigned) n);
                put_identifier(m, lease->client);
        }
        put_u8(m, 255);
}

static void put_identifier6(Message *m, unsigned option, const char *text) {
        put_u16(m, option);
        put_u16(m, (unsigned) identifier_size(text));
        put_identifier(m, text);
}

/* RFC 8415 */
static void build_ipv6(Message *m, const Lease *lease, const char *server_id, const InetPrefix *address) {
        m->failed = m->failed || isempty(lease->client) || isempty(server_id);
        put(m, (const uint8_t[]) { 8, 'l', 'x', 'd' }, 4); /* RELEASE, some transaction */
        put_identifier6(m, 1, lease->client);
        put_identifier6(m, 2, strempty(server_id));
        put_u16(m, 3); /* IA_NA with one IAADDR, without times */
        put_u16(m, 12 + 28);
        put_u32(m, lease->iaid);
        put_u32(m, 0);
        put_u32(m, 0);
        put_u16(m, 5);
        put_u16(m, 24);
        put(m, address->address, 16);
        put_u32(m, 0);
        put_u32(m, 0);
}

ssize_t lease_build_release(const Lease *lease, const InetPrefix *server, const char *server_id, uint8_t ret[static LEASE_MESSAGE_MAX]) {
        Message m = { .data = ret };
        InetPrefix address;

        if (inet_parse(AF_UNSPEC, lease->address, &address) < 0)
                return -EINVAL;
        if (address.family == AF_INET)
                build_ipv4(&m, lease, server, &address);
        else
                build_ipv6(&m, lease, server_id, &address);
        return m.failed ? -EINVAL : (ssize_t) m.n;
}
