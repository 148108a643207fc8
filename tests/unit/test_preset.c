/* SPDX-License-Identifier: Apache-2.0 */
/* Presets of the local inference server (I4), and the INI reader below them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/inference/preset.h"
#include "core/util/ini.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

/* Collects entries as "section.key=value@line;". */
static int collect(void *arg, const char *section, const char *key, const char *value, int line, struct error *err)
{
    (void)err;
    strbuf_addf(arg, "%s.%s=%s@%d;", section, key, value, line);
    return 0;
}

static void expect_ini(const char *text, size_t len, const char *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct error err = ERROR_INIT;
    if (ini_parse(text, len, "f.ini", collect, &got, &err) < 0) {
        assert_int_equal(err.code, ERROR_PARSE);
        strbuf_addf(&got, "!%s", err.msg);
    }
    assert_string_equal(got.buf, want);
}

static void test_ini(void **state)
{
    (void)state;
    static const char nul[] = "a=b\nc=\0d\n";
    expect_ini("", 0, "");
    static const char usual[] = "\xef\xbb\xbf# c\r\n; d\r\n\r\n a = b c \r\n[ s ]\nk=\"x = y\"\nl='#z'\nm=\n";
    expect_ini(usual, sizeof(usual) - 1, ".a=b c@4;s.k=x = y@6;s.l=#z@7;s.m=@8;");
    expect_ini("[s\n", 3, "!f.ini:1: a [section] without its ]");
    expect_ini("[]\n", 3, "!f.ini:1: the section's name is empty or too long");
    expect_ini("[", 1, "!f.ini:1: a [section] without its ]");
    expect_ini("\nword\n", 6, "!f.ini:2: neither [section] nor key = value");
    expect_ini("=x", 2, "!f.ini:1: what stands before = is no key");
    expect_ini("a b=x", 5, "!f.ini:1: what stands before = is no key");
    expect_ini("a=\"x", 4, "!f.ini:1: a: the quote is not closed");
    expect_ini("a=\"", 3, "!f.ini:1: a: the quote is not closed");
    expect_ini(nul, sizeof(nul) - 1, ".a=b@1;!f.ini:2: bytes that are no text");
    expect_ini("a=\xff\n", 4, "!f.ini:1: bytes that are no text");
    expect_ini("a=\x1b[1m\n", 7, "!f.ini:1: bytes that are no text");
    MT_CLEANUP(strbuf) struct strbuf big = STRBUF_INIT;
    strbuf_addstr(&big, "k=");
    for (int i = 0; i < INI_VALUE_MAX; i++) {
        strbuf_addch(&big, 'x');
    }
    expect_ini(big.buf, big.len, "!f.ini:1: k: longer than 4095 bytes");
    strbuf_truncate(&big, big.len - 1);
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    assert_int_equal(ini_parse(big.buf, big.len, "f", collect, &got, &err), 0);
}

/* What a text is as a preset: "model|runtime|host|port", or "!error". */
static void expect_preset(const char *text, const char *want)
{
    struct preset p = {.error = ERROR_INIT};
    struct error err = ERROR_INIT;
    char got[700];
    if (preset_parse(&p, text, strlen(text), "p.ini", &err) < 0) {
        str_format(got, sizeof(got), "!%s", err.msg);
    } else {
        str_format(got, sizeof(got), "%s|%s|%s|%d", p.model, p.runtime, p.host, (int)p.port);
    }
    free(p.model);
    assert_string_equal(got, want);
}

static void test_keys(void **state)
{
    (void)state;
    expect_preset("model = org/m:Q4\n", "org/m:Q4|||0");
    expect_preset("[x]\nmodel_id=a\n[y]\nengine_runtime = llama\nhost=0.0.0.0\nport=1234\ntemperature=1\n",
                  "a|llama|0.0.0.0|1234");
    expect_preset("profile=c\nmodel_id=b\nmodel=a\n", "a|||0");
    expect_preset("profile=c\nmodel_id=b\n", "b|||0");
    expect_preset("", "!p.ini:1: no model: it says neither model nor model_id nor profile");
    expect_preset("model=a\nmodel=b\n", "!p.ini:2: model stands in line 1 already");
    expect_preset("\nmodel=\n", "!p.ini:2: model: the model's name is empty");
    expect_preset("model=$(id)\n",
                  "!p.ini:1: model: the model's name \"$(id)\" may hold only letters, digits and . _ : / -");
    expect_preset("model=-rf\n", "!p.ini:1: model: the model's name \"-rf\" begins with -, like an option");
    expect_preset("model=a\nruntime=vllm\n", "!p.ini:2: runtime: \"vllm\" is neither mlxcel nor llama");
    expect_preset("model=a\nruntime=llama\nengine_runtime=llama\n",
                  "!p.ini:3: engine_runtime stands in line 2 already");
    expect_preset("model=a\nport=0\n", "!p.ini:2: port: \"0\" is none (1 to 65535)");
    expect_preset("model=a\nport=65536\n", "!p.ini:2: port: \"65536\" is none (1 to 65535)");
    expect_preset("model=a\nhost=--x\n", "!p.ini:2: the host is no address: letters, digits and . : _ -, at most 63");
}

static const struct preset *entry(const struct presets *p, const char *file)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->v[i].file, file) == 0) {
            return &p->v[i];
        }
    }
    fail_msg("%s is not listed", file);
    return NULL;
}

#define DIR ".config/muthr/provider.d/"

static void test_folder(void **state)
{
    (void)state;
    struct temphome t;
    struct presets p;
    struct error err = ERROR_INIT;
    temphome_open(&t);
    presets_load(&p, &t.paths); /* no folder at all */
    assert_int_equal(p.count, 0);
    assert_null(presets_find(&p, "x", &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    presets_release(&p);

    temphome_write(&t, DIR "good.ini", "model=org/good\nruntime=llama\n");
    temphome_write(&t, DIR "deep/er/twin.ini", "model=one\n");
    temphome_write(&t, DIR "other/twin.ini", "model=two\n");
    temphome_write(&t, DIR "notes.txt", "not mine");
    temphome_write(&t, DIR "junk.ini", "\x01\x02\xff\xfe");
    temphome_write(&t, DIR "none.ini", "[model]\n");
    temphome_write(&t, DIR "bad name.ini", "model=x\n");
    temphome_write(&t, DIR "secret.ini", "model=x\n");
    MT_CLEANUP(xfree) char *dir = path_join(t.paths.config, "provider.d");
    MT_CLEANUP(xfree) char *big = path_join(dir, "big.ini");
    MT_CLEANUP(xfree) char *secret = path_join(dir, "secret.ini");
    MT_CLEANUP(xfree) char *back = path_join(dir, "deep/back");
    MT_CLEANUP(xfree) char *round = path_join(dir, "round.ini");
    MT_CLEANUP(xfree) char *pipe_path = path_join(dir, "fifo.ini");
    temphome_write(&t, DIR "big.ini", "model=x\n");
    assert_int_equal(truncate(big, 10 << 20), 0);
    assert_int_equal(chmod(secret, 0), 0);
    assert_int_equal(symlink("..", back), 0);
    assert_int_equal(symlink("round.ini", round), 0);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    presets_load(&p, &t.paths);
    assert_int_equal(p.count, 11);
    const struct preset *good = presets_find(&p, "good", &err);
    assert_non_null(good);
    assert_string_equal(good->model, "org/good");
    assert_string_equal(good->runtime, "llama");
    assert_non_null(strstr(entry(&p, "junk.ini")->error.msg, "junk.ini:1: bytes that are no text"));
    assert_non_null(strstr(entry(&p, "none.ini")->error.msg, "none.ini:1: no model"));
    assert_non_null(strstr(entry(&p, "big.ini")->error.msg, "larger than 65536 bytes"));
    assert_non_null(strstr(entry(&p, "bad name.ini")->error.msg, "its name cannot be"));
    assert_non_null(strstr(entry(&p, "fifo.ini")->error.msg, "not a regular file"));
    assert_non_null(strstr(entry(&p, "deep/back")->error.msg, "a link back to a folder above it"));
    assert_int_not_equal(entry(&p, "round.ini")->error.code, ERROR_NONE);
    if (geteuid() != 0) {
        assert_int_equal(entry(&p, "secret.ini")->error.code, ERROR_DENIED);
    }
    assert_null(presets_find(&p, "twin", &err)); /* neither is started silently */
    assert_int_equal(err.code, ERROR_INVALID);
    assert_non_null(strstr(err.msg, "deep/er/twin.ini"));
    assert_non_null(strstr(err.msg, "other/twin.ini"));
    assert_string_equal(presets_find(&p, "other/twin", &err)->model, "two");
    assert_string_equal(presets_find(&p, "deep/er/twin.ini", &err)->model, "one");
    assert_null(presets_find(&p, "none", &err));
    assert_non_null(strstr(err.msg, "no model"));
    presets_release(&p);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ini),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
