/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/args.h"
#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"
#include "backends/relay.h"

/* EXEC and sessions: both by our own relay (enter.c), because a killed `podman exec` leaves its program running. */

/* How the relay is to run. */
static int prepare(struct backend *be, const struct exec_spec *spec, char container[PODMAN_NAME_MAX],
                   struct relay_call *out, struct error *err)
{
    if (podman_container_name(spec->sandbox, container, err) < 0) {
        return -1;
    }
    *out = (struct relay_call){.executable = be->executable,
                               .helper = "podman-enter",
                               .url = be->target_url,
                               .container = container,
                               .user = podman_user_of(be, container),
                               .spec = spec};
    return 0;
}

int podman_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err)
{
    char container[PODMAN_NAME_MAX];
    struct relay_call c;
    return prepare(be, spec, container, &c, err) < 0 ? -1 : relay_argv(&c, argv_out, env_out, err);
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && !r->canceled) {
        r->call->on_line(r->call, stream == PROC_STDERR, line, len);
    }
}

static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    struct error out;
    r->proc = NULL;
    bool failed = relay_explain(r->call, res, err, podman_classify, &out);
    podman_finish(r, failed ? &out : NULL);
}

int podman_exec(struct request *r, struct error *err)
{
    const struct backend_call *call = r->call;
    char container[PODMAN_NAME_MAX];
    struct exec_spec spec = {.sandbox = call->name, .argv = call->argv, .env = call->env, .cwd = call->cwd};
    struct relay_call c;
    if (prepare(r->be, &spec, container, &c, err) < 0) {
        return -1;
    }
    c.as_root = call->as_root;
    return relay_start(&r->proc, r->be->loop, &c, call, on_line, on_done, r, err);
}
