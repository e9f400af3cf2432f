/* SPDX-License-Identifier: Apache-2.0 */
/* The template language of images: the part of pongo2 that images use, over values that are all at hand. There is no function
 * that reads anything. Pure: no files, no processes. */
#pragma once

#include "keyvalue.h"

#define TEMPLATE_OUTPUT_MAX (1024 * 1024)
#define TEMPLATE_DEPTH_MAX 32       /* of nested tags and brackets */
#define TEMPLATE_STEPS_MAX 100000   /* tags and expressions, counted through loops */

typedef struct TemplateContext {
        const char *trigger;        /* "create", ... */
        const char *path;           /* of the file that is made */
        const Config *instance;     /* name, type, architecture, privileged, ephemeral: `instance.*` and `container.*` */
        const Config *config;       /* `config`, and config_get(key, default) */
        const Devices *devices;     /* `devices.NAME.KEY` */
        const Config *properties;   /* `properties.KEY` */
} TemplateContext;

/* Renders text:
 *   {{ EXPR }}  {# comment #}  {% if EXPR %} {% elif EXPR %} {% else %} {% endif %}  {% for k[, v] in MAP %} {% endfor %}
 *   {% comment %} {% endcomment %}  {% autoescape on|off %} {% endautoescape %} (nothing is ever escaped)
 * EXPR: strings, numbers, true, false, names with .part and ["part"], config_get("key"[, default]), ==, !=, <, >, <=, >=, in, not, and,
 * or, brackets, and the filters default, default_if_none, safe, lower, upper, capfirst, length, trim, escape.
 * Unknown names are empty. A dash beside the brackets of a tag takes away the white space on that side.
 * 0 and fresh text in *ret; -EINVAL, -E2BIG with "line N: ..." in *ret_message; -ENOMEM. */
int template_render(const char *text, const TemplateContext *context, char **ret, char **ret_message);
