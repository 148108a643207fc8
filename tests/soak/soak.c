/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

/* An hour of a session in little time, against a real host: a program that floods without end, resizes, cockpits that
 * come and go, searches, scrollback that is read and lines that are typed. Prints the memory of host and cockpit for
 * each minute of that hour and fails when one grows.
 *   SOAK_MINUTES=60   SOAK_MS=2000 (how long a minute takes) */

#define MAX_MINUTES 1440

/* What a terminal meets in an hour: short and long lines, wide characters, clusters, colours, addresses without end,
 * cursor movements, the alternate screen, titles, prompts. */
#define FLOOD                                                                                                          \
    "trap 'exit 0' INT; awk 'BEGIN { for (i = 0;; i++) {"                                                              \
    "printf \"%d a line of a log that goes on and on until it is longer than any screen is wide, \", i;"               \
    "for (k = 0; k < i % 7; k++) printf \"\\033[3%dmmore \\033[1m%d\\033[0m \", k, i * k;"                             \
    "printf \"\\344\\275\\240\\345\\245\\275 \\360\\237\\230\\200 e\\314\\201\\r\\n\";"                                \
    "if (i % 11 == 0) printf \"\\033]8;;https://example.org/%d\\033\\\\link\\033]8;;\\033\\\\\\r\\n\", i;"             \
    "if (i % 13 == 0) printf \"\\033[4;58:2::%d:%d:9munder\\033[m\\r\\n\", i % 256, i / 256 % 256;"                    \
    "if (i % 97 == 0) printf \"\\033]133;A\\007$ \\033]133;C\\007\\033]2;title %d\\007\", i;"                          \
    "if (i % 501 == 0) printf \"\\033[?1049h\\033[2Jfull\\033[5;5Hscreen\\033[?1049l\";"                               \
    "if (i % 5 == 0) printf \"short\\r\\n\" } }'"

static struct rig rig;
static struct rig_client a, b;

struct minute {
    long host_kb, self_kb;
    int resizes, frames, searches, reads, attaches;
};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

static int from_env(const char *name, int fallback)
{
    const char *text = getenv(name);
    long v = text != NULL ? strtol(text, NULL, 10) : 0;
    return v > 0 ? (int)v : fallback;
}

static void on_found(void *arg, const struct sessions_hit *hit, const struct error *err)
{
    (void)err;
    *(int *)arg += hit == NULL || !hit->more;
}

static void on_lines(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    (void)first;
    *(int *)arg += err == NULL && rows->count > 0;
}

/* A cockpit comes, looks, and goes; or the one there is is made anew. */
static void attach(struct minute *m, const char *id, unsigned *seed)
{
    if (b.s != NULL) {
        rig_client_close(&b);
    } else {
        rig_client_open(&b, &rig);
        rig_expect_count(&b, 1);
        sessions_view(b.s, id, 20 + (int)(next(seed) % 150), 5 + (int)(next(seed) % 40), NULL);
        m->attaches++;
    }
    if (next(seed) % 4 == 0) {
        rig_client_close(&a);
        rig_client_open(&a, &rig);
        rig_expect_count(&a, 1);
        sessions_view(a.s, id, 80, 24, NULL);
        m->attaches++;
    }
}

/* A person looks back. */
static void look_back(struct minute *m, const char *id, unsigned *seed)
{
    static const char *const needles[] = {"more", "nowhere to be found", "[0-9]+ a line", "short"};
    const struct session_screen *sc = sessions_screen(a.s, id);
    if (sc == NULL) {
        return;
    }
    struct sessions_query q = {.needle = needles[next(seed) % MT_ARRAY_LEN(needles)],
                               .line = sc->history_first + sc->history_lines,
                               .backward = true,
                               .count = next(seed) % 2 == 0};
    sessions_search(a.s, id, &q, on_found, &m->searches, NULL);
    uint64_t back = MT_MIN(sc->history_lines, (uint64_t)next(seed) % 9000);
    sessions_history(a.s, id, sc->history_first + sc->history_lines - back, 100, sc->cols, on_lines, &m->reads, NULL);
}

/* One minute of the hour. */
static void live(struct minute *m, const char *id, int ms, unsigned *seed)
{
    uint64_t end = clock_mono_ms() + (uint64_t)ms;
    int frames = a.frames;
    for (int turn = 0; clock_mono_ms() < end; turn++) {
        sessions_view(a.s, id, 10 + (int)(next(seed) % 190), 3 + (int)(next(seed) % 60), NULL);
        m->resizes++;
        rig_turn(&rig, 5);
        if (turn % 8 == 3) {
            look_back(m, id, seed);
        }
        if (turn % 40 == 39) {
            m->frames += a.frames - frames;
            attach(m, id, seed);
            frames = a.frames;
        }
    }
    m->frames += a.frames - frames;
}

static int compare(const void *x, const void *y)
{
    long p = *(const long *)x, q = *(const long *)y;
    return p < q ? -1 : p > q;
}

/* The median of one column of minutes [from, to). */
static long median(const struct minute *m, int from, int to, bool host)
{
    static long v[MAX_MINUTES];
    int n = 0;
    for (int i = from; i < to; i++) {
        v[n++] = host ? m[i].host_kb : m[i].self_kb;
    }
    qsort(v, (size_t)n, sizeof(*v), compare);
    return v[n / 2];
}

/* Early: after the scrollback was filled. Late: the last sixth. */
static bool is_flat(const struct minute *m, int minutes, bool host)
{
    long early = median(m, minutes / 6, minutes / 3, host), late = median(m, minutes - minutes / 6, minutes, host);
    printf("%s: %ld KiB early, %ld KiB late\n", host ? "host" : "cockpit", early, late);
    return late <= early + early / 20 + 512;
}

static void test_soak(void **state)
{
    static struct minute m[MAX_MINUTES];
    int minutes = MT_MIN(MT_MAX(from_env("SOAK_MINUTES", 60), 12), MAX_MINUTES), ms = from_env("SOAK_MS", 2000);
    unsigned seed = 1;
    char id[SESSION_ID_MAX];
    (void)state;
    struct session_start spec = {.scrollback_lines = 10000};
    assert_true(rig_start_spec(&a, &spec));
    str_copy(id, sizeof(id), a.start_id);
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "PROMPT>");
    rig_type(&a, id, FLOOD "\n");
    int host = sessions_find(a.s, id)->host_pid;
    printf("minute  host KiB  cockpit KiB  resizes  frames  searches  reads  attaches\n");
    for (int i = 0; i < minutes; i++) {
        live(&m[i], id, ms, &seed);
        m[i].host_kb = rig_proc_status(host, "VmRSS:");
        m[i].self_kb = rig_proc_status(getpid(), "VmRSS:");
        printf("%6d %9ld %12ld %8d %7d %9d %6d %9d\n", i + 1, m[i].host_kb, m[i].self_kb, m[i].resizes, m[i].frames,
               m[i].searches, m[i].reads, m[i].attaches);
        fflush(stdout);
        assert_true(m[i].host_kb > 0);
        assert_true(m[i].frames > 0);
    }
    /* It still listens, and its scrollback is whole. */
    sessions_view(a.s, id, 80, 24, NULL);
    rig_type(&a, id, "\003");
    rig_type(&a, id, "\n\nstty sane; clear; echo still''-here\n");
    rig_expect(&a, id, "still-here");
    int searches = 0, reads = 0;
    for (int i = 0; i < minutes; i++) {
        searches += m[i].searches;
        reads += m[i].reads;
    }
    assert_true(searches > minutes);
    assert_true(reads > minutes);
    bool host_flat = is_flat(m, minutes, true), self_flat = is_flat(m, minutes, false);
#if defined(__SANITIZE_ADDRESS__)
    printf("built with ASan, which keeps what is freed: growth is not judged\n");
#else
    assert_true(host_flat);
    assert_true(self_flat);
#endif
    (void)host_flat;
    (void)self_flat;
}

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_client_close(&a);
    if (b.s != NULL) {
        rig_client_close(&b);
    }
    rig_close(&rig);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_soak, setup, teardown)};
    return cmocka_run_group_tests_name("soak", tests, NULL, NULL);
}
