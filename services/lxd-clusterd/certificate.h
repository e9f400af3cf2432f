/* SPDX-License-Identifier: Apache-2.0 */
/* X.509: reading what clients hand in, fingerprints, and the server's own key and certificate. */
#pragma once

#include <stdbool.h>

#include <systemd/sd-bus.h>

/* text: PEM, or base64 of DER (as REST sends it). *ret_pem, *ret_fingerprint (SHA-256 of the DER, hex) and *ret_name (the subject's common
 * name, "" without one) are the caller's. 0; -EINVAL with error set when it is no certificate. */
int certificate_parse(const char *text, char **ret_pem, char **ret_fingerprint, char **ret_name, sd_bus_error *error);
/* Makes <dir>/server.key (0600) and <dir>/server.crt (0644), an EC P-384 key and a self-signed certificate for ten years in the name of this host,
 * unless both are there. 0, -errno. */
int certificate_make_server(const char *dir);
/* scrypt hash of a password as "scrypt:<salt>:<hash>" in hex. 0, -errno. */
int password_hash(const char *password, char **ret);
/* True when the password has this hash (constant time). */
bool password_matches(const char *password, const char *hash);
