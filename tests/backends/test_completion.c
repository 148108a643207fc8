/* SPDX-License-Identifier: Apache-2.0 */
/* Completion: every verb and option is in every script, bash completes with it (real bash, the real program's lists),
 * and what a folder is called is never run. */
#include "tests/backends/verb_rig.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/skip.h"

static const char *const shells[] = {"bash", "zsh", "fish"};

/* Where a program is in PATH; NULL. free(). */
static char *in_path(const char *name)
{
    for (const char *p = getenv("PATH"); p != NULL && *p != '\0';) {
        size_t n = strcspn(p, ":");
        char *file = xasprintf("%.*s/%s", (int)n, p, name);

        if (access(file, X_OK) == 0) {
            return file;
        }
        free(file);
        p += n + (p[n] == ':');
    }
    return NULL;
}

/* Runs a shell instead of the program. */
static void shell_run(struct ran *r, const char *shell, const char *const *args)
{
    char *program = xstrdup(getenv("MT_TEST_PROGRAM"));

    setenv("MT_TEST_PROGRAM", shell, 1);
    verb_run_how(r, NULL, args);
    setenv("MT_TEST_PROGRAM", program, 1);
    free(program);
}

/* Fails unless the script has each word of `text` that begins a line of it, as verbs do in the help of all, or that
 * begins with "--", as options do in a verb's. Adds to `verbs` what begins lines. */
static void expect_words(const struct strbuf *script, const char *text, bool fish, struct strvec *verbs)
{
    for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n') {
        size_t line = strcspn(text, "\n");
        const char *option = strstr(text, "--");

        if (verbs != NULL && strncmp(text, "  ", 2) == 0 && text[2] >= 'a' && text[2] <= 'z' &&
            strncmp(text + 2, "muthr-tui ", 10) != 0) {
            char *verb = xstrndup(text + 2, strcspn(text + 2, " "));

            expect_text(script, verb);
            strvec_push(verbs, verb);
            free(verb);
        } else if (verbs == NULL && strncmp(text, "  ", 2) == 0 && option != NULL && option < text + line) {
            char *name = xstrndup(option, strcspn(option, " \n"));

            expect_text(script, fish ? name + 2 : name);
            free(name);
        }
    }
}

/* A shell that is here reads its script without a word. */
static void expect_parsed(const char *name, const char *script)
{
    char *shell = in_path(name);

    if (shell != NULL) {
        struct ran parsed = RAN_INIT;

        home_write("script", script);
        shell_run(&parsed, shell, (const char *const[]){"-n", "../../script", NULL});
        ran_expect(&parsed, 0);
        assert_int_equal(parsed.err.len, 0);
        ran_release(&parsed);
    }
    free(shell);
}

static void test_all_is_in_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(shells); i++) {
        struct ran r = RAN_INIT, help = RAN_INIT;
        MT_CLEANUP(strvec) struct strvec verbs = STRVEC_INIT;

        verb_run(&r, "completion", shells[i]);
        ran_expect(&r, 0);
        assert_int_equal(r.err.len, 0);
        verb_run(&help, "--help");
        expect_words(&r.out, help.out.buf, i == 2, &verbs);
        assert_true(verbs.len > 20);
        for (size_t k = 0; k < verbs.len; k++) {
            verb_run(&help, verbs.v[k], "--help");
            ran_expect(&help, 0);
            expect_words(&r.out, help.out.buf, i == 2, NULL);
        }
        expect_parsed(shells[i], r.out.buf);
        ran_release(&help);
        ran_release(&r);
    }
    verb_expect(64, "completion", "tcsh");
    verb_expect(64, "completion");
    /* A broken file of settings keeps nobody from pressing Tab, and make install from installing. */
    home_write(".config/muthr/muthr.toml", "nonsense [\n");
    verb_expect(0, "completion", "bash");
}

static void test_bash(void **state)
{
    static const struct {
        const char *words, *want; /* want: "<a><b>" in the order of the table or of names */
    } cases[] = {
        {"sta", "<start>"},
        {"--root /tmp st", "<start><stop>"},
        {"help st", "<start><stop>"},
        {"start ''", "<\\$\\(touch\\ ran\\)><a\\ b><demo><it\\'s><other>"},
        {"start d", "<demo>"},
        {"start demo -q o", "<other>"},
        {"start --net ''", "<none><model><full><shared>"},
        {"start --net = f", "<full>"},
        {"start --net = full d", "<demo>"},
        {"start --prof", "<--profile>"},
        {"start --profile ''", "<mine>"},
        {"start --env ''", ""},
        {"--theme nor", "<nord2>"},
        {"task ''", "<run><ls><logs><stop><restart>"},
        {"task run -s o", "<other>"},
        {"task logs d", ""},
        {"image b", "<build>"},
        {"image build d", "<demo>"},
        {"apply demo s", "<src>"},
        {"shell demo -- sr", "<src>"},
        {"watch --only s", "<session><service>"},
        {"completion z", "<zsh>"},
        {"nosuch d", ""},
    };
    static const char script[] = "eval \"$(muthr-tui completion bash)\"\n"
                                 "mkdir -p src\n"
                                 "t() { COMP_WORDS=(muthr-tui \"$@\"); COMP_CWORD=$#; _muthr_tui 2>/dev/null\n"
                                 "for w in \"${COMPREPLY[@]}\"; do printf '<%s>' \"$w\"; done; printf '\\n'; }\n";
    struct ran r = RAN_INIT;
    char *bash = in_path("bash"), *dir = path_join(vr.base, "bin"), *link = path_join(dir, "muthr-tui");
    char *path = xasprintf("%s:%s", dir, getenv("PATH")), *before = xstrdup(getenv("PATH"));
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    (void)state;
    if (bash == NULL) {
        skip_because("no bash here");
    }
    assert_int_equal(fs_mkdirs(dir, 0755, NULL), 0);
    assert_int_equal(symlink(getenv("MT_TEST_PROGRAM"), link), 0);
    home_write("src/$(touch ran)/file", "");
    home_write("src/it's/file", "");
    profile_write("mine", "true\n");
    home_write(".config/muthr/themes/nord2.toml", "");
    strbuf_addstr(&text, script);
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        strbuf_addf(&text, "t %s\n", cases[i].words);
    }
    setenv("PATH", path, 1);
    shell_run(&r, bash, (const char *const[]){"-c", text.buf, NULL});
    setenv("PATH", before, 1);
    ran_expect(&r, 0);
    const char *line = r.out.buf;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        size_t n = strcspn(line, "\n");

        if (strlen(cases[i].want) != n || strncmp(line, cases[i].want, n) != 0) {
            fail_msg("muthr-tui %s: %.*s, not %s", cases[i].words, (int)n, line, cases[i].want);
        }
        line += n + (line[n] == '\n');
    }
    assert_false(home_exists("src/demo/ran"));
    free(bash);
    free(dir);
    free(link);
    free(path);
    free(before);
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_is_in_it, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_bash, verb_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
