/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/net.h"

#include <stdlib.h>
#include <string.h>

#include "backends/facts.h"
#include "backends/podman/args.h"
#include "backends/podman/parse.h"
#include "backends/podman/podman_private.h"
#include "core/util/xmalloc.h"

#define NET_TIMEOUT_MS 30000
#define NET_TRIES 3 /* netavark fails now and then when others change networks at the same time */
#define NET_RETRY_MS 200
#define SERVICES_BRIDGE "muthr-services" /* whose bridge both services are on */

void podman_net_name(const char *container, bool model, char out[PODMAN_NET_NAME_MAX])
{
    const char *rest = strncmp(container, "muthr-", 6) == 0 ? container + 6 : container;
    str_format(out, PODMAN_NET_NAME_MAX, "%s-%s", model ? PODMAN_MODEL_NETWORK : "muthr-net", rest);
}

const char *podman_net_leak(void)
{
    return "podman's name server on it may still resolve outside names; every port of this machine that listens on "
           "all addresses is in reach";
}

bool podman_net_can_cut(const char *created, struct error *err)
{
    static const char hint[] = "delete the sandbox and create it again: then it gets a bridge, which can be cut";
    if (strcmp(created, "host") == 0) {
        error_hint(err, ERROR_DENIED, hint, "it uses the host's own network, which cannot be cut");
        return false;
    }
    if (strncmp(created, "slirp4netns", 11) == 0 || strncmp(created, "pasta", 5) == 0) {
        error_hint(err, ERROR_DENIED, hint, "its network (%.20s) cannot be cut: podman can disconnect bridges only",
                   created);
        return false;
    }
    if (strncmp(created, "container:", 10) == 0 || strncmp(created, "ns:", 3) == 0) {
        error_hint(err, ERROR_DENIED, hint, "it shares the network of something else, which cannot be cut");
        return false;
    }
    return true;
}

void podman_net_parse_inside(const char *text, struct facts_net *out)
{
    const char *route = strstr(text, "Iface");
    char *dev = xstrndup(text, route ? (size_t)(route - text) : strlen(text));
    facts_parse_net(dev, route ? route : "", "", out);
    free(dev);
}

/* --- a network of ours that has to be there --- */

/* Goes on with the network that is there now. */
static void network_done(struct request *r)
{
    struct error err = ERROR_INIT;
    if (podman_own(r)->network_ready(r, podman_own(r)->network, &err) < 0) {
        podman_finish(r, &err);
    }
}

/* It was there already: is it ours? */
static void on_existing(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (err) {
        podman_finish(r, err);
    } else if (!strstr(res->out->buf, "\"" PODMAN_LABEL_MANAGED "\"")) {
        error_hint(&why, ERROR_DENIED, "remove it (podman network rm), or rename the project folder",
                   "network %s is not one of muthr's: it is not used", podman_own(r)->network);
        podman_finish(r, &why);
    } else {
        network_done(r);
    }
}

static void on_made(struct request *r, const struct proc_result *res, const struct error *err)
{
    const char *const args[] = {"network", "inspect", podman_own(r)->network, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 64u << 10, .timeout_ms = NET_TIMEOUT_MS};
    struct error why = ERROR_INIT;
    if (!err) {
        network_done(r);
    } else if (!strstr(res->err_tail->buf, "already")) {
        why = *err;
        error_wrap(&why, "network %s", podman_own(r)->network);
        podman_finish(r, &why);
    } else if (podman_run(r, &opts, on_existing, &why) < 0) {
        podman_finish(r, &why);
    }
}

/* Makes the network `podman_own(r)->network`; then podman_own(r)->network_ready. */
static int make_network(struct request *r, bool model, struct error *err)
{
    const struct backend *be = r->be;
    const char *sandbox = r->call->spec ? r->call->spec->name : r->call->name;
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushl(&args, "network", "create", "--label", (PODMAN_LABEL_MANAGED "=true"), "--label",
                 PODMAN_LABEL_OWNER "=project", "--label", NULL);
    strvec_pushf(&args, PODMAN_LABEL_SANDBOX "=%s", sandbox);
    if (model) {
        strvec_push(&args, "--internal");
    } else {
        strvec_push(&args, "--disable-dns");
        bool isolates = !r->call->service; /* services are there to be reached */
        if (isolates && strcmp(be->facts.network_backend, "netavark") == 0 && podman_at_least(be, 4, 3)) {
            strvec_pushl(&args, "--opt", "isolate=true", NULL);
        }
    }
    strvec_push(&args, podman_own(r)->network);
    struct cli_opts opts = {.args = (const char *const *)args.v, .timeout_ms = NET_TIMEOUT_MS};
    return podman_run(r, &opts, on_made, err);
}

int podman_net_prepare(struct request *r, int (*then)(struct request *r, const char *network, struct error *err),
                       struct error *err)
{
    const struct backend *be = r->be;
    const struct sandbox_spec *spec = r->call->spec;
    bool model = spec->net == NET_MODEL;
    if (spec->net == NET_NONE || spec->net == NET_SHARED) {
        return then(r, spec->net == NET_NONE ? "none" : "host", err);
    }
    if (be->facts.rootless && !model && !net_policy_is_sealed(spec->net_after)) {
        /* Bridges of an ordinary user need more of the machine than these, and nothing is to be cut. */
        return then(r, podman_at_least(be, 5, 0) ? "pasta" : "slirp4netns", err);
    }
    podman_net_name(r->call->service ? SERVICES_BRIDGE : r->container, model, podman_own(r)->network);
    podman_own(r)->network_ready = then;
    return make_network(r, model, err);
}

/* --- back again --- */

static void on_connected(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    (void)res;
    if (err) {
        error_wrap(&why, "sandbox %s cannot get its network back", r->call->name);
        why.hint = why.hint ? why.hint : "delete the sandbox and start it again: the project folder stays";
    }
    if (err || podman_own(r)->reconnected(r, &why) < 0) {
        podman_finish(r, &why);
    }
}

static int on_bridge_ready(struct request *r, const char *network, struct error *err)
{
    const char *const args[] = {"network", "connect", network, r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = NET_TIMEOUT_MS};
    return podman_run(r, &opts, on_connected, err);
}

int podman_net_reconnect(struct request *r, const struct podman_seen *seen,
                         int (*then)(struct request *r, struct error *err), struct error *err)
{
    char own[PODMAN_NET_NAME_MAX];
    podman_net_name(r->container, false, own);
    bool cut = seen->info.net_known && net_policy_is_sealed(seen->info.net);
    if (!cut || strcmp(seen->created_network, own) != 0) {
        return then(r, err);
    }
    podman_own(r)->reconnected = then;
    podman_own(r)->network_ready = on_bridge_ready;
    str_copy(podman_own(r)->network, sizeof(podman_own(r)->network), own);
    return make_network(r, false, err);
}

/* --- removal with the sandbox --- */

static void on_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    (void)err; /* one that is in use stays: it is the next deletion's */
    podman_own(r)->networks_gone(r);
}

static void on_listed(struct request *r, const struct proc_result *res, const struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    struct error why = ERROR_INIT;
    strvec_pushl(&args, "network", "rm", NULL);
    for (const char *p = err ? "" : res->out->buf; *p;) {
        size_t n = strcspn(p, "\n");
        if (n > 0) {
            strvec_pushf(&args, "%.*s", (int)n, p);
        }
        p += n + (p[n] != '\0');
    }
    struct cli_opts opts = {.args = (const char *const *)args.v, .timeout_ms = NET_TIMEOUT_MS};
    if (args.len == 2 || podman_run(r, &opts, on_removed, &why) < 0) {
        podman_own(r)->networks_gone(r);
    }
}

int podman_net_remove(struct request *r, void (*then)(struct request *r), struct error *err)
{
    char *label = xasprintf("label=" PODMAN_LABEL_SANDBOX "=%s", r->call->name);
    const char *const args[] = {"network", "ls", "--filter", label, "--format", "{{.Name}}", NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 4096, .timeout_ms = NET_TIMEOUT_MS};
    podman_own(r)->networks_gone = then;
    int rc = podman_run(r, &opts, on_listed, err);
    free(label);
    return rc;
}

/* --- sealing --- */

struct seal {
    struct strvec cut;               /* to be disconnected */
    struct error first;              /* what podman said when something did not work */
    char model[PODMAN_NET_NAME_MAX]; /* the one to keep, "" for none */
    bool connected;                  /* to it */
    int pid;
};

static int seal_look(struct request *r, struct error *err);
static void seal_next(struct request *r);

static void seal_release(struct request *r)
{
    struct seal *s = r->state;
    strvec_release(&s->cut);
    free(s);
}

/* What the kernel shows agrees with the level. */
static int check_inside(const struct request *r, const struct facts_net *net, struct error *err)
{
    if (r->call->net == NET_NONE && net->interfaces > 0) {
        return error_set(err, ERROR_UNAVAILABLE, "sandbox %s is still connected: %s is there inside", r->call->name,
                         net->names);
    }
    if (net->default_route) {
        return error_set(err, ERROR_UNAVAILABLE, "sandbox %s still has a way out", r->call->name);
    }
    return 0;
}

/* Looks again, or fails: never reported as cut without having been read back. */
static void seal_retry(struct request *r, const struct error *why)
{
    struct seal *s = r->state;
    struct error err = *why;
    if (r->tries++ < NET_TRIES) {
        podman_wait(r, NET_RETRY_MS, seal_next);
        return;
    }
    if (s->first.code != ERROR_NONE) {
        error_wrap(&err, "%s", s->first.msg);
    }
    err.code = ERROR_UNAVAILABLE;
    podman_finish(r, &err);
}

static void on_inside(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct facts_net net;
    struct error why = err ? *err : ERROR_INIT;
    if (err) {
        error_wrap(&why, "the network of sandbox %s cannot be read back", r->call->name);
        podman_finish(r, &why);
        return;
    }
    podman_net_parse_inside(res->out->buf, &net);
    if (check_inside(r, &net, &why) < 0) {
        seal_retry(r, &why);
    } else {
        podman_finish(r, NULL);
    }
}

/* Podman says that it is cut; what does the kernel say? */
static int seal_verify(struct request *r, struct error *err)
{
    const struct seal *s = r->state;
    struct facts_net net;
    struct error why = ERROR_INIT;
    if (s->pid <= 0) {
        podman_finish(r, NULL); /* it does not run: podman's record is all there is */
        return 0;
    }
    if (r->be->target_url || r->be->facts.is_remote) {
        const char *const args[] = {"exec", r->container, "cat", "/proc/net/dev", "/proc/net/route", NULL};
        struct cli_opts opts = {.args = args, .capture_max_bytes = 64u << 10, .timeout_ms = NET_TIMEOUT_MS};
        return podman_run(r, &opts, on_inside, err);
    }
    if (facts_read_net(s->pid, &net, err) < 0) {
        return error_wrap(err, "the network of sandbox %s cannot be read back", r->call->name);
    }
    if (check_inside(r, &net, &why) < 0) {
        seal_retry(r, &why);
    } else {
        podman_finish(r, NULL);
    }
    return 0;
}

static void on_step(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct seal *s = r->state;
    (void)res;
    /* What went wrong shows when it is read back; some of it is harmless ("is not connected"). */
    if (err && s->first.code == ERROR_NONE) {
        s->first = *err;
    }
    seal_next(r);
}

static int on_model_ready(struct request *r, const char *network, struct error *err)
{
    struct seal *s = r->state;
    const char *const args[] = {"network", "connect", network, r->container, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = NET_TIMEOUT_MS};
    s->connected = true;
    return podman_run(r, &opts, on_step, err);
}

/* One thing after the other: the network that stays, then away with the others, then a look. The other order would
 * leave a moment with the old one only, which does no harm, but a failure half way would then cut the model off. */
static void seal_next(struct request *r)
{
    struct seal *s = r->state;
    struct error err = ERROR_INIT;
    int rc;
    if (s->model[0] && !s->connected) {
        str_copy(podman_own(r)->network, sizeof(podman_own(r)->network), s->model);
        podman_own(r)->network_ready = on_model_ready;
        rc = make_network(r, true, &err);
    } else if (s->cut.len) {
        char *network = xstrdup(s->cut.v[0]);
        const char *const args[] = {"network", "disconnect", network, r->container, NULL};
        struct cli_opts opts = {.args = args, .timeout_ms = NET_TIMEOUT_MS};
        strvec_remove(&s->cut, 0);
        rc = podman_run(r, &opts, on_step, &err);
        free(network);
    } else {
        rc = seal_look(r, &err);
    }
    if (rc < 0) {
        podman_finish(r, &err);
    }
}

/* How it is connected now: decides what is left to do. */
static int on_seen(struct request *r, const struct podman_seen *seen, struct error *err)
{
    struct seal *s = r->state;
    bool first = r->step++ == 0;
    s->pid = seen->info.pid;
    if (!podman_net_can_cut(seen->created_network, err)) {
        return error_wrap(err, "sandbox %s", r->call->name);
    }
    if (r->call->net == NET_MODEL && strcmp(seen->created_network, "none") == 0) {
        return error_set(err, ERROR_DENIED, "sandbox %s has no network at all, and cannot get one", r->call->name);
    }
    bool kept = false;
    strvec_clear(&s->cut);
    for (size_t i = 0; i < seen->networks.len; i++) {
        if (s->model[0] && strcmp(seen->networks.v[i], s->model) == 0) {
            kept = true;
        } else {
            strvec_push(&s->cut, seen->networks.v[i]);
        }
    }
    s->connected = kept;
    if (s->cut.len == 0 && (kept || !s->model[0])) {
        return seal_verify(r, err);
    }
    if (first) {
        seal_next(r);
        return 0;
    }
    struct error why = ERROR_INIT;
    error_set(&why, ERROR_UNAVAILABLE, "sandbox %s is not cut off: podman still shows %s", r->call->name,
              s->cut.len ? s->cut.v[0] : "no inference network");
    seal_retry(r, &why);
    return 0;
}

static int seal_look(struct request *r, struct error *err)
{
    return podman_owned(r, on_seen, err);
}

int podman_seal(struct request *r, struct error *err)
{
    struct seal *s = xcalloc(1, sizeof(*s));
    s->cut = STRVEC_INIT;
    s->first = ERROR_INIT;
    r->state = s;
    r->release = seal_release;
    if (!net_policy_is_sealed(r->call->net)) {
        return error_set(err, ERROR_INVALID, "a network can be cut down to 'none' or 'model' only");
    }
    if (r->call->net == NET_MODEL) {
        podman_net_name(r->container, true, s->model);
    }
    return seal_look(r, err);
}
