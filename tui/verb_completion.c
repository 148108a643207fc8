/* SPDX-License-Identifier: Apache-2.0 */
/* completion bash|zsh|fish, and the lists that these scripts ask for: workspaces, profiles, sessions, themes. A list is
 * quick and silent: what cannot be read has no names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/naming.h"
#include "core/engine/profiles.h"
#include "core/engine/workspaces.h"
#include "core/util/utf8.h"
#include "tui/completion.h"
#include "tui/theme.h"
#include "tui/verb.h"

/* A name on a line of its own. One with a control character cannot be typed, and is left out. */
static void print_name(const char *name)
{
    for (const char *p = name; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return;
        }
    }
    if (*name != '\0') {
        printf("%s\n", name);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct workspace *)a)->name, ((const struct workspace *)b)->name);
}

/* The folders below the workspace root that can have a sandbox. */
static void list_workspaces(struct verb_ctx *ctx)
{
    struct workspace *found = NULL;
    size_t count = 0;
    char *root = NULL;

    if (naming_root(ctx->config.workspace_root, ctx->paths, &root, NULL) == 0 &&
        workspaces_scan(root, &found, &count, NULL) == 0) {
        qsort(found, count, sizeof(*found), compare_names);
        for (size_t i = 0; i < count; i++) {
            if (found[i].name_error[0] == '\0') {
                print_name(found[i].name);
            }
        }
    }
    free(found);
    free(root);
}

static void list_profiles(struct verb_ctx *ctx)
{
    struct profile_entry *list;
    size_t count = profiles_list(ctx->paths, &list);

    for (size_t i = 0; i < count; i++) {
        print_name(list[i].name);
    }
    profile_list_free(list, count);
}

/* A session by the name a person gave it, else by its id. */
static void list_sessions(struct verb_ctx *ctx)
{
    if (verb_open_sessions(ctx) < 0) {
        return;
    }
    for (size_t i = 0; i < model_session_count(ctx->model); i++) {
        const struct session_info *s = model_session_at(ctx->model, i);

        print_name(s->name[0] != '\0' ? s->name : s->id);
    }
}

static void list_themes(struct verb_ctx *ctx)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    theme_names(ctx->paths, &names);
    for (size_t i = 0; i < names.len; i++) {
        print_name(names.v[i]);
    }
}

int verb_completion(struct verb_ctx *ctx)
{
    static const struct {
        const char *name;
        void (*script)(struct strbuf *out);
        void (*list)(struct verb_ctx *ctx);
    } kinds[] = {
        {"bash", completion_bash, NULL},       {"zsh", completion_zsh, NULL},     {"fish", completion_fish, NULL},
        {"workspaces", NULL, list_workspaces}, {"profiles", NULL, list_profiles}, {"sessions", NULL, list_sessions},
        {"themes", NULL, list_themes},
    };
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    const char *what = ctx->o.names.len > 0 ? ctx->o.names.v[0] : "";

    for (size_t i = 0; i < MT_ARRAY_LEN(kinds); i++) {
        if (strcmp(what, kinds[i].name) != 0) {
            continue;
        }
        if (kinds[i].list != NULL) {
            kinds[i].list(ctx);
            return 0;
        }
        kinds[i].script(&text);
        fwrite(text.buf, 1, text.len, stdout);
        return 0;
    }
    error_set(&err, ERROR_INVALID,
              "completion takes `bash`, `zsh` or `fish`; its lists are workspaces, profiles, "
              "sessions and themes");
    return verb_error(ctx, &err);
}
