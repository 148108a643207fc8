/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/container/classify.h"
#include "backends/container/image_parse.h"
#include "backends/container/isolation.h"
#include "backends/container/parse.h"
#include "backends/container/progress.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* Whatever Apple's container says: the first byte chooses who reads it. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *field, size_t cap)
{
    if (strnlen(field, cap) == cap) {
        MT_BUG("a field without an end");
    }
}

static void each(void *arg, const struct ctr_seen *s)
{
    char workspace[] = "/w", mount[] = "/workspace";
    struct sandbox_spec spec = {.workspace = workspace, .workspace_mount = mount, .net_after = NET_NONE, .cpus = 1};
    const int version[3] = {1, 2, 2};
    struct facts f = {0};
    (void)arg;
    check_text(s->container, sizeof(s->container));
    check_text(s->info.gateway, sizeof(s->info.gateway));
    check_text(s->cap_drop, sizeof(s->cap_drop));
    if (s->info.port_count > SANDBOX_PORTS_MAX || s->host_port_count > SANDBOX_PORTS_MAX ||
        s->mount_count > CTR_MOUNTS_MAX || !s->container[0]) {
        MT_BUG("more than there is room for");
    }
    ctr_isolation_facts(&f, s, &spec, version);
    for (size_t i = 0; i < f.len; i++) {
        check_text(f.v[i].actual, sizeof(f.v[i].actual));
    }
    free(f.v);
}

static void each_sample(void *arg, const struct ctr_sample *s)
{
    (void)arg;
    check_text(s->container, sizeof(s->container));
}

static void must_be_parse_error(int rc, const struct error *err)
{
    if (rc < 0 && err->code != ERROR_PARSE) {
        MT_BUG("a failure without a reason");
    }
}

static void fuzz_image(const char *text, size_t len)
{
    struct ctr_image image = {.name = ""};
    MT_CLEANUP(strbuf) struct strbuf recipe = STRBUF_INIT;
    struct error err = ERROR_INIT;
    if (ctr_image_parse(text, len, "arm64", &image, &err) == 0) {
        ctr_image_recipe(&image, "rootfs.tar", &recipe, NULL, &err);
    }
    ctr_image_release(&image);
}

static void fuzz_progress(const char *text, size_t len)
{
    struct ctr_progress *p = xcalloc(1, sizeof(*p));
    char shown[160];
    ctr_progress_init(p);
    ctr_progress_feed(p, text, len);
    int percent = ctr_progress_show(p, shown, sizeof(shown));
    if (percent < -1 || percent > 100) {
        MT_BUG("%d %% of a pull", percent);
    }
    free(p);
}

static void fuzz_error(const char *text)
{
    struct error err = ERROR_INIT;
    uint16_t port;
    ctr_classify(1, text, &err);
    ctr_port_error(text, &port);
    if (err.code == ERROR_NONE || !utf8_is_valid(err.msg, strlen(err.msg))) {
        MT_BUG("an error without words");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    char *text = xstrndup((const char *)data + 1, size - 1);
    size_t len = strlen(text); /* callers give C strings */
    struct ctr_system sys;
    struct error err = ERROR_INIT;
    char gateway[16];
    switch (data[0] & 7) {
    case 0:
        must_be_parse_error(ctr_parse_list(text, len, each, NULL, &err), &err);
        break;
    case 1:
        must_be_parse_error(ctr_parse_stats(text, len, each_sample, NULL, &err), &err);
        break;
    case 2:
        must_be_parse_error(ctr_parse_network(text, len, "default", gateway, sizeof(gateway), &err), &err);
        check_text(gateway, sizeof(gateway));
        break;
    case 3:
        must_be_parse_error(ctr_parse_system_version(text, len, &sys, &err), &err);
        break;
    case 4:
        fuzz_image(text, len);
        break;
    case 5:
        fuzz_progress(text, len);
        break;
    default:
        fuzz_error(text);
    }
    free(text);
    return 0;
}
