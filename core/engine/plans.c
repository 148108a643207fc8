/* SPDX-License-Identifier: Apache-2.0 */
/* The lifecycle as tables (style.md rule 27): order, tries and time limits are here, and nowhere else. */
#include "core/engine/engine_private.h"

#define MINUTES(n) ((uint64_t)(n)*60000)
#define SECONDS(n) ((uint64_t)(n)*1000)

/* Bring the sandbox to "running with the current configuration" from any state; restart and provision differ in what
 * step_plan decides. */
static const struct step ENSURE[] = {
    {.name = "lock", .enter = step_lock, .cancel = step_lock_cancel},
    {.name = "inspect",
     .minor = true,
     .enter = step_inspect,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "plan", .minor = true, .enter = step_plan},
    {.name = "turn", .minor = true, .enter = step_turn, .cancel = step_turn_cancel, .skip = skip_turn},
    {.name = "stop",
     .enter = step_stop,
     .cancel = run_cancel_call,
     .skip = skip_stop,
     .timeout_ms = MINUTES(62)}, /* the backend keeps to stop_timeout, at most an hour */
    {.name = "sessions", .minor = true, .enter = step_ended, .cancel = step_sessions_cancel, .skip = skip_ended},
    {.name = "remove",
     .enter = step_remove,
     .cancel = run_cancel_call,
     .skip = skip_remove,
     .tries = 2,
     .backoff_ms = 500,
     .timeout_ms = MINUTES(5)},
    {.name = "create",
     .enter = step_create,
     .cancel = run_cancel_call,
     .skip = skip_create,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = MINUTES(5)},
    {.name = "start",
     .enter = step_start,
     .cancel = run_cancel_call,
     .skip = skip_start,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = MINUTES(2)},
    {.name = "check",
     .minor = true,
     .enter = step_check,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "baseline", .enter = step_baseline, .skip = skip_baseline},
    {.name = "model",
     .minor = true,
     .enter = step_model,
     .cancel = step_model_cancel,
     .skip = skip_copy,
     .timeout_ms = SECONDS(5)},
    {.name = "copy",
     .enter = step_copy,
     .cancel = run_cancel_call,
     .skip = skip_copy,
     .tries = 2,
     .backoff_ms = 200,
     .timeout_ms = MINUTES(1)},
    {.name = "provision",
     .enter = step_provision,
     .cancel = step_provision_cancel,
     .skip = skip_provision,
     .timeout_ms = MINUTES(30)},
    {.name = "seal",
     .enter = step_seal,
     .cancel = run_cancel_call,
     .skip = skip_seal,
     .tries = 2,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30),
     .always = true},
    {.name = "sealed",
     .minor = true,
     .enter = step_sealed,
     .cancel = run_cancel_call,
     .skip = skip_seal,
     .tries = 2,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30),
     .always = true},
    {.name = "record", .minor = true, .enter = step_record},
    {.name = "undo",
     .minor = true,
     .enter = step_undo,
     .cancel = run_cancel_call,
     .skip = skip_undo,
     .timeout_ms = MINUTES(1),
     .always = true},
    {.name = "unlock", .minor = true, .enter = step_unlock, .always = true},
    {.name = NULL},
};

static const struct step STOP[] = {
    {.name = "lock", .enter = step_lock, .cancel = step_lock_cancel},
    {.name = "inspect",
     .minor = true,
     .enter = step_inspect,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "turn", .minor = true, .enter = step_turn, .cancel = step_turn_cancel, .skip = skip_stop_stopped},
    {.name = "stop",
     .enter = step_stop,
     .cancel = run_cancel_call,
     .skip = skip_stop_stopped,
     .timeout_ms = MINUTES(62)},
    {.name = "sessions", .minor = true, .enter = step_ended, .cancel = step_sessions_cancel, .skip = skip_ended},
    {.name = "check",
     .minor = true,
     .enter = step_check,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "unlock", .minor = true, .enter = step_unlock, .always = true},
    {.name = NULL},
};

static const struct step DELETE[] = {
    {.name = "undo", .enter = step_window, .cancel = step_window_cancel, .skip = skip_window},
    {.name = "lock", .enter = step_lock, .cancel = step_lock_cancel},
    {.name = "look",
     .minor = true,
     .enter = step_look,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "turn", .minor = true, .enter = step_turn, .cancel = step_turn_cancel},
    {.name = "delete",
     .enter = step_delete,
     .cancel = run_cancel_call,
     .tries = 2,
     .backoff_ms = 500,
     .timeout_ms = MINUTES(62)},
    {.name = "sessions", .minor = true, .enter = step_sessions, .cancel = step_sessions_cancel},
    {.name = "forget", .minor = true, .enter = step_forget},
    {.name = "check",
     .minor = true,
     .enter = step_check,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "unlock", .minor = true, .enter = step_unlock, .always = true},
    {.name = NULL},
};

/* Apply and discard: what is decided on must not change meanwhile, so nothing runs inside. */
static const struct step CHANGES[] = {
    {.name = "lock", .enter = step_lock, .cancel = step_lock_cancel},
    {.name = "look",
     .minor = true,
     .enter = step_look,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "turn", .minor = true, .enter = step_turn, .cancel = step_turn_cancel, .skip = skip_stop_stopped},
    {.name = "stop",
     .enter = step_stop,
     .cancel = run_cancel_call,
     .skip = skip_stop_stopped,
     .timeout_ms = MINUTES(62)},
    {.name = "sessions", .minor = true, .enter = step_ended, .cancel = step_sessions_cancel, .skip = skip_ended},
    {.name = "changes", .enter = step_changes, .cancel = run_cancel_call, .timeout_ms = MINUTES(60)},
    {.name = "check",
     .minor = true,
     .enter = step_check,
     .cancel = run_cancel_call,
     .tries = 3,
     .backoff_ms = 200,
     .timeout_ms = SECONDS(30)},
    {.name = "unlock", .minor = true, .enter = step_unlock, .always = true},
    {.name = NULL},
};

const struct step *plan_steps(enum engine_plan plan)
{
    switch (plan) {
    case ENGINE_APPLY:
    case ENGINE_DISCARD:
        return CHANGES;
    case ENGINE_STOP:
        return STOP;
    case ENGINE_DELETE:
        return DELETE;
    case ENGINE_START:
    case ENGINE_RESTART:
    case ENGINE_PROVISION:
    case ENGINE_BAKE:
        break;
    }
    return ENSURE;
}
