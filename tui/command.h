/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COMMAND_H
#define MT_TUI_COMMAND_H

/* ONE table of everything the cockpit can do (commands.c): bottom key line, help overlay, palette, keymap file and
 * README key list derive from it. */

#include <stdbool.h>
#include <stddef.h>

struct app;

/* Where a command means something (bits). */
enum command_context {
    CONTEXT_LIST = 1 << 0,
    CONTEXT_SESSION = 1 << 1 /* after the prefix */,
    CONTEXT_COPY = 1 << 2,
    CONTEXT_PROVISION = 1 << 3,
    CONTEXT_DIALOG = 1 << 4,
    CONTEXT_TASKS = 1 << 5, /* the panel below the list */
    CONTEXT_ANY = 0xff,
};
const char *
command_context_name(enum command_context c); /* "list", "session", "copy", "provision", "dialog", "tasks" */
int command_context_parse(const char *name);  /* -1 */

struct command {
    const char *name;  /* "sandbox.stop": used in key files */
    const char *label; /* "stop": bottom line */
    const char *help;  /* "Stop the sandbox; sessions inside end" */
    unsigned contexts;
    int rank; /* order in the bottom line; 0: not shown there */
    void (*run)(struct app *app);
    /* NULL: always possible. Else: false and why (static text or into buf) when it cannot be done for what is selected
     * now. */
    bool (*enabled)(const struct app *app, char *why, size_t cap);
};
extern const struct command command_table[];
extern const size_t command_count;
const struct command *command_find(const char *name);

#endif
