/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "tui/usage.h"

static struct sandbox_stats use(uint64_t cpu_ms, uint64_t memory)
{
    return (struct sandbox_stats){.cpu_ns = cpu_ms * 1000000, .memory_bytes = memory};
}

static void test_percent_and_ring(void **state)
{
    struct usage u = {0};
    struct sandbox_stats s = use(1000, 5);
    uint32_t cpu;
    uint64_t mem;

    (void)state;
    usage_add(&u, 7, &s, 10000);
    assert_false(usage_get(usage_of(&u, 7), 0, &cpu, &mem)); /* no figure from one sample */
    s = use(2000, 6);
    usage_add(&u, 7, &s, 12000);
    assert_true(usage_get(usage_of(&u, 7), 0, &cpu, &mem));
    assert_int_equal(cpu, 50);
    assert_int_equal(mem, 6);
    for (unsigned i = 0; i < 100; i++) {
        s = use(2000 + (i + 1) * 20, i);
        usage_add(&u, 7, &s, 12000 + (i + 1) * 2000);
    }
    assert_int_equal(usage_of(&u, 7)->count, USAGE_SAMPLES);
    assert_true(usage_get(usage_of(&u, 7), 0, &cpu, &mem));
    assert_int_equal(mem, 99);
    assert_int_equal(cpu, 1);
    assert_true(usage_get(usage_of(&u, 7), USAGE_SAMPLES - 1, &cpu, &mem));
    assert_int_equal(mem, 40);
    assert_false(usage_get(usage_of(&u, 7), USAGE_SAMPLES, &cpu, &mem));
    s = use(1, 1); /* started anew */
    usage_add(&u, 7, &s, 215000);
    assert_int_equal(usage_of(&u, 7)->count, 0);
    usage_forget(&u, 7);
    assert_null(usage_of(&u, 7));
    usage_release(&u);
}

static void test_gap_and_many(void **state)
{
    struct usage u = {0};
    struct sandbox_stats s = use(0, 1);

    (void)state;
    usage_add(&u, 1, &s, 1000);
    usage_add(&u, 1, &s, 3000);
    assert_int_equal(usage_of(&u, 1)->count, 1);
    usage_add(&u, 1, &s, 60000); /* nobody looked meanwhile */
    assert_int_equal(usage_of(&u, 1)->count, 0);
    for (unsigned i = 2; i < USAGE_RINGS + 20; i++) {
        usage_add(&u, i, &s, 70000 + i);
    }
    assert_int_equal(u.count, USAGE_RINGS);
    assert_null(usage_of(&u, 1));
    assert_non_null(usage_of(&u, USAGE_RINGS + 19));
    usage_release(&u);
}

static void test_graph(void **state)
{
    static const unsigned values[] = {0, 250, 500, 1000, 2000};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char text[16];

    (void)state;
    usage_graph(values, 5, 1, 0, false, &out);
    assert_string_equal(out.buf, "\xE2\xA2\x80"
                                 "\xE2\xA3\xBC"
                                 "\xE2\xA1\x87");
    strbuf_clear(&out);
    usage_graph(values, 5, 2, 0, false, &out); /* the upper line of two */
    assert_string_equal(out.buf, "\xE2\xA0\x80"
                                 "\xE2\xA2\xB8"
                                 "\xE2\xA1\x87");
    strbuf_clear(&out);
    usage_graph(values, 5, 2, 0, true, &out);
    assert_string_equal(out.buf, ":##");
    usage_bytes(412ull << 20, text, sizeof(text));
    assert_string_equal(text, "412M");
    usage_bytes(3ull << 29, text, sizeof(text));
    assert_string_equal(text, "1.5G");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_percent_and_ring),
        cmocka_unit_test(test_gap_and_many),
        cmocka_unit_test(test_graph),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
