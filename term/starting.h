/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_STARTING_H
#define MT_TERM_STARTING_H

/* One new host on its way: `executable host` runs, answers, and then the session is to appear. term/client keeps the
 * list. */

#include <stdbool.h>

#include "core/io/loop.h"
#include "core/model/session.h"
#include "core/util/error.h"

struct session_start;
struct starting;

/* The host's word: err NULL means that it serves. Exactly once, never inside starting_new. */
typedef void (*starting_answer_fn)(void *arg, struct starting *st, const struct error *err);
typedef void (*starting_done_fn)(void *arg, const char *id, const struct error *err);

/* Runs the executable. `done(done_arg)` is only kept, for starting_finish. */
int starting_new(struct starting **out, struct loop *loop, const struct session_start *start, const char *id,
                 const char *dir, starting_answer_fn answer, void *arg, starting_done_fn done, void *done_arg,
                 struct error *err);
const char *starting_id(const struct starting *st);
/* The host answered that it serves. */
bool starting_is_answered(const struct starting *st);
/* Calls done and frees; a process that still runs is ended. */
void starting_finish(struct starting *st, const struct error *err);

#endif
