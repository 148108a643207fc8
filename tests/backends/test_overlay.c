/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay workspace on real bwrap: as root and as an ordinary user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"

#define NAME "muthr-over"

static struct sandbox_spec spec(void)
{
    struct sandbox_spec s = {.name = xstrdup(NAME),
                             .project = xstrdup("demo"),
                             .workspace = xstrdup(fx.workspace),
                             .workspace_mount = xstrdup("/workspace"),
                             .profile = xstrdup("base"),
                             .config_hash = xstrdup("h"),
                             .net = NET_NONE,
                             .net_after = NET_NONE,
                             .workspace_mode = WORKSPACE_OVERLAY};
    return s;
}

/* CREATE or UPDATE with that mode. */
static enum error_code store(enum backend_verb verb, enum workspace_mode mode)
{
    struct sandbox_spec s = spec();
    s.workspace_mode = mode;
    struct backend_call call = {.verb = verb, .spec = &s};
    enum error_code code = call_run(&call);
    backend_call_release(&call);
    sandbox_spec_release(&s);
    return code;
}

static void put(const char *name, const char *text)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s", fx.workspace, name);
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static bool holds(const char *name, const char *text)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s", fx.workspace, name);
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    return fs_read(path, 1u << 20, &out, NULL) == 0 && strcmp(out.buf, text) == 0;
}

static void run(const char *script)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    if (sandbox_sh(NAME, &out, script) != 0) {
        fail_msg("%s: %s", script, out.buf);
    }
}

/* The changes' paths and kinds, as "+a ~b -c", with ! for those that wait. */
static void changes(enum backend_verb verb, const char *const *paths, struct strbuf *out)
{
    static const char marks[] = "+~-t";
    struct backend_call call = {.verb = verb, .name = NAME, .paths = paths};
    if (call_run(&call) != ERROR_NONE) {
        fail_msg("%s", fx_error.msg);
    }
    for (size_t i = 0; i < call.change_count; i++) {
        const struct workspace_change *c = &call.changes[i];
        strbuf_addf(out, "%s%s%c%s", i > 0 ? " " : "", c->conflict || c->risky ? "!" : "", marks[c->kind], c->path);
    }
    backend_call_release(&call);
}

static void expect(enum backend_verb verb, const char *const *paths, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    changes(verb, paths, &out);
    assert_string_equal(out.buf, text);
}

/* Read back from the kernel: the workspace is a view. */
static void expect_view(void)
{
    struct sandbox_spec s = spec();
    struct backend_call call = {.verb = BACKEND_ISOLATION, .name = NAME, .spec = &s};
    bool seen = false;
    assert_int_equal(call_run(&call), ERROR_NONE);
    for (size_t i = 0; i < call.fact_count; i++) {
        const struct isolation_fact *f = &call.facts[i];
        seen = seen || (strcmp(f->name, "mount /workspace") == 0 && f->verdict == ISOLATION_OK &&
                        strncmp(f->actual, "copy-on-write", 13) == 0);
    }
    assert_true(seen);
    backend_call_release(&call);
    sandbox_spec_release(&s);
}

/* Everything that an agent does in a day. */
static void test_life(void **state)
{
    (void)state;
    put("keep", "keep\n");
    put("edit", "one\n");
    put("gone", "gone\n");
    assert_true(fx.probe.caps & BACKEND_CAP_OVERLAY);
    assert_int_equal(store(BACKEND_CREATE, WORKSPACE_OVERLAY), ERROR_NONE);
    if (call_name(BACKEND_START, NAME) != ERROR_NONE) {
        fail_msg("%s", fx_error.msg);
    }
    assert_int_equal(sandbox_inspect(NAME).workspace_mode, WORKSPACE_OVERLAY);
    run("cd /workspace && echo two >edit && rm gone && mkdir -p sub/dir && echo n >sub/dir/new && "
        "printf x >'-rf' && ln -s /etc/passwd away && cat keep >/dev/null && mkdir -p .git/hooks && "
        "echo evil >.git/hooks/post-checkout && chmod 600 keep && chmod 644 keep");
    assert_true(holds("edit", "one\n") && holds("gone", "gone\n")); /* the project is as it was */
    expect_view();
    expect(BACKEND_CHANGES, NULL, "+-rf !+.git/hooks/post-checkout !+away ~edit -gone +sub/dir/new");
    static const char *const edit[] = {"edit", NULL}, *const gone[] = {"gone", NULL};
    struct backend_call busy = {.verb = BACKEND_APPLY, .name = NAME};
    assert_int_equal(call_run(&busy), ERROR_BUSY); /* not while it runs */
    backend_call_release(&busy);
    assert_int_equal(call_name(BACKEND_STOP, NAME), ERROR_NONE);
    expect(BACKEND_APPLY, edit, "");
    assert_true(holds("edit", "two\n") && holds("gone", "gone\n"));
    expect(BACKEND_DISCARD, gone, "");
    expect(BACKEND_CHANGES, NULL, "+-rf !+.git/hooks/post-checkout !+away +sub/dir/new");
    /* After a restart it sees both what was applied and what is still its own. */
    assert_int_equal(call_name(BACKEND_START, NAME), ERROR_NONE);
    run("cd /workspace && test \"$(cat edit)\" = two && test -e gone && test -e sub/dir/new");
    assert_int_equal(call_name(BACKEND_STOP, NAME), ERROR_NONE);
    put("-rf", "mine\n");
    expect(BACKEND_APPLY, NULL, "!~-rf !+.git/hooks/post-checkout !+away");
    assert_true(holds("-rf", "mine\n") && holds("sub/dir/new", "n\n"));
    /* Work that is nowhere else is not thrown away by the way. */
    assert_int_equal(store(BACKEND_UPDATE, WORKSPACE_DIRECT), ERROR_DENIED);
    assert_int_equal(call_name(BACKEND_DELETE, NAME), ERROR_DENIED);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_STOPPED);
    expect(BACKEND_DISCARD, NULL, "");
    expect(BACKEND_CHANGES, NULL, "");
    assert_int_equal(store(BACKEND_UPDATE, WORKSPACE_DIRECT), ERROR_NONE);
    assert_int_equal(call_name(BACKEND_DELETE, NAME), ERROR_NONE);
    assert_true(holds("keep", "keep\n"));
}

/* A folder that is removed and made again hides the old one; by force everything goes. */
static void test_replaced_folder(void **state)
{
    (void)state;
    MT_CLEANUP(xfree) char *dir = xasprintf("%s/old", fx.workspace);
    assert_int_equal(mkdir(dir, 0755), 0);
    put("old/x", "x\n");
    put("old/y", "y\n");
    assert_int_equal(store(BACKEND_CREATE, WORKSPACE_OVERLAY), ERROR_NONE);
    assert_int_equal(call_name(BACKEND_START, NAME), ERROR_NONE);
    run("cd /workspace && rm -r old && mkdir old && echo z >old/z && test ! -e old/x");
    expect(BACKEND_CHANGES, NULL, "+old/z -old/x -old/y");
    assert_int_equal(call_name(BACKEND_STOP, NAME), ERROR_NONE);
    expect(BACKEND_APPLY, NULL, "");
    assert_true(holds("old/z", "z\n") && !holds("old/x", "x\n"));
    assert_int_equal(call_name(BACKEND_START, NAME), ERROR_NONE);
    put("unseen", "");
    run("rm -rf /workspace/old");
    struct backend_call call = {.verb = BACKEND_DELETE, .name = NAME, .force = true};
    assert_int_equal(call_run(&call), ERROR_NONE);
    backend_call_release(&call);
    assert_int_equal(sandbox_inspect(NAME).state, SANDBOX_NONE);
    assert_true(holds("old/z", "z\n"));
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_replaced_folder, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run_group);
}
