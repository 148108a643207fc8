/* SPDX-License-Identifier: Apache-2.0 */
/* One whole life on real podman, with a real Debian, its package manager and npm: from an empty store through baseline,
 * the profile opencode, a shell, the cut network, to stop, drift, re-creation and deletion. What is done and said goes
 * to <build folder>/podman-life.txt as well. */
#include "tests/backends/podman_debian.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"
#include "tests/patience.h"
#include "tests/skip.h"

#define MANIFEST ".config/muthr/sandbox.d/container/manifests/opencode.yaml"
#define PROVISION_LOG ".local/state/muthr/logs/muthr-demo-provision-opencode.log"
#define INSTALL_MS 240000

static const char *missing;
static FILE *record;
static uint64_t life_began;

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vfprintf(record, fmt, ap);
    va_end(ap);
    fflush(record);
}

static int group_setup(void **state)
{
    (void)state;
    if (pod_open_connected() < 0) {
        return -1;
    }
    missing = pod_debian_why_not();
    if (missing) {
        print_message("%s\n", missing);
        return 0;
    }
    char *path = xasprintf("%.*s/podman-life.txt", (int)(strrchr(pod.program, '/') - pod.program), pod.program);
    record = fopen(path, "we");
    free(path);
    uint64_t start = clock_mono_ms();
    if (!record || pod_debian() < 0) {
        return -1;
    }
    note("A store of its own, empty but for the rig's busybox; a Debian from debootstrap imported into it (or loaded "
         "from "
         "the cache of\nthe build folder) in %.1f s.\n",
         (double)(clock_mono_ms() - start) / 1000);
    return 0;
}

static int group_teardown(void **state)
{
    if (record) {
        fclose(record);
    }
    return home_close(state);
}

/* --- doing and writing down --- */

/* What podman itself says. */
static void look(const char *const *args)
{
    char *text = pod_text_of(args);
    note("\n$ podman");
    for (size_t i = 0; args[i]; i++) {
        note(strpbrk(args[i], " {") ? " '%s'" : " %s", args[i]);
    }
    note("\n%s\n", text);
    free(text);
}
#define look_at(...) look((const char *const[]){__VA_ARGS__, NULL})

/* One verb, done and written down; r holds what it said. Its code. */
static int try_act(struct ran *r, const char *const *args)
{
    uint64_t start = clock_mono_ms();
    note("\n[%6.1f s] $ muthr-tui", (double)(start - life_began) / 1000);
    for (size_t i = 0; args[i]; i++) {
        note(strpbrk(args[i], " ;|&'") ? " \"%s\"" : " %s", args[i]);
    }
    pid_t pid = verb_start_argv(args);
    r->code = verb_wait(pid, INSTALL_MS);
    char *out = verb_said("out"), *err = verb_said("err");
    strbuf_clear(&r->out);
    strbuf_clear(&r->err);
    strbuf_addstr(&r->out, out);
    strbuf_addstr(&r->err, err);
    free(out);
    free(err);
    note("\n%s%s(code %d, %.1f s)\n", r->out.buf, r->err.buf, r->code, (double)(clock_mono_ms() - start) / 1000);
    print_message("  %-12s %6.1f s, code %d\n", args[0], (double)(clock_mono_ms() - start) / 1000, r->code);
    return r->code;
}

/* One verb, which must end with `code`. */
static void act(struct ran *r, int code, const char *const *args)
{
    if (try_act(r, args) != code) {
        MT_CLEANUP(xfree) char *log = home_read(PROVISION_LOG);
        print_error("the log of the provisioning:\n%s\n", log);
    }
    ran_expect(r, code);
}
#define act_run(r, code, ...) act((r), (code), (const char *const[]){__VA_ARGS__, NULL})

/* The first start. When the package mirror could not be reached, once more. */
static void start_first(struct ran *r, const char *registry)
{
    const char *const args[] = {"start", "--env", registry, NULL};
    if (try_act(r, args) != 0 && strstr(r->err.buf, "apt-get update failed") != NULL) {
        print_message("  the mirror did not answer: once more\n");
        try_act(r, args);
    }
    ran_expect(r, 0);
}

/* A command inside, whose output must be exactly this. */
static void inside(const char *command, const char *want)
{
    struct ran r = RAN_INIT;
    act_run(&r, 0, "shell", "-c", command);
    assert_string_equal(r.out.buf, want);
    ran_release(&r);
}

/* npm's registry as this machine has it; the container knows nothing of our settings. */
static void npm_registry(char *out, size_t cap)
{
    char line[512] = "";
    FILE *f = popen("npm config get registry 2>/dev/null", "r");
    if (!f || !fgets(line, sizeof(line), f)) {
        line[0] = '\0';
    }
    if (f) {
        pclose(f);
    }
    line[strcspn(line, "\n")] = '\0';
    assert_string_not_equal(line, ""); /* npm prints its default when nothing is set */
    str_format(out, cap, "npm_config_registry=%s", line);
}

static void write_manifest(const char *pids)
{
    char *text = xasprintf("name: opencode\nimage: %s\nagent:\n  command: [opencode]\nresources:\n  pids: %s\n"
                           "security:\n  network: restricted\n",
                           POD_DEBIAN, pids);
    home_write(MANIFEST, text);
    free(text);
}

static void test_life(void **state)
{
    struct ran r = RAN_INIT;
    char registry[600];
    (void)state;
    if (missing) {
        skip_because("%s", missing);
    }
    npm_registry(registry, sizeof(registry));
    life_began = clock_mono_ms();
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"podman\"\nprofile = \"opencode\"\n");
    write_manifest("700");
    look_at("images", "--format", "{{.Repository}}:{{.Tag}} {{.Size}}");
    look_at("ps", "-a", "--format", "{{.Names}} {{.Status}}");
    act_run(&r, 0, "ls");
    /* The mirror may be away for a moment: that is told, and starting again goes on where it was. */
    start_first(&r, registry);
    look_at("ps", "-a", "--format", "{{.Names}} {{.Status}}");
    MT_CLEANUP(xfree) char *log = home_read(PROVISION_LOG);
    note("\nthe log of the provisioning:\n%s\n", log);
    /* S4: what the baseline promises. */
    inside("for p in bash curl git node npm sudo; do command -v $p >/dev/null || echo lacks $p; done; "
           "ls /var/lib/muthr/container-baseline-v2; id -u; grep -c ^muthr:x:0: /etc/passwd; echo $HOME; pwd",
           "/var/lib/muthr/container-baseline-v2\n0\n1\n/home/muthr\n/workspace\n"); /* root's projects are root's */
    inside("opencode --version >/dev/null 2>&1 && echo works", "works\n");
    char *profiles = home_read(".cache/muthr/muthr-demo-profiles");
    assert_string_equal(profiles, "opencode\n");
    free(profiles);
    /* Sealed: only the loopback is left, and nothing outside can be reached, whatever is tried. */
    MT_CLEANUP(xfree)
    char *reach =
        xasprintf("ls /sys/class/net; curl -s -m 4 '%s' >/dev/null || echo unreachable", strchr(registry, '=') + 1);
    inside(reach, "lo\nunreachable\n");
    inside("echo mine >~/mine; echo ours >kept; stat -c %u kept", "0\n");
    act_run(&r, 0, "ls");
    expect_text(&r.out, "none");
    act_run(&r, 0, "stop");
    home_expect_status("muthr-demo", "stopped");
    uint64_t start = clock_mono_ms();
    act_run(&r, 0, "start");
    assert_in_range(clock_mono_ms() - start, 0, patience(30000)); /* nothing is installed again */
    inside("cat ~/mine kept; ls /sys/class/net", "mine\nours\nlo\n");
    /* Drift is told, and acted on only when asked for. */
    write_manifest("800");
    char *before = pod_text("inspect", "--format", "{{.Id}}", "muthr-demo");
    act_run(&r, 0, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        if (strcmp(json_get_string(row, "name", ""), "muthr-demo") == 0) {
            assert_non_null(strstr(json_get_string(row, "drift", ""), "800"));
        }
    }
    json_free(list);
    act_run(&r, 0, "start");
    char *same = pod_text("inspect", "--format", "{{.Id}}", "muthr-demo");
    assert_string_equal(before, same);
    act_run(&r, 0, "start", "--recreate", "--no-provision");
    char *after = pod_text("inspect", "--format", "{{.Id}} {{.HostConfig.PidsLimit}}", "muthr-demo");
    assert_int_not_equal(strncmp(before, after, strlen(before)), 0);
    assert_string_equal(after + strlen(before), " 800");
    inside("cat kept", "ours\n");
    act_run(&r, 0, "delete", "--yes");
    look_at("ps", "-a", "--format", "{{.Names}} {{.Status}}");
    home_expect_status("muthr-demo", "");
    char *kept = home_read("src/demo/kept");
    assert_string_equal(kept, "ours\n"); /* the workspace is never touched */
    free(kept);
    free(before);
    free(same);
    free(after);
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, home_setup, home_teardown),
    };
    return cmocka_run_group_tests_name("podman, a whole life", tests, group_setup, group_teardown);
}

int main(void)
{
    return pod_main(run);
}
