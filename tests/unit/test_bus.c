/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/model/model.h"
#include "core/util/strbuf.h"

struct listener {
    struct bus *bus;
    struct bus_sub *self, *other;
    int heard, depth, deepest;
    bool republish, leave, remove_other, add;
    struct listener *added;
    enum model_event_kind last;
};

static void hear(void *arg, const struct model_event *ev)
{
    struct listener *l = arg;
    l->heard++;
    l->last = ev->kind;
    l->depth++;
    l->deepest = l->depth > l->deepest ? l->depth : l->deepest;
    if (l->republish) {
        l->republish = false;
        bus_publish(l->bus, &(struct model_event){.kind = MODEL_PROBLEM});
    }
    if (l->add) {
        l->add = false;
        l->added->self = bus_subscribe(l->bus, hear, l->added);
    }
    if (l->remove_other) {
        bus_unsubscribe(l->bus, l->other);
        l->remove_other = false;
    }
    if (l->leave) {
        bus_unsubscribe(l->bus, l->self);
    }
    l->depth--;
}

static void test_order_and_requeue(void **state)
{
    (void)state;
    struct bus *b = bus_new();
    struct listener one = {.bus = b, .republish = true}, two = {.bus = b};
    one.self = bus_subscribe(b, hear, &one);
    two.self = bus_subscribe(b, hear, &two);
    bus_publish(b, &(struct model_event){.kind = MODEL_STATS});
    assert_int_equal(one.heard, 2);
    assert_int_equal(one.deepest, 1); /* queued, not nested */
    assert_int_equal(two.heard, 2);
    assert_int_equal(two.last, MODEL_PROBLEM);
    bus_unsubscribe(b, one.self);
    bus_publish(b, &(struct model_event){.kind = MODEL_STATS});
    assert_int_equal(one.heard, 2);
    assert_int_equal(two.heard, 3);
    bus_free(b); /* frees two's subscription too */
}

static void test_removal_while_told(void **state)
{
    (void)state;
    struct bus *b = bus_new();
    struct listener one = {.bus = b, .leave = true, .remove_other = true}, two = {.bus = b}, three = {.bus = b};
    one.self = bus_subscribe(b, hear, &one);
    two.self = bus_subscribe(b, hear, &two);
    three.self = bus_subscribe(b, hear, &three);
    one.other = two.self;
    bus_publish(b, &(struct model_event){.kind = MODEL_OP});
    assert_int_equal(one.heard, 1);
    assert_int_equal(two.heard, 0); /* removed before its turn */
    assert_int_equal(three.heard, 1);
    bus_publish(b, &(struct model_event){.kind = MODEL_OP});
    assert_int_equal(one.heard, 1);
    assert_int_equal(three.heard, 2);
    bus_free(b);
}

static void test_added_while_told_hears_the_next(void **state)
{
    (void)state;
    struct bus *b = bus_new();
    struct listener late = {.bus = b}, one = {.bus = b, .add = true, .added = &late};
    one.self = bus_subscribe(b, hear, &one);
    bus_publish(b, &(struct model_event){.kind = MODEL_OP});
    assert_int_equal(late.heard, 0);
    bus_publish(b, &(struct model_event){.kind = MODEL_OP});
    assert_int_equal(late.heard, 1);
    bus_unsubscribe(b, NULL); /* harmless */
    bus_free(b);
    bus_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_requeue),
        cmocka_unit_test(test_removal_while_told),
        cmocka_unit_test(test_added_while_told_hears_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
