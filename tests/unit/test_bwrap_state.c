/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "backends/process/host.h"
#include "backends/process/report.h"
#include "backends/process/state.h"
#include "backends/seccomp.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

static char dir[64];

static int setup(void **state)
{
    (void)state;
    memcpy(dir, "/tmp/muthr-state-XXXXXX", 24);
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return fs_remove_tree(dir, NULL);
}

static void test_ids(void **state)
{
    (void)state;
    static const char *const names[] = {
        "muthr-a",
        "muthr-A",
        "muthr-ä",
        "muthr-日本語",
        "muthr-a_b",
        "muthr-a-b",
        "-",
        "",
        "..",
        "a/b",
        "muthr-0123456789012345678901234567890123456789",
        "muthr-0123456789012345678901234567890123456788",
    };
    char ids[MT_ARRAY_LEN(names)][STATE_ID_MAX + 1];
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        state_id(names[i], ids[i]);
        assert_true(state_is_id(ids[i]));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(ids[i], ids[k]);
        }
    }
    assert_string_equal(ids[0], "muthr-a");
    assert_false(state_is_id("muthr-a.tmp-1"));
    assert_false(state_is_id(".changes"));
    assert_false(state_is_id(""));
}

static void test_spec_there_and_back(void **state)
{
    (void)state;
    char name[] = "muthr-x", project[] = "x \"y\"\n", ws[] = "/tmp/x", mount[] = "/workspace", profile[] = "opencode",
         hash[] = "h", a[] = "/a", b[] = "/b";
    struct mount_spec mounts[] = {{a, b, true}, {b, a, false}};
    struct sandbox_spec spec = {.name = name,
                                .project = project,
                                .workspace = ws,
                                .workspace_mount = mount,
                                .profile = profile,
                                .config_hash = hash,
                                .net = NET_FULL,
                                .net_after = NET_NONE,
                                .cpus = 1.5,
                                .memory_bytes = 3ull << 33,
                                .pids = 77,
                                .require_limits = true,
                                .mounts = mounts,
                                .mount_count = 2,
                                .port = 4000};
    struct state_config c;
    assert_int_equal(state_config_save(dir, &spec, true, NULL), 0);
    state_config_load(dir, &c);
    assert_false(c.missing);
    assert_true(c.sealed);
    assert_string_equal(c.spec.project, project);
    assert_int_equal(c.spec.net, NET_FULL);
    assert_int_equal(c.spec.net_after, NET_NONE);
    assert_true(c.spec.cpus == 1.5 && c.spec.memory_bytes == 3ull << 33 && c.spec.pids == 77 && c.spec.require_limits);
    assert_int_equal(c.spec.mount_count, 2);
    assert_string_equal(c.spec.mounts[1].source, "/b");
    assert_true(c.spec.mounts[0].read_only && !c.spec.mounts[1].read_only);
    assert_int_equal(c.spec.port, 4000);
    state_config_release(&c);
}

static void test_hostile_configs(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"name\": 7, \"workspace\": \"/x\"}",
        "{\"name\": \"n\"}",
        "{\"name\": \"\", \"workspace\": \"/x\"}",
        "{\"name\": \"n\", \"workspace\": \"/x\", \"net\": \"everything\"}",
    };
    char *path = xasprintf("%s/config.json", dir);
    for (size_t i = 0; i < MT_ARRAY_LEN(texts); i++) {
        struct state_config c;
        assert_int_equal(fs_write_atomic(path, texts[i], strlen(texts[i]), 0600, NULL), 0);
        state_config_load(dir, &c);
        assert_true(c.missing);
        assert_true(c.problem[0] != '\0');
        assert_false(fs_exists(path)); /* set aside, not deleted */
        state_config_release(&c);
    }
    free(path);
    struct sandbox_spec spec;
    bool sealed;
    static const char odd[] =
        "{\"name\":\"n\",\"workspace\":\"/"
        "x\",\"port\":99999,\"limits\":{\"pids\":-1,\"memory_bytes\":-5},\"mounts\":[1,{\"source\":\"/a\"},null]}";
    assert_int_equal(state_spec_parse(odd, strlen(odd), &spec, &sealed, NULL), 0);
    assert_true(spec.port == 0 && spec.pids == 512 && spec.memory_bytes == 0 && spec.mount_count == 0);
    sandbox_spec_release(&spec);
}

static void test_status_there_and_back(void **state)
{
    (void)state;
    struct state_status st = {.shim_pid = 100,
                              .init_pid = 200,
                              .init_start = 1ull << 40,
                              .started_wall_ms = 1795258412441ull,
                              .port = 80},
                        back;
    char *run = xasprintf("%s/run", dir);
    assert_int_equal(fs_mkdirs(run, 0700, NULL), 0);
    free(run);
    str_copy(st.phase, sizeof(st.phase), "running");
    str_copy(st.reason, sizeof(st.reason), "killed: \"x\"");
    str_copy(st.cgroups[1], sizeof(st.cgroups[1]), "/sys/fs/cgroup/pids/muthr-x");
    assert_int_equal(state_status_save(dir, &st, NULL), 0);
    state_status_load(dir, &back);
    assert_true(back.valid && back.shim_pid == 100 && back.init_pid == 200 && back.init_start == 1ull << 40 &&
                back.port == 80);
    assert_true(back.started_wall_ms == st.started_wall_ms);
    assert_string_equal(back.reason, st.reason);
    assert_string_equal(back.cgroups[0], st.cgroups[1]);
    /* A recorded process that is not that one any more. */
    assert_false(state_proc_is((int)getpid(), host_process_start((int)getpid()) + 1, ""));
    char boot[40];
    host_boot_id(boot);
    assert_true(state_proc_is((int)getpid(), host_process_start((int)getpid()), boot));
    assert_false(state_proc_is(1, host_process_start(1), boot)); /* never process 1 */
}

static void test_errors_between_processes(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT, back = ERROR_INIT;
    error_hint(&err, ERROR_DENIED, "do this", "no \"way\"");
    report_error_write(&err, &text);
    report_error_parse(text.buf, text.len, &back);
    assert_int_equal(back.code, ERROR_DENIED);
    assert_string_equal(back.msg, "no \"way\" (do this)");
    static const char *const bad[] = {"", "{", "{\"code\": 99}", "[1]", "{\"code\": -1, \"msg\": 4}"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        report_error_parse(bad[i], strlen(bad[i]), &back);
        assert_int_equal(back.code, ERROR_SYS);
        assert_true(back.msg[0] != '\0');
    }
}

static void test_filter_is_written(void **state)
{
    (void)state;
    char *path = xasprintf("%s/bpf", dir);
    FILE *f = fopen(path, "w+");
    assert_non_null(f);
    assert_int_equal(seccomp_write(fileno(f), NULL), 0);
    long len = fseek(f, 0, SEEK_END) == 0 ? ftell(f) : 0;
    assert_true(len > 100 * 8 && len % 8 == 0);
    fclose(f);
    assert_int_equal(seccomp_write(-1, NULL), -1);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_spec_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_configs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_between_processes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_filter_is_written, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
