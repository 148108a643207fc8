/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_home.h"

#include <stdlib.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"

static char *search_path; /* PATH as it is meant to be: tests put worse ones in its place */

int home_open(void **state)
{
    (void)state;
    return pod_open() < 0 ? -1 : pod_ready();
}

int home_close(void **state)
{
    (void)state;
    free(search_path);
    search_path = NULL;
    return pod_close();
}

int home_setup(void **state)
{
    if (!search_path) {
        search_path = xstrdup(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    }
    if (verb_setup(state) < 0) {
        return -1;
    }
    setenv("MUTHR_TUI_BACKENDS", "podman", 1);
    unsetenv("MUTHR_TUI_DATA"); /* what is shipped with the program is part of it here */
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"podman\"\nprofile = \"base\"\n");
    home_write(".config/muthr/sandbox.d/container/manifests/base.yaml", "name: base\nimage: " POD_READY "\n");
    return 0;
}

int home_teardown(void **state)
{
    setenv("PATH", search_path, 1);
    pod_stand_in("podman", NULL);
    int rc = verb_teardown(state);
    char *left = home_containers();
    if (left[0]) {
        print_error("containers are left:\n%s\n", left);
        pod_do("rm", "-fa", "-t", "0");
        rc = -1;
    }
    free(left);
    return rc;
}

void home_expect_status(const char *sandbox, const char *want)
{
    char *status = sandbox_status(sandbox);
    if (strcmp(status, want) != 0) {
        char *names = home_containers();
        print_error("%s is \"%s\", not \"%s\"; containers:\n%s\n", sandbox, status, want, names);
        free(names);
        free(status);
        fail();
    }
    free(status);
}

void home_expect_shell(const char *project)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", project, "-c", "echo alive");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "alive\n");
    ran_release(&r);
}

void home_expect_plain(const struct strbuf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char ch = (unsigned char)text->buf[i];
        if ((ch < 0x20 && ch != '\n' && ch != '\t') || ch == 0x7f) {
            fail_msg("byte 0x%02x at %zu of: %.2000s", ch, i, text->buf);
        }
    }
    assert_null(memmem(text->buf, text->len, "\302\233", 2)); /* CSI as one character */
}

void home_timed(struct ran *r, int limit_ms, const char *const *args)
{
    uint64_t start = clock_mono_ms();
    verb_run_how(r, NULL, args);
    int ms = (int)(clock_mono_ms() - start);
    print_message("  %s: code %d after %d ms: %.*s\n", args[0], r->code, ms, (int)strcspn(r->err.buf, "\n"),
                  r->err.buf);
    if (ms > limit_ms) {
        fail_msg("%s took %d ms, allowed are %d", args[0], ms, limit_ms);
    }
    home_expect_plain(&r->err);
}

char *home_containers(void)
{
    return pod_text("ps", "-a", "--format", "{{.Names}}");
}
