/* SPDX-License-Identifier: Apache-2.0 */
/* Does the host answer? Looked at once something was asked of it, and until it has said anything: a host that is
 * stopped or hangs keeps its socket open. Keys need no answer, so it is asked for one before it is said to give none.
 */
#include "core/util/clock.h"
#include "term/remote_priv.h"

#define ASK_AFTER_MS 2000    /* what was asked brings something by then, as a rule */
#define SILENT_AFTER_MS 3000 /* after it was asked for a word: no machine is that busy for long */

/* sessions_history_fn: that it came is enough. */
static void on_word(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    (void)arg;
    (void)first;
    (void)rows;
    (void)err;
}

/* The owner hears of it as of any other fact. */
static void tell(struct remote *r, uint64_t since_ms)
{
    r->info.silent_since_ms = since_ms;
    if (r->ready && r->announced) {
        r->ev.on_meta(r->arg, r);
    }
}

void remote_on_answer_due(void *arg)
{
    struct remote *r = arg;

    if (r->answer.heard) {
        if (r->info.silent_since_ms != 0) {
            tell(r, 0);
        }
    } else if (!r->answer.pinged) {
        r->answer.pinged = true;
        remote_history(r, UINT64_MAX / 2, 0, 1, on_word, NULL); /* no line of it: every host knows that question */
        timer_start(r->answer.timer, SILENT_AFTER_MS);
    } else if (r->info.silent_since_ms == 0) {
        tell(r, r->answer.asked_ms);
    }
}

void remote_asked(struct remote *r)
{
    bool waits = timer_is_active(r->answer.timer);

    if (r->info.silent_since_ms != 0 || (waits && !r->answer.heard)) {
        return;
    }
    r->answer.heard = r->answer.pinged = false;
    r->answer.asked_ms = clock_wall_ms();
    if (!waits) { /* else a little sooner: a timer is not set anew for each key */
        timer_start(r->answer.timer, ASK_AFTER_MS);
    }
}

void remote_heard(struct remote *r)
{
    r->answer.heard = true;
    if (r->info.silent_since_ms != 0 && !timer_is_active(r->answer.timer)) {
        timer_start(r->answer.timer, 0); /* not now: what came is dealt with first */
    }
}
