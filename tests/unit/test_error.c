/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/error.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

static void test_set(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    assert_int_equal(error_set(&err, ERROR_BUSY, "web: %d", 7), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    assert_string_equal(err.msg, "web: 7");
    assert_null(err.hint);
    assert_int_equal(error_hint(&err, ERROR_DENIED, "try sudo", "no"), -1);
    assert_string_equal(err.hint, "try sudo");
    assert_int_equal(error_set(&err, ERROR_INVALID, "x"), -1);
    assert_null(err.hint);
    /* Nobody cares. */
    assert_int_equal(error_set(NULL, ERROR_BUSY, "x"), -1);
    assert_int_equal(error_hint(NULL, ERROR_BUSY, "h", "x"), -1);
    assert_int_equal(error_sys(NULL, ENOENT, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
}

static void test_sys(void **state)
{
    (void)state;
    static const struct {
        int sys;
        enum error_code code;
        bool hint;
    } CASES[] = {
        {ENOENT, ERROR_NOT_FOUND, false}, {EACCES, ERROR_DENIED, true},  {EPERM, ERROR_DENIED, false},
        {EROFS, ERROR_DENIED, true},      {EEXIST, ERROR_EXISTS, false}, {ENOSPC, ERROR_SYS, true},
        {EIO, ERROR_SYS, false},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct error err = ERROR_INIT;
        assert_int_equal(error_sys(&err, CASES[i].sys, "open %s", "f"), -1);
        assert_int_equal(err.code, CASES[i].code);
        assert_int_equal(err.sys, CASES[i].sys);
        assert_int_equal(err.hint != NULL, CASES[i].hint);
        assert_true(strncmp(err.msg, "open f: ", 8) == 0);
        assert_string_equal(err.msg + 8, strerror(CASES[i].sys));
    }
    struct error err = ERROR_INIT;
    (void)error_sys(&err, ELOOP, "p");
    assert_non_null(strstr(err.msg, "symlink loop"));
}

static void test_wrap(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    (void)error_sys(&err, ENOSPC, "write f");
    const char *hint = err.hint;
    assert_int_equal(error_wrap(&err, "provision %s", "web"), -1);
    assert_true(strncmp(err.msg, "provision web: write f: ", 24) == 0);
    assert_int_equal(err.code, ERROR_SYS);
    assert_int_equal(err.sys, ENOSPC);
    assert_ptr_equal(err.hint, hint);
}

static void test_hostile_text(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    (void)error_set(&err, ERROR_PARSE, "a\nb\tc\033[31m\x9b\xff\n");
    assert_string_equal(err.msg, "a b c\xEF\xBF\xBD[31m\xEF\xBF\xBD\xEF\xBF\xBD");
    /* Any length, cut between characters. */
    for (size_t n = 490; n < 530; n++) {
        char big[3 * 530 + 1];
        for (size_t i = 0; i < n; i++) {
            memcpy(big + 3 * i, "\xE2\x82\xAC", 4);
        }
        (void)error_set(&err, ERROR_PARSE, "%.*s%s", (int)(n % 3), "xx", big);
        assert_true(strlen(err.msg) < sizeof(err.msg));
        assert_true(strlen(err.msg) >= sizeof(err.msg) - 4);
        assert_true(utf8_is_valid(err.msg, strlen(err.msg)));
    }
    for (int i = 0; i < 1000; i++) {
        (void)error_wrap(&err, "again");
    }
    assert_true(strncmp(err.msg, "again: again: ", 14) == 0);
}

static void test_transient(void **state)
{
    (void)state;
    static const int YES[] = {EINTR, EAGAIN, ENOBUFS, EMFILE, ENFILE, ENOMEM}, NO[] = {EIO, ENOSPC, EINVAL};
    for (size_t i = 0; i < MT_ARRAY_LEN(YES); i++) {
        assert_true(error_is_transient(&(struct error){.code = ERROR_SYS, .sys = YES[i]}));
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(NO); i++) {
        assert_false(error_is_transient(&(struct error){.code = ERROR_SYS, .sys = NO[i]}));
    }
    for (int code = ERROR_NONE; code < ERROR_SYS; code++) {
        bool want = code == ERROR_TIMEOUT || code == ERROR_BUSY || code == ERROR_UNAVAILABLE;
        assert_int_equal(error_is_transient(&(struct error){.code = (enum error_code)code, .sys = EAGAIN}), want);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(error_code_name(ERROR_NOT_FOUND), "not_found");
    assert_string_equal(error_code_name(ERROR_CANCELED), "canceled");
    for (int a = ERROR_NONE; a <= ERROR_CODE_LAST; a++) {
        assert_non_null(error_code_name((enum error_code)a));
        for (int b = ERROR_NONE; b < a; b++) {
            assert_string_not_equal(error_code_name((enum error_code)a), error_code_name((enum error_code)b));
        }
    }
    assert_non_null(error_code_name((enum error_code)999));
}

static void test_exit_codes(void **state)
{
    (void)state;
    for (int code = ERROR_NONE; code <= ERROR_CODE_LAST; code++) {
        int want = code == ERROR_NONE                                  ? 0
                   : code == ERROR_INVALID || code == ERROR_PARSE      ? 64
                   : code == ERROR_NOT_FOUND                           ? 66
                   : code == ERROR_UNAVAILABLE || code == ERROR_ANSWER ? 69
                                                                       : 1;
        assert_int_equal(error_exit_code(&(struct error){.code = (enum error_code)code}), want);
    }
}

static int g_pipe[2];

static void hook(void)
{
    ssize_t n = write(g_pipe[1], "hook ", 5);
    (void)n;
}

/* A bug restores the terminal (the hook), then says where, then aborts; out of memory takes the same way. */
static void test_bug(void **state)
{
    (void)state;
    for (int oom = 0; oom < 2; oom++) {
        char text[512];
        size_t len = 0;
        int status;
        ssize_t n;
        assert_int_equal(pipe(g_pipe), 0);
        pid_t pid = fork();
        if (pid == 0) {
            signal(SIGABRT, SIG_DFL);
            dup2(g_pipe[1], STDERR_FILENO);
            mt_bug_hook = hook;
            if (oom) {
                (void)xreallocarray(NULL, SIZE_MAX / 2, 3);
            } else {
                MT_BUG("it is %s", "broken");
            }
            _exit(0);
        }
        close(g_pipe[1]);
        while (len < sizeof(text) - 1 && (n = read(g_pipe[0], text + len, sizeof(text) - 1 - len)) > 0) {
            len += (size_t)n;
        }
        text[len] = '\0';
        close(g_pipe[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_true(strncmp(text, "hook muthr-tui: bug at ", 23) == 0);
        assert_non_null(strstr(text, oom ? "too large" : "test_error.c:"));
        assert_int_equal(text[len - 1], '\n');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),          cmocka_unit_test(test_sys),        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_bug),        cmocka_unit_test(test_transient),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
