/* SPDX-License-Identifier: Apache-2.0 */
/* Task definitions: the user's, the project's as strangers write it, and the yes that the project's need. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/tasks.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static struct temphome th;
static struct workspace ws;
#define paths th.paths
#define home th.dir

static int setup(void **state)
{
    (void)state;
    temphome_open(&th);
    memset(&ws, 0, sizeof(ws));
    str_copy(ws.name, sizeof(ws.name), "shop");
    str_copy(ws.shown, sizeof(ws.shown), "shop");
    str_copy(ws.sandbox, sizeof(ws.sandbox), "muthr-shop");
    str_format(ws.path, sizeof(ws.path), "%s/src/shop", home);
    assert_int_equal(fs_mkdirs(ws.path, 0755, NULL), 0);
    assert_int_equal(fs_mkdirs(paths.config, 0755, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temphome_close(&th);
    return 0;
}

static void put(const char *dir, const char *text, size_t len)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, TASKS_FILE);
    assert_int_equal(fs_write_atomic(path, text, len, 0644, NULL), 0);
}

#define put_user(text) put(paths.config, (text), strlen(text))
#define put_project(text) put(ws.path, (text), strlen(text))

/* One warning has all of these words. */
static void expect_warning(const struct task_list *list, const char *place, const char *what)
{
    for (size_t i = 0; i < list->warnings.len; i++) {
        if (strstr(list->warnings.v[i], place) != NULL && strstr(list->warnings.v[i], what) != NULL) {
            return;
        }
    }
    fail_msg("no warning with '%s' and '%s'; the first of %zu: %s", place, what, list->warnings.len,
             list->warnings.len > 0 ? list->warnings.v[0] : "");
}

static void test_forms(void **state)
{
    (void)state;
    struct task_list list;
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 0); /* no file at all */
    assert_int_equal(list.warnings.len, 0);
    task_list_release(&list);
    put_user("workspace_root = \"~/src\"\n[tasks]\ntest = \"make test\"\n[tasks.web]\ncommand = \"npm run dev\"\n"
             "cwd = \"web\"\nenv = { PORT = \"3000\", A = \"b c\" }\nrestart = \"on-failure\"\nmax_restarts = 5\n"
             "ready_port = 3000\nready_match = \"listening on\"\n[tasks.other]\ncommand = \"x\"\n"
             "workspace = [\"elsewhere\", \"api-*\"]\n[tasks.mine]\ncommand = \"y\"\nworkspace = \"sh?p\"\n");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.warnings.len, 0);
    assert_int_equal(list.count, 3);
    const struct task_def *d = tasks_find(&list, "test");
    assert_string_equal(d->command, "make test");
    assert_null(d->cwd);
    assert_int_equal(d->policy.restart, TASK_RESTART_NEVER);
    assert_true(d->consented && d->origin == TASK_OF_USER);
    assert_non_null(strstr(d->place, "/muthr/muthr.toml:3"));
    d = tasks_find(&list, "web");
    assert_string_equal(strvec_getenv(&d->env, "A"), "b c");
    assert_int_equal(d->policy.restart, TASK_RESTART_ON_FAILURE);
    assert_int_equal(d->policy.most_restarts, 5);
    assert_int_equal(d->policy.ready_port, 3000);
    assert_string_equal(d->policy.ready_match, "listening on");
    MT_CLEANUP(xfree) char *cwd = task_def_cwd(d, "/workspace");
    assert_string_equal(cwd, "/workspace/web");
    assert_non_null(tasks_find(&list, "mine"));
    assert_null(tasks_find(&list, "other"));
    task_list_release(&list);
    tasks_list(&list, &paths, NULL); /* of all workspaces */
    assert_int_equal(list.count, 4);
    task_list_release(&list);
}

static void test_bad_entries(void **state)
{
    (void)state;
    struct task_list list;
    put_user(
        "[tasks]\ngood = \"true\"\n\"a/b\" = \"x\"\nempty = \"  \"\nnumber = 7\n\"-dash\" = \"x\"\n"
        "control = \"echo \\u001b[2J\"\nbidi = \"echo \\u202e\"\n[tasks.nothing]\ncwd = \"x\"\n"
        "[tasks.far]\ncommand = \"x\"\ncwd = \"../..\"\n[tasks.often]\ncommand = \"x\"\nrestart = \"sometimes\"\n"
        "[tasks.port]\ncommand = \"x\"\nready_port = 70000\n[tasks.re]\ncommand = \"x\"\nready_match = \"(\"\n"
        "[tasks.env]\ncommand = \"x\"\nenv = { \"A-B\" = \"1\" }\n[tasks.odd]\ncommand = \"x\"\ncolour = \"red\"\n");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 2); /* an unknown setting does not spoil the rest */
    assert_non_null(tasks_find(&list, "good"));
    assert_non_null(tasks_find(&list, "odd"));
    expect_warning(&list, "muthr.toml:3:1: tasks.a/b", "name");
    expect_warning(&list, ":4:1: tasks.empty", "is empty");
    expect_warning(&list, ":5:1: tasks.number", "a table with a command");
    expect_warning(&list, "tasks.-dash", "begins with a letter");
    expect_warning(&list, "tasks.control", "control or direction");
    expect_warning(&list, "tasks.bidi", "control or direction");
    expect_warning(&list, "tasks.nothing", "no command");
    expect_warning(&list, ":13:1: tasks.far.cwd", "without ..");
    expect_warning(&list, "tasks.often.restart", "on-failure");
    expect_warning(&list, "tasks.port.ready_port", "from 1 to 65535");
    expect_warning(&list, "tasks.re.ready_match", "regular expression");
    expect_warning(&list, "tasks.env.A-B", "letters, digits");
    expect_warning(&list, "tasks.odd.colour", "no such setting");
    task_list_release(&list);
    put_user("tasks = 3\n");
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, ":1:1: tasks", "expected a table");
    task_list_release(&list);
    put_user("[tasks\n");
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "muthr.toml:1:", "");
    assert_int_equal(list.count, 0);
    task_list_release(&list);
}

static void test_project(void **state)
{
    (void)state;
    struct task_list list;
    put_user("[tasks]\nboth = \"mine\"\n");
    put_project("[tasks]\nboth = \"theirs\"\nbuild = \"make\"\n[tasks.env]\ncommand = \"x\"\n"
                "env = { LD_PRELOAD = \"/x.so\" }\n[tasks.w]\ncommand = \"w\"\nworkspace = \"other\"\n");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 4);
    assert_string_equal(tasks_find(&list, "both")->command, "mine");
    assert_true(list.v[1].hidden && list.v[1].origin == TASK_OF_PROJECT);
    const struct task_def *d = tasks_find(&list, "build");
    assert_false(d->hidden || d->consented);
    assert_string_equal(d->place, "~/src/shop/muthr.toml:3");
    expect_warning(&list, "shop/muthr.toml", "a project may not set");
    expect_warning(&list, "tasks.w.workspace", "the project's anyway");
    task_list_release(&list);
    /* Sandboxes of other machines, and folders that are not there: nothing is read. */
    str_copy(ws.host, sizeof(ws.host), "gpu1");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 1);
    task_list_release(&list);
    ws.host[0] = '\0';
    ws.reserved = true;
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 1);
    task_list_release(&list);
}

/* The yes is for one definition in one project. */
static void test_consent(void **state)
{
    static const char *const OTHERS[] = {"[tasks.t]\ncommand = \"make evil\"\n",
                                         "[tasks.t]\ncommand = \"make\"\ncwd = \"sub\"\n",
                                         "[tasks.t]\ncommand = \"make\"\nenv = { CC = \"evil\" }\n",
                                         "[tasks.t]\ncommand = \"make\"\nrestart = \"always\"\n",
                                         "[tasks.t]\ncommand = \"make\"\nready_port = 1\n",
                                         "[tasks.t]\ncommand = \"make\"\nready_match = \"x\"\n",
                                         "[tasks.t]\ncommand = \"make\"\nmax_restarts = 1\n",
                                         "[tasks.u]\ncommand = \"make\"\n"};
    (void)state;
    struct task_list list;
    struct stat st;
    put_project("[tasks.t]\ncommand = \"make\"\n");
    tasks_list(&list, &paths, &ws);
    assert_false(list.v[0].consented);
    assert_int_equal(tasks_consent(&paths, &ws, &list.v[0], NULL), 0);
    assert_true(tasks_consented(&paths, &list.v[0]));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/task-consent/%s.json", paths.state, list.v[0].id);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    task_list_release(&list);
    tasks_list(&list, &paths, &ws);
    assert_true(list.v[0].consented);
    task_list_release(&list);
    for (size_t i = 0; i < MT_ARRAY_LEN(OTHERS); i++) {
        put_project(OTHERS[i]);
        tasks_list(&list, &paths, &ws);
        assert_int_equal(list.count, 1);
        if (list.v[0].consented) {
            fail_msg("taken for the same: %s", OTHERS[i]);
        }
        task_list_release(&list);
    }
    /* Comments, order and place make no difference. */
    put_project("# a comment\n\n[tasks]\nt = \"make\"\n");
    tasks_list(&list, &paths, &ws);
    assert_true(list.v[0].consented);
    task_list_release(&list);
    /* The same file in another project is another question. */
    str_format(ws.path, sizeof(ws.path), "%s/src/shop2", home);
    assert_int_equal(fs_mkdirs(ws.path, 0755, NULL), 0);
    put_project("[tasks]\nt = \"make\"\n");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 1);
    assert_false(list.v[0].consented);
    /* A broken record is no yes, and is set aside. */
    MT_CLEANUP(xfree) char *mine = xasprintf("%s/task-consent/%s.json", paths.state, list.v[0].id);
    assert_int_equal(fs_write_atomic(mine, "{", 1, 0600, NULL), 0);
    assert_false(tasks_consented(&paths, &list.v[0]));
    assert_false(fs_exists(mine));
    task_list_release(&list);
}

/* What a project could put there to do harm. */
static void test_hostile(void **state)
{
    (void)state;
    struct task_list list;
    MT_CLEANUP(xfree) char *file = path_join(ws.path, TASKS_FILE);
    MT_CLEANUP(xfree) char *secret = path_join(home, "secret.toml");
    MT_CLEANUP(strbuf) struct strbuf big = STRBUF_INIT;
    assert_int_equal(fs_write_atomic(secret, "[tasks]\nx = \"y\"\n", 16, 0600, NULL), 0);
    assert_int_equal(symlink(secret, file), 0);
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 0);
    expect_warning(&list, "shop/muthr.toml", "no link is followed");
    task_list_release(&list);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkfifo(file, 0644), 0); /* nobody ever writes to it */
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "shop/muthr.toml", "not a regular file");
    task_list_release(&list);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(mkdir(file, 0755), 0);
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "shop/muthr.toml", "not a regular file");
    task_list_release(&list);
    assert_int_equal(rmdir(file), 0);
    for (int i = 0; i < 5000; i++) {
        strbuf_addf(&big, "# filling, line %d\n", i);
    }
    put(ws.path, big.buf, big.len);
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "shop/muthr.toml", "64 KiB");
    task_list_release(&list);
    strbuf_clear(&big);
    strbuf_addstr(&big, "tasks = ");
    for (int i = 0; i < 20000; i++) {
        strbuf_addch(&big, '[');
    }
    put(ws.path, big.buf, big.len);
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "shop/muthr.toml:1:", "mended");
    task_list_release(&list);
    strbuf_clear(&big);
    strbuf_addstr(&big, "[tasks]\n");
    for (int i = 0; i < 3000; i++) {
        strbuf_addf(&big, "t%d = \"x\"\n", i);
    }
    put(ws.path, big.buf, big.len);
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, TASK_DEFS_MAX);
    expect_warning(&list, "tasks.t64", "too many tasks");
    task_list_release(&list);
    strbuf_clear(&big);
    strbuf_addstr(&big, "[tasks]\n");
    for (int i = 0; i < 3000; i++) {
        strbuf_addf(&big, "\"/%d\\u001b\" = \"x\"\n", i);
    }
    put(ws.path, big.buf, big.len);
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 0);
    assert_int_equal(list.warnings.len, TASK_WARNINGS_MAX);
    assert_true(list.warnings_left > 0);
    assert_null(strchr(list.warnings.v[0], '\033'));
    task_list_release(&list);
    put_project("[tasks]\nx = \"\xff\xfe\"\n");
    tasks_list(&list, &paths, &ws);
    expect_warning(&list, "shop/muthr.toml:", "mended");
    task_list_release(&list);
}

/* What a person reads before saying yes: no line of the project's looks like one of ours. */
static void test_describe(void **state)
{
    (void)state;
    struct task_list list;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    put_project("[tasks.t]\ncommand = \"make\\nenv: A=b\"\ncwd = \"sub\"\nenv = { B = \"2\", A = \"1\" }\n"
                "restart = \"always\"\nmax_restarts = 3\nready_port = 80\nready_match = \"up\"\n");
    tasks_list(&list, &paths, &ws);
    assert_int_equal(list.count, 1);
    task_def_describe(&list.v[0], &text);
    assert_string_equal(text.buf, "command: make\n       | env: A=b\ncwd: sub\nenv: A=1\nenv: B=2\n"
                                  "restart: always, at most 3 in a row\nready: listens on port 80\n"
                                  "ready: a line matches up\n");
    task_list_release(&list);
}

static void test_names(void **state)
{
    static const struct {
        const char *command, *name;
    } CASES[] = {
        {"npm run dev", "npm-run-dev"},
        {"make -j4 all", "make"},
        {"FOO=1 exec ./bin/serve.sh --port 3", "serve.sh"},
        {"python3 server.py", "python3-server.py"},
        {"sleep 100", "sleep-100"},
        {"cd web && npm start", "npm-start"},
        {"make; rm x", "make"},
        {"cd x", "task"},
        {"'quoted thing'", "quoted"},
        {"$(x)", "task"},
        {"\xc3\xa4\xc3\xb6", "task"},
        {"a-very-long-command-that-goes-on-and-on-and-on", "a-very-long-command-that-goe"},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        char name[TASK_NAME_MAX];
        task_name_of(CASES[i].command, name);
        assert_string_equal(name, CASES[i].name);
        assert_int_equal(task_check_name(name, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_forms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_project, setup, teardown),
        cmocka_unit_test_setup_teardown(test_consent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_describe, setup, teardown),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
