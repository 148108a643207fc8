/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/container_plans.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/util/xmalloc.h"

#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"

const char *plan_version;

void manifest_of(const char *name, const char *image, const char *rest)
{
    char *path = xasprintf(MANIFESTS "%s.yaml", name), *text = xasprintf("name: %s\nimage: %s\n%s", name, image, rest);
    home_write(path, text);
    free(path);
    free(text);
}

void manifest_ready(const char *name, const char *rest)
{
    manifest_of(name, READY, rest);
}

bool plays(int major, int minor)
{
    int v[2] = {0};
    sscanf(plan_version, "%d.%d", &v[0], &v[1]);
    return v[0] > major || (v[0] == major && v[1] >= minor);
}

void expect_container(const char *want)
{
    char *is = standin_state(DEMO);
    if (strcmp(is, want) != 0) {
        fail_msg("the container is \"%s\", not \"%s\"", is, want);
    }
    free(is);
}

void expect_alive(void)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", "demo", "-c", "echo alive");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "alive\n");
    ran_release(&r);
    expect_container("running");
}

int called(const char *command)
{
    char *all = standin_calls(), *word = xasprintf("[\"%s\"", command);
    int n = 0;
    for (const char *p = strstr(all, word); p; p = strstr(p + 1, word)) {
        n++;
    }
    free(all);
    free(word);
    return n;
}

struct json *inspected(void)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    standin_run(&r, "inspect", DEMO);
    struct json *all = json_parse(r.out.buf, r.out.len, NULL);
    standin_ran_release(&r);
    assert_non_null(json_first(all));
    return all;
}

int networks_of_demo(void)
{
    struct json *all = inspected();
    const struct json *c = json_first(all), *status = json_get(c, "status");
    const struct json *list = json_is_object(status) ? json_get(status, "networks") : json_get(c, "networks");
    const char *state = json_is_object(status) ? json_get_string(status, "state", "") : json_string(status);
    int n = strcmp(state, "running") == 0 ? 0 : -1;
    for (const struct json *one = json_first(list); one && n >= 0; one = json_next(one)) {
        n++;
    }
    json_free(all);
    return n;
}

void profile_cut(void)
{
    profile_write("cut", "test -s /etc/resolv.conf || exit 8\necho made >/root/made\n");
    manifest_ready("cut", "security:\n  network: none\n");
}
