/* SPDX-License-Identifier: Apache-2.0 */
/* The table of life events agrees with the message catalog: each id has its text, and none stands for two things. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "life-event.h"

static size_t count(const char *text, const char *what) {
        size_t n = 0;

        for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
                n++;
        return n;
}

static void each_has_a_text(void **state) {
        _cleanup_free_ char *catalog = NULL;

        assert_true(file_read(CATALOG, 1 << 20, &catalog, NULL) >= 0);
        for (const LifecycleAction *a = lifecycle_actions; a->name; a++) {
                _cleanup_free_ char *head = NULL;
                sd_id128_t id;

                assert_int_equal(sd_id128_from_string(a->message_id, &id), 0);
                assert_true(str_format(&head, "\n-- %s\nSubject: ", a->message_id) >= 0);
                if (count(catalog, head) != 1)
                        fail_msg("%s: message id %s is %zu times in the catalog", a->name, a->message_id, count(catalog, head));
        }
}

/* Only the two ways to stop share an id. */
static void ids_are_unique(void **state) {
        for (const LifecycleAction *a = lifecycle_actions; a->name; a++)
                for (const LifecycleAction *b = a + 1; b->name; b++) {
                        assert_string_not_equal(a->name, b->name);
                        if (!streq(a->name, "instance-shutdown"))
                                assert_string_not_equal(a->message_id, b->message_id);
                }
}

/* Every text of the catalog is complete: subject, origin, explanation. */
static void texts_are_complete(void **state) {
        _cleanup_free_ char *catalog = NULL;

        assert_true(file_read(CATALOG, 1 << 20, &catalog, NULL) >= 0);
        assert_int_equal(count(catalog, "\n-- "), count(catalog, "\nDefined-By: lxd\n\n"));
        assert_int_equal(count(catalog, "\n-- "), count(catalog, "\nSubject: "));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_has_a_text),
                cmocka_unit_test(ids_are_unique),
                cmocka_unit_test(texts_are_complete),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
