/* SPDX-License-Identifier: Apache-2.0 */
/* The filter= language: words, then clauses, then their evaluation from left to right. */

#include <ctype.h>
#include <regex.h>

#include "bus-error.h"
#include "filter.h"

#define PLUS_MAX 8U
#define REPEATS_MAX 16U
#define BRANCHES_MAX 64U
#define DEPTH_MAX 16U

typedef struct FilterClause {
        bool any;     /* joined to what is left of it by "or" instead of "and" */
        bool negate;
        bool unequal; /* ne */
        bool is_regex;
        char *field;
        char *value;
        regex_t regex;
} FilterClause;

struct Filter {
        size_t n;
        FilterClause clauses[FILTER_CLAUSES_MAX];
};

Filter *filter_free(Filter *f) {
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n; i++) {
                free(f->clauses[i].field);
                free(f->clauses[i].value);
                if (f->clauses[i].is_regex)
                        regfree(&f->clauses[i].regex);
        }
        free(f);
        return NULL;
}

static int refuse(sd_bus_error *error, const char *reason) {
        (void) sd_bus_error_setf(error, LXD_ERROR_INVALID, "Invalid filter: %s", reason);
        return -EINVAL;
}

/* The next word, without its quotes; \" inside of quotes is a quote. 1 a word, 0 the end, -EINVAL, -ENOMEM. A quoted word is never an operator. */
static int next_word(const char **p, char **ret, bool *ret_quoted, sd_bus_error *error) {
        _cleanup_free_ char *word = NULL;
        const char *s = *p;
        size_t n = 0;
        bool quoted = false, inside = false;

        while (isspace((unsigned char) *s))
                s++;
        if (!*s)
                return 0;

        word = malloc(strlen(s) + 1);
        if (!word)
                return -ENOMEM;
        for (; *s && (inside || !isspace((unsigned char) *s)); s++) {
                if (*s == '"') {
                        inside = !inside;
                        quoted = true;
                } else {
                        if (inside && *s == '\\' && s[1] == '"')
                                s++;
                        word[n++] = *s;
                }
        }
        if (inside)
                return refuse(error, "quote is not closed");

        word[n] = '\0';
        *p = s;
        *ret = TAKE_PTR(word);
        *ret_quoted = quoted;
        return 1;
}

/* ---- which values are regular expressions ---- */

/* glibc compiles some expressions in years, or with gigabytes: repetition counts, back references, "+" that are nested (each doubles what it
 * stands behind), and any repetition of what can be empty. Values with these stay plain text, as what is no expression at all. */
typedef struct Scan {
        const char *at;
        unsigned depth, plus, repeats, branches;
} Scan;

static bool scan_branches(Scan *s, bool *ret_empty);

/* Behind "[". The end of the class is the first "]", but for one that is its first member, and those of [:alpha:] and its like. */
static bool scan_class(Scan *s) {
        s->at += *s->at == '^';
        s->at += *s->at == ']';
        for (; *s->at && *s->at != ']'; s->at++)
                if (s->at[0] == '[' && s->at[1] && strchr(":.=", s->at[1])) {
                        const char end[] = { s->at[1], ']', '\0' };

                        s->at = strstr(s->at + 2, end);
                        if (!s->at)
                                return false;
                        s->at++;
                }
        return *s->at && s->at++;
}

/* One character, class or group; *ret_empty: it can match nothing. */
static bool scan_atom(Scan *s, bool *ret_empty) {
        char c = *s->at++;

        *ret_empty = c == '^' || c == '$';
        switch (c) {
        case '*':
        case '+':
        case '?':
        case '{':
                return false;
        case '[':
                return scan_class(s);
        case '\\':
                return *s->at && !isdigit((unsigned char) *s->at) && s->at++;
        case '(':
                if (++s->depth > DEPTH_MAX || !scan_branches(s, ret_empty) || *s->at != ')')
                        return false;
                s->depth--;
                s->at++;
                return true;
        default:
                return true;
        }
}

static bool scan_branch(Scan *s, bool *ret_empty) {
        *ret_empty = true;
        while (*s->at && !strchr("|)", *s->at)) {
                bool empty;

                if (!scan_atom(s, &empty))
                        return false;
                if (*s->at && strchr("*+?", *s->at)) {
                        s->plus += *s->at == '+';
                        if (empty || ++s->repeats > REPEATS_MAX || s->plus > PLUS_MAX)
                                return false;
                        empty = *s->at++ != '+';
                }
                *ret_empty = *ret_empty && empty;
        }
        return ++s->branches <= BRANCHES_MAX;
}

static bool scan_branches(Scan *s, bool *ret_empty) {
        bool empty;

        if (!scan_branch(s, ret_empty))
                return false;
        while (*s->at == '|') {
                s->at++;
                if (!scan_branch(s, &empty))
                        return false;
                *ret_empty = *ret_empty || empty;
        }
        return true;
}

static bool may_be_regex(const char *value) {
        Scan s = { value };
        bool empty;

        return strpbrk(value, "^$.*+?()[]|\\") && scan_branches(&s, &empty) && !*s.at;
}

/* ---- clauses ---- */

static int clause_compile(FilterClause *c) {
        _cleanup_free_ char *anchored = NULL;
        const char *pattern = c->value;

        if (!may_be_regex(c->value))
                return 0;
        if (!strpbrk(pattern, "^$")) {
                if (asprintf(&anchored, "^(%s)$", pattern) < 0) {
                        anchored = NULL;
                        return -ENOMEM;
                }
                pattern = anchored;
        }

        /* What is no regular expression is text: names may hold such characters. */
        c->is_regex = regcomp(&c->regex, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0;
        return 0;
}

/* One of the words of a clause; the clause ends too early without it. */
static int need_word(const char **p, const char *missing, char **ret, bool *ret_quoted, sd_bus_error *error) {
        int r = next_word(p, ret, ret_quoted, error);

        return r == 0 ? refuse(error, missing) : r;
}

/* [not] FIELD eq|ne VALUE; `first` is its first word, ours from here on. */
static int parse_clause(const char **p, FilterClause *c, char *first, bool quoted, sd_bus_error *error) {
        _cleanup_free_ char *operator = NULL;
        bool ignored;
        int r;

        c->field = first;
        if (!quoted && strcasecmp(c->field, "not") == 0) {
                c->negate = true;
                free(c->field);
                c->field = NULL;
                r = need_word(p, "incomplete not clause", &c->field, &ignored, error);
                if (r < 0)
                        return r;
        }

        r = need_word(p, "clause has no operator", &operator, &ignored, error);
        if (r < 0)
                return r;
        c->unequal = strcasecmp(operator, "ne") == 0;
        if (!c->unequal && strcasecmp(operator, "eq") != 0) {
                (void) sd_bus_error_setf(error, LXD_ERROR_INVALID,
                                         "Invalid filter: unknown operator \"%.64s\" (use eq or ne)", operator);
                return -EINVAL;
        }

        r = need_word(p, "clause has no value", &c->value, &ignored, error);
        return r < 0 ? r : clause_compile(c);
}

static int filter_parse_clauses(Filter *f, const char *p, sd_bus_error *error) {
        for (;;) {
                _cleanup_free_ char *word = NULL;
                bool quoted, any = false;
                int r = next_word(&p, &word, &quoted, error);

                if (r <= 0)
                        return r;
                if (f->n > 0) {
                        any = strcasecmp(word, "or") == 0;
                        if (quoted || (!any && strcasecmp(word, "and") != 0))
                                return refuse(error, "invalid clause composition");
                        free(word);
                        word = NULL;
                        r = need_word(&p, "unterminated compound clause", &word, &quoted, error);
                        if (r < 0)
                                return r;
                }
                if (f->n >= FILTER_CLAUSES_MAX)
                        return refuse(error, "too many clauses");

                f->clauses[f->n].any = any;
                r = parse_clause(&p, &f->clauses[f->n++], TAKE_PTR(word), quoted, error);
                if (r < 0)
                        return r;
        }
}

int filter_parse(const char *text, Filter **ret, sd_bus_error *error) {
        _cleanup_(filter_freep) Filter *f = NULL;
        int r;

        if (strlen(text) > FILTER_SIZE_MAX)
                return refuse(error, "expression is too long");

        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        r = filter_parse_clauses(f, text, error);
        if (r < 0)
                return r;

        *ret = f->n > 0 ? TAKE_PTR(f) : NULL;
        return 0;
}

static bool clause_match(const FilterClause *c, filter_value_t value, void *userdata) {
        char buffer[256];
        const char *v = value(c->field, buffer, sizeof(buffer), userdata);
        bool equal = v && (strcasecmp(v, c->value) == 0 || (c->is_regex && regexec(&c->regex, v, 0, NULL, 0) == 0));

        return (equal != c->unequal) != c->negate;
}

bool filter_match(const Filter *f, filter_value_t value, void *userdata) {
        bool match = true;

        for (size_t i = 0; f && i < f->n; i++) {
                const FilterClause *c = &f->clauses[i];

                /* Nothing right of it can matter before the other kind of join comes. */
                if (i > 0 && c->any == match)
                        continue;
                match = clause_match(c, value, userdata);
        }
        return match;
}

bool filter_uses(const Filter *f, const char *field) {
        size_t n = strlen(field);

        for (size_t i = 0; f && i < f->n; i++) {
                const char *s = f->clauses[i].field;

                if (strncasecmp(s, field, n) == 0 && (s[n] == '\0' || s[n] == '.'))
                        return true;
        }
        return false;
}
