/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/logfile.h"
#include "tests/unit/temphome.h"

static struct temphome home;

static int setup(void **state)
{
    (void)state;
    temphome_open(&home);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temphome_close(&home);
    return 0;
}

static void test_small(void **state)
{
    char *path = path_join(home.dir, "logs/deep/a.log");
    struct strbuf got = STRBUF_INIT;
    struct logfile *l;
    struct stat st;

    (void)state;
    assert_int_equal(logfile_open(&l, path, 1u << 20, NULL), 0);
    logfile_write(l, "one\r\n", 5);
    logfile_write(l, "\033[31mtwo", 8);
    logfile_close(l);
    assert_int_equal(fs_read(path, 1u << 20, &got, NULL), 0);
    assert_string_equal(got.buf, "one\r\n\033[31mtwo"); /* raw bytes */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    strbuf_release(&got);
    free(path);
}

/* Ten times the cap: the file never grows past it; it begins with the beginning, ends with the end, and says what is
 * missing. */
static void test_cap(void **state)
{
    enum { MAX = 256 << 10, LINES = 80000 };
    char *path = path_join(home.dir, "cap.log");
    struct strbuf got = STRBUF_INIT, all = STRBUF_INIT;
    struct logfile *l;
    struct stat st;
    const char *note;
    unsigned long long gone;

    (void)state;
    assert_int_equal(logfile_open(&l, path, MAX, NULL), 0);
    for (int i = 0; i < LINES; i++) {
        char line[64];

        str_format(line, sizeof(line), "line %08d of the output\r\n", i);
        strbuf_addstr(&all, line);
        logfile_write(l, line, strlen(line));
        if (i % 1000 == 0) {
            assert_int_equal(stat(path, &st), 0);
            assert_true(st.st_size <= MAX);
        }
    }
    logfile_close(l);
    assert_int_equal(fs_read(path, MAX, &got, NULL), 0);
    assert_memory_equal(got.buf, all.buf, MAX / 4);
    note = strstr(got.buf, "[muthr-tui: ");
    assert_non_null(note);
    assert_int_equal(sscanf(note, "[muthr-tui: %llu bytes left out]", &gone), 1);
    note = strstr(note, "\r\n") + 2;
    assert_true((size_t)(got.buf + got.len - note) > MAX / 4);
    assert_string_equal(note, all.buf + all.len - (size_t)(got.buf + got.len - note));
    /* head, gap and tail add up to everything that was written */
    assert_int_equal(MAX / 4 + gone + (size_t)(got.buf + got.len - note), all.len);
    assert_null(strstr(note, "[muthr-tui: ")); /* one note, not one for each rotation */
    strbuf_release(&got);
    strbuf_release(&all);
    free(path);
}

static void test_one_huge_write(void **state)
{
    char *path = path_join(home.dir, "huge.log"), *data = xmalloc(8u << 20);
    struct logfile *l;
    struct stat st;

    (void)state;
    memset(data, 'x', 8u << 20);
    assert_int_equal(logfile_open(&l, path, 1, NULL), 0); /* a cap below the least is the least */
    logfile_write(l, data, 8u << 20);
    logfile_close(l);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 64 << 10 && st.st_size > 16 << 10);
    free(data);
    free(path);
}

/* A log that cannot be written must not end the session. */
static void test_full_disk(void **state)
{
    char *path = path_join(home.dir, "full.log");
    struct logfile *l;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(symlink("/dev/full", path), 0);
    assert_int_equal(logfile_open(&l, path, 1u << 20, &err), -1); /* nor is a link followed */
    free(path);
    assert_int_equal(logfile_open(&l, "/dev/full", 1u << 20, &err), 0);
    logfile_write(l, "lost", 4);
    logfile_write(l, "lost", 4);
    logfile_close(l);
    assert_int_equal(logfile_open(&l, "/proc/none/x.log", 1u << 20, &err), -1);
    assert_true(err.msg[0] != '\0');
    logfile_close(NULL);
}

/* Room that is there again is used, and the log says what is missing. */
static void test_room_again(void **state)
{
    enum { ROOM = 1000, ALL = 2500 };
    char *path = path_join(home.dir, "room.log"), data[ALL];
    struct strbuf got = STRBUF_INIT;
    struct rlimit old, tight;
    struct logfile *l;

    (void)state;
    memset(data, 'x', sizeof(data));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    tight = (struct rlimit){.rlim_cur = ROOM, .rlim_max = old.rlim_max};
    assert_int_equal(logfile_open(&l, path, 1u << 20, NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    logfile_write(l, data, sizeof(data));
    logfile_write(l, "lost", 4);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    logfile_write(l, "rest", 4); /* too early to try */
    logfile_close(l);
    assert_int_equal(fs_read(path, 1u << 20, &got, NULL), 0);
    assert_true(got.len > ROOM);
    assert_memory_equal(got.buf, data, ROOM);
    assert_string_equal(got.buf + ROOM, "\r\n[muthr-tui: 1508 bytes could not be written: File too large]\r\n");
    strbuf_release(&got);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_huge_write, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_room_again, setup, teardown),
    };

    return cmocka_run_group_tests_name("logfile", tests, NULL, NULL);
}
