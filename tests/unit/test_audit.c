/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/audit.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static struct temphome home;
static char log_path[256];

static int set_up(void **state)
{
    (void)state;
    temphome_open(&home);
    str_format(log_path, sizeof(log_path), "%s/new/folder/audit.ndjson", home.dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temphome_close(&home);
    return 0;
}

static int put(const char *session, struct error *err)
{
    struct json *event = json_new_object();
    json_set_string(event, "event", "session_start");
    json_set_string(event, "session", session);
    return audit_append(log_path, event, err);
}

static void put_many(int n)
{
    for (int i = 0; i < n; i++) {
        struct error err = ERROR_INIT;
        char name[16];
        str_format(name, sizeof(name), "s%d", i);
        if (put(name, &err) < 0) {
            fail_msg("%s", err.msg);
        }
    }
}

static struct audit_result verify(void)
{
    struct audit_result r;
    struct error err = ERROR_INIT;
    if (audit_verify(log_path, &r, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    return r;
}

static void load(struct strbuf *out)
{
    assert_int_equal(fs_read(log_path, 1u << 24, out, NULL), 0);
}

static void store(const struct strbuf *text)
{
    assert_int_equal(fs_write_atomic(log_path, text->buf, text->len, 0600, NULL), 0);
}

static void test_chain(void **state)
{
    (void)state;
    struct stat st;
    put_many(5);
    struct audit_result r = verify();
    assert_int_equal(r.lines, 5);
    assert_int_equal(r.broken, 0);
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    MT_CLEANUP(xfree) char *dir = xasprintf("%s/new/folder", home.dir);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    load(&text);
    struct json *first = json_parse(text.buf, strcspn(text.buf, "\n"), NULL);
    const char *ts = json_get_string(first, "ts", "");
    assert_int_equal(strlen(ts), 20);
    assert_int_equal(ts[19], 'Z');
    assert_int_equal(strspn(json_get_string(first, "prev", ""), "0"), 64);
    json_free(first);
}

static void test_tampering(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, bad = STRBUF_INIT;
    put_many(5);
    load(&text);
    const char *line[6];
    line[0] = text.buf;
    for (int i = 1; i < 6; i++) {
        line[i] = strchr(line[i - 1], '\n') + 1;
    }
    strbuf_add(&bad, text.buf, text.len); /* a character of line 3 */
    bad.buf[line[2] - text.buf + 12] ^= 1;
    store(&bad);
    assert_int_equal(verify().broken, 4);
    strbuf_clear(&bad); /* line 2 removed */
    strbuf_add(&bad, line[0], (size_t)(line[1] - line[0]));
    strbuf_addstr(&bad, line[2]);
    store(&bad);
    assert_int_equal(verify().broken, 2);
    strbuf_clear(&bad); /* the first removed */
    strbuf_addstr(&bad, line[1]);
    store(&bad);
    assert_int_equal(verify().broken, 1);
    strbuf_clear(&bad); /* lines 2 and 3 swapped */
    strbuf_add(&bad, line[0], (size_t)(line[1] - line[0]));
    strbuf_add(&bad, line[2], (size_t)(line[3] - line[2]));
    strbuf_add(&bad, line[1], (size_t)(line[2] - line[1]));
    strbuf_addstr(&bad, line[3]);
    store(&bad);
    assert_int_equal(verify().broken, 2);
    strbuf_clear(&bad); /* the last one cut off: what follows it goes on in a line of its own */
    strbuf_add(&bad, text.buf, text.len - 10);
    store(&bad);
    assert_int_equal(verify().broken, 5);
    put_many(1);
    struct audit_result r = verify();
    assert_int_equal(r.broken, 5);
    strbuf_clear(&bad);
    strbuf_addstr(&bad, "not json\n");
    store(&bad);
    assert_int_equal(verify().broken, 1);
}

/* Cockpits, hosts and verbs at once. */
static void test_writers(void **state)
{
    (void)state;
    enum { WRITERS = 6, EACH = 60 };
    pid_t pids[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            int lost = 0;
            for (int k = 0; k < EACH; k++) {
                lost += put("w", NULL) < 0;
            }
            _exit(lost);
        }
    }
    int written = 0;
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        written += EACH - WEXITSTATUS(status);
    }
    struct audit_result r = verify();
    assert_int_equal(r.broken, 0);
    assert_int_equal(r.lines, written); /* what was said to be written is, nothing else */
    assert_true(written > EACH);
}

/* A full disk leaves no half line. */
static void test_full(void **state)
{
    (void)state;
    struct rlimit before, small;
    struct stat st, after;
    put_many(2);
    assert_int_equal(stat(log_path, &st), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = (rlim_t)st.st_size + 20;
    void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    struct error err = ERROR_INIT;
    int rc = put("lost", &err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, old);
    assert_int_equal(rc, -1);
    assert_int_equal(stat(log_path, &after), 0);
    assert_int_equal(after.st_size, st.st_size);
    put_many(1);
    assert_int_equal(verify().broken, 0);
    assert_int_equal(verify().lines, 3);
}

static void test_refused(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    put_many(1);
    int fd = open(log_path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0); /* somebody keeps it */
    assert_int_equal(put("x", &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    close(fd);
    str_format(log_path, sizeof(log_path), "%s/fifo", home.dir);
    assert_int_equal(mkfifo(log_path, 0600), 0);
    assert_int_equal(put("x", &err), -1); /* and does not wait for a reader */
    struct audit_result r;
    assert_int_equal(audit_verify(log_path, &r, &err), -1);
    str_format(log_path, sizeof(log_path), "%s", home.dir);
    assert_int_equal(put("x", &err), -1);
    str_format(log_path, sizeof(log_path), "%s/none", home.dir);
    assert_int_equal(audit_verify(log_path, &r, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
}

static void test_hidden(void **state)
{
    (void)state;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    strvec_pushl(&env, "TOKEN=hush=1", "MUTHR_MODEL_NAME=qwen", "MUTHR_MODEL_NAMES=hush", "BY_NAME", NULL);
    struct json *list = audit_env(&env);
    json_write(list, false, &out);
    json_free(list);
    assert_non_null(strstr(out.buf, "[\"TOKEN=***\",\"MUTHR_MODEL_NAME=qwen\",\"MUTHR_MODEL_NAMES=***\",\"BY_NAME\"]"));
    static const char *const argv[] = {"run", "--env", "K=hush", "--env=L=hush", "a\xff\n", NULL};
    strbuf_clear(&out);
    list = audit_argv(argv);
    json_write(list, false, &out);
    json_free(list);
    assert_null(strstr(out.buf, "hush"));
    assert_non_null(strstr(out.buf, "\"--env=L=***\""));
    struct json *event = json_new_object();
    json_set_string(event, "event", "command");
    json_set(event, "argv", audit_argv(argv));
    assert_int_equal(audit_append(log_path, event, NULL), 0);
    assert_int_equal(verify().broken, 0);
    MT_CLEANUP(strvec) struct strvec many = STRVEC_INIT;
    for (int i = 0; i < 65536; i++) {
        strvec_push(&many, "0123456789");
    }
    event = json_new_object();
    json_set_string(event, "event", "command");
    json_set(event, "argv", audit_argv((const char *const *)many.v));
    assert_int_equal(audit_append(log_path, event, NULL), 0);
    assert_int_equal(verify().broken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tampering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_writers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hidden, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
