/* SPDX-License-Identifier: Apache-2.0 */
/* Attention by the host alone: real hosts with nobody attached, and what they tell who comes later. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

static struct rig rig;
static struct rig_client a;

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
    if (a.s != NULL) {
        rig_client_close(&a);
    }
    rig_close(&rig);
    return 0;
}

/* A folder of this source tree: tests run at its top. */
static char *source(const char *name)
{
    char here[512];
    assert_non_null(getcwd(here, sizeof(here)));
    return path_join(here, name);
}

/* Starts `sh -c script` as a session of this kind and label, with $SCREENS (captured screens of agents) and $BASE (a
 * folder of the test). Its own rules are $BASE/config/attention.toml. */
static void start(enum session_kind kind, const char *label, const char *script, char id[SESSION_ID_MAX])
{
    MT_CLEANUP(xfree) char *screens = source("tests/data/attention"), *shipped = source("term/attention.toml");
    MT_CLEANUP(xfree) char *env_screens = xasprintf("SCREENS=%s", screens);
    MT_CLEANUP(xfree) char *env_base = xasprintf("BASE=%s", rig.base);
    MT_CLEANUP(xfree) char *own = xasprintf("%s/config/attention.toml", rig.base);
    const char *const argv[] = {"sh", "-c", script, NULL}, *const env[] = {env_screens, env_base, NULL};
    struct session_start spec = {.kind = kind,
                                 .label = label,
                                 .argv = argv,
                                 .env = env,
                                 .cols = 100,
                                 .rows = 30,
                                 .rules_own = own,
                                 .rules_shipped = shipped};
    if (!rig_start_spec(&a, &spec)) {
        fail_msg("%s: %s", label, a.start_err.msg);
    }
    str_copy(id, SESSION_ID_MAX, a.start_id);
}

static bool is_scanned(void *arg)
{
    return ((struct rig_client *)arg)->scanned;
}

#define SHOW(file) "cat $SCREENS/" file ".txt;"
#define ALT "printf '\\033[?1049h\\033[H';"
/* Each ends by telling us that it is done with what it does, and stays. */
#define STAY(name) "touch $BASE/" name "; exec sleep 1000"

struct expected {
    const char *name; /* of the file that tells */
    enum session_kind kind;
    const char *label, *script;
    enum attention_kind attention;
    const char *text;
    bool working;
};

static const struct expected EXPECTED[] = {
    {"bell", SESSION_SHELL, "shell", "printf '\\007';" STAY("bell"), ATTENTION_BELL, "", false},
    {"title", SESSION_SHELL, "shell", "printf '\\033]2;t\\007\\033]7;file://h/\\007';" STAY("title"), ATTENTION_NONE,
     "", false},
    {"osc9", SESSION_SHELL, "shell", "printf '\\033]9;Built\\007';" STAY("osc9"), ATTENTION_NOTIFY, "Built", false},
    {"osc777", SESSION_TASK, "make", "printf '\\033]777;notify;Make;done\\033\\\\';" STAY("osc777"), ATTENTION_NOTIFY,
     "Make: done", false},
    {"osc99", SESSION_SHELL, "shell", "printf '\\033]99;i=1:d=0;Hel\\033\\\\\\033]99;i=1;lo\\033\\\\';" STAY("osc99"),
     ATTENTION_NOTIFY, "Hello", false},
    {"progress", SESSION_AGENT, "other", "printf '\\033]9;4;1;40\\007';" STAY("progress"), ATTENTION_NONE, "", true},
    {"progressed", SESSION_AGENT, "other", "printf '\\033]9;4;1;40\\007\\033]9;4;0\\007';" STAY("progressed"),
     ATTENTION_WAITING, "", false},
    {"command", SESSION_SHELL, "shell", "printf '\\033]133;C\\007';" STAY("command"), ATTENTION_NONE, "", false},
    {"prompt", SESSION_SHELL, "shell", "printf '\\033]133;C\\007\\033]133;D;1\\007\\033]133;A\\007$ ';" STAY("prompt"),
     ATTENTION_NONE, "", false},
    {"quiet", SESSION_AGENT, "other",
     "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo $i; sleep 0.1; done; sleep 3;" STAY("quiet"),
     ATTENTION_WAITING, "", false},
    {"failed", SESSION_TASK, "make", "touch $BASE/failed; exit 3", ATTENTION_FAILED, "exited 3", false},
    {"asks", SESSION_AGENT, "claude", SHOW("claude-ask") "sleep 2;" STAY("asks"), ATTENTION_WAITING,
     "Do you want to proceed?", false},
    {"works", SESSION_AGENT, "claude", SHOW("claude-working") "sleep 4;" STAY("works"), ATTENTION_NONE, "", true},
    {"turn", SESSION_AGENT, "codex",
     ALT SHOW("codex-working") "sleep 2; printf '\\033[2J\\033[H';" SHOW("codex-done") "sleep 2;" STAY("turn"),
     ATTENTION_WAITING, "its turn is over", false},
    {"fresh", SESSION_AGENT, "opencode", ALT SHOW("opencode-idle") "sleep 4;" STAY("fresh"), ATTENTION_NONE, "", false},
    /* on the alternate screen, with a clock that never comes to rest beside it */
    {"clock", SESSION_AGENT, "opencode",
     ALT SHOW("opencode-ask") "i=0; while [ $i -lt 40 ]; do printf '\\033[1;90H%d' $i; sleep 0.1; i=$((i+1)); "
                              "done;" STAY("clock"),
     ATTENTION_WAITING, "permission required", false},
    /* started by hand in a shell, known by its title */
    {"hand", SESSION_SHELL, "shell",
     "printf '\\033]0;\\342\\234\\263 Claude Code\\007';" SHOW("claude-ask") "sleep 3;" STAY("hand"), ATTENTION_WAITING,
     "Do you want to proceed?", false},
    {"gone", SESSION_SHELL, "shell",
     "printf '\\033]0;OpenCode\\007'; sleep 2; printf '\\033]0;me@here\\007';" SHOW("opencode-ask") "sleep 3;" STAY(
         "gone"),
     ATTENTION_NONE, "", false},
    /* the same screen in a shell that has nothing to do with agents */
    {"other", SESSION_SHELL, "shell", SHOW("opencode-ask") "sleep 2;" STAY("other"), ATTENTION_NONE, "", false},
};

static bool is_as_expected(void *arg)
{
    const struct expected *e = ((void **)arg)[0];
    const struct session_info *s = sessions_find(a.s, ((void **)arg)[1]);
    return s != NULL && s->attention == e->attention && strcmp(s->attention_text, e->text) == 0 &&
           s->working == e->working;
}

/* All at once, so that their sleeping takes the time of one. */
static void test_nobody_attached(void **state)
{
    char ids[MT_ARRAY_LEN(EXPECTED)][SESSION_ID_MAX];
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(EXPECTED); i++) {
        start(EXPECTED[i].kind, EXPECTED[i].label, EXPECTED[i].script, ids[i]);
    }
    rig_client_close(&a);
    for (size_t i = 0; i < MT_ARRAY_LEN(EXPECTED); i++) {
        MT_CLEANUP(xfree) char *told = xasprintf("%s/%s", rig.base, EXPECTED[i].name);
        if (!rig_wait_path(&rig, told, true)) {
            fail_msg("%s does not come to its end", EXPECTED[i].name);
        }
    }
    rig_turn(&rig, 200); /* what it wrote last is read by its host */
    uint64_t before = clock_wall_ms();
    rig_client_open(&a, &rig);
    assert_true(rig_wait(&rig, is_scanned, &a, RIG_WAIT_MS));
    for (size_t i = 0; i < MT_ARRAY_LEN(EXPECTED); i++) {
        const struct expected *e = &EXPECTED[i];
        void *arg[] = {(void *)(uintptr_t)e, ids[i]};
        bool good = rig_wait(&rig, is_as_expected, arg, 3000);
        const struct session_info *s = sessions_find(a.s, ids[i]);
        assert_non_null(s);
        if (!good ||
            (s->attention != ATTENTION_NONE && (s->attention_since_ms == 0 || s->attention_since_ms > before))) {
            fail_msg("%s: attention %d \"%s\" working %d, %lld ms after", e->name, (int)s->attention, s->attention_text,
                     s->working, (long long)s->attention_since_ms - (long long)before);
        }
    }
}

static bool waits_with(void *arg)
{
    const struct session_info *s = sessions_find(a.s, ((void **)arg)[0]);
    return s->attention == ATTENTION_WAITING && strcmp(s->attention_text, ((void **)arg)[1]) == 0;
}

/* Rules that are saved while the session runs count at once; half a file changes nothing. */
static void test_rules_are_followed(void **state)
{
    MT_CLEANUP(xfree) char *folder = xasprintf("%s/config", rig.base), *own = path_join(folder, "attention.toml");
    const char *rule = "[[rule]]\nagent = 'mine'\nmatch = '^Deploy'\nstate = 'waiting'\n";
    const char *other = "[[rule]]\nagent = 'mine'\nmatch = '^Deploy'\nstate = 'waiting'\ntext = 'deploys'\n";
    char id[SESSION_ID_MAX];
    void *first[] = {id, (void *)(uintptr_t) "Deploy now"}, *second[] = {id, (void *)(uintptr_t) "deploys"};
    (void)state;
    assert_int_equal(fs_mkdirs(folder, 0700, NULL), 0);
    start(SESSION_AGENT, "mine", "printf 'Deploy now\\n'; exec sleep 1000", id);
    assert_int_equal(sessions_view(a.s, id, 100, 30, NULL), 0);
    rig_expect(&a, id, "Deploy now");
    assert_int_equal(fs_write_atomic(own, rule, strlen(rule), 0600, NULL), 0);
    assert_true(rig_wait(&rig, waits_with, first, RIG_WAIT_MS));
    assert_int_equal(fs_write_atomic(own, rule, strlen(rule) - 3, 0600, NULL), 0);
    rig_turn(&rig, 1200);
    assert_true(waits_with(first));
    assert_int_equal(fs_write_atomic(own, other, strlen(other), 0600, NULL), 0);
    assert_true(rig_wait(&rig, waits_with, second, RIG_WAIT_MS));
}

static bool has_ended(void *arg)
{
    return sessions_find(a.s, arg)->attention == ATTENTION_FINISHED;
}

/* A program that rings and notifies without end is told of once a second, not as often as it likes. */
static void test_repeating_program(void **state)
{
    char id[SESSION_ID_MAX];
    (void)state;
    start(SESSION_SHELL, "shell",
          "read go; i=0; while [ $i -lt 2000 ]; do printf '\\007\\033]9;number %d\\007' $i; i=$((i+1)); done; exit 0",
          id);
    assert_int_equal(sessions_view(a.s, id, 100, 30, NULL), 0);
    rig_turn(&rig, 1500);
    int before = a.changed;
    uint64_t at = clock_mono_ms();
    rig_type(&a, id, "\r");
    assert_true(rig_wait(&rig, has_ended, id, RIG_WAIT_MS));
    uint64_t seconds = (clock_mono_ms() - at) / 1000 + 1;
    assert_true((uint64_t)(a.changed - before) <= 10 + 3 * seconds);
}

/* sessions: what it wants a person for. */
static bool wants(void *arg)
{
    void **a_and_kind = arg;
    const struct session_info *s = sessions_find(a.s, a_and_kind[0]);
    return s != NULL && s->attention == *(const enum attention_kind *)a_and_kind[1];
}

static void expect_attention(const char *id, enum attention_kind kind)
{
    void *arg[] = {(void *)(uintptr_t)id, &kind};
    if (!rig_wait(&rig, wants, arg, RIG_WAIT_MS)) {
        fail_msg("attention is %d, not %d", sessions_find(a.s, id)->attention, kind);
    }
}

/* --- three sessions whose waiting takes the time of one --- */

/* An agent that is quiet costs nothing: no look, no clock. */
struct quiet {
    char id[SESSION_ID_MAX];
    int pid;
    long before;       /* how often its host had run */
    uint64_t since_ms; /* when it asked; when that was counted */
};

static void quiet_begin(struct quiet *q)
{
    void *arg[] = {q->id, (void *)(uintptr_t) "Do you want to proceed?"};
    start(SESSION_AGENT, "claude", SHOW("claude-ask") "exec sleep 1000", q->id);
    assert_true(rig_wait(&rig, waits_with, arg, RIG_WAIT_MS));
    q->pid = sessions_find(a.s, q->id)->host_pid;
    q->since_ms = clock_mono_ms();
}

/* Turns the loop until so long has passed. */
static void turn_until(uint64_t when_ms)
{
    uint64_t now = clock_mono_ms();
    if (now < when_ms) {
        rig_turn(&rig, (int)(when_ms - now));
    }
}

static void quiet_count(struct quiet *q)
{
    turn_until(q->since_ms + 3000); /* whatever was still due */
    q->before = rig_proc_status(q->pid, "voluntary_ctxt_switches:");
    q->since_ms = clock_mono_ms();
}

static void quiet_end(struct quiet *q)
{
    turn_until(q->since_ms + 4000);
    assert_true(q->before > 0);
    assert_int_equal(rig_proc_status(q->pid, "voluntary_ctxt_switches:") - q->before, 0);
}

#define ASKING_SCRIPT "#!/bin/sh\ncat \"$SCREENS/codex-ask.txt\"\nread -r x\n"

/* A script runs an agent and then something else, in one process group. */
static void script_begin(char id[SESSION_ID_MAX])
{
    MT_CLEANUP(xfree) char *agent = path_join(rig.base, "codex");
    assert_int_equal(fs_write_atomic(agent, ASKING_SCRIPT, strlen(ASKING_SCRIPT), 0700, NULL), 0);
    start(SESSION_SHELL, "shell",
          "echo begun; $BASE/codex; sleep 3; printf '\\033[2J\\033[H'; cat $SCREENS/codex-ask.txt; sleep 3; touch "
          "$BASE/later; exec sleep 1000",
          id);
    expect_attention(id, ATTENTION_WAITING);
    rig_type(&a, id, "\r");
    expect_attention(id, ATTENTION_NONE);
}

static void script_end(const char *id)
{
    MT_CLEANUP(xfree) char *later = path_join(rig.base, "later");
    assert_true(rig_wait_path(&rig, later, true));
    expect_attention(id, ATTENTION_NONE);
}

/* Typed into a shell: known by its name while it stands in the foreground, and no longer. */
static void test_agents_by_hand(void **state)
{
    MT_CLEANUP(xfree) char *bin = path_join(rig.base, "bin"), *agent = path_join(bin, "codex");
    MT_CLEANUP(xfree) char *js = path_join(bin, "codex.js"), *node = path_join(bin, "node");
    char id[SESSION_ID_MAX], script[SESSION_ID_MAX];
    struct quiet quiet = {0};
    (void)state;
    quiet_begin(&quiet);
    script_begin(script);
    assert_int_equal(fs_mkdirs(bin, 0700, NULL), 0);
    assert_int_equal(fs_write_atomic(agent, ASKING_SCRIPT, strlen(ASKING_SCRIPT), 0700, NULL), 0);
    assert_int_equal(fs_write_atomic(js, ASKING_SCRIPT, strlen(ASKING_SCRIPT), 0600, NULL), 0);
    assert_int_equal(symlink("/bin/sh", node), 0);
    start(SESSION_SHELL, "shell", "PS1='READY> ' exec bash --norc --noprofile -i", id);
    assert_int_equal(sessions_view(a.s, id, 100, 30, NULL), 0);
    rig_expect(&a, id, "READY>");
    /* Only shown: nobody asks. */
    rig_type(&a, id, "cat $SCREENS/codex-ask.txt\r");
    rig_expect(&a, id, "Press enter to confirm");
    rig_turn(&rig, 2500);
    expect_attention(id, ATTENTION_NONE);
    quiet_count(&quiet);
    /* By its name, by that of a script that an interpreter runs, and behind a wrapper in a pipeline. */
    static const char *const commands[] = {"$BASE/bin/codex", "$BASE/bin/node $BASE/bin/codex.js",
                                           "true | sh -c '$BASE/bin/codex; true' </dev/tty"};
    for (size_t i = 0; i < MT_ARRAY_LEN(commands); i++) {
        MT_CLEANUP(xfree) char *line = xasprintf("clear; %s\r", commands[i]);
        rig_type(&a, id, line);
        expect_attention(id, ATTENTION_WAITING);
        assert_non_null(strstr(sessions_find(a.s, id)->attention_text, "Would you like to"));
        rig_type(&a, id, "\r");
        expect_attention(id, ATTENTION_NONE);
    }
    /* It has ended: its screen is only a text again, whatever title it left. */
    rig_type(&a, id, "clear; printf '\\033]0;OpenCode\\007'; cat $SCREENS/codex-ask.txt $SCREENS/opencode-ask.txt\r");
    rig_turn(&rig, 3000);
    expect_attention(id, ATTENTION_NONE);
    quiet_end(&quiet);
    script_end(script);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_nobody_attached),
        T(test_rules_are_followed),
        T(test_repeating_program),
        T(test_agents_by_hand),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
