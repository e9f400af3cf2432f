/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of tables, and of the texts that go into them. */

#include "test.h"

#include "table.h"

static Table *sample(void) {
        Table *t = table_new();

        table_title(t, "NAME");
        table_title(t, "user.key_2");
        table_title(t, "IPV4");
        table_cell(t, "c10");
        table_cell(t, "a,b");
        table_cell(t, "10.0.0.1 (eth0)\n10.0.0.2 (eth1)");
        table_cell(t, "c2");
        table_cell(t, "say \"hi\"");
        table_cell(t, "");
        table_cell(t, "c1");
        table_cell(t, " lead");
        table_cell(t, "ü€ 漢字");
        return t;
}

static void check(TableFormat format, bool sorted, const char *golden) {
        _cleanup_(table_freep) Table *t = sample();
        _cleanup_buffer_ Buffer text = {};

        if (sorted)
                table_sort(t);
        table_render(t, format, &text);
        assert_golden(GOLDEN, golden, text.data);
}

static void test_formats(void **state) {
        check(TABLE_BORDERS, true, "table-borders.txt");
        check(TABLE_COMPACT, true, "table-compact.txt");
        check(TABLE_CSV, true, "table.csv");
        check(TABLE_VERBATIM, false, "table-verbatim.txt");
}

static void test_empty(void **state) {
        _cleanup_(table_freep) Table *t = table_new();
        _cleanup_buffer_ Buffer text = {}, csv = {};

        table_title(t, "A");
        table_render(t, TABLE_BORDERS, &text);
        assert_string_equal(text.data, "+---+\n| A |\n+---+\n");
        table_render(t, TABLE_CSV, &csv);
        assert_null(csv.data);
}

/* Whatever the column, a cell without text comes last. */
static void test_nothing_last(void **state) {
        _cleanup_(table_freep) Table *t = table_new();
        _cleanup_buffer_ Buffer text = {};

        table_title(t, "X");
        table_title(t, "N");
        for (unsigned i = 0; i < 4; i++) {
                table_cell(t, i == 2 ? "bar" : "");
                table_cellf(t, "c%u", i);
        }
        table_sort(t);
        table_render(t, TABLE_CSV, &text);
        assert_string_equal(text.data, "bar,c2\n,c0\n,c1\n,c3\n");
}

static void test_order(void **state) {
        static const char *const order[] = { "", "1", "01", "2", "10", "C3", "c", "c1", "c2", "c10", "c10a" };

        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                for (size_t j = 0; j < ELEMENTSOF(order); j++) {
                        int r = natural_compare(order[i], order[j]);

                        if (i == j)
                                assert_int_equal(r, 0);
                        else if (streq(order[i], "01") || streq(order[j], "01"))
                                assert_int_not_equal(r, 0);     /* equal by value: any fixed order will do */
                        else
                                assert_true((i < j) == (r < 0));
                }
}

static void assert_text(char *text, const char *expected) {
        assert_string_equal(text, expected);
        free(text);
}

static void test_sizes(void **state) {
        assert_text(format_bytes(0, 2), "0B");
        assert_text(format_bytes(1023, 2), "1023B");
        assert_text(format_bytes(1024, 2), "1.00KiB");
        assert_text(format_bytes(32 << 10, 0), "32KiB");
        assert_text(format_bytes(INT64_MAX, 2), "8.00EiB");
        assert_text(format_bytes_decimal(999, 2), "999B");
        assert_text(format_bytes_decimal(1170000000, 2), "1.17GB");
}

static void test_widths(void **state) {
        assert_int_equal(text_width("abc", 3), 3);
        assert_int_equal(text_width("üö", strlen("üö")), 2);
        assert_int_equal(text_width("漢字", strlen("漢字")), 4);
        assert_int_equal(text_width("e\xcc\x81", 3), 1);
        assert_int_equal(text_width("\xff\xfe", 2), 2);
        assert_int_equal(text_width("ü", 1), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_formats),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_nothing_last),
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_sizes),
                cmocka_unit_test(test_widths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
