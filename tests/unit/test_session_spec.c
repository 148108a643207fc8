/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/client.h"
#include "term/hostenv.h"
#include "term/meta.h"
#include "term/pulse.h"
#include "term/session_dir.h"
#include "term/session_spec.h"
#include "tests/unit/temphome.h"

static void test_ids(void **state)
{
    static const char *const PROJECTS[] = {"web",       "",        "-rf",
                                           "../../etc", ".hidden", "naïve name",
                                           "\n\033[2J", "漢字",    "a-very-long-project-name-that-goes-on-and-on"};
    char a[SESSION_ID_MAX], b[SESSION_ID_MAX];

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(PROJECTS); i++) {
        session_id_make(a, PROJECTS[i], SESSION_PROVISION, 1790000000000u, 46655);
        assert_int_equal(session_id_check(a, NULL), 0);
        assert_true(strlen(a) <= 39);
        assert_null(strstr(a, "/"));
        assert_non_null(strstr(a, "-provision-"));
    }
    session_id_make(a, "web", SESSION_SHELL, 1790000000000u, 5);
    session_id_make(b, "web", SESSION_SHELL, 1790000000001u, 4);
    assert_true(strcmp(a, b) < 0); /* sorts by time */
    assert_int_equal(session_id_check("", NULL), -1);
    assert_int_equal(session_id_check("..", NULL), -1);
    assert_int_equal(session_id_check("a/b", NULL), -1);
    assert_int_equal(session_id_check("0123456789012345678901234567890123456789", NULL), -1);
}

static void test_spec(void **state)
{
    static const char *const ARGV[] = {"bash", "-c", "echo \"x\"\n", NULL}, *const ENV[] = {"SECRET=a b", NULL};
    struct session_start start = {.executable = "/x",
                                  .kind = SESSION_AGENT,
                                  .sandbox = "muthr-web",
                                  .project = "we\nb",
                                  .tag = "p 1",
                                  .command = "make &&\n\tmake test",
                                  .argv = ARGV,
                                  .env = ENV,
                                  .cols = 100,
                                  .rows = 30};
    struct strbuf b = STRBUF_INIT;
    struct session_spec_data d;

    (void)state;
    session_spec_write(&start, "web-agent-1", "/run/s", &b);
    session_spec_init(&d);
    assert_int_equal(session_spec_read(b.buf, b.len, &d, NULL), 0);
    assert_string_equal(d.info.id, "web-agent-1");
    assert_int_equal(d.info.kind, SESSION_AGENT);
    assert_string_equal(d.info.project, "we\nb");
    assert_string_equal(d.info.tag, "p 1");
    assert_string_equal(d.info.command, "make &&\n\tmake test");
    assert_string_equal(d.dir, "/run/s");
    assert_string_equal(d.cwd, "/");
    assert_int_equal(d.argv.len, 3);
    assert_string_equal(d.argv.v[2], "echo \"x\"\n");
    assert_string_equal(d.env.v[0], "SECRET=a b");
    assert_int_equal(d.info.cols, 100);
    assert_int_equal(d.scrollback_lines, 10000);
    assert_true(d.scrollback_bytes == 16u << 20 && d.log_max_bytes == 32u << 20);
    session_spec_release(&d);
    char *longer = xcalloc(SESSION_COMMAND_MAX + 1, 1);
    memset(longer, 'x', SESSION_COMMAND_MAX);
    start.command = longer;
    strbuf_clear(&b);
    session_spec_write(&start, "web-agent-1", "/run/s", &b);
    session_spec_init(&d);
    assert_int_equal(session_spec_read(b.buf, b.len, &d, NULL), 0);
    assert_string_equal(d.info.command, ""); /* whole or not at all: half of it could do anything */
    session_spec_release(&d);
    free(longer);
    strbuf_release(&b);
}

static void test_spec_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "[]",
        "{",
        "{\"id\":\"a\",\"dir\":\"/d\"}",
        "{\"id\":\"a\",\"dir\":\"/d\",\"argv\":[\"\"]}",
        "{\"id\":\"../a\",\"dir\":\"/d\",\"argv\":[\"x\"]}",
        "{\"id\":\"a\",\"dir\":\"d\",\"argv\":[\"x\"]}",
        "{\"id\":\"a\",\"dir\":\"/d\",\"argv\":[\"x\"],\"log_path\":\"rel\"}",
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        struct session_spec_data d;
        struct error err = ERROR_INIT;

        session_spec_init(&d);
        assert_int_equal(session_spec_read(BAD[i], strlen(BAD[i]), &d, &err), -1);
        assert_true(err.msg[0] != '\0');
        session_spec_release(&d);
    }
}

static void test_answer(void **state)
{
    struct strbuf b = STRBUF_INIT;
    struct error err = ERROR_INIT, got = ERROR_INIT;

    (void)state;
    session_answer_write(NULL, &b);
    assert_int_equal(session_answer_read(b.buf, b.len, &got), 0);
    strbuf_clear(&b);
    error_set(&err, ERROR_NOT_FOUND, "no \"bash\" here");
    session_answer_write(&err, &b);
    assert_int_equal(session_answer_read(b.buf, b.len, &got), -1);
    assert_int_equal(got.code, ERROR_NOT_FOUND);
    assert_string_equal(got.msg, "no \"bash\" here");
    assert_int_equal(session_answer_read("", 0, &got), -1);
    assert_int_equal(got.code, ERROR_UNAVAILABLE);
    assert_int_equal(session_answer_read("Segmentation fault", 18, &got), -1);
    strbuf_release(&b);
}

static void test_meta(void **state)
{
    struct session_info in = {.id = "x",
                              .kind = SESSION_TASK,
                              .state = SESSION_EXITED,
                              .attention = ATTENTION_WAITING,
                              .attention_seen = true,
                              .number = 7,
                              .name = "the web server",
                              .front = "vim",
                              .title = "t\033]0;evil\007",
                              .host_pid = 11,
                              .pid = 12,
                              .cols = 80,
                              .rows = 24,
                              .working = true,
                              .progress = 40,
                              .exit_code = 137,
                              .exit_signal = 9,
                              .seen = true,
                              .last_line = "héllo",
                              .started_wall_ms = 1790000000000u,
                              .attention_since_ms = 3,
                              .command = "a\n\tb",
                              .log_path = "/l"},
                        out;
    struct strbuf b = STRBUF_INIT;

    (void)state;
    meta_write(&in, &b);
    assert_int_equal(meta_read(b.buf, b.len, "mine", &out, NULL), 0);
    assert_string_equal(out.id, "mine"); /* the socket's name, not what the host says */
    assert_int_equal(out.kind, SESSION_TASK);
    assert_int_equal(out.state, SESSION_EXITED);
    assert_int_equal(out.attention, ATTENTION_WAITING);
    assert_true(out.attention_seen);
    assert_int_equal(out.number, 7);
    assert_string_equal(out.name, "the web server");
    assert_string_equal(out.front, "vim");
    assert_null(strchr(out.title, 27));
    assert_true(out.working && out.seen && out.progress == 40 && out.exit_code == 137 && out.exit_signal == 9);
    assert_true(out.started_wall_ms == in.started_wall_ms && out.host_pid == 11 && out.cols == 80);
    assert_string_equal(out.last_line, "héllo");
    assert_string_equal(out.command, "a\n\tb"); /* bytes: it is run, not shown */
    assert_int_equal(meta_read("[1]", 3, "x", &out, NULL), -1);
    assert_int_equal(meta_read("{", 1, "x", &out, NULL), -1);
    /* of a newer host: unknown kinds and keys do no harm */
    assert_int_equal(meta_read("{\"kind\":\"robot\",\"state\":5,\"pid\":1e99,\"z\":[]}", 44, "x", &out, NULL), 0);
    assert_int_equal(out.pid, 0);
    strbuf_release(&b);
}

static const struct task_policy POLICY = {
    .restart = TASK_RESTART_ON_FAILURE, .ready_port = 3000, .ready_match = "^ready \\d+", .most_restarts = 5};

static void test_spec_of_a_task(void **state)
{
    static const char *const ARGV[] = {"sh", NULL};
    struct session_start start = {.kind = SESSION_TASK, .argv = ARGV, .task = &POLICY};
    struct strbuf b = STRBUF_INIT, text = STRBUF_INIT;
    struct session_spec_data d;
    struct error err = ERROR_INIT;

    (void)state;
    session_spec_write(&start, "web-task-1", "/run/s", &b);
    session_spec_init(&d);
    assert_int_equal(session_spec_read(b.buf, b.len, &d, NULL), 0);
    assert_memory_equal(&d.info.task.policy, &POLICY, sizeof(POLICY));
    session_spec_release(&d);
    strbuf_clear(&b);
    start.task = NULL;
    session_spec_write(&start, "web-task-1", "/run/s", &b);
    session_spec_init(&d);
    assert_int_equal(session_spec_read(b.buf, b.len, &d, NULL), 0);
    assert_int_equal(d.info.task.policy.restart, TASK_RESTART_NEVER);
    assert_string_equal(d.info.task.policy.ready_match, "");
    session_spec_release(&d);
    /* a pattern is taken whole or not at all */
    strbuf_addstr(&text, "{\"id\":\"a\",\"dir\":\"/d\",\"argv\":[\"x\"],\"task\":{\"ready_match\":\"");
    for (int i = 0; i < TASK_READY_MAX; i++) {
        strbuf_addch(&text, 'x');
    }
    strbuf_addstr(&text, "\"}}");
    session_spec_init(&d);
    assert_int_equal(session_spec_read(text.buf, text.len, &d, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    session_spec_release(&d);
    strbuf_release(&b);
    strbuf_release(&text);
}

static void test_meta_of_a_task(void **state)
{
    struct session_info in = {.kind = SESSION_TASK,
                              .task = {.policy = POLICY,
                                       .ready = TASK_READY_YES,
                                       .ready_wall_ms = 1790000000003u,
                                       .run_wall_ms = 1790000000002u,
                                       .restarts = 7,
                                       .in_a_row = 2,
                                       .next_wall_ms = 1790000000009u,
                                       .last_code = 137,
                                       .last_signal = 9,
                                       .last_lasted_ms = 1234,
                                       .ports = {80, 3000},
                                       .port_count = 2}},
                        out;
    static const char HOSTILE[] =
        "{\"kind\":\"task\",\"task\":{\"policy\":{\"restart\":\"often\",\"ready_port\":70000,\"most_restarts\":-1,"
        "\"ready_match\":\"a\\u001bb\"},\"ready\":\"maybe\",\"ready_since\":-4,\"run_started\":\"x\",\"restarts\":"
        "1e300,"
        "\"in_a_row\":-2,\"next\":[],\"last_code\":4000,\"last_signal\":-9,\"last_lasted\":-1,"
        "\"ports\":[70000,0,-1,9,\"8\",8.5,8,9,1,2,3,4,5,6,7,10,11,{},null]}}";

    (void)state;
    struct strbuf b = STRBUF_INIT;
    meta_write(&in, &b);
    assert_int_equal(meta_read(b.buf, b.len, "x", &out, NULL), 0);
    assert_memory_equal(&out.task, &in.task, sizeof(in.task));
    assert_int_equal(meta_read(HOSTILE, strlen(HOSTILE), "x", &out, NULL), 0);
    const struct task_state *t = &out.task;
    assert_true(t->policy.restart == TASK_RESTART_NEVER && t->policy.ready_port == 0 && t->policy.most_restarts == 0);
    assert_null(strchr(t->policy.ready_match, 27));
    assert_true(t->ready == TASK_READY_UNASKED && t->ready_wall_ms == 0 && t->run_wall_ms == 0 && t->restarts == 0);
    assert_true(t->in_a_row == 0 && t->next_wall_ms == 0 && t->last_code == 0 && t->last_signal == 0);
    assert_true(t->last_lasted_ms == 0 && t->port_count == TASK_PORTS_MAX);
    for (size_t i = 1; i < t->port_count; i++) {
        assert_true(t->ports[i] > t->ports[i - 1]);
    }
    /* of an older host, and of a shell: nothing */
    assert_int_equal(meta_read("{\"kind\":\"task\"}", 15, "x", &out, NULL), 0);
    assert_int_equal(out.task.restarts, 0);
    strbuf_release(&b);
}

static void test_environment(void **state)
{
    static const char *const BASE[] = {
        "HOME=/h",        "TERM=dumb",     "TMUX=/x",    "TMUX_PANE=1",  "KITTY_WINDOW_ID=1",
        "VTE_VERSION=7",  "STY=1",         "WINDOWID=2", "COLUMNS=9",    "LINES=9",
        "TERM_PROGRAM=x", "TERMINAL=keep", "LANG=C",     "COLORTERM=no", NULL};
    static const char *const ADD[] = {"LANG=en", "NEW=1=2", "=bad", "bad", "TERM=vt100", NULL};
    struct strvec env = STRVEC_INIT;

    (void)state;
    hostenv_build(&env, BASE, NULL);
    assert_string_equal(strvec_getenv(&env, "TERM"), "xterm-256color");
    assert_string_equal(strvec_getenv(&env, "COLORTERM"), "truecolor");
    assert_string_equal(strvec_getenv(&env, "HOME"), "/h");
    assert_string_equal(strvec_getenv(&env, "TERMINAL"), "keep");
    assert_int_equal(env.len, 5);
    strvec_clear(&env);
    hostenv_build(&env, BASE, ADD);
    assert_string_equal(strvec_getenv(&env, "LANG"), "en");
    assert_string_equal(strvec_getenv(&env, "NEW"), "1=2");
    assert_string_equal(strvec_getenv(&env, "TERM"), "vt100");
    assert_int_equal(env.len, 6);
    strvec_release(&env);
}

static void test_directory(void **state)
{
    struct temphome home;
    struct strvec ids = STRVEC_INIT;
    struct stat st;
    char *dir, *file;

    (void)state;
    temphome_open(&home);
    dir = path_join(home.dir, "a/sessions");
    assert_int_equal(session_dir_prepare(dir, NULL), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_int_equal(session_dir_prepare(dir, NULL), 0);
    assert_int_equal(stat(dir, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    temphome_write(&home, "a/sessions/web-shell-1.sock", "");
    temphome_write(&home, "a/sessions/.x.sock", "");
    temphome_write(&home, "a/sessions/.sock", "");
    temphome_write(&home, "a/sessions/other", "");
    assert_int_equal(session_dir_list(dir, &ids, NULL), 0);
    assert_int_equal(ids.len, 1);
    assert_string_equal(ids.v[0], "web-shell-1");
    file = session_dir_socket(dir, "web-shell-1");
    assert_int_equal(session_dir_sweep(file), SESSION_SWEEP_NOT_OURS); /* no socket: not ours to remove */
    assert_true(fs_exists(file));
    assert_int_equal(session_dir_prepare(file, NULL), -1);
    free(file);
    free(dir);
    strvec_release(&ids);
    temphome_close(&home);
}

/* Somebody who owns, or may write to, what the directory lies in could put another one in its place. */
static void test_directory_in_a_strangers_folder(void **state)
{
    struct temphome home;
    struct error err = ERROR_INIT;
    char *outer, *dir, *alias, *by_alias;

    (void)state;
    temphome_open(&home);
    outer = path_join(home.dir, "outer");
    dir = path_join(outer, "sessions");
    alias = path_join(home.dir, "alias");
    by_alias = path_join(alias, "sessions");
    assert_int_equal(session_dir_prepare(dir, NULL), 0);
    assert_int_equal(chmod(outer, 0777), 0);
    assert_int_equal(session_dir_prepare(dir, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_int_equal(chmod(outer, 01777), 0); /* as /tmp is */
    assert_int_equal(session_dir_prepare(dir, NULL), 0);
    assert_int_equal(symlink(outer, alias), 0); /* our own link to our own folder */
    assert_int_equal(session_dir_prepare(by_alias, NULL), 0);
    if (geteuid() == 0) { /* only root can make a folder and a link of somebody else */
        assert_int_equal(lchown(alias, 65534, 65534), 0);
        assert_int_equal(session_dir_prepare(by_alias, &err), -1);
        assert_int_equal(chown(outer, 65534, 65534), 0);
        assert_int_equal(session_dir_prepare(dir, &err), -1);
    }
    free(outer);
    free(dir);
    free(alias);
    free(by_alias);
    temphome_close(&home);
}

/* pulse.c writes out the numbers of enum attention_kind, whose header it cannot see. */
static void test_pulse_numbers(void **state)
{
    struct pulse *p = pulse_new(true, 1000);

    (void)state;
    assert_int_equal(pulse_attention(p), ATTENTION_NONE);
    assert_true(pulse_bell(p, 1100));
    assert_int_equal(pulse_attention(p), ATTENTION_BELL);
    assert_true(pulse_notify(p, "t", "b", 1200));
    assert_int_equal(pulse_attention(p), ATTENTION_NOTIFY);
    assert_true(pulse_input(p, "\r", 1, 1300));
    assert_int_equal(pulse_attention(p), ATTENTION_NONE);
    for (uint64_t t = 2000; t < 6000; t += 100) {
        pulse_output(p, t);
    }
    assert_true(pulse_is_working(p));
    assert_true(pulse_deadline(p) > 5900);
    assert_true(pulse_tick(p, 60000));
    assert_int_equal(pulse_attention(p), ATTENTION_WAITING);
    assert_true(pulse_exit(p, 0, 61000));
    assert_int_equal(pulse_attention(p), ATTENTION_FINISHED);
    pulse_free(p);
    p = pulse_new(false, 1000);
    assert_true(pulse_exit(p, 3, 2000));
    assert_int_equal(pulse_attention(p), ATTENTION_FAILED);
    pulse_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_spec),
        cmocka_unit_test(test_spec_refused),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_spec_of_a_task),
        cmocka_unit_test(test_meta_of_a_task),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_directory_in_a_strangers_folder),
        cmocka_unit_test(test_pulse_numbers),
    };

    return cmocka_run_group_tests_name("session_spec", tests, NULL, NULL);
}
