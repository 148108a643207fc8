/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/container/classify.h"
#include "backends/container/container_private.h"

/* Is Apple's container here, is its service running, what can this version do. Told apart: not installed, too old,
 * service down, service that does not answer, macOS too old for networks. The service is never started by the way:
 * what would start it is said. */

#define ASK_TIMEOUT_MS 12000 /* a ping of the service takes up to 10 s by itself */
#define ASK_MAX_BYTES (1u << 20)

#define START_FIX "muthr-tui backend start container"

/* --- the version --- */

/* From `container --version`, which needs no service. */
static int take_version(struct backend *be, const struct proc_result *res, const struct error *err, struct error *why)
{
    struct ctr_facts f = {.known = true, .has_networks = true};
    if (err) {
        *why = *err;
        return -1;
    }
    if (!strstr(res->out->buf, "container") || !ctr_parse_version(res->out->buf, f.version)) {
        return error_hint(why, ERROR_UNAVAILABLE, "see which program `container` is: command -v container",
                          "what answers to `container --version` is not Apple's container");
    }
    str_format(f.version_text, sizeof(f.version_text), "%d.%d.%d", f.version[0], f.version[1], f.version[2]);
    f.has_networks = !be->facts.known || be->facts.has_networks;
    be->facts = f;
    return 0;
}

static int ask(struct request *r, const char *const *args, requests_then_fn then, struct error *err)
{
    struct cli_opts opts = {.args = args, .capture_max_bytes = ASK_MAX_BYTES, .timeout_ms = ASK_TIMEOUT_MS};
    return ctr_run(r, &opts, then, err);
}

static const char *const ask_version[] = {"--version", NULL};

static void on_facts(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (take_version(r->be, res, err, &why) < 0 || r->facts_then(r, &why) < 0) {
        ctr_finish(r, &why);
    }
}

int ctr_need_facts(struct request *r, int (*then)(struct request *r, struct error *err), struct error *err)
{
    r->facts_then = then;
    return r->be->facts.known ? then(r, err) : ask(r, ask_version, on_facts, err);
}

/* --- the verdict --- */

/* Cannot be used: what was found, and what to do about it. */
static void refuse(struct request *r, const struct error *why)
{
    struct backend_probe *p = &r->call->probe;
    str_copy(p->reason, sizeof(p->reason), why->msg);
    str_copy(p->fix, sizeof(p->fix), why->hint ? why->hint : "see what `container system status` says in a terminal");
    ctr_finish(r, NULL);
}

static void refuse_down(struct request *r)
{
    struct backend_probe *p = &r->call->probe;
    str_format(p->reason, sizeof(p->reason), "container %s is installed, but its service is not running",
               r->be->facts.version_text);
    str_copy(p->fix, sizeof(p->fix), START_FIX);
    p->asleep = true;
    ctr_finish(r, NULL);
}

/* Works. What this version cannot do is said once. */
static void accept(struct request *r)
{
    const struct backend *be = r->be;
    struct backend_probe *p = &r->call->probe;
    MT_CLEANUP(strbuf) struct strbuf lacks = STRBUF_INIT;
    static const struct {
        enum ctr_feature feature;
        const char *what;
    } told[] = {
        {CTR_STATS, "figures of use"},
        {CTR_EXPORT, "images of sandboxes"},
        {CTR_CAPABILITIES, "dropped capabilities"},
    };
    p->usable = true;
    p->caps = container_backend.caps;
    p->caps &= ctr_has(be, CTR_STATS) ? ~0u : ~(unsigned)BACKEND_CAP_STATS;
    p->caps &= ctr_has(be, CTR_EXPORT) ? ~0u : ~(unsigned)(BACKEND_CAP_COMMIT | BACKEND_CAP_SEAL_BY_IMAGE);
    str_format(p->limits, sizeof(p->limits), "virtual machine: memory (200 MiB or more), whole cpus%s",
               ctr_has(be, CTR_ULIMIT) ? "; processes per user" : "");
    for (size_t i = 0; i < MT_ARRAY_LEN(told); i++) {
        if (!ctr_has(be, told[i].feature)) {
            strbuf_addf(&lacks, "%s%s (%s)", lacks.len ? ", " : "", told[i].what, ctr_feature_since(told[i].feature));
        }
    }
    if (lacks.len) {
        str_format(p->warning, sizeof(p->warning), "this version has no %s", lacks.buf);
    }
    if (!be->facts.has_networks) {
        size_t len = strlen(p->warning);
        str_format(p->warning + len, sizeof(p->warning) - len,
                   "%smacOS is older than 26: container has no commands for networks there", len ? "; " : "");
    }
    ctr_finish(r, NULL);
}

/* --- the questions --- */

static int next(struct request *r, const char *const *args, requests_then_fn then)
{
    struct error why = ERROR_INIT;
    if (ask(r, args, then, &why) < 0) {
        refuse(r, &why);
    }
    return 0;
}

/* `network` is there from macOS 26 on. What else is wrong with it does not matter here. */
static void on_networks(struct request *r, const struct proc_result *res, const struct error *err)
{
    const char *text = res->err_tail->buf;
    r->be->facts.has_networks = !(
        err && (strstr(text, "macOS 26") || strstr(text, "Plugin 'container-") || strstr(text, "nexpected argument")));
    accept(r);
}

static void ask_networks(struct request *r)
{
    static const char *const args[] = {"network", "list", "--format", "json", NULL};
    next(r, args, on_networks);
}

/* Exit 1 is "not running" and "unregistered"; the word itself counts, where there is one. */
static void on_status(struct request *r, const struct proc_result *res, const struct error *err)
{
    bool down = err && (ctr_is_service_down(res->err_tail->buf) || strstr(res->out->buf, "not running") ||
                        strstr(res->out->buf, "unregistered") || strstr(res->err_tail->buf, "not running") ||
                        err->code == ERROR_EXIT);
    if (down) {
        refuse_down(r);
    } else if (err) {
        refuse(r, err);
    } else {
        ask_networks(r);
    }
}

static void ask_status(struct request *r)
{
    static const char *const args[] = {"system", "status", NULL};
    next(r, args, on_status);
}

/* One entry is the command's own; a second one says that the service answered within two seconds. A busy one gets a
 * second question. */
static void on_system_version(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct ctr_system sys;
    struct error ignored = ERROR_INIT;
    if (!err && ctr_parse_system_version(res->out->buf, res->out->len, &sys, &ignored) == 0 && sys.service_up) {
        ask_networks(r);
    } else {
        ask_status(r);
    }
}

static void on_version(struct request *r, const struct proc_result *res, const struct error *err)
{
    static const char *const args[] = {"system", "version", "--format", "json", NULL};
    struct error why = ERROR_INIT;
    struct backend_probe *p = &r->call->probe;
    if (take_version(r->be, res, err, &why) < 0) {
        refuse(r, &why);
        return;
    }
    str_copy(p->version, sizeof(p->version), r->be->facts.version_text);
    if (!ctr_version_is_usable(r->be->facts.version)) {
        error_hint(&why, ERROR_UNAVAILABLE,
                   "update it: brew upgrade container, or the package of github.com/apple/container",
                   "container %s is too old: %d.%d or newer is needed", r->be->facts.version_text, CTR_OLDEST_MAJOR,
                   CTR_OLDEST_MINOR);
        refuse(r, &why);
    } else if (ctr_has(r->be, CTR_SYSTEM_VERSION)) {
        next(r, args, on_system_version);
    } else {
        ask_status(r);
    }
}

int ctr_probe(struct request *r, struct error *err)
{
    struct error why = ERROR_INIT;
    (void)err;
    if (ask(r, ask_version, on_version, &why) < 0) {
        refuse(r, &why);
    }
    return 0;
}
