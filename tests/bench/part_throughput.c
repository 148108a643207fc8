/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/workload.h"
#include "tests/bench/world.h"

/* MB/s of the workloads end to end: a program writes a file to its terminal, and it counts until the program has ended
 * and what it wrote last is on the outer terminal, which is read as fast as can be. CPU time of both sides' own
 * processes in the same runs, and what went out. The sides take turns within each round; tmux gets a shorter file. */

#define ROUNDS 5
#define FILE_BYTES (12u << 20)
#define TMUX_BYTES (4u << 20) /* much slower: a third tells as much, and a last frame late is nothing to it */
#define KINDS_LARGE 2         /* ascii and scroll, at 200x50, too */

struct samples {
    double speed[SIDES][WORKLOADS][ROUNDS];
    double cpu[SIDES][WORKLOADS][ROUNDS]; /* ms a MB */
    double out[SIDES][WORKLOADS][ROUNDS]; /* outer bytes a pane byte */
};

/* Writes a workload; its MB. */
static double write_file(const char *name, int load, size_t bytes)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;

    workload_make(load, &data, bytes, "\n");
    FILE *f = fopen(name, "w");
    if (f == NULL || fwrite(data.buf, 1, data.len, f) != data.len || fclose(f) != 0) {
        die("bench: cannot write %s", name);
    }
    return (double)data.len / 1e6;
}

static void run_once(struct side *s, const char *file, double mb, struct samples *v, int load, int round)
{
    uint64_t before = s->o.total;
    struct usage a = proc_set_usage(&s->procs, false);
    double ms = side_cat(s, file);
    struct usage u = usage_minus(proc_set_usage(&s->procs, false), a);

    v->speed[s->kind][load][round] = mb / ms * 1e3;
    v->cpu[s->kind][load][round] = u.cpu_ms / mb;
    v->out[s->kind][load][round] = (double)(s->o.total - before) / mb / 1e6;
}

/* All sides, all workloads but the last ones, all rounds. */
static void measure(struct world *w, struct samples *v, int cols, int rows, int loads)
{
    static struct side side[SIDES];
    for (int k = 0; k < SIDES; k++) {
        if (k != SIDE_TMUX || w->with_tmux) {
            side_open_driver(&side[k], w, (enum side_kind)k, cols, rows);
        }
    }
    for (int load = 0; load < loads; load++) {
        double mb = write_file("load", load, FILE_BYTES), mb_tmux = write_file("load-tmux", load, TMUX_BYTES);
        for (int round = -1; round < ROUNDS; round++) { /* the first warms up and is overwritten */
            for (int k = 0; k < SIDES; k++) {
                if (k != SIDE_TMUX || w->with_tmux) {
                    bool less = k == SIDE_TMUX;
                    run_once(&side[k], less ? "load-tmux" : "load", less ? mb_tmux : mb, v, load,
                             round < 0 ? 0 : round);
                }
            }
        }
    }
    for (int k = 0; k < SIDES; k++) {
        if (k != SIDE_TMUX || w->with_tmux) {
            side_close_driver(&side[k]);
        }
    }
}

static double median(double *v)
{
    return quantile(v, ROUNDS, 0.5);
}

/* Without tmux its zeros are no measurement. */
static double median_tmux(const struct world *w, double *v)
{
    return w->with_tmux ? median(v) : (double)NAN;
}

/* A line of the table for each of the first workloads, like `like` but for what was measured; `floors` and `goals` may
 * be NULL: as it has them. */
static void report(const struct world *w, double v[SIDES][WORKLOADS][ROUNDS], int loads, const struct figure *like,
                   const double *floors, const double *goals)
{
    char name[64];

    for (int i = 0; i < loads; i++) {
        struct figure f = *like;
        snprintf(name, sizeof(name), "%s, %s", like->name, workload_name(i));
        f.name = name;
        f.ours = median(v[SIDE_OURS][i]);
        f.tmux = median_tmux(w, v[SIDE_TMUX][i]);
        f.reference = f.reference_name != NULL ? median(v[SIDE_RAW][i]) : 0;
        f.floor.value = floors != NULL ? floors[i] : f.floor.value;
        f.goal.value = goals != NULL ? goals[i] : f.goal.value;
        table_add(&f);
    }
}

static void report_small(const struct world *w, struct samples *v)
{
    static const double floors[WORKLOADS] = {1.1, 1.0, 4, 4, 3, 1.3};
    static const struct figure speed = {.name = "throughput 80x24",
                                        .unit = "MB/s",
                                        .reference_name = "raw",
                                        .more_is_better = true,
                                        .floor = {BY_TMUX, 0},
                                        .goal = {BY_REFERENCE, 0.8}};
    static const struct figure cpu = {
        .name = "cpu a MB", .unit = "ms, all processes of the side", .floor = {BY_TMUX, 1.0}, .goal = {BY_TMUX, 0.5}};
    static const struct figure out = {
        .name = "outer bytes a pane byte", .unit = "bytes", .floor = {BY_TMUX, 1.0}, .goal = {BY_TMUX, 0.1}};

    report(w, v->speed, WORKLOADS, &speed, floors, NULL);
    report(w, v->cpu, WORKLOADS, &cpu, NULL, NULL);
    report(w, v->out, WORKLOADS, &out, NULL, NULL);
}

static void report_large(const struct world *w, struct samples *v)
{
    static const double floors[KINDS_LARGE] = {1.1, 1.0}, goals[KINDS_LARGE] = {2, 1.5};
    static const struct figure speed = {.name = "throughput 200x50",
                                        .unit = "MB/s",
                                        .reference_name = "raw",
                                        .more_is_better = true,
                                        .floor = {BY_TMUX, 0},
                                        .goal = {BY_TMUX, 0}};

    report(w, v->speed, KINDS_LARGE, &speed, floors, goals);
}

void part_throughput(struct world *w)
{
    static struct samples small, large;

    measure(w, &small, 80, 24, WORKLOADS);
    report_small(w, &small);
    measure(w, &large, 200, 50, KINDS_LARGE);
    report_large(w, &large);
}
