/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_OUTER_H
#define MT_TESTS_BENCH_OUTER_H

/* A program on a terminal of ours, for measurements: started, typed at, read until a text is there. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Milliseconds, monotonic. */
double now_ms(void);
/* Ends the measurement with a word. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

struct outer {
    int fd;
    pid_t pid;
    uint64_t total;     /* bytes that came so far */
    double bytes_per_s; /* reads no faster than this; 0 = as fast as they come */
    double slow_ms;     /* when the slow reader may read again */
    char seen[1 << 17]; /* the last bytes, for finding texts across reads */
    size_t len;
};

/* Starts argv at 120x36. */
void outer_start(struct outer *o, const char *const *argv);
/* The same with a size. */
void outer_start_sized(struct outer *o, const char *const *argv, int cols, int rows);
void outer_resize(struct outer *o, int cols, int rows);
/* Types; a fatal end when the terminal does not take it. */
void outer_type(struct outer *o, const char *text);
/* Reads what there is within `wait_ms`. False at the end. */
bool outer_read(struct outer *o, int wait_ms);
/* Is the text among the bytes seen since the last outer_forget? */
bool outer_has(const struct outer *o, const char *text);
void outer_forget(struct outer *o);
/* Waits for `text` after what was seen before; the time when it came, or a fatal end after limit_ms. */
double outer_until(struct outer *o, const char *text, double limit_ms);
/* Reads on until nothing came for quiet_ms; 20 s at most. */
void outer_settle(struct outer *o, double quiet_ms);
/* Hangs up and reaps. */
void outer_end(struct outer *o);

#endif
