/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#endif

#include <cmocka.h>

#include "core/engine/links.h"
#include "core/model/config.h"
#include "core/model/pressure.h"
#include "core/util/strbuf.h"
#include "tests/unit/temphome.h"

struct rig {
    struct temphome home;
    struct config config;
    struct bus *bus;
    struct model *m;
    struct inference_view v;
};

static void rig_open(struct rig *r)
{
    struct error err = ERROR_INIT;
    struct workspace list[] = {{.name = "a", .sandbox = "muthr-a"},
                               {.name = "b", .sandbox = "muthr-b"},
                               {.name = "far", .sandbox = "muthr-far"}};
    memset(r, 0, sizeof(*r));
    temphome_open(&r->home);
    temphome_write(&r->home, ".config/muthr/muthr.toml",
                   "[[inference]]\nname = \"x\"\nhost = \"h\"\nsandboxes = [\"far\"]\n");
    assert_int_equal(config_load(&r->config, &r->home.paths, &err), 0);
    r->bus = bus_new();
    r->m = model_new(r->bus);
    model_set_workspaces(r->m, list, 3);
    model_set_inference(r->m, &r->config);
    for (size_t i = 0; i < 3; i++) {
        struct sandbox_info info = {.state = SANDBOX_RUNNING};
        model_set_sandbox(r->m, model_workspace_at(r->m, i)->id, &info, "bwrap");
    }
    model_watch_inference(r->m, 0, true);
    inference_view_init(&r->v);
    r->v.state = INFERENCE_READY;
    r->v.has_slots = true;
}

static void rig_close(struct rig *r)
{
    model_free(r->m);
    bus_free(r->bus);
    config_release(&r->config);
    temphome_close(&r->home);
}

/* An agent called `id` in a sandbox. */
static void agent(struct rig *r, const char *id, const char *sandbox, bool working)
{
    struct session_info s = {.kind = SESSION_AGENT, .state = SESSION_RUNNING, .working = working};
    str_copy(s.id, sizeof(s.id), id);
    str_copy(s.sandbox, sizeof(s.sandbox), sandbox);
    model_put_session(r->m, &s);
}

/* The server's slots: tokens of each of 1000, negative: at work. */
static void slots(struct rig *r, size_t n, const int *used)
{
    r->v.slots_busy = 0;
    r->v.slots_total = (int)n;
    r->v.slot_count = n;
    r->v.full_used = 0;
    r->v.full_window = 1000;
    for (size_t i = 0; i < n; i++) {
        bool busy = used[i] < 0;
        r->v.slots[i] = (struct inference_slot){
            .id = (int)i, .busy = busy, .window = 1000, .used = (uint64_t)(busy ? -used[i] : used[i]), .progress = -1};
        r->v.slots_busy += busy;
        r->v.full_used = r->v.slots[i].used > r->v.full_used ? r->v.slots[i].used : r->v.full_used;
    }
    model_put_inference(r->m, 0, &r->v);
}
#define SLOTS(r, ...) slots((r), sizeof((int[]){__VA_ARGS__}) / sizeof(int), (const int[]){__VA_ARGS__})

static void links(struct rig *r, const char *sandbox, int n)
{
    model_set_links(r->m, model_workspace_by_sandbox(r->m, sandbox)->id, n);
}

static void expect(struct rig *r, const char *id, enum pressure_how how, int percent)
{
    struct pressure p;
    pressure_of(r->m, model_session(r->m, id), &p);
    if (p.how != how || p.percent != percent) {
        fail_msg("%s: how %d, %d%%, wanted %d, %d%%", id, p.how, p.percent, how, percent);
    }
}

static void test_alone(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r);
    agent(&r, "a1", "muthr-a", false);
    agent(&r, "f1", "muthr-far", true); /* it uses another endpoint */
    expect(&r, "a1", PRESSURE_NONE, 0);
    SLOTS(&r, 620);
    expect(&r, "a1", PRESSURE_MATCHED, 62); /* one slot, one agent */
    expect(&r, "f1", PRESSURE_NONE, 0);
    SLOTS(&r, 0);
    expect(&r, "a1", PRESSURE_NONE, 0);
    SLOTS(&r, 5000);
    expect(&r, "a1", PRESSURE_MATCHED, 100);
    agent(&r, "b1", "muthr-b", false);
    SLOTS(&r, 700); /* whose it is nobody knows */
    expect(&r, "a1", PRESSURE_FULLEST, 70);
    expect(&r, "b1", PRESSURE_FULLEST, 70);
    rig_close(&r);
}

static void test_by_work(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r);
    agent(&r, "a1", "muthr-a", true);
    agent(&r, "b1", "muthr-b", false);
    SLOTS(&r, 300, -100);
    expect(&r, "a1", PRESSURE_MATCHED, 10); /* it is at work, one slot is */
    expect(&r, "b1", PRESSURE_FULLEST, 30);
    SLOTS(&r, 300, 150); /* it has ended: what it wrote is still there */
    expect(&r, "a1", PRESSURE_MATCHED, 15);
    agent(&r, "a1", "muthr-a", false);
    SLOTS(&r, 300, 150);
    expect(&r, "a1", PRESSURE_MATCHED, 15);
    agent(&r, "b1", "muthr-b", true);
    SLOTS(&r, -310, 150);
    expect(&r, "b1", PRESSURE_MATCHED, 31);
    expect(&r, "a1", PRESSURE_MATCHED, 15);
    SLOTS(&r, 320, 160); /* somebody was in it between two looks */
    expect(&r, "a1", PRESSURE_FULLEST, 32);
    expect(&r, "b1", PRESSURE_MATCHED, 32);
    agent(&r, "a1", "muthr-a", true);
    SLOTS(&r, -330, -170); /* two at once */
    expect(&r, "a1", PRESSURE_FULLEST, 33);
    expect(&r, "b1", PRESSURE_FULLEST, 33);
    SLOTS(&r, -340, 170); /* one, and two that can be it */
    expect(&r, "a1", PRESSURE_FULLEST, 34);
    agent(&r, "b1", "muthr-b", false);
    SLOTS(&r, -350, 170);
    expect(&r, "a1", PRESSURE_MATCHED, 35);
    r.v.slots_total = 9; /* not all of them are known */
    model_put_inference(r.m, 0, &r.v);
    expect(&r, "a1", PRESSURE_FULLEST, 35);
    r.v.state = INFERENCE_DOWN;
    model_put_inference(r.m, 0, &r.v);
    expect(&r, "a1", PRESSURE_NONE, 0);
    rig_close(&r);
}

static void test_by_links(void **state)
{
    struct rig r;
    (void)state;
    rig_open(&r);
    agent(&r, "a1", "muthr-a", true);
    agent(&r, "b1", "muthr-b", true);
    links(&r, "muthr-a", 1);
    links(&r, "muthr-b", 0); /* it compiles: it talks to no server */
    SLOTS(&r, -400, 0);
    expect(&r, "a1", PRESSURE_MATCHED, 40);
    expect(&r, "b1", PRESSURE_FULLEST, 40);
    links(&r, "muthr-b", 2);
    SLOTS(&r, -410, 0);
    expect(&r, "a1", PRESSURE_FULLEST, 41);
    links(&r, "muthr-b", 0);
    SLOTS(&r, -420, 0);
    expect(&r, "a1", PRESSURE_MATCHED, 42);
    model_remove_session(r.m, "b1"); /* a script in there talks to it */
    links(&r, "muthr-b", 1);
    SLOTS(&r, -430, 0);
    expect(&r, "a1", PRESSURE_FULLEST, 43);
    links(&r, "muthr-b", 0);
    links(&r, "muthr-far", 1); /* to its own endpoint */
    agent(&r, "a2", "muthr-a", false);
    SLOTS(&r, -440, 0);
    expect(&r, "a1", PRESSURE_MATCHED, 44); /* of the two in there one is at work */
    model_remove_session(r.m, "a1");
    SLOTS(&r, 440, 0);
    expect(&r, "a2", PRESSURE_FULLEST, 44); /* never that of another one */
    agent(&r, "a1", "muthr-a", true);
    SLOTS(&r, -450, 0);
    expect(&r, "a1", PRESSURE_MATCHED, 45);
    model_watch_inference(r.m, 0, false); /* what happens from now on nobody sees */
    agent(&r, "a1", "muthr-a", false);
    agent(&r, "a2", "muthr-a", true);
    model_watch_inference(r.m, 0, true);
    SLOTS(&r, 450, 0);
    expect(&r, "a1", PRESSURE_FULLEST, 45);
    expect(&r, "a2", PRESSURE_FULLEST, 45);
    rig_close(&r);
}

/* As proc(5) writes them; the addresses are those of a little-endian machine, turned where ours is another. */
static void test_table(void **state)
{
    static const char HEAD[] = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    uint32_t gateway;
    (void)state;
    memcpy(&gateway, (const unsigned char[]){10, 88, 0, 1}, sizeof(gateway));
    strbuf_addstr(&text, HEAD);
    strbuf_addf(&text, "   0: 0200580A:C350 %08X:1F90 01 00000000:00000000 00:00000000 00000000  0\n", gateway);
    strbuf_addf(&text, "   1: 0200580A:C351 %08X:1F90 02 00000000:00000000\n", gateway);
    strbuf_addf(&text, "   2: 0200580A:C352 %08X:1F90 06 00000000:00000000\n", gateway); /* TIME_WAIT */
    strbuf_addf(&text, "   3: 0200580A:C353 %08X:1F91 01 00000000:00000000\n", gateway); /* another port */
    strbuf_addf(&text, "   4: 0200580A:1F90 %08X:C350 01 00000000:00000000\n", gateway); /* to it, not from it */
    strbuf_addstr(&text, "junk\n\n   5: zz\n   6:");
    assert_int_equal(links_parse(text.buf, "10.88.0.1", 8080), 2);
    assert_int_equal(links_parse(text.buf, "10.88.0.2", 8080), 0);
    assert_int_equal(links_parse(text.buf, "gpu", 8080), 0);
    strbuf_clear(&text);
    strbuf_addf(&text, "   0: 0:C350 0000000000000000%08X%08X:1F90 01\n", (unsigned)0, gateway);
    uint32_t mapped;
    memcpy(&mapped, (const unsigned char[]){0, 0, 0xff, 0xff}, sizeof(mapped));
    strbuf_addf(&text, "   1: 00000000000000000000000000000000:C350 0000000000000000%08X%08X:1F90 01 0\n", mapped,
                gateway);
    assert_int_equal(links_parse(text.buf, "10.88.0.1", 8080), 1);
    assert_int_equal(links_count(0, "10.88.0.1", 8080), -1);
    assert_int_equal(links_count(getpid(), "127.0.0.1", 8080), -1); /* our own network: others are in there too */
}

#if defined(__linux__)

/* A process with a network of its own, and in it a connection to 127.0.0.1:port; tells a byte when it stands. */
static void connect_inside(int ready, int until, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ifreq up = {.ifr_flags = IFF_UP};
    char byte = 'n';
    str_copy(up.ifr_name, sizeof(up.ifr_name), "lo");
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0) {
        int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
        if (ioctl(l, SIOCSIFFLAGS, &up) == 0 && bind(l, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(l, 1) == 0 &&
            connect(c, (struct sockaddr *)&a, sizeof(a)) == 0) {
            byte = 'y';
        }
    }
    _exit(write(ready, &byte, 1) == 1 && read(until, &byte, 1) >= 0 ? 0 : 1);
}

/* The kernel's own table of another network; ours says nothing. */
static void test_namespace(void **state)
{
    int ready[2], until[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(until), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(until[1]);
        connect_inside(ready[1], until[0], 8123);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    int there = links_count(pid, "127.0.0.1", 8123), other = links_count(pid, "127.0.0.1", 8124),
        named = links_count(pid, "localhost", 8123);
    close(until[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(until[0]);
    close(ready[0]);
    close(ready[1]);
    if (byte != 'y') {
        skip(); /* no namespaces for us here */
    }
    assert_int_equal(there, 1);
    assert_int_equal(other, 0);
    assert_int_equal(named, -1);
    assert_int_equal(links_count(pid, "127.0.0.1", 8123), -1); /* it has ended */
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_by_work),
        cmocka_unit_test(test_by_links),
        cmocka_unit_test(test_table),
#if defined(__linux__)
        cmocka_unit_test(test_namespace),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
