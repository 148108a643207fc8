/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/logfollow.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct world {
    struct loop *loop;
    char dir[64], *path;
    struct logfollow *f;
    struct strbuf got;
    int anew, cut, skips;
    size_t behind;
    bool close_now;
};

static void on_data(void *arg, const char *data, size_t len)
{
    struct world *w = arg;
    strbuf_add(&w->got, data, len);
    if (w->close_now) {
        logfollow_close(w->f);
        w->f = NULL;
    }
}

static void on_news(void *arg, enum logfollow_news news)
{
    struct world *w = arg;
    w->anew += news == LOGFOLLOW_ANEW;
    w->cut += news == LOGFOLLOW_CUT;
    if (news == LOGFOLLOW_SKIP) {
        w->skips++;
        strbuf_clear(&w->got);
    }
}

static void put(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Until it has brought just this. */
static void wait_for(struct world *w, const char *text)
{
    struct timer *deadline = timer_new(w->loop, nothing, NULL);
    timer_start(deadline, 20000);
    while (strcmp(w->got.buf != NULL ? w->got.buf : "", text) != 0) {
        if (!timer_is_active(deadline)) {
            fail_msg("it brought \"%s\", not \"%s\"", w->got.buf, text);
        }
        loop_turn(w->loop, true);
    }
    timer_close(deadline);
    strbuf_clear(&w->got);
}

static int set_up(void **state)
{
    struct world *w = xcalloc(1, sizeof(*w));
    w->loop = loop_new();
    w->got = STRBUF_INIT;
    str_copy(w->dir, sizeof(w->dir), "/tmp/muthr-follow-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    w->path = path_join(w->dir, "x.log");
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    logfollow_close(w->f);
    assert_int_equal(loop_free(w->loop), 0);
    assert_int_equal(fs_remove_tree(w->dir, NULL), 0);
    strbuf_release(&w->got);
    free(w->path);
    free(w);
    return 0;
}

static void follow(struct world *w, size_t lines)
{
    struct error err = ERROR_INIT;
    w->f = logfollow_new(&(struct logfollow_opts){.loop = w->loop,
                                                  .path = w->path,
                                                  .lines = lines,
                                                  .behind = w->behind,
                                                  .on_data = on_data,
                                                  .on_news = on_news,
                                                  .arg = w},
                         &err);
    if (w->f == NULL) {
        fail_msg("%s", err.msg);
    }
}

static void test_tail_and_growth(void **state)
{
    struct world *w = *state;
    put(w->path, "one\ntwo\nthree\n", 0);
    follow(w, 2);
    wait_for(w, "two\nthree\n");
    put(w->path, "four\nfi", O_APPEND);
    wait_for(w, "four\nfi");
    put(w->path, "ve\n", O_APPEND);
    wait_for(w, "ve\n");
    assert_int_equal(w->anew + w->cut, 0);
}

static void test_not_there_moved_cut(void **state)
{
    struct world *w = *state;
    MT_CLEANUP(xfree) char *old = path_join(w->dir, "x.log.1");
    follow(w, 10);
    put(w->path, "first\n", 0);
    wait_for(w, "first\n");
    /* what was written before it was moved away is not lost */
    put(w->path, "last of the old\n", O_APPEND);
    assert_int_equal(rename(w->path, old), 0);
    put(w->path, "new\n", O_EXCL);
    wait_for(w, "last of the old\nnew\n");
    assert_int_equal(w->anew, 1);
    put(w->path, "x\n", O_TRUNC);
    wait_for(w, "x\n");
    assert_int_equal(w->cut, 1);
    assert_int_equal(unlink(w->path), 0);
    put(w->path, "again\n", O_EXCL);
    wait_for(w, "again\n");
}

static void test_odd(void **state)
{
    struct world *w = *state;
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *no = path_join(w->dir, "no/x.log");
    assert_null(logfollow_new(&(struct logfollow_opts){.loop = w->loop, .path = no, .on_data = on_data}, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    /* a pipe in its place is not read, and nothing hangs */
    assert_int_equal(mkfifo(w->path, 0600), 0);
    follow(w, 10);
    struct timer *t = timer_new(w->loop, nothing, NULL);
    timer_start(t, 50);
    while (timer_is_active(t)) {
        loop_turn(w->loop, true);
    }
    timer_close(t);
    assert_int_equal(w->got.len, 0);
    assert_int_equal(unlink(w->path), 0);
    /* far more than a block, and lines of which only the last 256 KiB are looked at; closed by whom it tells */
    MT_CLEANUP(strbuf) struct strbuf big = STRBUF_INIT;
    for (int i = 0; i < 40000; i++) {
        strbuf_addf(&big, "line %d of them\n", i);
    }
    put(w->path, big.buf, O_EXCL);
    wait_for(w, big.buf);
    logfollow_close(w->f);
    follow(w, 3);
    wait_for(w, "line 39997 of them\nline 39998 of them\nline 39999 of them\n");
    w->close_now = true;
    put(w->path, "end\n", O_APPEND);
    wait_for(w, "end\n");
    assert_null(w->f);
}

/* Of a flood only the end comes, when no more is wanted. */
static void test_flood(void **state)
{
    struct world *w = *state;
    MT_CLEANUP(strbuf) struct strbuf big = STRBUF_INIT;
    w->behind = 1000;
    put(w->path, "one\n", 0);
    follow(w, 5);
    wait_for(w, "one\n");
    for (int i = 0; i < 2000; i++) {
        strbuf_addf(&big, "line %d\n", i);
    }
    put(w->path, big.buf, O_APPEND);
    wait_for(w, big.buf + big.len - 1000);
    assert_int_equal(w->skips, 1);
    put(w->path, "end\n", O_APPEND);
    wait_for(w, "end\n");
    assert_int_equal(w->skips, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tail_and_growth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_there_moved_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flood, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
