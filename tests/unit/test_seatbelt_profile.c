/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles of Seatbelt as text. The expected ones lie in tests/data/seatbelt (UPDATE=1 writes them); thousands of
 * random sandboxes are read back with the strict reader that the stand-in for sandbox-exec uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/seatbelt/sbprofile.h"
#include "core/util/fs.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/play/sbpl.h"

#define STATE "/Users/ann/.local/state/muthr/seatbelt/muthr-demo"

static const struct sbprofile_mount mounts[] = {{.path = "/opt/homebrew", .read_only = true},
                                                {.path = "/Users/ann/models", .read_only = true},
                                                {.path = "/Users/ann/src/demo/vendor", .read_only = true},
                                                {.path = "/Users/ann/data set"}};
static const uint16_t bind_ports[] = {41234}, connect_ports[] = {41234, 8080};

static struct sbprofile_in example(void)
{
    return (struct sbprofile_in){.state = STATE,
                                 .home = STATE "/home",
                                 .tmp = STATE "/tmp",
                                 .root = STATE "/root",
                                 .workspace = "/Users/ann/src/demo",
                                 .mounts = mounts,
                                 .mount_count = MT_ARRAY_LEN(mounts),
                                 .bind = bind_ports,
                                 .bind_count = 1,
                                 .connect = connect_ports,
                                 .connect_count = 2,
                                 .shell = true,
                                 .interpreter = "/opt/homebrew/bin/bash"};
}

/* Reads and judges; the test fails otherwise. */
static struct sbpl_node *must_read(const char *text)
{
    char why[160];
    struct sbpl_node *forms = sbpl_read(text, why, sizeof(why));
    if (!forms || sbpl_judge(forms, why, sizeof(why)) < 0) {
        fail_msg("%s:\n%s", why, text);
    }
    return forms;
}

static void test_expected(void **state)
{
    static const char *const nets[] = {"none", "localhost", "full", "shared"};
    (void)state;
    for (int gpu = GPU_NONE; gpu <= GPU_METAL; gpu++) {
        for (int net = SBPROFILE_NET_NONE; net <= SBPROFILE_NET_SHARED; net++) {
            struct strbuf text = STRBUF_INIT, expected = STRBUF_INIT;
            struct sbprofile_in in = example();
            char path[128];
            in.gpu = (enum gpu_tier)gpu;
            in.net = (enum sbprofile_net)net;
            str_format(path, sizeof(path), "tests/data/seatbelt/gpu-%s_net-%s.sb", gpu_tier_name(in.gpu), nets[net]);
            assert_int_equal(sbprofile_write(&in, &text, NULL), 0);
            sbpl_free(must_read(text.buf));
            if (getenv("UPDATE")) {
                assert_int_equal(fs_write_atomic(path, text.buf, text.len, 0644, NULL), 0);
            }
            assert_int_equal(fs_read(path, 1u << 16, &expected, NULL), 0);
            assert_string_equal(text.buf, expected.buf);
            strbuf_release(&text);
            strbuf_release(&expected);
        }
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *path, *part;
    } cases[] = {
        {"relative", "absolute"},
        {"/", "absolute"},
        {"", "absolute"},
        {"/a\"b", "cannot stand in a sandbox profile"},
        {"/a\\b", "cannot stand in a sandbox profile"},
        {"/a\nb", "cannot stand in a sandbox profile"},
        {"/a\tb", "cannot stand in a sandbox profile"},
        {"/a\x7f", "cannot stand in a sandbox profile"},
        {"/a\x1b[2J", "cannot stand in a sandbox profile"},
        {"/a\")) (allow default) ((\"", "cannot stand in a sandbox profile"},
        {"/a/../b", "not a canonical path"},
        {"/a/./b", "not a canonical path"},
        {"/a//b", "not a canonical path"},
        {"/a/", "not a canonical path"},
        {"/caf\xe9", "not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        for (int where = 0; where < 4; where++) {
            struct strbuf text = STRBUF_INIT;
            struct error err = ERROR_INIT;
            struct sbprofile_in in = example();
            struct sbprofile_mount bad = {.path = cases[i].path, .read_only = where == 3};
            *(where == 0   ? &in.workspace
              : where == 1 ? &in.root
                           : &in.interpreter) = where < 2 ? cases[i].path : in.interpreter;
            if (where >= 2) {
                in.mounts = &bad;
                in.mount_count = 1;
            }
            assert_int_equal(sbprofile_write(&in, &text, &err), -1);
            assert_int_equal(err.code, ERROR_INVALID);
            if (!strstr(err.msg, cases[i].part)) {
                fail_msg("%s: %s", cases[i].path, err.msg);
            }
            assert_int_equal(text.len, 0); /* nothing half-made */
            strbuf_release(&text);
        }
    }
    /* What would open the sandbox's own settings. */
    static const char *const holders[] = {STATE, "/Users/ann", "/Users", STATE "/config.json", STATE "/run"};
    for (size_t i = 0; i < MT_ARRAY_LEN(holders); i++) {
        struct strbuf text = STRBUF_INIT;
        struct sbprofile_in in = example();
        struct sbprofile_mount bad = {.path = holders[i], .read_only = true};
        in.mounts = &bad;
        in.mount_count = 1;
        assert_int_equal(sbprofile_write(&in, &text, NULL), -1);
        in.mount_count = 0;
        in.workspace = i < 3 ? holders[i] : "/Users/ann/.local";
        assert_int_equal(sbprofile_write(&in, &text, NULL), -1);
        strbuf_release(&text);
    }
}

/* --- random ones --- */

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static unsigned roll(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 20) % n;
}

/* A path of odd but legal names, or, one in `bad`, with something that is not. */
static char *random_path(unsigned bad)
{
    static const char *const parts[] = {"a",   "b c", "(x)", ";note", "'q'", "#t", "ünï",  "allow", "$HOME", "*",
                                        "{a}", "..x", "a.b", "日本",  "-p",  "%s", "`id`", "&",     "|",     "~"};
    static const char *const evil[] = {"\"", "\\", "\n", "\x01", "\x7f", "\") (allow default) (x \"", "\xff"};
    struct strbuf b = STRBUF_INIT;
    for (unsigned n = 1 + roll(4); n > 0; n--) {
        strbuf_addf(&b, "/%s%u", parts[roll(MT_ARRAY_LEN(parts))], roll(3));
    }
    if (bad && roll(bad) == 0) {
        strbuf_addstr(&b, evil[roll(MT_ARRAY_LEN(evil))]);
        strbuf_addstr(&b, "z");
    }
    return strbuf_detach(&b, NULL);
}

struct world {
    struct sbprofile_in in;
    struct sbprofile_mount mounts[6];
    char *paths[8];
    uint16_t bind[4], connect[4];
};

static void make_world(struct world *w, unsigned bad)
{
    memset(w, 0, sizeof(*w));
    for (size_t i = 0; i < 8; i++) {
        w->paths[i] = random_path(bad);
    }
    w->in = example();
    w->in.root = roll(2) ? STATE "/root" : NULL;
    w->in.workspace = w->paths[6];
    w->in.interpreter = roll(2) ? w->paths[7] : NULL;
    w->in.shell = roll(2);
    w->in.mounts = w->mounts;
    w->in.mount_count = roll(7);
    for (size_t i = 0; i < 6; i++) {
        w->mounts[i] = (struct sbprofile_mount){.path = w->paths[i], .read_only = roll(2)};
    }
    for (size_t i = 0; i < 4; i++) {
        w->bind[i] = (uint16_t)(1 + roll(65535));
        w->connect[i] = (uint16_t)(1 + roll(65535));
    }
    w->in.bind = w->bind;
    w->in.connect = w->connect;
    w->in.bind_count = roll(5);
    w->in.connect_count = roll(5);
    w->in.gpu = (enum gpu_tier)roll(3);
    w->in.net = (enum sbprofile_net)roll(4);
}

static void drop_world(struct world *w)
{
    for (size_t i = 0; i < 8; i++) {
        free(w->paths[i]);
    }
}

static void print_node(const struct sbpl_node *n, struct strbuf *out)
{
    if (n->kind != SBPL_LIST) {
        strbuf_addf(out, " %d%s", n->kind, n->text);
        return;
    }
    strbuf_addstr(out, " (");
    for (n = n->first; n; n = n->next) {
        print_node(n, out);
    }
    strbuf_addstr(out, ")");
}

/* Each operation with each filter, a line each: "allow file-read* (...)". */
static void atoms_of(const char *text, struct strvec *out)
{
    struct sbpl_node *forms = must_read(text);
    for (const struct sbpl_node *f = forms->next->next; f; f = f->next) {
        const struct sbpl_node *filters = f->first->next;
        while (filters && filters->kind == SBPL_SYMBOL) {
            filters = filters->next;
        }
        for (const struct sbpl_node *op = f->first->next; op && op->kind == SBPL_SYMBOL; op = op->next) {
            for (const struct sbpl_node *x = filters; x || !filters; x = x->next) {
                struct strbuf line = STRBUF_INIT;
                strbuf_addf(&line, "%s %s", f->first->text, op->text);
                if (x) {
                    print_node(x, &line);
                }
                strvec_push(out, line.buf);
                strbuf_release(&line);
                if (!filters) {
                    break;
                }
            }
        }
    }
    sbpl_free(forms);
}

static bool has(const struct strvec *list, const char *line)
{
    for (size_t i = 0; i < list->len; i++) {
        if (strcmp(list->v[i], line) == 0) {
            return true;
        }
    }
    return false;
}

static void write_atoms(const struct sbprofile_in *in, struct strvec *out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    assert_int_equal(sbprofile_write(in, &text, NULL), 0);
    atoms_of(text.buf, out);
}

/* A path that was asked for, or lies on the way to one. */
static bool is_asked(const struct world *w, const char *path)
{
    const char *const own[] = {w->in.root, w->in.home, w->in.tmp, w->in.workspace, w->in.interpreter};
    size_t n = strlen(path);
    for (size_t i = 0; i < MT_ARRAY_LEN(own) + w->in.mount_count; i++) {
        const char *p = i < MT_ARRAY_LEN(own) ? own[i] : w->mounts[i - MT_ARRAY_LEN(own)].path;
        if (p && strncmp(p, path, n) == 0 && (p[n] == '\0' || p[n] == '/')) {
            return true;
        }
    }
    return false;
}

/* Random sandboxes: either refused as a whole, or a profile that says what was asked for and nothing else. */
static void test_random(void **state)
{
    (void)state;
    int refused = 0, written = 0;
    struct sbprofile_in bare = example();
    bare.mount_count = 0;
    bare.root = bare.interpreter = NULL;
    bare.workspace = "/w";
    bare.net = SBPROFILE_NET_SHARED;
    bare.gpu = GPU_METAL;
    bare.bind_count = bare.connect_count = 0;
    struct strvec fixed = STRVEC_INIT;
    write_atoms(&bare, &fixed); /* all that is not a path or a port of somebody's */
    for (int round = 0; round < 3000; round++) {
        struct world w;
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        struct error err = ERROR_INIT;
        make_world(&w, round % 3 == 0 ? 30 : 0);
        if (sbprofile_write(&w.in, &text, &err) < 0) {
            assert_int_equal(err.code, ERROR_INVALID);
            assert_int_equal(text.len, 0);
            refused++;
            drop_world(&w);
            continue;
        }
        written++;
        struct strvec atoms = STRVEC_INIT;
        atoms_of(text.buf, &atoms);
        for (size_t i = 0; i < atoms.len; i++) {
            const char *a = atoms.v[i], *path = strstr(a, " 2/"), *port = strstr(a, " 2localhost:");
            bool ok = has(&fixed, a);
            if (!ok && path) {
                char *p = xstrndup(path + 2, strlen(path + 2) - 1);
                ok = is_asked(&w, p);
                free(p);
            } else if (!ok && port) {
                ok = strcmp(port + 2, "localhost:*)") == 0 && strncmp(a, "deny", 4) == 0;
                for (size_t k = 0; k < w.in.bind_count + w.in.connect_count; k++) {
                    char want[24];
                    str_format(want, sizeof(want), "localhost:%u)",
                               (unsigned)(k < w.in.bind_count ? w.bind[k] : w.connect[k - w.in.bind_count]));
                    ok = ok || strcmp(port + 2, want) == 0;
                }
            }
            if (!ok) {
                fail_msg("nobody asked for: %s", a);
            }
        }
        strvec_release(&atoms);
        drop_world(&w);
    }
    strvec_release(&fixed);
    assert_true(refused > 20);
    assert_true(written > 2000);
}

/* Who asks for less gets less: every allow of the smaller one is in the greater one. */
static void test_smaller(void **state)
{
    (void)state;
    for (int round = 0; round < 1000; round++) {
        struct world w;
        struct strvec big = STRVEC_INIT, small = STRVEC_INIT;
        make_world(&w, 0);
        w.in.net = w.in.net == SBPROFILE_NET_SHARED ? SBPROFILE_NET_FULL : w.in.net; /* that one lists no ports */
        write_atoms(&w.in, &big);
        struct sbprofile_in less = w.in;
        switch (round % 6) {
        case 0:
            less.mount_count -= less.mount_count > 0;
            break;
        case 1:
            less.gpu = less.gpu > GPU_NONE ? (enum gpu_tier)(less.gpu - 1) : GPU_NONE;
            break;
        case 2:
            less.net = less.net > SBPROFILE_NET_NONE ? (enum sbprofile_net)(less.net - 1) : SBPROFILE_NET_NONE;
            break;
        case 3:
            less.bind_count -= less.bind_count > 0;
            less.connect_count -= less.connect_count > 0;
            break;
        case 4:
            less.shell = false;
            break;
        default:
            less.root = less.interpreter = NULL;
        }
        write_atoms(&less, &small);
        assert_true(small.len <= big.len);
        for (size_t i = 0; i < small.len; i++) {
            if (strncmp(small.v[i], "allow", 5) == 0 && !has(&big, small.v[i])) {
                fail_msg("only in the smaller one (%d): %s", round % 6, small.v[i]);
            }
        }
        strvec_release(&big);
        strvec_release(&small);
        drop_world(&w);
    }
}

/* The reader is no rubber stamp. */
static void test_reader(void **state)
{
    static const char *const bad[] = {
        "",
        "(deny default)",
        "(version 1)",
        "(version 1)(allow default)",
        "(version 1)(allow file-read*)(deny default)",
        "(version 1)(deny default)(allow default)",
        "(version 1)(deny default)(allow file-read* (subpath \"/a))",
        "(version 1)(deny default)(allow file-read* (subpath \"/a\\\"\"))",
        "(version 1)(deny default)(allow file-read* (subpath \"a\"))",
        "(version 1)(deny default)(allow file-read* (subpath \"/a\")",
        "(version 1)(deny default)(allow file-read* (subpath \"/a\")))",
        "(version 1)(deny default)(allow file-fly* (subpath \"/a\"))",
        "(version 1)(deny default)(allow network-outbound (remote ip \"example.org:80\"))",
        "(version 1)(deny default)(allow network-outbound (remote ip \"localhost:0\"))",
        "(version 1)(deny default)(allow network-outbound (remote ip \"localhost:70000\"))",
        "(version 1)(deny default)(import \"/x.sb\")",
        "(version 1)(deny default)(allow signal (target others))",
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        char why[160];
        struct sbpl_node *forms = sbpl_read(bad[i], why, sizeof(why));
        if (forms && sbpl_judge(forms, why, sizeof(why)) == 0) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_true(why[0] != '\0');
        sbpl_free(forms);
    }
    sbpl_free(must_read("(version 1)\n; a (comment\n(deny default)(allow file-read* (literal \"/a b;(c\"))"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected), cmocka_unit_test(test_refused), cmocka_unit_test(test_random),
        cmocka_unit_test(test_smaller),  cmocka_unit_test(test_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
