/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of just enough DER for common name and dates. */

#include <time.h>

#include "certificate.h"

enum {
        DER_STRING_OID = 0x06, DER_UTC_TIME = 0x17, DER_GENERALIZED_TIME = 0x18, DER_SEQUENCE = 0x30, DER_SET = 0x31,
        DER_VERSION = 0xa0,
};

/* One element: its tag, and its content. */
typedef struct Der {
        const unsigned char *data;
        size_t size;
} Der;

/* Takes the next element off 'in'. */
static int der_next(Der *in, unsigned *ret_tag, Der *ret) {
        const unsigned char *p = in->data;
        size_t left = in->size, n, bytes;

        if (left < 2)
                return -EBADMSG;
        *ret_tag = p[0];
        n = p[1];
        p += 2;
        left -= 2;

        if (n & 0x80) {
                bytes = n & 0x7f;
                if (bytes == 0 || bytes > 4 || bytes > left)
                        return -EBADMSG;
                for (n = 0; bytes > 0; bytes--, left--)
                        n = n << 8 | *p++;
        }
        if (n > left)
                return -EBADMSG;

        *ret = (Der) { p, n };
        *in = (Der) { p + n, left - n };
        return 0;
}

static int der_expect(Der *in, unsigned tag, Der *ret) {
        unsigned found;
        int r;

        r = der_next(in, &found, ret);
        return r < 0 ? r : found == tag ? 0 : -EBADMSG;
}

static int der_skip(Der *in) {
        unsigned tag;
        Der ignored;

        return der_next(in, &tag, &ignored);
}

static int digits(const unsigned char *p, size_t n, int *ret) {
        int value = 0;

        for (; n > 0; n--, p++) {
                if (*p < '0' || *p > '9')
                        return -EBADMSG;
                value = value * 10 + (*p - '0');
        }
        *ret = value;
        return 0;
}

/* "YYMMDDhhmmssZ" or "YYYYMMDDhhmmssZ" */
static int parse_time(unsigned tag, Der d, int64_t *ret) {
        size_t year = tag == DER_GENERALIZED_TIME ? 4 : 2;
        int v[6];
        struct tm tm = {};

        if ((tag != DER_GENERALIZED_TIME && tag != DER_UTC_TIME) || d.size != year + 11 || d.data[year + 10] != 'Z')
                return -EBADMSG;
        if (digits(d.data, year, &v[0]) < 0)
                return -EBADMSG;
        for (size_t i = 0; i < 5; i++)
                if (digits(d.data + year + i * 2, 2, &v[i + 1]) < 0)
                        return -EBADMSG;

        tm.tm_year = year == 4 ? v[0] - 1900 : v[0] + (v[0] < 50 ? 100 : 0);
        tm.tm_mon = v[1] - 1;
        tm.tm_mday = v[2];
        tm.tm_hour = v[3];
        tm.tm_min = v[4];
        tm.tm_sec = v[5];
        *ret = (int64_t) timegm(&tm);
        return 0;
}

static int parse_validity(Der d, Certificate *c) {
        unsigned tag;
        Der time;
        int r;

        r = der_next(&d, &tag, &time);
        if (r >= 0)
                r = parse_time(tag, time, &c->not_before);
        if (r >= 0)
                r = der_next(&d, &tag, &time);
        if (r >= 0)
                r = parse_time(tag, time, &c->not_after);
        return r;
}

/* A name is a sequence of sets of pairs (attribute, value); id-at-commonName is 2.5.4.3. */
static int parse_subject(Der d, Certificate *c) {
        while (d.size > 0) {
                Der set, pair, oid, value;
                unsigned tag;
                int r;

                r = der_expect(&d, DER_SET, &set);
                if (r >= 0)
                        r = der_expect(&set, DER_SEQUENCE, &pair);
                if (r >= 0)
                        r = der_expect(&pair, DER_STRING_OID, &oid);
                if (r >= 0)
                        r = der_next(&pair, &tag, &value);
                if (r < 0)
                        return r;
                if (oid.size == 3 && memcmp(oid.data, "\x55\x04\x03", 3) == 0 && !c->common_name &&
                    !memchr(value.data, 0, value.size))
                        c->common_name = xstrndup((const char*) value.data, value.size);
        }
        return 0;
}

void certificate_done(Certificate *c) {
        free(c->common_name);
        *c = (Certificate) {};
}

int certificate_parse(const unsigned char *der, size_t size, Certificate *ret) {
        _cleanup_(certificate_done) Certificate c = {};
        Der d = { der, size }, certificate, body, part;
        int r;

        r = der_expect(&d, DER_SEQUENCE, &certificate);
        if (r >= 0)
                r = der_expect(&certificate, DER_SEQUENCE, &body);
        if (r >= 0 && body.size > 0 && body.data[0] == DER_VERSION)
                r = der_skip(&body);
        for (int i = 0; i < 3 && r >= 0; i++)           /* serial number, algorithm, issuer */
                r = der_skip(&body);
        if (r >= 0)
                r = der_expect(&body, DER_SEQUENCE, &part);
        if (r >= 0)
                r = parse_validity(part, &c);
        if (r >= 0)
                r = der_expect(&body, DER_SEQUENCE, &part);
        if (r >= 0)
                r = parse_subject(part, &c);
        if (r < 0)
                return r;

        if (!c.common_name)
                c.common_name = xstrdup("");
        *ret = c;
        c = (Certificate) {};
        return 0;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int pem_decode(const char *pem, unsigned char **ret, size_t *ret_size) {
        static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
        const char *p = strstr(pem, begin), *stop = p ? strstr(p, end) : NULL;
        _cleanup_buffer_ Buffer out = {};
        unsigned bits = 0, value = 0;

        if (!stop)
                return -EBADMSG;
        for (p += strlen(begin); p < stop && *p != '='; p++) {
                const char *place = strchr(alphabet, *p);

                if (strchr(" \t\r\n", *p))
                        continue;
                if (!place)
                        return -EBADMSG;
                value = value << 6 | (unsigned) (place - alphabet);
                bits += 6;
                if (bits >= 8) {
                        bits -= 8;
                        buffer_putc(&out, (char) (value >> bits & 0xff));
                }
        }
        if (out.size == 0)
                return -EBADMSG;

        *ret_size = out.size;
        *ret = (unsigned char*) TAKE_PTR(out.data);
        return 0;
}

char *base64_encode(const unsigned char *data, size_t size) {
        Buffer out = {};

        buffer_puts(&out, "");
        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN(size - i, (size_t) 3);
                unsigned v = (unsigned) data[i] << 16 | (n > 1 ? (unsigned) data[i + 1] << 8 : 0) | (n > 2 ? data[i + 2] : 0);

                buffer_putc(&out, alphabet[v >> 18]);
                buffer_putc(&out, alphabet[v >> 12 & 63]);
                buffer_putc(&out, n > 1 ? alphabet[v >> 6 & 63] : '=');
                buffer_putc(&out, n > 2 ? alphabet[v & 63] : '=');
        }
        return out.data;
}
