/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/facts.h"
#include "backends/podman/classify.h"
#include "backends/podman/isolation.h"
#include "backends/podman/logs.h"
#include "backends/podman/net.h"
#include "backends/podman/parse.h"
#include "backends/podman/pull_parse.h"
#include "backends/podman/stats.h"
#include "backends/podman/watch.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* Whatever podman, the kernel or a program inside says: the first byte chooses who reads it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A field that was cut may end inside a character only where it came from podman's own alphabet. */
static void check_terminated(const char *field, size_t cap)
{
    if (strnlen(field, cap) == cap) {
        MT_BUG("a field without an end");
    }
}

static void each(void *arg, const struct podman_seen *seen)
{
    size_t *count = arg;
    const struct sandbox_info *i = &seen->info;
    (*count)++;
    check_terminated(i->name, sizeof(i->name));
    check_terminated(i->gateway, sizeof(i->gateway));
    check_terminated(seen->container, sizeof(seen->container));
    check_terminated(seen->network, sizeof(seen->network));
    if (i->port_count > SANDBOX_PORTS_MAX) {
        MT_BUG("more ports than there is room for");
    }
}

static void fuzz_containers(const char *text, size_t len, bool ps)
{
    size_t count = 0;
    struct error err = ERROR_INIT;
    int rc = ps ? podman_parse_ps(text, len, each, &count, &err) : podman_parse_inspect(text, len, each, &count, &err);
    if (rc < 0 && err.code != ERROR_PARSE) {
        MT_BUG("a failure without a reason");
    }
}

static void check_facts(struct facts *f)
{
    for (size_t i = 0; i < f->len; i++) {
        check_terminated(f->v[i].name, sizeof(f->v[i].name));
        check_terminated(f->v[i].actual, sizeof(f->v[i].actual));
        if (!utf8_is_valid(f->v[i].actual, strlen(f->v[i].actual))) {
            MT_BUG("a fact that is not UTF-8");
        }
        if (f->v[i].verdict > ISOLATION_INFO) {
            MT_BUG("a fact without a verdict");
        }
    }
    free(f->v);
}

static void fuzz_facts(const char *text, size_t len)
{
    char workspace[] = "/w", mount[] = "/workspace";
    struct sandbox_spec spec = {.workspace = workspace, .workspace_mount = mount, .net_after = NET_MODEL};
    struct facts_subject subject = {.spec = &spec};
    struct facts f = {0};
    facts_of_inside(&f, text, &subject, false, false);
    struct json *j = json_parse(text, len, NULL);
    podman_mount_sources(&f, j, &spec);
    podman_inspect_facts(&f, j, &spec);
    podman_remote_limits(&f, j);
    json_free(j);
    check_facts(&f);
}

static void fuzz_lines(const char *text, size_t len)
{
    struct podman_event event;
    struct podman_sample sample;
    char stamp[PODMAN_STAMP_MAX];
    size_t at;
    podman_event_parse(text, len, &event);
    check_terminated(event.name, sizeof(event.name));
    if ((event.kind == PODMAN_EVENT_NAME) != (event.name[0] != '\0') && event.kind != PODMAN_EVENT_NAME) {
        MT_BUG("a name without an event");
    }
    podman_sample_parse(text, len, 1, &sample);
    if (podman_log_split(text, len, stamp, &at) && (at > len || strlen(stamp) != 29)) {
        MT_BUG("a stamp out of shape");
    }
}

static void fuzz_progress(const char *text, size_t len)
{
    struct pull_parse *p = xcalloc(1, sizeof(*p));
    char what[160];
    const char *rest = NULL;
    int percent, step, steps;
    pull_parse_init(p);
    pull_parse_feed(p, text, len);
    percent = pull_parse_progress(p, what, sizeof(what));
    if (percent < -1 || percent > 100) {
        MT_BUG("%d %% of a pull", percent);
    }
    if (build_parse_step(text, &percent, &step, &steps, &rest) && (percent < 0 || percent > 100 || !rest)) {
        MT_BUG("%d %% of a build", percent);
    }
    free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t len = size - 1;
    char *text = xstrndup((const char *)data + 1, len);
    struct facts_net net;
    struct error err = ERROR_INIT;
    uint16_t port;
    bool udp;
    len = strlen(text); /* callers give C strings */
    switch (data[0] & 7) {
    case 0:
        fuzz_containers(text, len, true);
        break;
    case 1:
        fuzz_containers(text, len, false);
        break;
    case 2:
        fuzz_lines(text, len);
        break;
    case 3:
        fuzz_facts(text, len);
        break;
    case 4:
        podman_net_parse_inside(text, &net);
        check_terminated(net.names, sizeof(net.names));
        break;
    case 5:
        podman_classify(125, text, &err);
        podman_port_error(text, &port, &udp);
        if (err.code == ERROR_NONE || !utf8_is_valid(err.msg, strlen(err.msg))) {
            MT_BUG("an error without words");
        }
        break;
    default:
        fuzz_progress(text, len);
    }
    free(text);
    return 0;
}
