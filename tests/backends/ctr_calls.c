/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/ctr_calls.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/container/container.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/patience.h"
#include "tests/portable.h"

#define DEADLINE_MS 30000

struct ctr_world cw;

/* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui; caller frees. */
static char *program(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    assert_true(n > 0);
    for (int i = 0; i < 3; i++) {
        while (n > 0 && self[--n] != '/') {
        }
    }
    return xasprintf("%.*s/muthr-tui", (int)n, self);
}

void ctr_clear(void)
{
    strbuf_clear(&cw.lines);
    cw.most = -1;
    cw.err = ERROR_INIT;
}

void ctr_open(const char *version)
{
    char base[] = "/tmp/muthr-test-XXXXXX";
    memset(&cw, 0, sizeof(cw));
    cw.lines = STRBUF_INIT;
    assert_non_null(mkdtemp(base));
    cw.base = xstrdup(base);
    setenv("HOME", base, 1);
    setenv("XDG_STATE_HOME", base, 1);
    standin_open(base, version);
    assert_int_equal(paths_init(&cw.paths, "muthr-tui", NULL), 0);
    free(cw.paths.executable);
    cw.paths.executable = program();
    cw.loop = loop_new();
    struct backend_env env = {.loop = cw.loop, .paths = &cw.paths};
    cw.be = container_backend.open(&env, NULL);
    char *project = path_join(base, "demo");
    assert_int_equal(fs_mkdirs(project, 0755, NULL), 0);
    cw.spec = (struct sandbox_spec){.name = xstrdup(CTR_DEMO),
                                    .project = xstrdup("demo"),
                                    .workspace = project,
                                    .workspace_mount = xstrdup("/workspace"),
                                    .profile = xstrdup("base"),
                                    .config_hash = xstrdup("0123"),
                                    .net = NET_FULL,
                                    .net_after = NET_FULL,
                                    .writable_root = true};
    ctr_clear();
}

void ctr_close(void)
{
    container_backend.close(cw.be);
    loop_run(cw.loop);
    loop_free(cw.loop);
    standin_close();
    sandbox_spec_release(&cw.spec);
    paths_release(&cw.paths);
    fs_remove_tree(cw.base, NULL);
    free(cw.base);
    strbuf_release(&cw.lines);
}

static void on_done(struct backend_call *call, const struct error *err)
{
    (void)call;
    cw.err = err ? *err : ERROR_INIT;
    cw.running--;
}

static void on_line(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    (void)is_stderr;
    cw.most = MT_MAX(cw.most, call->percent);
    strbuf_add(&cw.lines, line, len);
    strbuf_addch(&cw.lines, '\n');
}

void ctr_begin(struct backend_call *call)
{
    call->done = on_done;
    call->on_line = on_line;
    call->percent = -1;
    cw.running++;
    container_backend.submit(cw.be, call);
}

static bool none_runs(void *arg)
{
    (void)arg;
    return cw.running == 0;
}

void ctr_until(bool (*cond)(void *arg), void *arg)
{
    uint64_t limit = clock_mono_ms() + patience(DEADLINE_MS);
    while (!cond(arg)) {
        loop_turn(cw.loop, false);
        usleep(1000);
        if (clock_mono_ms() > limit) {
            fail_msg("it does not come; said so far: %s", cw.lines.buf);
        }
    }
}

void ctr_wait_all(void)
{
    ctr_until(none_runs, NULL);
}

enum error_code ctr_call(struct backend_call *call)
{
    ctr_begin(call);
    ctr_wait_all();
    return cw.err.code;
}

/* It has to work. */
static void must(struct backend_call *call)
{
    if (ctr_call(call) != ERROR_NONE) {
        fail_msg("verb %d: %s", (int)call->verb, cw.err.msg);
    }
    backend_call_release(call);
}

void ctr_up(const char *image)
{
    free(cw.spec.image);
    cw.spec.image = xstrdup(image);
    must(&(struct backend_call){.verb = BACKEND_PROBE});
    must(&(struct backend_call){.verb = BACKEND_CREATE, .spec = &cw.spec});
    must(&(struct backend_call){.verb = BACKEND_START, .name = CTR_DEMO, .net = NET_FULL});
}

int ctr_sh(const char *command)
{
    const char *const argv[] = {"sh", "-c", command, NULL};
    struct backend_call call = {.verb = BACKEND_EXEC, .name = CTR_DEMO, .argv = argv, .as_root = true};
    ctr_clear();
    ctr_call(&call);
    return call.exit_code;
}
