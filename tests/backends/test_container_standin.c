/* SPDX-License-Identifier: Apache-2.0 */
/* The stand-in itself: what each version accepts and refuses, and in which words and shapes. Where those are published
 * stands at the top of tests/play/container/main.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/skip.h"

#define MINI "localhost/muthr-mini"

static struct standin_ran ran;

static int open_standin(void **state)
{
    (void)state;
    ran = STANDIN_RAN_INIT;
    if (!standin_unusable()) {
        standin_open(NULL, "1.2.2");
    }
    return 0;
}

static int close_standin(void **state)
{
    (void)state;
    if (!standin_unusable()) {
        standin_close();
    }
    standin_ran_release(&ran);
    return 0;
}

#define need_standin()                                                                                                 \
    do {                                                                                                               \
        if (standin_unusable()) {                                                                                      \
            skip_because("%s", standin_unusable());                                                                    \
        }                                                                                                              \
    } while (0)

/* Runs a line of words; '~' in a word is a blank. */
static void run_line(const char *line)
{
    struct strvec words = STRVEC_INIT;
    for (const char *p = line; *p; p += strcspn(p, " "), p += *p == ' ') {
        strvec_pushf(&words, "%.*s", (int)strcspn(p, " "), p);
        for (char *q = words.v[words.len - 1]; *q; q++) {
            *q = *q == '~' ? ' ' : *q;
        }
    }
    standin_run_argv(&ran, NULL, (const char *const *)words.v);
    strvec_release(&words);
}

static void expect(const char *line, int code, const char *text)
{
    run_line(line);
    if (ran.code != code || (text && !strstr(ran.err.buf, text) && !strstr(ran.out.buf, text))) {
        fail_msg("container %s: exit %d (%d wanted), out: %.300s, err: %.600s, text: %s", line, ran.code, code,
                 ran.out.buf, ran.err.buf, text ? text : "");
    }
}

struct line {
    const char *from, *until; /* versions: accepted from, and from `until` on no more; "" everywhere, NULL nowhere */
    const char *words;
    int code; /* where it is accepted */
    const char *refusal;
};

static const struct line lines[] = {
    {"", NULL, "list --all --format json", 0, NULL},
    {NULL, NULL, "list --all --format yaml", 0, "The value 'yaml' is invalid for '--format <format>'"},
    {NULL, NULL, "list extra", 0, "Unexpected argument 'extra'"},
    {NULL, NULL, "list --everything", 0, "Unknown option '--everything'"},
    {NULL, NULL, "start", 0, "Missing expected argument '<container-id>'"},
    {NULL, NULL, "start a b c", 0, "2 unexpected arguments: 'b', 'c'"},
    {NULL, NULL, "stop --time soon a", 0, "The value 'soon' is invalid for '-t, --time <time>'"},
    {NULL, NULL, "create --name aa --cpus 1.5 " MINI, 0, "The value '1.5' is invalid for '-c, --cpus <cpus>'"},
    {NULL, NULL, "create --name aa --cpus=1.5 " MINI, 0, "The value '1.5' is invalid for '-c, --cpus <cpus>'"},
    {NULL, NULL, "create --name", 0, "Missing value for '--name <name>'"},
    {NULL, NULL, "create --hostname x " MINI, 0, "Unknown option '--hostname'"},
    {NULL, NULL, "create --pids-limit 5 " MINI, 0, "Unknown option '--pids-limit'"},
    {NULL, NULL, "create --security-opt x " MINI, 0, "Unknown option '--security-opt'"},
    {NULL, NULL, "create --progress plain " MINI, 0, "Unknown option '--progress'"},
    {NULL, NULL, "update x", 0, "Plugin 'container-update' not found."},
    {NULL, NULL, "events", 0, "Plugin 'container-events' not found."},
    {NULL, NULL, "resize a 1 2", 0, "Plugin 'container-resize' not found."},
    {NULL, NULL, "commit a b", 0, "Plugin 'container-commit' not found."},
    {NULL, NULL, "pause a", 0, "Plugin 'container-pause' not found."},
    {"0.7", NULL, "stats --no-stream --format json", 0, "Plugin 'container-stats' not found."},
    {"0.8", NULL, "system version --format json", 0, "Unexpected argument 'version'"},
    {"0.8", NULL, "create --name flag-a --read-only " MINI, 0, "Unknown option '--read-only'"},
    {"0.9", NULL, "create --name flag-b --ulimit nproc=100 " MINI, 0, "Unknown option '--ulimit'"},
    {"0.10", NULL, "create --name flag-c --init " MINI, 0, "Unknown option '--init'"},
    {"0.10", NULL, "system status --format json", 0, "Unknown option '--format'"},
    {"0.10", NULL, "export -o /dev/null/x none", 1, "Plugin 'container-export' not found."},
    {"0.12", NULL, "create --name flag-d --cap-drop ALL --cap-add CHOWN " MINI, 0, "Unknown option '--cap-drop'"},
    {"0.12", NULL, "image pull --progress plain busybox", 0, NULL},
    {"0.7", NULL, "image pull --progress none busybox", 0, "Unknown option '--progress'"},
    {"", "0.7", "image pull --disable-progress-updates busybox", 0, "Unknown option '--disable-progress-updates'"},
    {"1.0", NULL, "create --name flag-e --shm-size 64M " MINI, 0, "Unknown option '--shm-size'"},
    {"1.0", NULL, "copy /etc/passwd none:/x", 1, "Plugin 'container-copy' not found."},
    {"1.0", NULL, "cp /etc/passwd none:/x", 1, "Plugin 'container-cp' not found."},
    {"0.9", NULL, "prune", 0, "Plugin 'container-prune' not found."},
};

/* Is `version` at least `floor`, part by part? */
static bool at_least(const char *version, const char *floor)
{
    int v[3] = {0}, f[3] = {0};
    sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]);
    sscanf(floor, "%d.%d.%d", &f[0], &f[1], &f[2]);
    return v[0] * 10000 + v[1] * 100 + v[2] >= f[0] * 10000 + f[1] * 100 + f[2];
}

static void accepts_and_refuses_by_version(void **state)
{
    static const char *const versions[] = {"0.6.0", "0.7.1", "0.8.0", "0.10.0", "0.12.3", "1.2.2"};
    (void)state;
    need_standin();
    for (size_t v = 0; v < MT_ARRAY_LEN(versions); v++) {
        standin_version(versions[v]);
        for (size_t i = 0; i < MT_ARRAY_LEN(lines); i++) {
            const struct line *l = &lines[i];
            bool accepted = l->from && at_least(versions[v], l->from) && !(l->until && at_least(versions[v], l->until));
            expect(l->words, accepted ? l->code : 64, accepted ? NULL : l->refusal);
        }
        run_line("delete --all --force");
    }
}

static void refuses_bad_values_in_both_styles(void **state)
{
    static const struct {
        const char *words, *code, *text;
    } bad[] = {
        {"create --name aa --label a=b=c " MINI, "invalidArgument", "invalid label format a=b=c"},
        {"create --name aa --volume /nosuch/x:/y " MINI, "invalidArgument", "path '/nosuch/x' does not exist"},
        {"create --name aa --volume /tmp:/a:ro:more " MINI, "invalidArgument", "invalid volume format"},
        {"create --name aa --mount type=bind,source=/nosuch,target=/a " MINI, "invalidArgument", "does not exist"},
        {"create --name aa --mount type=overlay,target=/a " MINI, "invalidArgument", "unsupported mount type overlay"},
        {"create --name aa --network nosuch " MINI, "notFound", "nosuch"},
        {"create --name aa --network none --network default " MINI, "unsupported", "no other networks"},
        {"create --name aa --publish :80 " MINI, "invalidArgument", "invalid publish value: :80"},
        {"create --name aa --publish 0:80 " MINI, "invalidArgument", "invalid publish host port"},
        {"create --name aa --publish 81:80/sctp " MINI, "invalidArgument", "invalid publish protocol: sctp"},
        {"create --name a~b " MINI, "invalidArgument", "a b"},
        {"create --name a " MINI, "invalidArgument", "invalid entity name a"},
        {"create --name aa nosuch/image", "notFound", "404 Not Found"},
        {"exec none true", "notFound", "not found"},
        {"start none", "notFound", "not found"},
    };
    (void)state;
    need_standin();
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        char *begin = xasprintf("Error: %s: \"", bad[i].code);
        standin_version("0.7.1");
        expect(bad[i].words, 1, bad[i].text);
        assert_true(strncmp(ran.err.buf, begin, strlen(begin)) == 0);
        standin_version("1.2.2");
        expect(bad[i].words, 1, bad[i].text);
        assert_non_null(strstr(ran.err.buf, "Error: "));
        assert_null(strstr(ran.err.buf, begin));
        free(begin);
    }
    standin_version("0.10.0");
    expect("create --name aa --memory 199M " MINI, 1, "minimum memory amount allowed is 200 MiB (got 208666624 bytes)");
    standin_version("0.9.0");
    expect("create --name aa --memory 199M " MINI, 0, "aa");
    expect("create --name aa " MINI, 1, "container already exists: aa");
}

static void too_many_ports_are_refused(void **state)
{
    struct strvec words = STRVEC_INIT;
    (void)state;
    need_standin();
    strvec_pushl(&words, "create", "--name", "many", NULL);
    for (int i = 0; i < 65; i++) {
        strvec_push(&words, "--publish");
        strvec_pushf(&words, "%d:80", 20000 + i);
    }
    strvec_push(&words, MINI);
    standin_run_argv(&ran, NULL, (const char *const *)words.v);
    assert_int_equal(ran.code, 1);
    assert_non_null(strstr(ran.err.buf, "cannot exceed more than 64 port publish descriptors"));
    strvec_release(&words);
}

/* The members of an object, joined. free(). */
static char *members(const struct json *o)
{
    struct strbuf all = STRBUF_INIT;
    for (const struct json *c = json_first(o); c; c = json_next(c)) {
        strbuf_addf(&all, "%s%s", all.len ? "," : "", json_key(c));
    }
    return strbuf_detach(&all, NULL);
}

static void expect_members(const struct json *o, const char *want)
{
    char *have = members(o);
    assert_string_equal(have, want);
    free(have);
}

static void lists_in_three_generations(void **state)
{
    (void)state;
    need_standin();
    expect("create --name gen --label muthr.managed=true --publish 127.0.0.1:23999:80 " MINI " sleep 60", 0, "gen");
    expect("start gen", 0, "gen");
    expect("list --format json", 0, NULL);
    struct json *all = json_parse(ran.out.buf, ran.out.len, NULL);
    expect_members(json_first(all), "configuration,id,status");
    expect_members(json_get(json_first(all), "status"), "networks,startedDate,state");
    expect_members(json_first(json_get(json_get(json_first(all), "status"), "networks")),
                   "hostname,ipv4Address,ipv4Gateway,macAddress,mtu,network");
    const char *date = json_get_string(json_get(json_first(all), "status"), "startedDate", "");
    assert_int_equal(strlen(date), strlen("2026-08-07T18:36:05Z"));
    json_free(all);
    standin_version("0.12.3");
    expect("list --format json", 0, NULL);
    all = json_parse(ran.out.buf, ran.out.len, NULL);
    assert_string_equal(json_get_string(json_first(all), "status", ""), "running");
    assert_true(json_get_double(json_first(all), "startedDate", 0) > 8e8);
    assert_true(json_get_double(json_first(all), "startedDate", 0) < 1e9); /* of 2001, not of 1970 */
    assert_non_null(json_get(json_first(json_get(json_first(all), "networks")), "ipv4Address"));
    assert_null(json_get(json_first(all), "id"));
    assert_null(json_get(json_get(json_first(all), "configuration"), "creationDate"));
    json_free(all);
    standin_version("0.7.1");
    expect("list --format json", 0, NULL);
    all = json_parse(ran.out.buf, ran.out.len, NULL);
    expect_members(json_first(json_get(json_first(all), "networks")), "network,hostname,address,gateway");
    assert_null(json_get(json_first(all), "startedDate"));
    assert_null(json_get(json_get(json_first(all), "configuration"), "readOnly"));
    json_free(all);
    expect("inspect nosuch", 0, "[]");
    standin_version("1.2.2");
    expect("inspect nosuch", 1, "container not found: nosuch");
    expect("delete gen", 1, "container gen is running and can not be deleted");
    expect("delete -f gen", 0, "gen");
}

static void images_in_both_generations(void **state)
{
    (void)state;
    need_standin();
    expect("image pull debian:13-slim", 0, "[1/2] Fetching image");
    expect("image inspect debian:13-slim", 0, NULL);
    struct json *all = json_parse(ran.out.buf, ran.out.len, NULL);
    expect_members(json_first(all), "configuration,id,variants");
    json_free(all);
    expect("image inspect debian:13-slim nosuch", 1, "image not found: nosuch");
    assert_int_equal(ran.out.len, 0);
    standin_version("0.7.1");
    expect("image inspect debian:13-slim nosuch", 1, "nosuch");
    all = json_parse(ran.out.buf, ran.out.len, NULL);
    expect_members(json_first(all), "name,index,variants");
    json_free(all);
    expect("image pull debian:13-slim", 0, NULL);
    assert_int_equal(ran.err.len, 0); /* not a terminal: nothing before 0.12 */
    standin_file("offline", "");
    expect("image pull debian:13-slim", 1, "offline");
}

static void what_runs_is_real(void **state)
{
    (void)state;
    need_standin();
    char *folder = path_join(standin_root(), "work");
    fs_mkdirs(folder, 0755, NULL);
    char *volume =
        xasprintf("create --name real --init --volume %s:/workspace " MINI " sh -c echo~up;exec~sleep~60", folder);
    expect(volume, 0, "real");
    expect("start real", 0, "real");
    expect("start real", 0, "real");
    expect("exec real sh -c echo~hello~>/workspace/f;exit~7", 7, NULL);
    char *file = xasprintf("%s/f", folder);
    assert_true(fs_exists(file));
    standin_run_argv(&ran, "from here",
                     (const char *const[]){"exec", "-i", "--user", "muthr", "--env", "A=b", "real", "sh", "-c",
                                           "id -u; echo $A; cat", NULL});
    assert_string_equal(ran.out.buf, "1000\nb\nfrom here");
    expect("exec real -i", 1, "failed to find target executable -i");
    expect("logs real", 0, "up");
    expect("stats --format json --no-stream", 0, "\"numProcesses\":");
    expect("copy /etc/hostname real:/tmp/a/b", 0, "real:/tmp/a/b");
    expect("exec real test -f /tmp/a/b", 0, NULL);
    expect("export -o /tmp/none.tar real", 1, "container is not stopped");
    expect("stop --time 15 real", 0, "real");
    expect("stop real", 0, "real");
    expect("exec real true", 1, "container real is not running");
    expect("logs real", 0, "up");
    free(folder);
    free(file);
    free(volume);
}

static void no_network_is_none(void **state)
{
    (void)state;
    need_standin();
    expect("create --name cut --network none " MINI " sleep 60", 0, "cut");
    expect("start cut", 0, NULL);
    expect("exec cut sh -c grep~-c~:~/proc/net/dev", 0, "1\n");
    expect("list --format json", 0, "\"networks\":[]");
}

static void stopping_lasts_and_is_not_deleted(void **state)
{
    (void)state;
    need_standin();
    expect("create --name slow --init " MINI " sleep 60", 0, NULL);
    expect("start slow", 0, NULL);
    standin_file("shutdown_ms", "600");
    expect("delete nosuch", 1, "container not found: nosuch");
    pid_t pid = fork();
    if (pid == 0) {
        run_line("stop slow");
        _exit(0);
    }
    char *is = standin_state("slow");
    while (strcmp(is, "stopping") != 0) {
        free(is);
        is = standin_state("slow");
        assert_string_not_equal(is, "stopped");
    }
    free(is);
    expect("delete -f slow", 1, "container slow is stopping and can not be deleted");
    waitpid(pid, NULL, 0);
    expect("delete slow", 0, "slow");
}

static void service_faults_as_ordered(void **state)
{
    (void)state;
    need_standin();
    standin_file("down", "");
    expect("list --all --format json", 1, "XPC connection error: Connection invalid");
    assert_non_null(strstr(ran.err.buf, "container system start"));
    expect("events", 64, "Plugins are unavailable.");
    expect("--version", 0, "1.2.2");
    expect("system version --format json", 0, NULL);
    struct json *all = json_parse(ran.out.buf, ran.out.len, NULL);
    assert_null(json_next(json_first(all)));
    json_free(all);
    expect("system status", 1, "not running");
    standin_file("no-kernel", "");
    expect("system start", 1, "failed to read user input");
    expect("create --name kk " MINI, 1, "default kernel not configured");
    expect("system start --disable-kernel-install", 0, NULL);
    expect("create --name kk " MINI, 1, "default kernel not configured");
    expect("system start --enable-kernel-install", 0, "Installing kernel...");
    expect("create --name kk " MINI " sleep 60", 0, "kk");
    standin_fault("list 1 cut");
    expect("list --all --format json", 0, NULL);
    size_t whole = ran.out.len;
    expect("list --all --format json", 0, NULL);
    assert_int_equal(ran.out.len, whole / 2);
    standin_fault("start 0 lost");
    expect("start kk", 1, "XPC connection error: Connection interrupted");
    expect("list", 1, "XPC connection error");
    expect("system start", 0, NULL);
    char *is = standin_state("kk");
    assert_string_equal(is, "running");
    free(is);
    standin_fault("stop 0 timeout");
    expect("stop kk", 1, "XPC timeout");
    standin_fault("stop 0 error invalidState some words of it");
    expect("stop kk", 1, "some words of it");
    standin_fault("* 0 kill");
    expect("list", 128 + SIGKILL, NULL);
    assert_true(standin_faults_done());
}

static void a_plugin_can_be_there(void **state)
{
    (void)state;
    need_standin();
    standin_file("plugins/container-update", "#!/bin/sh\necho \"plugin $*\"\n");
    char *path = path_join(standin_root(), "plugins/container-update");
    chmod(path, 0755);
    expect("update a b", 0, "plugin a b");
    free(path);
}

static void kill_at_any_moment_leaves_it_whole(void **state)
{
    (void)state;
    need_standin();
    expect("image list", 0, NULL);
    expect("create --name whole " MINI " sleep 60", 0, NULL);
    for (int i = 0; i < 12; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (i % 3 == 0) {
                execlp("container", "container", "create", "--name", "half", MINI, "sleep", "60", (char *)NULL);
            }
            execlp("container", "container", i % 3 == 1 ? "start" : "delete", i % 3 == 1 ? "--debug" : "-f", "half",
                   (char *)NULL);
            _exit(99);
        }
        usleep((useconds_t)(i * 2500));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        char *is = standin_state("whole");
        assert_string_equal(is, "stopped");
        free(is);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_standin, close_standin)
    const struct CMUnitTest tests[] = {
        T(accepts_and_refuses_by_version),
        T(refuses_bad_values_in_both_styles),
        T(too_many_ports_are_refused),
        T(lists_in_three_generations),
        T(images_in_both_generations),
        T(what_runs_is_real),
        T(no_network_is_none),
        T(stopping_lasts_and_is_not_deleted),
        T(service_faults_as_ordered),
        T(a_plugin_can_be_there),
        T(kill_at_any_moment_leaves_it_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
