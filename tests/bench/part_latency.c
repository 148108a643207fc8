/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/world.h"

/* From a key to its echo on the outer terminal: idle, while a hidden session floods, and while one floods in the pane
 * beside. And from Ctrl-C to the prompt in the session that floods. Beside a flood both sides take turns of KEYS keys,
 * each turn from a fresh start: what else the machine does and how the scheduler happens to place a flood is another
 * from one start to the next, and by far the largest part of the difference between two runs. */

#define KEYS 80
#define TURNS 5
#define ALL (KEYS * TURNS)
#define BREAKS 11
#define LIMIT_MS 15000
#define CALM_MS 1500 /* until what a start brings with it, on either side, is over */

#define ECHO_CMD "stty raw -echo; printf 'READY-NOW'; exec cat"
#define FLOOD_CMD "stty -echo; exec seq 100000000000 999999999999" /* every line is another one: all is drawn */

struct latency {
    double p50, p95;
};

/* Reads away what comes for so long: beside a flood it is never quiet. */
static void read_for(struct outer *o, double ms)
{
    for (double end = now_ms() + ms; now_ms() < end;) {
        outer_read(o, 10);
        outer_forget(o);
    }
}

/* Types the i-th key, which no escape sequence contains; the ms until it is echoed. */
static double type_key(struct outer *o, size_t i)
{
    static const char marks[] = "~#&@+"; /* neither of these nor of the cockpit's own figures */
    char text[2] = {marks[i % (sizeof(marks) - 1)], '\0'};

    outer_forget(o);
    double t0 = now_ms();
    outer_type(o, text);
    double ms = outer_until(o, text, 5000) - t0;
    usleep((useconds_t)(3000 + i * 7919 % 5000));
    outer_read(o, 0);
    return ms;
}

/* Of the turns' own quantiles the median: a moment in which the machine is taken away spoils its turn, not the whole.
 */
static struct latency latency_of(double v[ALL])
{
    double p50[TURNS], p95[TURNS];

    for (size_t t = 0; t < TURNS; t++) {
        p50[t] = quantile(v + t * KEYS, KEYS, 0.5);
        p95[t] = quantile(v + t * KEYS, KEYS, 0.95);
    }
    return (struct latency){quantile(p50, TURNS, 0.5), quantile(p95, TURNS, 0.5)};
}

/* A turn: types keys, each after the last was echoed. */
static void type_keys(struct outer *o, double v[KEYS])
{
    read_for(o, CALM_MS);
    for (size_t i = 0; i < KEYS; i++) {
        v[i] = type_key(o, i);
    }
}

/* The flood in a pane beside the session that is shown, which keeps the keys. */
static void flood_beside(struct side *s)
{
    char id[64];

    if (s->kind == SIDE_OURS) {
        world_session(s->w, id, sizeof(id), FLOOD_CMD);
        outer_until(&s->o, "seq", LIMIT_MS); /* the list has it */
        outer_type(&s->o, "\035|");          /* the prefix, and split: the workspace's next session */
        read_for(&s->o, 500);
        outer_type(&s->o, "\035\033[D");
    } else {
        const char *split[] = {"tmux", "-S", s->w->tmux_sock, "split-window", "-h", "-d", FLOOD_CMD, NULL};

        if (run_line(NULL, 0, split) != 0) {
            die("bench: tmux does not split");
        }
    }
    read_for(&s->o, 500);
    uint64_t before = s->o.total;
    read_for(&s->o, 500);
    if (s->o.total - before < 2000) {
        die("bench: the flood beside is not drawn: %llu bytes came", (unsigned long long)(s->o.total - before));
    }
}

/* Both sides in turns, a key each: whatever else the machine does, it does it to both. */
static void measure_idle(struct world *w, struct latency *ours, struct latency *tmux)
{
    static struct side side[SIDES];
    double v[SIDES][ALL];
    int first = w->with_tmux ? SIDE_TMUX : SIDE_OURS;

    for (int k = first; k <= SIDE_OURS; k++) {
        side_open(&side[k], w, (enum side_kind)k, ECHO_CMD, 120, 36);
        outer_until(&side[k].o, "READY-NOW", LIMIT_MS);
    }
    for (int k = first; k <= SIDE_OURS; k++) {
        read_for(&side[k].o, 400);
    }
    for (size_t i = 0; i < ALL; i++) {
        for (int k = first; k <= SIDE_OURS; k++) {
            v[k][i] = type_key(&side[k].o, i);
        }
    }
    *ours = latency_of(v[SIDE_OURS]);
    if (w->with_tmux) {
        *tmux = latency_of(v[SIDE_TMUX]);
    }
    for (int k = first; k <= SIDE_OURS; k++) {
        side_close(&side[k]);
    }
    world_renew(w);
}

/* A turn of one side beside a hidden flood. */
static void turn_hidden(struct world *w, enum side_kind kind, double v[KEYS])
{
    static struct side s;
    char id[64];

    side_open(&s, w, kind, ECHO_CMD, 120, 36);
    outer_until(&s.o, "READY-NOW", LIMIT_MS);
    if (kind == SIDE_OURS) {
        world_session(w, id, sizeof(id), FLOOD_CMD);
    } else {
        world_window(w, FLOOD_CMD);
    }
    type_keys(&s.o, v);
    side_close(&s);
    world_renew(w);
}

/* And beside one in sight. */
static void turn_visible(struct world *w, enum side_kind kind, double v[KEYS])
{
    static struct side s;

    side_open(&s, w, kind, ECHO_CMD, 160, 36);
    outer_until(&s.o, "READY-NOW", LIMIT_MS);
    flood_beside(&s);
    type_keys(&s.o, v);
    side_close(&s);
    world_renew(w);
}

static void measure_floods(struct world *w, struct latency ours[2], struct latency tmux[2])
{
    double v[2][SIDES][ALL];

    for (size_t t = 0; t < TURNS; t++) {
        for (int k = w->with_tmux ? SIDE_TMUX : SIDE_OURS; k <= SIDE_OURS; k++) {
            turn_hidden(w, (enum side_kind)k, v[0][k] + t * KEYS);
            turn_visible(w, (enum side_kind)k, v[1][k] + t * KEYS);
        }
    }
    for (int i = 0; i < 2; i++) {
        ours[i] = latency_of(v[i][SIDE_OURS]);
        if (w->with_tmux) {
            tmux[i] = latency_of(v[i][SIDE_TMUX]);
        }
    }
}

static void report(const char *name, double ours, double tmux, double floor, double goal)
{
    table_add(&(struct figure){.name = name,
                               .unit = "ms",
                               .ours = ours,
                               .tmux = tmux,
                               .floor = {floor > 0 ? BY_TMUX : BY_NONE, floor},
                               .goal = {goal > 0 ? BY_TMUX : BY_NONE, goal}});
}

void part_latency(struct world *w)
{
    struct latency m[3], t[3] = {{NAN, NAN}, {NAN, NAN}, {NAN, NAN}};

    measure_idle(w, &m[0], &t[0]);
    measure_floods(w, m + 1, t + 1);
    report("key to echo, idle, p50", m[0].p50, t[0].p50, 1.0, 0.7);
    report("key to echo, idle, p95", m[0].p95, t[0].p95, 0, 0);
    report("key to echo, hidden flood, p50", m[1].p50, t[1].p50, 0, 0);
    report("key to echo, hidden flood, p95", m[1].p95, t[1].p95, 0.5, 0.15);
    report("key to echo, visible flood, p50", m[2].p50, t[2].p50, 0, 0);
    report("key to echo, visible flood, p95", m[2].p95, t[2].p95, 0.5, 0.15);
}

/* `yes` runs and is broken off; the prompt has a number, so that each is a new one. */
static double break_off(struct side *s, int n)
{
    char prompt[32];

    outer_type(&s->o, "yes\n");
    read_for(&s->o, 400);
    snprintf(prompt, sizeof(prompt), "@%d@", n);
    double t0 = now_ms();
    outer_type(&s->o, "\003");
    double ms = outer_until(&s->o, prompt, 30000) - t0;
    outer_settle(&s->o, 100);
    return ms;
}

void part_ctrl_c(struct world *w)
{
    static struct side side[SIDES];
    double v[SIDES][BREAKS];
    int first = w->with_tmux ? SIDE_TMUX : SIDE_OURS;

    for (int k = first; k <= SIDE_OURS; k++) {
        side_open(&side[k], w, (enum side_kind)k, "PS1='@\\#@ ' exec bash --norc --noprofile", 80, 24);
        outer_until(&side[k].o, "@1@", LIMIT_MS);
    }
    for (int i = 0; i < BREAKS; i++) {
        for (int k = first; k <= SIDE_OURS; k++) {
            v[k][i] = break_off(&side[k], i + 2);
        }
    }
    double ours = quantile(v[SIDE_OURS], BREAKS, 0.5), tmux = NAN;
    if (w->with_tmux) {
        tmux = quantile(v[SIDE_TMUX], BREAKS, 0.5);
    }
    table_add(&(struct figure){.name = "Ctrl-C to prompt in a flood, p50",
                               .unit = "ms",
                               .ours = ours,
                               .tmux = tmux,
                               .floor = {BY_VALUE, 20},
                               .goal = {BY_TMUX, 1}});
    for (int k = first; k <= SIDE_OURS; k++) {
        side_close(&side[k]);
    }
    world_renew(w);
}
