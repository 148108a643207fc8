/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/podman/args.h"
#include "backends/podman/podman_private.h"
#include "core/util/xmalloc.h"

/* CREATE of one of muthr's own services (N7): no project, no home, no seal, but a port of the host and a root that a
 * provision script may write to.
 *
 * How sandboxes reach it. A port published on 127.0.0.1 is the host's own and bwrap's shared network's: podman rewrites
 * only what is sent to that very address, and a container's packets to its gateway have another one. So a container
 * gets there only when the port is published on an address that the container's gateway answers for, in effect
 * 0.0.0.0 ([services] address), which opens it to everybody who reaches this machine as well; that holds for root's
 * bridges as for pasta and slirp4netns, which are run without a way to the host's loopback. Ours to choose is only the
 * safe one of the two. The services share a bridge that is not isolated: netavark drops packets between isolated
 * bridges, and every sandbox's is one. */

#define SERVICE_TIMEOUT_MS 60000

static const char idle_loop[] = "while :; do sleep 3600; done";

/* What an image's own entry point needs to become another user, and no more. */
static const char *const entry_caps[] = {"CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID", NULL};

static void add_label(struct strvec *out, const char *key, const char *value)
{
    strvec_push(out, "--label");
    strvec_pushf(out, "%s=%s", key, value);
}

static void service_args(const struct request *r, const char *network, struct strvec *out)
{
    const struct sandbox_spec *s = r->call->spec;
    const char *const *caps = s->writable_root ? podman_package_caps : entry_caps;
    strvec_pushl(out, "create", "--pull=never", "--name", r->container, "--init", "--stop-timeout", "10", "--restart",
                 "no", NULL);
    add_label(out, PODMAN_LABEL_MANAGED, "true");
    add_label(out, PODMAN_LABEL_OWNER, "services");
    add_label(out, PODMAN_LABEL_BACKEND, "podman");
    add_label(out, PODMAN_LABEL_NETWORK, network);
    strvec_pushl(out, "--security-opt", "no-new-privileges", "--cap-drop", "ALL", NULL);
    for (size_t i = 0; caps[i]; i++) {
        strvec_pushl(out, "--cap-add", caps[i], NULL);
    }
    if (r->be->facts.has_pids && s->pids > 0) {
        strvec_push(out, "--pids-limit");
        strvec_pushf(out, "%u", s->pids);
    }
    strvec_pushl(out, "--systemd", "false", "--network", network, NULL);
    for (size_t i = 0; i < s->port_count; i++) {
        const struct port_spec *p = &s->ports[i];
        bool v6 = strchr(p->host_ip, ':') != NULL;
        strvec_push(out, "--publish");
        strvec_pushf(out, "%s%s%s:%u:%u/%s", v6 ? "[" : "", p->host_ip[0] ? p->host_ip : "127.0.0.1", v6 ? "]" : "",
                     p->host_port, p->container_port, p->udp ? "udp" : "tcp");
    }
    const char *image = s->image ? s->image : PODMAN_DEFAULT_IMAGE;
    if (s->writable_root) {
        add_label(out, PODMAN_LABEL_USER, "muthr"); /* whom the baseline makes: scripts run as he (P2) */
        strvec_pushl(out, "--user", "0:0", "--entrypoint", "", image, "sh", "-c", idle_loop, NULL);
    } else {
        strvec_push(out, image);
    }
}

static void on_created(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    podman_changed(r->be, r->call->spec->name);
    podman_finish(r, err);
}

static int on_network(struct request *r, const char *network, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    service_args(r, network, &args);
    struct cli_opts opts = {.args = (const char *const *)args.v, .timeout_ms = SERVICE_TIMEOUT_MS};
    return podman_run(r, &opts, on_created, err);
}

static int on_facts(struct request *r, struct error *err)
{
    return podman_net_prepare(r, on_network, err); /* "muthr-net-services" for both */
}

/* Nothing is made beside one that is there, ours or not. */
static int on_look(struct request *r, const struct podman_seen *seen, struct error *err)
{
    return seen ? error_set(err, ERROR_EXISTS, "service %s exists already", r->call->spec->name)
                : podman_need_facts(r, on_facts, err);
}

int podman_service(struct request *r, struct error *err)
{
    return podman_owned_or_none(r, on_look, err);
}
