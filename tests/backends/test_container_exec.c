/* SPDX-License-Identifier: Apache-2.0 */
/* Programs run in Apple's containers, over the stand-in at three versions: input, lines, codes, secrets, and what is
 * left when a call is cancelled. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "core/engine/tar.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/ctr_calls.h"
#include "tests/backends/standin_rig.h"
#include "tests/patience.h"
#include "tests/skip.h"

static void exec_at(const char *version)
{
    ctr_open(version);
    ctr_up(CTR_READY);
    assert_int_equal(ctr_sh("echo out; echo err >&2; id -u; pwd; exit 7"), 7);
    assert_int_equal(cw.err.code, ERROR_EXIT);
    assert_non_null(strstr(cw.lines.buf, "out\n"));
    assert_non_null(strstr(cw.lines.buf, "err\n"));
    assert_non_null(strstr(cw.lines.buf, "/workspace\n"));
    /* a program that is not there, and one that says the same by itself */
    const char *const nope[] = {"nope", "x", NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = CTR_DEMO, .argv = nope, .as_root = true};
    ctr_clear();
    assert_int_not_equal(ctr_call(&call), ERROR_NONE);
    assert_int_not_equal(call.exit_code, 0);
    assert_int_equal(ctr_sh("echo 'Error: no such thing' >&2; exit 1"), 1);
    assert_int_equal(cw.err.code, ERROR_EXIT);
    assert_int_equal(ctr_sh("kill -9 $$"), 128 + 9);
    ctr_close();
}

/* What is to be secret stands in no argv, and arrives whole. */
static void env_at(const char *version)
{
    static const char *const env[] = {"TOKEN=hush \"$HOME\" 'x'\ny=1", "PATH=/usr/bin:/bin:/sbin", NULL};
    const char *const argv[] = {"sh", "-c", "printf '%s|' \"$TOKEN\"; echo \"$PATH\"", NULL};
    struct backend_call call = {
        .verb = BACKEND_EXEC, .name = CTR_DEMO, .argv = argv, .env = env, .cwd = "/tmp", .as_root = true};
    ctr_open(version);
    ctr_up(CTR_READY);
    standin_forget_calls();
    ctr_clear();
    assert_int_equal(ctr_call(&call), ERROR_NONE);
    assert_string_equal(cw.lines.buf, "hush \"$HOME\" 'x'\ny=1|/usr/bin:/bin:/sbin\n");
    char *calls = standin_calls();
    assert_non_null(strstr(calls, "\"--env\",\"TOKEN\""));
    assert_null(strstr(calls, "hush"));
    free(calls);
    ctr_close();
}

/* How scripts get inside: an archive on the stdin of a tar. */
static void copy_at(const char *version)
{
    MT_CLEANUP(strbuf) struct strbuf tar = STRBUF_INIT, big = STRBUF_INIT;
    const char *const argv[] = {"tar", "-xf", "-", "-C", "/tmp", NULL};
    for (int i = 0; i < 40000; i++) {
        strbuf_addf(&big, "line %d of some length\n", i);
    }
    assert_int_equal(tar_add_file(&tar, "script.sh", 0755, "echo copied; exit 3\n", 20, NULL), 0);
    assert_int_equal(tar_add_file(&tar, "big", 0644, big.buf, big.len, NULL), 0);
    tar_end(&tar);
    struct backend_call call = {
        .verb = BACKEND_EXEC, .name = CTR_DEMO, .argv = argv, .input = tar.buf, .input_len = tar.len, .as_root = true};
    ctr_open(version);
    ctr_up(CTR_READY);
    assert_int_equal(ctr_call(&call), ERROR_NONE);
    assert_int_equal(ctr_sh("wc -l </tmp/big; /tmp/script.sh"), 3);
    assert_non_null(strstr(cw.lines.buf, "40000\n"));
    assert_non_null(strstr(cw.lines.buf, "copied\n"));
    ctr_close();
}

static bool has_begun(void *arg)
{
    (void)arg;
    return strstr(cw.lines.buf, "begun") != NULL;
}

/* Nobody holds the other end any more. */
static bool has_ended(void *arg)
{
    char c[16];
    return read(*(int *)arg, c, sizeof(c)) == 0;
}

/* Cancelled, it is over within a second, and what it began ends inside, though it would not hear of it. */
static void cancel_at(const char *version)
{
    const char *const argv[] = {
        "sh", "-c", "trap '' TERM INT HUP; exec 9>/workspace/held; echo begun; while :; do sleep 0.1; done", NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = CTR_DEMO, .argv = argv, .as_root = true};
    ctr_open(version);
    ctr_up(CTR_READY);
    ctr_clear();
    char *held = path_join(cw.spec.workspace, "held");
    assert_int_equal(mkfifo(held, 0666), 0);
    int fd = open(held, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    ctr_begin(&call);
    ctr_until(has_begun, NULL);
    uint64_t before = clock_mono_ms();
    container_backend.cancel(cw.be, &call);
    ctr_wait_all();
    assert_int_equal(cw.err.code, ERROR_CANCELED);
    assert_true(clock_mono_ms() - before < patience(1500));
    ctr_until(has_ended, &fd);
    close(fd);
    free(held);
    ctr_close();
}

/* What the runtime itself says: it does not run, its service is down. */
static void gone_at(const char *version)
{
    ctr_open(version);
    ctr_up(CTR_READY);
    struct backend_call stop = {.verb = BACKEND_STOP, .name = CTR_DEMO, .grace_ms = 1000};
    assert_int_equal(ctr_call(&stop), ERROR_NONE);
    assert_int_equal(ctr_sh("true"), 125);
    assert_int_equal(cw.err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(cw.err.msg, "not running"));
    standin_file("down", "");
    assert_int_equal(ctr_sh("true"), 125);
    assert_int_equal(cw.err.code, ERROR_UNAVAILABLE);
    assert_non_null(cw.err.hint);
    standin_file("down", NULL);
    ctr_close();
}

static void at_all(void (*test)(const char *version))
{
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    for (const char *const *v = standin_versions; *v; v++) {
        test(*v);
    }
}

static void test_exec(void **state)
{
    (void)state;
    at_all(exec_at);
}

static void test_env(void **state)
{
    (void)state;
    at_all(env_at);
}

static void test_copy(void **state)
{
    (void)state;
    at_all(copy_at);
}

static void test_cancel(void **state)
{
    (void)state;
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    cancel_at("1.2.2"); /* takes the seconds in which it is asked politely */
}

static void test_gone(void **state)
{
    (void)state;
    at_all(gone_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec),   cmocka_unit_test(test_env),  cmocka_unit_test(test_copy),
        cmocka_unit_test(test_cancel), cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
