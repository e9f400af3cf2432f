/* SPDX-License-Identifier: Apache-2.0 */
/* The template language: what images use, what is refused and how it is said, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "template.h"

static Config instance, config, properties;
static Devices devices;

static TemplateContext context(void) {
        return (TemplateContext) { .trigger = "create", .path = "/etc/hostname", .instance = &instance, .config = &config,
                                   .devices = &devices, .properties = &properties };
}

static int setup(void **state) {
        Config eth0 = {};

        assert_int_equal(config_set(&instance, "name", "c1"), 0);
        assert_int_equal(config_set(&instance, "type", "container"), 0);
        assert_int_equal(config_set(&instance, "privileged", "false"), 0);
        assert_int_equal(config_set(&config, "user.network-config", ""), 0);
        assert_int_equal(config_set(&config, "user.html", "<a href=\"x\">&</a>"), 0);
        assert_int_equal(config_set(&config, "limits.cpu", "2"), 0);
        assert_int_equal(config_set(&properties, "default", "#cloud-config\n{}"), 0);
        assert_int_equal(config_set(&eth0, "type", "nic"), 0);
        assert_int_equal(devices_set(&devices, "eth0", &eth0), 0);
        config_done(&eth0);
        return 0;
}

static int teardown(void **state) {
        config_done(&instance);
        config_done(&config);
        config_done(&properties);
        devices_done(&devices);
        return 0;
}

static void assert_renders(const char *template, const char *expected) {
        _cleanup_free_ char *text = NULL, *message = NULL;
        TemplateContext c = context();
        int r;

        r = template_render(template, &c, &text, &message);
        if (r < 0)
                fail_msg("%s: %s", template, message ?: strerror(-r));
        assert_string_equal(text, expected);
}

static void assert_refused(const char *template, int error, const char *expected) {
        char *text = (char *) 0x1;
        _cleanup_free_ char *message = NULL;
        TemplateContext c = context();
        int r = template_render(template, &c, &text, &message);

        if (r != error)
                fail_msg("%s: %d %s", template, r, message ?: "");
        assert_ptr_equal(text, (char *) 0x1);
        assert_string_equal(message, expected);
}

static void test_images(void **state) {
        assert_renders("{{ container.name }}\n", "c1\n");
        assert_renders("127.0.0.1\tlocalhost\n127.0.1.1\t{{ instance.name }}\n", "127.0.0.1\tlocalhost\n127.0.1.1\tc1\n");
        assert_renders("#cloud-config\ninstance-id: {{ container.name }}\nlocal-hostname: {{ container.name }}\n"
                       "{{ config_get(\"user.meta-data\", \"\") }}\n",
                       "#cloud-config\ninstance-id: c1\nlocal-hostname: c1\n\n");
        assert_renders("{{ config_get(\"user.user-data\", properties.default) }}", "#cloud-config\n{}");
        assert_renders("{% if config_get(\"user.network-config\", \"\") == \"\" %}version: 1\nconfig:\n  - type: physical\n    name: "
                       "{% if instance.type == \"virtual-machine\" %}enp5s0{% else %}eth0{% endif %}\n    subnets:\n"
                       "      - type: {% if config_get(\"user.network_mode\", \"\") == \"link-local\" %}manual{% else %}dhcp{% endif %}"
                       "{% else %}{{ config_get(\"user.network-config\", \"\") }}{% endif %}\n",
                       "version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n      - type: dhcp\n");
        assert_renders("{% autoescape off %}{{ config_get(\"user.html\") }}{% endautoescape %}{{ config_get(\"user.html\") }}",
                       "<a href=\"x\">&</a><a href=\"x\">&</a>");
        assert_renders("{{ trigger }} {{ path }} {{ devices.eth0.type }} {{ config[\"limits.cpu\"] }}", "create /etc/hostname nic 2");
}

static void test_text(void **state) {
        assert_renders("", "");
        assert_renders("{ } %} }} {a {", "{ } %} }} {a {");
        assert_renders("a{# {{ b }} #}c", "ac");
        assert_renders("a {%- if true -%} b {%- endif -%} c", "abc");
        assert_renders("a {{- \"x\" -}}\n b", "axb");
        assert_renders("{% comment %}{{ broken {% nonsense %}{% endcomment %}x", "x");
}

static void test_expressions(void **state) {
        assert_renders("{{ nothing }}{{ nothing.at.all }}{{ container.nothing }}{{ instance.name.x }}", "");
        assert_renders("{{ \"a\\\"b\" }}{{ 'c' }}{{ 42 }}{{ -7 }}{{ true }}", "a\"bc42-7True");
        assert_renders("{% if not false and (1 < 2 or x) && !\"\" %}y{% endif %}", "y");
        assert_renders("{% if instance.privileged == \"false\" %}u{% else %}p{% endif %}", "u");
        assert_renders("{% if \"limits.cpu\" in config %}1{% endif %}{% if \"x\" in \"axb\" %}2{% endif %}{% if \"y\" in devices %}3{% endif %}", "12");
        assert_renders("{% if 10 > 9 %}1{% endif %}{% if \"10\" > \"9\" %}2{% endif %}{% if 1 != 2 %}3{% endif %}", "13");
        assert_renders("{% if x %}1{% elif config %}2{% elif true %}3{% else %}4{% endif %}", "2");
        assert_renders("{{ x|default:\"d\" }}{{ container.name|default:\"d\"|upper }}{{ \" a \"|trim }}{{ \"abc\"|length }}", "dC1a3");
        assert_renders("{{ \"\"|default_if_none:\"d\" }}{{ x|default_if_none:\"d\"|capfirst }}{{ \"A\"|lower|safe }}", "Da");
}

static void test_loops(void **state) {
        assert_renders("{% for k in config %}[{{ k }}]{% endfor %}", "[limits.cpu][user.html][user.network-config]");
        assert_renders("{% for name, d in devices %}{{ name }}={{ d.type }}{% for k, v in d %} {{ k }}:{{ v }}{% endfor %}{% endfor %}",
                       "eth0=nic type:nic");
        assert_renders("a{% for k in nothing %}x{{ k }}{% endfor %}b", "ab");
        assert_renders("{% if false %}{% for k in config %}x{% endfor %}{% endif %}", "");
}

static void test_mistakes(void **state) {
        assert_refused("a\nb {{ x", -EINVAL, "line 2: \"}}\" was expected");
        assert_refused("{{ }}", -EINVAL, "line 1: a value was expected");
        assert_refused("{{ \"x }}", -EINVAL, "line 1: a quoted string does not end");
        assert_refused("{% if x %}", -EINVAL, "line 1: an \"if\" has no \"endif\"");
        assert_refused("{% endif %}", -EINVAL, "line 1: \"endif\" has no beginning");
        assert_refused("{% if x %}{% else %}{% else %}{% endif %}", -EINVAL, "line 1: an \"if\" has no \"endif\"");
        assert_refused("{% for x in config %}{% endif %}", -EINVAL, "line 1: a \"for\" has no \"endfor\"");
        assert_refused("{% for in config %}", -EINVAL, "line 1: a \"for\" needs \"in\"");
        assert_refused("{# x", -EINVAL, "line 1: a comment does not end");
        assert_refused("{{ x|nonsense }}", -EINVAL, "line 1: there is no filter \"nonsense\"");
        assert_refused("{{ 99999999999999999999 }}", -EINVAL, "line 1: number out of range");
        assert_refused("{{ config_get }}", -EINVAL, "line 1: config_get needs a key in brackets");
}

/* The tags and functions of pongo2 that reach files. */
static void test_nothing_reads_files(void **state) {
        assert_refused("{% include \"/etc/shadow\" %}", -EINVAL, "line 1: there is no tag \"include\"");
        assert_refused("{% ssi \"/etc/shadow\" %}", -EINVAL, "line 1: there is no tag \"ssi\"");
        assert_refused("{% import \"x\" y %}", -EINVAL, "line 1: there is no tag \"import\"");
        assert_refused("{% extends \"x\" %}", -EINVAL, "line 1: there is no tag \"extends\"");
        assert_refused("{{ open(\"/etc/shadow\") }}", -EINVAL,
                       "line 1: there is no function of this name; templates have config_get() only");
}

static void test_limits(void **state) {
        static char deep[4096], loops[4096];
        _cleanup_free_ char *text = NULL, *message = NULL;
        TemplateContext c = context();

        memset(deep, '(', 1000);
        memcpy(deep, "{{", 2);
        assert_refused(deep, -E2BIG, "line 1: nested too deep");
        deep[0] = '\0';
        for (size_t i = 0; i < 100; i++)
                strcat(deep, "{% if true %}");
        assert_refused(deep, -E2BIG, "line 1: nested too deep");
        for (size_t i = 0; i < 16; i++)
                strcat(loops, "{% for a in config %}");
        strcat(loops, "x");
        for (size_t i = 0; i < 16; i++)
                strcat(loops, "{% endfor %}");
        assert_int_equal(template_render(loops, &c, &text, &message), -E2BIG);
        assert_null(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_images),   cmocka_unit_test(test_text),     cmocka_unit_test(test_expressions),
                cmocka_unit_test(test_loops),    cmocka_unit_test(test_mistakes), cmocka_unit_test(test_nothing_reads_files),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
