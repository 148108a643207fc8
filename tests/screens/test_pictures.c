/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures of the real program, one for each theme: `make pictures` writes themes/preview/NAME.svg; as a test they go
 * nowhere, but must be whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/screens/harness.h"
#include "tui/theme.h"

#define COLS 112
#define ROWS 28

/* What a working day might look like: projects, a program that greets in colours, two shells. */
static void make_world(struct harness *h)
{
    harness_mkdir(h, "src/api");
    harness_mkdir(h, "src/docs");
    harness_mkdir(h, "src/scratch");
    harness_mkdir(h, "src/homepage/src");
    harness_write(h, "src/homepage/README.md", "# homepage\n");
    harness_write(h, "src/homepage/package.json", "{}\n");
    harness_write(
        h, "src/homepage/check.sh",
        "printf '\\n\\033[1mchecks\\033[0m\\n'\n"
        "printf '  \\033[32m✓\\033[0m %-22s \\033[2m%s\\033[0m\\n' 'links' '214 pages' 'layout' '0 overlaps' "
        "'contrast' '4.5 and more'\n"
        "printf '  \\033[33m!\\033[0m %-22s \\033[2m%s\\033[0m\\n' 'images' '3 without a description'\n"
        "printf '\\n\\033[38;5;110m%s\\033[0m %s\\n\\n' 'src/about.html:12' 'portrait.jpg has no alt text'\n");
}

/* Two shells in a sandbox of `homepage`. */
static void open_sessions(struct harness *h)
{
    harness_start(h, &(struct harness_opts){.cols = COLS, .rows = ROWS});
    harness_wait_text(h, "backend     bwrap");
    harness_key(h, "/");
    harness_settle(h);
    harness_type(h, "home");
    harness_wait_gone(h, "scratch");
    harness_key(h, "Enter");
    harness_wait_text(h, "muthr-homepage");
    harness_key(h, "Enter");
    harness_wait_text(h, "workspace $");
    harness_type(h, "ls --color=always\r");
    harness_wait_text(h, "package.json");
    harness_type(h, "sh check.sh\r");
    harness_wait_text(h, "portrait.jpg");
    harness_keys(h, "C-] n");
    harness_wait_text(h, "shell");
    harness_key(h, "Enter");
    harness_wait_gone(h, "portrait.jpg");
    harness_wait_text(h, "workspace $");
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
}

/* One picture; returns the SVG in `out`. */
static void take_picture(struct harness *h, const char *name, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = xasprintf("themes/%s.toml", name);
    const char *args[] = {"--theme", name, NULL};
    struct theme theme;

    assert_int_equal(fs_read(path, 1 << 20, &text, NULL), 0);
    assert_int_equal(theme_parse(&theme, text.buf, text.len, path, NULL), 0);
    harness_start(h, &(struct harness_opts){.cols = COLS, .rows = ROWS, .args = args});
    harness_wait_text(h, "  2 ");
    harness_wait_text(h, "1 running");
    harness_key(h, "1");
    harness_wait_text(h, "portrait.jpg");
    harness_settle(h);
    harness_dump_svg(h, "muthr-tui", theme.pane_fg, theme.pane_bg, out);
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
}

/* Every tag that is opened is closed. */
static void assert_whole(const struct strbuf *svg)
{
    size_t opened = 0, closed = 0;

    for (size_t i = 0; i + 1 < svg->len; i++) {
        opened += svg->buf[i] == '<' && svg->buf[i + 1] != '/';
        closed += (svg->buf[i] == '<' && svg->buf[i + 1] == '/') || (svg->buf[i] == '/' && svg->buf[i + 1] == '>');
    }
    assert_int_equal(opened, closed);
    assert_non_null(strstr(svg->buf, ">homepage</text>"));
    assert_non_null(strstr(svg->buf, "portrait.jpg"));
}

static void test_pictures(void **state)
{
    struct harness *h = *state;
    const char *dir = getenv("PICTURES");
    MT_CLEANUP(strvec) struct strvec files = STRVEC_INIT;
    int taken = 0;

    assert_int_equal(fs_list("themes", &files, NULL), 0);
    make_world(h);
    open_sessions(h);
    for (size_t i = 0; i < files.len; i++) {
        MT_CLEANUP(strbuf) struct strbuf svg = STRBUF_INIT;
        char *end = strstr(files.v[i], ".toml");
        if (!end) {
            continue; /* the folder of the pictures */
        }
        *end = '\0';
        take_picture(h, files.v[i], &svg);
        assert_whole(&svg);
        if (dir) {
            MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.svg", dir, files.v[i]);
            assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
            assert_int_equal(fs_write_atomic(path, svg.buf, svg.len, 0644, NULL), 0);
        } else if (++taken == 2) {
            break; /* two say as much as all when nobody keeps them */
        }
    }
}

static int set_up(void **state)
{
    *state = harness_new();
    return 0;
}

static int tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_pictures, set_up, tear_down)};
    return cmocka_run_group_tests_name("pictures", tests, NULL, NULL);
}
