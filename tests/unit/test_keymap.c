/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "tui/keymap.h"
#include "tui/keymap_defaults.h"

static struct key chord(const char *text)
{
    struct key k = {0};

    if (key_parse(text, &k, NULL) != 0) {
        fail_msg("no key %s", text);
    }
    return k;
}

/* The name of the command a chord leads to; "" for none. */
static const char *bound(const struct keymap *k, enum command_context context, const char *text)
{
    const struct command *c = keymap_lookup(k, context, chord(text));

    return c ? c->name : "";
}

static char path[] = "muthr.toml";

static struct keymap *make(struct config_key *keys, size_t count, struct strvec *problems)
{
    char prefix[] = "C-]";
    struct config config = {.prefix = prefix, .alt_digits = true, .keys = keys, .key_count = count, .path = path};

    return keymap_new(&config, problems);
}

#define USER(ctx, key, cmd, n)                                                                                         \
    {                                                                                                                  \
        .context = (char *)(uintptr_t)(ctx), .chord = (char *)(uintptr_t)(key), .command = (char *)(uintptr_t)(cmd),   \
        .line = (n)                                                                                                    \
    }

/* Every shipped line names a key and a command that exist, in contexts where the command means something; no chord is
 * given twice. */
static void test_defaults_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < keymap_default_count; i++) {
        const struct keymap_default *d = &keymap_defaults[i];
        const struct command *c = command_find(d->command);
        struct key k = chord(d->chord);
        if (!c) {
            fail_msg("no command %s", d->command);
        }
        if (d->contexts & ~c->contexts) {
            fail_msg("%s means nothing in contexts %x", d->command, d->contexts & ~c->contexts);
        }
        for (size_t j = 0; j < i; j++) {
            if ((keymap_defaults[j].contexts & d->contexts) && key_equal(chord(keymap_defaults[j].chord), k)) {
                fail_msg("%s is both %s and %s", d->chord, keymap_defaults[j].command, d->command);
            }
        }
    }
}

static void test_defaults(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct keymap *k = make(NULL, 0, &problems);

    (void)state;
    assert_int_equal(problems.len, 0);
    assert_string_equal(bound(k, CONTEXT_LIST, "j"), "list.down");
    assert_string_equal(bound(k, CONTEXT_LIST, "s"), "sandbox.stop");
    assert_string_equal(bound(k, CONTEXT_LIST, "S"), "sandbox.start");
    assert_string_equal(bound(k, CONTEXT_SESSION, "["), "session.copy_mode");
    assert_string_equal(bound(k, CONTEXT_SESSION, "C-]"), "session.send_prefix");
    assert_string_equal(bound(k, CONTEXT_SESSION, "M-3"), "session.3");
    assert_string_equal(bound(k, CONTEXT_COPY, "y"), "copy.yank");
    assert_string_equal(bound(k, CONTEXT_PROVISION, "c"), "provision.cancel");
    assert_string_equal(bound(k, CONTEXT_LIST, "C-c"), ""); /* never quits */
    assert_string_equal(keymap_chord(k, CONTEXT_LIST, command_find("list.down")), "j");
    assert_string_equal(keymap_chord(k, CONTEXT_LIST, command_find("list.open")), "Enter");
    assert_null(keymap_chord(k, CONTEXT_LIST, command_find("copy.yank")));
    assert_true(key_equal(keymap_prefix(k), chord("C-]")));
    keymap_free(k);
}

static void test_user_keys(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct config_key keys[] = {
        USER("all", "j", "app.help", 3), USER("list", "s", "sandbox.start", 4), USER("list", "S", "none", 5),
        USER("copy", "j", "none", 6),    USER("list", "C-x", "app.quit", 7),    USER("list", "C-x", "app.theme", 8),
    };
    struct keymap *k = make(keys, MT_ARRAY_LEN(keys), &problems);

    (void)state;
    assert_int_equal(problems.len, 0);
    assert_string_equal(bound(k, CONTEXT_LIST, "j"), "app.help");
    assert_string_equal(bound(k, CONTEXT_LIST, "s"), "sandbox.start");
    assert_string_equal(bound(k, CONTEXT_LIST, "S"), "");
    assert_string_equal(bound(k, CONTEXT_SESSION, "S"), "sandbox.start"); /* only the list's was taken away */
    assert_string_equal(bound(k, CONTEXT_COPY, "j"), "");
    assert_string_equal(bound(k, CONTEXT_LIST, "C-x"), "app.theme"); /* the later line */
    /* What is shown follows. */
    assert_string_equal(keymap_chord(k, CONTEXT_LIST, command_find("sandbox.start")), "s");
    assert_null(keymap_chord(k, CONTEXT_LIST, command_find("sandbox.stop")));
    assert_string_equal(keymap_chord(k, CONTEXT_LIST, command_find("list.down")), "Down");
    keymap_free(k);
}

static void test_problems(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct config_key keys[] = {
        USER("list", "Entr", "list.open", 11), USER("list", "x", "sandbox.stpo", 12),
        USER("lst", "x", "list.open", 13),     USER("list", "x", "stop", 14),
        USER("copy", "x", "sandbox.stop", 15), USER("list", "M-x", "app.help", 16),
        USER("list", "y", "qqqqqqqqqqqq", 17),
    };
    struct keymap *k = make(keys, MT_ARRAY_LEN(keys), &problems);
    static const char *const want[][2] = {
        {"muthr.toml:11: ", "\"Enter\"?"},   {"muthr.toml:12: ", "\"sandbox.stop\"?"},
        {"muthr.toml:13: ", "lst"},          {"muthr.toml:14: ", "\"sandbox.stop\"?"},
        {"muthr.toml:15: ", "sandbox.stop"}, {"muthr.toml:17: ", "qqqqqqqqqqqq\""},
    };

    (void)state;
    assert_int_equal(problems.len, MT_ARRAY_LEN(want));
    for (size_t i = 0; i < problems.len; i++) {
        if (strncmp(problems.v[i], want[i][0], strlen(want[i][0])) != 0 || !strstr(problems.v[i], want[i][1])) {
            fail_msg("%s", problems.v[i]);
        }
    }
    assert_string_equal(bound(k, CONTEXT_LIST, "M-x"), "app.help"); /* the good ones hold */
    keymap_free(k);
}

/* Only near misses are suggested. */
static void test_far_names(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct config_key keys[] = {
        USER("list", "x", "sandbox.explode", 1),
        USER("list", "y", "stpo", 2),
        USER("list", "Wombat", "list.open", 3),
        USER("list", "z", "sandbox.delte", 4),
    };
    struct keymap *k = make(keys, MT_ARRAY_LEN(keys), &problems);

    (void)state;
    assert_int_equal(problems.len, 4);
    assert_null(strstr(problems.v[0], "did you mean"));
    assert_null(strstr(problems.v[1], "did you mean"));
    assert_null(strstr(problems.v[2], "did you mean"));
    assert_non_null(strstr(problems.v[3], "did you mean \"sandbox.delete\""));
    keymap_free(k);
}

static void test_bad_prefix(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    char prefix[] = "Ctrl+banana";
    struct config config = {.prefix = prefix, .path = path};
    struct keymap *k = keymap_new(&config, &problems);

    (void)state;
    assert_int_equal(problems.len, 1);
    assert_non_null(strstr(problems.v[0], "tui.prefix"));
    assert_true(key_equal(keymap_prefix(k), chord("C-]")));
    assert_string_equal(bound(k, CONTEXT_SESSION, "M-3"), ""); /* alt_digits is off here */
    keymap_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_sound), cmocka_unit_test(test_defaults),  cmocka_unit_test(test_user_keys),
        cmocka_unit_test(test_problems),           cmocka_unit_test(test_far_names), cmocka_unit_test(test_bad_prefix),
    };
    return cmocka_run_group_tests_name("keymap", tests, NULL, NULL);
}
