/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_TASK_LINES_H
#define MT_TERM_TASK_LINES_H

/* Raw output as lines of text, for what is looked for in them: escape sequences are left out, what moves the cursor
 * elsewhere ends a line, as a carriage return does. Bounded: of a line only its beginning is kept. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASK_LINE_MAX 1024

struct task_lines {
    uint8_t state;
    uint32_t skipped; /* bytes of a string (OSC, DCS) so far */
    size_t len;
    char text[TASK_LINE_MAX];
};

/* A line that is not empty, without an end; `text` is not terminated, may be cut within a character, and may hold any
 * bytes above 0x1f. */
typedef void (*task_line_fn)(void *arg, const char *text, size_t len);

void task_lines_init(struct task_lines *l);
void task_lines_feed(struct task_lines *l, const char *data, size_t len, task_line_fn fn, void *arg);

/* The port in the first address of this machine that a line tells: http://localhost:3000, https://127.0.0.1:8443/x,
 * http://[::]:5173, http://0.0.0.0:8000; 80 and 443 where none is said. 0: there is none. */
uint16_t task_lines_port(const char *text, size_t len);

#endif
