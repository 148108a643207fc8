/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped provision scripts, run by a real bash in a private home; npm is a stand-in on PATH (the backend tests run
 * the real one). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/manifest.h"
#include "core/engine/profiles.h"
#include "core/io/proc.h"
#include "core/util/fs.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

struct run {
    int code;
    struct strbuf out;
};

static void on_data(void *arg, enum proc_stream stream, const char *data, size_t len)
{
    struct run *r = arg;
    (void)stream;
    strbuf_add(&r->out, data, len);
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct run *r = arg;
    (void)err;
    r->code = res->exit_code;
}

/* Where the shipped profiles are: the build's data folder, else the source tree. Caller frees. */
static char *shipped(const struct temphome *t, const char *rest)
{
    char *path = xasprintf("%s/profiles/%s", t->paths.data, rest);
    if (!fs_exists(path)) {
        free(path);
        path = xasprintf("backends/profiles/%s", rest);
    }
    return path;
}

/* Runs a script with a PATH of `bin` and the system's, MUTHR_SPECS_REV=rev. */
static struct run run_script(const struct temphome *t, const char *script, const char *rev, const char *path)
{
    struct run r = {.code = -1};
    struct loop *loop = loop_new();
    struct strvec env = STRVEC_INIT;
    strbuf_init(&r.out);
    strvec_setenv(&env, "HOME", t->dir);
    strvec_setenv(&env, "PATH", path);
    strvec_setenv(&env, "MUTHR_SPECS_REV", rev);
    const char *const argv[] = {"/bin/bash", script, NULL};
    struct proc_opts opts = {.argv = argv,
                             .env = (const char *const *)env.v,
                             .cwd = "/tmp",
                             .timeout_ms = 20000,
                             .on_data = on_data,
                             .on_done = on_done,
                             .arg = &r};
    struct error err = ERROR_INIT;
    if (proc_start(NULL, loop, &opts, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    loop_run(loop);
    assert_int_equal(loop_free(loop), 0);
    strvec_release(&env);
    return r;
}

/* Stand-ins: node, and an npm that notes its arguments and "installs" the program named in $HOME/makes. */
static void make_bin(const struct temphome *t)
{
    temphome_write(t, "bin/node", "#!/bin/bash\nexit 0\n");
    temphome_write(t, "bin/npm",
                   "#!/bin/bash\necho \"$@\" >>\"$HOME/npm-calls\"\n[ -e \"$HOME/npm-fails\" ] && exit 5\n"
                   "mkdir -p \"$HOME/.local/bin\"\np=\"$HOME/.local/bin/$(cat \"$HOME/makes\")\"\necho '#!/bin/sh' "
                   ">\"$p\"\nchmod +x \"$p\"\n");
    const char *names[] = {"bin/node", "bin/npm"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        MT_CLEANUP(xfree) char *path = path_join(t->dir, names[i]);
        assert_int_equal(chmod(path, 0755), 0);
    }
}

static size_t calls(const struct temphome *t)
{
    MT_CLEANUP(xfree) char *path = path_join(t->dir, "npm-calls");
    struct strbuf text = STRBUF_INIT;
    size_t n = 0;
    if (fs_read(path, 10000, &text, NULL) == 0) {
        for (size_t i = 0; i < text.len; i++) {
            n += text.buf[i] == '\n';
        }
    }
    strbuf_release(&text);
    return n;
}

static void test_shipped_agents(void **state)
{
    (void)state;
    static const struct {
        const char *name, *package, *program;
    } AGENTS[] = {{"opencode", "opencode-ai", "opencode"},
                  {"claude-code", "@anthropic-ai/claude-code", "claude"},
                  {"codex", "@openai/codex", "codex"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(AGENTS); i++) {
        struct temphome t;
        temphome_open(&t);
        make_bin(&t);
        temphome_write(&t, "makes", AGENTS[i].program);
        MT_CLEANUP(xfree) char *rest = xasprintf("provision.d/%s.sh", AGENTS[i].name);
        MT_CLEANUP(xfree) char *script = shipped(&t, rest), *path = xasprintf("%s/bin:/usr/bin:/bin", t.dir);
        struct run r = run_script(&t, script, "rev1", path);
        if (r.code != 0) {
            fail_msg("%s: exit %d\n%s", AGENTS[i].name, r.code, r.out.buf);
        }
        assert_non_null(strstr(r.out.buf, "[PROC] "));
        assert_non_null(strstr(r.out.buf, "[ OK ] "));
        strbuf_release(&r.out);
        MT_CLEANUP(xfree) char *log = path_join(t.dir, "npm-calls");
        struct strbuf text = STRBUF_INIT;
        assert_int_equal(fs_read(log, 10000, &text, NULL), 0);
        assert_non_null(strstr(text.buf, AGENTS[i].package));
        assert_non_null(strstr(text.buf, "/.local"));
        strbuf_release(&text);
        r = run_script(&t, script, "rev1", path); /* the same revision: nothing is installed again */
        assert_int_equal(r.code, 0);
        assert_int_equal(calls(&t), 1);
        strbuf_release(&r.out);
        r = run_script(&t, script, "rev2", path);
        assert_int_equal(r.code, 0);
        assert_int_equal(calls(&t), 2);
        strbuf_release(&r.out);
        temphome_write(&t, "npm-fails", "");
        r = run_script(&t, script, "rev3", path);
        assert_int_not_equal(r.code, 0);
        assert_non_null(strstr(r.out.buf, "[ERR] "));
        strbuf_release(&r.out);
        r = run_script(&t, script, "rev3", path); /* a failure is not remembered as done */
        assert_int_not_equal(r.code, 0);
        assert_int_equal(calls(&t), 4);
        strbuf_release(&r.out);
        MT_CLEANUP(xfree) char *sub = xasprintf("manifests/%s.yaml", AGENTS[i].name), *yaml = shipped(&t, sub);
        struct manifest m;
        struct error err = ERROR_INIT;
        assert_int_equal(manifest_load(&m, yaml, &err), 0);
        assert_int_equal(m.warnings.len, 0);
        assert_string_equal(m.agent.v[0], AGENTS[i].program);
        assert_true(m.have_network && m.network == NET_FULL);
        manifest_release(&m);
        temphome_close(&t);
    }
}

static void test_without_node(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    MT_CLEANUP(xfree) char *script = shipped(&t, "provision.d/codex.sh"), *bin = path_join(t.dir, "few");
    static const char *const TOOLS[] = {"bash", "cat", "mkdir", "mv", "dirname", "printf", "rm"};
    assert_int_equal(fs_mkdirs(bin, 0755, NULL), 0);
    for (size_t i = 0; i < MT_ARRAY_LEN(TOOLS); i++) {
        MT_CLEANUP(xfree) char *to = path_join(bin, TOOLS[i]), *from = xasprintf("/usr/bin/%s", TOOLS[i]);
        assert_int_equal(symlink(from, to), 0);
    }
    struct run r = run_script(&t, script, "rev", bin);
    assert_int_not_equal(r.code, 0);
    assert_non_null(strstr(r.out.buf, "[ERR] node is missing"));
    assert_non_null(strstr(r.out.buf, "install")); /* and says what to do */
    strbuf_release(&r.out);
    temphome_close(&t);
}

/* A script as the CLI ships them: own state name, revision and arguments. */
static void test_upstream_style(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    MT_CLEANUP(xfree) char *lib = shipped(&t, "provision.d/lib/provision-lib.sh");
    struct strbuf text = STRBUF_INIT;
    assert_int_equal(fs_read(lib, 1u << 20, &text, NULL), 0);
    temphome_write(&t, "p/lib/provision-lib.sh", text.buf);
    strbuf_release(&text);
    temphome_write(&t, "p/mine.sh",
                   "set -euo pipefail\nSCRIPT_DIR=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\"\nsource "
                   "\"${SCRIPT_DIR}/lib/provision-lib.sh\"\n"
                   "_lib_init_provision_state mine \"${MUTHR_SPECS_REV:-unknown}\" one \"two words\"\necho worked "
                   ">>\"$HOME/count\"\n"
                   "_lib_finalize_provision_state\n");
    MT_CLEANUP(xfree) char *script = path_join(t.dir, "p/mine.sh"), *count = path_join(t.dir, "count");
    for (int i = 0; i < 3; i++) {
        struct run r = run_script(&t, script, i < 2 ? "a" : "b", "/usr/bin:/bin");
        if (r.code != 0) {
            fail_msg("exit %d\n%s", r.code, r.out.buf);
        }
        strbuf_release(&r.out);
    }
    assert_int_equal(fs_read(count, 100, &text, NULL), 0);
    assert_string_equal(text.buf, "worked\nworked\n"); /* a, (a again: skipped), b */
    MT_CLEANUP(xfree) char *file = path_join(t.dir, ".local/state/muthr-provision/mine");
    assert_true(fs_exists(file));
    strbuf_release(&text);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped_agents), cmocka_unit_test(test_without_node),
                                       cmocka_unit_test(test_upstream_style)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
