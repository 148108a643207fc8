/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>

#include "core/util/strbuf.h"
#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/workload.h"
#include "tests/bench/world.h"

/* An outer terminal that takes 1 MB/s, 20 MB in the pane: how long until the program has ended and its last word is
 * shown, and what went out for each byte. */

#define ROUNDS 3
#define SLOW_BYTES_PER_S 1e6
#define FILE_BYTES 20000000u

static void write_file(const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;

    workload_make(0, &data, FILE_BYTES, "\n");
    FILE *f = fopen(name, "w");
    if (f == NULL || fwrite(data.buf, 1, data.len, f) != data.len || fclose(f) != 0) {
        die("bench: cannot write %s", name);
    }
}

void part_slow(struct world *w)
{
    static struct side side[SIDES];
    double seconds[SIDES][ROUNDS], bytes[SIDES][ROUNDS];
    int first = w->with_tmux ? SIDE_TMUX : SIDE_OURS;

    write_file("load-slow");
    for (int k = first; k <= SIDE_OURS; k++) {
        side_open_driver(&side[k], w, (enum side_kind)k, 80, 24);
        side[k].o.bytes_per_s = SLOW_BYTES_PER_S;
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = first; k <= SIDE_OURS; k++) {
            uint64_t before = side[k].o.total;

            seconds[k][i] = side_cat(&side[k], "load-slow") / 1e3;
            bytes[k][i] = (double)(side[k].o.total - before) / FILE_BYTES;
        }
    }
    table_add(&(struct figure){.name = "slow outer terminal, 20 MB",
                               .unit = "s",
                               .ours = quantile(seconds[SIDE_OURS], ROUNDS, 0.5),
                               .tmux = w->with_tmux ? quantile(seconds[SIDE_TMUX], ROUNDS, 0.5) : (double)NAN});
    table_add(&(struct figure){.name = "outer bytes a pane byte, slow terminal",
                               .unit = "bytes",
                               .ours = quantile(bytes[SIDE_OURS], ROUNDS, 0.5),
                               .tmux = w->with_tmux ? quantile(bytes[SIDE_TMUX], ROUNDS, 0.5) : (double)NAN,
                               .floor = {BY_TMUX, 1},
                               .goal = {BY_TMUX, 0.1}});
    for (int k = first; k <= SIDE_OURS; k++) {
        side[k].o.bytes_per_s = 0;
        side_close_driver(&side[k]);
    }
}
