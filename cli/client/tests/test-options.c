/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the option parser and of help texts. */

#include "test.h"

#include "command.h"
#include "fail.h"

static bool arg_flag, arg_other;
static char *arg_text, **arg_list, **arg_split, *arg_optional;
static int64_t arg_number;

static const Option table[] = {
        { 'f', "flag", OPTION_BOOL, &arg_flag, "A flag" },
        { 'o', "other", OPTION_BOOL, &arg_other, "Another" },
        { 't', "text", OPTION_STRING, &arg_text, "A text", NULL, "\"none\"" },
        { 'l', "list", OPTION_LIST, &arg_list, "Several" },
        { 0, "split", OPTION_SPLIT, &arg_split, "Several, by commas" },
        { 'n', "number", OPTION_INT, &arg_number, "A number", NULL, "-1" },
        { 0, "console", OPTION_OPTIONAL, &arg_optional, "Perhaps with a value", "console" },
        {},
};

static void reset(void) {
        arg_flag = arg_other = false;
        arg_number = -1;
        free(arg_text);
        free(arg_optional);
        list_free(arg_list);
        list_free(arg_split);
        arg_text = arg_optional = NULL;
        arg_list = arg_split = NULL;
        fail_clear();
}

static int parse(OptionsFlags flags, char ***ret, const char *line) {
        _cleanup_list_ char **argv = *line ? list_split(line, ' ') : xcalloc(1, sizeof(char*));

        reset();
        return options_parse(table, NULL, flags, argv, ret);
}

static void assert_arguments(OptionsFlags flags, const char *line, const char *expected) {
        _cleanup_list_ char **arguments = NULL;
        Buffer joined = {};

        assert_int_equal(parse(flags, &arguments, line), 0);
        buffer_puts(&joined, "");
        for (char **a = arguments; *a; a++)
                buffer_printf(&joined, "%s%s", a == arguments ? "" : " ", *a);
        assert_string_equal(joined.data, expected);
        buffer_done(&joined);
}

static void assert_refused(const char *line, const char *message) {
        char **arguments = NULL;

        assert_int_equal(parse(0, &arguments, line), -EINVAL);
        assert_string_equal(fail_text(), message);
        assert_null(arguments);
}

static void test_forms(void **state) {
        assert_arguments(0, "a -f b --text x c", "a b c");
        assert_true(arg_flag);
        assert_string_equal(arg_text, "x");
        assert_arguments(0, "--text=a=b --flag=false -n-5", "");
        assert_string_equal(arg_text, "a=b");
        assert_false(arg_flag);
        assert_int_equal(arg_number, -5);
        assert_arguments(0, "-foty -n 7 -l=1 -l2 -l 3", "");
        assert_true(arg_flag && arg_other);
        assert_string_equal(arg_text, "y");
        assert_int_equal(arg_number, 7);
        assert_int_equal(list_length(arg_list), 3);
        assert_string_equal(arg_list[2], "3");
        assert_arguments(0, "--split a,b --split c", "");
        assert_int_equal(list_length(arg_split), 3);
        assert_arguments(0, "--console x", "x");
        assert_string_equal(arg_optional, "console");
        assert_arguments(0, "--console=vga", "");
        assert_string_equal(arg_optional, "vga");
        assert_arguments(0, "- --text -", "-");
        assert_string_equal(arg_text, "-");
        reset();
}

static void test_end_of_options(void **state) {
        assert_arguments(0, "c1 -f -- ls -l -- x", "c1 ls -l -- x");
        assert_true(arg_flag);
        assert_arguments(OPTIONS_STOP_AT_ARGUMENT, "-f config -o --nope", "config -o --nope");
        assert_true(arg_flag);
        assert_false(arg_other);
        reset();
}

static void test_refused(void **state) {
        assert_refused("--nope", "unknown flag: --nope");
        assert_refused("--nope=3", "unknown flag: --nope");
        assert_refused("--fla", "unknown flag: --fla");
        assert_refused("-z", "unknown shorthand flag: 'z' in -z");
        assert_refused("-fz", "unknown shorthand flag: 'z' in -fz");
        assert_refused("--text", "flag needs an argument: --text");
        assert_refused("-ft", "flag needs an argument: 't' in -ft");
        assert_refused("--number x", "invalid argument \"x\" for \"-n, --number\" flag: it is not a whole number");
        assert_refused("--flag=maybe", "invalid argument \"maybe\" for \"-f, --flag\" flag: it is either true or false");
        assert_refused("--flag=", "invalid argument \"\" for \"-f, --flag\" flag: it is either true or false");
        reset();
}

static int ran_with;

static int run(Context *c) {
        ran_with = (int) c->n_args;
        return 3;
}

static bool arg_help, arg_all, arg_version;
static const Option globals[] = { { 'h', "help", OPTION_BOOL, &arg_help, "Print help" }, {} };
static const Command leaf = {
        .name = "leaf",
        .aliases = "lf l",
        .usage = "<thing> [<thing>]",
        .summary = "Do it",
        .description = "More about it.\n\nAnd more.",
        .examples = "  tool group leaf x",
        .options = table,
        .min_args = 1,
        .max_args = 2,
        .run = run,
};
static const Command hidden = { .name = "hidden", .summary = "Seldom needed", .uncommon = true, .run = run };
static const Command group = {
        .name = "group",
        .summary = "A group",
        .children = (const Command *const[]) { &leaf, &hidden, NULL },
};
static const Tool tool = {
        .name = "tool",
        .description = "A tool",
        .commands = (const Command *const[]) { &group, NULL },
        .globals = globals,
        .help = &arg_help,
        .all = &arg_all,
        .version = &arg_version,
};

static int run_tool(const char *line) {
        _cleanup_list_ char **argv = list_split(line, ' ');
        Client client = {};

        reset();
        ran_with = -1;
        return tool_run(&tool, &client, argv + 1);
}

static void test_dispatch(void **state) {
        assert_int_equal(run_tool("tool group leaf a"), 3);
        assert_int_equal(ran_with, 1);
        assert_int_equal(run_tool("tool group l a -f b"), 3);
        assert_int_equal(ran_with, 2);
        assert_true(arg_flag);
        assert_int_equal(run_tool("tool group leaf a b c"), -EINVAL);
        assert_string_equal(fail_text(), "Invalid number of arguments");
        assert_int_equal(run_tool("tool nope"), -EINVAL);
        assert_string_equal(fail_text(), "unknown command \"nope\" for \"tool\"");
        assert_int_equal(run_tool("tool group nope"), -EINVAL);
        assert_string_equal(fail_text(), "unknown command \"nope\" for \"tool group\"");
        assert_int_equal(run_tool("tool group leaf"), 0);
        assert_int_equal(ran_with, -1);
        reset();
}

static void test_help(void **state) {
        Buffer text = {};

        command_help(&tool, &leaf, "tool group leaf", false, &text);
        assert_golden(GOLDEN, "help-leaf.txt", text.data);
        buffer_done(&text);
        command_help(&tool, &group, "tool group", false, &text);
        assert_golden(GOLDEN, "help-group.txt", text.data);
        buffer_done(&text);
        command_help(&tool, NULL, "tool", true, &text);
        assert_golden(GOLDEN, "help-tool.txt", text.data);
        buffer_done(&text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),
                cmocka_unit_test(test_end_of_options),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_dispatch),
                cmocka_unit_test(test_help),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
