/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tui/output.h"

static char said[4096];

/* Runs `fn` with stderr going to a file, and reads that back. */
static void capture(void (*fn)(void))
{
    FILE *f = tmpfile();
    int keep = dup(STDERR_FILENO);

    assert_non_null(f);
    fflush(stderr);
    assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
    fn();
    fflush(stderr);
    dup2(keep, STDERR_FILENO);
    close(keep);
    rewind(f);
    said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
    fclose(f);
}

static void hostile_note(void)
{
    output_note("a \033]52;c;Y3VybA==\007b\033[2J\xC2\x9B"
                "31mc\033%s",
                "");
}

static void own_note(void)
{
    output_note("  %s%s%s %s\nsecond \xC3\xA4", "\033[32m", "ok", "\033[0m", "step");
}

static void hostile_error(void)
{
    struct error err = ERROR_INIT;

    error_set(&err, ERROR_SYS, "/src/\033]0;x\007y: No such file");
    output_error(&err);
}

/* Texts of backends, folder names and scripts end here: nothing in them may act on the person's terminal. */
static void test_notes_are_harmless(void **state)
{
    (void)state;
    capture(hostile_note);
    assert_null(strpbrk(said, "\033\007"));
    assert_null(strstr(said, "\xC2\x9B"));
    assert_non_null(strstr(said, "b"));
    assert_int_equal(said[strlen(said) - 1], '\n');
    capture(own_note);
    assert_string_equal(said, "  \033[32mok\033[0m step\nsecond \xC3\xA4\n");
    capture(hostile_error);
    assert_null(strstr(said, "\033]"));
    assert_non_null(strstr(said, "y: No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_are_harmless),
    };

    return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
