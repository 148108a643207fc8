/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/tar.h"
#include "core/io/proc.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static int exit_code;

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    (void)arg;
    (void)err;
    exit_code = res->exit_code;
}

/* Unpacks with the system's tar, as a sandbox does. */
static void unpack(const struct strbuf *tar, const char *into)
{
    struct loop *loop = loop_new();
    const char *const argv[] = {"tar", "-xf", "-", "-C", into, NULL};
    struct proc_opts opts = {.argv = argv, .input = tar->buf, .input_len = tar->len, .on_done = on_done};
    struct error err = ERROR_INIT;
    exit_code = -1;
    assert_int_equal(proc_start(NULL, loop, &opts, &err), 0);
    loop_run(loop);
    assert_int_equal(loop_free(loop), 0);
    assert_int_equal(exit_code, 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct strbuf tar = STRBUF_INIT, text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char deep[220];
    memset(deep, 'd', sizeof(deep));
    memcpy(deep, "in/lib/", 7);
    deep[100] = '/';
    deep[180] = '\0';
    temphome_write(&t, "in/lib/a.sh", "echo a\n");
    temphome_write(&t, "in/lib/sub/b", "");
    temphome_write(&t, deep, "long name");
    MT_CLEANUP(xfree)
    char *lib = path_join(t.dir, "in/lib"), *link = path_join(lib, "link"), *out = path_join(t.dir, "out");
    MT_CLEANUP(xfree) char *script = path_join(lib, "a.sh");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(chmod(script, 0755), 0);
    assert_int_equal(fs_mkdirs(out, 0755, &err), 0);
    assert_int_equal(tar_add_file(&tar, "p.sh", 0755, "x\0y", 3, &err), 0);
    assert_int_equal(tar_add_tree(&tar, lib, "lib", 1u << 20, &err), 0);
    tar_end(&tar);
    assert_int_equal(tar.len % 512, 0);
    unpack(&tar, out);
    MT_CLEANUP(xfree)
    char *p = path_join(out, "p.sh"), *a = path_join(out, "lib/a.sh"), *b = path_join(out, "lib/sub/b"),
         *l = path_join(out, "lib/link");
    assert_int_equal(fs_read(p, 100, &text, &err), 0);
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.buf, "x\0y", 3);
    struct stat st;
    assert_int_equal(stat(a, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    assert_true(fs_exists(b));
    assert_false(fs_exists(l)); /* links are left out: they could point anywhere */
    MT_CLEANUP(xfree) char *d = xasprintf("%s/%s", out, deep + 3);
    assert_true(fs_exists(d));
    strbuf_release(&tar);
    strbuf_release(&text);
    temphome_close(&t);
}

static void test_limits(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct strbuf tar = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char name[400];
    memset(name, 'n', sizeof(name));
    name[399] = '\0';
    assert_int_equal(tar_add_file(&tar, name, 0644, "", 0, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    temphome_write(&t, "in/big", "0123456789012345678901234567890123456789");
    MT_CLEANUP(xfree) char *in = path_join(t.dir, "in"), *gone = path_join(t.dir, "gone");
    assert_int_equal(tar_add_tree(&tar, in, "in", 530, &err), -1);
    assert_int_equal(tar_add_tree(&tar, gone, "x", 5000, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    strbuf_release(&tar);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
