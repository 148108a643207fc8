/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/color.h"
#include "tui/theme.h"

static const char *const shipped[] = {"default",   "light",   "high-contrast", "mono",
                                      "solarized", "gruvbox", "nord",          "catppuccin"};

/* A temporary home, with the shipped themes of the source tree (tests run at its top) as data. */
static int set_up(void **state)
{
    struct paths *p = xcalloc(1, sizeof(*p));
    char dir[] = "/tmp/mt-theme-XXXXXX";

    assert_non_null(mkdtemp(dir));
    p->config = xstrdup(dir);
    p->data = xstrdup(".");
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct paths *p = *state;

    assert_int_equal(fs_remove_tree(p->config, NULL), 0);
    free(p->config);
    free(p->data);
    free(p);
    return 0;
}

static int parse(struct theme *t, const char *text, struct error *err)
{
    return theme_parse(t, text, strlen(text), "t.toml", err);
}

static void write_theme(const struct paths *p, const char *name, const char *text)
{
    char *dir = path_join(p->config, "themes"), *file = xasprintf("%s/%s.toml", dir, name);

    assert_int_equal(fs_mkdirs(dir, 0700, NULL), 0);
    assert_int_equal(fs_write_atomic(file, text, strlen(text), 0600, NULL), 0);
    free(dir);
    free(file);
}

static void test_shipped_load(void **state)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(shipped); i++) {
        struct theme t;
        struct error err = ERROR_INIT;
        if (theme_load(&t, *state, shipped[i], &err) != 0) {
            fail_msg("%s", err.msg);
        }
        assert_string_equal(t.name, shipped[i]);
        assert_int_equal(t.light, strcmp(shipped[i], "light") == 0);
    }
}

static void test_default_is_compiled_in(void **state)
{
    struct theme from_file, built_in;

    assert_int_equal(theme_load(&from_file, *state, "default", NULL), 0);
    theme_default(&built_in);
    assert_memory_equal(from_file.roles, built_in.roles, sizeof(built_in.roles));
    assert_int_equal(built_in.pane_bg, built_in.roles[THEME_TEXT].bg & 0xffffff);
}

/* Text roles are readable on every ground they are drawn on, and selections can be seen, at every colour depth. */
static void test_contrast(void **state)
{
    static const enum theme_role inks[] = {THEME_TEXT, THEME_DIM, THEME_STRONG, THEME_ACCENT, THEME_OK,
                                           THEME_WARN, THEME_BAD, THEME_INFO,   THEME_BUSY,   THEME_ATTENTION};
    static const enum theme_role grounds[] = {THEME_TEXT, THEME_BAR, THEME_DIALOG};

    for (size_t i = 0; i < MT_ARRAY_LEN(shipped); i++) {
        struct theme t;
        assert_int_equal(theme_load(&t, *state, shipped[i], NULL), 0);
        if (strcmp(shipped[i], "mono") == 0) {
            continue;
        }
        uint32_t base = t.roles[THEME_TEXT].bg;
        for (size_t k = 0; k < MT_ARRAY_LEN(inks); k++) {
            for (size_t g = 0; g < MT_ARRAY_LEN(grounds); g++) {
                struct style st = theme_on(&t, inks[k], grounds[g]);
                int contrast = color_contrast(color_to_rgb(st.fg, 0), color_to_rgb(st.bg, 0));
                if (contrast < 440) {
                    fail_msg("%s: role %d on %d has contrast %d", shipped[i], inks[k], grounds[g], contrast);
                }
            }
            struct style st = theme_on(&t, inks[k], THEME_SELECTION);
            assert_true(color_contrast(color_to_rgb(st.fg, 0), color_to_rgb(st.bg, 0)) >= 340);
        }
        for (enum color_depth depth = COLOR_MONO; depth <= COLOR_TRUE; depth++) {
            struct style a = color_reduce(depth, t.roles[THEME_TEXT], base),
                         b = color_reduce(depth, t.roles[THEME_SELECTION], base);
            if (a.bg == b.bg && (a.attrs & CELL_REVERSE) == (b.attrs & CELL_REVERSE)) {
                fail_msg("%s: the selection cannot be seen at depth %d", shipped[i], depth);
            }
        }
    }
}

static void test_values(void **state)
{
    struct theme t;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(
        parse(&t,
              "name='x'\nlight=true\n[palette]\nink='#123456'\nalias='ink'\n[roles]\ntext={fg='#abc',bg='default'}\n"
              "dim='alias'\nok={fg=9,bold=true,underline=true}\nselection={reverse=true}\n[pane]\nfg='ink'\n",
              &err),
        0);
    assert_int_equal(t.roles[THEME_TEXT].fg, cell_rgb(0xaa, 0xbb, 0xcc));
    assert_int_equal(t.roles[THEME_TEXT].bg, CELL_COLOR_DEFAULT);
    assert_int_equal(t.roles[THEME_DIM].fg, cell_rgb(0x12, 0x34, 0x56));
    assert_int_equal(t.roles[THEME_OK].fg, cell_indexed(9));
    assert_int_equal(t.roles[THEME_OK].attrs, CELL_BOLD | CELL_UL_SINGLE << CELL_UL_SHIFT);
    assert_int_equal(t.roles[THEME_BAD].fg, t.roles[THEME_TEXT].fg); /* not given: looks like text */
    assert_int_equal(t.pane_fg, 0x123456);
    assert_int_equal(t.pane_bg, 0xffffff); /* light, and the terminal's own */
    assert_int_equal(theme_on(&t, THEME_OK, THEME_SELECTION).attrs & CELL_REVERSE, CELL_REVERSE);
}

static void test_errors_have_a_place(void **state)
{
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"[roles]\ntexd = '#fff'\n", "t.toml:2:1: "},
        {"[roles]\ntext = '#ggg'\n", "t.toml:2:8: "},
        {"[roles]\ntext = '#12345'\n", "t.toml:2:8: "},
        {"[roles]\ntext = { fg = 'nope' }\n", "t.toml:2:15: "},
        {"[roles]\ntext = { bold = 1 }\n", "t.toml:2:17: "},
        {"[roles]\ntext = { blod = true }\n", "t.toml:2:10: "},
        {"[roles]\ntext = 256\n", "t.toml:2:8: "},
        {"[palette]\na = 'b'\nb = 'a'\n", "t.toml:"},
        {"[palette]\na = [1]\n", "t.toml:2:5: "},
        {"roles = 'x'\n", "t.toml:1:9: "},
        {"colours = 1\n", "t.toml:1:1: "},
        {"[pane]\nink = '#fff'\n", "t.toml:2:1: "},
        {"name = \n", "t.toml:1:"},
    };
    struct theme t, before;

    (void)state;
    theme_default(&before);
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        struct error err = ERROR_INIT;
        t = before;
        assert_int_equal(parse(&t, cases[i].text, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
        if (strncmp(err.msg, cases[i].place, strlen(cases[i].place)) != 0) {
            fail_msg("\"%s\" does not begin with \"%s\"", err.msg, cases[i].place);
        }
        assert_memory_equal(&t, &before, sizeof(t)); /* untouched */
    }
}

static void test_unknown_name_lists_all(void **state)
{
    struct theme t;
    struct error err = ERROR_INIT;

    write_theme(*state, "mine", "[roles]\ntext='#fff'\n");
    assert_int_equal(theme_load(&t, *state, "nosuch", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "default, "));
    assert_non_null(strstr(err.msg, "mine"));
    assert_non_null(strstr(err.msg, "nord"));
    assert_int_equal(theme_load(&t, *state, "../themes/nord", &err), -1);
    assert_int_equal(theme_load(&t, *state, "", &err), -1);
}

static void test_users_own_wins(void **state)
{
    struct theme t;
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    write_theme(*state, "nord", "[roles]\ntext='#010203'\n");
    write_theme(*state, "default", "[roles]\ntext='#040506'\n");
    assert_int_equal(theme_load(&t, *state, "nord", NULL), 0);
    assert_int_equal(t.roles[THEME_TEXT].fg, cell_rgb(1, 2, 3));
    assert_int_equal(theme_load(&t, *state, "default", NULL), 0);
    assert_int_equal(t.roles[THEME_TEXT].fg, cell_rgb(4, 5, 6));
    theme_names(*state, &names);
    assert_int_equal(names.len, MT_ARRAY_LEN(shipped)); /* each name once */
    assert_string_equal(names.v[0], "default");
    char *path = theme_path(*state, "nord");
    assert_non_null(strstr(path, "/themes/nord.toml"));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shipped_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_default_is_compiled_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_contrast, set_up, tear_down),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_errors_have_a_place),
        cmocka_unit_test_setup_teardown(test_unknown_name_lists_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_users_own_wins, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("theme", tests, NULL, NULL);
}
