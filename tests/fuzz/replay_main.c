/* SPDX-License-Identifier: Apache-2.0 */

/* A main for fuzz targets without libFuzzer: replays the corpus of the program's name (replay_NAME:
 * tests/data/fuzz/NAME, or the folders given), then feeds seeded random mutations of it. MT_FUZZ_RUNS: how many (2000);
 * MT_FUZZ_SEED: from where (1). The input of a crash is kept in the file crash-NAME. Reports like cmocka, for
 * tests/run.sh. */

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_CAP = 1 << 16, MAX_CORPUS = 4096 };

struct corpus {
    struct strbuf inputs[MAX_CORPUS];
    size_t count;
};

static uint64_t g_random;
static struct strbuf g_current;
static char g_crash_path[PATH_MAX];

/* xorshift64*: the same numbers everywhere. */
static uint32_t next_random(uint32_t below)
{
    g_random ^= g_random >> 12;
    g_random ^= g_random << 25;
    g_random ^= g_random >> 27;
    return (uint32_t)((g_random * UINT64_C(2685821657736338717)) >> 32) % below;
}

/* The number in an environment variable, or `fallback`. */
static unsigned long from_env(const char *name, unsigned long fallback)
{
    const char *text = getenv(name);
    char *end;
    unsigned long v = text ? strtoul(text, &end, 10) : 0;
    return text && *text && *end == '\0' ? v : fallback;
}

static void load_folder(struct corpus *c, const char *folder)
{
    struct strvec names = STRVEC_INIT;
    if (fs_list(folder, &names, NULL) == 0) {
        for (size_t i = 0; i < names.len && c->count < MAX_CORPUS; i++) {
            MT_CLEANUP(xfree) char *path = path_join(folder, names.v[i]);
            struct strbuf text = STRBUF_INIT;
            if (fs_read(path, INPUT_CAP, &text, NULL) == 0) {
                c->inputs[c->count++] = text;
            } else {
                strbuf_release(&text);
            }
        }
    }
    strvec_release(&names);
}

/* Keeps the input of a crash: what has crashed may have damaged the heap, so only write(2) is used here. */
static void on_crash(int sig)
{
    int fd = creat(g_crash_path, 0644);
    if (fd >= 0) {
        ssize_t n = write(fd, g_current.buf, g_current.len);
        (void)n;
        close(fd);
    }
    static const char TEXT[] = "the input was kept in crash-NAME in the working folder\n";
    ssize_t n = write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1);
    (void)n;
    signal(sig, SIG_DFL);
    raise(sig);
}

/* One target call on an exactly fitting heap copy, so that ASan sees reads past the end. */
static void feed(const struct strbuf *input)
{
    strbuf_clear(&g_current);
    strbuf_add(&g_current, input->buf, input->len);
    uint8_t *copy = xmalloc(input->len);
    memcpy(copy, input->buf, input->len);
    (void)LLVMFuzzerTestOneInput(copy, input->len);
    free(copy);
}

/* Changes `sb` at one random place. */
static void mutate(struct strbuf *sb, const struct corpus *c)
{
    static const char *const BITS[] = {"\x00", "\xff", "\x1b",       "\n",    "\"",   "[", "]",
                                       "{",    "}",    "9999999999", "\x1b[", "\x80", "=", "."};
    size_t at = sb->len ? next_random((uint32_t)sb->len) : 0;
    size_t n = sb->len ? 1 + next_random((uint32_t)MT_MIN(sb->len - at, (size_t)16)) : 0;
    n = MT_MIN(n, sb->len - at);
    struct strbuf out = STRBUF_INIT;
    strbuf_add(&out, sb->buf, at);
    switch (next_random(6)) {
    case 0:
        strbuf_addch(&out, (char)next_random(256));
        break;
    case 1:
        strbuf_addstr(&out, BITS[next_random(MT_ARRAY_LEN(BITS))]);
        break;
    case 2: /* removes */
        at += n;
        break;
    case 3: /* doubles */
        strbuf_add(&out, sb->buf + at, n);
        break;
    case 4: /* overwrites one byte */
        strbuf_addch(&out, (char)next_random(256));
        at += n > 0;
        break;
    default: { /* splices another input's tail */
        const struct strbuf *other = &c->inputs[next_random((uint32_t)c->count)];
        size_t from = other->len ? next_random((uint32_t)other->len) : 0;
        strbuf_add(&out, other->buf + from, MT_MIN(other->len - from, (size_t)256));
        break;
    }
    }
    if (out.len < INPUT_CAP) {
        strbuf_add(&out, sb->buf + at, sb->len - at);
        strbuf_release(sb);
        *sb = out;
    } else {
        strbuf_release(&out);
    }
}

/* The target's name, from our own: replay_NAME. */
static const char *target_name(const char *argv0)
{
    const char *base = path_base(argv0);
    return strncmp(base, "replay_", 7) == 0 ? base + 7 : base;
}

int main(int argc, char **argv)
{
    static struct corpus c;
    strbuf_init(&g_current);
    (void)str_format(g_crash_path, sizeof(g_crash_path), "crash-%s", target_name(argv[0]));
    if (argc > 1) {
        for (int i = 1; i < argc; i++) {
            load_folder(&c, argv[i]);
        }
    } else {
        MT_CLEANUP(xfree) char *folder = path_join("tests/data/fuzz", target_name(argv[0]));
        load_folder(&c, folder);
    }
    /* The empty input belongs to every corpus. */
    if (c.count < MAX_CORPUS) {
        strbuf_init(&c.inputs[c.count++]);
    }
    static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    for (size_t i = 0; i < MT_ARRAY_LEN(SIGNALS); i++) {
        signal(SIGNALS[i], on_crash);
    }
    for (size_t i = 0; i < c.count; i++) {
        feed(&c.inputs[i]);
    }
    unsigned long runs = from_env("MT_FUZZ_RUNS", 2000);
    g_random = (uint64_t)from_env("MT_FUZZ_SEED", 1) * 0x9E3779B97F4A7C15u + 1;
    for (unsigned long i = 0; i < runs; i++) {
        struct strbuf input = STRBUF_INIT;
        const struct strbuf *from = &c.inputs[next_random((uint32_t)c.count)];
        strbuf_add(&input, from->buf, from->len);
        for (uint32_t n = 1 + next_random(6); n > 0; n--) {
            mutate(&input, &c);
        }
        feed(&input);
        strbuf_release(&input);
    }
    printf("%s: %zu inputs replayed, %lu mutations\n[  PASSED  ] 2 test(s).\n", target_name(argv[0]), c.count, runs);
    for (size_t i = 0; i < c.count; i++) {
        strbuf_release(&c.inputs[i]);
    }
    strbuf_release(&g_current);
    return 0;
}
