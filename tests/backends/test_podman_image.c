/* SPDX-License-Identifier: Apache-2.0 */
/* Images on real podman: pulled from a registry of this test on the loopback, built, layered, committed. */
#include "tests/backends/podman_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/podman/podman.h"
#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

static struct loop *loop;
static struct paths paths;
static struct backend *be;
static pid_t registry;
static char address[40];

/* --- calls --- */

struct running {
    struct backend_call call;
    struct error err;
    bool done;
    int most, texts;
    char last[256];
};

static void on_done(struct backend_call *call, const struct error *err)
{
    struct running *c = call->arg;
    c->done = true;
    c->err = err ? *err : ERROR_INIT;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct running *c = call->arg;
    (void)is_stderr;
    c->texts++;
    c->most = MT_MAX(c->most, call->percent);
    str_format(c->last, sizeof(c->last), "%.*s", (int)MT_MIN(len, (size_t)250), line);
}

static void begin(struct running *c, enum backend_verb verb, const struct sandbox_spec *spec)
{
    memset(c, 0, sizeof(*c));
    c->most = -1;
    c->call.verb = verb;
    c->call.spec = spec;
    c->call.percent = -1;
    c->call.on_line = on_line;
    c->call.done = on_done;
    c->call.arg = c;
    podman_backend.submit(be, &c->call);
}

static void on_tick(void *arg)
{
    (void)arg;
}

static void wait_for(struct running *c)
{
    uint64_t end = clock_mono_ms() + patience(120000);
    struct timer *tick = timer_new(loop, on_tick, NULL);
    timer_repeat(tick, 20); /* so that a turn ends */
    while (!c->done && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    timer_close(tick);
    assert_true(c->done);
}

static void ask(struct running *c, const struct sandbox_spec *spec)
{
    begin(c, BACKEND_IMAGE, spec);
    wait_for(c);
}

#define expect_ok(c)                                                                                                   \
    do {                                                                                                               \
        if ((c)->err.code != ERROR_NONE) {                                                                             \
            fail_msg("%s (%s)", (c)->err.msg, (c)->err.hint ? (c)->err.hint : "");                                     \
        }                                                                                                              \
    } while (0)

static void write_file(const char *path, const char *text)
{
    struct error err = ERROR_INIT;
    if (fs_write_atomic(path, text, strlen(text), 0644, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

/* Texts of a description live as long as the test program. */
static char *keep(const char *text)
{
    static char kept[64][300];
    static size_t next;
    char *at = kept[next++ % 64];
    str_copy(at, sizeof(kept[0]), text);
    return at;
}

static struct sandbox_spec spec_of(const char *image)
{
    return (struct sandbox_spec){
        .name = keep("muthr-img"), .project = keep("img"), .profile = keep("p"), .image = image ? keep(image) : NULL};
}

/* --- the world --- */

static bool answers(const void *arg)
{
    (void)arg;
    struct pod_ran r = POD_RAN_INIT;
    int code = pod_run(&r, "search", "--tls-verify=false", "--limit", "1", address);
    bool up = code == 0 || !strstr(r.err.buf ? r.err.buf : "", "refused");
    pod_ran_release(&r);
    return up;
}

static void start_registry(void)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *config = path_join(pod.base, "registry.yml");
    str_format(address, sizeof(address), "127.0.0.1:%d", pod.port_base);
    strbuf_addf(&text,
                "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s/registry\nhttp:\n  "
                "addr: %s\n",
                pod.base, address);
    write_file(config, text.buf);
    strbuf_clear(&text);
    strbuf_addf(&text, "[[registry]]\nlocation = \"%s\"\ninsecure = true\n", address);
    write_file(getenv("CONTAINERS_REGISTRIES_CONF"), text.buf);
    registry = fork();
    assert_true(registry >= 0);
    if (registry == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("docker-registry", "docker-registry", "serve", config, (char *)NULL);
        _exit(127);
    }
    assert_true(pod_until(answers, NULL, 20000));
}

/* An image of three layers of 3 MiB that cannot be compressed, in the registry and not here. */
static void push_big(void)
{
    MT_CLEANUP(xfree) char *dir = path_join(pod.base, "big");
    MT_CLEANUP(xfree) char *file = path_join(dir, "Containerfile");
    MT_CLEANUP(xfree) char *ref = xasprintf("%s/big:1", address);
    MT_CLEANUP(xfree) char *fill = xasprintf("for i in 1 2 3; do head -c 3145728 /dev/urandom >%s/f$i; done", dir);
    struct pod_ran r = POD_RAN_INIT;
    fs_mkdirs(dir, 0755, NULL);
    assert_int_equal(pod_run_argv(&r, (const char *const[]){"sh", "-c", fill, NULL}, 10000), 0);
    pod_ran_release(&r);
    write_file(file, "FROM " POD_MINI "\nCOPY f1 /f1\nCOPY f2 /f2\nCOPY f3 /f3\n");
    pod_do("build", "-q", "-t", ref, dir);
    pod_do("push", "-q", ref);
    pod_do("rmi", "-f", ref);
}

static int setup(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    if (pod_open() < 0 || paths_init(&paths, pod.program, &err) < 0) {
        return -1;
    }
    start_registry();
    push_big();
    loop = loop_new();
    be = podman_backend.open(&(struct backend_env){.loop = loop, .paths = &paths}, &err);
    return be ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    podman_backend.close(be);
    while (loop_turn(loop, false)) {
    }
    int left = loop_free(loop);
    kill(registry, SIGTERM);
    waitpid(registry, NULL, 0);
    paths_release(&paths);
    return pod_close() < 0 || left != 0 ? -1 : 0;
}

/* --- tests --- */

static void test_one_pull_for_two(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *ref = xasprintf("%s/big:1", address);
    struct sandbox_spec spec = spec_of(ref);
    struct running a, b;
    begin(&a, BACKEND_IMAGE, &spec);
    begin(&b, BACKEND_IMAGE, &spec);
    wait_for(&a);
    wait_for(&b);
    expect_ok(&a);
    expect_ok(&b);
    assert_string_equal(a.call.image, ref);
    assert_string_equal(b.call.image, ref);
    assert_true(a.texts > 0 && b.texts > 0);
    assert_in_range(a.most, 1, 100);
    ask(&a, &spec); /* here already: not a word */
    expect_ok(&a);
    assert_int_equal(a.texts, 0);
    pod_do("rmi", "-f", ref);
}

static void test_pull_given_up(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *ref = xasprintf("%s/big:1", address);
    struct sandbox_spec spec = spec_of(ref);
    struct running a, b;
    begin(&a, BACKEND_IMAGE, &spec);
    begin(&b, BACKEND_IMAGE, &spec);
    uint64_t end = clock_mono_ms() + patience(30000);
    while (a.texts == 0 && !a.done && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    podman_backend.cancel(be, &a.call); /* the other one still wants it */
    wait_for(&a);
    wait_for(&b);
    assert_int_equal(a.err.code, ERROR_CANCELED);
    expect_ok(&b);
    pod_do("rmi", "-f", ref);
    begin(&a, BACKEND_IMAGE, &spec);
    while (a.texts == 0 && !a.done && clock_mono_ms() < end) {
        loop_turn(loop, true);
    }
    podman_backend.cancel(be, &a.call);
    wait_for(&a);
    assert_int_equal(a.err.code, ERROR_CANCELED);
    ask(&a, &spec); /* and again, from what is left */
    expect_ok(&a);
    pod_do("rmi", "-f", ref);
}

static void test_images_that_do_not_exist(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *missing = xasprintf("%s/nosuch:1", address);
    const struct {
        const char *ref;
        enum error_code code;
        const char *hint;
    } table[] = {
        {missing, ERROR_NOT_FOUND, "check the name"},
        {"127.0.0.1:1/x:1", ERROR_UNAVAILABLE, "is the network up?"},
        {"localhost/never-built:1", ERROR_NOT_FOUND, "build or import it"},
        {"nosuchshortname", ERROR_NOT_FOUND, "registry in front"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        struct sandbox_spec spec = spec_of(table[i].ref);
        struct running c;
        ask(&c, &spec);
        if (c.err.code != table[i].code || !c.err.hint || !strstr(c.err.hint, table[i].hint) ||
            !strstr(c.err.msg, table[i].ref)) {
            fail_msg("%s: code %d, %s (%s)", table[i].ref, (int)c.err.code, c.err.msg, c.err.hint ? c.err.hint : "");
        }
    }
}

static void test_containerfile(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *dir = path_join(pod.base, "profile");
    MT_CLEANUP(xfree) char *file = path_join(dir, "Containerfile");
    MT_CLEANUP(xfree) char *extra = path_join(dir, "extra");
    struct sandbox_spec spec = spec_of("ignored:1");
    struct running c;
    char first[256], second[256];
    fs_mkdirs(dir, 0755, NULL);
    write_file(extra, "one");
    write_file(file, "FROM " POD_MINI " AS base\nRUN echo from-the-step\nFROM base\nCOPY extra /extra\n");
    spec.containerfile = dir;
    ask(&c, &spec);
    expect_ok(&c);
    str_copy(first, sizeof(first), c.call.image);
    assert_int_equal(strncmp(first, "localhost/muthr-build-p:", 24), 0);
    assert_true(c.most > 0);
    ask(&c, &spec);
    assert_string_equal(c.call.image, first); /* nothing changed: nothing is built */
    assert_int_equal(c.texts, 0);
    write_file(extra, "two");
    ask(&c, &spec);
    expect_ok(&c);
    str_copy(second, sizeof(second), c.call.image);
    assert_string_not_equal(second, first);
    write_file(file, "FROM " POD_MINI "\nRUN true\nRUN echo the reason; exit 9\nRUN never\n");
    ask(&c, &spec);
    assert_int_equal(c.err.code, ERROR_EXIT);
    assert_non_null(strstr(c.err.msg, "exit 9"));
    assert_non_null(strstr(c.err.msg, "step 3 of 4"));
    assert_non_null(strstr(c.err.msg, "the reason"));
    write_file(file, "FROM localhost/nobody-has-this:1\n");
    ask(&c, &spec);
    assert_int_equal(c.err.code, ERROR_NOT_FOUND);
    write_file(file, "NONSENSE\n");
    ask(&c, &spec);
    assert_int_not_equal(c.err.code, ERROR_NONE);
}

/* A newer base makes a newer image, although the file is the same (S13: cascade). */
static void test_base_cascade(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *dir = path_join(pod.base, "cascade");
    MT_CLEANUP(xfree) char *file = path_join(dir, "Containerfile");
    struct sandbox_spec spec = spec_of(NULL);
    struct running c;
    char first[256];
    fs_mkdirs(dir, 0755, NULL);
    pod_do("tag", POD_MINI, "localhost/base:1");
    write_file(file, "FROM localhost/base:1\nRUN true\n");
    spec.containerfile = dir;
    ask(&c, &spec);
    expect_ok(&c);
    str_copy(first, sizeof(first), c.call.image);
    MT_CLEANUP(xfree) char *other = pod_text("create", POD_MINI, "true");
    pod_do("commit", "-q", "--change", "LABEL newer=yes", other, "localhost/base:1");
    pod_do("rm", other);
    ask(&c, &spec);
    expect_ok(&c);
    assert_string_not_equal(c.call.image, first);
}

static void test_toolchain_layer(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *dir = path_join(pod.base, "with-mise");
    MT_CLEANUP(xfree) char *file = path_join(dir, "Containerfile");
    MT_CLEANUP(xfree) char *mise = path_join(dir, "mise");
    MT_CLEANUP(xfree) char *toml = path_join(pod.base, "mise.toml");
    struct sandbox_spec spec = spec_of("localhost/has-mise:1");
    struct running c;
    fs_mkdirs(dir, 0755, NULL);
    /* It stands for the real mise, which needs the world outside: takes the file that it is given and fails on demand.
     */
    write_file(mise, "#!/bin/sh\ncase $1 in install) grep -q broken mise.toml && { echo no such tool; exit 3; }; "
                     "mkdir -p $MISE_DATA_DIR/shims; cp mise.toml $MISE_DATA_DIR/installed;; esac\n");
    write_file(file, "FROM " POD_MINI "\nCOPY mise /bin/mise\nRUN chmod 755 /bin/mise\n");
    pod_do("build", "-q", "-t", "localhost/has-mise:1", dir);
    write_file(toml, "[tools]\nnode = \"22\"\n");
    spec.mise = toml;
    ask(&c, &spec);
    expect_ok(&c);
    assert_string_equal(c.call.image_notice, "");
    assert_int_equal(strncmp(c.call.image, "localhost/muthr-tools:", 22), 0);
    MT_CLEANUP(xfree) char *inside = pod_text("run", "--rm", c.call.image, "cat", "/opt/mise/installed");
    assert_non_null(strstr(inside, "node"));
    write_file(toml, "[tools]\nbroken = \"1\"\n");
    ask(&c, &spec);
    expect_ok(&c); /* without them, with a word that lasts */
    assert_string_equal(c.call.image, "localhost/has-mise:1");
    assert_non_null(strstr(c.call.image_notice, "no such tool"));
}

static void test_golden_and_commit(void **state)
{
    (void)state;
    struct sandbox_spec spec = spec_of(POD_MINI);
    struct running c;
    char made[72] = "";
    spec.golden = keep("localhost/muthr-profile-p:latest");
    ask(&c, &spec);
    expect_ok(&c);
    assert_string_equal(c.call.image, POD_MINI); /* there is none yet */
    MT_CLEANUP(xfree) char *id = pod_text("image", "inspect", "--format", "{{.Id}}", POD_MINI);
    assert_string_equal(c.call.image_id, id);
    pod_do("create", "--name", "muthr-gold", "--label", "muthr.managed=true", "--label", "muthr.owner=project",
           "--label", "muthr.ports=1/tcp", POD_MINI, "true");
    pod_do("create", "--name", "foreign", POD_MINI, "true");
    for (int i = 0; i < 2; i++) {
        memset(&c, 0, sizeof(c));
        c.call.verb = BACKEND_COMMIT;
        c.call.name = "muthr-gold";
        c.call.tag = spec.golden;
        c.call.done = on_done;
        c.call.arg = &c;
        podman_backend.submit(be, &c.call);
        wait_for(&c);
        expect_ok(&c);
        assert_int_equal(strlen(c.call.image_id), 64);
        assert_string_not_equal(c.call.image_id, made); /* baked again: another one under the same name */
        str_copy(made, sizeof(made), c.call.image_id);
    }
    ask(&c, &spec);
    assert_string_equal(c.call.image, spec.golden);
    assert_string_equal(c.call.image_id, made);
    MT_CLEANUP(xfree)
    char *labels = pod_text("image", "inspect", "--format", "{{index .Config.Labels \"muthr.managed\"}}", spec.golden);
    assert_string_equal(labels, ""); /* nobody who runs it is taken for a sandbox */
    char *ports = pod_text("image", "inspect", "--format", "{{index .Config.Labels \"muthr.ports\"}}", spec.golden);
    assert_string_equal(ports, ""); /* what was in use then */
    free(ports);
    memset(&c, 0, sizeof(c));
    c.call.verb = BACKEND_COMMIT;
    c.call.name = "foreign";
    c.call.tag = "localhost/stolen:1";
    c.call.done = on_done;
    c.call.arg = &c;
    podman_backend.submit(be, &c.call);
    wait_for(&c);
    assert_int_not_equal(c.err.code, ERROR_NONE); /* never touched */
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_pull_for_two),
        cmocka_unit_test(test_pull_given_up),
        cmocka_unit_test(test_images_that_do_not_exist),
        cmocka_unit_test(test_containerfile),
        cmocka_unit_test(test_base_cascade),
        cmocka_unit_test(test_toolchain_layer),
        cmocka_unit_test(test_golden_and_commit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

int main(void)
{
    return pod_main(run);
}
