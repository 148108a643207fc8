/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SCREENS_WORLD_H
#define MT_TESTS_SCREENS_WORLD_H

/* What the screen tests of the cockpit share: a small world, starting in it, its first shell, and files that tests and
 * programs inside sandboxes tell each other with. */

#include "tests/screens/harness.h"

#define WORLD_READY "backend     bwrap" /* the card of a workspace once the backend was looked at */
#define WORLD_PROMPT "workspace $"

/* The workspaces api, docs and homepage. */
void world_small(struct harness *h);
/* Set-up and tear-down of a test: a harness with them, *state. */
int world_set_up(void **state);
int world_tear_down(void **state);
/* Starts the cockpit; sizes and lists may be 0 and NULL. */
void world_start(struct harness *h, int cols, int rows, const char *const *args, const char *const *env);
/* Leaves from the list, or from a session; everything goes on. */
void world_leave(struct harness *h);
void world_leave_session(struct harness *h);
/* Opens a shell in the selected workspace and waits for its prompt. */
void world_open_shell(struct harness *h);
/* Opens one more shell from inside a session. */
void world_another_shell(struct harness *h);
/* A second terminal with a cockpit in the world of `of`. harness_free it before that. */
struct harness *world_join(struct harness *of, int cols, int rows);
/* A file below HOME: there; there and complete; what it holds. */
void world_wait_file(struct harness *h, const char *relative);
void world_wait_content(struct harness *h, const char *relative, const char *text);
void world_read(struct harness *h, const char *relative, struct strbuf *out);
/* Types a command and waits until it has run, told by the exit status in a file that is taken away. */
void world_run(struct harness *h, const char *command);

#endif
