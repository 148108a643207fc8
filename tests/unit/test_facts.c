/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/facts.h"
#include "backends/process/logs.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"

/* Texts as a container of podman 4.3.1 (runc, read-only, all capabilities dropped) showed them. */
static const char status_text[] = "Name:\tpodman-init\nUmask:\t0022\nUid:\t1000\t1000\t1000\t1000\n"
                                  "NSpid:\t20604\t1\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                                  "CapEff:\t0000000000000000\nCapBnd:\t00000000800405fb\nNoNewPrivs:\t1\n"
                                  "Seccomp:\t2\nSeccomp_filters:\t1\n";
static const char dev_text[] =
    "Inter-|   Receive                            |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop\n"
    "    lo:       0       0    0    0    0     0          0         0        0       0    0    0\n"
    "  eth0:     590       7    0    0    0     0          0         0      266       3    0    0\n";
static const char route_text[] =
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT \n"
    "eth0\t00000000\t0128E70A\t0003\t0\t0\t100\t00000000\t0\t0\t0 \n"
    "eth0\t0028E70A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0 \n";
static const char mounts_text[] = "77 50 0:40 / / ro,relatime - overlay overlay rw,lowerdir=/a\n"
                                  "78 77 0:43 / /dev rw,nosuid,noexec - tmpfs tmpfs rw,size=65536k\n"
                                  "79 77 254:0 /tmp/ws /workspace rw,relatime - ext4 /dev/vda rw\n"
                                  "80 77 254:0 /x /data\\040one rw,relatime - ext4 /dev/vda rw\n"
                                  "81 77 254:0 /y /secret rw,relatime - ext4 /dev/vda rw\n"
                                  "83 77 0:47 / /proc rw,nosuid - proc proc rw\n"
                                  "90 77 254:0 /resolv /etc/resolv.conf ro,nosuid - ext4 /dev/vda rw\n"
                                  "91 83 254:0 /q /proc/keys rw,nosuid - ext4 /dev/vda rw\n";

static const struct isolation_fact *find(const struct facts *f, const char *name)
{
    for (size_t i = 0; i < f->len; i++) {
        if (strcmp(f->v[i].name, name) == 0) {
            return &f->v[i];
        }
    }
    return NULL;
}

/* behaviour.md S10: bits 2, 12, 13, 16, 17, 19, 21, 22, 25, 27, 29. */
static void test_status(void **state)
{
    struct facts_status st;
    char names[512];
    (void)state;
    assert_true(facts_parse_status(status_text, &st));
    assert_int_equal(st.uid, 1000);
    assert_int_equal(st.effective, 0);
    assert_int_equal(st.bounding, 0x800405fb);
    assert_true(st.no_new_privs);
    assert_true(st.own_pids);
    assert_int_equal(st.seccomp, 2);
    assert_int_equal(st.filters, 1);
    facts_capability_names(st.effective, names, sizeof(names));
    assert_string_equal(names, "none");
    facts_capability_names(1ull << 21 | 1ull << 45, names, sizeof(names));
    assert_string_equal(names, "SYS_ADMIN, 45");
    facts_capability_names(0x1ffffffffffull, names, sizeof(names));
    assert_string_equal(names, "all 41");
    assert_int_equal(facts_capabilities_forbidden(), 0x2a6b3004);
    assert_false(facts_parse_status("Uid:\t0\t0\t0\t0\nCapEff:\t0\n", &st));
}

static void test_net(void **state)
{
    struct facts_net net;
    (void)state;
    facts_parse_net(dev_text, route_text, "", &net);
    assert_int_equal(net.interfaces, 1);
    assert_string_equal(net.names, "eth0");
    assert_true(net.default_route);
    assert_string_equal(net.gateway, "10.231.40.1");

    /* An internal network: its own segment only. */
    facts_parse_net(dev_text, strchr(route_text, '\n'), "", &net);
    assert_true(net.default_route);
    facts_parse_net(dev_text, "Iface\neth0\t0028E70A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", "", &net);
    assert_false(net.default_route);
    assert_string_equal(net.gateway, "");

    /* IPv6: a refusal of everything is no way out, a router is. */
    static const char zeros[] = "00000000000000000000000000000000";
    char v6[400];
    str_format(v6, sizeof(v6), "%s 00 %s 00 %s ffffffff 00000001 00000000 00200200       lo\n", zeros, zeros, zeros);
    facts_parse_net("", "", v6, &net);
    assert_false(net.default_route);
    str_format(v6, sizeof(v6),
               "%s 00 %s 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n", zeros, zeros);
    facts_parse_net("", "", v6, &net);
    assert_true(net.default_route);
    assert_int_equal(net.interfaces, 0);
}

static void test_mounts(void **state)
{
    struct mount_spec mounts[] = {{.source = (char[]){"/x"}, .target = (char[]){"/data one"}, .read_only = true}};
    struct sandbox_spec spec = {.workspace_mount = (char[]){"/workspace"}, .mounts = mounts, .mount_count = 1};
    struct facts_subject subject = {.spec = &spec};
    struct facts f = {0};
    (void)state;
    facts_mounts(&f, mounts_text, &subject);
    assert_int_equal(f.len, 5);
    assert_int_equal(find(&f, "root filesystem")->verdict, ISOLATION_OK);
    assert_int_equal(find(&f, "mount /workspace")->verdict, ISOLATION_OK);
    assert_string_equal(find(&f, "mount /workspace")->wanted, "writable");
    /* Asked for read-only, and not asked for at all. */
    assert_int_equal(find(&f, "mount /data one")->verdict, ISOLATION_WEAKER);
    assert_string_equal(find(&f, "mount /data one")->wanted, "read-only");
    assert_int_equal(find(&f, "mount /secret")->verdict, ISOLATION_WEAKER);
    assert_string_equal(find(&f, "host, read-only")->actual, "/etc/resolv.conf");
    free(f.v);

    /* What lies on top counts; a root that may be written to is as wanted when the profile says so. */
    f = (struct facts){0};
    spec.writable_root = true;
    facts_mounts(&f, "1 0 0:1 / / ro - overlay o rw\n2 1 0:2 / / rw - overlay o rw\n", &subject);
    assert_int_equal(f.len, 1);
    assert_string_equal(f.v[0].actual, "writable (overlay)");
    assert_int_equal(f.v[0].verdict, ISOLATION_OK);
    spec.writable_root = false;
    facts_mounts(&f, "1 0 0:1 / / rw - overlay o rw\n", &subject);
    assert_int_equal(f.v[1].verdict, ISOLATION_WEAKER);
    free(f.v);
}

/* This test itself: no sandbox, and told so. */
static void test_of_process(void **state)
{
    struct sandbox_spec spec = {.net = NET_NONE, .net_after = NET_NONE, .pids = 7, .memory_bytes = 1u << 20};
    struct facts_subject subject = {.pid = (int)getpid(), .spec = &spec, .limits = "pids 7 (rlimit)"};
    struct facts f = {0};
    (void)state;
    facts_of_process(&f, &subject);
    assert_int_equal(find(&f, "network")->verdict, ISOLATION_WEAKER);
    assert_non_null(strstr(find(&f, "network")->actual, "host's own"));
    assert_int_equal(find(&f, "processes")->verdict, ISOLATION_WEAKER);
    assert_int_equal(find(&f, "process limit")->verdict, ISOLATION_OK);
    assert_int_equal(find(&f, "memory limit")->verdict, ISOLATION_WEAKER);
    free(f.v);

    f = (struct facts){0};
    subject.pid = 0x7ffffff0;
    facts_of_process(&f, &subject);
    for (size_t i = 0; i < f.len; i++) {
        assert_int_equal(f.v[i].verdict, ISOLATION_UNKNOWN);
    }
    assert_true(f.len >= 4);
    free(f.v);
}

/* As `tail -n +1` prints the files inside a container of another machine. */
static void test_of_inside(void **state)
{
    struct sandbox_spec spec = {.net = NET_NONE, .net_after = NET_NONE};
    struct facts_subject subject = {.spec = &spec};
    struct facts f = {0};
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    (void)state;
    strbuf_addf(&text, "==> /proc/1/status <==\n%s\n==> /proc/self/uid_map <==\n         0          0 4294967295\n",
                status_text);
    strbuf_addf(&text, "\n==> /proc/self/mountinfo <==\n%s\n==> /proc/self/net/dev <==\n%s", mounts_text, dev_text);
    strbuf_addf(&text, "\n==> /proc/self/net/route <==\n%s", route_text);
    facts_of_inside(&f, text.buf, &subject, false, false);
    assert_int_equal(find(&f, "network")->verdict, ISOLATION_WEAKER);
    assert_string_equal(find(&f, "network")->actual, "eth0, with a way out");
    assert_int_equal(find(&f, "user")->verdict, ISOLATION_OK);
    assert_int_equal(find(&f, "seccomp")->verdict, ISOLATION_OK);
    assert_int_equal(find(&f, "root filesystem")->verdict, ISOLATION_OK);
    free(f.v);

    /* Nothing could be read: nothing is claimed. */
    f = (struct facts){0};
    facts_of_inside(&f, "", &subject, false, false);
    assert_true(f.len >= 4);
    for (size_t i = 0; i < f.len; i++) {
        assert_int_equal(f.v[i].verdict, ISOLATION_UNKNOWN);
    }
    free(f.v);

    /* The machine's own network, whatever the interfaces look like. */
    f = (struct facts){0};
    facts_of_inside(&f, text.buf, &subject, true, false);
    assert_non_null(strstr(find(&f, "network")->actual, "host's own"));
    assert_int_equal(find(&f, "network")->verdict, ISOLATION_WEAKER);
    free(f.v);
}

/* --- logs of a bwrap sandbox --- */

struct heard {
    struct strbuf text;
};

static void on_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct heard *h = arg;
    strbuf_addstr(&h->text, is_stderr ? "E:" : "O:");
    strbuf_add(&h->text, line, len);
    strbuf_addch(&h->text, '\n');
}

static void turn_until(struct loop *loop, const struct heard *h, const char *word)
{
    uint64_t until = clock_mono_ms() + patience(5000);
    while (!strstr(h->text.buf, word) && clock_mono_ms() < until) {
        loop_turn(loop, false);
        usleep(2000);
    }
    if (!strstr(h->text.buf, word)) {
        fail_msg("no '%s' in: %s", word, h->text.buf);
    }
}

static void test_logs(void **state)
{
    char dir[] = "/tmp/muthr-logs-XXXXXX";
    struct heard h = {.text = STRBUF_INIT};
    struct error err = ERROR_INIT;
    (void)state;
    assert_non_null(mkdtemp(dir));
    char *logs_dir = path_join(dir, "logs"), *out = path_join(logs_dir, "stdout.log"),
         *errs = path_join(logs_dir, "stderr.log");
    assert_int_equal(fs_mkdirs(logs_dir, 0700, NULL), 0);
    static const char first[] = "2026-11-21T10:00:00Z one\n2026-11-21T10:00:02Z three\n";
    static const char second[] = "2026-11-21T10:00:01Z two\n";
    assert_int_equal(fs_append(out, first, sizeof(first) - 1, 0600, NULL), 0);
    assert_int_equal(fs_append(errs, second, sizeof(second) - 1, 0600, NULL), 0);
    struct loop *loop = loop_new();

    struct logs *l = logs_open(loop, dir, -1, false, on_line, &h, &err);
    assert_non_null(l);
    assert_string_equal(h.text.buf, "O:one\nE:two\nO:three\n");
    logs_close(l);
    strbuf_clear(&h.text);
    l = logs_open(loop, dir, 2, true, on_line, &h, &err);
    assert_string_equal(h.text.buf, "E:two\nO:three\n");

    /* Follows, also over the file that is turned over at 1 MiB, without losing or repeating a line. */
    logs_append(dir, "stdout.log", "four\n", 5);
    turn_until(loop, &h, "O:four\n");
    char *big = xmalloc(1u << 21);
    memset(big, 'x', 1u << 21);
    for (size_t i = 0; i < 1u << 21; i += 100) {
        big[i] = '\n';
    }
    logs_append(dir, "stdout.log", big, 1u << 21);
    logs_append(dir, "stdout.log", "five\n", 5);
    turn_until(loop, &h, "O:five\n");
    size_t lines = 0;
    for (const char *p = h.text.buf; (p = strchr(p, '\n')) != NULL; p++) {
        lines++;
    }
    assert_int_equal(lines, 4 + ((1u << 21) + 99) / 100 + 1);
    free(big);
    logs_close(l);

    assert_null(logs_open(loop, "/tmp/muthr-logs-none", -1, true, on_line, &h, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(loop_free(loop), 0);
    strbuf_release(&h.text);
    free(out);
    free(errs);
    free(logs_dir);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),     cmocka_unit_test(test_net),       cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_of_process), cmocka_unit_test(test_of_inside), cmocka_unit_test(test_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
