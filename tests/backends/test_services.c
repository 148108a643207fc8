/* SPDX-License-Identifier: Apache-2.0 */
/* `services`, `up` and `down` on real podman, with a script of the test's own that listens on the bridge's port, a
 * small image that answers for SearXNG, and the program that plays llama-server. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/service.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"
#include "tests/portable.h"

#define SEARCH_IMAGE "localhost/muthr-test-search:latest"
#define PROVISION ".config/muthr/sandbox.d/container/provision.d/"

static char self_dir[1024];

static int open_group(void **state)
{
    if (home_open(state) < 0) {
        return -1;
    }
    pod_do("create", "--name", "t", POD_READY);
    pod_do("commit", "-q", "--change", "CMD [\"sh\",\"-c\",\"while :; do echo search | nc -l -p 8080; done\"]", "t",
           SEARCH_IMAGE);
    pod_do("rm", "t");
    return 0;
}

static int setup(void **state)
{
    if (home_setup(state) < 0) {
        return -1;
    }
    home_write(".config/muthr/muthr.toml",
               "[sandbox]\nbackend = \"podman\"\nprofile = \"base\"\n[services]\nservices_image = \"" POD_READY
               "\"\nsearxng_image = \"" SEARCH_IMAGE "\"\n");
    home_write(PROVISION "muthr-services.sh",
               ". \"$(dirname \"$0\")/lib/say.sh\"\nsay \"listens as $(id -un)\"\n"
               "setsid sh -c 'while :; do echo bridge | nc -l -p 18765; done' >/dev/null 2>&1 </dev/null &\n");
    home_write(PROVISION "lib/say.sh", "say() { echo \"[PROC] $1\"; }\n");
    return 0;
}

static int teardown(void **state)
{
    struct pod_ran r = POD_RAN_INIT;
    pod_run(&r, "rm", "-f", "-t", "0", "--ignore", SERVICE_BRIDGE, SERVICE_SEARCH);
    pod_ran_release(&r);
    return home_teardown(state);
}

/* What answers on a port of 127.0.0.1; "" when nobody does. */
static bool answers(const void *arg)
{
    const char *want = arg; /* "18765 bridge" */
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    a.sin_port = htons((uint16_t)strtoul(want, NULL, 10));
    char got[32] = "";
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&p, 1, 1000) > 0 ? read(fd, got, sizeof(got) - 1) : 0;
        got[n > 0 ? n : 0] = '\0';
    }
    close(fd);
    return strncmp(got, strchr(want, ' ') + 1, strlen(strchr(want, ' ') + 1)) == 0;
}

#define expect_answer(want) assert_true(verb_until(answers, (want), 10000))

/* A member of a service's row in `services -o json`; free(). */
static char *row_text(const char *service, const char *key)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "services", "status", "-o", "json");
    ran_expect(&r, 0);
    struct json *list = ran_json(&r);
    char *text = NULL;
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        if (strcmp(json_get_string(row, "name", ""), service) == 0) {
            text = xstrdup(json_get_string(row, key, ""));
        }
    }
    json_free(list);
    ran_release(&r);
    assert_non_null(text);
    return text;
}

static void expect_row(const char *service, const char *key, const char *want)
{
    char *text = row_text(service, key);
    assert_string_equal(text, want);
    free(text);
}

/* N7: no verb of sandboxes sees or touches what runs. */
static void expect_no_sandboxes(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "ls", "--all", "-o", "json");
    ran_expect(&r, 0);
    assert_null(strstr(r.out.buf, "muthr-se"));
    verb_expect(64, "delete", "--yes", "--force", SERVICE_BRIDGE);
    verb_expect(64, "stop", SERVICE_SEARCH);
    verb_expect(64, "shell", SERVICE_BRIDGE, "-c", "true");
    verb_expect(0, "stop", "--all");
    verb_expect(0, "prune", "--yes");
    assert_true(pod_is(SERVICE_BRIDGE, "running") && pod_is(SERVICE_SEARCH, "running"));
    ran_release(&r);
}

static void test_life(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    expect_row(SERVICE_BRIDGE, "state", "none");
    verb_run(&r, "services", "start");
    ran_expect(&r, 0);
    expect_text(&r.err, "[PROC] listens as muthr");
    expect_answer("18765 bridge");
    expect_answer("18766 search");
    expect_row(SERVICE_BRIDGE, "address", "127.0.0.1:18765");
    expect_row(SERVICE_BRIDGE, "provisioned", "yes");
    char *id = row_text(SERVICE_BRIDGE, "container");
    /* Nothing is done twice. */
    verb_run(&r, "services", "start");
    ran_expect(&r, 0);
    assert_null(strstr(r.err.buf, "[PROC]"));
    expect_row(SERVICE_BRIDGE, "container", id);
    /* Another run of the container: its script again. */
    verb_run(&r, "services", "restart", "services");
    ran_expect(&r, 0);
    expect_text(&r.err, "[PROC]");
    expect_row(SERVICE_BRIDGE, "container", id);
    expect_answer("18765 bridge");
    verb_run(&r, "services", "logs", SERVICE_BRIDGE);
    ran_expect(&r, 0);
    expect_text(&r.out, "listens as muthr");
    expect_no_sandboxes();
    verb_expect(0, "services", "stop");
    expect_row(SERVICE_SEARCH, "state", "stopped");
    assert_false(answers("18766 search"));
    assert_true(pod_is(SERVICE_BRIDGE, "exited") && pod_is(SERVICE_SEARCH, "exited"));
    verb_expect(66, "services", "start", "nothing");
    verb_expect(64, "services", "nothing");
    free(id);
    ran_release(&r);
}

/* One that is not muthr's is shown, and that is all. */
static void test_foreign(void **state)
{
    struct ran r = RAN_INIT;
    static const char *const words[] = {"start", "restart", "stop"};
    (void)state;
    pod_do("run", "-d", "--init", "--name", SERVICE_SEARCH, POD_MINI, "sleep", "1000");
    char *before = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}}", SERVICE_SEARCH);
    expect_row(SERVICE_SEARCH, "state", "foreign");
    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        verb_run(&r, "services", words[i], SERVICE_SEARCH);
        ran_expect(&r, 1);
        expect_text(&r.err, "left alone");
    }
    /* Nor does it hold up the other one. */
    verb_run(&r, "up", "--yes");
    ran_expect(&r, 1);
    expect_text(&r.err, "left alone");
    expect_answer("18765 bridge");
    verb_expect(0, "down", "--yes");
    assert_true(pod_is(SERVICE_BRIDGE, "exited"));
    char *after = pod_text("inspect", "--format", "{{.Id}} {{.State.Pid}}", SERVICE_SEARCH);
    assert_string_equal(before, after);
    free(before);
    free(after);
    ran_release(&r);
}

/* Its port is somebody else's: that is said, by name, and the other service comes up all the same. */
static void test_port_in_use(void **state)
{
    struct ran r = RAN_INIT;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(18765), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = self_socket(AF_INET, SOCK_STREAM, false), one = 1;
    (void)state;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    MT_CLEANUP(xfree) char *who = xasprintf("(process %d)", (int)getpid());
    verb_run(&r, "services", "start");
    ran_expect(&r, 1);
    expect_text(&r.err, "port 18765, which muthr-services needs, is in use by");
    expect_text(&r.err, who);
    expect_row(SERVICE_SEARCH, "state", "running");
    close(fd);
    verb_expect(0, "services", "start");
    expect_answer("18765 bridge");
    ran_release(&r);
}

/* A script that fails: the service runs, is not provisioned, and says why. */
static void test_bad_script(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(PROVISION "muthr-services.sh", "echo '[ERR] no bridge today'\nexit 7\n");
    verb_run(&r, "services", "start", SERVICE_BRIDGE);
    ran_expect(&r, 1);
    expect_text(&r.err, "no bridge today");
    expect_row(SERVICE_BRIDGE, "state", "running");
    expect_row(SERVICE_BRIDGE, "provisioned", "no");
    ran_release(&r);
}

/* --- up and down --- */

static void place_server(void)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    MT_CLEANUP(xfree) char *from = xasprintf("%s/../play/llama-server", self_dir);
    MT_CLEANUP(xfree) char *bin = path_join(vr.home, "bin");
    MT_CLEANUP(xfree) char *to = path_join(bin, "llama-server");
    MT_CLEANUP(xfree) char *path = xasprintf("%s:%s", bin, getenv("PATH"));
    assert_int_equal(fs_mkdirs(bin, 0755, NULL), 0);
    assert_int_equal(fs_read(from, 64u << 20, &bytes, NULL), 0);
    assert_int_equal(fs_write_atomic(to, bytes.buf, bytes.len, 0755, NULL), 0);
    assert_int_equal(chmod(to, 0755), 0);
    setenv("PATH", path, 1); /* home_teardown puts it back */
    setenv("MUTHR_SERVER_PORT", "18764", 1);
    home_write(".config/muthr/provider.d/tiny.ini", "model = tiny\nruntime = llama\n");
    home_write(".cache/muthr/active-preset-name-llama", "tiny\n");
}

static bool has_container(const void *name)
{
    char *state = pod_state(name);
    bool there = state[0] != '\0';
    free(state);
    return there;
}

static void test_up_and_down(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    place_server();
    verb_run(&r, "up", "--dry-run");
    ran_expect(&r, 0);
    expect_text(&r.out, "llama-server: start it with tiny");
    assert_false(has_container(SERVICE_BRIDGE));
    verb_expect(77, "up"); /* nobody to ask */
    assert_false(has_container(SERVICE_BRIDGE));
    /* Killed in the middle: the next one finishes it. */
    pid_t pid = verb_begin("up", "--yes");
    assert_true(verb_until(has_container, SERVICE_BRIDGE, 30000));
    kill(pid, SIGKILL);
    assert_int_equal(verb_wait(pid, 10000), 128 + SIGKILL);
    verb_run(&r, "up", "--yes");
    ran_expect(&r, 0);
    expect_answer("18765 bridge");
    expect_answer("18766 search");
    expect_row(SERVICE_BRIDGE, "provisioned", "yes");
    verb_run(&r, "engine", "status");
    ran_expect(&r, 0);
    expect_text(&r.out, "ready");
    verb_run(&r, "up", "--yes");
    ran_expect(&r, 0);
    expect_text(&r.err, "Nothing is to be started.");
    /* And down, with a sandbox. */
    verb_expect(0, "start", "-q", "demo");
    verb_run(&r, "down", "--dry-run", "-o", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, "muthr-demo");
    verb_expect(77, "down");
    assert_true(pod_is(SERVICE_BRIDGE, "running") && pod_is("muthr-demo", "running"));
    verb_expect(0, "down", "--yes");
    assert_true(pod_is(SERVICE_BRIDGE, "exited") && pod_is(SERVICE_SEARCH, "exited") && pod_is("muthr-demo", "exited"));
    assert_int_equal(verb_process("llama-server", NULL), 0);
    verb_run(&r, "down", "--yes");
    ran_expect(&r, 0);
    expect_text(&r.err, "Nothing runs.");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_port_in_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_script, setup, teardown),
        cmocka_unit_test_setup_teardown(test_up_and_down, setup, teardown),
    };
    return cmocka_run_group_tests(tests, open_group, home_close);
}

int main(int argc, char **argv)
{
    MT_CLEANUP(xfree) char *real = realpath(argv[0], NULL);
    (void)argc;
    str_format(self_dir, sizeof(self_dir), "%.*s", real ? (int)(path_base(real) - real) : 1, real ? real : ".");
    return pod_main(run);
}
