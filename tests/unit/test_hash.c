/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

static void test_sha256(void **state)
{
    (void)state;
    char hex[HASH_HEX_LEN + 1];
    /* FIPS 180-2 examples. */
    hash_sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hash_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hash_sha256_hex(NULL, 0, hex);
    assert_true(strncmp(hex, "e3b0", 4) == 0);
}

static void test_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/mt-hash-XXXXXX", hex[HASH_HEX_LEN + 1], want[HASH_HEX_LEN + 1];
    struct error err = ERROR_INIT;
    assert_non_null(mkdtemp(dir));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/f", dir);
    struct strbuf big = STRBUF_INIT;
    for (int i = 0; i < 20000; i++) {
        strbuf_addf(&big, "%d", i);
    }
    assert_int_equal(fs_write_atomic(path, big.buf, big.len, 0600, &err), 0);
    hash_sha256_hex(big.buf, big.len, want);
    assert_int_equal(hash_sha256_file(path, hex, &err), 0);
    assert_string_equal(hex, want);
    strbuf_release(&big);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
    assert_int_equal(hash_sha256_file(path, hex, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(hash_sha256_file("/", hex, &err), -1);
    assert_int_equal(err.code, ERROR_SYS);
}

static void test_fnv(void **state)
{
    (void)state;
    /* The reference vectors of the FNV authors. */
    assert_true(hash_fnv1a64("", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(hash_fnv1a64("a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_fnv1a64("foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_fnv),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
