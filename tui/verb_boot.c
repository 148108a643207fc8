/* SPDX-License-Identifier: Apache-2.0 */
/* up and down: everything, after a list of what that is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/xmalloc.h"
#include "tui/boot.h"
#include "tui/verb_report.h"

struct boot_verb {
    struct verb_ctx *ctx;
    struct boot *boot;
    bool up;
    struct op_report report;
    char said[120];
};

static struct json *item_row(const struct boot_item *item)
{
    static const char *const kinds[] = {"engine", "service", "sandbox"};
    struct json *row = json_new_object();

    json_set_string(row, "kind", kinds[item->kind]);
    json_set_string(row, "name", item->name);
    json_set_string(row, "what", item->what);
    json_set_string(row, "loss", item->loss[0] != '\0' ? item->loss : NULL);
    json_set_bool(row, "working", item->working);
    json_set_string(row, "state", boot_state_name(item->state));
    json_set_string(row, "text", item->text[0] != '\0' ? item->text : NULL);
    json_set_string(row, "error", item->state == BOOT_FAILED ? item->error.msg : NULL);
    json_set_string(row, "hint", item->state == BOOT_FAILED ? item->error.hint : NULL);
    return row;
}

/* One part began, went on or ended. Steps of the engine's ops are told by their own report. */
static void on_changed(void *arg, const struct boot_item *item)
{
    struct boot_verb *v = arg;
    const struct verb_options *o = &v->ctx->o;

    if (o->format == OUTPUT_NDJSON) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        struct json *row = item_row(item);

        json_write(row, false, &line);
        json_free(row);
        printf("%s\n", line.buf);
        fflush(stdout);
        v->ctx->answered = true;
    } else if (item->state == BOOT_FAILED) {
        struct error err = item->error;

        error_wrap(&err, "%s", item->name);
        verb_error(v->ctx, &err);
    } else if (o->quiet || o->format != OUTPUT_TEXT) {
        return;
    } else if (item->state == BOOT_DONE || item->state == BOOT_CANCELED) {
        output_note("%s: %s", item->name, item->text);
    } else if (item->state == BOOT_RUNNING && item->kind == BOOT_ENGINE && strstr(item->text, ": ") != NULL) {
        char word[sizeof(v->said)];

        str_format(word, sizeof(word), "%.*s", (int)strcspn(item->text, ","), item->text);
        if (strcmp(word, v->said) != 0) { /* "answer: loading, 12 s": the seconds are no news */
            str_copy(v->said, sizeof(v->said), word);
            output_note("  %s: %s", item->name, word);
        }
    }
}

static void on_done(void *arg)
{
    struct boot_verb *v = arg;

    verb_finish(v->ctx, boot_count(v->boot, BOOT_FAILED) + boot_count(v->boot, BOOT_CANCELED) > 0 ? 1 : 0);
}

static void on_signal(void *arg, int signum)
{
    struct boot_verb *v = arg;

    (void)signum;
    output_note("Stopping: what waits is left as it is.");
    boot_cancel(v->boot);
}

static void on_event(void *arg, const struct model_event *ev)
{
    struct boot_verb *v = arg;

    boot_on_event(v->boot, ev);
    if (v->ctx->o.format == OUTPUT_TEXT && !v->ctx->o.quiet) {
        op_report_event(&v->report, ev);
    }
}

/* The list: data of --dry-run, else for whoever is asked. */
static void print_list(const struct boot_verb *v, FILE *to)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    boot_list(v->boot, true, &text);
    fputs(text.buf, to);
}

static void print_rows(struct boot_verb *v)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *rows = json_new_array();

    for (size_t i = 0; i < boot_item_count(v->boot); i++) {
        json_append(rows, item_row(boot_item(v->boot, i)));
    }
    json_write(rows, true, &text);
    json_free(rows);
    fputs(text.buf, stdout);
    v->ctx->answered = true;
}

/* Lists and does nothing. */
static int dry_run(struct boot_verb *v)
{
    if (v->ctx->o.format == OUTPUT_TEXT) {
        print_list(v, stdout);
    } else if (v->ctx->o.format == OUTPUT_JSON) {
        print_rows(v);
    } else {
        for (size_t i = 0; i < boot_item_count(v->boot); i++) {
            on_changed(v, boot_item(v->boot, i));
        }
    }
    v->ctx->answered = true;
    return 0;
}

/* May it be done? 0, or the exit code. */
static int confirm(struct boot_verb *v)
{
    struct error err = ERROR_INIT;

    if (v->ctx->o.yes) {
        return 0;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        error_hint(&err, ERROR_DENIED, "--yes does it without asking, --dry-run only lists it.",
                   "%s needs a terminal to ask on", v->up ? "up" : "down");
        verb_error(v->ctx, &err);
        return EXIT_REFUSED;
    }
    if (!verb_ask(v->up ? "Bring that up?" : "Take that down?")) {
        output_note("Nothing was done.");
        return 1;
    }
    return 0;
}

/* Runs it to its end. */
static int run(struct boot_verb *v)
{
    struct verb_ctx *ctx = v->ctx;
    struct bus_sub *sub = bus_subscribe(ctx->bus, on_event, v);
    struct signal_watch *on_int = signal_watch_new(ctx->loop, 2, on_signal, v, NULL);
    struct signal_watch *on_term = signal_watch_new(ctx->loop, 15, on_signal, v, NULL);

    for (size_t i = 0; i < boot_item_count(v->boot); i++) {
        if (boot_item(v->boot, i)->state == BOOT_FAILED) {
            on_changed(v, boot_item(v->boot, i));
        }
    }
    boot_run(v->boot);
    verb_run(ctx);
    bus_unsubscribe(ctx->bus, sub);
    signal_watch_close(on_int);
    signal_watch_close(on_term);
    if (ctx->o.format == OUTPUT_JSON) {
        print_rows(v);
    }
    return ctx->exit_code;
}

static int boot_verb(struct verb_ctx *ctx, bool up)
{
    struct boot_verb v = {.ctx = ctx, .up = up, .report = {.ctx = ctx, .last = STRBUF_INIT}};
    int rc;

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    struct boot_opts opts = {.loop = ctx->loop,
                             .paths = ctx->paths,
                             .config = &ctx->config,
                             .model = ctx->model,
                             .engine = ctx->engine,
                             .up = up,
                             .changed = on_changed,
                             .done = on_done,
                             .arg = &v};
    v.boot = boot_new(&opts);
    size_t waiting = boot_count(v.boot, BOOT_WAITING), failed = boot_count(v.boot, BOOT_FAILED);
    if (ctx->o.dry_run) {
        rc = dry_run(&v);
    } else if (waiting == 0) {
        if (!ctx->o.quiet && ctx->o.format == OUTPUT_TEXT) {
            print_list(&v, stderr);
            output_note(failed > 0 ? "Nothing else is to be done."
                        : up       ? "Nothing is to be started."
                                   : "Nothing runs.");
        }
        rc = failed > 0 ? run(&v) : 0;
        if (failed == 0 && ctx->o.format == OUTPUT_JSON) {
            print_rows(&v);
        }
    } else {
        if (!ctx->o.quiet && ctx->o.format == OUTPUT_TEXT) {
            print_list(&v, stderr);
        }
        rc = confirm(&v);
        rc = rc == 0 ? run(&v) : rc;
    }
    boot_free(v.boot);
    strbuf_release(&v.report.last);
    return rc;
}

int verb_up(struct verb_ctx *ctx)
{
    return boot_verb(ctx, true);
}

int verb_down(struct verb_ctx *ctx)
{
    return boot_verb(ctx, false);
}
