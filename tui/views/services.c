/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/engine/services.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/logtext.h"
#include "tui/wrap.h"

/* muthr's own services (N7): how they stand, with what went wrong beside the one that it went wrong with. */

#define BOX_COLS 92
#define LOG_LINES 4000
#define LOG_TAIL 500
#define SCRIPT_LOG_MAX (4u << 20)

struct services_view {
    struct overlay base;
    size_t at;
};

/* --- texts --- */

static struct state_look look_of(const struct service_view *v)
{
    static const struct state_look looks[] = {
        [SERVICE_UNKNOWN] = {GLYPH_UNKNOWN, false, "not known", THEME_DIM},
        [SERVICE_ABSENT] = {GLYPH_NONE, false, "not possible here", THEME_DIM},
        [SERVICE_NONE] = {GLYPH_NONE, false, "not made yet", THEME_DIM},
        [SERVICE_STOPPED] = {GLYPH_STOPPED, false, "stopped", THEME_DIM},
        [SERVICE_STARTING] = {GLYPH_RUNNING, true, "starting", THEME_BUSY},
        [SERVICE_PROVISIONING] = {GLYPH_RUNNING, true, "provisioning", THEME_BUSY},
        [SERVICE_RUNNING] = {GLYPH_RUNNING, false, "running", THEME_OK},
        [SERVICE_FAILED] = {GLYPH_FAILED, false, "failed", THEME_BAD},
        [SERVICE_FOREIGN] = {GLYPH_UNKNOWN, false, "not muthr's", THEME_WARN},
    };
    struct state_look look = looks[v->state];
    if (v->state == SERVICE_RUNNING && v->provisioned == 0) {
        look.role = THEME_WARN; /* it runs and serves nothing */
    }
    return look;
}

/* The op in flight on it, or NULL. */
static const struct op_view *op_of(const struct app *app, const struct service_view *v)
{
    for (size_t i = model_op_count(app->model); i-- > 0;) {
        const struct op_view *op = model_op_at(app->model, i);
        if (op->state <= OP_RUNNING && strcmp(op->sandbox, v->kind->name) == 0) {
            return op;
        }
    }
    return NULL;
}

/* "127.0.0.1:18765, provisioned, for 12 min", "exit 1, not provisioned" */
static void facts(const struct service_view *v, char *out, size_t cap)
{
    char address[80], since[24] = "", ended[40];
    const char *script = !v->kind->scripted    ? ""
                         : v->provisioned > 0  ? ", provisioned"
                         : v->provisioned == 0 ? ", not provisioned"
                                               : ", provisioned or not is not known";
    uint64_t now = clock_wall_ms();
    service_address(v, address);
    if (v->started_wall_ms != 0 && now > v->started_wall_ms) {
        clock_short(now - v->started_wall_ms, since, sizeof(since));
    }
    bool asked =
        v->exit_code == 0 || v->exit_code == 143 || v->exit_code == 137; /* TERM, KILL: that is what stops it */
    str_format(ended, sizeof(ended), asked ? "does not run" : "ended with exit %d", v->exit_code);
    str_format(out, cap, "%s%s%s%s", service_is_up(v) ? address[0] ? address : "no port is open" : ended, script,
               since[0] ? ", for " : "", since);
}

/* --- drawing --- */

/* Wrapped text; returns the rows used, at most `most`. */
static int draw_wrapped(struct surface *s, struct rect r, int most, struct style st, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf piece = STRBUF_INIT;
    const char *rest = text;
    int y = 0;
    for (; y < most && text[0] && wrap_next(&rest, r.w, &piece) >= 0; y++) {
        surface_text(s, r.x, r.y + y, r.w, st, piece.buf);
    }
    return y;
}

/* What keeps it from serving, if anything; *role says how bad that is. */
static const char *trouble(const struct service_view *v, enum theme_role *role)
{
    *role = v->state == SERVICE_ABSENT || v->state == SERVICE_UNKNOWN ? THEME_DIM
            : v->state == SERVICE_FOREIGN                             ? THEME_WARN
                                                                      : THEME_BAD;
    if (v->error[0]) {
        return v->error;
    }
    if (v->reason[0] && v->state != SERVICE_STOPPED && v->state != SERVICE_RUNNING) {
        return v->reason;
    }
    *role = THEME_WARN;
    return v->unprovisioned;
}

/* Lines of a text, at most `most`. */
static int lines_of(const char *text, int w, int most)
{
    return text[0] ? MT_MIN(wrap_count(text, w), most) : 0;
}

static const char EXPOSED[] = "open to whoever reaches this machine at that address";
static const char HOW[] = "S makes its container and starts it; its image is pulled if need be";

/* Rows that draw_service uses. */
static int service_rows(const struct app *app, const struct service_view *v, int w)
{
    enum theme_role role;
    char line[400];
    bool op = op_of(app, v) != NULL, up = service_is_up(v);
    facts(v, line, sizeof(line));
    w = MT_MAX(w - 4, 1);
    return 1 + op + (service_exists(v) ? lines_of(line, w, 2) + lines_of(v->image, w, 1) : 0) +
           (op ? 0 : lines_of(trouble(v, &role), w, 3)) + (up && service_is_exposed(v) ? lines_of(EXPOSED, w, 2) : 0) +
           (v->state == SERVICE_NONE ? lines_of(HOW, w, 2) : 0);
}

/* The box, as high as what is in it. */
static struct rect box_of(const struct app *app, struct rect whole)
{
    struct rect box = overlay_box(whole, BOX_COLS, 4);
    int h = 4 + SERVICE_COUNT - 1;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        h += service_rows(app, model_service(app->model, i), box.w - 4);
    }
    return overlay_box(whole, BOX_COLS, h);
}

/* One service from r.y on; returns the rows used. */
static int draw_service(const struct app *app, struct surface *s, struct rect r, const struct service_view *v, bool on)
{
    struct style ground = on ? theme_style(&app->theme, THEME_SELECTION) : theme_style(&app->theme, THEME_DIALOG);
    struct style dim = theme_on(&app->theme, THEME_DIM, THEME_DIALOG);
    struct state_look look = look_of(v);
    const struct op_view *op = op_of(app, v);
    struct rect in = {r.x + 4, r.y + 1, MT_MAX(r.w - 4, 1), 1};
    enum theme_role role = THEME_DIM;
    char line[400];
    surface_fill(s, (struct rect){r.x, r.y, r.w, 1}, ground);
    struct style state = on ? ground : theme_on(&app->theme, look.role, THEME_DIALOG);
    const char *sign = look.spins ? glyph_spinner(clock_mono_ms(), app->ascii) : glyph_text(look.glyph, app->ascii);
    surface_text(s, r.x + 1, r.y, 2, state, sign);
    int x = r.x + 4;
    int used = surface_text(s, x, r.y, r.w - 24, ground, v->kind->name);
    if (r.w >= 56) {
        surface_text(s, x + used + 2, r.y, r.w - used - 28, on ? ground : dim, v->kind->what);
    }
    surface_text_right(s, r.x + r.w - 1, r.y, 20, state, look.word);
    if (op) {
        const struct op_step_view *st = op->step >= 0 && op->step < op->step_count ? &op->steps[op->step] : NULL;
        str_format(line, sizeof(line), "%s%s%s", st ? st->name : "", st && st->text[0] ? ": " : "", st ? st->text : "");
        in.y += draw_wrapped(s, in, 1, theme_on(&app->theme, THEME_BUSY, THEME_DIALOG), line);
    }
    if (service_exists(v)) {
        facts(v, line, sizeof(line));
        in.y += draw_wrapped(s, in, 2, theme_on(&app->theme, THEME_TEXT, THEME_DIALOG), line);
        in.y += draw_wrapped(s, in, 1, dim, v->image);
    }
    const char *why = op ? "" : trouble(v, &role);
    in.y += op ? 0 : draw_wrapped(s, in, 3, theme_on(&app->theme, role, THEME_DIALOG), why);
    if (service_is_up(v) && service_is_exposed(v)) {
        in.y += draw_wrapped(s, in, 2, theme_on(&app->theme, THEME_BAD, THEME_DIALOG), EXPOSED);
    }
    if (v->state == SERVICE_NONE) {
        in.y += draw_wrapped(s, in, 2, dim, HOW);
    }
    return in.y - r.y;
}

static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct services_view *view = (const struct services_view *)o;
    struct rect box = box_of(app, whole);
    struct rect in = {box.x + 2, box.y + 1, box.w - 4, box.h - 2};
    surface_fill(s, box, theme_style(&app->theme, THEME_DIALOG));
    surface_frame(s, box, theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG), "Services",
                  theme_style(&app->theme, THEME_DIALOG_TITLE));
    struct rect old = surface_clip(s, in);
    int y = in.y + (box.h < whole.h); /* a blank line first where there is room */
    bool tight = service_rows(app, model_service(app->model, 0), in.w) + 1 +
                     service_rows(app, model_service(app->model, SERVICE_COUNT - 1), in.w) >
                 in.h;
    for (size_t i = tight ? view->at : 0; i < SERVICE_COUNT && y < in.y + in.h; i++) {
        y += draw_service(app, s, (struct rect){in.x, y, in.w, 1}, model_service(app->model, i), i == view->at) + 1;
    }
    surface_unclip(s, old);
}

static uint64_t next_ms(const struct app *app, const struct overlay *o)
{
    uint64_t next = 0, now = clock_wall_ms();
    (void)o;
    for (size_t i = 0; i < SERVICE_COUNT; i++) {
        const struct service_view *v = model_service(app->model, i);
        if (look_of(v).spins || op_of(app, v)) {
            return OVERLAY_SPIN_MS;
        }
        if (v->started_wall_ms != 0) {
            uint64_t due = now - v->started_wall_ms < 60000 ? 1000 : 20000;
            next = next == 0 ? due : MT_MIN(next, due);
        }
    }
    return next;
}

/* --- logs --- */

struct service_log {
    struct app *app;
    struct pager *pager; /* NULL: closed */
    struct engine_look *look;
};

static void log_drop(struct service_log *l)
{
    if (!l->pager && !l->look) {
        free(l);
    }
}

static void log_closed(void *arg)
{
    struct service_log *l = arg;
    l->pager = NULL;
    if (l->look) {
        engine_look_cancel(l->look); /* its end comes later */
    }
    log_drop(l);
}

static void log_text(struct service_log *l, enum theme_role role, const char *data, size_t len)
{
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    logtext_lines(data, len, &lines);
    for (size_t i = 0; i < lines.len && l->pager; i++) {
        pager_append(l->app, l->pager, role, lines.v[i]);
    }
}

static void log_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    log_text(arg, is_stderr ? THEME_WARN : THEME_TEXT, line, len);
}

static void log_end(void *arg, const struct backend_call *call, const struct error *err)
{
    struct service_log *l = arg;
    (void)call;
    l->look = NULL;
    if (l->pager) {
        pager_append(l->app, l->pager, err ? THEME_BAD : THEME_DIM, err ? err->msg : "(its container does not run)");
    }
    log_drop(l);
}

static const struct pager_owner log_owner = {.closed = log_closed};

/* What its script said, then what its container says, as it comes. */
static void open_log(struct app *app, const struct service_view *v)
{
    MT_CLEANUP(xfree) char *path = engine_service_script_log(app->engine, v->kind->name);
    MT_CLEANUP(xfree) char *title = xasprintf("Log of %s", v->kind->name);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct service_log *l = xcalloc(1, sizeof(*l));
    struct error err = ERROR_INIT;
    l->app = app;
    l->pager = pager_show(app, &(struct pager_opts){.title = title,
                                                    .at_end = true,
                                                    .follow = true,
                                                    .wide = true,
                                                    .empty = "Nothing was said yet.",
                                                    .most = LOG_LINES,
                                                    .owner = &log_owner,
                                                    .arg = l});
    if (v->kind->scripted && fs_read(path, SCRIPT_LOG_MAX, &text, NULL) == 0 && text.len > 0) {
        pager_append(app, l->pager, THEME_DIM, "(what its script said last)");
        log_text(l, THEME_TEXT, text.buf, text.len);
        pager_append(app, l->pager, THEME_DIM, "(what its container says)");
    }
    struct engine_look_request req = {.sandbox = v->kind->name,
                                      .service = true,
                                      .verb = BACKEND_LOGS,
                                      .tail = LOG_TAIL,
                                      .follow = true,
                                      .on_line = log_line,
                                      .done = log_end,
                                      .arg = l};
    if (engine_look(app->engine, &req, &l->look, &err) < 0) {
        pager_append(app, l->pager, THEME_BAD, err.msg);
    }
}

/* --- doing --- */

static void run(struct app *app, const struct service_view *v, enum service_plan plan, bool again)
{
    struct engine_service_request req = {.plan = plan, .name = v->kind->name, .reprovision = again};
    struct error err = ERROR_INIT;
    if (engine_service(app->engine, &req, &err) == 0) {
        app_fail(app, &err);
    }
    app_dirty(app);
}

static void stop_yes(struct app *app, void *arg, int value)
{
    run(app, arg, (enum service_plan)value, false);
}

/* Agents may be using it: stopping is asked about. */
static void ask_stop(struct app *app, const struct service_view *v, enum service_plan plan)
{
    char title[200];
    str_format(title, sizeof(title), "%s %s? Whoever uses it is cut off%s", plan == SERVICE_STOP ? "Stop" : "Restart",
               v->kind->name, plan == SERVICE_STOP ? "; its container stays." : " meanwhile.");
    ask_open(app,
             &(struct ask_opts){.title = title,
                                .answers = {{'y', plan == SERVICE_STOP ? "stop" : "restart", THEME_WARN, (int)plan}},
                                .count = 1,
                                .declined = "It runs on",
                                .on_answer = stop_yes,
                                .arg = (void *)(uintptr_t)v});
}

static void act(struct app *app, struct services_view *view, uint32_t sym)
{
    const struct service_view *v = model_service(app->model, view->at);
    const struct op_view *op = op_of(app, v);
    switch (sym) {
    case 'S':
    case KEYSYM_ENTER:
        run(app, v, SERVICE_START, false);
        break;
    case 'p':
        run(app, v, SERVICE_START, true);
        break;
    case 's':
        if (service_is_up(v)) {
            ask_stop(app, v, SERVICE_STOP);
        }
        break;
    case 'r':
        if (service_is_up(v)) {
            ask_stop(app, v, SERVICE_RESTART);
        } else {
            run(app, v, SERVICE_START, false);
        }
        break;
    case 'c':
        if (op) {
            engine_cancel(app->engine, op->id);
        }
        break;
    case 'l':
        if (service_exists(v)) {
            open_log(app, v);
        }
        break;
    default:
        break;
    }
}

static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct services_view *view = (struct services_view *)o;
    if (key.sym == KEYSYM_ESCAPE || key.sym == 'q') {
        overlay_close(app, o);
    } else if (key.sym == KEYSYM_DOWN || key.sym == 'j' || key.sym == KEYSYM_TAB) {
        view->at = MT_MIN(view->at + 1, (size_t)SERVICE_COUNT - 1);
        app_dirty(app);
    } else if (key.sym == KEYSYM_UP || key.sym == 'k') {
        view->at -= view->at > 0;
        app_dirty(app);
    } else {
        act(app, view, key.sym);
    }
}

static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct rect box = box_of(app, (struct rect){0, 0, app->cols, app->rows - 1});
    if (ev->kind == MOUSE_PRESS && ev->button == MOUSE_BUTTON_LEFT && !rect_has(box, ev->col, ev->row)) {
        overlay_close(app, o);
    }
}

static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    const struct services_view *view = (const struct services_view *)o;
    const struct service_view *v = model_service(app->model, view->at);
    bool up = service_is_up(v), busy = op_of(app, v) != NULL,
         can = v->state >= SERVICE_NONE && v->state < SERVICE_FOREIGN;
    const struct hint table[] = {{"S", "start", 1, !can || busy || (up && v->provisioned != 0)},
                                 {"s", "stop", 2, !up || busy},
                                 {"r", "restart", 3, !up || busy},
                                 {"p", "script again", 5, !can || busy || !v->kind->scripted},
                                 {"l", "log", 4, !service_exists(v)},
                                 {"c", "cancel", 6, !busy},
                                 {"Esc", "close", 0, false}};
    size_t n = MT_MIN(cap, MT_ARRAY_LEN(table));
    memcpy(out, table, n * sizeof(*out));
    return n;
}

static void release(struct overlay *o)
{
    (void)o;
}

static const struct overlay_ops ops = {.name = "services",
                                       .draw = draw,
                                       .on_key = on_key,
                                       .on_mouse = on_mouse,
                                       .release = release,
                                       .hints = hints,
                                       .next_ms = next_ms};

void dialog_services(struct app *app)
{
    struct services_view *view = xcalloc(1, sizeof(*view));
    view->base.ops = &ops;
    overlay_push(app, &view->base);
}
