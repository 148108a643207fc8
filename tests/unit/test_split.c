/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"
#include "tui/split_store.h"

static const char *const names[] = {"a", "b", "c", "d"};

/* A layout in words: "a", "(a|b)", "(a-(b|c))", with the focused one as "*b". */
static void add_words(const struct split *s, int *node, int *leaf, struct strbuf *out)
{
    const struct split_node *n = &s->nodes[(*node)++];

    if (n->kind == SPLIT_LEAF) {
        strbuf_addf(out, "%s%s", (*leaf)++ == s->focus ? "*" : "", n->id);
        return;
    }
    strbuf_addstr(out, "(");
    add_words(s, node, leaf, out);
    strbuf_addstr(out, n->kind == SPLIT_BESIDE ? "|" : "-");
    add_words(s, node, leaf, out);
    strbuf_addstr(out, ")");
}

static void assert_is(const struct split *s, const char *words)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    int node = 0, leaf = 0;

    add_words(s, &node, &leaf, &got);
    assert_int_equal(node, s->count);
    assert_int_equal(leaf, split_leaves(s));
    assert_string_equal(got.buf, words);
}

/* Every layout of up to four panes, by the leaf and the kind of each addition: `which` names it. False: no more. */
static bool make(struct split *s, int which)
{
    int added = which % 4;

    which /= 4;
    split_init(s, names[0]);
    for (int i = 1; i <= added; i++) {
        int leaf = which % i;
        which /= i;
        enum split_kind kind = which % 2 ? SPLIT_BELOW : SPLIT_BESIDE;
        which /= 2;
        assert_true(split_add(s, leaf, kind, names[i]));
    }
    return which == 0;
}
#define LAYOUTS (4 * 1 * 2 * 2 * 2 * 3 * 2)

static void test_add_and_remove(void **state)
{
    struct split s;

    (void)state;
    split_init(&s, "a");
    assert_is(&s, "*a");
    assert_true(split_add(&s, 0, SPLIT_BESIDE, "b"));
    assert_is(&s, "(a|*b)");
    assert_true(split_add(&s, 0, SPLIT_BELOW, "c"));
    assert_is(&s, "((a-*c)|b)");
    assert_true(split_add(&s, 2, SPLIT_BELOW, "d"));
    assert_is(&s, "((a-c)|(b-*d))");
    assert_false(split_add(&s, 0, SPLIT_BELOW, "e"));
    assert_is(&s, "((a-c)|(b-*d))");
    assert_int_equal(split_find(&s, "d"), 3);
    assert_int_equal(split_find(&s, "e"), -1);
    assert_string_equal(split_id(&s, 1), "c");
    assert_null(split_id(&s, 4));
    assert_null(split_id(&s, -1));
    split_put(&s, 1, "e");
    split_put(&s, 9, "x");
    assert_is(&s, "((a-e)|(b-*d))");
    s.focus = 0;
    split_remove(&s, 0);
    assert_is(&s, "(*e|(b-d))");
    s.focus = 2;
    split_remove(&s, 1);
    assert_is(&s, "(e|*d)");
    split_remove(&s, 1);
    assert_is(&s, "*e");
    split_remove(&s, 5);
    assert_is(&s, "*e");
    split_remove(&s, 0);
    assert_int_equal(s.count, 0);
    assert_int_equal(split_leaves(&s), 0);
}

static bool overlaps(struct rect a, struct rect b)
{
    struct rect both = rect_intersect(a, b);

    return both.w > 0 && both.h > 0;
}

/* At every size: all inside, none over another, none below its least size, and with the columns between they cover it.
 */
static void test_every_size(void **state)
{
    (void)state;
    for (int which = 0; which < LAYOUTS; which++) {
        struct split s;
        if (!make(&s, which)) {
            continue;
        }
        for (int w = 0; w < 220; w += w < 90 ? 1 : 13) {
            for (int h = 0; h < 60; h += h < 18 ? 1 : 7) {
                struct rect area = {7, 3, w, h};
                struct split_plan p;
                if (!split_place(&s, area, &p)) {
                    assert_true(w < 4 * SPLIT_MIN_COLS + 3 || h < 4 * SPLIT_MIN_ROWS);
                    continue;
                }
                assert_int_equal(p.count, split_leaves(&s));
                assert_int_equal(p.bar_count, p.count - 1);
                int cells = 0;
                for (int i = 0; i < p.count; i++) {
                    struct rect r = p.panes[i];
                    assert_true(r.w >= SPLIT_MIN_COLS && r.h >= SPLIT_MIN_ROWS);
                    assert_true(r.x >= 7 && r.y >= 3 && r.x + r.w <= 7 + w && r.y + r.h <= 3 + h);
                    cells += r.w * r.h;
                    for (int k = 0; k < i; k++) {
                        assert_false(overlaps(r, p.panes[k]));
                    }
                }
                for (int i = 0; i < p.bar_count; i++) {
                    cells += p.bars[i].vertical ? p.bars[i].at.h : 0;
                }
                assert_int_equal(cells, w * h);
            }
        }
    }
}

static void test_least_sizes(void **state)
{
    struct split s;
    struct split_plan p;

    (void)state;
    split_init(&s, "a");
    assert_true(split_place(&s, (struct rect){0, 0, 20, 4}, &p));
    assert_true(split_add(&s, 0, SPLIT_BESIDE, "b"));
    assert_false(split_place(&s, (struct rect){0, 0, 40, 4}, &p));
    assert_true(split_place(&s, (struct rect){0, 0, 41, 4}, &p));
    assert_int_equal(p.panes[0].w, 20);
    assert_int_equal(p.panes[1].x, 21);
    assert_true(split_add(&s, 1, SPLIT_BELOW, "c"));
    assert_false(split_place(&s, (struct rect){0, 0, 41, 7}, &p));
    assert_true(split_place(&s, (struct rect){0, 0, 41, 8}, &p));
    assert_int_equal(p.panes[2].y, 4);
    s.count = 0;
    assert_false(split_place(&s, (struct rect){0, 0, 400, 400}, &p));
}

static void test_neighbours(void **state)
{
    struct split s;
    struct split_plan p;

    (void)state;
    /* a over b on the left, c on the right: heights of a and b differ. */
    split_init(&s, "a");
    split_add(&s, 0, SPLIT_BESIDE, "c");
    split_add(&s, 0, SPLIT_BELOW, "b");
    s.nodes[1].share = 3000;
    assert_is(&s, "((a-*b)|c)");
    assert_true(split_place(&s, (struct rect){34, 1, 86, 34}, &p));
    assert_int_equal(split_neighbour(&p, 0, SPLIT_RIGHT), 2);
    assert_int_equal(split_neighbour(&p, 1, SPLIT_RIGHT), 2);
    assert_int_equal(split_neighbour(&p, 2, SPLIT_LEFT), 1); /* it faces most of it */
    assert_int_equal(split_neighbour(&p, 0, SPLIT_DOWN), 1);
    assert_int_equal(split_neighbour(&p, 1, SPLIT_UP), 0);
    assert_int_equal(split_neighbour(&p, 0, SPLIT_UP), -1);
    assert_int_equal(split_neighbour(&p, 0, SPLIT_LEFT), -1);
    assert_int_equal(split_neighbour(&p, 2, SPLIT_DOWN), -1);
    assert_int_equal(split_neighbour(&p, 7, SPLIT_DOWN), -1);
}

/* In every layout each pane is reached from each by steps to neighbours. */
static void test_all_reached(void **state)
{
    (void)state;
    for (int which = 0; which < LAYOUTS; which++) {
        struct split s;
        struct split_plan p;
        unsigned seen = 1;
        if (!make(&s, which)) {
            continue;
        }
        assert_true(split_place(&s, (struct rect){0, 1, 120, 40}, &p));
        for (int pass = 0; pass < SPLIT_MAX; pass++) {
            for (int i = 0; i < p.count; i++) {
                for (int side = SPLIT_LEFT; side <= SPLIT_DOWN && seen & 1u << i; side++) {
                    int to = split_neighbour(&p, i, (enum split_side)side);
                    seen |= to >= 0 ? 1u << to : 0;
                }
            }
        }
        assert_int_equal(seen, (1u << p.count) - 1);
    }
}

static void test_resize(void **state)
{
    struct split s;
    struct split_plan p;
    struct rect area = {0, 0, 101, 40};

    (void)state;
    split_init(&s, "a");
    split_add(&s, 0, SPLIT_BESIDE, "b");
    split_add(&s, 1, SPLIT_BELOW, "c");
    assert_true(split_resize(&s, area, 0, SPLIT_RIGHT, 5));
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.panes[0].w, 55);
    assert_true(split_resize(&s, area, 2, SPLIT_RIGHT, 1)); /* its left border is the only one that can move */
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.panes[0].w, 56);
    assert_true(split_resize(&s, area, 1, SPLIT_UP, 3));
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.panes[1].h, 17);
    assert_false(split_resize(&s, area, 0, SPLIT_UP, 3)); /* nothing above or below it */
    /* To the end, and no further. */
    assert_true(split_resize(&s, area, 0, SPLIT_LEFT, 1000));
    assert_false(split_resize(&s, area, 0, SPLIT_LEFT, 1));
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.panes[0].w, SPLIT_MIN_COLS);
    assert_true(split_resize(&s, area, 1, SPLIT_DOWN, 1000));
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.panes[2].h, SPLIT_MIN_ROWS);
    /* With the mouse. */
    assert_true(p.bars[0].vertical);
    assert_true(split_drag(&s, area, p.bars[0].node, 70));
    assert_true(split_drag(&s, area, p.bars[1].node, 11));
    assert_true(split_place(&s, area, &p));
    assert_int_equal(p.bars[0].at.x, 70);
    assert_int_equal(p.panes[2].y, 11);
    assert_false(split_drag(&s, area, p.bars[1].node, 11));
    assert_false(split_drag(&s, area, 1, 11));
    assert_false(split_drag(&s, area, 99, 11));
    assert_false(split_resize(&s, (struct rect){0, 0, 30, 5}, 0, SPLIT_RIGHT, 1));
}

/* One cell at a time there and back: every step is one cell, at any width. */
static void test_resize_is_exact(void **state)
{
    (void)state;
    for (int w = 50; w < 700; w += 37) {
        struct split s;
        struct split_plan p;
        struct rect area = {3, 0, w, 30};
        split_init(&s, "a");
        split_add(&s, 0, SPLIT_BESIDE, "b");
        while (split_resize(&s, area, 0, SPLIT_LEFT, 1)) {
        }
        for (int at = SPLIT_MIN_COLS; at <= w - 1 - SPLIT_MIN_COLS; at++) {
            assert_true(split_place(&s, area, &p));
            assert_int_equal(p.panes[0].w, at);
            assert_int_equal(split_resize(&s, area, 0, SPLIT_RIGHT, 1), at < w - 1 - SPLIT_MIN_COLS);
        }
    }
}

static void test_even(void **state)
{
    struct split s;
    struct split_plan p;

    (void)state;
    split_init(&s, "a");
    split_add(&s, 0, SPLIT_BESIDE, "b");
    split_add(&s, 1, SPLIT_BESIDE, "c");
    split_even(&s);
    assert_true(split_place(&s, (struct rect){0, 0, 92, 10}, &p));
    assert_int_equal(p.panes[0].w, 30);
    assert_int_equal(p.panes[1].w, 30);
    assert_int_equal(p.panes[2].w, 30);
}

/* Every layout comes back as it was. */
static void test_json(void **state)
{
    (void)state;
    for (int which = 0; which < LAYOUTS; which++) {
        struct split s, back;
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        if (!make(&s, which)) {
            continue;
        }
        s.nodes[0].share = s.count > 1 ? 1 + which * 97 % 9999 : 0;
        struct json *j = split_to_json(&s);
        json_write(j, false, &text);
        json_free(j);
        j = json_parse(text.buf, text.len, NULL);
        assert_non_null(j);
        assert_int_equal(split_from_json(&back, j, NULL), 0);
        json_free(j);
        assert_memory_equal(&back.count, &s.count, sizeof(s.count));
        assert_int_equal(back.focus, s.focus);
        for (int i = 0; i < s.count; i++) {
            assert_int_equal(back.nodes[i].kind, s.nodes[i].kind);
            assert_int_equal(back.nodes[i].share, s.nodes[i].share);
            assert_string_equal(back.nodes[i].id, s.nodes[i].id);
        }
    }
}

#define LEAF(id) "{\"session\":\"" id "\"}"
#define PAIR(a, b) "{\"split\":\"beside\",\"share\":5000,\"first\":" a ",\"second\":" b "}"
#define FILE_OF(key, panes) "{\"version\":1,\"layouts\":{\"" key "\":{\"focus\":1,\"panes\":" panes "}}}"

static void test_json_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"panes\":{}}",
        "{\"panes\":[]}",
        "{\"panes\":" LEAF("") "}",
        "{\"panes\":" LEAF("../x") "}",
        "{\"panes\":" LEAF("0123456789012345678901234567890123456789") "}",
        "{\"panes\":" PAIR(LEAF("a"), LEAF("a")) "}",
        "{\"panes\":" PAIR(LEAF("a"), "7") "}",
        "{\"panes\":{\"split\":\"beside\",\"share\":5000,\"first\":" LEAF("a") "}}",
        "{\"panes\":{\"split\":\"beside\",\"share\":0,\"first\":" LEAF("a") ",\"second\":" LEAF("b") "}}",
        "{\"panes\":{\"split\":\"beside\",\"share\":10000,\"first\":" LEAF("a") ",\"second\":" LEAF("b") "}}",
        "{\"panes\":{\"split\":\"over\",\"share\":5000,\"first\":" LEAF("a") ",\"second\":" LEAF("b") "}}",
        "{\"panes\":" PAIR(PAIR(LEAF("a"), LEAF("b")), PAIR(LEAF("c"), PAIR(LEAF("d"), LEAF("e")))) "}",
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        struct json *j = json_parse(bad[i], strlen(bad[i]), NULL);
        struct split s = {.count = 77};
        struct error err = ERROR_INIT;
        assert_non_null(j);
        assert_int_equal(split_from_json(&s, j, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
        assert_int_equal(s.count, 77);
        json_free(j);
    }
}

static void write_text(const char *path, const char *text)
{
    assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, NULL), 0);
}

/* A store as it is read from the file. */
static int load(struct split_store *st, const char *path, struct error *err)
{
    *st = (struct split_store){0};
    return split_store_load(st, path, err);
}

static void test_store(void **state)
{
    struct temphome home;
    temphome_open(&home);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "layouts.json");
    struct split_store one, two, read;
    struct split s;

    (void)state;
    assert_int_equal(load(&one, path, NULL), 0);
    assert_int_equal(load(&two, path, NULL), 0);
    assert_false(split_store_is_changed(&one));
    split_init(&s, "a");
    split_store_put(&one, "muthr-api", &s);
    assert_null(split_store_get(&one, "muthr-api")); /* one pane is no layout */
    split_add(&s, 0, SPLIT_BELOW, "b");
    split_store_put(&one, "muthr-api", &s);
    assert_true(split_store_is_changed(&one));
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_false(split_store_is_changed(&one));
    /* A second cockpit, which knows nothing of that, keeps it. */
    split_init(&s, "c");
    split_add(&s, 0, SPLIT_BESIDE, "d");
    split_store_put(&two, "muthr-web", &s);
    assert_int_equal(split_store_save(&two, path, NULL), 0);
    assert_int_equal(load(&read, path, NULL), 0);
    assert_non_null(split_store_get(&read, "muthr-api"));
    assert_is(&split_store_get(&read, "muthr-api")->split, "(a-*b)");
    assert_is(&split_store_get(&read, "muthr-web")->split, "(c|*d)");
    assert_ptr_equal(split_store_with(&read, "d"), split_store_get(&read, "muthr-web"));
    assert_null(split_store_with(&read, "e"));
    assert_null(split_store_with(&read, ""));
    split_store_release(&read);
    /* It takes a session of the other: that layout is no more. And its own is forgotten when it is closed. */
    split_init(&s, "b");
    split_add(&s, 0, SPLIT_BESIDE, "d");
    split_store_put(&two, "muthr-web", &s);
    assert_int_equal(split_store_save(&two, path, NULL), 0);
    assert_int_equal(load(&read, path, NULL), 0);
    assert_null(split_store_get(&read, "muthr-api"));
    assert_is(&split_store_get(&read, "muthr-web")->split, "(b|*d)");
    split_store_release(&read);
    split_init(&s, "b");
    split_store_put(&two, "muthr-web", &s);
    assert_int_equal(split_store_save(&two, path, NULL), 0);
    assert_int_equal(load(&read, path, NULL), 0);
    assert_int_equal(read.count, 0);
    split_store_release(&read);
    split_store_release(&one);
    split_store_release(&two);
    temphome_close(&home);
}

/* Sets the layout of a workspace: these sessions side by side. */
static void put(struct split_store *st, const char *key, const char *a, const char *b, const char *c)
{
    struct split s;

    split_init(&s, a);
    if (b) {
        assert_true(split_add(&s, 0, SPLIT_BESIDE, b));
    }
    if (c) {
        assert_true(split_add(&s, 1, SPLIT_BESIDE, c));
    }
    split_store_put(st, key, &s);
}

/* Reads again, with this session looked at; whether something was news. */
static bool reread(struct split_store *st, const char *path, const char *looked_at)
{
    bool news = true;

    assert_int_equal(split_store_reread(st, path, looked_at, &news, NULL), 0);
    return news;
}

/* Two cockpits with one file. */
static void test_store_of_two(void **state)
{
    struct temphome home;
    temphome_open(&home);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "layouts.json");
    struct split_store one = {0}, two = {0};

    (void)state;
    assert_false(reread(&two, path, "a")); /* there is no file yet */
    put(&one, "muthr-api", "a", "b", NULL);
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_false(reread(&one, path, "a")); /* its own writing is no news */
    assert_true(reread(&two, path, "a"));
    assert_is(&split_store_get(&two, "muthr-api")->split, "(a|*b)");
    assert_false(split_store_is_changed(&two)); /* nothing to write back: no ping-pong */
    assert_false(reread(&two, path, "a"));
    /* One more pane, around what is looked at: taken over. */
    put(&one, "muthr-api", "a", "b", "c");
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_true(reread(&two, path, "a"));
    assert_is(&split_store_get(&two, "muthr-api")->split, "(a|(b|*c))");
    /* One without what is looked at waits, until something else is looked at. */
    put(&one, "muthr-api", "a", "b", NULL);
    put(&one, "muthr-web", "x", "y", NULL);
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_true(reread(&two, path, "c")); /* that of web */
    assert_is(&split_store_get(&two, "muthr-api")->split, "(a|(b|*c))");
    assert_true(split_store_get(&two, "muthr-api")->held);
    assert_is(&split_store_get(&two, "muthr-web")->split, "(x|*y)");
    assert_true(reread(&two, path, "x"));
    assert_is(&split_store_get(&two, "muthr-api")->split, "(a|*b)");
    assert_false(split_store_get(&two, "muthr-api")->held);
    /* What was changed here and is not written yet stays, and wins when it is; the other one follows. */
    put(&two, "muthr-web", "y", "x", NULL);
    put(&one, "muthr-web", "x", "y", "z");
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_false(reread(&two, path, "a"));
    assert_is(&split_store_get(&two, "muthr-web")->split, "(y|*x)");
    assert_int_equal(split_store_save(&two, path, NULL), 0);
    assert_true(reread(&one, path, NULL));
    assert_is(&split_store_get(&one, "muthr-web")->split, "(y|*x)");
    /* A session stands in one layout: what was changed here has it. */
    put(&two, "muthr-docs", "x", "z", NULL);
    assert_false(reread(&two, path, NULL));
    split_store_put(&one, "muthr-api", &(struct split){0}); /* forgotten there, and so here */
    put(&one, "muthr-web", "x", "w", NULL);
    assert_int_equal(split_store_save(&one, path, NULL), 0);
    assert_true(reread(&two, path, NULL));
    assert_null(split_store_get(&two, "muthr-api"));
    assert_null(split_store_get(&two, "muthr-web"));
    assert_is(&split_store_get(&two, "muthr-docs")->split, "(x|*z)");
    /* A broken file is put aside, and takes nothing away; neither does none. */
    bool news = true;
    struct error err = ERROR_INIT;
    assert_int_equal(fs_write_atomic(path, "{", 1, 0600, NULL), 0);
    assert_int_equal(split_store_reread(&one, path, NULL, &news, &err), -1);
    assert_int_equal(err.code, ERROR_PARSE);
    assert_false(fs_exists(path));
    assert_false(reread(&one, path, NULL));
    assert_is(&split_store_get(&one, "muthr-web")->split, "(x|*w)");
    split_store_release(&one);
    split_store_release(&two);
    temphome_close(&home);
}

static void test_store_of_broken_files(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"version\":1}",
        "{\"version\":0,\"layouts\":{}}",
        "{\"layouts\":{}}",
        "{\"version\":1,\"layouts\":[]}",
        FILE_OF("muthr-api", PAIR(LEAF("a"), LEAF("a"))),
    };
    struct temphome home;
    temphome_open(&home);
    MT_CLEANUP(xfree) char *path = path_join(home.dir, "layouts.json");
    struct split_store st;

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        struct error err = ERROR_INIT;
        write_text(path, bad[i]);
        assert_int_equal(load(&st, path, &err), -1);
        assert_int_equal(err.code, ERROR_PARSE);
        assert_int_equal(st.count, 0);
        assert_false(fs_exists(path)); /* set aside, not deleted */
    }
    MT_CLEANUP(xfree) char *aside = path_join(home.dir, "layouts.json.broken-1");
    assert_true(fs_exists(aside));
    /* A good one, and one of a program to come, which stays as it is. */
    write_text(path, FILE_OF("muthr-api", PAIR(LEAF("a"), PAIR(LEAF("b"), LEAF("c")))));
    assert_int_equal(load(&st, path, NULL), 0);
    assert_is(&split_store_get(&st, "muthr-api")->split, "(a|(*b|c))");
    split_store_release(&st);
    struct error err = ERROR_INIT;
    struct split s;
    write_text(path, "{\"version\":2,\"layouts\":{\"x\":3}}");
    assert_int_equal(load(&st, path, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    split_init(&s, "a");
    split_add(&s, 0, SPLIT_BELOW, "b");
    split_store_put(&st, "muthr-api", &s);
    assert_int_equal(split_store_save(&st, path, NULL), -1);
    assert_true(fs_exists(path));
    split_store_release(&st);
    temphome_close(&home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_remove),
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_least_sizes),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_all_reached),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_resize_is_exact),
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_refused),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_store_of_two),
        cmocka_unit_test(test_store_of_broken_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
