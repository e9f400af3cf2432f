/* SPDX-License-Identifier: Apache-2.0 */
/* The values of the template language and its expressions. Internal to template*.c. */
#pragma once

#include "template.h"

typedef enum ValueType {
        VALUE_NONE,     /* an unknown name: empty and false */
        VALUE_STRING,
        VALUE_NUMBER,
        VALUE_BOOL,
        VALUE_CONFIG,   /* borrowed */
        VALUE_DEVICES,  /* borrowed */
} ValueType;

typedef struct Value {
        ValueType type;
        char *string;   /* owned */
        int64_t number; /* and bool */
        const Config *config;
        const Devices *devices;
} Value;

void value_done(Value *v);
bool value_is_true(const Value *v);
/* As text into fresh memory. 0, -ENOMEM. */
int value_text(const Value *v, char **ret);

typedef struct Local {
        const char *name;
        size_t n;
        Value value;
} Local;

/* Where evaluation stands, and what it may see. */
typedef struct Interpreter {
        const TemplateContext *context;
        const char *text, *at;       /* the whole and the cursor */
        char *output;
        size_t size, allocated;
        Local locals[2 * TEMPLATE_DEPTH_MAX];
        size_t n_locals;
        unsigned depth, steps;
        char *message;               /* of the error */
} Interpreter;

/* Notes the error with the line of the cursor and returns r. Only the first is kept. */
int interpreter_error(Interpreter *i, int r, const char *format, ...) printf_like(3, 4);
/* Counts a step. 0, -E2BIG. */
int interpreter_step(Interpreter *i);
void skip_space(Interpreter *i);
/* Takes the word (a name) at the cursor if it is `word`. */
bool take_word(Interpreter *i, const char *word);
/* Takes the sign (punctuation) at the cursor if it is there. */
bool take_sign(Interpreter *i, const char *sign);
/* The name at the cursor: its length, 0 if there is none. */
size_t name_length(const char *at);
/* Evaluates the expression at the cursor. 0, -EINVAL, -E2BIG, -ENOMEM. */
int evaluate(Interpreter *i, Value *ret);
