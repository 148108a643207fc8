/* SPDX-License-Identifier: Apache-2.0 */
/* Images of Apple's container, over the stand-in at three versions: pulled, built, made of a sandbox; and the service
 * started. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/ctr_calls.h"
#include "tests/backends/standin_rig.h"
#include "tests/skip.h"

#define DEBIAN "docker.io/library/debian:13-slim"

/* How often a line of the calls begins with these words. */
static int called(const char *words)
{
    char *all = standin_calls();
    int n = 0;
    for (const char *p = strstr(all, words); p; p = strstr(p + 1, words)) {
        n++;
    }
    free(all);
    return n;
}

static struct backend_call image_call(const char *image, const char *containerfile)
{
    free(cw.spec.image);
    free(cw.spec.containerfile);
    cw.spec.image = xstrdup_null(image);
    cw.spec.containerfile = xstrdup_null(containerfile);
    ctr_clear();
    return (struct backend_call){.verb = BACKEND_IMAGE, .spec = &cw.spec};
}

/* Two that want the same wait for the same pull, and both are told how far it is. */
static void pull_at(const char *version)
{
    ctr_open(version);
    standin_file("pull_ms", "1500");
    struct backend_call one = image_call(NULL, NULL), two = one;
    ctr_begin(&one);
    ctr_begin(&two);
    ctr_wait_all();
    assert_int_equal(cw.err.code, ERROR_NONE);
    assert_string_equal(one.image, DEBIAN);
    assert_string_equal(two.image, DEBIAN);
    assert_string_equal(one.image_id, two.image_id);
    assert_int_equal(strlen(one.image_id), 64);
    assert_int_equal(called("[\"image\",\"pull\""), 1);
    assert_non_null(strstr(cw.lines.buf, "Fetching image"));
    assert_true(cw.most > 0 && cw.most <= 100);
    /* it is here: no second one */
    two = image_call(DEBIAN, NULL);
    assert_int_equal(ctr_call(&two), ERROR_NONE);
    assert_int_equal(called("[\"image\",\"pull\""), 1);
    /* one that nobody has, one that nobody could have, no way out */
    struct backend_call none = image_call("docker.io/library/nowhere:1", NULL);
    assert_int_not_equal(ctr_call(&none), ERROR_NONE);
    assert_non_null(strstr(cw.err.msg, "docker.io/library/nowhere:1 cannot be pulled"));
    none = image_call("localhost/nobody:1", NULL);
    assert_int_equal(ctr_call(&none), ERROR_NOT_FOUND);
    none = image_call("--help", NULL);
    assert_int_equal(ctr_call(&none), ERROR_INVALID);
    standin_file("offline", "");
    none = image_call("docker.io/library/ubuntu:24.04", NULL);
    assert_int_not_equal(ctr_call(&none), ERROR_NONE);
    ctr_close();
}

/* The only one that waits goes: the pull goes, too. */
static void pull_cancelled(void)
{
    ctr_open("1.2.2");
    standin_file("pull_ms", "60000");
    struct backend_call one = image_call(NULL, NULL);
    ctr_begin(&one);
    while (called("[\"image\",\"pull\"") == 0) {
        loop_turn(cw.loop, false);
        usleep(2000);
    }
    container_backend.cancel(cw.be, &one);
    ctr_wait_all();
    assert_int_equal(cw.err.code, ERROR_CANCELED);
    ctr_close();
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char *path = path_join(dir, name);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
    free(path);
}

static void build_at(const char *version)
{
    struct backend_call del = {.verb = BACKEND_DELETE, .name = CTR_DEMO, .force = true};
    ctr_open(version);
    ctr_up(CTR_READY);
    assert_int_equal(ctr_call(&del), ERROR_NONE);
    char *dir = path_join(cw.base, "profile");
    assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
    write_file(dir, "Containerfile", "FROM " CTR_READY "\nCOPY hello /etc/hello\nENV GREETING=\"good day\"\n");
    write_file(dir, "hello", "hello from the image\n");
    struct backend_call call = image_call(NULL, dir);
    assert_int_equal(ctr_call(&call), ERROR_NONE);
    assert_int_equal(strncmp(call.image, "localhost/muthr-build-base:", 27), 0);
    assert_int_equal(called("[\"build\""), 1);
    assert_non_null(strstr(cw.lines.buf, "step 2 of "));
    char *first = xstrdup(call.image);
    call = image_call(NULL, dir); /* nothing changed: the same, without a build */
    assert_int_equal(ctr_call(&call), ERROR_NONE);
    assert_string_equal(call.image, first);
    assert_int_equal(called("[\"build\""), 1);
    ctr_up(first);
    assert_int_equal(ctr_sh("cat /etc/hello; echo \"$GREETING\""), 0);
    assert_string_equal(cw.lines.buf, "hello from the image\ngood day\n");
    free(first);
    /* one that no builder takes, told before one is begun; and one with a step that fails */
    MT_CLEANUP(strbuf) struct strbuf large = STRBUF_INIT;
    strbuf_addstr(&large, "FROM " CTR_READY "\n");
    while (large.len < 16384) {
        strbuf_addstr(&large, "# a line of no use\n");
    }
    write_file(dir, "Containerfile", large.buf);
    call = image_call(NULL, dir);
    assert_int_equal(ctr_call(&call), ERROR_INVALID);
    assert_non_null(strstr(cw.err.msg, "16384"));
    assert_int_equal(called("[\"build\""), 1);
    write_file(dir, "Containerfile", "FROM " CTR_READY "\nRUN echo words of mine; exit 5\n");
    call = image_call(NULL, dir);
    assert_int_not_equal(ctr_call(&call), ERROR_NONE);
    assert_non_null(strstr(cw.err.msg, "the build failed at "));
    assert_non_null(strstr(cw.err.msg, "RUN echo words of mine"));
    free(dir);
    ctr_close();
}

static bool is_empty(const char *sub)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char *path = xasprintf("%s/container/context%s", cw.paths.state, sub);
    bool empty = !fs_is_dir(path) || (fs_list(path, &names, NULL) == 0 && names.len == 0);
    free(path);
    return empty;
}

static void expect_state(const char *want)
{
    char *is = standin_state(CTR_DEMO);
    assert_string_equal(is, want);
    free(is);
}

/* An image of one that runs: with its files and its base's settings; it runs again, and nothing lies about. */
static void commit_at(const char *version)
{
    struct backend_call commit = {.verb = BACKEND_COMMIT, .name = CTR_DEMO, .tag = "localhost/muthr-profile-x:latest"};
    bool can = strncmp(version, "0.7", 3) != 0 && strncmp(version, "0.6", 3) != 0;
    struct standin_ran ran = STANDIN_RAN_INIT;
    ctr_open(version);
    ctr_up(CTR_READY);
    assert_int_equal(ctr_sh("echo kept >/etc/kept"), 0);
    ctr_clear();
    enum error_code code = ctr_call(&commit);
    expect_state("running");
    assert_true(is_empty(""));
    if (!can) {
        assert_int_equal(code, ERROR_UNAVAILABLE);
        assert_non_null(strstr(cw.err.hint, "0.10"));
        ctr_close();
        return;
    }
    if (code != ERROR_NONE) {
        fail_msg("%s", cw.err.msg);
    }
    assert_int_equal(strlen(commit.image_id), 64);
    standin_run(&ran, "image", "inspect", "localhost/muthr-profile-x:latest");
    assert_non_null(strstr(ran.out.buf, "\"/workspace\""));
    assert_non_null(strstr(ran.out.buf, "/usr/local/sbin"));
    assert_null(strstr(ran.out.buf, "muthr.managed"));
    struct backend_call del = {.verb = BACKEND_DELETE, .name = CTR_DEMO, .force = true};
    assert_int_equal(ctr_call(&del), ERROR_NONE);
    ctr_up("localhost/muthr-profile-x:latest");
    assert_int_equal(ctr_sh("cat /etc/kept"), 0);
    assert_string_equal(cw.lines.buf, "kept\n");
    standin_ran_release(&ran);
    ctr_close();
}

/* Whatever goes wrong on the way: it runs again, the reason is told, nothing lies about. */
static void commit_broken(void)
{
    static const char *const faults[] = {"export 0 full", "export 0 error internalError text", "build 0 full",
                                         "image.inspect 0 error notFound image not found", "export 0 lost"};
    ctr_open("1.2.2");
    ctr_up(CTR_READY);
    for (size_t i = 0; i < MT_ARRAY_LEN(faults); i++) {
        struct backend_call commit = {.verb = BACKEND_COMMIT, .name = CTR_DEMO, .tag = "localhost/x:latest"};
        standin_fault(faults[i]);
        ctr_clear();
        assert_int_not_equal(ctr_call(&commit), ERROR_NONE);
        assert_true(standin_faults_done());
        assert_true(cw.err.msg[0] != '\0');
        if (i == 0) {
            assert_non_null(strstr(cw.err.msg, "disk is full"));
        }
        assert_true(is_empty(""));
        if (strstr(faults[i], "lost")) { /* the service went: nobody can start anything */
            standin_file("down", NULL);
        } else {
            expect_state("running");
        }
    }
    ctr_close();
}

static bool exporting(void *arg)
{
    (void)arg;
    return called("[\"export\"") > 0;
}

static bool runs(void *arg)
{
    (void)arg;
    char *is = standin_state(CTR_DEMO);
    bool yes = strcmp(is, "running") == 0;
    free(is);
    return yes;
}

static void commit_cancelled(void)
{
    struct backend_call commit = {.verb = BACKEND_COMMIT, .name = CTR_DEMO, .tag = "localhost/x:latest"};
    ctr_open("1.2.2");
    ctr_up(CTR_READY);
    standin_fault("export 0 hang");
    ctr_begin(&commit);
    ctr_until(exporting, NULL);
    container_backend.cancel(cw.be, &commit);
    ctr_wait_all();
    assert_int_equal(cw.err.code, ERROR_CANCELED);
    assert_true(is_empty(""));
    ctr_until(runs, NULL);
    ctr_close();
}

/* Made anew from an image of itself: it tells what it was made from before, and its image goes with it. */
static void sealed(void)
{
    struct backend_call stop = {.verb = BACKEND_STOP, .name = CTR_DEMO, .grace_ms = 1000},
                        commit = {.verb = BACKEND_COMMIT, .name = CTR_DEMO, .tag = "localhost/muthr-sealed-1:latest"},
                        del = {.verb = BACKEND_DELETE, .name = CTR_DEMO, .keep_home = true},
                        create = {.verb = BACKEND_CREATE, .spec = &cw.spec},
                        look = {.verb = BACKEND_INSPECT, .name = CTR_DEMO};
    struct standin_ran ran = STANDIN_RAN_INIT;
    ctr_open("1.2.2");
    ctr_up(CTR_READY);
    assert_int_equal(ctr_call(&look), ERROR_NONE);
    cw.spec.made_from = xstrdup(look.infos[0].image);
    cw.spec.made_from_id = xstrdup(look.infos[0].image_id);
    assert_int_equal(look.infos[0].net, NET_FULL);
    backend_call_release(&look);
    assert_int_equal(ctr_call(&stop), ERROR_NONE);
    assert_int_equal(ctr_call(&commit), ERROR_NONE);
    expect_state("stopped"); /* as it was */
    assert_int_equal(ctr_call(&del), ERROR_NONE);
    free(cw.spec.image);
    cw.spec.image = xstrdup("localhost/muthr-sealed-1:latest");
    cw.spec.net = cw.spec.net_after = NET_NONE;
    assert_int_equal(ctr_call(&create), ERROR_NONE);
    assert_int_equal(ctr_call(&look), ERROR_NONE);
    assert_string_equal(look.infos[0].image, cw.spec.made_from);
    assert_string_equal(look.infos[0].image_id, cw.spec.made_from_id);
    assert_string_equal(look.infos[0].config_hash, "0123");
    assert_true(look.infos[0].net_known);
    assert_int_equal(look.infos[0].net, NET_NONE);
    backend_call_release(&look);
    assert_int_equal(ctr_call(&del), ERROR_NONE);
    standin_run(&ran, "image", "list");
    assert_null(strstr(ran.out.buf, "muthr-sealed"));
    standin_ran_release(&ran);
    ctr_close();
}

/* The kernel question is answered in front, and nothing waits for a key. */
static void wake_at(const char *version)
{
    struct backend_call probe = {.verb = BACKEND_PROBE}, wake = {.verb = BACKEND_WAKE, .install_kernel = true};
    ctr_open(version);
    standin_file("down", "");
    standin_file("no-kernel", "");
    assert_int_equal(ctr_call(&probe), ERROR_NONE);
    assert_false(probe.probe.usable);
    assert_true(probe.probe.asleep);
    assert_non_null(strstr(probe.probe.fix, "backend start container"));
    ctr_clear();
    assert_int_equal(ctr_call(&wake), ERROR_NONE);
    assert_int_equal(called("\"--enable-kernel-install\""), 1);
    assert_true(cw.lines.len > 0);
    assert_int_equal(ctr_call(&probe), ERROR_NONE);
    assert_true(probe.probe.usable);
    assert_false(probe.probe.asleep);
    standin_file("down", "");
    wake.install_kernel = false;
    assert_int_equal(ctr_call(&wake), ERROR_NONE);
    assert_int_equal(called("\"--disable-kernel-install\""), 1);
    ctr_close();
}

static bool cannot(void)
{
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    return false;
}

static void at_all(void (*test)(const char *version))
{
    for (const char *const *v = standin_versions; !cannot() && *v; v++) {
        test(*v);
    }
}

static void test_pull(void **state)
{
    (void)state;
    at_all(pull_at);
    pull_cancelled();
}

static void test_build(void **state)
{
    (void)state;
    at_all(build_at);
}

static void test_commit(void **state)
{
    (void)state;
    at_all(commit_at);
    commit_broken();
    commit_cancelled();
}

static void test_sealed(void **state)
{
    (void)state;
    if (!cannot()) {
        sealed();
    }
}

static void test_wake(void **state)
{
    (void)state;
    at_all(wake_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pull),   cmocka_unit_test(test_build), cmocka_unit_test(test_commit),
        cmocka_unit_test(test_sealed), cmocka_unit_test(test_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
