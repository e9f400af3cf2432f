/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the certificate reader: one made by openssl, and every way to cut or change it. */

#include "test.h"

#include "certificate.h"

/* openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -days 3650 -subj "/O=x/CN=tester" */
static const char pem[] =
        "-----BEGIN CERTIFICATE-----\n"
        "MIIBjjCCATWgAwIBAgIUcBxy8zfBJ0fOzRCrO7htQTz9k/4wCgYIKoZIzj0EAwIw\n"
        "HTEKMAgGA1UECgwBeDEPMA0GA1UEAwwGdGVzdGVyMB4XDTI2MTEyMTIyNTUwNFoX\n"
        "DTM2MTExODIyNTUwNFowHTEKMAgGA1UECgwBeDEPMA0GA1UEAwwGdGVzdGVyMFkw\n"
        "EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEI7wMTZl/SFwAllVz/e5OXWDd6Yu1wkrV\n"
        "pN315d7V3jMUpYFG22YLbf+wPNacm9Ri1XO36YdnmxNXlVLQwOeSl6NTMFEwHQYD\n"
        "VR0OBBYEFAaZQHChc+AnsDStt3JF/vkBheJXMB8GA1UdIwQYMBaAFAaZQHChc+An\n"
        "sDStt3JF/vkBheJXMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg\n"
        "eN5sytPPXrIttKa6RRWZ1qAMPA0Hg1TiR0UtqKg/eh4CIANLiSpyTYYkykWHUR35\n"
        "3GOxtG0QhpRYm5jnP+2a5ICq\n"
        "-----END CERTIFICATE-----\n";

static void test_parse(void **state) {
        _cleanup_(certificate_done) Certificate c = {};
        _cleanup_free_ unsigned char *der = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(pem_decode(pem, &der, &size), 0);
        assert_int_equal(certificate_parse(der, size, &c), 0);
        assert_string_equal(c.common_name, "tester");
        assert_int_equal(c.not_after - c.not_before, 3650 * 86400);
        text = base64_encode(der, size);
        assert_int_equal(strlen(text), (size + 2) / 3 * 4);
}

static void test_broken(void **state) {
        _cleanup_free_ unsigned char *der = NULL;
        size_t size;

        assert_int_equal(pem_decode(pem, &der, &size), 0);
        for (size_t n = 0; n < size; n++) {
                _cleanup_free_ unsigned char *cut = malloc(n ?: 1);
                Certificate c = {};

                memcpy(cut, der, n);
                assert_int_equal(certificate_parse(cut, n, &c), -EBADMSG);
        }
        for (size_t i = 0; i < size; i++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        Certificate c = {};

                        der[i] ^= (unsigned char) (1U << bit);
                        if (certificate_parse(der, size, &c) >= 0)
                                certificate_done(&c);
                        der[i] ^= (unsigned char) (1U << bit);
                }
}

static void test_pem(void **state) {
        unsigned char *der = NULL;
        size_t size;

        assert_int_equal(pem_decode("", &der, &size), -EBADMSG);
        assert_int_equal(pem_decode("-----BEGIN CERTIFICATE-----\nAAAA", &der, &size), -EBADMSG);
        assert_int_equal(pem_decode("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", &der, &size), -EBADMSG);
        assert_int_equal(pem_decode("-----BEGIN CERTIFICATE-----\nA!AA\n-----END CERTIFICATE-----\n", &der, &size), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_broken),
                cmocka_unit_test(test_pem),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
