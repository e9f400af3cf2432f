/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and text for the command line tools. A tool that runs out of memory has nothing to save: these
 * print "Out of memory" and exit with status 1 instead of returning an error. */
#pragma once

#include <stdarg.h>
#include <sys/types.h>

#include "base/cleanup.h"

/* Like realloc() and strdup(); xstrdup(NULL) is NULL. Never return NULL for a request of memory. */
void *xrealloc(void *p, size_t n);
void *xcalloc(size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);

/* printf into fresh memory, freed by the caller. */
char *xformat(const char *format, ...) printf_like(1, 2);
char *xvformat(const char *format, va_list ap) printf_like(1, 0);

/* Bytes that grow. A zeroed Buffer is empty; data has a NUL behind its last byte once something was appended. */
typedef struct Buffer {
        char *data;
        size_t size, allocated;
} Buffer;

void buffer_done(Buffer *b);
void buffer_append(Buffer *b, const void *data, size_t n);
void buffer_puts(Buffer *b, const char *s);
void buffer_putc(Buffer *b, char c);
void buffer_printf(Buffer *b, const char *format, ...) printf_like(2, 3);
void buffer_vprintf(Buffer *b, const char *format, va_list ap) printf_like(2, 0);
/* Makes room for n more bytes and returns where they go; the caller adds what it wrote to size. */
char *buffer_reserve(Buffer *b, size_t n);
/* Forgets the first n bytes. */
void buffer_consume(Buffer *b, size_t n);
#define _cleanup_buffer_ _cleanup_(buffer_done)

/* Lists of strings, NULL terminated, that own their strings. NULL is the empty list. */
void list_append(char ***list, char *s);
size_t list_length(char *const *list);
bool list_contains(char *const *list, const char *s);
/* Splits at each separator; empty pieces are kept. "" gives one empty piece. */
char **list_split(const char *s, char separator);
/* The other way round. "" for the empty list. */
char *list_join(char *const *list, const char *separator);
void list_free(char **list);
static inline void list_freep(char ***list) {
        list_free(*list);
}
#define _cleanup_list_ _cleanup_(list_freep)

/* 1024-based sizes as LXD prints them: "128.00MiB", "12B". */
char *format_bytes(int64_t bytes, unsigned precision);

/* 1000-based: "1.17GB", "12B". */
char *format_bytes_decimal(int64_t bytes, unsigned precision);

/* Columns a terminal needs for UTF-8 text (or for its first n bytes). Bytes that are not UTF-8 count 1 each. */
size_t text_width(const char *s, size_t n);
