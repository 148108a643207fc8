/* SPDX-License-Identifier: Apache-2.0 */
/* services status | start | stop | restart | logs: muthr-services and muthr-searxng (N7). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/services.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/verb_report.h"

#define LOG_LINES 40
#define SCRIPT_LOG_MAX (16u << 20)

/* The ops of one call. */
struct services_verb {
    struct verb_ctx *ctx;
    enum service_plan plan;
    struct op_report report;
    struct json *results;
    size_t pending;
    int exit_code;
    struct output *out; /* logs */
    const char *name;
};

/* --- status --- */

struct json *verb_service_row(const struct service_view *v)
{
    struct json *row = json_new_object();
    char address[80], iso[32];

    json_set_string(row, "name", v->kind->name);
    json_set_string(row, "what", v->kind->what);
    json_set_string(row, "state", service_state_name(v->state));
    json_set_string(row, "provisioned",
                    !v->kind->scripted    ? "-"
                    : v->provisioned > 0  ? "yes"
                    : v->provisioned == 0 ? "no"
                                          : NULL);
    json_set_string(row, "address", service_address(v, address)[0] != '\0' ? address : NULL);
    json_set_bool(row, "exposed", service_is_exposed(v));
    json_set_string(row, "image", v->image[0] != '\0' ? v->image : NULL);
    clock_iso8601(v->started_wall_ms, iso);
    json_set_string(row, "since", v->started_wall_ms != 0 ? iso : NULL);
    json_set_string(row, "backend", v->backend[0] != '\0' ? v->backend : NULL);
    json_set_string(row, "container", v->id[0] != '\0' ? v->id : NULL);
    if (v->state == SERVICE_STOPPED || v->state == SERVICE_FAILED) {
        json_set_int(row, "exit_code", v->exit_code);
    }
    json_set_string(row, "reason", v->reason[0] != '\0' ? v->reason : NULL);
    json_set_string(row, "unprovisioned", v->unprovisioned[0] != '\0' ? v->unprovisioned : NULL);
    return row;
}

/* The services that are meant: those named, else both. -1: *err. */
static int meant(const struct verb_ctx *ctx, const struct service_kind *out[SERVICE_COUNT], struct error *err)
{
    int n = 0;

    for (size_t i = 1; i < ctx->o.names.len; i++) {
        const struct service_kind *kind = service_find(ctx->o.names.v[i]);
        bool twice = false;

        if (kind == NULL) {
            return error_hint(err, ERROR_NOT_FOUND, "there are muthr-services and muthr-searxng",
                              "there is no service %.64s", ctx->o.names.v[i]);
        }
        for (int k = 0; k < n; k++) {
            twice = twice || out[k] == kind;
        }
        if (!twice) {
            out[n++] = kind;
        }
    }
    for (size_t i = 0; ctx->o.names.len <= 1 && i < SERVICE_COUNT; i++) {
        out[n++] = &service_kinds[i];
    }
    return n;
}

/* What people should know of one besides its row. */
static void status_notes(const struct service_view *v)
{
    char address[80];

    if (v->reason[0] != '\0' && v->state != SERVICE_STOPPED && v->state != SERVICE_ABSENT) {
        output_note("  %s: %s", v->kind->name, v->reason);
    }
    if (v->unprovisioned[0] != '\0') {
        output_note("  %s is not provisioned: %s", v->kind->name, v->unprovisioned);
    }
    if (service_is_up(v) && service_is_exposed(v)) {
        output_note("  warning: %s listens on %s: whoever reaches this machine there can use it", v->kind->name,
                    service_address(v, address));
    }
}

static int services_status(struct services_verb *s)
{
    static const struct output_column columns[] = {
        {"name", "NAME"},       {"state", "STATE"}, {"provisioned", "PROVISIONED"},
        {"address", "ADDRESS"}, {"image", "IMAGE"}, {"since", "SINCE"}};
    const struct service_kind *kinds[SERVICE_COUNT + 8];
    struct error err = ERROR_INIT;
    struct output *out;
    const struct service_view *absent = NULL;
    int n = meant(s->ctx, kinds, &err);

    if (n < 0) {
        return verb_error(s->ctx, &err);
    }
    if (verb_open(s->ctx) < 0) {
        return s->ctx->exit_code;
    }
    out = output_new(s->ctx->o.format, columns, MT_ARRAY_LEN(columns));
    for (int i = 0; i < n; i++) {
        const struct service_view *v = model_service_by_name(s->ctx->model, kinds[i]->name);

        absent = v->state == SERVICE_ABSENT ? v : absent;
        output_row_take(out, verb_service_row(v));
    }
    s->ctx->answered = true;
    if (output_finish(out, NULL) < 0) {
        return 1;
    }
    for (int i = 0; i < n && s->ctx->o.format == OUTPUT_TEXT && !s->ctx->o.quiet; i++) {
        status_notes(model_service_by_name(s->ctx->model, kinds[i]->name));
    }
    if (absent != NULL) {
        error_hint(&err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`", "%s", absent->reason);
        return verb_error(s->ctx, &err);
    }
    return 0;
}

/* --- start, stop, restart --- */

static void on_done(void *arg, const struct op_view *op)
{
    struct services_verb *s = arg;
    const struct service_view *v = model_service_by_name(s->ctx->model, op->sandbox);

    if (op->state == OP_FAILED) {
        struct error err = op->error;

        error_wrap(&err, "%s", op->sandbox);
        int code = verb_error(s->ctx, &err);
        s->exit_code = s->exit_code != 0 ? s->exit_code : code;
    } else if (op->state == OP_CANCELED) {
        output_note("%s: canceled", op->sandbox);
        s->exit_code = s->exit_code != 0 ? s->exit_code : 1;
    } else if (!s->ctx->o.quiet && s->ctx->o.format == OUTPUT_TEXT) {
        char address[80];
        bool down = s->plan == SERVICE_STOP;

        service_address(v, address);
        output_note("%s: %s%s%s", op->sandbox, service_state_name(v->state), !down && address[0] != '\0' ? ", " : "",
                    down ? "" : address);
        if (!down) {
            status_notes(v);
        }
    }
    json_append(s->results, op_report_json(op));
    if (--s->pending == 0) {
        verb_finish(s->ctx, s->exit_code);
    }
}

/* Ctrl-C and TERM cancel what runs. */
static void on_signal(void *arg, int signum)
{
    struct services_verb *s = arg;

    (void)signum;
    for (size_t i = 0; i < model_op_count(s->ctx->model); i++) {
        const struct op_view *op = model_op_at(s->ctx->model, i);

        if (op->state == OP_QUEUED || op->state == OP_RUNNING) {
            engine_cancel(s->ctx->engine, op->id);
        }
    }
}

static int services_change(struct services_verb *s)
{
    const struct service_kind *kinds[SERVICE_COUNT + 8];
    struct verb_ctx *ctx = s->ctx;
    struct error err = ERROR_INIT;
    struct bus_sub *sub = NULL;
    int n = meant(ctx, kinds, &err);

    if (n < 0) {
        return verb_error(ctx, &err);
    }
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    struct signal_watch *on_int = signal_watch_new(ctx->loop, 2, on_signal, s, NULL);
    struct signal_watch *on_term = signal_watch_new(ctx->loop, 15, on_signal, s, NULL);
    s->results = json_new_array();
    s->report = (struct op_report){.ctx = ctx, .last = STRBUF_INIT};
    if (!ctx->o.quiet && ctx->o.format != OUTPUT_JSON) {
        sub = bus_subscribe(ctx->bus, op_report_event, &s->report);
    }
    for (int i = 0; i < n; i++) {
        struct engine_service_request req = {
            .plan = s->plan, .name = kinds[i]->name, .reprovision = ctx->o.reprovision, .done = on_done, .arg = s};

        s->pending++;
        if (engine_service(ctx->engine, &req, &err) == 0) {
            s->pending--;
            s->exit_code = verb_error(ctx, &err);
            break; /* the same for all */
        }
    }
    ctx->exit_code = s->exit_code;
    if (s->pending > 0) {
        verb_run(ctx);
    }
    bus_unsubscribe(ctx->bus, sub);
    signal_watch_close(on_int);
    signal_watch_close(on_term);
    if (ctx->o.format == OUTPUT_JSON && s->exit_code != EXIT_NO_BACKEND) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

        json_write(s->results, true, &text);
        fputs(text.buf, stdout);
        ctx->answered = true;
    }
    json_free(s->results);
    strbuf_release(&s->report.last);
    return ctx->exit_code;
}

/* --- logs --- */

static void print_line(struct services_verb *s, const char *from, const char *line, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    utf8_sanitize(&clean, line, len, false);
    if (s->out == NULL) {
        printf("%s\n", clean.buf);
        return;
    }
    struct json *row = json_new_object();
    json_set_string(row, "service", s->name);
    json_set_string(row, "from", from);
    json_set_string(row, "line", clean.buf);
    output_row_take(s->out, row);
}

static void on_log_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    (void)is_stderr;
    print_line(arg, "container", line, len);
}

static void on_log_end(void *arg, const struct backend_call *call, const struct error *err)
{
    struct services_verb *s = arg;

    (void)call;
    if (err != NULL) {
        verb_fail(s->ctx, err);
    } else {
        verb_finish(s->ctx, 0);
    }
}

/* The end of what its script said. */
static void script_log(struct services_verb *s, size_t lines)
{
    MT_CLEANUP(xfree) char *path = engine_service_script_log(s->ctx->engine, s->name);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    size_t at, n = 0;

    if (fs_read(path, SCRIPT_LOG_MAX, &text, NULL) < 0 || text.len == 0) {
        return;
    }
    for (at = text.len - 1; at > 0 && n < lines; at--) {
        n += text.buf[at - 1] == '\n' ? 1 : 0;
        if (n == lines) {
            break;
        }
    }
    if (s->out == NULL) {
        printf("==> %s: its script <==\n", s->name);
    }
    for (const char *p = text.buf + at; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        print_line(s, "script", p, len);
        p += len + (p[len] == '\n' ? 1 : 0);
    }
}

static int services_logs(struct services_verb *s)
{
    static const struct output_column columns[] = {{"line", "LINE"}};
    const struct service_kind *kinds[SERVICE_COUNT + 8];
    struct error err = ERROR_INIT;
    int n = meant(s->ctx, kinds, &err), rc = 0, shown = 0;
    size_t lines = s->ctx->o.lines > 0 ? s->ctx->o.lines : LOG_LINES;

    if (n < 0) {
        return verb_error(s->ctx, &err);
    }
    if (verb_open(s->ctx) < 0) {
        return s->ctx->exit_code;
    }
    s->out = s->ctx->o.format != OUTPUT_TEXT ? output_new(s->ctx->o.format, columns, 1) : NULL;
    for (int i = 0; i < n && rc == 0; i++) {
        struct engine_look_request req = {.sandbox = kinds[i]->name,
                                          .service = true,
                                          .verb = BACKEND_LOGS,
                                          .tail = (int64_t)lines,
                                          .on_line = on_log_line,
                                          .done = on_log_end,
                                          .arg = s};
        bool only = n == 1;

        s->name = kinds[i]->name;
        if (!only && !service_exists(model_service_by_name(s->ctx->model, s->name))) {
            continue;
        }
        script_log(s, lines);
        if (s->out == NULL) {
            printf("==> %s: its container <==\n", s->name);
        }
        s->ctx->finished = false;
        if (engine_look(s->ctx->engine, &req, NULL, &err) < 0) {
            rc = verb_error(s->ctx, &err);
            break;
        }
        verb_run(s->ctx);
        rc = s->ctx->exit_code;
        shown++;
    }
    if (rc == 0 && shown == 0) {
        error_set(&err, ERROR_NOT_FOUND, "there is no service yet: `muthr-tui services start` makes them");
        rc = verb_error(s->ctx, &err);
    }
    s->ctx->answered = s->out == NULL || rc == 0;
    if (s->out != NULL && output_finish(s->out, NULL) < 0) {
        rc = 1;
    }
    return rc;
}

/* --- the verb --- */

static const struct {
    const char *name;
    int (*run)(struct services_verb *s);
    enum service_plan plan;
} words[] = {
    {"status", services_status, SERVICE_START}, {"start", services_change, SERVICE_START},
    {"stop", services_change, SERVICE_STOP},    {"restart", services_change, SERVICE_RESTART},
    {"logs", services_logs, SERVICE_START},
};

int verb_services(struct verb_ctx *ctx)
{
    struct services_verb s = {.ctx = ctx};
    struct error err = ERROR_INIT;
    const char *what = ctx->o.names.len > 0 ? ctx->o.names.v[0] : "status";

    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, what) == 0) {
            s.plan = words[i].plan;
            return words[i].run(&s);
        }
    }
    error_set(&err, ERROR_INVALID, "services takes status, start, stop, restart or logs");
    return verb_error(ctx, &err);
}
