/* SPDX-License-Identifier: Apache-2.0 */
/* Strings: parsing numbers and sizes strictly, checking names, joining. Needs libc only. */
#pragma once

#include <stdarg.h>

#include "base/cleanup.h"

/* printf into fresh memory. Returns 0, -ENOMEM. *ret is freed by the caller. */
int str_format(char **ret, const char *format, ...) printf_like(2, 3);
int str_vformat(char **ret, const char *format, va_list ap) printf_like(2, 0);
/* strdup() that accepts NULL (gives NULL) and replaces *p, freeing the old value. Returns 0, -ENOMEM. */
int str_replace(char **p, const char *s);

/* Strict decimal parsers: the whole string, no sign for the unsigned ones, no spaces. 0, -EINVAL, -ERANGE. */
int parse_u64(const char *s, uint64_t *ret);
int parse_u32(const char *s, uint32_t *ret);
int parse_i64(const char *s, int64_t *ret);
/* Octal mode ("0644", "644"). 0, -EINVAL, -ERANGE (above 07777). */
int parse_mode(const char *s, unsigned *ret);
/* LXD's booleans: true/1/yes/on, false/0/no/off/"" in any case. 0, -EINVAL. */
int parse_bool(const char *s, bool *ret);
/* True when s is one of LXD's words for true; everything else, NULL included, is false. */
bool str_is_true(const char *s);
/* Bytes with LXD's suffixes: none, B, kB MB GB TB PB EB (1000), KiB MiB ... (1024). 0, -EINVAL, -ERANGE. */
int parse_size(const char *s, uint64_t *ret);
/* Time spans "30", "5s", "10m", "2H", "3d", "1w" as LXD's expiry uses: M/H/d/w/m/y; 0, -EINVAL. Adds the span to `from` (µs). */
int parse_expiry(const char *s, uint64_t from, uint64_t *ret);

/* A DNS label as LXD wants for instances: 1 to 63 of [a-zA-Z0-9-], begins with a letter, no dash at the end. */
bool instance_name_is_valid(const char *s);
/* Names of profiles, pools, volumes, networks and the like: 1 to 63 bytes, no '/', no control character, no space, not "." or "..". */
bool object_name_is_valid(const char *s);
/* Linux interface name: 2 to 15 of [a-zA-Z0-9_.-], not "." or "..". */
bool interface_name_is_valid(const char *s);
/* Snapshot names: 1 to 255 bytes, no '/', no space, no control character, not "." or "..". */
bool snapshot_name_is_valid(const char *s);
/* Valid UTF-8 without NUL, and no control character (LF and TAB allowed when multiline). */
bool text_is_valid(const char *s, bool multiline);
/* An absolute path to something below "/", without "..", that text_is_valid() takes. */
bool path_is_valid(const char *s);

/* Lower case hex of n bytes; *ret is 2n+1 bytes of fresh memory. 0, -ENOMEM. */
int hex_encode(const void *data, size_t n, char **ret);
/* True if s is exactly n lower case hex digits. */
bool hex_is_valid(const char *s, size_t n);
/* Random hex string of n bytes (2n digits) from the kernel. 0, -errno. */
int random_hex(size_t n, char **ret);
/* Percent-encodes everything but unreserved characters (for URLs of names). 0, -ENOMEM. */
int url_encode(const char *s, char **ret);

/* NULL-terminated string vectors. All functions accept NULL as the empty vector. */
typedef char **Strv;
Strv strv_free(Strv v);
static inline void strv_freep(Strv *v) {
        *v = strv_free(*v);
}
#define _cleanup_strv_free_ _cleanup_(strv_freep)
#define STRV_FOREACH(s, v) for (char **s = (char **) (v); s && *s; s++)
size_t strv_length(char *const *v);
bool strv_contains(char *const *v, const char *s);
/* Appends a copy of s. 0, -ENOMEM (vector unchanged). */
int strv_extend(Strv *v, const char *s);
/* 0, -ENOMEM. */
int strv_copy(char *const *v, Strv *ret);
bool strv_equal(char *const *a, char *const *b);
/* Splits at every separator character; empty fields are dropped; spaces around fields are trimmed. 0, -ENOMEM. */
int strv_split(const char *s, const char *separators, Strv *ret);
/* 0, -ENOMEM. */
int strv_join(char *const *v, const char *separator, char **ret);
