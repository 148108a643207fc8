/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the terminal as the issue about it asks: throughput, CPU, latency, idle cost, start, memory, slow outer
 * terminals; next to tmux, the raw pty and the bare library in the same run. A table on stderr (figure, ours, tmux,
 * ratio, floor, goal, reached?), a JSON list on stdout. Figures are to be compared within a run. Where tmux is missing
 * its columns say so: "-", null in JSON. Linux only (/proc).
 *
 *   bench_terminal MUTHR-TUI [--only PART]... [--idle SECONDS]
 *
 * Works in a temporary HOME with a workspace root of its own; ends what it started. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/world.h"

static struct world world;
static pid_t self;

static const struct {
    const char *name;
    void (*run)(struct world *w);
} PARTS[] = {
    {"throughput", part_throughput}, {"latency", part_latency}, {"ctrl-c", part_ctrl_c}, {"idle", part_idle},
    {"start", part_start},           {"memory", part_memory},   {"slow", part_slow},
};
#define PART_COUNT (sizeof(PARTS) / sizeof(PARTS[0]))

/* Children that a measurement forks leave the world alone. */
static void clean_up(void)
{
    if (getpid() == self) {
        world_close(&world);
    }
}

static void on_signal(int signum)
{
    (void)signum;
    exit(130); // NOLINT(cert-sig30-c,bugprone-signal-handler): the folder and its processes must go
}

static void usage(void)
{
    fputs("usage: bench_terminal MUTHR-TUI [--only PART]... [--idle SECONDS]\nparts: terminal", stderr);
    for (size_t i = 0; i < PART_COUNT; i++) {
        fprintf(stderr, " %s", PARTS[i].name);
    }
    fputc('\n', stderr);
    exit(64);
}

/* Marks a part as wanted; false when there is none of the name. */
static bool want(bool *wanted, const char *name)
{
    if (strcmp(name, "terminal") == 0) {
        return wanted[PART_COUNT] = true;
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (strcmp(name, PARTS[i].name) == 0) {
            return wanted[i] = true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    bool wanted[PART_COUNT + 1] = {false}, some = false, pane = false;
    char *muthr = argc > 1 ? realpath(argv[1], NULL) : NULL; /* needed until clean_up */

    world.idle_s = 20;
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--only") == 0 && want(wanted, argv[i + 1])) {
            some = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--idle") == 0 && strtod(argv[i + 1], NULL) >= 1) {
            world.idle_s = strtod(argv[i + 1], NULL);
        } else {
            usage();
        }
    }
    if (muthr == NULL) {
        usage();
    }
    self = getpid();
    table_begin();
    if (!some || wanted[PART_COUNT]) {
        part_terminal();
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        pane = pane || !some || wanted[i];
    }
    if (pane) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        atexit(clean_up);
        world_open(&world, muthr);
        if (!world.with_tmux) {
            fprintf(stderr, "bench: tmux is not installed, its figures are left out\n");
        }
    }
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (!some || wanted[i]) {
            PARTS[i].run(&world);
        }
    }
    table_end();
    return 0;
}
