/* SPDX-License-Identifier: Apache-2.0 */
/* What containers need beyond process sandboxes: images, the baseline, set-up commands, golden images, overlays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/hostport.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/engine/fake.h"

static void open_pod(struct world *w)
{
    world_open(w);
    w->registry = fake_pod_registry;
}

static void test_life(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.fake.image_notice = "mise.toml: build failed, the base image is used";
    w.fake.exec_lines[0] = "MUTHR-MISSING: npm sudo";
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_step(&w, "image")->state, OP_STEP_DONE);
    assert_int_equal(world_step(&w, "baseline")->state, OP_STEP_DONE);
    assert_string_equal(fake_box(&w.fake, "muthr-api")->image, "default:1");
    assert_string_equal(w.fake.last_golden, "localhost/muthr-profile-cut:latest");
    assert_int_equal(w.fake.last_net, NET_FULL); /* open while something is installed */
    assert_int_equal(fake_box(&w.fake, "muthr-api")->net, NET_NONE);
    const char *notice = world_ws(&w, "muthr-api")->image_notice;
    assert_non_null(strstr(notice, "mise.toml: build failed"));
    assert_non_null(strstr(notice, "missing in the image: npm sudo"));
    world_close_engine(&w, false);
    world_engine(&w); /* it lasts */
    assert_non_null(strstr(world_ws(&w, "muthr-api")->image_notice, "npm sudo"));
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(world_step(&w, "baseline")->state, OP_STEP_SKIPPED);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    world_close(&w);
}

static void test_image_drift(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    w.fake.image = "default:1@sha256:new";
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* running: nobody looks */
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    assert_true(w.fake.kept_home);
    assert_non_null(strstr(w.last.notice, "its image has changed"));
    assert_int_equal(w.fake.started_sessions, 2); /* provisioned again: what was installed went with it */
    assert_int_equal(world_step(&w, "baseline")->state, OP_STEP_DONE);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    assert_false(w.fake.kept_home);
    world_close(&w);
}

/* S12: a stopped one whose port somebody took meanwhile is made again, and only then. */
static void test_port_taken(void **state)
{
    (void)state;
    struct world w;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    char manifest[120];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    uint16_t port = ntohs(at.sin_port);
    assert_true(hostport_is_taken("", port, false));
    assert_false(hostport_is_taken("", port, true));
    assert_false(hostport_is_taken("no address", port, false));
    uint16_t any = hostport_any("", false);
    assert_true(any != 0 && any != port && hostport_is_free("", any, false));
    assert_int_equal(hostport_any("no address", false), 0);
    open_pod(&w);
    str_format(manifest, sizeof(manifest), "security: {network: full}\nports: [\"%u:80\"]\n", port);
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", manifest);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    struct sandbox_info *box = fake_box(&w.fake, "muthr-api");
    box->ports[0] = (struct port_spec){.container_port = 80};
    box->port_count = 1;
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    assert_int_equal(w.fake.started_sessions, 2); /* provisioned again */
    assert_non_null(strstr(w.last.notice, "is made again without that port"));
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    box = fake_box(&w.fake, "muthr-api");
    box->ports[0] = (struct port_spec){.container_port = 80};
    box->port_count = 1;
    close(fd);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    box = fake_box(&w.fake, "muthr-api");
    str_copy(box->warning, sizeof(box->warning), "limits; port in use, not published: 80/tcp; running as root");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_non_null(strstr(w.last.notice, "port in use, not published: 80/tcp"));
    assert_null(strstr(w.last.notice, "running as root"));
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    /* Dropped, and free by now: drift, that a restart cures. */
    str_format(box->warning, sizeof(box->warning), "limits; port in use, not published: 1%u/tcp %u/tcp", port, port);
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    str_format(manifest, sizeof(manifest), "ports: %u/tcp not published -> free again", port);
    assert_string_equal(w.last.drift, manifest);
    assert_string_equal(world_ws(&w, "muthr-api")->drift_text, manifest);
    world_run(&w, ENGINE_RESTART, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 3);
    assert_false(world_ws(&w, "muthr-api")->drift);
    world_close(&w);
}

static bool api_is_halted(struct world *w)
{
    return world_ws(w, "muthr-api")->info.halted;
}

/* Paused behind our back: running, but nothing goes on in it until it is started. */
static void test_halted(void **state)
{
    (void)state;
    struct world w;
    struct error err = ERROR_INIT;
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT, env = STRVEC_INIT;
    open_pod(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.fake.counts[BACKEND_START], 1);
    struct sandbox_info *box = fake_box(&w.fake, "muthr-api");
    box->halted = true;
    str_copy(box->reason, sizeof(box->reason), "paused");
    w.fake.watch(w.fake.watch_arg, "muthr-api");
    world_until(&w, api_is_halted);
    assert_int_equal(engine_exec_argv(w.engine, "muthr-api", NULL, NULL, true, NULL, &argv, &env, &err), -1);
    assert_non_null(strstr(err.msg, "is paused"));
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_START], 2);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    assert_false(world_ws(&w, "muthr-api")->info.halted);
    world_close(&w);
}

/* P4: a bad model in the configuration is no reason to take another one silently. */
static void test_bad_model(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    free(w.config.model);
    w.config.model = xstrdup("a b;c");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "MUTHR_MODEL_NAME"));
    assert_int_equal(w.fake.started_sessions, 0);
    world_close(&w);
}

/* One that exists starts without its image's source; a new one does not, and the image is named. */
static void test_image_fails(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", "image: quay.example/tools:3\n");
    world_engine(&w);
    w.fake.things = 0;
    w.fake.fault = FAULT_FAIL;
    w.fake.fault_at = 2;
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "quay.example/tools:3"));
    assert_non_null(w.last.error.hint);
    assert_null(fake_box(&w.fake, "muthr-api"));
    w.fake.fault_at = 0;
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    world_run(&w, ENGINE_STOP, "muthr-api", NULL);
    w.fake.things = 0;
    w.fake.fault_at = 2;
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_non_null(strstr(w.last.notice, "could not be looked at"));
    world_close(&w);
}

static void test_baseline_fails(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.fake.exec_exit = 1;
    w.fake.exec_lines[0] = "MUTHR-ERROR: apt-get update failed: is there a network?";
    w.fake.exec_lines[1] = "noise";
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "apt-get update failed"));
    assert_null(strstr(w.last.error.msg, "noise"));
    char uid[24]; /* root works on other people's projects as they: who owns it is looked at inside */
    str_format(uid, sizeof(uid), "%u", (unsigned)getuid());
    assert_string_equal(w.fake.last_argv[4], getuid() == 0 ? "auto" : uid);
    assert_int_equal(w.fake.started_sessions, 0);
    w.fake.exec_exit = 0;
    w.fake.exec_lines[0] = NULL;
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* not taken for done */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_step(&w, "baseline")->state, OP_STEP_DONE);
    world_close(&w);
}

/* One that was cut gets its network back for what still has to be installed, and is cut again. */
static void test_network_comes_back(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.fake.exit_code = 1;
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->net, NET_NONE);
    w.fake.exit_code = 0;
    world_run(&w, ENGINE_RESTART, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.last_start_net, NET_FULL);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->net, NET_NONE);
    world_run(&w, ENGINE_RESTART, "muthr-api", NULL); /* nothing left to install: it stays cut */
    assert_int_equal(w.fake.last_start_net, NET_NONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 1);
    world_close(&w);
}

static void test_set_up(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    temphome_write(
        &w.home, "src/api/.devcontainer.json",
        "{\"image\": \"repo/image:1\", // theirs\n\"postCreateCommand\": {\"a\": \"it's\", \"b\": [\"x\", \"y z\"]},}");
    world_engine(&w);
    struct engine_consent c;
    engine_consent(w.engine, &(struct engine_request){.sandbox = "muthr-api"}, &c);
    assert_string_equal(c.image, "repo/image:1");
    assert_non_null(strstr(c.post_create, "it's"));
    engine_consent_release(&c);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    assert_non_null(strstr(w.last.notice, "set-up command was not run"));
    assert_non_null(strstr(w.last.notice, "repo/image:1"));
    assert_int_equal(world_step(&w, "post_create")->state, OP_STEP_SKIPPED);
    assert_string_equal(w.fake.last_spec_image, "");
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-api", .allow_post_create = true};
    w.fake.set_up_exit = 3;
    w.fake.exec_lines[0] = "make: no rule";
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "exit 3: make: no rule"));
    w.fake.set_up_exit = 0;
    world_run(&w, ENGINE_START, "muthr-api", NULL); /* the yes is remembered; it had not run */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_step(&w, "post_create")->state, OP_STEP_DONE);
    assert_false(w.fake.last_as_root);
    assert_string_equal(w.fake.last_argv[2], "'sh' '-c' 'it'\\''s' && 'x' 'y z'");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    assert_int_equal(world_step(&w, "post_create")->state, OP_STEP_SKIPPED); /* once */
    engine_consent(w.engine, &(struct engine_request){.sandbox = "muthr-api"}, &c);
    assert_null(c.post_create);
    engine_consent_release(&c);
    world_close(&w);
}

/* The repository changes between the question and the answer: what nobody saw is not run. */
static void test_consent_is_to_what_was_shown(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    temphome_write(&w.home, "src/api/.devcontainer.json", "{\"image\": \"a:1\", \"postCreateCommand\": \"harmless\"}");
    world_engine(&w);
    struct engine_consent c;
    engine_consent(w.engine, &(struct engine_request){.sandbox = "muthr-api"}, &c);
    engine_consent_release(&c);
    temphome_write(&w.home, "src/api/.devcontainer.json", "{\"image\": \"b:1\", \"postCreateCommand\": \"evil\"}");
    struct engine_request req = {
        .plan = ENGINE_START, .sandbox = "muthr-api", .allow_post_create = true, .allow_image = true};
    world_request(&w, &req);
    world_wait(&w, 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(world_step(&w, "post_create")->state, OP_STEP_SKIPPED);
    assert_string_equal(w.fake.last_spec_image, "");
    engine_consent(w.engine, &(struct engine_request){.sandbox = "muthr-api"}, &c);
    assert_string_equal(c.post_create, "evil");
    engine_consent_release(&c);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    req.allow_post_create = false;
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_string_equal(w.fake.last_spec_image, "b:1");
    world_close(&w);
}

static void test_bake(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    world_engine(&w);
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.fake.committed, "localhost/muthr-profile-p:latest");
    assert_string_equal(w.fake.last_golden, "");
    assert_int_equal(w.fake.started_sessions, 1);
    w.fake.image = "localhost/muthr-profile-p:latest";
    world_run(&w, ENGINE_START, "muthr-web", "p"); /* everything is in it already */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.started_sessions, 1);
    world_run(&w, ENGINE_START, "muthr-web", NULL);
    assert_int_equal(w.fake.started_sessions, 1);
    temphome_write(&w.home, ".config/muthr/sandbox.d/container/provision.d/lib/more.sh", "# new\n");
    world_run(&w, ENGINE_START, "muthr-docs", "p"); /* an older revision is in it */
    assert_int_equal(w.fake.started_sessions, 2);
    world_close(&w);
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "cannot make an image"));
    world_close(&w);
}

/* What is called after a profile is made of that profile: not of a sandbox that runs with another one's image, or that
 * another one's script has run in. */
static void test_bake_of_other(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", "image: quay.example/tools:3\n");
    temphome_write(&w.home, "data/profiles/provision.d/q.sh", "true\n");
    temphome_write(&w.home, "data/profiles/provision.d/r.sh", "true\n");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_int_equal(w.last.error.code, ERROR_INVALID);
    assert_non_null(strstr(w.last.error.msg, "image: none -> quay.example/tools:3"));
    assert_non_null(w.last.error.hint);
    assert_string_equal(w.fake.committed, "");
    assert_int_equal(w.fake.started_sessions, 0);
    assert_string_equal(world_ws(&w, "muthr-api")->profile, "base");
    world_run(&w, ENGINE_STOP, "muthr-api", NULL); /* as the hint says */
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(w.fake.committed, "localhost/muthr-profile-p:latest");
    assert_string_equal(w.fake.last_spec_image, "quay.example/tools:3");
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);
    assert_true(w.fake.kept_home);
    world_run(&w, ENGINE_BAKE, "muthr-api", "p"); /* its own: again as often as one likes */
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 2);

    world_run(&w, ENGINE_START, "muthr-docs", "base");
    world_run(&w, ENGINE_BAKE, "muthr-docs", "q"); /* base leaves nothing of itself: the same image is enough */
    assert_int_equal(w.last.state, OP_DONE);
    world_run(&w, ENGINE_BAKE, "muthr-docs", "r");
    assert_int_equal(w.last.error.code, ERROR_INVALID);
    assert_non_null(strstr(w.last.error.msg, "profile q was provisioned in it"));
    assert_string_equal(w.fake.committed, "localhost/muthr-profile-q:latest");
    world_run(&w, ENGINE_STOP, "muthr-docs", NULL);
    world_run(&w, ENGINE_BAKE, "muthr-docs", "r");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_CREATE], 4);
    assert_string_equal(w.fake.committed, "localhost/muthr-profile-r:latest");
    world_close(&w);
}

static bool web_has_drift(struct world *w)
{
    return world_ws(w, "muthr-web")->drift;
}

/* Another image under the same name is another image: told while the sandbox runs, taken at its next restart. */
static void test_rebuilt(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.fake.image_id = "0a";
    w.fake.committed_id = "1b";
    world_engine(&w);
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    w.fake.image = "localhost/muthr-profile-p:latest";
    w.fake.image_id = "1b";
    world_run(&w, ENGINE_START, "muthr-web", "p");
    assert_false(world_ws(&w, "muthr-web")->drift);
    assert_non_null(strstr(world_ws(&w, "muthr-api")->drift_text, "image: default:1 -> localhost/muthr-profile-p"));
    w.fake.committed_id = w.fake.image_id = "2c";
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    world_until(&w, web_has_drift);
    assert_string_equal(world_ws(&w, "muthr-web")->drift_text, "image: re-built");
    world_run(&w, ENGINE_START, "muthr-web", NULL); /* it runs on, and that is said */
    assert_string_equal(w.last.drift, "image: re-built");
    assert_string_equal(fake_box(&w.fake, "muthr-web")->image_id, "1b");
    world_run(&w, ENGINE_RESTART, "muthr-web", NULL);
    assert_non_null(strstr(w.last.notice, "its image was re-built: it was created again"));
    assert_true(w.fake.kept_home);
    assert_string_equal(fake_box(&w.fake, "muthr-web")->image_id, "2c");
    assert_false(world_ws(&w, "muthr-web")->drift);
    w.fake.image_id = "3d"; /* by hand, with podman tag: only asking shows it, at a start */
    world_run(&w, ENGINE_STOP, "muthr-web", NULL);
    world_run(&w, ENGINE_START, "muthr-web", NULL);
    assert_string_equal(fake_box(&w.fake, "muthr-web")->image_id, "3d");
    assert_int_equal(world_step(&w, "provision")->state, OP_STEP_DONE); /* nobody knows what is in that one */
    w.fake.image = NULL;                                                /* podman rmi */
    w.fake.image_id = "0a";
    world_run(&w, ENGINE_RESTART, "muthr-web", NULL);
    assert_string_equal(fake_box(&w.fake, "muthr-web")->image, "default:1");
    assert_false(world_ws(&w, "muthr-web")->drift);
    world_close(&w);
}

/* A golden image wins over what the manifest names by now: only that one is told. */
static void test_drift_names_one_image(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.fake.image_id = "0a";
    w.fake.committed_id = "1b";
    world_engine(&w);
    world_run(&w, ENGINE_BAKE, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    temphome_write(&w.home, ".config/muthr/sandbox.d/container/manifests/p.yaml",
                   "image: other:1\nresources: {pids: 77}\n");
    world_run(&w, ENGINE_START, "muthr-api", NULL);
    const char *image = strstr(w.last.drift, "image: default:1 -> localhost/muthr-profile-p:latest");
    assert_non_null(image);
    assert_null(strstr(w.last.drift, "other:1"));
    assert_non_null(strstr(w.last.drift, "pids: 512 -> 77"));
    world_close(&w);
}

static void test_model_network(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", "security:\n  network: model\n");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->net, NET_MODEL);
    w.fake.seal_lies = true;
    world_run(&w, ENGINE_START, "muthr-web", "p");
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "stays open"));
    world_close(&w);
}

static void test_foreign_and_limits(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    w.config.require_resource_limits = true;
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    assert_int_equal(w.last.error.code, ERROR_UNAVAILABLE);
    assert_non_null(strstr(w.last.error.msg, "cannot enforce limits"));
    w.config.require_resource_limits = false;
    world_run(&w, ENGINE_START, "muthr-api", "base");
    assert_int_equal(w.last.state, OP_DONE);
    fake_box(&w.fake, "muthr-api")->foreign = true;
    world_run(&w, ENGINE_START, "muthr-api", "base");
    assert_int_equal(w.last.error.code, ERROR_DENIED);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    assert_int_equal(w.last.error.code, ERROR_DENIED);
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 0);
    world_close(&w);
}

static void test_choice(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.registry = fake_both;
    temphome_write(&w.home, "data/profiles/manifests/p.yaml", "image: x:1\n");
    temphome_write(&w.home, "data/profiles/manifests/cut.yaml", "backend: pod\n");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    world_run(&w, ENGINE_START, "muthr-web", "p"); /* names an image */
    assert_string_equal(world_ws(&w, "muthr-web")->backend, "pod");
    world_run(&w, ENGINE_START, "muthr-docs", "cut"); /* names the backend */
    assert_string_equal(world_ws(&w, "muthr-docs")->backend, "pod");
    world_run(&w, ENGINE_DELETE, "muthr-docs", NULL);
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    struct engine_request req = {.plan = ENGINE_START, .sandbox = "muthr-docs", .profile = "base", .backend = "pod"};
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_string_equal(world_ws(&w, "muthr-docs")->backend, "pod");
    struct error err = ERROR_INIT;
    req.backend = "fake"; /* it stays where it is */
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_non_null(strstr(err.msg, "run by pod"));
    req.sandbox = "muthr-api";
    req.backend = "nothing";
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_non_null(strstr(err.msg, "no backend \"nothing\""));
    world_close_engine(&w, false);
    w.fake.pod_probe.usable = false;
    str_copy(w.fake.pod_probe.reason, sizeof(w.fake.pod_probe.reason), "not installed");
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "p"); /* nobody has images: told, for as long as it lives */
    assert_string_equal(world_ws(&w, "muthr-api")->backend, "fake");
    assert_non_null(strstr(world_ws(&w, "muthr-api")->image_notice, "x:1 is not used"));
    req.backend = "pod";
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    assert_int_equal(engine_run(w.engine, &req, &err), 0);
    assert_non_null(strstr(err.msg, "not installed"));
    world_close(&w);
}

static void test_overlay(void **state)
{
    (void)state;
    struct world w;
    open_pod(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-web", "base");
    world_run(&w, ENGINE_APPLY, "muthr-web", NULL);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "no overlay"));
    w.fake.overlay = true;
    w.fake.held_back = 5;
    world_run(&w, ENGINE_START, "muthr-api", "base");
    world_run(&w, ENGINE_APPLY, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->state, SANDBOX_STOPPED);
    assert_non_null(strstr(w.last.notice, "5 held back: dir/file0 (conflict)"));
    assert_non_null(strstr(w.last.notice, "and 2 more"));
    world_run(&w, ENGINE_DISCARD, "muthr-api", NULL);
    assert_int_equal(w.last.state, OP_DONE);
    assert_int_equal(w.fake.counts[BACKEND_DISCARD], 1);
    world_close(&w);
}

struct seen {
    int lines, done;
    char wanted[40];
    enum error_code code;
};

static void on_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct seen *s = arg;
    (void)is_stderr;
    (void)line;
    s->lines += len > 0;
}

static void on_look(void *arg, const struct backend_call *call, const struct error *err)
{
    struct seen *s = arg;
    s->done++;
    s->code = err != NULL ? err->code : ERROR_NONE;
    if (call->fact_count > 0) {
        str_copy(s->wanted, sizeof(s->wanted), call->facts[0].wanted);
    }
}

static void test_looks(void **state)
{
    (void)state;
    struct world w;
    struct seen seen = {.lines = 0};
    struct error err = ERROR_INIT;
    open_pod(&w);
    world_engine(&w);
    struct engine_look_request req = {
        .sandbox = "muthr-api", .verb = BACKEND_LOGS, .tail = -1, .on_line = on_line, .done = on_look, .arg = &seen};
    assert_int_equal(engine_look(w.engine, &req, NULL, &err), -1); /* does not exist yet */
    world_run(&w, ENGINE_START, "muthr-api", "cut");
    assert_int_equal(engine_look(w.engine, &req, NULL, &err), 0);
    while (seen.done < 1) {
        loop_turn(w.loop, true);
    }
    assert_true(seen.lines > 0);
    req.verb = BACKEND_ISOLATION;
    assert_int_equal(engine_look(w.engine, &req, NULL, &err), 0);
    while (seen.done < 2) {
        loop_turn(w.loop, true);
    }
    assert_string_equal(seen.wanted, "none");
    req.verb = BACKEND_DELETE;
    assert_int_equal(engine_look(w.engine, &req, NULL, &err), -1);
    req.verb = BACKEND_LOGS;
    w.fake.things = 0;
    w.fake.fault_at = 1;
    w.fake.fault = FAULT_HANG;
    struct engine_look *look;
    assert_int_equal(engine_look(w.engine, &req, &look, &err), 0);
    engine_look_cancel(look);
    while (seen.done < 3) {
        loop_turn(w.loop, true);
    }
    assert_int_equal(seen.code, ERROR_CANCELED);
    w.fake.things = 0;
    assert_int_equal(engine_look(w.engine, &req, &look, &err), 0);
    world_close(&w); /* ends it, too */
    assert_int_equal(seen.done, 4);
}

static void test_undo_window(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    world_engine(&w);
    world_run(&w, ENGINE_START, "muthr-api", "base");
    struct engine_request req = {.plan = ENGINE_DELETE, .sandbox = "muthr-api", .delay_ms = 3600000};
    op_id id = world_request(&w, &req);
    for (int i = 0; i < 5; i++) {
        loop_turn(w.loop, false);
    }
    world_run(&w, ENGINE_START, "muthr-web", "base"); /* nobody waits for it */
    assert_int_equal(w.last.state, OP_DONE);
    engine_cancel(w.engine, id);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_CANCELED);
    assert_int_equal(fake_box(&w.fake, "muthr-api")->state, SANDBOX_RUNNING);
    assert_int_equal(w.fake.counts[BACKEND_DELETE], 0);
    assert_int_equal(w.fake.counts[BACKEND_STOP], 0);
    req.delay_ms = 20;
    world_request(&w, &req);
    world_wait(&w, w.done + 1);
    assert_int_equal(w.last.state, OP_DONE);
    assert_null(fake_box(&w.fake, "muthr-api"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),           cmocka_unit_test(test_image_drift),
        cmocka_unit_test(test_port_taken),     cmocka_unit_test(test_halted),
        cmocka_unit_test(test_bad_model),      cmocka_unit_test(test_image_fails),
        cmocka_unit_test(test_baseline_fails), cmocka_unit_test(test_network_comes_back),
        cmocka_unit_test(test_set_up),         cmocka_unit_test(test_consent_is_to_what_was_shown),
        cmocka_unit_test(test_bake),           cmocka_unit_test(test_bake_of_other),
        cmocka_unit_test(test_rebuilt),        cmocka_unit_test(test_drift_names_one_image),
        cmocka_unit_test(test_model_network),  cmocka_unit_test(test_foreign_and_limits),
        cmocka_unit_test(test_choice),         cmocka_unit_test(test_overlay),
        cmocka_unit_test(test_looks),          cmocka_unit_test(test_undo_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
