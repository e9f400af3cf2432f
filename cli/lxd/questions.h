/* SPDX-License-Identifier: Apache-2.0 */
/* Asks people on the terminal. */
#pragma once

#include "text.h"

/* Each prints the question (with its default in brackets) and reads lines until one is acceptable; an empty one is the
 * default. At the end of input they give up: -ENODATA with fail() set. */
int ask_bool(const char *question, bool fallback, bool *ret);

/* 'fallback' NULL: an answer is needed. 'check' (may be NULL) prints what is wrong and returns false. */
int ask_string(const char *question, const char *fallback, bool (*check)(const char *answer), char **ret);

/* One of a NULL terminated list. */
int ask_choice(const char *question, const char *const *choices, const char *fallback, char **ret);
int ask_integer(const char *question, int64_t min, int64_t max, int64_t fallback, int64_t *ret);

/* Twice, without echo, until both are the same. */
int ask_password(const char *question, char **ret);
