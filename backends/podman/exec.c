/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/args.h"
#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"
#include "backends/relay.h"

/* EXEC and sessions: both by our own relay (enter.c), because a killed `podman exec` leaves its program running. */

/* How the relay is to run. */
static int prepare(struct backend *be, const struct exec_spec *spec, char container[RELAY_NAME_MAX],
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

const struct relay_kind podman_relay = {.prepare = prepare, .classify = podman_classify};

int podman_exec_argv(struct backend *be, const struct exec_spec *spec, struct strvec *argv_out, struct strvec *env_out,
                     struct error *err)
{
    return relay_session(be, &podman_relay, spec, argv_out, env_out, err);
}
