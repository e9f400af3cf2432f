/* SPDX-License-Identifier: Apache-2.0 */
/* IPv4 and IPv6 addresses and prefixes as values. Pure. */
#include "inet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>

int inet_parse(int family, const char *s, InetPrefix *ret) {
        InetPrefix p = {};

        if (family != AF_INET6 && inet_pton(AF_INET, s, p.address) == 1)
                p.family = AF_INET;
        else if (family != AF_INET && inet_pton(AF_INET6, s, p.address) == 1)
                p.family = AF_INET6;
        else
                return -EINVAL;
        p.length = (unsigned) inet_size(p.family) * 8;
        *ret = p;
        return 0;
}

int inet_parse_cidr(int family, const char *s, InetPrefix *ret) {
        char address[INET6_ADDRSTRLEN];
        const char *slash = strchr(s, '/');
        InetPrefix p;
        uint32_t length;
        int r;

        if (!slash || (size_t) (slash - s) >= sizeof(address))
                return -EINVAL;
        memcpy(address, s, (size_t) (slash - s));
        address[slash - s] = '\0';
        r = inet_parse(family, address, &p);
        if (r < 0)
                return r;
        if (parse_u32(slash + 1, &length) < 0 || length > p.length)
                return -EINVAL;
        p.length = length;
        *ret = p;
        return 0;
}

int inet_parse_list(int family, const char *s, InetPrefix **ret, size_t *ret_n) {
        _cleanup_strv_free_ Strv items = NULL;
        _cleanup_free_ InetPrefix *list = NULL;
        size_t n = 0;
        int r;

        r = strv_split(s, ",", &items);
        if (r < 0)
                return r;
        list = calloc(strv_length(items) + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        STRV_FOREACH(i, items) {
                r = strchr(*i, '/') ? inet_parse_cidr(family, *i, list + n) : inet_parse(family, *i, list + n);
                if (r < 0)
                        return r;
                n++;
        }
        *ret = TAKE_PTR(list);
        *ret_n = n;
        return 0;
}

char *inet_format(const InetPrefix *p, char buf[static INET_TEXT_MAX]) {
        if (!inet_ntop(p->family, p->address, buf, INET_TEXT_MAX))
                buf[0] = '\0';
        return buf;
}

char *inet_format_cidr(const InetPrefix *p, char buf[static INET_TEXT_MAX]) {
        size_t n;

        inet_format(p, buf);
        n = strlen(buf);
        (void) snprintf(buf + n, INET_TEXT_MAX - n, "/%u", p->length);
        return buf;
}

char *inet_format_network(const InetPrefix *p, char buf[static INET_TEXT_MAX]) {
        InetPrefix network = inet_first(p);

        return inet_format_cidr(&network, buf);
}

/* The bits of byte i that belong to the network. */
static uint8_t inet_mask(unsigned length, size_t i) {
        if (length >= (i + 1) * 8)
                return 0xff;
        return length <= i * 8 ? 0 : (uint8_t) (0xff << (8 - (length - i * 8)));
}

InetPrefix inet_first(const InetPrefix *p) {
        InetPrefix q = *p;

        for (size_t i = 0; i < inet_size(p->family); i++)
                q.address[i] &= inet_mask(p->length, i);
        return q;
}

InetPrefix inet_last(const InetPrefix *p) {
        InetPrefix q = *p;

        for (size_t i = 0; i < inet_size(p->family); i++)
                q.address[i] |= (uint8_t) ~inet_mask(p->length, i);
        return q;
}

bool inet_contains(const InetPrefix *p, const InetPrefix *a) {
        if (p->family != a->family)
                return false;
        for (size_t i = 0; i < inet_size(p->family); i++)
                if ((p->address[i] ^ a->address[i]) & inet_mask(p->length, i))
                        return false;
        return true;
}

bool inet_overlap(const InetPrefix *a, const InetPrefix *b) {
        return a->length <= b->length ? inet_contains(a, b) : inet_contains(b, a);
}

int inet_compare(const InetPrefix *a, const InetPrefix *b) {
        return memcmp(a->address, b->address, inet_size(a->family));
}

bool inet_equal(const InetPrefix *a, const InetPrefix *b) {
        if (a->family != b->family)
                return false;
        return a->family == 0 || (a->length == b->length && inet_compare(a, b) == 0);
}

InetPrefix inet_add(const InetPrefix *p, int64_t n) {
        InetPrefix q = *p;

        for (size_t i = inet_size(p->family); i-- > 0 && n != 0;) {
                n += q.address[i];
                q.address[i] = (uint8_t) (n & 0xff);
                n >>= 8;
        }
        return q;
}

bool inet_is_usable(const InetPrefix *p) {
        InetPrefix first = inet_first(p), last = inet_last(p);

        if (p->length >= inet_size(p->family) * 8 - 1)
                return true; /* a host, or a point-to-point link, has neither */
        if (inet_compare(p, &first) == 0)
                return false;
        return p->family == AF_INET6 || inet_compare(p, &last) != 0;
}

int inet_parse_range(int family, const char *s, InetPrefix *ret_first, InetPrefix *ret_last) {
        char first[INET6_ADDRSTRLEN];
        const char *dash = strchr(s, '-');
        InetPrefix a, b;

        if (!dash || (size_t) (dash - s) >= sizeof(first))
                return -EINVAL;
        memcpy(first, s, (size_t) (dash - s));
        first[dash - s] = '\0';
        if (inet_parse(family, first, &a) < 0 || inet_parse(family, dash + 1, &b) < 0)
                return -EINVAL;
        if (a.family != b.family || inet_compare(&a, &b) > 0)
                return -EINVAL;
        *ret_first = a;
        *ret_last = b;
        return 0;
}

int hwaddr_random(uint8_t ret[static 6]) {
        uint8_t a[6] = { 0x00, 0x16, 0x3e };

        if (getrandom(a + 3, 3, 0) != 3)
                return -EIO;
        memcpy(ret, a, sizeof(a));
        return 0;
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

int hwaddr_parse(const char *s, uint8_t ret[static 6]) {
        uint8_t a[6];

        if (strlen(s) != HWADDR_TEXT_MAX - 1)
                return -EINVAL;
        for (size_t i = 0; i < 6; i++) {
                int high = hex_digit(s[i * 3]), low = hex_digit(s[i * 3 + 1]);

                if (high < 0 || low < 0 || (i < 5 && s[i * 3 + 2] != ':' && s[i * 3 + 2] != '-'))
                        return -EINVAL;
                a[i] = (uint8_t) (high << 4 | low);
        }
        memcpy(ret, a, sizeof(a));
        return 0;
}

char *hwaddr_format(const uint8_t a[static 6], char buf[static HWADDR_TEXT_MAX]) {
        (void) snprintf(buf, HWADDR_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
        return buf;
}
