/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/strvec.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* What an overlay workspace changed against the project folder: a list to decide on, all of it or file by file.
 * Nothing is decided without a question. */

struct change {
    char *path;  /* bytes as on disk */
    char *shown; /* sanitised */
    enum change_kind kind;
    bool conflict, risky, never, marked;
    char note[96];
    uint64_t size;
};

struct changes_view {
    struct overlay base;
    struct changes *c;
};

/* Outlives its view while an answer is owed. */
struct changes {
    struct app *app;
    struct changes_view *view; /* NULL: closed */
    struct engine_look *look;
    workspace_id ws;
    bool again, known;
    struct change *v;
    size_t count, at, top;
    char trouble[300];
};

static void ask_changes(struct changes *c);

/* --- the list --- */

static void forget(struct changes *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->v[i].path);
        free(c->v[i].shown);
    }
    free(c->v);
    c->v = NULL;
    c->count = 0;
}

/* Frees it when it is closed and nobody will call any more. */
static void drop(struct changes *c)
{
    if (!c->view && !c->look) {
        forget(c);
        free(c);
    }
}

/* Was this path marked before the list was read anew? */
static bool was_marked(const struct change *old, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (old[i].marked && strcmp(old[i].path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes the answer over; marks stay with their paths. */
static void take(struct changes *c, const struct backend_call *call)
{
    struct changes old = *c;
    c->v = call->change_count ? xcalloc(call->change_count, sizeof(*c->v)) : NULL;
    c->count = call->change_count;
    for (size_t i = 0; i < c->count; i++) {
        const struct workspace_change *from = &call->changes[i];
        struct change *to = &c->v[i];
        MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
        utf8_sanitize(&shown, from->path, strlen(from->path), false);
        *to = (struct change){.path = xstrdup(from->path),
                              .shown = strbuf_detach(&shown, NULL),
                              .kind = from->kind,
                              .conflict = from->conflict,
                              .risky = from->risky,
                              .never = from->never,
                              .size = from->size};
        str_copy(to->note, sizeof(to->note), from->note);
        to->marked = was_marked(old.v, old.count, from->path);
    }
    forget(&old);
    c->at = MT_MIN(c->at, c->count ? c->count - 1 : 0);
    c->known = true;
}

/* engine_look's answer. */
static void on_changes(void *arg, const struct backend_call *call, const struct error *err)
{
    struct changes *c = arg;
    c->look = NULL;
    if (!c->view) {
        drop(c);
        return;
    }
    str_copy(c->trouble, sizeof(c->trouble), err && err->code != ERROR_CANCELED ? err->msg : "");
    if (!err) {
        take(c, call);
    }
    if (c->again) {
        c->again = false;
        ask_changes(c);
    }
    app_dirty(c->app);
}

/* Reads the changes, once at a time. */
static void ask_changes(struct changes *c)
{
    const struct workspace *ws = model_workspace(c->app->model, c->ws);
    struct error err = ERROR_INIT;
    if (!ws || c->look) {
        c->again = c->look != NULL;
        return;
    }
    struct engine_look_request req = {.sandbox = ws->sandbox, .verb = BACKEND_CHANGES, .done = on_changes, .arg = c};
    c->trouble[0] = '\0';
    if (engine_look(c->app->engine, &req, &c->look, &err) != 0) {
        c->look = NULL;
        str_copy(c->trouble, sizeof(c->trouble), err.msg);
    }
    app_dirty(c->app);
}

/* --- drawing --- */

static struct rect place(const struct changes *c, struct rect whole)
{
    int side = whole.w < 60 ? 0 : 2;
    int rows = (int)MT_MIN(MT_MAX(c->count, (size_t)6), (size_t)10000) + 2;
    return overlay_box(whole, MT_MIN(whole.w - 2 * side, 120), MT_MIN(rows, whole.h < 14 ? whole.h : whole.h - 2));
}

/* Sign and role of a change. */
static const char *kind_sign(const struct change *c, enum theme_role *role)
{
    static const char *const signs[] = {"A", "M", "D", "T"};
    static const enum theme_role roles[] = {THEME_OK, THEME_INFO, THEME_BAD, THEME_WARN};
    unsigned k = c->kind <= CHANGE_TYPE ? (unsigned)c->kind : (unsigned)CHANGE_TYPE;
    *role = roles[k];
    return signs[k];
}

/* One change: mark, kind, path, and what holds it back. */
static void draw_change(const struct app *app, struct surface *s, struct rect r, const struct change *c, bool on)
{
    enum theme_role ground = on ? THEME_SELECTION : THEME_DIALOG, role;
    const char *sign = kind_sign(c, &role);
    char note[140] = "", size[24] = "";
    surface_fill(s, r, theme_style(&app->theme, ground));
    if (c->marked) {
        surface_text(s, r.x, r.y, 1, theme_on(&app->theme, THEME_ACCENT, ground), glyph_text(GLYPH_MARK, app->ascii));
    }
    surface_text(s, r.x + 2, r.y, 1, theme_on(&app->theme, role, ground), sign);
    if (c->conflict || c->risky) {
        str_format(note, sizeof(note), "%s%s%s", c->conflict ? "conflict" : "risky", c->note[0] ? ": " : "", c->note);
    } else {
        str_copy(note, sizeof(note), c->note);
    }
    int end = r.x + r.w - 1;
    if (r.w >= 60 && c->kind != CHANGE_DELETED) {
        str_format(size, sizeof(size), c->size < 10000 ? "%llu B" : "%llu KiB",
                   (unsigned long long)(c->size < 10000 ? c->size : c->size / 1024));
        end = surface_text_right(s, end, r.y, 12, theme_on(&app->theme, THEME_DIM, ground), size) - 2;
    }
    if (note[0]) {
        enum theme_role held = c->conflict ? THEME_BAD : c->risky ? THEME_WARN : THEME_DIM;
        int beside = end - r.x - 6 - utf8_columns(c->shown, strlen(c->shown)); /* what the path leaves free */
        end = surface_text_right(s, end, r.y, MT_MAX(beside, r.w / 2), theme_on(&app->theme, held, ground), note) - 2;
    }
    surface_text(s, r.x + 4, r.y, end - r.x - 4, theme_on(&app->theme, THEME_TEXT, ground), c->shown);
}

/* What stands there when there is no list. */
static const char *blank_text(const struct changes *c)
{
    return c->trouble[0]          ? c->trouble
           : c->look || !c->known ? "Looking..."
                                  : "Nothing differs from the project folder.";
}

/* overlay_ops.draw */
static void draw(const struct app *app, const struct overlay *o, struct surface *s, struct rect whole)
{
    const struct changes *c = ((const struct changes_view *)o)->c;
    const struct workspace *ws = model_workspace(app->model, c->ws);
    struct rect r = place(c, whole);
    char title[400], where[64];
    size_t marked = 0;
    struct style st = theme_style(&app->theme, THEME_DIALOG);
    surface_fill(s, r, st);
    str_format(title, sizeof(title), "%s: changes that wait", ws ? ws->shown : "");
    surface_frame(s, r, theme_on(&app->theme, THEME_BORDER_FOCUS, THEME_DIALOG), title,
                  theme_style(&app->theme, THEME_DIALOG_TITLE));
    struct rect in = {r.x + 2, r.y + 1, r.w - 4, r.h - 2}, old = surface_clip(s, in);
    for (int y = 0; y < in.h && c->top + (size_t)y < c->count; y++) {
        size_t i = c->top + (size_t)y;
        draw_change(app, s, (struct rect){in.x, in.y + y, in.w, 1}, &c->v[i], i == c->at);
    }
    if (c->count == 0) {
        surface_text(s, in.x, in.y, in.w, theme_on(&app->theme, c->trouble[0] ? THEME_WARN : THEME_DIM, THEME_DIALOG),
                     blank_text(c));
    }
    surface_unclip(s, old);
    for (size_t i = 0; i < c->count; i++) {
        marked += c->v[i].marked;
    }
    if (c->count) {
        str_format(where, sizeof(where), marked ? " %zu of %zu, %zu marked " : " %zu of %zu ", c->at + 1, c->count,
                   marked);
        surface_text_right(s, r.x + r.w - 2, r.y + r.h - 1, r.w - 4, theme_on(&app->theme, THEME_DIM, THEME_DIALOG),
                           where);
    }
}

/* --- deciding --- */

/* What was asked about. */
struct decision {
    workspace_id ws;
    bool all;
    struct strvec paths;
};

static void decision_free(void *arg)
{
    struct decision *d = arg;
    strvec_release(&d->paths);
    free(d);
}

static void decided(struct app *app, void *arg, int value)
{
    struct decision *d = arg;
    flow_decide(app, d->ws, (enum engine_plan)value, d->all ? NULL : &d->paths);
}

/* What an apply leaves, by reason. */
struct held {
    size_t conflict, risky, never;
};

/* Is this one left? A risky one is taken when it is marked, the others never are. */
static bool holds_back(const struct change *x, bool all, struct held *held)
{
    size_t *why = x->conflict ? &held->conflict : x->never ? &held->never : x->risky && all ? &held->risky : NULL;
    if (why) {
        ++*why;
    }
    return why != NULL;
}

/* What is left, and what can be done about it. */
static void held_text(const struct held *held, struct strbuf *out)
{
    const char *gap = "";
    if (held->conflict) {
        strbuf_addf(out, "%zu in conflict (never overwritten: copy by hand what you need, then d forgets it)",
                    held->conflict);
        gap = ", ";
    }
    if (held->risky) {
        strbuf_addf(out, "%s%zu risky (mark what is to be applied all the same, then a)", gap, held->risky);
        gap = ", ";
    }
    if (held->never) {
        strbuf_addf(out, "%s%zu that can never be taken over", gap, held->never);
    }
}

/* The marked changes, or the selected one; `all`: every one. Without those that an apply holds back. Adds them to the
 * text of the question. */
static void collect(const struct changes *c, struct decision *d, bool apply, struct strbuf *body, struct held *held)
{
    size_t marked = 0;
    for (size_t i = 0; i < c->count; i++) {
        marked += c->v[i].marked;
    }
    for (size_t i = 0; i < c->count; i++) {
        enum theme_role role;
        const struct change *x = &c->v[i];
        if (!d->all && !(marked ? x->marked : i == c->at)) {
            continue;
        }
        if (apply && holds_back(x, d->all, held)) {
            continue;
        }
        strvec_push(&d->paths, x->path);
        strbuf_addf(body, "%s %s%s\n", kind_sign(x, &role), x->shown,
                    x->conflict ? "  (conflict)"
                    : x->risky  ? "  (risky)"
                                : "");
    }
}

/* Asks, with everything that it means. */
static void decide(struct app *app, struct changes *c, enum engine_plan plan, bool all)
{
    const struct workspace *ws = model_workspace(app->model, c->ws);
    bool apply = plan == ENGINE_APPLY;
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT, left = STRBUF_INIT;
    char title[400];
    struct held held = {0};
    if (!ws || c->count == 0) {
        return;
    }
    struct decision *d = xcalloc(1, sizeof(*d));
    *d = (struct decision){.ws = c->ws, .all = all, .paths = STRVEC_INIT};
    collect(c, d, apply, &body, &held);
    held_text(&held, &left);
    if (d->paths.len == 0) {
        app_warn(app, "Nothing is applied: %s", left.buf);
        decision_free(d);
        return;
    }
    strbuf_addstr(&body, apply ? "\nThey replace what is in the project folder." : "\nWhat was done there is lost.");
    if (left.len) {
        size_t n = held.conflict + held.risky + held.never;
        strbuf_addf(&body, "\n%zu more %s held back: %s.\n", n, n == 1 ? "is" : "are", left.buf);
    }
    if (ws->info.state == SANDBOX_RUNNING) {
        size_t live = app_live_sessions(app, ws->sandbox);
        strbuf_addstr(&body, left.len ? "The sandbox is stopped first" : " The sandbox is stopped first");
        if (live) {
            strbuf_addf(&body, ": %zu %s", live, live == 1 ? "session ends" : "sessions end");
        }
        strbuf_addstr(&body, ".");
    }
    str_format(title, sizeof(title), apply ? "%s: apply %zu %s?" : "%s: forget %zu %s?", ws->shown, d->paths.len,
               d->paths.len == 1 ? "change" : "changes");
    struct ask_opts opts = {.title = title,
                            .body = body.buf,
                            .title_role = apply ? THEME_WARN : THEME_BAD,
                            .count = 1,
                            .declined = "Left as they are",
                            .on_answer = decided,
                            .arg = d,
                            .free_arg = decision_free,
                            .answers = {{'y', apply ? "apply" : "forget", apply ? THEME_WARN : THEME_BAD, (int)plan}}};
    ask_open(app, &opts);
}

/* --- keys --- */

/* Selects another one and keeps it in view. */
static void go(struct app *app, struct changes *c, long to)
{
    size_t rows = (size_t)MT_MAX(place(c, (struct rect){0, 0, app->cols, app->rows - 1}).h - 2, 1);
    c->at = (size_t)MT_MAX(MT_MIN(to, (long)c->count - 1), 0L);
    c->top = MT_MIN(c->top, c->at);
    c->top = c->at >= c->top + rows ? c->at - rows + 1 : c->top;
    app_dirty(app);
}

/* Keys that move. True: it was one. */
static bool move_key(struct app *app, struct changes *c, struct key key)
{
    long page = MT_MAX(app->rows - 6, 1), at = (long)c->at;
    switch (key.sym) {
    case 'j':
    case KEYSYM_DOWN:
        go(app, c, at + 1);
        return true;
    case 'k':
    case KEYSYM_UP:
        go(app, c, at - 1);
        return true;
    case KEYSYM_PGDN:
        go(app, c, at + page);
        return true;
    case KEYSYM_PGUP:
        go(app, c, at - page);
        return true;
    case 'g':
    case KEYSYM_HOME:
        go(app, c, 0);
        return true;
    case 'G':
    case KEYSYM_END:
        go(app, c, (long)c->count);
        return true;
    default:
        return false;
    }
}

/* overlay_ops.on_key */
static void on_key(struct app *app, struct overlay *o, struct key key)
{
    struct changes *c = ((struct changes_view *)o)->c;
    if (move_key(app, c, key)) {
        return;
    }
    switch (key.sym) {
    case KEYSYM_ESCAPE:
    case 'q':
    case 'C':
        overlay_close(app, o);
        break;
    case ' ':
        if (c->at < c->count) {
            c->v[c->at].marked = !c->v[c->at].marked;
            go(app, c, (long)c->at + 1);
        }
        break;
    case 'a':
    case KEYSYM_ENTER:
        decide(app, c, ENGINE_APPLY, false);
        break;
    case 'A':
        decide(app, c, ENGINE_APPLY, true);
        break;
    case 'd':
        decide(app, c, ENGINE_DISCARD, false);
        break;
    case 'D':
        decide(app, c, ENGINE_DISCARD, true);
        break;
    case 'r':
        ask_changes(c);
        break;
    default:
        break;
    }
}

/* overlay_ops.on_mouse */
static void on_mouse(struct app *app, struct overlay *o, const struct mouse_event *ev)
{
    struct changes *c = ((struct changes_view *)o)->c;
    struct rect r = place(c, (struct rect){0, 0, app->cols, app->rows - 1});
    if (ev->kind != MOUSE_PRESS) {
        return;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        go(app, c, (long)c->at + (ev->button == MOUSE_WHEEL_UP ? -3 : 3));
    } else if (!rect_has(r, ev->col, ev->row)) {
        overlay_close(app, o);
    } else if (ev->row > r.y && c->top + (size_t)(ev->row - r.y - 1) < c->count) {
        go(app, c, (long)c->top + ev->row - r.y - 1);
    }
}

/* overlay_ops.on_event */
static void on_event(struct app *app, struct overlay *o, const struct model_event *ev)
{
    struct changes *c = ((struct changes_view *)o)->c;
    const struct op_view *op = ev->kind == MODEL_OP ? model_op(app->model, ev->op) : NULL;
    if (ev->ws == c->ws && ((op && !tree_op_is_live(op)) || ev->kind == MODEL_SANDBOX)) {
        ask_changes(c);
    }
}

/* overlay_ops.hints */
static size_t hints(const struct app *app, const struct overlay *o, struct hint *out, size_t cap)
{
    bool none = ((const struct changes_view *)o)->c->count == 0;
    const struct hint table[] = {{"Space", "mark", 2, none},   {"a", "apply", 3, none},
                                 {"A", "apply all", 4, none},  {"d", "forget", 5, none},
                                 {"D", "forget all", 6, none}, {"r", "read again", 7, false},
                                 {"Esc", "close", 0, false}};
    size_t n = MT_MIN(cap, MT_ARRAY_LEN(table));
    (void)app;
    memcpy(out, table, n * sizeof(*out));
    return n;
}

/* overlay_ops.release */
static void release(struct overlay *o)
{
    struct changes *c = ((struct changes_view *)o)->c;
    c->view = NULL;
    if (c->look) {
        engine_look_cancel(c->look);
    }
    drop(c);
}

static const struct overlay_ops changes_ops = {.name = "changes",
                                               .draw = draw,
                                               .on_key = on_key,
                                               .on_mouse = on_mouse,
                                               .on_event = on_event,
                                               .release = release,
                                               .hints = hints};

void dialog_changes(struct app *app)
{
    const struct workspace *ws = app_workspace(app);
    if (!ws) {
        return;
    }
    struct changes_view *v = xcalloc(1, sizeof(*v));
    v->base.ops = &changes_ops;
    v->c = xcalloc(1, sizeof(*v->c));
    v->c->app = app;
    v->c->view = v;
    v->c->ws = ws->id;
    overlay_push(app, &v->base);
    ask_changes(v->c);
}
