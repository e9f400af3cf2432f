/* SPDX-License-Identifier: Apache-2.0 */
/* Questions and answers. */

#include <stdio.h>
#include <termios.h>

#include "base/str.h"
#include "fail.h"
#include "questions.h"

static int read_answer(const char *question, const char *fallback, char **ret) {
        _cleanup_free_ char *line = NULL;
        size_t allocated = 0;
        ssize_t n;

        if (fallback)
                printf("%s [default=%s]: ", question, fallback);
        else
                printf("%s: ", question);
        fflush(stdout);

        n = getline(&line, &allocated, stdin);
        if (n < 0)
                return fail(-ENODATA, "The input ended before all questions were answered; nothing was changed");
        while (n > 0 && strchr("\r\n \t", line[n - 1]))
                line[--n] = 0;
        *ret = n == 0 && fallback ? xstrdup(fallback) : TAKE_PTR(line);
        return 0;
}

int ask_bool(const char *question, bool fallback, bool *ret) {
        _cleanup_free_ char *text = xformat("%s (yes/no)", question);

        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int r;

                r = read_answer(text, fallback ? "yes" : "no", &answer);
                if (r < 0)
                        return r;
                if (strcasecmp(answer, "yes") == 0 || strcasecmp(answer, "y") == 0) {
                        *ret = true;
                        return 0;
                }
                if (strcasecmp(answer, "no") == 0 || strcasecmp(answer, "n") == 0) {
                        *ret = false;
                        return 0;
                }
                fprintf(stderr, "Invalid input, try again.\n\n");
        }
}

int ask_string(const char *question, const char *fallback, bool (*check)(const char *answer), char **ret) {
        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int r;

                r = read_answer(question, fallback, &answer);
                if (r < 0)
                        return r;
                if (*answer && (!check || check(answer))) {
                        *ret = TAKE_PTR(answer);
                        return 0;
                }
                fprintf(stderr, "Invalid input, try again.\n\n");
        }
}

int ask_choice(const char *question, const char *const *choices, const char *fallback, char **ret) {
        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int r;

                r = read_answer(question, fallback, &answer);
                if (r < 0)
                        return r;
                for (const char *const *c = choices; *c; c++)
                        if (streq(*c, answer)) {
                                *ret = TAKE_PTR(answer);
                                return 0;
                        }
                fprintf(stderr, "Invalid input, try again.\n\n");
        }
}

int ask_integer(const char *question, int64_t min, int64_t max, int64_t fallback, int64_t *ret) {
        _cleanup_free_ char *text = xformat("%" PRIi64, fallback);

        for (;;) {
                _cleanup_free_ char *answer = NULL;
                int64_t value;
                int r;

                r = read_answer(question, text, &answer);
                if (r < 0)
                        return r;
                if (parse_i64(answer, &value) >= 0 && value >= min && value <= max) {
                        *ret = value;
                        return 0;
                }
                fprintf(stderr, "Invalid input: a number from %" PRIi64 " to %" PRIi64 " is asked for.\n\n", min, max);
        }
}

static int read_silently(const char *question, char **ret) {
        struct termios saved, quiet;
        bool terminal = tcgetattr(STDIN_FILENO, &saved) >= 0;
        int r;

        if (terminal) {
                quiet = saved;
                quiet.c_lflag &= (tcflag_t) ~ECHO;
                (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
        }
        r = read_answer(question, NULL, ret);
        if (terminal) {
                (void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
                putchar('\n');
        }
        return r;
}

int ask_password(const char *question, char **ret) {
        for (;;) {
                _cleanup_free_ char *first = NULL, *second = NULL;
                int r;

                r = read_silently(question, &first);
                if (r >= 0)
                        r = read_silently("Again", &second);
                if (r < 0)
                        return r;
                if (*first && streq(first, second)) {
                        *ret = TAKE_PTR(first);
                        return 0;
                }
                fprintf(stderr, "Invalid input, try again.\n\n");
        }
}
