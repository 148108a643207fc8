/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/world.h"

/* What idle sessions cost (both sides are watched in the same seconds), and how long it takes until the cockpit has
 * found eight of them again, and tmux its windows. */

#define SESSIONS 8
#define STARTS 9
#define LIMIT_MS 15000
#define IDLE_CMD "exec bash --norc"

/* Starts n sessions on each side, one of them shown. */
static void open_both(struct world *w, struct side *ours, struct side *tmux, int n)
{
    char id[64];

    side_open(ours, w, SIDE_OURS, IDLE_CMD, 120, 36);
    if (w->with_tmux) {
        side_open(tmux, w, SIDE_TMUX, IDLE_CMD, 120, 36);
        outer_until(&tmux->o, "bash", LIMIT_MS);
    }
    for (int i = 1; i < n; i++) {
        world_session(w, id, sizeof(id), IDLE_CMD);
        if (w->with_tmux) {
            world_window(w, IDLE_CMD);
        }
    }
}

/* Reads both outer terminals for so long. */
static void watch(const struct world *w, struct side *ours, struct side *tmux, double seconds)
{
    double end = now_ms() + seconds * 1000;

    while (now_ms() < end) {
        outer_read(&ours->o, 100);
        outer_forget(&ours->o);
        if (w->with_tmux) {
            outer_read(&tmux->o, 100);
            outer_forget(&tmux->o);
        }
    }
}

static void measure(struct world *w, int n)
{
    static struct side ours, tmux;
    struct usage m, t = {0};
    char name[64];

    open_both(w, &ours, &tmux, n);
    watch(w, &ours, &tmux, 5); /* "working" falls back to idle within 2 s */
    side_find_procs(&ours);
    m = proc_set_usage(&ours.procs, false);
    if (w->with_tmux) {
        side_find_procs(&tmux);
        t = proc_set_usage(&tmux.procs, false);
    }
    watch(w, &ours, &tmux, w->idle_s);
    m = usage_minus(proc_set_usage(&ours.procs, false), m);
    if (w->with_tmux) {
        t = usage_minus(proc_set_usage(&tmux.procs, false), t);
    }
    double scale = 20 / w->idle_s;
    snprintf(name, sizeof(name), "wake-ups in 20 s, %d idle session%s", n, n > 1 ? "s" : "");
    table_add(&(struct figure){.name = name,
                               .unit = "all processes",
                               .ours = m.wakeups * scale,
                               .tmux = w->with_tmux ? t.wakeups * scale : (double)NAN,
                               .floor = {BY_VALUE, 10},
                               .goal = {BY_VALUE, 0}});
    snprintf(name, sizeof(name), "cpu in 20 s, %d idle session%s", n, n > 1 ? "s" : "");
    table_add(&(struct figure){
        .name = name, .unit = "ms", .ours = m.cpu_ms * scale, .tmux = w->with_tmux ? t.cpu_ms * scale : (double)NAN});
    side_close(&ours);
    if (w->with_tmux) {
        side_close(&tmux);
    }
    world_renew(w);
}

void part_idle(struct world *w)
{
    measure(w, 1);
    measure(w, SESSIONS);
}

/* One start, until the last of the sessions is on the screen. */
static double start_once(const char *const *argv, const char *last)
{
    static struct outer o;
    double t0 = now_ms();

    outer_start(&o, argv);
    double ms = outer_until(&o, last, LIMIT_MS) - t0;
    outer_settle(&o, 100);
    outer_end(&o);
    return ms;
}

void part_start(struct world *w)
{
    static struct side tmux;
    const char *cockpit[] = {w->muthr, NULL}, *attach[] = {"tmux", "-S", w->tmux_sock, "attach", NULL};
    const char *version[] = {w->muthr, "--version", NULL}, *tmux_version[] = {"tmux", "-V", NULL};
    double v[4][STARTS];
    char id[64], command[64];

    for (int i = 1; i <= SESSIONS; i++) {
        snprintf(command, sizeof(command), "printf 'SHOWN-%d'; exec cat", i);
        world_session(w, id, sizeof(id), command);
        if (w->with_tmux && i > 1) {
            world_window(w, command);
        } else if (w->with_tmux) {
            side_open(&tmux, w, SIDE_TMUX, command, 120, 36);
            outer_until(&tmux.o, "SHOWN-1", LIMIT_MS);
        }
    }
    if (w->with_tmux) {
        side_close(&tmux);
    }
    for (int i = 0; i < STARTS; i++) {
        v[0][i] = start_once(cockpit, "SHOWN-8");
        double t0 = now_ms();
        run_line(NULL, 0, version);
        v[2][i] = now_ms() - t0;
        if (w->with_tmux) {
            v[1][i] = start_once(attach, "SHOWN-1");
            t0 = now_ms();
            run_line(NULL, 0, tmux_version);
            v[3][i] = now_ms() - t0;
        }
    }
    table_add(&(struct figure){.name = "start to first full frame, 8 sessions",
                               .unit = "ms",
                               .ours = quantile(v[0], STARTS, 0.5),
                               .tmux = w->with_tmux ? quantile(v[1], STARTS, 0.5) : (double)NAN,
                               .floor = {BY_TMUX, 2},
                               .goal = {BY_TMUX, 1}});
    table_add(&(struct figure){.name = "a command that says its version",
                               .unit = "ms",
                               .ours = quantile(v[2], STARTS, 0.5),
                               .tmux = w->with_tmux ? quantile(v[3], STARTS, 0.5) : (double)NAN});
    world_renew(w);
}
