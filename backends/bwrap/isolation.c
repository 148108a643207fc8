/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/isolation.h"

#include "backends/bwrap/args.h"
#include "backends/facts.h"
#include "backends/process/state.h"

int isolation_read(struct backend_call *call, const char *dir, struct error *err)
{
    /* What args.c itself mounts to be written to: private folders of the sandbox's state. */
    static const char *const own[] = {"/tmp", ARGS_HOME, NULL};
    struct sandbox_info info;
    struct facts facts = {0};
    if (!state_info(dir, &info)) {
        return error_set(err, ERROR_NOT_FOUND, "sandbox %s: no such sandbox", call->name);
    }
    if (info.state != SANDBOX_RUNNING || info.pid <= 0) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it first",
                          "sandbox %s: its isolation can be read only while it runs", call->name);
    }
    struct facts_subject subject = {.pid = info.pid, .spec = call->spec, .own_mounts = own, .limits = info.limits};
    facts_of_process(&facts, &subject);
    call->facts = facts.v;
    call->fact_count = facts.len;
    return 0;
}
