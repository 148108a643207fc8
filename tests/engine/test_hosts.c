/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes of other machines: a backend on a host that is up, down, hanging, or goes away. The double `far` stands for
 * a runtime that can be reached on hosts; the fake of fake.h is the one on this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "tests/engine/fake.h"

#define FAR_BOXES 4

/* The machine "gpu1", as all backends that were opened for it see it. */
static struct {
    bool down, hangs;
    uint64_t slow_ms; /* how long the first look takes */
    struct sandbox_info boxes[FAR_BOXES];
    size_t count;
    char workspace[256], spec_name[96];
    backend_change_fn watch;
    void *watch_arg;
} gpu1;

struct backend {
    struct loop *loop;
    bool here;
};

struct far_call {
    struct backend *be;
    struct backend_call *call;
    struct timer *timer;
    bool canceled;
};

static struct backend *far_open(const struct backend_env *env, struct error *err)
{
    (void)err;
    struct backend *be = xcalloc(1, sizeof(*be));
    be->loop = env->loop;
    be->here = env->target == NULL;
    if (env->target != NULL) {
        assert_string_equal(env->target->name, "gpu1");
        assert_string_equal(env->target->url, "ssh://me@gpu1");
    }
    return be;
}

static void far_close(struct backend *be)
{
    free(be);
}

static struct sandbox_info *far_box(const char *name)
{
    for (size_t i = 0; i < gpu1.count; i++) {
        if (strcmp(gpu1.boxes[i].name, name) == 0) {
            return &gpu1.boxes[i];
        }
    }
    return NULL;
}

/* What the machine does. */
static int far_do(struct backend_call *call, struct error *err)
{
    struct sandbox_info *box = call->name != NULL ? far_box(call->name) : NULL;
    if (call->name != NULL) {
        assert_null(strchr(call->name, '@')); /* no backend hears of hosts in names */
    }
    switch (call->verb) {
    case BACKEND_LIST:
        call->infos = xcalloc(FAR_BOXES, sizeof(*call->infos));
        call->info_count = gpu1.count;
        memcpy(call->infos, gpu1.boxes, gpu1.count * sizeof(*call->infos));
        return 0;
    case BACKEND_INSPECT:
        call->infos = xcalloc(1, sizeof(*call->infos));
        call->info_count = 1;
        if (box != NULL) {
            call->infos[0] = *box;
        }
        str_copy(call->infos[0].name, sizeof(call->infos[0].name), call->name);
        return 0;
    case BACKEND_CREATE:
        box = &gpu1.boxes[gpu1.count++];
        box->state = SANDBOX_STOPPED;
        box->net = call->spec->net;
        box->net_known = true;
        str_copy(box->name, sizeof(box->name), call->spec->name);
        str_copy(box->project, sizeof(box->project), call->spec->project);
        str_copy(box->config_hash, sizeof(box->config_hash), call->spec->config_hash);
        str_copy(box->workspace, sizeof(box->workspace), call->spec->workspace);
        return 0;
    case BACKEND_START:
        box->state = SANDBOX_RUNNING;
        return 0;
    case BACKEND_STOP:
        box->state = SANDBOX_STOPPED;
        return 0;
    case BACKEND_FOLDERS:
        assert_string_equal(call->cwd, "/srv/src");
        call->on_line(call, false, "api", 3);
        call->on_line(call, false, "far side", 8);
        call->on_line(call, false, ".hidden", 7);
        call->on_line(call, false, "\xc3\xbcn\xc3\xaf", 5);
        return 0;
    default:
        return error_set(err, ERROR_INVALID, "verb?");
    }
}

static void far_answer(void *arg)
{
    struct far_call *c = arg;
    struct backend_call *call = c->call;
    struct error err = ERROR_INIT;
    int rc = 0;
    if (c->canceled) {
        rc = error_set(&err, ERROR_CANCELED, "cancelled");
    } else if (call->verb == BACKEND_PROBE) {
        call->probe.usable = !c->be->here && !gpu1.down;
        call->probe.caps = BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_NONE;
        str_copy(call->probe.reason, sizeof(call->probe.reason), c->be->here ? "not here" : "no route to host");
    } else if (gpu1.down) {
        rc = error_set(&err, ERROR_UNAVAILABLE, "the connection was lost");
    } else {
        rc = far_do(call, &err);
    }
    timer_close(c->timer);
    free(c);
    call->priv = NULL;
    call->done(call, rc < 0 ? &err : NULL);
}

static void far_submit(struct backend *be, struct backend_call *call)
{
    struct far_call *c = xcalloc(1, sizeof(*c));
    c->be = be;
    c->call = call;
    c->timer = timer_new(be->loop, far_answer, c);
    call->priv = c;
    if (be->here || !gpu1.hangs) {
        timer_start(c->timer, !be->here && call->verb == BACKEND_PROBE ? 1 + gpu1.slow_ms : 1);
    }
}

static void far_cancel(struct backend *be, struct backend_call *call)
{
    struct far_call *c = call->priv;
    (void)be;
    if (c != NULL) {
        c->canceled = true;
        timer_start(c->timer, 0);
    }
}

static void far_watch(struct backend *be, backend_change_fn fn, void *arg)
{
    if (!be->here) {
        gpu1.watch = fn;
        gpu1.watch_arg = arg;
    }
}

static const struct backend_ops far_backend = {
    .name = "far",
    .caps = BACKEND_CAP_HOSTS | BACKEND_CAP_ASCII_NAMES | BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_NONE,
    .open = far_open,
    .close = far_close,
    .submit = far_submit,
    .cancel = far_cancel,
    .watch = far_watch,
};

static const struct backend_ops *const REGISTRY[] = {&fake_backend, &far_backend, NULL};

/* A world whose configuration names gpu1. */
static void open_world(struct world *w, const char *root)
{
    memset(&gpu1, 0, sizeof(gpu1));
    world_open(w);
    w->registry = REGISTRY;
    w->config.hosts = xcalloc(1, sizeof(*w->config.hosts));
    w->config.host_count = 1;
    w->config.hosts[0] = (struct config_host){
        .name = xstrdup("gpu1"), .url = xstrdup("ssh://me@gpu1"), .workspace_root = xstrdup_null(root)};
}

static bool has_folders(struct world *w)
{
    return model_workspace_by_name(w->model, "far side") != NULL;
}

static void test_same_project_on_two_machines(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "/srv/src");
    world_engine(&w);
    world_until(&w, has_folders);
    assert_int_equal(model_workspace_count(w.model), 6);
    assert_string_equal(model_workspace_at(w.model, 2)->host, ""); /* this machine first */
    const struct workspace *far = world_ws(&w, "muthr-api@gpu1");
    assert_string_equal(far->host, "gpu1");
    assert_string_equal(far->backend, "far");
    assert_string_equal(far->path, "/srv/src/api");
    assert_false(far->missing);
    world_run(&w, ENGINE_START, "muthr-api@gpu1", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(gpu1.boxes[0].name, "muthr-api");
    assert_string_equal(gpu1.boxes[0].workspace, "/srv/src/api");
    assert_int_equal(world_ws(&w, "muthr-api@gpu1")->info.state, SANDBOX_RUNNING);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_NONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 0);
    MT_CLEANUP(xfree) char *record = path_join(w.home.paths.state, "records/muthr-api@gpu1.json");
    assert_true(fs_exists(record));
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    world_run(&w, ENGINE_STOP, "muthr-api@gpu1", NULL);
    assert_int_equal(gpu1.boxes[0].state, SANDBOX_STOPPED);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_RUNNING);
    world_close(&w);
}

static bool has_uni(struct world *w)
{
    const struct workspace *ws = model_workspace_by_name(w->model, "\xc3\xbcn\xc3\xaf");
    return ws != NULL && ws->info.state == SANDBOX_RUNNING;
}

/* N4: a runtime that refuses other names than ASCII ones gets a reduced one; everybody else keeps the real one. */
static void test_ascii_names(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "/srv/src");
    world_engine(&w);
    world_until(&w, has_folders);
    world_run(&w, ENGINE_START, "muthr-\xc3\xbcn\xc3\xaf@gpu1", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(strncmp(gpu1.boxes[0].name, "muthr-n-", 8), 0);
    assert_int_equal(strlen(gpu1.boxes[0].name), 16);
    gpu1.watch(gpu1.watch_arg, NULL); /* listed under its reduced name: the same workspace */
    world_until(&w, has_uni);
    assert_int_equal(model_workspace_count(w.model), 6);
    world_close(&w);
}

static bool is_unknown(struct world *w)
{
    const struct workspace *ws = world_ws(w, "muthr-api@gpu1");
    return ws != NULL && ws->info.state == SANDBOX_UNKNOWN;
}

static bool is_back(struct world *w)
{
    const struct workspace *ws = world_ws(w, "muthr-api@gpu1");
    return ws != NULL && ws->info.state == SANDBOX_RUNNING;
}

static void test_host_goes_and_comes_back(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, NULL);
    gpu1.count = 2;
    str_copy(gpu1.boxes[0].name, sizeof(gpu1.boxes[0].name), "muthr-api");
    str_copy(gpu1.boxes[0].project, sizeof(gpu1.boxes[0].project), "api");
    gpu1.boxes[0].state = SANDBOX_RUNNING;
    str_copy(gpu1.boxes[1].name, sizeof(gpu1.boxes[1].name), "muthr-services"); /* N7 there, too */
    world_engine(&w);
    world_until(&w, is_back);
    assert_int_equal(model_workspace_count(w.model), 4);
    assert_false(world_ws(&w, "muthr-api@gpu1")->missing); /* nobody said that its folder is gone */
    gpu1.down = true;
    gpu1.watch(gpu1.watch_arg, NULL);
    world_until(&w, is_unknown);
    const struct backend_view *v = model_backend(w.model, "far", "gpu1");
    assert_false(v->probe.usable);
    assert_string_equal(v->probe.reason, "no route to host");
    assert_true(v->retry_mono_ms > 0);
    assert_null(gpu1.watch);
    struct error err = ERROR_INIT;
    struct engine_request req = {.plan = ENGINE_STOP, .sandbox = "muthr-api@gpu1"};
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "gpu1"));
    world_run(&w, ENGINE_START, "muthr-web", NULL); /* the rest is not held up */
    assert_int_equal(w.last.state, OP_DONE);
    gpu1.down = false;
    engine_retry_backend(w.engine, "far", "gpu1");
    world_until(&w, is_back);
    assert_true(model_backend(w.model, "far", "gpu1")->probe.usable);
    world_close(&w);
}

static void test_hanging_host_holds_nobody_up(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, "/srv/src");
    gpu1.hangs = true;
    world_engine(&w); /* ready all the same */
    assert_false(model_backend(w.model, "far", "gpu1")->probed);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    world_close(&w);
}

/* Whoever names it has it waited for. */
static void test_slow_host_is_waited_for_by_name(void **state)
{
    (void)state;
    struct world w;
    struct strvec names = STRVEC_INIT;
    open_world(&w, "/srv/src");
    gpu1.hangs = false;
    gpu1.slow_ms = 3500;
    strvec_push(&names, "api@gpu1");
    w.wanted = &names;
    world_engine(&w);
    assert_true(model_backend(w.model, "far", "gpu1")->probe.usable);
    world_close(&w);
    gpu1.slow_ms = 0;
    strvec_release(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_project_on_two_machines),    cmocka_unit_test(test_ascii_names),
        cmocka_unit_test(test_host_goes_and_comes_back),        cmocka_unit_test(test_hanging_host_holds_nobody_up),
        cmocka_unit_test(test_slow_host_is_waited_for_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
