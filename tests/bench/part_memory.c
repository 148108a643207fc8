/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/world.h"

/* Memory of 1, 10 and 50 sessions with 10,000 filled lines of 100 columns each, and of as many panes of tmux. Ours a
 * session: the host and what relays to the sandbox; the cockpit that shows one of them stands apart. */

#define LIMIT_MS 15000

/* Numbered lines of exactly 100 columns, and the mark. */
#define FILL_CMD                                                                                                       \
    "until set -- $(stty size) && test $2 -ge 110; do sleep 0.05; done; "                                              \
    "awk 'BEGIN { for (i = 0; i < 10100; i++) printf \"%06d %s\\n\", i, "                                              \
    "\"the quick brown fox jumps over the lazy dog, and 93 columns of it fill the row to its very end\" }'; "          \
    "printf FILLED-NOW; : >filled.$$; exec cat"

/* Waits until n programs have said that they are done. */
static void await_filled(int n)
{
    const char *count[] = {"sh", "-c", "ls filled.* 2>/dev/null | wc -l", NULL};
    double end = now_ms() + 120000;
    char line[32] = "";

    while (now_ms() < end) {
        run_line(line, sizeof(line), count);
        int have = 0;
        if (sscanf(line, "%d", &have) == 1 && have >= n) {
            return;
        }
        usleep(100000);
    }
    die("bench: of %d sessions %s were filled", n, line);
}

static void forget_filled(void)
{
    const char *rm[] = {"sh", "-c", "rm -f filled.*", NULL};

    run_line(NULL, 0, rm);
}

/* n sessions of one side, filled; their memory. Each of ours is shown for a moment, for its width; a window of tmux has
 * that of the client. */
static struct usage measure(struct world *w, enum side_kind kind, int n)
{
    static struct side s;

    forget_filled();
    for (int i = 0; i < n; i++) {
        if (kind == SIDE_TMUX && i > 0) {
            world_window(w, FILL_CMD);
            outer_read(&s.o, 0);
            continue;
        }
        if (i > 0) {
            side_close(&s);
        }
        side_open(&s, w, kind, FILL_CMD, 160, 36);
        outer_until(&s.o, "FILLED-NOW", LIMIT_MS);
    }
    await_filled(n);
    outer_settle(&s.o, 500);
    side_find_procs(&s);
    struct usage u = proc_set_usage(&s.procs, true);
    side_close(&s);
    world_renew(w);
    return u;
}

void part_memory(struct world *w)
{
    static const int COUNTS[] = {1, 10, 50};
    char name[64];

    for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
        int n = COUNTS[i];
        struct usage t = {.pss_kib = NAN}, m = measure(w, SIDE_OURS, n);

        if (w->with_tmux) {
            t = measure(w, SIDE_TMUX, n);
        }
        snprintf(name, sizeof(name), "memory a session, %d filled", n);
        table_add(&(struct figure){.name = name,
                                   .unit = "MiB PSS, host and relay",
                                   .ours = (m.host_kib + m.relay_kib) / 1024 / n,
                                   .tmux = t.pss_kib / 1024 / n,
                                   .floor = {BY_TMUX, 0.5},
                                   .goal = {BY_TMUX, 0.25}});
        snprintf(name, sizeof(name), "memory in all, %d filled", n);
        table_add(&(struct figure){
            .name = name, .unit = "MiB PSS, all processes", .ours = m.pss_kib / 1024, .tmux = t.pss_kib / 1024});
        snprintf(name, sizeof(name), "  of it the cockpit");
        table_add(&(struct figure){.name = name, .unit = "MiB PSS", .ours = m.cockpit_kib / 1024, .tmux = NAN});
    }
}
