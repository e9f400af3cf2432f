/* SPDX-License-Identifier: Apache-2.0 */
/* The template language: text and tags, interpreted as they are read. */
#include <ctype.h>

#include "base/str.h"
#include "template-value.h"

#define _cleanup_value_ _cleanup_(value_done)

typedef enum Stop {
        STOP_END,     /* of the text */
        STOP_ELIF,
        STOP_ELSE,
        STOP_ENDIF,
        STOP_ENDFOR,
        STOP_ENDAUTOESCAPE,
} Stop;

static const char *const stop_words[] = {
        [STOP_ELIF] = "elif", [STOP_ELSE] = "else", [STOP_ENDIF] = "endif", [STOP_ENDFOR] = "endfor",
        [STOP_ENDAUTOESCAPE] = "endautoescape",
};

static int emit(Interpreter *i, const char *text, size_t n) {
        if (n > TEMPLATE_OUTPUT_MAX - i->size)
                return interpreter_error(i, -E2BIG, "the result is too large");
        if (i->size + n + 1 > i->allocated) {
                size_t want = MAX(i->allocated * 2, i->size + n + 256);
                char *p = realloc(i->output, want);

                if (!p)
                        return -ENOMEM;
                i->output = p;
                i->allocated = want;
        }
        memcpy(i->output + i->size, text, n);
        i->size += n;
        return 0;
}

/* Opening "{{-" and "{%-": white space before goes. The cursor is behind the two signs. */
static void open_tag(Interpreter *i, bool active) {
        if (*i->at != '-' || isdigit((unsigned char) i->at[1]))
                return;
        i->at++;
        while (active && i->size > 0 && isspace((unsigned char) i->output[i->size - 1]))
                i->size--;
}

static int close_tag(Interpreter *i, const char *sign) {
        bool trim;

        skip_space(i);
        trim = i->at[0] == '-' && i->at[1] == sign[0];
        if (trim)
                i->at++;
        if (!take_sign(i, sign))
                return interpreter_error(i, -EINVAL, "\"%s\" was expected", sign);
        if (trim)
                skip_space(i);
        return 0;
}

static int run_block(Interpreter *i, bool active, Stop *ret_stop);

static int run_output(Interpreter *i, bool active) {
        _cleanup_value_ Value v = {};
        _cleanup_free_ char *text = NULL;
        int r;

        open_tag(i, active);
        r = evaluate(i, &v);
        if (r >= 0)
                r = close_tag(i, "}}");
        if (r >= 0 && active) {
                r = value_text(&v, &text);
                if (r >= 0)
                        r = emit(i, text, strlen(text));
        }
        return r;
}

/* Cursor behind "if". Conditions of branches that are not taken are read all the same: mistakes in them show. */
static int run_if(Interpreter *i, bool active) {
        bool done = false, last = false;
        Stop stop;

        for (;;) {
                bool take = !done;
                int r;

                if (!last) {
                        _cleanup_value_ Value v = {};

                        r = evaluate(i, &v);
                        if (r < 0)
                                return r;
                        take = !done && value_is_true(&v);
                }
                r = close_tag(i, "%}");
                if (r >= 0)
                        r = run_block(i, active && take, &stop);
                if (r < 0)
                        return r;
                done |= take;
                if (stop == STOP_ENDIF)
                        return close_tag(i, "%}");
                if (last || (stop != STOP_ELIF && stop != STOP_ELSE))
                        return interpreter_error(i, -EINVAL, "an \"if\" has no \"endif\"");
                last = stop == STOP_ELSE;
        }
}

static size_t map_length(const Value *v) {
        return v->type == VALUE_CONFIG && v->config ? v->config->n : v->type == VALUE_DEVICES && v->devices ? v->devices->n : 0;
}

/* The locals of one turn: key, and value if it is wanted. Keys and values are borrowed for as long as the turn lasts. */
static void set_locals(Interpreter *i, const Value *map, size_t turn, const char *names[2], const size_t lengths[2]) {
        Local *key = &i->locals[i->n_locals], *value = key + 1;

        *key = (Local) { .name = names[0], .n = lengths[0], .value.type = VALUE_STRING };
        *value = (Local) { .name = names[1], .n = lengths[1] };
        if (map->type == VALUE_CONFIG) {
                key->value.string = map->config->items[turn].key;
                value->value = (Value) { .type = VALUE_STRING, .string = map->config->items[turn].value };
        } else {
                key->value.string = map->devices->items[turn].name;
                value->value = (Value) { .type = VALUE_CONFIG, .config = &map->devices->items[turn].config };
        }
}

static int run_for_body(Interpreter *i, const Value *map, bool active, const char *names[2], const size_t lengths[2]) {
        const char *body = i->at;
        size_t turns = active ? map_length(map) : 0;
        Stop stop;
        int r = 0;

        if (i->n_locals + 2 > ELEMENTSOF(i->locals))
                return interpreter_error(i, -E2BIG, "nested too deep");
        /* At least once, to find the end. */
        for (size_t turn = 0; turn == 0 || turn < turns; turn++) {
                i->at = body;
                if (turns > 0) {
                        set_locals(i, map, turn, names, lengths);
                        i->n_locals += 2;
                }
                r = run_block(i, turns > 0, &stop);
                if (turns > 0)
                        i->n_locals -= 2;
                if (r < 0)
                        return r;
                if (stop != STOP_ENDFOR)
                        return interpreter_error(i, -EINVAL, "a \"for\" has no \"endfor\"");
        }
        return close_tag(i, "%}");
}

/* Cursor behind "for". */
static int run_for(Interpreter *i, bool active) {
        _cleanup_value_ Value map = {};
        const char *names[2] = { "", "" };
        size_t lengths[2] = {};
        int r;

        for (size_t k = 0; k < 2; k++) {
                skip_space(i);
                names[k] = i->at;
                lengths[k] = name_length(i->at);
                if (lengths[k] == 0)
                        return interpreter_error(i, -EINVAL, "a \"for\" needs a name");
                i->at += lengths[k];
                if (!take_sign(i, ","))
                        break;
        }
        if (!take_word(i, "in"))
                return interpreter_error(i, -EINVAL, "a \"for\" needs \"in\"");
        r = evaluate(i, &map);
        if (r >= 0)
                r = close_tag(i, "%}");
        return r < 0 ? r : run_for_body(i, &map, active, names, lengths);
}

static int run_autoescape(Interpreter *i, bool active) {
        Stop stop;
        int r;

        if (!take_word(i, "on") && !take_word(i, "off"))
                return interpreter_error(i, -EINVAL, "\"autoescape\" needs \"on\" or \"off\"");
        r = close_tag(i, "%}");
        if (r >= 0)
                r = run_block(i, active, &stop);
        if (r < 0)
                return r;
        return stop == STOP_ENDAUTOESCAPE ? close_tag(i, "%}")
                                          : interpreter_error(i, -EINVAL, "an \"autoescape\" has no \"endautoescape\"");
}

static int run_comment(Interpreter *i) {
        int r = close_tag(i, "%}");

        while (r >= 0) {
                const char *p = strstr(i->at, "{%");

                if (!p)
                        return interpreter_error(i, -EINVAL, "a \"comment\" has no \"endcomment\"");
                i->at = p + 2;
                if (*i->at == '-')
                        i->at++;
                if (take_word(i, "endcomment"))
                        return close_tag(i, "%}");
        }
        return r;
}

/* A tag behind "{%". 1: one that ends a block, with the cursor behind its word. */
static int run_tag(Interpreter *i, bool active, Stop *ret_stop) {
        int r;

        open_tag(i, active);
        for (Stop s = STOP_ELIF; s < ELEMENTSOF(stop_words); s++)
                if (take_word(i, stop_words[s])) {
                        *ret_stop = s;
                        return 1;
                }
        if (++i->depth > TEMPLATE_DEPTH_MAX)
                return interpreter_error(i, -E2BIG, "nested too deep");
        if (take_word(i, "if"))
                r = run_if(i, active);
        else if (take_word(i, "for"))
                r = run_for(i, active);
        else if (take_word(i, "autoescape"))
                r = run_autoescape(i, active);
        else if (take_word(i, "comment"))
                r = run_comment(i);
        else
                r = interpreter_error(i, -EINVAL, "there is no tag \"%.*s\"", (int) MIN(name_length(i->at), (size_t) 40), i->at);
        i->depth--;
        return r;
}

/* Up to the tag that ends this block, or the end of the text. With !active nothing is put out. */
static int run_block(Interpreter *i, bool active, Stop *ret_stop) {
        for (;;) {
                const char *start = i->at, *p = start;
                int r;

                while ((p = strchr(p, '{')) && p[1] != '{' && p[1] != '%' && p[1] != '#')
                        p++;
                i->at = p ?: start + strlen(start);
                r = active ? emit(i, start, (size_t) (i->at - start)) : 0;
                if (r >= 0)
                        r = interpreter_step(i);
                if (r < 0)
                        return r;
                if (!p) {
                        *ret_stop = STOP_END;
                        return 0;
                }
                i->at = p + 2;
                if (p[1] == '#') {
                        const char *end = strstr(i->at, "#}");

                        if (!end)
                                return interpreter_error(i, -EINVAL, "a comment does not end");
                        i->at = end + 2;
                } else if (p[1] == '{')
                        r = run_output(i, active);
                else
                        r = run_tag(i, active, ret_stop);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
}

int template_render(const char *text, const TemplateContext *context, char **ret, char **ret_message) {
        Interpreter i = { .context = context, .text = text, .at = text };
        Stop stop;
        int r;

        r = run_block(&i, true, &stop);
        if (r >= 0 && stop != STOP_END)
                r = interpreter_error(&i, -EINVAL, "\"%s\" has no beginning", stop_words[stop]);
        if (r >= 0)
                r = emit(&i, "", 1); /* the NUL */
        if (r < 0) {
                free(i.output);
                if (ret_message)
                        *ret_message = i.message;
                else
                        free(i.message);
                return r;
        }
        *ret = i.output;
        return 0;
}
