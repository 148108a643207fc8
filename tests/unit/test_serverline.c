/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "tui/serverline.h"

/* The line as text, with its gaps. */
static void text_of(const struct inference_view *v, int room, struct strbuf *out)
{
    struct serverline l;
    strbuf_clear(out);
    serverline_build(v, NULL, room, true, &l);
    for (int i = 0; i < l.count; i++) {
        strbuf_addf(out, "%*s%s", l.pieces[i].gap, "", l.pieces[i].text);
    }
    assert_int_equal(out->len, l.columns);
    assert_true(l.columns <= room || l.count == 0);
}

static void expect(const struct inference_view *v, int room, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    text_of(v, room, &got);
    assert_string_equal(got.buf, text);
}

static struct inference_view at_work(void)
{
    struct inference_view v;
    inference_view_init(&v);
    v.state = INFERENCE_READY;
    v.kind = INFERENCE_LLAMA;
    str_copy(v.endpoint, sizeof(v.endpoint), "127.0.0.1:8080");
    str_copy(v.model, sizeof(v.model), "/models/Qwen3.5-9B.gguf");
    v.window = 81920;
    v.has_slots = true;
    v.slots_busy = 2;
    v.slots_total = 4;
    v.full_used = 41000;
    v.full_window = 81920;
    v.tokens_per_s = 38.2;
    return v;
}

static void test_forms(void **state)
{
    (void)state;
    struct inference_view v = at_work();
    expect(&v, 200, "* ready  Qwen3.5-9B  ctx #####..... 41k/82k  slots 2/4  38 tok/s");
    expect(&v, 50, "* Qwen3.5-9B  41k/82k  2/4  38 tok/s");
    expect(&v, 35, "* Qwen3.5-9B  41k/82k  2/4  38 t/s");
    expect(&v, 30, "* Qwen3.5-9B  41k/82k");
    expect(&v, 15, "* Qwen3.5-9B");
    expect(&v, 5, "");
    expect(&v, 0, "");
    expect(&v, -3, "");
    v.queued = 3;
    v.progress = 45; /* a prompt is read: nothing is written meanwhile */
    expect(&v, 200, "* ready  Qwen3.5-9B  ctx #####..... 41k/82k  slots 2/4  3 wait  reads 45%");
    v = at_work();
    v.full_used = 0;
    v.slots_busy = 0;
    v.tokens_per_s = -1;
    expect(&v, 200, "* ready  Qwen3.5-9B  ctx .......... 0/82k  slots 0/4");
    v.full_used = v.full_window;
    expect(&v, 200, "* ready  Qwen3.5-9B  ctx ########## 82k/82k  slots 0/4");
}

static void test_unknowns(void **state)
{
    (void)state;
    struct inference_view v;
    inference_view_init(&v);
    expect(&v, 200, ""); /* not looked at yet */
    v.state = INFERENCE_DOWN;
    expect(&v, 200, "- model server down");
    v.state = INFERENCE_LOADING;
    expect(&v, 200, "o model loading");
    v.state = INFERENCE_UNAUTHORISED;
    expect(&v, 200, "x model server wants a key");
    v.state = INFERENCE_FOREIGN;
    str_copy(v.endpoint, sizeof(v.endpoint), "127.0.0.1:8080");
    str_copy(v.word, sizeof(v.word), "it redirects (302)");
    expect(&v, 200, "? no model server  :8080: it redirects (302)");
    expect(&v, 30, "? no model server");
    v.state = INFERENCE_READY;
    v.word[0] = '\0';
    expect(&v, 200, "* ready");
    str_copy(v.model, sizeof(v.model), "org/model");
    expect(&v, 200, "* ready  model"); /* no window, no slots: nothing is made up */
    v.window = 1234567;
    expect(&v, 200, "* ready  model  ctx 1.2M");
    v.cache_percent = 41;
    v.running = 3;
    v.tokens_per_s = 4.25;
    expect(&v, 200, "* ready  model  cache 41%  3 running  4.2 tok/s");
    v.sleeping = true;
    expect(&v, 12, "");
    expect(&v, 20, "o sleeps model");
}

/* Whatever the numbers and names are, it is never wider than there is room. */
static void test_wide(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct inference_view v = at_work();
    memset(v.model, 'x', sizeof(v.model) - 1);
    v.window = v.full_window = v.full_used = 1000000000000u;
    v.slots_busy = v.slots_total = 1000000;
    v.queued = 999999;
    v.tokens_per_s = 99999;
    for (int room = -2; room < 160; room++) {
        text_of(&v, room, &got);
    }
    v.window = v.full_window = 1;
    v.full_used = 5; /* more than there is, as it came */
    text_of(&v, 160, &got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_unknowns),
        cmocka_unit_test(test_wide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
