/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COMMAND_CAN_H
#define MT_TUI_COMMAND_CAN_H

/* When a command can be done for what is selected now: false, and why in `why`. For the command table only. */

#include <stdbool.h>
#include <stddef.h>

struct app;

bool command_can_workspace(const struct app *app, char *why, size_t cap);
/* And nothing stands in the way of working on it: it is no project's below another root. */
bool command_can_work(const struct app *app, char *why, size_t cap);
bool command_can_start(const struct app *app, char *why, size_t cap);
bool command_can_stop(const struct app *app, char *why, size_t cap);
bool command_can_clip(const struct app *app, char *why, size_t cap);
bool command_can_restart(const struct app *app, char *why, size_t cap);
bool command_can_backend(const struct app *app, char *why, size_t cap);
bool command_can_delete(const struct app *app, char *why, size_t cap);
bool command_can_cancel(const struct app *app, char *why, size_t cap);
bool command_can_address(const struct app *app, char *why, size_t cap);
bool command_can_changes(const struct app *app, char *why, size_t cap);
bool command_can_undo(const struct app *app, char *why, size_t cap);
bool command_can_task(const struct app *app, char *why, size_t cap);
bool command_can_stop_task(const struct app *app, char *why, size_t cap);
bool command_can_dismiss_task(const struct app *app, char *why, size_t cap);
bool command_can_session(const struct app *app, char *why, size_t cap);
bool command_can_choose(const struct app *app, char *why, size_t cap);
bool command_can_interrupt(const struct app *app, char *why, size_t cap);
bool command_can_reset(const struct app *app, char *why, size_t cap);
bool command_can_dismiss(const struct app *app, char *why, size_t cap);
bool command_can_zoom(const struct app *app, char *why, size_t cap);
bool command_can_retry(const struct app *app, char *why, size_t cap);
bool command_can_shell(const struct app *app, char *why, size_t cap);
bool command_can_attend(const struct app *app, char *why, size_t cap);

#endif
