/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_TABLE_H
#define MT_TESTS_BENCH_TABLE_H

/* Figures, as a table on stderr and as a JSON list on stdout. A figure may have a floor and a goal: an absolute value,
 * or a multiple of tmux's, or of a reference (the raw pty, the bare library) in the same run. */

#include <stdbool.h>
#include <stddef.h>

enum figure_by { BY_NONE, BY_VALUE, BY_TMUX, BY_REFERENCE };

struct bound {
    enum figure_by by;
    double value;
};

struct figure {
    const char *name, *unit;
    double ours, tmux; /* NAN: not measured */
    double reference;  /* used when reference_name is there */
    const char *reference_name;
    bool more_is_better;
    struct bound floor, goal;
};

/* The p-quantile of n samples; sorts them. */
double quantile(double *v, size_t n, double p);

void table_begin(void);
void table_add(const struct figure *f);
/* Ends the JSON, and says on stderr how many bounds were reached. */
void table_end(void);

#endif
