/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <vterm.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/vt.h"
#include "tests/bench/part.h"
#include "tests/bench/table.h"
#include "tests/bench/workload.h"

/* The terminal alone, no pty and no drawing, next to the bare library: libvterm's screen layer with 10,000 lines of
 * scrollback kept as it hands them over. MB for a second of CPU time (others may use the machine), scrollback full, in
 * turns. */

#define DATA_BYTES (512u << 10)
#define CHUNK 65536
#define TURN_MS 150
#define ROUNDS 3
#define LINES 10000

/* The library's screen, and a ring of the lines that left it. */
struct bare {
    VTerm *vt;
    struct bare_line {
        int cols;
        VTermScreenCell *cells;
    } * ring;
    size_t next;
};

static int bare_push(int cols, const VTermScreenCell *cells, void *user)
{
    struct bare *b = user;
    struct bare_line *l = &b->ring[b->next++ % LINES];

    if (l->cols != cols) {
        l->cells = xreallocarray(l->cells, (size_t)cols, sizeof(*cells));
        l->cols = cols;
    }
    memcpy(l->cells, cells, (size_t)cols * sizeof(*cells));
    return 1;
}

static int bare_damage(VTermRect rect, void *user)
{
    (void)rect;
    (void)user;
    return 1;
}

static const VTermScreenCallbacks BARE_CALLBACKS = {.damage = bare_damage, .sb_pushline = bare_push};

static void bare_open(struct bare *b, int cols, int rows)
{
    b->ring = xcalloc(LINES, sizeof(*b->ring));
    b->next = 0;
    b->vt = vterm_new(rows, cols);
    vterm_set_utf8(b->vt, 1);
    VTermScreen *screen = vterm_obtain_screen(b->vt);
    vterm_screen_set_callbacks(screen, &BARE_CALLBACKS, b);
    vterm_screen_enable_altscreen(screen, 1);
    vterm_screen_set_damage_merge(screen, VTERM_DAMAGE_SCROLL);
    vterm_screen_reset(screen, 1);
}

static void bare_close(struct bare *b)
{
    for (size_t i = 0; i < LINES; i++) {
        free(b->ring[i].cells);
    }
    free(b->ring);
    vterm_free(b->vt);
}

static void feed_ours(void *arg, const char *bytes, size_t len)
{
    vt_feed(arg, bytes, len);
}

static void feed_bare(void *arg, const char *bytes, size_t len)
{
    struct bare *b = arg;

    vterm_input_write(b->vt, bytes, len);
    vterm_screen_flush_damage(vterm_obtain_screen(b->vt));
}

/* CPU time of this process. */
static uint64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* MB/s for one turn. */
static double turn(void (*feed)(void *arg, const char *bytes, size_t len), void *arg, const struct strbuf *data)
{
    uint64_t start = cpu_ns();
    size_t bytes = 0;

    while (cpu_ns() - start < (uint64_t)TURN_MS * 1000000) {
        for (size_t at = 0; at < data->len; at += CHUNK) {
            size_t n = MT_MIN((size_t)CHUNK, data->len - at);

            feed(arg, data->buf + at, n);
            bytes += n;
        }
    }
    return (double)bytes * 1e3 / (double)(cpu_ns() - start);
}

static void measure(int load, int cols, int rows)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    struct vt *vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows});
    double ours[ROUNDS], theirs[ROUNDS];
    struct bare bare;
    char name[64];

    workload_make(load, &data, DATA_BYTES, "\r\n");
    bare_open(&bare, cols, rows);
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = turn(feed_ours, vt, &data);
        theirs[i] = turn(feed_bare, &bare, &data);
    }
    bare_close(&bare);
    vt_free(vt);
    snprintf(name, sizeof(name), "terminal alone %dx%d, %s", cols, rows, workload_name(load));
    table_add(&(struct figure){.name = name,
                               .unit = "MB a second of CPU",
                               .ours = quantile(ours, ROUNDS, 0.5),
                               .tmux = (double)NAN,
                               .reference = quantile(theirs, ROUNDS, 0.5),
                               .reference_name = "bare",
                               .more_is_better = true});
}

void part_terminal(void)
{
    for (int i = 0; i < WORKLOADS; i++) {
        measure(i, 80, 24);
        measure(i, 200, 50);
    }
}
