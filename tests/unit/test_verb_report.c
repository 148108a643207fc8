/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb says of an op while it waits: each thing once, and how far a long step is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "tui/verb_report.h"

static struct verb_ctx ctx;
static struct op_report report;
static struct op_view op;

static int setup(void **state)
{
    (void)state;
    memset(&ctx, 0, sizeof(ctx));
    memset(&report, 0, sizeof(report));
    memset(&op, 0, sizeof(op));
    ctx.bus = bus_new();
    ctx.model = model_new(ctx.bus);
    report.ctx = &ctx;
    strbuf_init(&report.last);
    op.id = 7;
    op.state = OP_RUNNING;
    op.step_count = 2;
    str_copy(op.plan, sizeof(op.plan), "start");
    str_copy(op.sandbox, sizeof(op.sandbox), "muthr-api");
    str_copy(op.profile, sizeof(op.profile), "p");
    str_copy(op.steps[0].name, sizeof(op.steps[0].name), "image");
    str_copy(op.steps[1].name, sizeof(op.steps[1].name), "provision");
    op.steps[0].percent = op.steps[1].percent = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    strbuf_release(&report.last);
    model_free(ctx.model);
    bus_free(ctx.bus);
    return 0;
}

/* What goes to stderr when the op is as it is now. A running step's ten seconds may be some tenths more on a slow
 * machine. */
static void expect_said(const char *want)
{
    char got[1024];
    FILE *to = tmpfile();
    int kept = dup(2);
    fflush(stderr);
    dup2(fileno(to), 2);
    model_put_op(ctx.model, &op);
    op_report_event(&report, &(struct model_event){.kind = MODEL_OP, .op = op.id});
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    rewind(to);
    size_t n = fread(got, 1, sizeof(got) - 1, to);
    got[n] = '\0';
    fclose(to); // NOLINT(cert-err33-c)
    char *ten = strstr(got, " 10.");
    if (ten) {
        ten[4] = '0';
    }
    assert_string_equal(got, want);
}

static void test_progress(void **state)
{
    (void)state;
    struct op_step_view *st = &op.steps[0];
    st->state = OP_STEP_RUNNING;
    st->started_ms = clock_mono_ms();
    st->percent = 3;
    str_copy(st->text, sizeof(st->text), "layer 1 of 5");
    expect_said(""); /* not at once */
    st->started_ms = clock_mono_ms() - 10000;
    expect_said("  muthr-api: ...      image        10.0 s  3% layer 1 of 5\n");
    st->percent = 4;
    expect_said(""); /* not again so soon */
    report.seen[0].last_ms -= 10000;
    st->percent = -1;
    str_copy(st->text, sizeof(st->text), "storing");
    expect_said("  muthr-api: ...      image        10.0 s  storing\n");
    report.seen[0].last_ms -= 10000;
    expect_said(""); /* nothing new */
    st->state = OP_STEP_DONE;
    st->ended_ms = st->started_ms + 12300;
    expect_said("  muthr-api: ok       image        12.3 s  storing\n");
    expect_said("");
}

static void test_notes(void **state)
{
    (void)state;
    str_copy(op.notice, sizeof(op.notice), "one");
    expect_said("  muthr-api: note: one\n");
    str_copy(op.notice, sizeof(op.notice), "one; two; three");
    expect_said("  muthr-api: note: two; three\n");
    expect_said("");
    str_copy(op.notice, sizeof(op.notice), "other");
    expect_said("  muthr-api: note: other\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notes, setup, teardown),
    };
    setenv("NO_COLOR", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
