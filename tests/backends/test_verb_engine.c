/* SPDX-License-Identifier: Apache-2.0 */
/* `engine ...` as a person or a script runs it, with a program that plays llama-server (tests/play). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/io/pidwatch.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/verb_rig.h"

#define PROVIDER ".config/muthr/provider.d/"

static char self_dir[1024]; /* of this test program */
static char *old_path;

static int setup(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    MT_CLEANUP(xfree) char *from = xasprintf("%s/../play/llama-server", self_dir);
    int rc = verb_setup(state), fd = socket(AF_INET, SOCK_STREAM, 0);
    MT_CLEANUP(xfree) char *bin = path_join(vr.home, "bin");
    MT_CLEANUP(xfree) char *to = path_join(bin, "llama-server");

    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    MT_CLEANUP(xfree) char *port = xasprintf("%d", (int)ntohs(a.sin_port));
    setenv("MUTHR_SERVER_PORT", port, 1);
    unsetenv("MUTHR_SERVER_HOST");
    unsetenv("PLAY_EXIT");
    unsetenv("PLAY_LOADING_MS");
    assert_int_equal(fs_mkdirs(bin, 0755, NULL), 0);
    assert_int_equal(fs_read(from, 64u << 20, &bytes, NULL), 0);
    assert_int_equal(fs_write_atomic(to, bytes.buf, bytes.len, 0755, NULL), 0);
    assert_int_equal(chmod(to, 0755), 0);
    old_path = xstrdup(getenv("PATH"));
    MT_CLEANUP(xfree) char *path = xasprintf("%s:%s", bin, old_path);
    setenv("PATH", path, 1);
    return rc;
}

static int teardown(void **state)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "engine", "stop", "-q");
    ran_release(&r);
    setenv("PATH", old_path, 1);
    unsetenv("MUTHR_SERVER_PORT");
    free(old_path);
    return verb_teardown(state); /* fails when a process of this home is left */
}

/* The one row of `engine status -o json`. json_free(*list). */
static const struct json *status(struct json **list)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "engine", "status", "-o", "json");
    ran_expect(&r, 0);
    *list = ran_json(&r);
    ran_release(&r);
    assert_true(json_is_array(*list));
    assert_non_null(json_first(*list));
    assert_null(json_next(json_first(*list)));
    return json_first(*list);
}

static void test_life(void **state)
{
    struct ran r = RAN_INIT;
    struct json *list;
    (void)state;
    home_write(PROVIDER "fast.ini", "model = org/fast:Q4\nruntime = llama\n");
    const struct json *row = status(&list);
    assert_string_equal(json_get_string(row, "state", ""), "down");
    assert_false(json_get_bool(row, "ours", true));
    json_free(list);
    setenv("PLAY_LOADING_MS", "600", 1);
    verb_run(&r, "engine", "start", "fast", "--wait", "-o", "json");
    ran_expect(&r, 0);
    expect_text(&r.err, "answer: loading");
    expect_text(&r.err, "answer: ready");
    list = ran_json(&r);
    row = json_first(list);
    assert_true(json_get_bool(row, "started", false));
    assert_string_equal(json_get_string(row, "state", ""), "ready");
    assert_string_equal(json_get_string(row, "model", ""), "org/fast:Q4");
    pid_t pid = (pid_t)json_get_int(row, "pid", 0);
    assert_true(pid > 1 && getsid(pid) == pid); /* it outlived its starter */
    json_free(list);
    row = status(&list);
    assert_string_equal(json_get_string(row, "state", ""), "ready");
    assert_string_equal(json_get_string(row, "model", ""), "org/fast:Q4");
    assert_string_equal(json_get_string(row, "preset", ""), "fast");
    assert_int_equal(json_get_int(row, "window", 0), 4096);
    assert_int_equal(json_get_int(row, "pid", 0), pid);
    assert_true(json_get_bool(row, "ours", false));
    assert_null(json_string(json_get(row, "exposed")));
    json_free(list);
    verb_run(&r, "engine", "start");
    ran_expect(&r, 0);
    expect_text(&r.err, "llama-server runs already");
    verb_run(&r, "engine", "start", "-m", "other");
    ran_expect(&r, 1);
    expect_text(&r.err, "engine restart");
    verb_run(&r, "engine", "restart", "-m", "other", "--host", "0.0.0.0", "-w");
    ran_expect(&r, 0);
    expect_text(&r.err, "warning: it listens on 0.0.0.0");
    assert_true(pid_has_ended(pid));
    verb_run(&r, "engine", "status");
    ran_expect(&r, 0);
    expect_text(&r.out, "state    ready\n");
    expect_text(&r.out, "model    other\n");
    expect_text(&r.out, "llama-server: ours");
    expect_text(&r.out, "warning  it listens on 0.0.0.0");
    verb_run(&r, "engine", "logs", "--lines", "1");
    ran_expect(&r, 0);
    expect_text(&r.out, "llama-server.log <==\nplaying llama-server with other\n==>");
    verb_run(&r, "engine", "stop");
    ran_expect(&r, 0);
    expect_text(&r.err, "llama-server was stopped");
    verb_run(&r, "engine", "stop");
    ran_expect(&r, 0);
    expect_text(&r.err, "llama-server does not run");
    ran_release(&r);
}

static void test_bad(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_expect(64, "engine", "nonsense");
    verb_expect(64, "engine", "presets", "more");
    verb_expect(64, "engine", "start", "a", "--model", "b");
    verb_expect(64, "engine", "start", "--port", "0");
    verb_expect(64, "engine", "start", "--model", "m$(touch here)");
    assert_false(src_exists("demo/here"));
    verb_expect(64, "engine", "stop", "--model", "m");
    verb_expect(64, "engine", "stop", "--runtime", "vllm");
    verb_expect(66, "engine", "start");
    verb_expect(66, "engine", "start", "no-such-preset");
    verb_expect(66, "engine", "logs");
    setenv("PLAY_EXIT", "3", 1);
    verb_run(&r, "engine", "start", "--model", "m", "-o", "json");
    ran_expect(&r, 1);
    expect_text(&r.err, "Its last lines:\nloading m\n");
    struct json *j = ran_json(&r);
    assert_non_null(strstr(json_get_string(j, "error", ""), "ended at once, exit 3"));
    json_free(j);
    MT_CLEANUP(xfree) char *program = path_join(vr.home, "bin/llama-server");
    assert_int_equal(unlink(program), 0);
    setenv("PATH", "/nonexistent", 1);
    verb_run(&r, "engine", "start", "--model", "m");
    ran_expect(&r, 69);
    expect_text(&r.err, "llama-server is not on PATH");
    expect_text(&r.err, "install llama.cpp");
    ran_release(&r);
}

static void test_presets(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "engine", "presets");
    ran_expect(&r, 0);
    expect_text(&r.err, "No presets");
    home_write(PROVIDER "good.ini", "model_id = org/good\n");
    home_write(PROVIDER "a/twin.ini", "model = one\n");
    home_write(PROVIDER "b/twin.ini", "model = two\n");
    home_write(PROVIDER "junk.ini", "\x01\xff");
    home_write(PROVIDER "none.ini", "runtime = llama\n");
    home_write(PROVIDER "open.ini", "model = m\nhost = 0.0.0.0\n");
    verb_run(&r, "engine", "presets");
    ran_expect(&r, 0);
    expect_text(&r.out, "org/good");
    expect_text(&r.out, "b/twin.ini has this name too");
    expect_text(&r.out, "junk.ini:1: bytes that are no text");
    expect_text(&r.out, "none.ini:1: no model");
    expect_text(&r.out, "listens on 0.0.0.0, beyond this machine");
    verb_run(&r, "engine", "start", "twin");
    ran_expect(&r, 64);
    expect_text(&r.err, "a/twin.ini and b/twin.ini");
    verb_run(&r, "engine", "start", "none");
    ran_expect(&r, 64);
    expect_text(&r.err, "none.ini:1: no model");
    verb_run(&r, "engine", "start", "b/twin", "-q");
    ran_expect(&r, 0);
    struct json *list;
    assert_string_equal(json_get_string(status(&list), "model", ""), "two");
    json_free(list);
    verb_run(&r, "engine", "presets", "-o", "ndjson");
    expect_text(&r.out, "\"active\":true");
    assert_ptr_equal(strstr(strstr(r.out.buf, "\"active\":true") + 1, "\"active\":true"), NULL); /* not its twin */
    verb_run(&r, "engine", "restart", "-w");
    ran_expect(&r, 0);
    assert_string_equal(json_get_string(status(&list), "model", ""), "two");
    json_free(list);
    ran_release(&r);
}

/* What `said` has to hold. */
static bool has_said(const void *text)
{
    MT_CLEANUP(xfree) char *out = verb_said("out");
    return strstr(out, text) != NULL;
}

static void append(const char *relative, const char *text)
{
    MT_CLEANUP(xfree) char *path = path_join(vr.home, relative);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

#define LOG ".cache/muthr/llama-server.log"

/* Its last lines, then what comes, also in a file that has taken its place; Ctrl-C is a good end. */
static void test_follow(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(LOG, "one\ntwo\nthree\n");
    home_write(".cache/muthr/llama-server-err.log", "");
    verb_run(&r, "engine", "status", "--follow");
    ran_expect(&r, 64);
    verb_run(&r, "engine", "logs", "--follow", "-o", "json");
    ran_expect(&r, 64);
    pid_t pid = verb_begin("engine", "logs", "-f", "--lines", "2");
    assert_true(verb_until(has_said, "two\nthree\n", RIG_DEADLINE_MS));
    append(LOG, "fo");
    append(".cache/muthr/llama-server-err.log", "\033[31mred\n");
    assert_true(verb_until(has_said, "red\n", RIG_DEADLINE_MS));
    append(LOG, "ur\n");
    assert_true(verb_until(has_said, "\nfour\n", RIG_DEADLINE_MS));
    MT_CLEANUP(xfree) char *log = path_join(vr.home, LOG);
    MT_CLEANUP(xfree) char *old = path_join(vr.home, LOG ".1");
    assert_int_equal(rename(log, old), 0);
    append(LOG, "in the new one\n");
    assert_true(verb_until(has_said, "in the new one\n", RIG_DEADLINE_MS));
    MT_CLEANUP(xfree) char *out = verb_said("out"), *err = verb_said("err");
    assert_null(strstr(out, "one\ntwo"));
    assert_null(strchr(out, '\033'));
    assert_non_null(strstr(out, "llama-server-err.log <=="));
    assert_non_null(strstr(err, "llama-server.log is a new file"));
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(verb_wait(pid, RIG_DEADLINE_MS), 0);
    ran_release(&r);
}

/* Another endpoint than the default one: it is told of by its name, watched, and the sandboxes that use it are told of
 * it, and only those. */
static void test_several(void **state)
{
    struct ran r = RAN_INIT;
    int port = (int)strtol(getenv("MUTHR_SERVER_PORT"), NULL, 10);
    (void)state;
    MT_CLEANUP(xfree) char *here = xasprintf("%d", port);
    MT_CLEANUP(xfree)
    char *text = xasprintf("server_port = 1\n[[inference]]\nname = \"gpu\"\nurl = "
                           "\"http://127.0.0.1:%d/v1\"\nsandboxes = [\"oth*\"]\n[[inference]]\nname "
                           "= \"bad\"\nhost = \"::\"\n",
                           port);
    home_write(".config/muthr/muthr.toml", text);
    setenv("MUTHR_SERVER_PORT", "1", 1);
    verb_expect(0, "engine", "start", "-m", "gpu-model", "--port", here, "-w", "-q");
    verb_run(&r, "engine", "status", "gpu");
    ran_expect(&r, 0);
    expect_text(&r.out, "endpoint gpu\nstate    ready\nmodel    gpu-model\n");
    expect_text(&r.out, "used by  oth*\n");
    expect_text(&r.err, "muthr.toml:8:8: inference.host: this is where servers listen");
    verb_run(&r, "engine", "status", "--all", "-o", "ndjson");
    ran_expect(&r, 0);
    expect_text(&r.out, "\"endpoint\":\"default\"");
    expect_text(&r.out, "\"endpoint\":\"gpu\"");
    verb_run(&r, "engine", "status", "bad");
    ran_expect(&r, 66);
    expect_text(&r.err, "there are default, gpu");
    verb_expect(64, "engine", "stop", "--all");
    verb_expect(0, "start", "demo", "-q");
    verb_expect(0, "start", "other", "-q");
    verb_run(&r, "shell", "other", "-c", "echo $MUTHR_OPENAI_URL $MUTHR_MODEL_NAME $MUTHR_CTX_WINDOW");
    ran_expect(&r, 0);
    MT_CLEANUP(xfree) char *told = xasprintf(":%d/v1 gpu-model 4096\n", port);
    expect_text(&r.out, told);
    verb_run(&r, "shell", "demo", "-c", "echo $MUTHR_OPENAI_URL $MUTHR_MODEL_NAME");
    ran_expect(&r, 0);
    expect_text(&r.out, ":1/v1 gpu-model\n"); /* the active preset's: P6 */
    pid_t pid = verb_begin("watch", "--only", "inference");
    assert_true(verb_until(has_said, "\"endpoint\":\"gpu\",\"address\":\"127.0.0.1", RIG_DEADLINE_MS));
    assert_true(verb_until(has_said, "\"model\":\"gpu-model\"", RIG_DEADLINE_MS));
    verb_expect(0, "engine", "stop", "-q");
    assert_true(verb_until(has_said,
                           "\"state\":\"down\",\"why\":\"Connection refused\",\"kind\":null,\"model\":null,"
                           "\"window\":null,\"slots_busy\":null,\"slots_total\":null",
                           RIG_DEADLINE_MS));
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(verb_wait(pid, RIG_DEADLINE_MS), 0);
    ran_release(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_presets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several, setup, teardown),
    };
    char *real = path_real(argv[0], NULL);
    (void)argc;
    if (real == NULL || str_copy(self_dir, sizeof(self_dir), real) < 0) {
        return 1;
    }
    free(real);
    *strrchr(self_dir, '/') = '\0';
    MT_CLEANUP(xfree) char *program = xasprintf("%s/../../muthr-tui", self_dir);
    setenv("MT_TEST_PROGRAM", program, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
