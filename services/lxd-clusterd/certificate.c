/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 and passwords, all by OpenSSL. */
#include <stdio.h>
#include <sys/utsname.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/str.h"
#include "bus-error.h"
#include "certificate.h"
#include "log.h"

#define CERTIFICATE_TEXT_MAX (64 * 1024)
#define SALT_BYTES 32
#define HASH_BYTES 64

#define DEFINE_OPENSSL_CLEANUP(type, func)                                                                    \
        static inline void func##p(type **p) {                                                                \
                func(*p);                                                                                     \
        }
DEFINE_OPENSSL_CLEANUP(BIO, BIO_free_all)
DEFINE_OPENSSL_CLEANUP(X509, X509_free)
DEFINE_OPENSSL_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_OPENSSL_CLEANUP(X509_EXTENSION, X509_EXTENSION_free)

static X509 *read_pem(const char *text) {
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(text, -1);

        return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

static X509 *read_base64(const char *text) {
        size_t n = strlen(text);
        _cleanup_free_ unsigned char *der = malloc(n + 4);
        const unsigned char *p = der;
        int size;

        if (!der)
                return NULL;
        size = EVP_DecodeBlock(der, (const unsigned char *) text, (int) n);
        /* EVP_DecodeBlock() counts the padding as zero bytes; d2i ignores what follows the certificate. */
        return size > 0 ? d2i_X509(NULL, &p, size) : NULL;
}

static int bio_text(BIO *bio, char **ret) {
        char *data;
        long n = BIO_get_mem_data(bio, &data);
        char *copy = n > 0 ? strndup(data, (size_t) n) : NULL;

        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int write_pem(X509 *x, char **ret) {
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || !PEM_write_bio_X509(bio, x))
                return -ENOMEM;
        return bio_text(bio, ret);
}

/* The common name of the subject; empty when it has none. */
static int common_name(X509 *x, char **ret) {
        X509_NAME *subject = X509_get_subject_name(x);
        int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        unsigned char *text = NULL;
        int n, r;

        if (at < 0)
                return str_replace(ret, "");
        n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (n < 0)
                return str_replace(ret, "");
        r = str_replace(ret, strlen((const char *) text) == (size_t) n ? (const char *) text : "");
        OPENSSL_free(text);
        return r;
}

int certificate_parse(const char *text, char **ret_pem, char **ret_fingerprint, char **ret_name, sd_bus_error *error) {
        _cleanup_(X509_freep) X509 *x = NULL;
        _cleanup_free_ char *pem = NULL, *fingerprint = NULL, *name = NULL;
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        int r;

        if (strlen(text) > CERTIFICATE_TEXT_MAX)
                return bus_error_set(error, LXD_ERROR_INVALID, "Certificate is larger than %d bytes", CERTIFICATE_TEXT_MAX);
        x = strstr(text, "-----BEGIN") ? read_pem(text) : read_base64(text);
        if (!x)
                return bus_error_set(error, LXD_ERROR_INVALID,
                                     "Invalid certificate material: neither PEM nor base64 of an X.509 certificate");
        if (!X509_digest(x, EVP_sha256(), digest, &n))
                return bus_error_ensure(error, -EIO);
        r = hex_encode(digest, n, &fingerprint);
        if (r >= 0)
                r = write_pem(x, &pem);
        if (r >= 0)
                r = common_name(x, &name);
        if (r < 0)
                return bus_error_ensure(error, r);
        *ret_pem = TAKE_PTR(pem);
        *ret_name = TAKE_PTR(name);
        *ret_fingerprint = TAKE_PTR(fingerprint);
        return 0;
}

static int add_extension(X509 *x, int nid, const char *value) {
        _cleanup_(X509_EXTENSION_freep) X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        return e && X509_add_ext(x, e, -1) ? 0 : -EIO;
}

static int fill_certificate(X509 *x, EVP_PKEY *key) {
        _cleanup_free_ char *names = NULL, *common = NULL;
        X509_NAME *subject = X509_get_subject_name(x);
        struct utsname host;
        uint64_t serial;
        int r;

        if (uname(&host) < 0)
                return -errno;
        r = str_format(&common, "root@%.50s", host.nodename);
        if (r >= 0)
                r = str_format(&names, "DNS:%s,IP:127.0.0.1,IP:::1", host.nodename);
        if (r < 0)
                return r;
        if (RAND_bytes((unsigned char *) &serial, sizeof(serial)) != 1 || !X509_set_version(x, 2) ||
            !ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) ||
            !X509_gmtime_adj(X509_getm_notBefore(x), 0) ||
            !X509_gmtime_adj(X509_getm_notAfter(x), 3650L * 24 * 3600) || !X509_set_pubkey(x, key) ||
            !X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *) "linuxcontainers.org", -1, -1, 0) ||
            !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *) common, -1, -1, 0) ||
            !X509_set_issuer_name(x, subject))
                return -EIO;
        r = add_extension(x, NID_key_usage, "critical,digitalSignature,keyEncipherment");
        if (r >= 0)
                r = add_extension(x, NID_ext_key_usage, "serverAuth,clientAuth");
        if (r >= 0)
                r = add_extension(x, NID_basic_constraints, "critical,CA:FALSE");
        if (r >= 0)
                r = add_extension(x, NID_subject_alt_name, names);
        if (r >= 0 && !X509_sign(x, key, EVP_sha384()))
                r = -EIO;
        return r;
}

static int key_text(EVP_PKEY *key, char **ret) {
        _cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

        if (!bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
                return -ENOMEM;
        return bio_text(bio, ret);
}

int certificate_make_server(const char *dir) {
        _cleanup_free_ char *key_path = NULL, *path = NULL, *pem = NULL, *secret = NULL;
        _cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
        _cleanup_(X509_freep) X509 *x = NULL;
        int r;

        if (str_format(&key_path, "%s/server.key", dir) < 0 || str_format(&path, "%s/server.crt", dir) < 0)
                return -ENOMEM;
        if (access(key_path, F_OK) == 0 && access(path, F_OK) == 0)
                return 0;
        key = EVP_EC_gen("P-384");
        x = X509_new();
        if (!key || !x)
                return -EIO;
        r = fill_certificate(x, key);
        if (r >= 0)
                r = write_pem(x, &pem);
        if (r >= 0)
                r = key_text(key, &secret);
        /* The certificate is written last: it is what says that the pair is complete. */
        if (r >= 0)
                r = file_write_atomic(key_path, secret, strlen(secret), 0600);
        if (r >= 0)
                r = file_write_atomic(path, pem, strlen(pem), 0644);
        if (secret)
                OPENSSL_cleanse(secret, strlen(secret));
        return r;
}

static int scrypt_hex(const char *password, const unsigned char *salt, char **ret) {
        unsigned char hash[HASH_BYTES];

        if (!EVP_PBE_scrypt(password, strlen(password), salt, SALT_BYTES, 1 << 14, 8, 1, 64 << 20, hash, sizeof(hash)))
                return -EIO;
        return hex_encode(hash, sizeof(hash), ret);
}

int password_hash(const char *password, char **ret) {
        _cleanup_free_ char *salt_text = NULL, *hash = NULL;
        unsigned char salt[SALT_BYTES];
        int r;

        if (RAND_bytes(salt, sizeof(salt)) != 1)
                return -EIO;
        r = hex_encode(salt, sizeof(salt), &salt_text);
        if (r >= 0)
                r = scrypt_hex(password, salt, &hash);
        return r < 0 ? r : str_format(ret, "scrypt:%s:%s", salt_text, hash);
}

bool password_matches(const char *password, const char *hash) {
        _cleanup_free_ char *again = NULL;
        unsigned char salt[SALT_BYTES];
        const char *p = startswith(hash, "scrypt:"), *expected = p ? strchr(p, ':') : NULL;

        if (!expected || expected - p != 2 * SALT_BYTES || strlen(expected + 1) != 2 * HASH_BYTES)
                return false;
        for (size_t i = 0; i < SALT_BYTES; i++)
                if (sscanf(p + 2 * i, "%2hhx", salt + i) != 1)
                        return false;
        if (scrypt_hex(password, salt, &again) < 0)
                return false;
        return CRYPTO_memcmp(again, expected + 1, 2 * HASH_BYTES) == 0;
}
