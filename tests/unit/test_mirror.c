/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "term/mirror.h"
#include "term/proto.h"

#define COLS 100
#define ROWS 40

/* The n-th of many clusters: a letter under three marks. */
static void cluster_n(char out[16], unsigned n)
{
    size_t len = 0;
    out[len++] = (char)('a' + n % 26);
    n /= 26;
    for (int i = 0; i < 3; i++, n /= 48) {
        len += utf8_encode(0x300 + n % 48, out + len);
    }
    out[len] = '\0';
}

/* A frame with rows [from, ROWS), every cell another cluster from `n` on. */
static void apply(struct mirror *m, int from, unsigned n)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct cluster_table t = {.max = (size_t)COLS * ROWS};
    struct proto_screen s = {.cols = COLS, .rows = ROWS};
    struct cell cells[COLS];
    struct error err = ERROR_INIT;
    size_t at = proto_put_screen(&b, &s);
    for (int row = from; row < ROWS; row++) {
        for (int col = 0; col < COLS; col++, n++) {
            char text[16];
            cluster_n(text, n);
            cells[col] = (struct cell){.ch = cluster_intern(&t, text, strlen(text)), .width = 1};
        }
        proto_put_row(&b, row, false, cells, COLS, &t);
    }
    proto_end_rows(&b, at, (uint32_t)(ROWS - from));
    assert_int_equal(mirror_apply(m, (const uint8_t *)b.buf, b.len, &err), 0);
    cluster_table_release(&t);
}

/* Do rows from there on, as many, show those from the n-th on? */
static void assert_shows(const struct mirror *m, int from, int count, unsigned n)
{
    for (int row = from; row < from + count; row++) {
        const struct cell *cells = mirror_row(m, row, NULL);
        for (int col = 0; col < COLS; col++, n++) {
            char want[16], buf[8];
            cluster_n(want, n);
            assert_string_equal(cluster_text(&m->clusters, cells[col].ch, buf, NULL), want);
        }
    }
}

/* Frame after frame of clusters that were never there before, nearly as many as a host can have: each cell shows its
 * own, in rows that no frame touches any more, too. */
static void test_clusters(void **state)
{
    struct mirror m;
    (void)state;
    mirror_init(&m);
    apply(&m, 0, 0);
    assert_shows(&m, 0, ROWS, 0);
    for (unsigned round = 1; round < 40; round++) {
        apply(&m, 3, round * COLS * ROWS);
        assert_shows(&m, 0, 3, 0);
        assert_shows(&m, 3, ROWS - 3, round * COLS * ROWS);
        assert_true(m.clusters.count <= 2 * CLUSTER_MAX_ENTRIES);
    }
    mirror_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clusters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
