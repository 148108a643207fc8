/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/glance.h"

#include <stdlib.h>
#include <string.h>

#include "core/inference/apikey.h"
#include "core/inference/watcher.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

struct glance {
    struct watcher *watcher;
    struct watcher_look *look;
    glance_fn done;
    void *arg;
};

/* watcher_look_fn */
static void on_look(void *arg, const struct inference_view *view)
{
    struct glance *g = arg;
    watcher_close(g->watcher);
    g->done(g->arg, view);
    free(g);
}

struct glance *glance_start(const struct glance_opts *opts, glance_fn done, void *arg)
{
    struct glance *g = xcalloc(1, sizeof(*g));
    MT_CLEANUP(xfree)
    char *file =
        path_expand(opts->entry != NULL ? opts->entry->key_file : opts->config->server_key_file, opts->paths->home);
    struct error err = ERROR_INIT;
    struct apikey key;
    char host[72];

    const char *variable = opts->entry == NULL               ? "MUTHR_SERVER_KEY"
                           : opts->entry->key_env[0] != '\0' ? opts->entry->key_env
                                                             : NULL;
    if (apikey_read(&key, variable, file, &err) < 0) {
        log_warn("key of the inference server: %s", err.msg);
    }
    bool v6 = strchr(opts->host, ':') != NULL;
    str_format(host, sizeof(host), "%s%s%s", v6 ? "[" : "", opts->host, v6 ? "]" : "");
    struct watcher_opts w = {.loop = opts->loop, .http = opts->http, .host = host, .port = opts->port, .key = key.text};
    g->done = done;
    g->arg = arg;
    g->watcher = watcher_new(&w);
    apikey_clear(&key);
    g->look = watcher_look(g->watcher, on_look, g);
    return g;
}

void glance_cancel(struct glance *g)
{
    watcher_look_cancel(g->look);
}
