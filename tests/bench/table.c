/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int figures, bounded, floors, goals;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double quantile(double *v, size_t n, double p)
{
    qsort(v, n, sizeof(*v), by_value);
    size_t i = (size_t)(p * (double)(n - 1) + 0.5);

    return v[i];
}

/* What ours is held against: a bound in the figure's own unit; NAN when it is not known here. */
static double limit_of(const struct figure *f, struct bound b)
{
    switch (b.by) {
    case BY_VALUE:
        return b.value;
    case BY_TMUX:
        return f->tmux * b.value;
    case BY_REFERENCE:
        return f->reference * b.value;
    default:
        return NAN;
    }
}

static bool reaches(const struct figure *f, struct bound b)
{
    double limit = limit_of(f, b);

    return !isnan(limit) && !isnan(f->ours) && (f->more_is_better ? f->ours >= limit : f->ours <= limit);
}

/* "0.5 tmux", "0.8 raw", "20". */
static void bound_text(char *out, size_t cap, const struct figure *f, struct bound b)
{
    if (b.by == BY_NONE) {
        snprintf(out, cap, "-");
    } else {
        snprintf(out, cap, "%.4g%s%s", b.value, b.by == BY_VALUE ? "" : " ",
                 b.by == BY_TMUX        ? "tmux"
                 : b.by == BY_REFERENCE ? f->reference_name
                                        : "");
    }
}

/* A number of the table: as many places as it needs. */
static void number_text(char *out, size_t cap, double v)
{
    if (isnan(v)) {
        snprintf(out, cap, "-");
    } else {
        snprintf(out, cap, "%.*f", fabs(v) < 0.1 ? 5 : fabs(v) < 10 ? 3 : 1, v);
    }
}

static void json_number(const char *name, double v)
{
    if (isnan(v)) {
        printf(", \"%s\": null", name);
    } else {
        printf(", \"%s\": %.6g", name, v);
    }
}

void table_begin(void)
{
    fprintf(stderr, "%-38s %9s %9s %7s %9s %-5s %-10s %-10s %-7s %s\n", "figure", "ours", "tmux", "ratio", "ref", "",
            "floor", "goal", "reached", "unit");
    printf("[\n");
}

void table_add(const struct figure *f)
{
    char ours[32], tmux[32], ratio[32], ref[32] = "-", low[48], high[48];
    bool has_bound = f->floor.by != BY_NONE || f->goal.by != BY_NONE;
    bool at_floor = f->floor.by != BY_NONE && reaches(f, f->floor),
         at_goal = f->goal.by != BY_NONE && reaches(f, f->goal);
    const char *reached = !has_bound || isnan(f->ours) ? "-" : at_goal ? "goal" : at_floor ? "floor" : "NO";
    double r = f->tmux > 0 ? f->ours / f->tmux : NAN;

    number_text(ours, sizeof(ours), f->ours);
    number_text(tmux, sizeof(tmux), f->tmux);
    number_text(ratio, sizeof(ratio), r);
    if (f->reference_name != NULL) {
        number_text(ref, sizeof(ref), f->reference);
    }
    bound_text(low, sizeof(low), f, f->floor);
    bound_text(high, sizeof(high), f, f->goal);
    fprintf(stderr, "%-38s %9s %9s %7s %9s %-5s %-10s %-10s %-7s %s\n", f->name, ours, tmux, ratio, ref,
            f->reference_name != NULL ? f->reference_name : "", low, high, reached, f->unit);
    printf("%s  {\"figure\": \"%s\", \"unit\": \"%s\"", figures > 0 ? ",\n" : "", f->name, f->unit);
    json_number("muthr", f->ours);
    json_number("tmux", f->tmux);
    json_number("ratio", r);
    if (f->reference_name != NULL) {
        printf(", \"reference_name\": \"%s\"", f->reference_name);
        json_number("reference", f->reference);
    }
    printf(", \"floor\": \"%s\", \"goal\": \"%s\", \"reached\": \"%s\"}", low, high, reached);
    fflush(stdout);
    figures++;
    bounded += has_bound;
    floors += at_goal || at_floor;
    goals += at_goal;
}

void table_end(void)
{
    printf("\n]\n");
    fprintf(stderr, "%d figures have a floor or a goal: %d reach the floor or better, %d the goal\n", bounded, floors,
            goals);
}
