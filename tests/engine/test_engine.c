/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "tests/engine/fake.h"

static void test_ensure_is_idempotent(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    assert_int_equal(model_workspace_count(w.model), 3);
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_RUNNING);
    assert_string_equal(world_ws(&w, "muthr-api")->profile, "base");
    assert_int_equal(w.fake.started_sessions, 0);   /* base runs nothing */
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* running and equal: nothing */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    assert_int_equal(w.fake.counts[BACKEND_START], 1);
    assert_int_equal(world_step(&w, "turn")->state, OP_STEP_SKIPPED);
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_STOP, "muthr-api", NULL); /* stopping a stopped one is success */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 1);
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* stopped, equal: start */
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    assert_int_equal(w.fake.counts[BACKEND_UPDATE], 0);
    assert_int_equal(w.fake.counts[BACKEND_START], 2);
    assert_true(world_step(&w, "start")->last_time_ms < 60000);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL); /* deleting what does not exist is success */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_NONE);
    MT_CLEANUP(xfree) char *folder = path_join(w.home.dir, "src/api");
    assert_true(fs_is_dir(folder));
    world_close(&w);
}

static bool has_drift(struct world *w)
{
    return world_ws(w, "muthr-api")->drift;
}

/* A verb that only looks, or takes down, does not have the world's changes followed; one that brings up does. */
static void test_lazy_follow(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.lazy_follow = true;
    world_engine(&w);
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    assert_null(w.fake.watch);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_non_null(w.fake.watch);
    w.config.cpus = 2;
    w.fake.watch(w.fake.watch_arg, NULL);
    world_until(&w, has_drift);
    world_close(&w);
}

static void test_drift(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_false(has_drift(&w));
    w.config.cpus = 2;
    w.fake.watch(w.fake.watch_arg, NULL);
    world_until(&w, has_drift);
    assert_non_null(strstr(world_ws(&w, "muthr-api")->drift_text, "cpus: no limit -> 2"));
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* never under the user's feet */
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    assert_string_equal(w.last.drift, "cpus: no limit -> 2"); /* what to do is for who shows it to say */
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api", .recreate = true};
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 1);
    assert_int_equal(w.fake.counts[BACKEND_UPDATE], 1);
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 0); /* the private home stays */
    w.fake.watch(w.fake.watch_arg, "muthr-api");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    assert_false(has_drift(&w));
    w.config.cpus = 3;
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* stopped and different: brought up to date without asking */
    assert_int_equal(w.fake.counts[BACKEND_UPDATE], 2);
    world_close(&w);
}

/* Runs a request on muthr-api to its end. */
static void run_request(struct world *w, struct engine_request req)
{
    req.sandbox = "muthr-api";
    world_request(w, &req);
    world_wait(w, w->done + 1);
}

/* A profile with another network is never followed by cutting what runs, nor ignored without a word. */
static void test_profile_with_another_network(void **state)
{
    (void)state;
    struct world w;
    struct engine_comparison c;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(engine_compare(w.engine, "muthr-api", "p", &c, NULL), 0);
    assert_int_equal(c.differences.len, 0);
    assert_true(c.has_script && c.keeps_home && !c.lacks_network);
    engine_comparison_release(&c);
    assert_int_equal(engine_compare(w.engine, "muthr-api", "cut", &c, NULL), 0);
    assert_int_equal(c.differences.len, 1);
    assert_string_equal(c.differences.v[0], "network: none instead of full");
    engine_comparison_release(&c);
    struct error err = ERROR_INIT;
    assert_int_equal(engine_compare(w.engine, "muthr-api", "nosuch", &c, &err), -1);
    engine_comparison_release(&c);

    int scripts = w.fake.started_sessions;
    run_request(&w, (struct engine_request){.plan = ENGINE_PROVISION, .profile = "cut"});
    assert_int_equal(w.last.state, OP_FAILED);
    assert_string_equal(w.last.error.msg, "cut wants network none, muthr-api runs with full");
    assert_string_equal(w.last.drift, "network: full -> none");
    assert_int_equal(w.fake.started_sessions, scripts);
    assert_int_equal(w.fake.counts[BACKEND_SEAL], 0);
    /* As it is: the script runs, the network stays, and what is wanted stays known. */
    run_request(&w, (struct engine_request){.plan = ENGINE_PROVISION, .profile = "cut", .as_is = true});
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, scripts + 1);
    assert_int_equal(w.fake.counts[BACKEND_SEAL] + w.fake.counts[BACKEND_STOP], 0);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_FULL);
    assert_string_equal(world_ws(&w, "muthr-api")->drift_text, "network: full -> none");
    /* Starting what runs does nothing to it either. */
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.last.drift, "network: full -> none");
    assert_int_equal(w.fake.counts[BACKEND_SEAL] + w.fake.counts[BACKEND_STOP], 0);
    /* On one's word it is re-created, and its network cut when the script is through. */
    run_request(
        &w, (struct engine_request){.plan = ENGINE_PROVISION, .profile = "cut", .recreate = true, .reprovision = true});
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 1);
    assert_int_equal(w.fake.counts[BACKEND_SEAL], 1);
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 0);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_NONE);
    assert_false(has_drift(&w));

    /* The other way round: no network, and a script that needs one. */
    assert_int_equal(engine_compare(w.engine, "muthr-api", "cut", &c, NULL), 0);
    assert_int_equal(c.differences.len, 0);
    assert_true(c.lacks_network);
    engine_comparison_release(&c);
    run_request(&w, (struct engine_request){.plan = ENGINE_PROVISION, .profile = "cut", .reprovision = true});
    assert_int_equal(w.last.error.code, ERROR_DENIED);
    assert_non_null(strstr(w.last.error.msg, "has no network any more"));
    run_request(&w, (struct engine_request){.plan = ENGINE_PROVISION, .profile = "p"});
    assert_string_equal(w.last.error.msg, "p wants network full, muthr-api runs with none");
    scripts = w.fake.started_sessions;
    run_request(&w,
                (struct engine_request){.plan = ENGINE_PROVISION, .profile = "p", .as_is = true, .reprovision = true});
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, scripts + 1);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_NONE);
    run_request(&w, (struct engine_request){.plan = ENGINE_RESTART, .profile = "p", .reprovision = true});
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, scripts + 2);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_FULL);
    /* An explicit choice of network is followed at once. */
    run_request(&w,
                (struct engine_request){
                    .plan = ENGINE_PROVISION, .profile = "p", .reprovision = true, .net_given = true, .net = NET_NONE});
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_NONE);
    world_close(&w);
}

static void test_network_choice(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.probe.caps &= ~(unsigned)BACKEND_CAP_NET_FULL;
    str_copy(w.fake.probe.full_reason, sizeof(w.fake.probe.full_reason), "/dev/net/tun cannot be opened");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(w.last.error.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(w.last.error.msg, "/dev/net/tun"));
    assert_memory_equal(w.last.error.hint, "network:", 8);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 0);
    struct engine_request req = {
        .plan = ENGINE_START, .sandbox = "muthr-api", .profile = "p", .net_given = true, .net = NET_SHARED};
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_non_null(strstr(w.last.notice, "shared with the host"));
    assert_int_equal(world_ws(&w, "muthr-api")->info.net, NET_SHARED);
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_CONTAINER_HOST_GATEWAY"), "127.0.0.1");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* the choice is remembered for this sandbox */
    assert_int_equal(w.last.state, OP_DONE);
    assert_non_null(strstr(w.last.notice, "shared with the host"));
    assert_false(has_drift(&w));
    world_run(&w, ENGINE_START, "muthr-web", "cut"); /* wants none, but its script needs a network first */
    assert_int_equal(w.last.state, OP_FAILED);
    struct engine_request bare = {.plan = ENGINE_START, .sandbox = "muthr-web", .profile = "cut", .no_provision = true};
    world_request(&w, &bare);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE); /* nothing to run: none is to be had */
    assert_int_equal(world_ws(&w, "muthr-web")->info.net, NET_NONE);
    world_close(&w);
}

static void test_queue_and_parallel(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    char rel[32], name[32];
    for (int i = 0; i < 8; i++) {
        str_format(rel, sizeof(rel), "src/many%d", i);
        temphome_mkdir(&w.home, rel);
    }
    w.config.parallel_ops = 3;
    w.fake.delay_ms = 3;
    world_engine(&w);
    w.fake.most_in_flight = 0;
    for (int i = 0; i < 8; i++) {
        str_format(name, sizeof(name), "muthr-many%d", i);
        world_start(&w, ENGINE_START, name, NULL);
    }
    struct error err = ERROR_INIT;
    struct engine_request same = {.plan = ENGINE_START, .sandbox = "muthr-many7"};
    assert_int_equal(engine_run(w.engine, &same, &err), 0);
    assert_int_equal(err.code, ERROR_EXISTS);
    assert_non_null(strstr(err.msg, "op 8"));
    op_id stop = world_start(&w, ENGINE_STOP, "muthr-many0", NULL); /* waits behind the start */
    assert_int_equal(model_op(w.model, stop)->state, OP_QUEUED);
    op_id victim = world_start(&w, ENGINE_STOP, "muthr-many1", NULL);
    engine_cancel(w.engine, victim); /* cancelled in the queue */
    engine_cancel(w.engine, 9999);
    world_wait(&w, 10);
    assert_true(w.fake.most_in_flight <= 3 + 1 /* a list */ + 1 /* the cancelled one */);
    assert_true(w.fake.most_in_flight >= 2);
    assert_int_equal(fake_box(&w.fake, "muthr-many0")->state, SANDBOX_STOPPED);
    assert_int_equal(fake_box(&w.fake, "muthr-many1")->state, SANDBOX_RUNNING);
    assert_int_equal(fake_box(&w.fake, "muthr-many7")->state, SANDBOX_RUNNING);
    world_close(&w);
}

static bool web_is_listed(struct world *w)
{
    const struct workspace *ws = model_workspace_by_sandbox(w->model, "muthr-gone");
    return ws != NULL && ws->have_info;
}

static bool has_stats(struct world *w)
{
    return world_ws(w, "muthr-api")->have_stats;
}

static bool new_folder_is_seen(struct world *w)
{
    return model_workspace_by_name(w->model, "brand-new") != NULL;
}

static void test_world_changes_are_followed(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    struct sandbox_info *box = &w.fake.boxes[5].info;
    w.fake.boxes[5].used = true; /* another cockpit made it; its folder is gone, and it was never provisioned */
    str_copy(box->name, sizeof(box->name), "muthr-gone");
    str_copy(box->project, sizeof(box->project), "gone");
    box->state = SANDBOX_STOPPED;
    w.fake.boxes[6].used = true;
    str_copy(w.fake.boxes[6].info.name, 96, "muthr-services");
    int lists = w.fake.counts[BACKEND_LIST];
    for (int i = 0; i < 50; i++) {
        w.fake.watch(w.fake.watch_arg, i % 2 ? "muthr-gone" : NULL);
    }
    world_until(&w, web_is_listed);
    assert_true(w.fake.counts[BACKEND_LIST] - lists <= 2); /* coalesced */
    assert_true(world_ws(&w, "muthr-gone")->missing);
    assert_true(world_ws(&w, "muthr-gone")->orphan);
    assert_null(model_workspace_by_sandbox(w.model, "muthr-services"));
    struct error err = ERROR_INIT;
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-gone"};
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    world_run(&w, ENGINE_DELETE, "muthr-gone", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    workspace_id id = world_ws(&w, "muthr-api")->id;
    w.fake.watch(w.fake.watch_arg, NULL);
    assert_int_equal(w.fake.counts[BACKEND_STATS], 0); /* nobody looks, nobody asks */
    engine_watch_stats(w.engine, &id, 1);
    world_until(&w, has_stats);
    assert_int_equal(world_ws(&w, "muthr-api")->stats.memory_bytes, 7);
    engine_watch_stats(w.engine, NULL, 0);
    temphome_mkdir(&w.home, "src/brand-new");
    world_until(&w, new_folder_is_seen);
    assert_int_equal(world_ws(&w, "muthr-api")->id, id);
    world_close(&w);
}

static bool is_lost(struct world *w)
{
    return model_backend_at(w->model, 0)->lost;
}

static bool lists_do_not_fail(struct world *w)
{
    return w->fake.list_fails == 0 && !is_lost(w) && world_ws(w, "muthr-api")->info.state == SANDBOX_RUNNING;
}

/* One list that fails is nothing, whatever its error; a second one right behind it makes what is known unknown. */
static void test_list_fails(void **state)
{
    struct world w;
    (void)state;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    w.fake.list_fails = 1;
    int probes = w.fake.counts[BACKEND_PROBE];
    w.fake.watch(w.fake.watch_arg, NULL);
    world_until(&w, lists_do_not_fail);
    assert_int_equal(w.fake.counts[BACKEND_PROBE], probes + 1);
    w.fake.list_fails = 2;
    w.fake.watch(w.fake.watch_arg, NULL);
    world_until(&w, is_lost);
    assert_false(model_backend_at(w.model, 0)->probe.usable);
    assert_string_equal(model_backend_at(w.model, 0)->probe.reason, "no list today");
    assert_int_equal(world_ws(&w, "muthr-api")->info.state, SANDBOX_UNKNOWN);
    assert_int_not_equal(model_backend_at(w.model, 0)->retry_mono_ms, 0);
    engine_retry_backend(w.engine, "fake", NULL);
    world_until(&w, lists_do_not_fail);
    world_close(&w);
}

/* Two projects whose names are reduced to the same: the sandbox is that of the one that it was made for. */
static void test_name_of_another(void **state)
{
    static const enum engine_plan PLANS[] = {ENGINE_START, ENGINE_STOP, ENGINE_DELETE};
    struct world w;
    (void)state;
    world_open(&w);
    struct sandbox_info *box = &w.fake.boxes[0].info;
    w.fake.boxes[0].used = true;
    str_copy(box->name, sizeof(box->name), "muthr-web");
    str_copy(box->project, sizeof(box->project),
             "w\xc3\xa9"
             "b");
    box->state = SANDBOX_RUNNING;
    world_engine(&w);
    for (size_t i = 0; i < MT_ARRAY_LEN(PLANS); i++) {
        world_run(&w, PLANS[i], "muthr-web", NULL);
        assert_int_equal(w.last.state, OP_FAILED);
        assert_non_null(strstr(w.last.error.msg, box->project));
        assert_int_equal(box->state, SANDBOX_RUNNING);
    }
    world_close(&w);
}

static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    temphome_mkdir(&w.home, "src/config");
    world_engine(&w);
    struct error err = ERROR_INIT;
    struct strvec env = STRVEC_INIT;
    strvec_push(&env, "BAD KEY=1");
    static const struct {
        const char *sandbox, *profile;
        enum error_code code;
    } CASES[] = {{"muthr-nowhere", NULL, ERROR_NOT_FOUND},
                 {NULL, NULL, ERROR_NOT_FOUND},
                 {"muthr-config", NULL, ERROR_INVALID},
                 {"muthr-api", "../x", ERROR_INVALID}};
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct engine_request req = {.plan = ENGINE_DELETE, .sandbox = CASES[i].sandbox, .profile = CASES[i].profile};
        assert_int_equal(engine_run(w.engine, &req, &err), 0);
        assert_int_equal(err.code, CASES[i].code);
    }
    struct engine_request with_env = {.plan = ENGINE_START, .sandbox = "muthr-api", .env = &env};
    assert_int_equal(engine_run(w.engine, &with_env, &err), 0);
    strvec_release(&env);
    world_run(&w, ENGINE_START, "muthr-api", "no-such-profile");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "no-such-profile.sh is missing"));
    w.fake.fails_to_stay_up = true;
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_null(fake_box(&w.fake, "muthr-api")); /* what never came up is removed again */
    world_close(&w);
}

static void test_no_backend_and_no_root(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.probe.usable = false;
    str_copy(w.fake.probe.reason, sizeof(w.fake.probe.reason), "bwrap is not installed");
    str_copy(w.fake.probe.fix, sizeof(w.fake.probe.fix), "apt-get install bubblewrap");
    world_engine(&w);
    struct error err = ERROR_INIT;
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api"};
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(err.msg, "apt-get install bubblewrap"));
    assert_string_equal(model_backend(w.model, "fake", NULL)->probe.reason, "bwrap is not installed");
    world_close(&w);
    world_open(&w);
    free(w.config.workspace_root);
    w.config.workspace_root = xstrdup("~/nowhere");
    world_engine(&w);
    const char *root;
    assert_int_equal(engine_root(w.engine, &root, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(path_base(root), "nowhere");
    assert_int_equal(model_workspace_count(w.model), 0);
    temphome_mkdir(&w.home, "nowhere/first");
    engine_rescan(w.engine);
    assert_int_equal(engine_root(w.engine, &root, &err), 0);
    assert_int_equal(model_workspace_count(w.model), 1);
    world_close(&w);
}

struct started {
    int count;
    char id[SESSION_ID_MAX];
    struct error err;
};

static void on_session(void *arg, const char *id, const struct error *err)
{
    struct started *s = arg;
    s->count++;
    str_copy(s->id, sizeof(s->id), id != NULL ? id : "");
    s->err = err != NULL ? *err : ERROR_INIT;
}

static struct started got;

static bool session_is_there(struct world *w)
{
    (void)w;
    return got.count > 0;
}

static void test_sessions(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    w.fake.script_hangs = true;
    struct error err = ERROR_INIT;
    memset(&got, 0, sizeof(got));
    struct engine_session_request req = {
        .sandbox = "muthr-api", .kind = SESSION_SHELL, .done = on_session, .arg = &got, .cwd = "/workspace/lib"};
    assert_int_equal(engine_session(w.engine, &req, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    w.fake.script_hangs = false;
    world_run(&w, ENGINE_START, "muthr-api", "p");
    w.fake.script_hangs = true;
    assert_int_equal(engine_session(w.engine, &req, &err), 0);
    assert_int_equal(got.count, 0); /* not inside the call */
    world_until(&w, session_is_there);
    assert_int_equal(got.err.code, ERROR_NONE);
    assert_string_equal(model_session(w.model, got.id)->label, "shell");
    assert_string_equal(w.fake.last_argv[0], "/workspace/lib");
    assert_string_equal(w.fake.last_argv[1], "bash");
    assert_string_equal(w.fake.last_argv[2], "-l");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_BACKEND"), "fake");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_INFERENCE_URL"), "http://127.0.0.1:1/v1");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_MODEL_NAME"), "local-model");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_CTX_WINDOW"), "131072");
    memset(&got, 0, sizeof(got));
    req.kind = SESSION_AGENT;
    assert_int_equal(engine_session(w.engine, &req, &err), 0);
    world_until(&w, session_is_there);
    assert_string_equal(w.fake.last_argv[1], "agent-p");
    assert_string_equal(model_session(w.model, got.id)->label, "agent-p");
    req.profile = "base"; /* has no agent */
    int rc = engine_session(w.engine, &req, &err);
    if (rc == 0) {
        memset(&got, 0, sizeof(got));
        world_until(&w, session_is_there);
        err = got.err;
    }
    assert_int_equal(err.code, ERROR_INVALID);
    struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    const char *const command[] = {"make", "test", NULL};
    assert_int_equal(engine_exec_argv(w.engine, "muthr-api", command, NULL, false, NULL, &argv, &env, &err), 0);
    assert_string_equal(argv.v[argv.len - 1], "test");
    assert_string_equal(w.fake.last_argv[0], "/workspace");
    strvec_release(&argv);
    strvec_release(&env);
    struct profile_entry *list;
    size_t n = engine_profiles(w.engine, &list);
    assert_int_equal(n, 3);
    assert_string_equal(list[2].name, "p");
    assert_string_equal(list[2].agent, "agent-p");
    assert_true(list[2].shipped);
    profile_list_free(list, n);
    world_close(&w);
}

/* Sessions that end because the sandbox is stopped are put away by whoever stopped it; others stay. */
static void test_stop_puts_sessions_away(void **state)
{
    static const enum engine_plan plans[] = {ENGINE_STOP, ENGINE_RESTART};
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(plans); i++) {
        struct world w;
        struct error err = ERROR_INIT;
        char failed[SESSION_ID_MAX], agent[SESSION_ID_MAX], shell[SESSION_ID_MAX];
        world_open(&w);
        world_engine(&w);
        world_run(&w, ENGINE_START, "muthr-api", "base");
        w.fake.script_hangs = true;
        struct engine_session_request req = {
            .sandbox = "muthr-api", .kind = SESSION_SHELL, .done = on_session, .arg = &got};
        char *const ids[] = {failed, shell, agent};
        for (int k = 0; k < 3; k++) {
            memset(&got, 0, sizeof(got));
            req.kind = k == 2 ? SESSION_AGENT : SESSION_SHELL;
            req.profile = k == 2 ? "p" : NULL;
            assert_int_equal(engine_session(w.engine, &req, &err), 0);
            world_until(&w, session_is_there);
            str_copy(ids[k], SESSION_ID_MAX, got.id);
        }
        struct session_info ended = *model_session(w.model, failed);
        ended.state = SESSION_EXITED; /* by itself, before */
        ended.exit_code = 3;
        model_put_session(w.model, &ended);
        int dismissed = w.fake.dismissed;
        world_run(&w, plans[i], "muthr-api", NULL);
        assert_int_equal(w.last.state, OP_DONE);
        assert_null(model_session(w.model, shell));
        assert_non_null(model_session(w.model, agent));
        assert_non_null(model_session(w.model, failed));
        assert_int_equal(w.fake.dismissed, dismissed + 1);
        assert_int_equal(w.fake.attended, 1);
        world_close(&w);
    }
}

static void test_read_only_state(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    fs_remove_tree(w.home.paths.state, NULL);
    FILE *f = fopen(w.home.paths.state, "w"); /* a file where the folder should be: works as root too */
    assert_non_null(f);
    fclose(f);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "muthr"));
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 0);
    assert_int_equal(unlink(w.home.paths.state), 0);
    temphome_write(&w.home, ".local/state/muthr/records/muthr-api.json", "{\"profile\": \"ba"); /* truncated */
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    MT_CLEANUP(xfree) char *aside = path_join(w.home.paths.state, "records/muthr-api.json.broken-1");
    assert_true(fs_exists(aside)); /* set aside, not lost */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ensure_is_idempotent),
        cmocka_unit_test(test_lazy_follow),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_profile_with_another_network),
        cmocka_unit_test(test_network_choice),
        cmocka_unit_test(test_queue_and_parallel),
        cmocka_unit_test(test_world_changes_are_followed),
        cmocka_unit_test(test_list_fails),
        cmocka_unit_test(test_name_of_another),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_no_backend_and_no_root),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_stop_puts_sessions_away),
        cmocka_unit_test(test_read_only_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
