/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/container_private.h"

/* WAKE: `container system start`. Without a kernel for its machines it asks whether to download one: that is answered
 * in front, by the person's own word, and it gets nothing to read. Source: SystemStart.swift. */

#define WAKE_TIMEOUT_MS 900000 /* it may download a kernel and the init image */

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && len > 0) {
        r->call->on_line(r->call, stream == PROC_STDERR, line, len);
    }
}

static void on_awake(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    ctr_changed(r->be, NULL);
    ctr_finish(r, err);
}

int ctr_wake(struct request *r, struct error *err)
{
    const char *kernel = r->call->install_kernel ? "--enable-kernel-install" : "--disable-kernel-install";
    const char *const args[] = {"system", "start", kernel, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = WAKE_TIMEOUT_MS, .on_line = on_line};
    return ctr_run(r, &opts, on_awake, err);
}
