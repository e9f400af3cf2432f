/* SPDX-License-Identifier: Apache-2.0 */
/* lxc alias, and what an alias stands for. */

#include <stdio.h>

#include "alias.h"
#include "lxc.h"
#include "settings.h"

static char *arg_format = NULL;

/* How many of the arguments the alias "two words" takes, 0 if it is another. */
static size_t alias_length(const char *alias, char *const *arguments) {
        _cleanup_list_ char **words = list_split(alias, ' ');
        size_t n = 0;

        for (; words[n]; n++)
                if (!arguments[n] || !streq(arguments[n], words[n]))
                        return 0;
        return n;
}

/* Words as a shell has them: divided by blanks, quotes of both kinds and backslashes keep together. */
static int split_words(const char *text, char ***ret) {
        _cleanup_list_ char **words = NULL;
        const char *s = text;

        for (;;) {
                _cleanup_buffer_ Buffer word = {};
                char quote = 0;

                s += strspn(s, " \t\n");
                if (!*s)
                        break;
                buffer_puts(&word, "");
                for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
                        if (quote ? *s == quote : *s == '\'' || *s == '"')
                                quote = quote ? 0 : *s;
                        else if (*s == '\\' && s[1] && (!quote || (quote == '"' && strchr("\"\\$`", s[1]))))
                                buffer_putc(&word, *++s);
                        else
                                buffer_putc(&word, *s);
                }
                if (quote)
                        return fail(-EINVAL, "The alias has a quote without its end: %s", text);
                list_append(&words, TAKE_PTR(word.data));
        }
        *ret = TAKE_PTR(words);
        return 0;
}

/* "@ARG2@" in a word: its number and place. */
static const char *find_numbered(const char *word, size_t *ret_number, size_t *ret_length) {
        for (const char *s = strstr(word, "@ARG"); s; s = strstr(s + 1, "@ARG")) {
                size_t n = strspn(s + 4, "0123456789");

                if (n == 0 || n > 3 || s[4 + n] != '@')
                        continue;
                *ret_number = (size_t) atoi(s + 4);
                *ret_length = n + 5;
                return s;
        }
        return NULL;
}

static int put_numbered(const char *word, char *const *arguments, bool *used, char **ret) {
        _cleanup_buffer_ Buffer text = {};
        size_t number, length;
        const char *s;

        buffer_puts(&text, "");
        for (; (s = find_numbered(word, &number, &length)); word = s + length) {
                if (number == 0 || number > list_length(arguments))
                        return fail(-EINVAL, "Found alias argument @ARG%zu@ but only %zu arguments were given", number,
                                    list_length(arguments));
                buffer_append(&text, word, (size_t) (s - word));
                buffer_puts(&text, arguments[number - 1]);
                used[number - 1] = true;
        }
        buffer_puts(&text, word);
        *ret = TAKE_PTR(text.data);
        return 0;
}

/* First the numbered ones, in all words, since @ARGS@ is what they leave. */
static int put_arguments(char *const *words, char *const *arguments, char ***list) {
        _cleanup_free_ bool *used = xcalloc(list_length(arguments) + 1, sizeof(bool));
        _cleanup_list_ char **numbered = NULL;
        bool all = false;
        int r;

        for (char *const *w = words; w && *w; w++) {
                char *word = NULL;

                r = put_numbered(*w, arguments, used, &word);
                if (r < 0)
                        return r;
                list_append(&numbered, word);
                all = all || streq(*w, "@ARGS@");
        }
        if (!all)
                list_append(&numbered, xstrdup("@ARGS@"));
        for (char **w = numbered; *w; w++) {
                if (!streq(*w, "@ARGS@")) {
                        list_append(list, xstrdup(*w));
                        continue;
                }
                for (size_t i = 0; arguments[i]; i++)
                        if (!used[i])
                                list_append(list, xstrdup(arguments[i]));
        }
        return 0;
}

/* The longest that fits; "shell" is there unless the user has another. */
static const char *find_alias(struct json_object *aliases, char *const *arguments, size_t *ret_length) {
        const char *found = NULL;

        *ret_length = 0;
        JFOREACH(m, aliases) {
                size_t n = alias_length(m.key, arguments);

                if (n > *ret_length) {
                        *ret_length = n;
                        found = strempty(json_object_get_string(m.value));
                }
        }
        if (!found && arguments[0] && streq(arguments[0], "shell")) {
                *ret_length = 1;
                return "exec @ARGS@ -- su -l";
        }
        return found;
}

int alias_expand(char *const *arguments, char ***ret) {
        _cleanup_list_ char **list = NULL, **words = NULL;
        struct json_object *settings;
        const char *target;
        size_t n;
        int r;

        for (; *arguments && **arguments == '-'; arguments++)
                list_append(&list, xstrdup(*arguments));
        if (settings_load(&settings) < 0) {
                fail_clear();
                settings = NULL;
        }
        target = find_alias(jget(settings, "aliases"), arguments, &n);
        if (!target)
                return 0;
        r = split_words(target, &words);
        if (r >= 0)
                r = put_arguments(words, arguments + n, &list);
        if (r < 0)
                return r;
        if (!list)
                list = xcalloc(1, sizeof(char*));
        *ret = TAKE_PTR(list);
        return 1;
}

static int load_aliases(struct json_object **ret) {
        struct json_object *settings;
        int r;

        r = settings_load(&settings);
        if (r >= 0)
                *ret = jobject(settings, "aliases");
        return r;
}

/* All of them, of which this one must be there. */
static int load_with(const char *alias, struct json_object **ret) {
        int r = load_aliases(ret);

        return r < 0 || jget_key(*ret, alias) ? r : fail(-ENOENT, "Alias %s doesn't exist", alias);
}

static int run_add(Context *c) {
        struct json_object *aliases;
        int r;

        r = load_aliases(&aliases);
        if (r < 0)
                return r;
        if (jget_key(aliases, c->args[0]))
                return fail(-EEXIST, "Alias %s already exists", c->args[0]);
        jset_str(aliases, c->args[0], c->args[1]);
        return settings_save();
}

static int run_list(Context *c) {
        _cleanup_json_ struct json_object *sorted = NULL;
        _cleanup_(table_freep) Table *table = table_new();
        struct json_object *aliases;
        int r;

        r = output_check_format(arg_format);
        if (r >= 0)
                r = load_aliases(&aliases);
        if (r < 0)
                return r;
        table_title(table, "ALIAS");
        table_title(table, "TARGET");
        JFOREACH(m, aliases) {
                table_cell(table, m.key);
                table_cell(table, strempty(json_object_get_string(m.value)));
        }
        table_sort(table);
        sorted = output_sorted(aliases);
        return output_list(arg_format, table, sorted);
}

static int run_remove(Context *c) {
        struct json_object *aliases;
        int r;

        r = load_with(c->args[0], &aliases);
        if (r < 0)
                return r;
        json_object_object_del(aliases, c->args[0]);
        return settings_save();
}

static int run_rename(Context *c) {
        struct json_object *aliases;
        int r;

        r = load_with(c->args[0], &aliases);
        if (r < 0)
                return r;
        if (jget_key(aliases, c->args[1]))
                return fail(-EEXIST, "Alias %s already exists", c->args[1]);
        jset(aliases, c->args[1], json_object_get(jget_key(aliases, c->args[0])));
        json_object_object_del(aliases, c->args[0]);
        return settings_save();
}

static const Option options_list[] = { OPTION_FORMAT(arg_format), {} };

static const Command add = {
        .name = "add",
        .usage = "<alias> <target>",
        .summary = "Add new aliases",
        .description = "In the target, @ARGS@ stands for the arguments that the alias is called with, @ARG1@ for the first\n"
                       "of them; without either, they follow behind it.",
        .examples = "  lxc alias add names \"list -c n -f csv\"\n"
                    "      \"lxc names\" lists names.\n"
                    "\n"
                    "  lxc alias add login \"exec @ARGS@ -- login -f root\"\n"
                    "      \"lxc login c1\" logs in.",
        .min_args = 2,
        .max_args = 2,
        .run = run_add,
};
static const Command list = {
        .name = "list",
        .aliases = "ls",
        .summary = "List aliases",
        .options = options_list,
        .run = run_list,
};
static const Command remove_alias = {
        .name = "remove",
        .aliases = "rm",
        .usage = "<alias>",
        .summary = "Remove aliases",
        .min_args = 1,
        .max_args = 1,
        .run = run_remove,
};
static const Command rename_alias = {
        .name = "rename",
        .aliases = "mv",
        .usage = "<old alias> <new alias>",
        .summary = "Rename aliases",
        .min_args = 2,
        .max_args = 2,
        .run = run_rename,
};

const Command command_alias = {
        .name = "alias",
        .summary = "Manage command aliases",
        .description = "Aliases are kept in ~/.config/lxc/config.yml.",
        .children = (const Command *const[]) { &add, &list, &remove_alias, &rename_alias, NULL },
};
