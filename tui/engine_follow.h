/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_ENGINE_FOLLOW_H
#define MT_TUI_ENGINE_FOLLOW_H

/* `engine logs --follow`: both logs of a local inference server as they grow. */

#include "core/inference/local.h"
#include "tui/verb.h"

/* Prints the last `lines` lines of each log, then what comes, until a signal or a reader that has gone ends it. Needs
 * ctx->loop. Returns the exit code. */
int engine_follow(struct verb_ctx *ctx, const struct local_server *s, size_t lines);

#endif
