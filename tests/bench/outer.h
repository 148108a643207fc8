/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_OUTER_H
#define MT_TESTS_BENCH_OUTER_H

/* A program on a terminal of ours, for measurements: started, typed at, read until a text is there. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Milliseconds, monotonic. */
double now_ms(void);
/* Ends the measurement with a word. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

struct outer {
    int fd;
    pid_t pid;
    char seen[1 << 16]; /* the last bytes, for finding texts across reads */
    size_t len;
};

/* Starts argv at 120x36. */
void outer_start(struct outer *o, const char *const *argv);
/* Reads what there is within `wait_ms`. False at the end. */
bool outer_read(struct outer *o, int wait_ms);
/* Waits for `text` after what was seen before; the time when it came, or a fatal end after limit_ms. */
double outer_until(struct outer *o, const char *text, double limit_ms);
/* Reads on until nothing came for quiet_ms. */
void outer_settle(struct outer *o, double quiet_ms);

#endif
