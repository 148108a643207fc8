/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/address.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/wrap.h"

/* Where the next fact goes. */
struct sheet {
    const struct app *app;
    struct surface *s;
    struct rect r;
    int y;
};

/* "name      value" */
static void fact(struct sheet *sh, const char *name, enum theme_role role, const char *value)
{
    if (!value[0] || sh->y >= sh->r.y + sh->r.h) {
        return;
    }
    surface_text(sh->s, sh->r.x, sh->y, 12, theme_style(&sh->app->theme, THEME_DIM), name);
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    while (sh->y < sh->r.y + sh->r.h && wrap_next(&value, MT_MAX(sh->r.w - 12, 8), &line) >= 0) {
        surface_text(sh->s, sh->r.x + 12, sh->y++, sh->r.w - 12, theme_style(&sh->app->theme, role), line.buf);
    }
}

/* "412 MiB" */
static void bytes_text(uint64_t n, char *out, size_t cap)
{
    if (n >= 1024ull * 1024 * 1024) {
        str_format(out, cap, "%.1f GiB", (double)n / (1024.0 * 1024 * 1024));
    } else if (n < 1024ull * 1024) {
        str_format(out, cap, "%llu KiB", (unsigned long long)(n / 1024));
    } else {
        str_format(out, cap, "%llu MiB", (unsigned long long)(n / (1024 * 1024)));
    }
}

/* Network as read back from the runtime, and in which colour. */
static enum theme_role net_text(const struct app *app, const struct workspace *ws, char *out, size_t cap)
{
    const struct sandbox_info *info = &ws->info;
    const struct backend_view *b = model_backend(app->model, ws->backend, ws->host);
    if (!info->net_known) {
        str_copy(out, cap, "not known");
        return THEME_WARN;
    }
    if (info->net_detail[0]) { /* the host's network, as far as a rule lets it */
        bool closed = net_policy_is_sealed(info->net);
        str_format(out, cap, "%s; %s", closed ? "nothing outside" : "open: the outside, over this machine's network",
                   info->net_detail);
        return closed ? THEME_NET_CLOSED : THEME_NET_OPEN;
    }
    switch (info->net) {
    case NET_NONE:
        str_copy(out, cap, "none: nothing outside can be reached");
        return THEME_NET_CLOSED;
    case NET_MODEL:
        str_copy(out, cap, "the inference server only");
        return THEME_NET_CLOSED;
    case NET_FULL:
        str_copy(out, cap,
                 b && (b->probe.caps & BACKEND_CAP_NET_COMMON) != 0
                     ? "open: access to the outside, on one network with this backend's other sandboxes"
                     : "open: its own network, with access to the outside");
        return THEME_NET_OPEN;
    case NET_SHARED:
        break;
    }
    str_copy(out, cap, "SHARED with this machine: local services can be reached from inside");
    return THEME_WARN;
}

/* What its sessions said when they called for a person. */
static void draw_calls(struct sheet *sh, const struct workspace *ws)
{
    const struct session_info *s;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(sh->app->model, ws->sandbox, i)) != NULL; i++) {
        char call[200];
        glyph_call(s, false, call, sizeof(call));
        if (tree_shows_session(s) && *call && s->state == SESSION_RUNNING) {
            MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
            strbuf_addf(&text, "%s %s", session_shown(s), call);
            fact(sh, s->attention_seen ? "waiting" : "needs you", THEME_ATTENTION, text.buf);
        }
    }
}

/* How full its agents' contexts are. */
static void draw_contexts(struct sheet *sh, const struct workspace *ws)
{
    const struct session_info *s;
    for (size_t i = 0; ws->sandbox[0] && (s = model_session_of(sh->app->model, ws->sandbox, i)) != NULL; i++) {
        char text[200];
        enum theme_role role = app_pressure_long(sh->app, s, text, sizeof(text));
        fact(sh, "context", role, text);
    }
}

/* Where its ports are; what a browser takes can be clicked. */
static void draw_ports(struct sheet *sh, const struct workspace *ws)
{
    struct address a;
    for (size_t i = 0; sh->y < sh->r.y + sh->r.h && address_get(ws, i, &a) == 0; i++, sh->y++) {
        int x = sh->r.x + 12, room = sh->r.w - 12;
        surface_text(sh->s, sh->r.x, sh->y, 12, theme_style(&sh->app->theme, THEME_DIM), i == 0 ? "ports" : "");
        struct style st = theme_style(&sh->app->theme, a.url[0] ? THEME_ACCENT : THEME_TEXT);
        st.attrs |= (uint16_t)(a.url[0] ? CELL_UL_SINGLE << CELL_UL_SHIFT : 0);
        int used = surface_text(sh->s, x, sh->y, room, st, a.text);
        if (a.url[0]) {
            surface_link(sh->s, (struct rect){x, sh->y, used, 1}, a.url);
        }
        surface_text(sh->s, x + used + 1, sh->y, room - used - 1, theme_style(&sh->app->theme, THEME_DIM), a.note);
    }
}

/* What only a running sandbox has. */
static void draw_running(struct sheet *sh, const struct workspace *ws)
{
    char text[240], mem[32], limit[32];
    enum theme_role role = net_text(sh->app, ws, text, sizeof(text));
    fact(sh, "network", role, text);
    fact(sh, "limits", THEME_TEXT, ws->info.limits);
    if (ws->have_stats) {
        bytes_text(ws->stats.memory_bytes, mem, sizeof(mem));
        bytes_text(ws->stats.memory_limit_bytes, limit, sizeof(limit));
        char procs[40];
        str_format(procs, sizeof(procs), " in %u %s", ws->stats.procs, ws->stats.procs == 1 ? "process" : "processes");
        str_format(text, sizeof(text), "%s%s%s%s", mem, ws->stats.memory_limit_bytes ? " of " : "",
                   ws->stats.memory_limit_bytes ? limit : "", ws->stats.procs ? procs : ", no program runs");
        fact(sh, "memory", THEME_TEXT, text);
        struct rect left = {sh->r.x, sh->y, sh->r.w, sh->r.y + sh->r.h - sh->y};
        sh->y += usage_draw(sh->app, sh->s, left, ws);
    }
    idle_text(ws, text, sizeof(text));
    fact(sh, "idle", THEME_INFO, text);
    draw_ports(sh, ws);
}

/* What came of the provisioning, and of being forgotten by the tools that record it, for a sandbox that is down. */
static void next_down(const struct app *app, const struct workspace *ws, struct strbuf *out)
{
    const char *open = app_key(app, "list.open"), *gone = app_key(app, "sandbox.delete");
    if (ws->unprovisioned[0]) {
        strbuf_addf(out,
                    "%s starts it, runs the script again and opens a shell. %s deletes the sandbox; the folder stays.",
                    open, gone);
    } else if (ws->orphan) {
        strbuf_addf(out,
                    "Nothing is known of a provisioning that went through in it: it is left over from an earlier run. "
                    "%s starts it, provisions it and opens a shell. %s deletes it; the folder stays.",
                    open, gone);
    } else {
        strbuf_addf(out, "%s starts it and opens a shell.", open);
    }
}

/* One sentence: what the next key does here. */
static void next_step(const struct app *app, const struct workspace *ws, struct strbuf *out)
{
    const char *open = app_key(app, "list.open");
    if (ws->name_error[0]) {
        strbuf_addstr(out, ws->name_error);
        return;
    }
    if (ws->reserved) {
        strbuf_addstr(out, "This folder belongs to muthr itself: no shell here.");
        return;
    }
    if (ws->have_info && engine_has_other_folder(ws, &ws->info)) {
        strbuf_addstr(out,
                      "It is the sandbox of the project of this name there, and is left alone here: start muthr-tui "
                      "with --root and the folder around that project, or rename one of the two.");
        return;
    }
    if (!ws->missing && ws->info.workspace_missing) {
        strbuf_addf(out,
                    "The project folder was replaced while the sandbox runs: programs inside still see the old one. %s "
                    "restarts it on the new one.",
                    app_key(app, "sandbox.restart"));
        return;
    }
    if (ws->elsewhere) {
        strbuf_addf(out,
                    "It belongs to no project below the workspace root. %s deletes the sandbox, and leaves the folder.",
                    app_key(app, "sandbox.delete"));
        return;
    }
    if (ws->missing) {
        strbuf_addf(out, "The project folder is gone. %s deletes what is left of the sandbox.",
                    app_key(app, "sandbox.delete"));
        return;
    }
    if (ws->other_backend[0]) {
        strbuf_addf(out, "Nothing is done to either until you say which one is to stay: %s.",
                    app_key(app, "sandbox.backend"));
        return;
    }
    if (ws->remembered) {
        const struct backend_view *b = model_backend(app->model, ws->backend, ws->host);
        if (b && b->probe.asleep) {
            strbuf_addf(out, "%s offers to start the service of %s. ", app_key(app, "sandbox.start"), ws->backend);
        }
        strbuf_addf(out, "It is as it was when %s works again. %s makes a new one with another backend.", ws->backend,
                    app_key(app, "sandbox.backend"));
        return;
    }
    switch (model_shown_state(app->model, ws)) {
    case SANDBOX_NONE:
        if (!app->ready) {
            break;
        }
        strbuf_addf(out, "%s makes a sandbox for this folder and opens a shell in it.", open);
        break;
    case SANDBOX_STOPPED:
    case SANDBOX_FAILED:
    case SANDBOX_UNKNOWN:
        next_down(app, ws, out);
        break;
    case SANDBOX_RUNNING:
        if (ws->info.halted) {
            strbuf_addf(out, "%s lets it go on where it was.", app_key(app, "sandbox.start"));
        } else if (app_live_sessions(app, ws->sandbox)) {
            strbuf_addf(out, "%s goes to its session. %s opens another one.", open, app_key(app, "session.new"));
        } else {
            strbuf_addf(out, "%s opens a shell.", open);
        }
        break;
    case SANDBOX_CREATING:
    case SANDBOX_PROVISIONING:
        break;
    }
}

/* State word, since when. */
static void state_text(const struct app *app, const struct workspace *ws, char *out, size_t cap)
{
    struct state_look look = glyph_workspace(app->model, ws);
    char since[24] = "";
    if (ws->info.state == SANDBOX_RUNNING && ws->info.started_wall_ms &&
        clock_wall_ms() > ws->info.started_wall_ms + 60000) {
        clock_short((clock_wall_ms() - ws->info.started_wall_ms) / 60000 * 60000, since, sizeof(since));
    }
    bool known = app->ready || model_shown_state(app->model, ws) != SANDBOX_NONE;
    str_format(out, cap, "%s%s%s%s%s", known ? look.word : "looking for its sandbox", *since ? " for " : "", since,
               ws->info.state != SANDBOX_RUNNING && ws->info.reason[0] ? ": " : "",
               ws->info.state != SANDBOX_RUNNING ? ws->info.reason : "");
}

/* What runs it and why, and what it would be made from, before it is made. */
static void draw_choice(struct sheet *sh, const struct workspace *ws)
{
    const struct model *m = sh->app->model;
    size_t here = 0;
    for (size_t i = 0; i < model_backend_count(m); i++) {
        here += !model_backend_at(m, i)->host[0];
    }
    const struct backend_view *be = model_backend(m, ws->backend, NULL);
    bool works = be && be->probe.usable;
    if (here > 1 || !works) { /* else there is nothing to choose from */
        fact(sh, "", works ? THEME_DIM : THEME_WARN, ws->backend_why);
    }
    fact(sh, "image", THEME_TEXT, ws->image_plan);
}

void card_draw(const struct app *app, struct surface *s, struct rect r)
{
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    const struct workspace *ws = app_workspace(app);
    if (!ws || r.w < 10) {
        return;
    }
    struct rect old = surface_clip(s, r);
    struct sheet sh = {.app = app, .s = s, .r = {r.x + 2, r.y, r.w - 4, r.h}, .y = r.y + 1};
    struct state_look look = glyph_workspace(app->model, ws);
    char text[400];
    state_text(app, ws, text, sizeof(text));
    const char *sign =
        look.spins ? glyph_spinner(loop_now_ms(app->loop), app->ascii) : glyph_text(look.glyph, app->ascii);
    surface_text(s, sh.r.x, sh.y, 1, theme_style(&app->theme, look.role), sign);
    surface_text(s, sh.r.x + 2, sh.y, sh.r.w - 2,
                 theme_style(&app->theme, look.role == THEME_DIM ? THEME_TEXT : look.role), text);
    sh.y += 2;
    bool other = ws->have_info && engine_has_other_folder(ws, &ws->info);
    MT_CLEANUP(xfree) char *shown = path_tilde(other ? ws->info.workspace : ws->path, app->paths->home);
    MT_CLEANUP(strbuf) struct strbuf folder = STRBUF_INIT;
    utf8_sanitize(&folder, shown, strlen(shown), false);
    fact(&sh, "folder", other ? THEME_WARN : THEME_TEXT, folder.buf);
    fact(&sh, "sandbox", THEME_TEXT, ws->sandbox);
    fact(&sh, "profile", THEME_TEXT, ws->profile[0] ? ws->profile : ws->info.profile);
    fact(&sh, "backend", THEME_TEXT, ws->backend);
    if (ws->info.state == SANDBOX_NONE && app->ready && !ws->reserved && !ws->name_error[0]) {
        draw_choice(&sh, ws);
    }
    wanted_backend_text(app, ws, text, sizeof(text));
    fact(&sh, "", THEME_WARN, text);
    app_inference_text(app, ws, text, sizeof(text));
    fact(&sh, "inference", THEME_TEXT, text);
    if (ws->info.workspace_mode == WORKSPACE_OVERLAY && ws->info.state != SANDBOX_NONE && !other) {
        str_format(text, sizeof(text), "wait until they are applied: %s shows them", app_key(app, "sandbox.changes"));
        fact(&sh, "changes", THEME_INFO, text);
    }
    fact(&sh, "machine", host_is_down(app, ws) ? THEME_WARN : THEME_TEXT, ws->host);
    if (host_is_down(app, ws)) {
        const struct backend_view *b = tree_host(app->model, ws->host);
        fact(&sh, "", THEME_WARN, b->probe.reason);
        fact(&sh, "", THEME_ACCENT, b->probe.fix);
    }
    if (ws->info.state == SANDBOX_RUNNING) {
        draw_running(&sh, ws);
    }
    draw_calls(&sh, ws);
    draw_contexts(&sh, ws);
    if (ws->unprovisioned[0] && !model_is_provisioning(app->model, ws) &&
        !tree_op_is_live(model_op(app->model, ws->op))) {
        sh.y++;
        fact(&sh, "unfinished", THEME_WARN, ws->unprovisioned);
        if (ws->info.state == SANDBOX_RUNNING && !other) {
            str_format(text, sizeof(text), "%s restarts it and tries again, %s tries again as it is",
                       app_key(app, "sandbox.restart"), app_key(app, "sandbox.provision"));
            fact(&sh, "", THEME_DIM, text);
        }
    }
    if (ws->drift) {
        sh.y++;
        fact(&sh, "changed", THEME_WARN, ws->drift_text);
        drift_cure(app, ws, text, sizeof(text));
        fact(&sh, "", THEME_DIM, text);
    }
    if (ws->image_notice[0]) {
        sh.y++;
        fact(&sh, "image", THEME_WARN, ws->image_notice);
    }
    if (ws->info.warning[0]) {
        sh.y++;
        fact(&sh, "warning", THEME_WARN, ws->info.warning);
    }
    sh.y++;
    bool bad = ws->name_error[0] || ws->missing || ws->info.workspace_missing;
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf words = STRBUF_INIT;
    next_step(app, ws, &words);
    const char *next = words.buf;
    while (sh.y < r.y + r.h && wrap_next(&next, MT_MAX(sh.r.w, 8), &line) >= 0) {
        surface_text(s, sh.r.x, sh.y++, sh.r.w, theme_style(&app->theme, bad ? THEME_WARN : THEME_ACCENT), line.buf);
    }
    surface_unclip(s, old);
}
