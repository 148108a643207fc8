/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/op.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* What the scripted steps do, by letter: n next, w wait and succeed, f fail, t transient failure once, e wait then
 * fail, h hang until cancelled, s skipped, d deaf: ignores cancel and then succeeds. Upper case: an always-step. */
struct script {
    struct loop *loop;
    struct op *op;
    struct timer *later;
    const char *letters;
    char ran[64];
    int ended, canceled, in_flight;
    struct op_view last;
    struct error pending;
};

static void later(void *arg)
{
    struct script *s = arg;
    s->in_flight--;
    op_resume(s->op, s->pending.code != ERROR_NONE ? &s->pending : NULL);
}

static enum step_result enter(struct op *op, void *ctx, struct error *err)
{
    struct script *s = ctx;
    struct op_view *v = op_get_view(op);
    char letter = s->letters[v->step] | 0x20;
    size_t n = strlen(s->ran);
    s->ran[n] = (char)('0' + v->step);
    s->pending = ERROR_INIT;
    assert_int_equal(s->in_flight, 0); /* at most one thing at a time */
    switch (letter) {
    case 'n':
        return STEP_NEXT;
    case 'f':
        error_set(err, ERROR_INVALID, "step %d says no", v->step);
        return STEP_FAIL;
    case 't':
        if (v->steps[v->step].tries >= 3) {
            return STEP_NEXT;
        }
        error_set(err, ERROR_BUSY, "busy");
        return STEP_FAIL;
    case 'e':
        error_set(&s->pending, ERROR_SYS, "broke");
        break;
    case 'h':
        s->in_flight++;
        return STEP_WAIT;
    default:
        break;
    }
    s->in_flight++;
    timer_start(s->later, letter == 'd' ? 30 : 0);
    return STEP_WAIT;
}

static void cancel(struct op *op, void *ctx)
{
    struct script *s = ctx;
    (void)op;
    s->canceled++;
    if (!timer_is_active(s->later)) {
        error_set(&s->pending, ERROR_CANCELED, "stopped");
        timer_start(s->later, 1);
    }
}

static bool skip_step(void *ctx, char why[STEP_WHY_MAX])
{
    struct script *s = ctx;
    str_copy(why, STEP_WHY_MAX, "not\nneeded");
    return (s->letters[op_get_view(s->op)->step] | 0x20) == 's';
}

static void ended(struct op *op, void *ctx)
{
    struct script *s = ctx;
    s->ended++;
    s->last = *op_get_view(op);
    assert_int_equal(s->in_flight, 0);
}

/* Runs a scripted plan; cancel_at >= 0: cancels after so many turns (0: before it starts). */
static void run_script(struct script *s, const char *letters, int cancel_at, uint64_t timeout_ms)
{
    struct step steps[OP_STEPS_MAX + 1];
    memset(steps, 0, sizeof(steps));
    memset(s, 0, sizeof(*s));
    for (size_t i = 0; letters[i] != '\0'; i++) {
        steps[i] = (struct step){.name = "step",
                                 .enter = enter,
                                 .cancel = cancel,
                                 .skip = skip_step,
                                 .tries = 3,
                                 .backoff_ms = 1,
                                 .timeout_ms = timeout_ms,
                                 .always = letters[i] < 'a'};
    }
    s->letters = letters;
    s->loop = loop_new();
    s->later = timer_new(s->loop, later, s);
    s->op = op_new(&(struct op_opts){.loop = s->loop, .steps = steps, .ctx = s, .ended = ended});
    if (cancel_at == 0) {
        op_cancel(s->op);
    }
    op_start(s->op);
    for (int turn = 1; s->ended == 0; turn++) {
        if (turn == cancel_at) {
            op_cancel(s->op);
            op_cancel(s->op);
        }
        loop_turn(s->loop, true);
        assert_true(turn < 1000);
    }
    timer_close(s->later);
    assert_int_equal(loop_free(s->loop), 0);
    assert_int_equal(s->ended, 1);
}

static void test_straight(void **state)
{
    (void)state;
    struct script s;
    run_script(&s, "nwsnW", -1, 0);
    assert_int_equal(s.last.state, OP_DONE);
    assert_string_equal(s.ran, "0134");
    assert_int_equal(s.last.steps[2].state, OP_STEP_SKIPPED);
    assert_string_equal(s.last.steps[2].text, "not needed");
    run_script(&s, "", -1, 0);
    assert_int_equal(s.last.state, OP_DONE);
}

static void test_first_error_wins(void **state)
{
    (void)state;
    struct script s;
    run_script(&s, "nfnFWe", -1, 0);
    assert_int_equal(s.last.state, OP_FAILED);
    assert_string_equal(s.ran, "0134");
    assert_string_equal(s.last.error.msg, "step 1 says no");
    assert_int_equal(s.last.steps[2].state, OP_STEP_PENDING);
    assert_int_equal(s.last.steps[3].state, OP_STEP_FAILED);
    run_script(&s, "wew", -1, 0);
    assert_string_equal(s.last.error.msg, "broke");
}

static void test_retries(void **state)
{
    (void)state;
    struct script s;
    run_script(&s, "tn", -1, 0);
    assert_int_equal(s.last.state, OP_DONE);
    assert_string_equal(s.ran, "0001");
    assert_int_equal(s.last.steps[0].tries, 3);
}

static void test_timeout(void **state)
{
    (void)state;
    struct script s;
    run_script(&s, "hnN", -1, 5);
    assert_int_equal(s.last.state, OP_FAILED);
    assert_int_equal(s.last.error.code, ERROR_TIMEOUT);
    assert_string_equal(s.ran, "02");
    assert_int_equal(s.canceled, 1);
    run_script(&s, "nH", -1, 5); /* always-steps have their own */
    assert_int_equal(s.last.error.code, ERROR_TIMEOUT);
    run_script(&s, "dn", -1, 5); /* too late, but done after all */
    assert_int_equal(s.last.state, OP_DONE);
}

static void test_cancel_everywhere(void **state)
{
    (void)state;
    struct script s;
    for (int at = 0; at < 30; at++) {
        run_script(&s, "wtwdtwNW", at, 0);
        assert_true(s.last.state == OP_CANCELED || s.last.state == OP_DONE);
        size_t n = strlen(s.ran);
        assert_true(n >= 2 && strcmp(s.ran + n - 2, "67") == 0); /* the always-steps ran, once each, last */
        if (at == 0) {
            assert_string_equal(s.ran, "67");
        }
        assert_int_equal(s.last.canceling || s.last.state == OP_DONE, 1);
    }
    run_script(&s, "hn", 2, 0);
    assert_int_equal(s.last.state, OP_CANCELED);
    assert_int_equal(s.last.steps[0].state, OP_STEP_CANCELED);
    assert_int_equal(s.last.error.code, ERROR_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_straight), cmocka_unit_test(test_first_error_wins),  cmocka_unit_test(test_retries),
        cmocka_unit_test(test_timeout),  cmocka_unit_test(test_cancel_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
