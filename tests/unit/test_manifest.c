/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/manifest.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

static int parse(struct manifest *m, const char *text, struct error *err)
{
    return manifest_parse(m, text, strlen(text), "m.yaml", err);
}

static void test_everything(void **state)
{
    (void)state;
    struct manifest m;
    struct error err = ERROR_INIT;
    const char *text = "name: opencode\n"
                       "description: \"An agent\\u001b[31m\"\n"
                       "image: debian:13-slim\n"
                       "agent: {command: [opencode, '--fast']}\n"
                       "resources:\n  cpus: 1.5\n  memory: 2G\n  pids: 300\n"
                       "security:\n  network: restricted\n  seal: warn\n"
                       "mounts:\n  workspace: /work\n  extra:\n    - ~/models:/models:ro\n    - /opt/tools:/opt/tools\n"
                       "ports: ['8080:80', \":9\"]\n"
                       "from_the_future: {a: 1}\n";
    assert_int_equal(parse(&m, text, &err), 0);
    assert_string_equal(m.name, "opencode");
    assert_null(strchr(m.description, 0x1b));
    assert_string_equal(m.image, "debian:13-slim");
    assert_int_equal(m.agent.len, 2);
    assert_string_equal(m.agent.v[1], "--fast");
    assert_true(m.cpus > 1.4 && m.cpus < 1.6);
    assert_int_equal(m.memory_bytes, 2147483648u);
    assert_int_equal(m.pids, 300);
    assert_true(m.have_network && m.seal_warn);
    assert_int_equal(m.network, NET_NONE);
    assert_string_equal(m.workspace_mount, "/work");
    assert_int_equal(m.mount_count, 2);
    assert_string_equal(m.mounts[0].source, "~/models");
    assert_true(m.mounts[0].read_only && !m.mounts[1].read_only);
    assert_int_equal(m.ports.len, 2);
    assert_int_equal(m.warnings.len, 1);
    assert_string_equal(m.warnings.v[0], "m.yaml:18: from_the_future: unknown key");
    manifest_release(&m);
    assert_int_equal(parse(&m, "", &err), 0);
    assert_false(m.have_network);
    manifest_release(&m);
    assert_int_equal(parse(&m, "agent:\n  command: claude\nmounts: ['/a:/b']\n", &err), 0);
    assert_string_equal(m.agent.v[0], "claude");
    assert_int_equal(m.mount_count, 1);
    manifest_release(&m);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"security: {network: open}", "m.yaml:1:"},
        {"security:\n  network: shared\n", "m.yaml:2:"},
        {"security: yes", "expected a mapping, found text"},
        {"security: {seal: maybe}", "expected warn or strict"},
        {"resources: {cpus: lots}", "expected a number"},
        {"resources: {cpus: -1}", "expected a number"},
        {"resources: {pids: 3}", "expected a number"},
        {"resources:\n  memory: big\n", "m.yaml:2:"},
        {"mounts: ['relative:/x']", "must be absolute"},
        {"mounts: ['/a/../etc:/x']", "without .."},
        {"mounts: ['/a:/x/..']", "without .."},
        {"mounts: ['/a:/']", "target"},
        {"mounts: ['/a']", "source:target"},
        {"mounts: ['/a:/b:rwx']", "only ro or rw"},
        {"mounts: [[x]]", "source:target"},
        {"mounts: {workspace: work}", "absolute"},
        {"ports: 80", "expected a list"},
        {"ports: [[1]]", "expected text"},
        {"ports:\n  - 80:80\n  - 99999\n", "m.yaml:3:5: entry: '99999' is not a port"},
        {"ports: ['8080:80:90:1']", "is not a port"},
        {"ports: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", "too many ports"},
        {"resources:\n  cpus: 0\n", "m.yaml:2:9: cpus: expected a number between 0.01"},
        {"resources: {cpus: nan}", "expected a number"},
        {"resources: {cpus: 0x10}", "expected a number"},
        {"resources:\n  memory: 12 parsecs\n", "m.yaml:2:11: memory: \"12 parsecs\" is not a size"},
        {"resources: {memory: 0}", "less than 16M"},
        {"resources: {memory: -2G}", "not a size"},
        {"mounts: [':/x']", "must be absolute"},
        {"mounts: ['/a:/b:/c']", "only ro or rw"},
        {"mounts: ['/a:/proc/1']", "folder of the system"},
        {"mounts: ['/a:/usr']", "folder of the system"},
        {"mounts: {workspace: /etc}", "folder of the system"},
        {"image: 'a b'", "not a reference"},
        {"image: --privileged", "not a reference"},
        {"backend: ../x", "expected auto"},
        {"security: {workspace_mode: copy}", "expected direct or overlay"},
        {"security: {writable_root: maybe}", "expected true or false"},
        {"resources: {cpu_seconds: 0}", "expected a number between 1"},
        {"gpu: all", "m.yaml:1:6: gpu: expected none, mps-only or metal-compute"},
        {"gpu: [x]", "expected text"},
        {"security: {connect: 80}", "expected a list"},
        {"security: {connect: [0]}", "expected a port"},
        {"security: {connect: [80, 1.5]}", "expected a port"},
        {"security: {connect: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", "too many ports"},
        {"- a\n- b\n", "a mapping of keys"},
        {"just text", "a mapping of keys"},
        {"a: [1, 2", "m.yaml:"},
        {"a: 'unfinished", "m.yaml:"},
        {"\t- x: y", "m.yaml:"},
        {"? [a, b]\n: c\n", "a key must be text"},
        {"a: 1\n---\nb: 2\n", "only one document"},
        {"a: &x [1]\nb: *x\n", "aliases"},
        {"a: \xff\xfe", "m.yaml:"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct manifest m;
        struct error err = ERROR_INIT;
        if (parse(&m, CASES[i].text, &err) == 0) {
            fail_msg("case %zu was taken: %s", i, CASES[i].text);
        }
        if (strstr(err.msg, CASES[i].part) == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.msg, CASES[i].part);
        }
        manifest_release(&m); /* harmless after a failure */
    }
}

static void test_bombs(void **state)
{
    (void)state;
    struct manifest m;
    struct error err = ERROR_INIT;
    struct strbuf text = STRBUF_INIT;
    strbuf_addstr(&text, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'k'; c++) {
        strbuf_addf(&text, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1, c - 1,
                    c - 1, c - 1, c - 1);
    }
    assert_int_equal(manifest_parse(&m, text.buf, text.len, "m.yaml", &err), -1);
    strbuf_clear(&text);
    for (int i = 0; i < 5000; i++) {
        strbuf_addch(&text, '[');
    }
    assert_int_equal(manifest_parse(&m, text.buf, text.len, "m.yaml", &err), -1);
    strbuf_clear(&text);
    strbuf_addstr(&text, "ports: [");
    for (int i = 0; i < 50000; i++) {
        strbuf_addstr(&text, "1,");
    }
    strbuf_addstr(&text, "]\n");
    assert_int_equal(manifest_parse(&m, text.buf, text.len, "m.yaml", &err), -1);
    assert_non_null(strstr(err.msg, "too much"));
    char path[] = "/tmp/muthr-manifest-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    for (int i = 0; i < 280000; i++) { /* 10 MB */
        fputs("# a comment that makes the file large\n", f);
    }
    fclose(f);
    assert_int_equal(manifest_load(&m, path, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_int_equal(fs_remove_tree(path, &err), 0);
    assert_int_equal(manifest_load(&m, path, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    strbuf_release(&text);
}

/* What the muthr project publishes, and what a file of ours may say besides. */
static void test_published(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double cpus;
        unsigned gib;
        bool have_network;
        enum net_policy network;
    } CASES[] = {{"base-sandbox", 2, 4, false, NET_NONE},
                 {"opencode", 4, 6, true, NET_FULL},
                 {"hermes-agent", 4, 8, true, NET_NONE}};
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct manifest m;
        struct error err = ERROR_INIT;
        MT_CLEANUP(xfree) char *path = xasprintf("tests/data/manifests/%s.yaml", CASES[i].name);
        if (manifest_load(&m, path, &err) < 0) {
            fail_msg("%s", err.msg);
        }
        assert_int_equal(m.warnings.len, 0);
        assert_string_equal(m.image, "docker.io/arm64v8/debian:13-slim");
        assert_string_equal(m.workspace_mount, "/workspace");
        assert_true(m.cpus > CASES[i].cpus - 0.1 && m.cpus < CASES[i].cpus + 0.1);
        assert_int_equal(m.memory_bytes, (uint64_t)CASES[i].gib << 30);
        assert_int_equal(m.have_network, CASES[i].have_network);
        assert_int_equal(m.network, CASES[i].network);
        assert_int_equal(m.workspace_mode, WORKSPACE_DIRECT);
        manifest_release(&m);
    }
}

static void test_more_keys(void **state)
{
    (void)state;
    struct manifest m;
    struct error err = ERROR_INIT;
    const char *text = "agent: opencode\nbackend: podman\n"
                       "security:\n  workspace_mode: overlay\n  writable_root: true\n  privileged: true\n"
                       "image: a\nimage: b\nresources: {memory: 16M, cpus: 0.01}\n";
    assert_int_equal(parse(&m, text, &err), 0);
    assert_string_equal(m.agent.v[0], "opencode");
    assert_string_equal(m.backend, "podman");
    assert_int_equal(m.workspace_mode, WORKSPACE_OVERLAY);
    assert_true(m.writable_root);
    assert_string_equal(m.image, "b");
    assert_int_equal(m.gpu, GPU_NONE);
    assert_int_equal(m.warnings.len, 2);
    assert_string_equal(m.warnings.v[0], "m.yaml:6: privileged: unknown key");
    assert_string_equal(m.warnings.v[1], "m.yaml:7: image: given again below, where it counts");
    manifest_release(&m);
    assert_int_equal(parse(&m, "gpu: mps-only\nsecurity: {connect: [5432, 443]}\n", &err), 0);
    assert_int_equal(m.gpu, GPU_MPS);
    assert_int_equal(m.connect_count, 2);
    assert_int_equal(m.connect[1], 443);
    manifest_release(&m);
}

/* Every prefix and many damaged forms of a good manifest end in success or a clean error. */
static void test_damaged(void **state)
{
    (void)state;
    static const char GOOD[] =
        "name: x\nagent:\n  command: [a, \"b\"]\nsecurity: {network: full}\nmounts:\n  - ~/a:/b:ro\n";
    for (size_t n = 0; n < sizeof(GOOD); n++) {
        struct manifest m;
        manifest_parse(&m, GOOD, n, "m", NULL);
        manifest_release(&m);
        for (int c = 0; c < 256; c += 5) {
            char text[sizeof(GOOD)];
            memcpy(text, GOOD, sizeof(GOOD));
            text[n] = (char)c;
            manifest_parse(&m, text, sizeof(GOOD) - 1, "m", NULL);
            manifest_release(&m);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything), cmocka_unit_test(test_refused),   cmocka_unit_test(test_bombs),
        cmocka_unit_test(test_published),  cmocka_unit_test(test_more_keys), cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
