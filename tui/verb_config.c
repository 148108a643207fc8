/* SPDX-License-Identifier: Apache-2.0 */
/* config show | init */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/fs.h"
#include "tui/verb.h"

/* Prints the settings in force with their origins. */
static int config_verb_show(struct verb_ctx *ctx)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    config_show(&ctx->config, ctx->o.format != OUTPUT_TEXT, &text);
    ctx->answered = true;
    if (ctx->o.format == OUTPUT_NDJSON) {
        struct json *j = json_parse(text.buf, text.len, NULL);

        strbuf_clear(&text);
        json_write(j, false, &text);
        strbuf_addch(&text, '\n');
        json_free(j);
    }
    fwrite(text.buf, 1, text.len, stdout);
    return ctx->exit_code;
}

/* Writes the commented template, unless a file is there. */
static int config_verb_init(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    if (fs_exists(ctx->config.path)) {
        error_hint(&err, ERROR_EXISTS, "`muthr-tui config show` prints what is in force.",
                   "%s is there already; nothing was written", ctx->config.path);
        return verb_error(ctx, &err);
    }
    config_template(&text);
    if (fs_mkdirs(ctx->paths->config, 0700, &err) < 0 ||
        fs_write_through(ctx->config.path, text.buf, text.len, 0600, &err) < 0) {
        return verb_error(ctx, &err);
    }
    output_note("Wrote %s: every setting is in it, commented out.", ctx->config.path);
    if (ctx->o.format != OUTPUT_TEXT) {
        struct json *row = json_new_object();

        strbuf_clear(&text);
        json_set_string(row, "path", ctx->config.path);
        json_write(row, false, &text);
        json_free(row);
        printf("%s\n", text.buf);
    }
    return 0;
}

int verb_config(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    const char *what = ctx->o.names.len > 0 ? ctx->o.names.v[0] : "";

    if (ctx->o.names.len == 1 && strcmp(what, "show") == 0) {
        return config_verb_show(ctx);
    }
    if (ctx->o.names.len == 1 && strcmp(what, "init") == 0) {
        return config_verb_init(ctx);
    }
    error_set(&err, ERROR_INVALID, "config takes `show` or `init`");
    return verb_error(ctx, &err);
}
