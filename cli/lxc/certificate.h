/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what lists show of an X.509 certificate. Linking a crypto library would cost each start more than this. */
#pragma once

#include "text.h"

typedef struct Certificate {
        char *common_name;              /* of the subject; "" if it has none */
        int64_t not_before, not_after;  /* seconds since the epoch */
} Certificate;

void certificate_done(Certificate *c);

/* Decodes PEM text (from its BEGIN line to its END line) to DER. Returns 0 and bytes to be freed, or -EBADMSG. */
int pem_decode(const char *pem, unsigned char **ret, size_t *ret_size);

/* Reads a certificate in DER. Returns 0, or -EBADMSG. Trusts nothing: it only reads, signatures are not looked at. */
int certificate_parse(const unsigned char *der, size_t size, Certificate *ret);

/* The base64 text of bytes, on one line. */
char *base64_encode(const unsigned char *data, size_t size);
