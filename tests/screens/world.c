/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/screens/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

void world_small(struct harness *h)
{
    harness_mkdir(h, "src/api");
    harness_mkdir(h, "src/docs");
    harness_mkdir(h, "src/homepage");
}

int world_set_up(void **state)
{
    struct harness *h = harness_new();

    world_small(h);
    *state = h;
    return 0;
}

int world_tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

void world_start(struct harness *h, int cols, int rows, const char *const *args, const char *const *env)
{
    harness_start(h, &(struct harness_opts){.cols = cols, .rows = rows, .args = args, .env = env});
}

/* The program has left as it should. */
static void check_left(struct harness *h)
{
    assert_int_equal(harness_wait_exit(h), 0);
    assert_true(harness_tty_is_restored(h));
    assert_false(vt_is_alt(harness_vt(h)));
}

void world_leave(struct harness *h)
{
    harness_key(h, "q");
    check_left(h);
}

void world_leave_session(struct harness *h)
{
    harness_keys(h, "C-] q");
    check_left(h);
}

void world_open_shell(struct harness *h)
{
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
}

void world_another_shell(struct harness *h)
{
    harness_type(h, "clear; echo be''fore\r");
    harness_wait_text(h, "before");
    harness_keys(h, "C-] n");
    harness_wait_text(h, "New session");
    harness_key(h, "Enter");
    harness_wait_gone(h, "before");
    harness_wait_text(h, WORLD_PROMPT);
}

struct harness *world_join(struct harness *of, int cols, int rows)
{
    struct harness *h = harness_new();
    const char *home = harness_home(of);
    MT_CLEANUP(xfree) char *e_home = xasprintf("HOME=%s", home);
    MT_CLEANUP(xfree) char *e_config = xasprintf("XDG_CONFIG_HOME=%s/.config", home);
    MT_CLEANUP(xfree) char *e_state = xasprintf("XDG_STATE_HOME=%s/.local/state", home);
    MT_CLEANUP(xfree) char *e_run = xasprintf("XDG_RUNTIME_DIR=%s/run", home);
    const char *env[] = {e_home, e_config, e_state, e_run, NULL};

    world_start(h, cols, rows, NULL, env);
    return h;
}

/* A path below HOME is there. */
static bool is_there(struct harness *h, void *arg)
{
    (void)h;
    return fs_exists(arg);
}

void world_wait_file(struct harness *h, const char *relative)
{
    MT_CLEANUP(xfree) char *path = path_join(harness_home(h), relative);
    MT_CLEANUP(xfree) char *what = xasprintf("%s does not appear", relative);

    harness_watch(h, is_there, path, what);
}

/* It holds just that. */
static bool holds(struct harness *h, void *arg)
{
    const char *const *is = arg;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    (void)h;
    return fs_read(is[0], 1u << 20, &text, &err) == 0 && strcmp(text.buf, is[1]) == 0;
}

void world_wait_content(struct harness *h, const char *relative, const char *text)
{
    MT_CLEANUP(xfree) char *path = path_join(harness_home(h), relative);
    MT_CLEANUP(xfree) char *what = xasprintf("%s does not come to hold \"%s\"", relative, text);

    harness_watch(h, holds, (const char *[]){path, text}, what);
}

void world_read(struct harness *h, const char *relative, struct strbuf *out)
{
    MT_CLEANUP(xfree) char *path = path_join(harness_home(h), relative);
    struct error err = ERROR_INIT;

    strbuf_clear(out);
    if (fs_read(path, 16u << 20, out, &err) != 0) {
        fail_msg("%s", err.msg);
    }
}

void world_run(struct harness *h, const char *command)
{
    MT_CLEANUP(xfree) char *line = xasprintf("%s; touch /workspace/.ran\r", command);
    MT_CLEANUP(xfree) char *ran = path_join(harness_home(h), "src/api/.ran");

    harness_type(h, line);
    world_wait_file(h, "src/api/.ran");
    assert_int_equal(unlink(ran), 0);
}
