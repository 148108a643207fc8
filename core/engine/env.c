/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/env.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/engine/naming.h"
#include "core/inference/preset.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define CONTEXT_FALLBACK 131072u

static const char WORD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/* NUL cannot be in a C string; CR and LF would end a line of whoever reads the environment as lines. */
static int check_value(const char *field, const char *value, struct error *err)
{
    if (value == NULL || strpbrk(value, "\r\n") != NULL) {
        return error_set(err, ERROR_INVALID, "%s: the value has a line break", field);
    }
    return 0;
}

int env_check_model(const char *model, struct error *err)
{
    static const char MORE[] = ".:/-";
    for (const char *p = model; *p != '\0'; p++) {
        if (strchr(WORD, *p) == NULL && strchr(MORE, *p) == NULL) {
            return error_set(err, ERROR_INVALID,
                             "MUTHR_MODEL_NAME: the model name may hold only letters, digits and . _ : / -");
        }
    }
    return model[0] != '\0' ? 0 : error_set(err, ERROR_INVALID, "MUTHR_MODEL_NAME: the model name is empty");
}

/* Checks and appends one variable. */
static int add(struct strvec *out, const char *key, const char *value, struct error *err)
{
    if (check_value(key, value, err) < 0) {
        return -1;
    }
    strvec_setenv(out, key, value);
    return 0;
}

/* An IPv6 address that wants brackets in a URL? */
static bool is_bare_v6(const char *host)
{
    return strchr(host, ':') != NULL && host[0] != '[';
}

int env_build(const struct env_input *in, struct strvec *out, struct error *err)
{
    char url[160], searx[160], mcp[160], context[32];
    const char *server = in->server_host != NULL ? in->server_host : in->gateway;
    bool v6 = is_bare_v6(in->gateway), server_v6 = is_bare_v6(server);
    const char *open = v6 ? "[" : "", *close = v6 ? "]" : "";
    if (in->gateway[0] == '\0' || strpbrk(in->gateway, "/ \t\"'\\@#?") != NULL) {
        return error_hint(err, ERROR_INVALID, "set container_host_gateway to a host name or address",
                          "MUTHR_CONTAINER_HOST_GATEWAY: \"%.60s\" is not an address", in->gateway);
    }
    if (str_format(url, sizeof(url), "http://%s%s%s:%lld/v1", server_v6 ? "[" : "", server, server_v6 ? "]" : "",
                   (long long)in->server_port) < 0 ||
        str_format(searx, sizeof(searx), "http://%s%s%s:18766", open, in->gateway, close) < 0 ||
        str_format(mcp, sizeof(mcp), "http://%s%s%s:18765", open, in->gateway, close) < 0) {
        return error_set(err, ERROR_INVALID, "MUTHR_CONTAINER_HOST_GATEWAY: too long");
    }
    str_format(context, sizeof(context), "%llu",
               (unsigned long long)(in->context != 0 ? in->context : CONTEXT_FALLBACK));
    if (env_check_model(in->model, err) < 0 || naming_check_word(in->runtime, "MUTHR_ENGINE_RUNTIME", err) < 0) {
        return -1;
    }
    const char *const pairs[][2] = {
        {"MUTHR_INFERENCE_URL", url},
        {"MUTHR_OPENAI_URL", url},
        {"MUTHR_MODEL_NAME", in->model},
        {"MUTHR_CTX_WINDOW", context},
        {"MUTHR_WORKSPACE_MOUNT", in->workspace_mount},
        {"MUTHR_SPECS_REV", in->specs_rev},
        {"MUTHR_CONTAINER_HOST_GATEWAY", in->gateway},
        {"MUTHR_SEARXNG_URL", searx},
        {"MUTHR_MCP_BRIDGE_URL", mcp},
        {"MUTHR_ENGINE_RUNTIME", in->runtime},
        {"MUTHR_BACKEND", in->backend},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(pairs); i++) {
        if (add(out, pairs[i][0], pairs[i][1], err) < 0) {
            return -1;
        }
    }
    return 0;
}

void env_add_host(struct strvec *out)
{
    static const char *const ALLOWED[] = {"TERM", "COLORTERM", "LANG", "LC_ALL", "TZ", "NO_COLOR"};
    for (size_t i = 0; i < MT_ARRAY_LEN(ALLOWED); i++) {
        const char *value = getenv(ALLOWED[i]);
        if (value != NULL && check_value(ALLOWED[i], value, NULL) == 0) {
            strvec_setenv(out, ALLOWED[i], value);
        }
    }
}

void env_add_terminal(struct strvec *out)
{
    strvec_setenv(out, "TERM", "xterm-256color");
    strvec_setenv(out, "COLORTERM", "truecolor");
}

/* One KEY=VALUE. */
static int check_pair(const char *pair, struct error *err)
{
    const char *eq = strchr(pair, '=');
    size_t n = eq != NULL ? (size_t)(eq - pair) : 0;
    if (n == 0 || strspn(pair, WORD) != n || (pair[0] >= '0' && pair[0] <= '9')) {
        return error_set(err, ERROR_INVALID, "--env: expected KEY=VALUE with a key of letters, digits and _");
    }
    char field[80];
    str_format(field, sizeof(field), "--env %.*s", (int)MT_MIN(n, (size_t)60), pair);
    return check_value(field, eq + 1, err);
}

int env_push_extra(struct strvec *extra, const char *pair, struct error *err)
{
    if (extra->len >= ENV_EXTRA_MAX) {
        return error_set(err, ERROR_INVALID, "--env: more than %d variables", ENV_EXTRA_MAX);
    }
    if (check_pair(pair, err) < 0) {
        return -1;
    }
    strvec_push(extra, pair);
    return 0;
}

int env_check_extra(const struct strvec *extra, struct error *err)
{
    if (extra != NULL && extra->len > ENV_EXTRA_MAX) {
        return error_set(err, ERROR_INVALID, "--env: more than %d variables", ENV_EXTRA_MAX);
    }
    for (size_t i = 0; extra != NULL && i < extra->len; i++) {
        if (check_pair(extra->v[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int env_add_extra(const struct strvec *extra, struct strvec *out, struct error *err)
{
    if (env_check_extra(extra, err) < 0) {
        return -1;
    }
    for (size_t i = 0; extra != NULL && i < extra->len; i++) {
        const char *eq = strchr(extra->v[i], '=');
        MT_CLEANUP(xfree) char *key = xstrndup(extra->v[i], (size_t)(eq - extra->v[i]));
        strvec_setenv(out, key, eq + 1);
    }
    return 0;
}

void env_gateway(const struct config *config, enum net_policy net, const char *seen, char out[64], bool *reachable)
{
    bool given = config->container_host_gateway[0] != '\0';
    str_copy(out, 64, given ? config->container_host_gateway : seen[0] != '\0' ? seen : "127.0.0.1");
    *reachable = net == NET_SHARED || ((given || seen[0] != '\0') && net != NET_NONE);
}

/* ~/.cache/muthr/active-preset-name-<runtime>. Caller frees. */
static char *preset_path(const struct paths *paths, const char *runtime)
{
    return xasprintf("%s/active-preset-name-%s", paths->cache, runtime);
}

const char *env_runtime(const struct paths *paths)
{
    static const char *const RUNTIMES[] = {"mlxcel", "llama"};
    const char *newest = NULL;
    time_t when = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(RUNTIMES); i++) {
        MT_CLEANUP(xfree) char *path = preset_path(paths, RUNTIMES[i]);
        struct stat st;
        if (stat(path, &st) == 0 && (newest == NULL || st.st_mtime > when)) {
            newest = RUNTIMES[i];
            when = st.st_mtime;
        }
    }
    if (newest != NULL) {
        return newest;
    }
#if defined(__APPLE__)
    return "mlxcel";
#else
    return "llama";
#endif
}

/* The model of the preset that has that name; NULL: there is none, the name is all that is known. Caller frees. */
static char *preset_model(const struct paths *paths, const char *name)
{
    struct presets all;
    presets_load(&all, paths);
    const struct preset *p = name[0] != '\0' ? presets_find(&all, name, NULL) : NULL;
    char *model = p != NULL ? xstrdup(p->model) : NULL;
    presets_release(&all);
    return model;
}

void env_fallback_model(const struct config *config, const struct paths *paths, const char *named, char out[160],
                        const char **source)
{
    MT_CLEANUP(xfree) char *path = preset_path(paths, env_runtime(paths));
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    if (named != NULL && env_check_model(named, NULL) == 0 && str_copy(out, 160, named) == 0) {
        *source = "endpoint";
        return;
    }
    if (named == NULL && fs_read(path, 4096, &text, &ignored) == 0) {
        strbuf_truncate(&text, strcspn(text.buf, "\r\n"));
        MT_CLEANUP(xfree) char *model = preset_model(paths, text.buf);
        const char *base = path_base(model != NULL ? model : text.buf);
        if (env_check_model(base, NULL) == 0 && str_copy(out, 160, base) == 0) {
            *source = "preset";
            return;
        }
    }
    if (env_check_model(config->model, NULL) == 0 && str_copy(out, 160, config->model) == 0) {
        *source = "config";
        return;
    }
    *source = "default";
    str_copy(out, 160, "local-model");
}
