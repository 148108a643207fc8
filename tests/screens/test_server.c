/* SPDX-License-Identifier: Apache-2.0 */
/* The inference server in the header and the view of the real cockpit. A child plays llama-server on its own loop and
 * does as it is told through a pipe; another one (tests/play) is started and stopped by the cockpit itself. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/fd.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/engine/llm_server.h"
#include "tests/portable.h"
#include "tests/screens/world.h"

struct player {
    pid_t pid;
    int orders, port;
};

struct child {
    struct llm_server s;
    int orders;
    bool still;
};

/* Tokens come: each of the two busy slots writes twenty a second. */
static void on_write(void *arg)
{
    struct child *c = arg;
    c->s.written += c->still ? 0 : 2;
}

#define SLOTS 0x80  /* order: so many slots are at work, and nothing is written besides what orders say */
#define TOKENS 0x40 /* order: so many thousands of tokens are in each of them */

/* An order: a manner, slots, tokens, or the end. */
static void on_order(void *arg, int events)
{
    struct child *c = arg;
    char order;
    (void)events;
    if (read(c->orders, &order, 1) != 1) {
        _exit(0);
    }
    unsigned char o = (unsigned char)order;
    if ((o & SLOTS) != 0) {
        c->s.busy = o & 7;
        c->still = true;
    } else if ((o & TOKENS) != 0) {
        c->s.written = ((uint64_t)(o & 63) - 1) * 1000;
    } else {
        c->s.manner = (enum llm_manner)o;
    }
}

static void play(int orders, int report)
{
    struct child c = {.orders = orders};
    struct loop *loop = loop_new();
    llm_open(&c.s, loop, LLM_LLAMA);
    c.s.busy = 2;
    c.s.manner = LLM_LOADING;
    timer_repeat(timer_new(loop, on_write, &c), 100);
    watch_set(watch_new(loop, orders, on_order, &c, NULL), WATCH_READ);
    if (write(report, &c.s.port, sizeof(c.s.port)) != sizeof(c.s.port)) {
        _exit(1);
    }
    loop_run(loop);
    _exit(1);
}

static void player_start(struct player *p)
{
    int orders[2], report[2];
    assert_int_equal(fd_pipe(orders), 0); /* the cockpit must not hold it open */
    assert_int_equal(fd_pipe(report), 0);
    p->pid = fork();
    assert_true(p->pid >= 0);
    if (p->pid == 0) {
        close(orders[1]);
        close(report[0]);
        play(orders[0], report[1]);
    }
    close(orders[0]);
    close(report[1]);
    assert_int_equal(read(report[0], &p->port, sizeof(p->port)), sizeof(p->port));
    close(report[0]);
    p->orders = orders[1];
}

static void player_order(const struct player *p, int what)
{
    char order = (char)what;
    assert_int_equal(write(p->orders, &order, 1), 1);
}

static void player_end(struct player *p)
{
    close(p->orders);
    assert_int_equal(waitpid(p->pid, NULL, 0), p->pid);
}

static void test_header(void **state)
{
    struct harness *h = *state;
    struct player p;
    char port[48];
    MT_CLEANUP(strbuf) struct strbuf top = STRBUF_INIT;
    player_start(&p);
    str_format(port, sizeof(port), "MUTHR_SERVER_PORT=%d", p.port);
    world_small(h);
    world_start(h, 120, 36, NULL, (const char *const[]){port, NULL});
    harness_wait_text(h, "○ model loading");
    player_order(&p, LLM_CALM);
    harness_wait_text(h, "● ready  Qwen3-8B  ctx ");
    harness_wait_text(h, "k/20k  slots 2/4  ");
    harness_wait_text(h, " tok/s");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "  ● Qwen3-8B  ");
    harness_wait_text(h, "k/20k  2/4  ");
    harness_resize(h, 40, 24);
    harness_wait_gone(h, "Qwen3");
    harness_row(h, 0, &top);
    assert_non_null(strstr(top.buf, "3 workspaces"));
    harness_resize(h, 120, 36);
    harness_wait_text(h, "● ready  Qwen3-8B");
    player_order(&p, LLM_HTML); /* it is another program now */
    harness_wait_text(h, "? no model server  :");
    player_order(&p, LLM_CALM);
    harness_wait_text(h, "● ready  Qwen3-8B");
    player_end(&p);
    harness_wait_text(h, "· model server down");
    world_leave(h);
}

/* Two endpoints: the header follows the selection, and what is said of an agent's context is sure or marked. */
static void test_several(void **state)
{
    struct harness *h = *state;
    struct player p, gpu;
    player_start(&p);
    player_start(&gpu);
    MT_CLEANUP(xfree)
    char *text =
        xasprintf("server_port = %d\n[[inference]]\nname = \"gpu\"\nurl = \"http://127.0.0.1:%d\"\nsandboxes = "
                  "[\"docs\"]\n",
                  p.port, gpu.port);
    MT_CLEANUP(xfree) char *port = xasprintf("MUTHR_SERVER_PORT=%d", p.port);
    MT_CLEANUP(xfree) char *told = xasprintf("inference   gpu, 127.0.0.1:%d: Qwen3-8B.gguf", gpu.port);
    player_order(&p, LLM_CALM);
    player_order(&gpu, SLOTS | 1);
    player_order(&gpu, TOKENS | 12);
    harness_write(h, ".config/muthr/muthr.toml", text);
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/base.yaml",
                  "name: base\nagent:\n  command: [sh, -c, 'while :; do echo .; sleep 0.3; done']\n");
    world_small(h);
    world_start(h, 120, 36, NULL, (const char *const[]){port, NULL});
    harness_wait_text(h, "default ● ready  Qwen3-8B");
    harness_wait_text(h, "inference   default, 127.0.0.1:");
    harness_key(h, "j");
    harness_wait_text(h, "gpu ○ model loading");
    player_order(&gpu, LLM_CALM);
    harness_wait_text(h, "gpu ● ready  Qwen3-8B");
    harness_wait_text(h, told);
    harness_key(h, "n");
    harness_wait_text(h, "New session in docs");
    harness_key(h, "a");
    harness_wait_text(h, "ctx 58%"); /* one slot is at work, and one agent: 12000 of 20480 */
    harness_keys(h, "C-] w");
    player_order(&gpu, SLOTS | 2);
    harness_wait_text(h, "ctx ~58%"); /* somebody else too */
    player_order(&gpu, TOKENS | 16);
    harness_wait_text(h, "ctx ▲~78%");
    player_order(&gpu, SLOTS | 1);
    player_order(&gpu, TOKENS | 19);
    harness_wait_text(h, "ctx ▲92%");
    harness_key(h, "k");
    harness_key(h, "k"); /* another sandbox's header; what stands beside the agent stays true */
    harness_wait_text(h, "default ● ready");
    player_order(&gpu, TOKENS | 11);
    harness_wait_text(h, "ctx 53%");
    player_end(&gpu);
    harness_wait_gone(h, "ctx 53%");
    player_end(&p);
    world_leave(h);
}

/* --- the view --- */

#define PROVIDER ".config/muthr/provider.d/"

static char self_dir[1024]; /* of this test program */

/* A port that nobody listens on. */
static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

/* The cockpit with what plays llama-server on its PATH. */
static void start_playing(struct harness *h, int port, int cols, int rows, const char *const *args,
                          const char *const *more)
{
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    MT_CLEANUP(xfree) char *from = xasprintf("%s/../play/llama-server", self_dir);
    MT_CLEANUP(xfree) char *to = path_join(harness_home(h), "bin/llama-server");
    harness_mkdir(h, "bin");
    assert_int_equal(fs_read(from, 64u << 20, &bytes, NULL), 0);
    assert_int_equal(fs_write_atomic(to, bytes.buf, bytes.len, 0755, NULL), 0);
    assert_int_equal(chmod(to, 0755), 0);
    strvec_pushf(&env, "PATH=%s/bin:%s", harness_home(h), getenv("PATH"));
    strvec_pushf(&env, "MUTHR_SERVER_PORT=%d", port);
    strvec_pushv(&env, more);
    world_small(h);
    world_start(h, cols, rows, args, (const char *const *)env.v);
}

static void open_view(struct harness *h)
{
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "e");
    harness_wait_text(h, "Inference server");
    harness_wait_text(h, "Presets");
}

/* Presets with what is wrong with them; starting, loading, at work with graphs; a stop asks, and stops. */
static void test_life(void **state)
{
    struct harness *h = *state;
    int port = free_port();
    char down[64];
    str_format(down, sizeof(down), "nobody listens on 127.0.0.1:%d", port);
    harness_write(h, PROVIDER "fast.ini", "model = org/Fast-8B:Q4\nruntime = llama\n");
    harness_write(h, PROVIDER "junk.ini", "\x01\x02\xff\xfe\n");
    harness_write(h, PROVIDER "none.ini", "runtime = llama\n");
    harness_write(h, PROVIDER "open.ini", "model = m3\nruntime = llama\nhost = 0.0.0.0\n");
    harness_write(h, PROVIDER "a/twin.ini", "model = m1\n");
    harness_write(h, PROVIDER "b/twin.ini", "model = m2\n");
    start_playing(h, port, 120, 40, NULL, (const char *const[]){"PLAY_BUSY=3", "PLAY_LOADING_MS=800", NULL});
    open_view(h);
    harness_wait_text(h, down);
    harness_wait_text(h, "Enter starts the selected preset here");
    harness_wait_text(h, "a/twin.ini");
    assert_true(harness_has(h, "b/twin.ini"));
    assert_true(harness_has(h, "\xe2\x9c\x97 junk"));
    assert_true(harness_has(h, "none.ini:1: no model"));
    assert_true(harness_has(h, "has the same name"));
    harness_keys(h, "G k Enter");
    harness_wait_text(h, "none.ini cannot be used: ");
    harness_keys(h, "g j j");
    harness_wait_text(h, "fast.ini: org/Fast-8B:Q4");
    harness_key(h, "Enter");
    harness_wait_text(h, "answer: loading");
    harness_key(h, "Escape"); /* the job goes on, and is told above */
    harness_wait_gone(h, "Presets");
    assert_true(harness_has(h, "starting the server with fast"));
    harness_wait_text(h, "llama-server runs with org/Fast-8B:Q4: ready");
    open_view(h);
    harness_wait_text(h, "3 of 4 busy");
    harness_wait_text(h, "20,480 tokens in a conversation");
    harness_wait_text(h, " of 82k in all");
    harness_wait_text(h, "/20k writes");
    harness_wait_text(h, "/20k reads ");
    harness_wait_text(h, "0/20k idle");
    harness_wait_text(h, "40 tokens a second");
    harness_wait_text(h, ", started here at ");
    harness_wait_text(h, "\xe2\xa3\xbf"); /* a graph that has something to tell */
    harness_wait_text(h, " ago ");
    harness_wait_text(h, "playing llama-server with org/Fast-8B:Q4");
    harness_key(h, "l");
    harness_wait_text(h, "following");
    harness_wait_text(h, "~/.cache/muthr/llama-server.log");
    harness_key(h, "Escape");
    harness_wait_gone(h, "following");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "/20k writes");
    assert_true(harness_has(h, "Tokens a second"));
    harness_resize(h, 40, 12);
    harness_wait_text(h, "Inference server");
    harness_wait_text(h, "40 tokens a second");
    harness_resize(h, 120, 40);
    harness_wait_text(h, "Log of llama-server");
    harness_keys(h, "G Enter"); /* another one, for everybody */
    harness_wait_text(h, "llama-server runs with fast. Stop it and start open? 3 requests are being answered (y/N)");
    harness_key(h, "y");
    harness_wait_text(h, "\xe2\x9c\x93 stop");
    harness_wait_text(h, "exposed   it listens on 0.0.0.0");
    harness_wait_text(h, "3 of 4 busy");
    harness_wait_text(h, "llama-server runs with m3 and listens"); /* the start is through */
    harness_key(h, "s");
    harness_wait_text(h, "Stop llama-server? 3 requests are being answered (y/N)");
    harness_key(h, "n");
    harness_wait_text(h, "Left as it is");
    harness_key(h, "s");
    harness_wait_text(h, "(y/N)");
    harness_key(h, "y");
    harness_wait_text(h, "llama-server was stopped");
    harness_wait_text(h, down);
    harness_key(h, "s");
    harness_wait_text(h, "No inference server that was started here runs");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Presets");
    world_leave(h);
}

/* What ends at once shows its last lines; a program that is missing, what to install; a pid file that names another
 * program is told, and nothing is done to that. */
static void test_trouble(void **state)
{
    struct harness *h = *state;
    int port = free_port();
    char pid[32];
    MT_CLEANUP(xfree) char *program = path_join(harness_home(h), "bin/llama-server");
    harness_write(h, PROVIDER "fast.ini", "model = org/Fast-8B:Q4\nruntime = llama\n");
    start_playing(h, port, 100, 30, (const char *const[]){"--ascii", NULL}, (const char *const[]){"PLAY_EXIT=3", NULL});
    open_view(h);
    harness_wait_text(h, "fast.ini: org/Fast-8B:Q4");
    harness_key(h, "Enter");
    harness_wait_text(h, "x llama-server ended at once, exit 3: error: failed to load");
    harness_wait_text(h, "loading org/Fast-8B:Q4");
    harness_wait_text(h, "d puts this away");
    assert_false(harness_has(h, "[31m"));
    harness_key(h, "d");
    harness_wait_gone(h, "d puts this away");
    harness_wait_text(h, "Log of llama-server");
    assert_true(harness_has(h, "error: failed to load model")); /* in the log below */
    assert_int_equal(unlink(program), 0);
    harness_key(h, "S");
    harness_wait_text(h, "x llama-server is not on PATH");
    harness_wait_text(h, "install llama.cpp");
    str_format(pid, sizeof(pid), "%d\n", (int)getpid());
    harness_write(h, ".cache/muthr/llama-server.pid", pid);
    harness_keys(h, "d R");
    harness_wait_text(h, "llama-server.pid names");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Presets");
    world_leave(h);
}

/* Another's server: loading, with a key, something else on its port; and a second endpoint. */
static void test_states(void **state)
{
    struct harness *h = *state;
    struct player p, q;
    char config[200];
    player_start(&p);
    player_start(&q);
    player_order(&q, LLM_CALM);
    str_format(config, sizeof(config), "[[inference]]\nname = \"gpu\"\nhost = \"127.0.0.1\"\nport = %d\n", q.port);
    harness_write(h, ".config/muthr/muthr.toml", config);
    harness_write(h, PROVIDER "fast.ini", "model = org/Fast-8B:Q4\nruntime = llama\n");
    start_playing(h, p.port, 120, 36, NULL, (const char *const[]){NULL});
    open_view(h);
    harness_wait_text(h, "loading its model");
    player_order(&p, LLM_CALM);
    harness_wait_text(h, "2 of 4 busy");
    harness_wait_text(h, "not started here: ");
    harness_key(h, "s");
    harness_wait_text(h, "It was not started here, so it is not stopped here");
    harness_key(h, "Enter");
    harness_wait_text(h, "is in use by test_server (process ");
    harness_key(h, "d");
    player_order(&p, LLM_HTML);
    harness_wait_text(h, "not an inference server");
    harness_wait_text(h, "Another program has that port");
    harness_key(h, "Tab");
    harness_wait_text(h, " gpu 127.0.0.1:");
    harness_wait_text(h, "2 of 4 busy");
    harness_key(h, "Left");
    harness_wait_text(h, "Another program has that port");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Presets");
    world_leave(h);
    player_end(&q); /* it holds the pipe of the first one, too */
    player_end(&p);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_trouble, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_states, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_header, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_several, world_set_up, world_tear_down),
    };
    char *real = path_real(argv[0], NULL);
    (void)argc;
    if (real == NULL || str_copy(self_dir, sizeof(self_dir), real) < 0) {
        return 1;
    }
    free(real);
    *strrchr(self_dir, '/') = '\0';
    return cmocka_run_group_tests(tests, NULL, NULL);
}
