/* SPDX-License-Identifier: Apache-2.0 */
/* Which workspace a verb means: by name, or by the working directory (behaviour.md N5-N7). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/naming.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/verb.h"

/* "api@gpu1": the project of that name on that host. */
static const struct workspace *workspace_on_host(const struct model *m, const char *name)
{
    const char *at = strrchr(name, '@');
    size_t n = at != NULL ? (size_t)(at - name) : 0;

    for (size_t i = 0; at != NULL && i < model_workspace_count(m); i++) {
        const struct workspace *ws = model_workspace_at(m, i);

        if (ws->host[0] != '\0' && strcmp(ws->host, at + 1) == 0 && strlen(ws->name) == n &&
            memcmp(ws->name, name, n) == 0) {
            return ws;
        }
    }
    return NULL;
}

/* Finds by folder name, then by sandbox name, then by project and host, then by the form that is shown. */
static const struct workspace *workspace_named(const struct model *m, const char *name)
{
    const struct workspace *ws = model_workspace_by_name(m, name);

    if (ws == NULL) {
        ws = model_workspace_by_sandbox(m, name);
    }
    if (ws == NULL) {
        ws = workspace_on_host(m, name);
    }
    for (size_t i = 0; ws == NULL && i < model_workspace_count(m); i++) {
        const struct workspace *at = model_workspace_at(m, i);

        if (strcmp(at->shown, name) == 0) {
            ws = at;
        }
    }
    return ws;
}

/* The workspace that a path leads into. */
static const struct workspace *workspace_at(struct verb_ctx *ctx, const char *root, const char *path, char **inner,
                                            struct error *err)
{
    struct naming_context here;
    MT_CLEANUP(xfree) char *real = path_real(path, err);

    if (real == NULL || naming_context(root, real, ctx->paths, &here, err) < 0) {
        return NULL;
    }
    if (here.reserved) {
        error_set(err, ERROR_INVALID, "%s is the configuration folder: it has no shell and is not deleted", real);
        return NULL;
    }
    const struct workspace *ws = model_workspace_by_name(ctx->model, here.project);
    if (ws == NULL) {
        error_set(err, ERROR_NOT_FOUND, "no workspace for %s below %s", real, root);
    } else if (inner != NULL) {
        *inner = xstrdup(here.inner);
    }
    return ws;
}

/* Is there such a host in the configuration? */
static bool is_host(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->host_count; i++) {
        if (strcmp(c->hosts[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing has that name. A host that is not there, or of which nothing is known now, is the better reason. */
static void unknown(struct verb_ctx *ctx, const char *name, const char *root, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    const char *at = strrchr(name, '@');

    utf8_sanitize(&shown, name, strlen(name), false);
    for (size_t i = 0; at != NULL && i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);

        if (strcmp(b->host, at + 1) == 0 && !b->probe.usable) {
            error_hint(err, ERROR_UNAVAILABLE, "`muthr-tui doctor` looks at each host.",
                       "%s: the host %s cannot be used: %s", shown.buf, b->host, b->probe.reason);
            return;
        }
    }
    if (at != NULL && at > name && at[1] != '\0' && !is_host(&ctx->config, at + 1)) {
        const char *host = strrchr(shown.buf, '@');

        error_hint(
            err, ERROR_NOT_FOUND, "`muthr-tui ls --all` lists the workspaces, [[hosts]] in muthr.toml names hosts.",
            "no workspace '%s' below %s, and no host %s is configured", shown.buf, root, host != NULL ? host + 1 : "");
        return;
    }
    error_hint(err, ERROR_NOT_FOUND, "`muthr-tui ls --all` lists the workspaces.", "no workspace '%s' below %s",
               shown.buf, root);
}

const struct workspace *verb_workspace(struct verb_ctx *ctx, const char *name, char **inner, struct error *err)
{
    const char *root;

    if (inner != NULL) {
        *inner = NULL;
    }
    if (engine_root(ctx->engine, &root, err) < 0) {
        return NULL;
    }
    if (name != NULL && strchr(name, '/') != NULL && strchr(name, '/')[1] != '\0') {
        return workspace_at(ctx, root, name, inner, err);
    }
    if (name != NULL) {
        size_t n = strlen(name);
        MT_CLEANUP(xfree) char *plain = xstrndup(name, n > 1 && name[n - 1] == '/' ? n - 1 : n);

        if (naming_is_infrastructure(plain)) {
            error_set(err, ERROR_INVALID, "%s is a service, not a sandbox", plain);
            return NULL;
        }
        const struct workspace *ws = workspace_named(ctx->model, plain);

        if (ws == NULL) {
            unknown(ctx, plain, root, err);
        }
        return ws;
    }
    MT_CLEANUP(xfree) char *cwd = getcwd(NULL, 0);
    if (cwd == NULL) {
        error_set(err, ERROR_NOT_FOUND, "the working directory is gone; name the workspace");
        return NULL;
    }
    return workspace_at(ctx, root, cwd, inner, err);
}
