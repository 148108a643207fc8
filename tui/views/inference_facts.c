/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an inference server, in words. */
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/glyph.h"
#include "tui/serverline.h"
#include "tui/views/inference.h"
#include "tui/wrap.h"

#define NAME_COLS 10
#define GAUGE_COLS 12
#define SLOT_COLS 38 /* of one slot among others in a row */
#define SLOT_COLS_MANY 20
#define TAIL_ROWS 6

/* Where the next fact goes; without a surface it is only counted. */
struct sheet {
    const struct inference_panel *p;
    struct surface *s;
    struct rect r;
    int y, names; /* columns of the names */
};

/* The style of a role. */
static struct style role_style(const struct sheet *sh, enum theme_role role)
{
    return theme_style(&sh->p->app->theme, role);
}

/* Wrapped text from column x of the sheet on. */
static void text_at(struct sheet *sh, int x, enum theme_role role, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT, brief = STRBUF_INIT;
    app_shorten(sh->p->app, text, &brief);
    const char *rest = brief.buf;
    int cols = MT_MAX(sh->r.w - x, 8);
    while (brief.len > 0 && wrap_next(&rest, cols, &line) >= 0) {
        if (sh->s != NULL) {
            surface_text(sh->s, sh->r.x + x, sh->y, cols, role_style(sh, role), line.buf);
        }
        sh->y++;
    }
}

/* "name      value" */
static void fact(struct sheet *sh, const char *name, enum theme_role role, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    if (sh->s != NULL) {
        surface_text(sh->s, sh->r.x, sh->y, sh->names, role_style(sh, THEME_DIM), name);
    }
    text_at(sh, sh->names, role, value);
}

/* A gauge; returns its columns. */
static int gauge(struct sheet *sh, int x, int cols, double share, enum theme_role full)
{
    int n = mt_clamp((int)(share * cols + 0.5), 0, cols);
    for (int i = 0; i < cols && sh->s != NULL; i++) {
        const char *sign = glyph_text(i < n ? GLYPH_BAR_FULL : GLYPH_BAR_EMPTY, sh->p->app->ascii);
        surface_text(sh->s, sh->r.x + x + i, sh->y, 1, role_style(sh, i < n ? full : THEME_GAUGE_BACK), sign);
    }
    return cols;
}

/* Colour of a gauge of a context. */
static enum theme_role gauge_role(uint64_t used, uint64_t window)
{
    enum theme_role role = serverline_pressure(used, window);
    return role == THEME_BAR ? THEME_GAUGE : role;
}

/* --- state --- */

/* Glyph, word and colour of the state. */
static struct state_look look_of(const struct inference_view *v)
{
    switch (v->state) {
    case INFERENCE_READY:
        return v->sleeping ? (struct state_look){GLYPH_STOPPED, false, "sleeps until somebody asks", THEME_DIM}
                           : (struct state_look){GLYPH_RUNNING, false, "ready", THEME_OK};
    case INFERENCE_LOADING:
        return (struct state_look){GLYPH_STOPPED, true, "loading its model", THEME_BUSY};
    case INFERENCE_UNAUTHORISED:
        return (struct state_look){GLYPH_FAILED, false, "wants a key", THEME_WARN};
    case INFERENCE_FOREIGN:
        return (struct state_look){GLYPH_UNKNOWN, false, "not an inference server", THEME_WARN};
    case INFERENCE_DOWN:
        return (struct state_look){GLYPH_NONE, false, "down", THEME_DIM};
    case INFERENCE_UNSEEN:
        break;
    }
    return (struct state_look){GLYPH_NONE, false, "not looked at yet", THEME_DIM};
}

/* "● ready for 12m" */
static void add_state(struct sheet *sh, const struct inference_view *v)
{
    struct state_look look = look_of(v);
    uint64_t now = clock_mono_ms();
    char age[16] = "";
    if (v->since_ms != 0 && now > v->since_ms + 1000 && v->state != INFERENCE_UNSEEN) {
        uint64_t ms = now - v->since_ms;
        if (ms < 60000) {
            str_format(age, sizeof(age), "%u s", (unsigned)(ms / 1000));
        } else {
            clock_short(ms, age, sizeof(age));
        }
    }
    if (sh->s != NULL) {
        int x = sh->r.x;
        x += surface_text(sh->s, x, sh->y, 1, role_style(sh, look.role), glyph_text(look.glyph, sh->p->app->ascii)) + 1;
        struct style st = role_style(sh, look.role);
        st.attrs |= CELL_BOLD;
        x += surface_text(sh->s, x, sh->y, sh->r.x + sh->r.w - x, st, look.word) + 1;
        if (age[0] != '\0') {
            surface_textf(sh->s, x, sh->y, sh->r.x + sh->r.w - x, role_style(sh, THEME_DIM), "for %s", age);
        }
    }
    sh->y++;
}

/* The job that runs, or how the last one failed. */
static void add_job(struct sheet *sh)
{
    const struct app *app = sh->p->app;
    const struct server_job *job = server_job(app->server);
    char text[300], took[16];
    if (job->active) {
        server_text(app->server, text, sizeof(text));
        clock_mmss(clock_mono_ms() - job->since_ms, took, sizeof(took));
        if (sh->s != NULL) {
            const char *sign = glyph_spinner(loop_now_ms(app->loop), app->ascii);
            surface_text(sh->s, sh->r.x, sh->y, 1, role_style(sh, THEME_BUSY), sign);
            surface_textf(sh->s, sh->r.x + 2, sh->y, sh->r.w - 2, role_style(sh, THEME_STRONG), "%s  %s", text, took);
        }
        sh->y++;
        for (const char *at = job->over; *at != '\0'; sh->y++) { /* a step each */
            int n = (int)strcspn(at, " ");
            if (sh->s != NULL) {
                surface_textf(sh->s, sh->r.x + 2, sh->y, sh->r.w - 2, role_style(sh, THEME_OK), "%s %.*s",
                              glyph_text(GLYPH_DONE, app->ascii), n, at);
            }
            at += n + (at[n] == ' ');
        }
        str_format(text, sizeof(text), "%s%s%s", job->step, job->text[0] != '\0' ? ": " : "", job->text);
        text_at(sh, 2, THEME_DIM, text);
    } else if (job->failed.code != ERROR_NONE) {
        if (sh->s != NULL) {
            surface_text(sh->s, sh->r.x, sh->y, 1, role_style(sh, THEME_BAD), glyph_text(GLYPH_FAILED, app->ascii));
        }
        text_at(sh, 2, THEME_BAD, job->failed.msg);
        if (job->tail != NULL) {
            MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
            wrap_hanging(job->tail, MT_MAX(sh->r.w - 4, 8), &lines);
            for (size_t i = lines.len > TAIL_ROWS ? lines.len - TAIL_ROWS : 0; i < lines.len; i++, sh->y++) {
                if (sh->s != NULL) {
                    surface_text(sh->s, sh->r.x + 4, sh->y, sh->r.w - 4, role_style(sh, THEME_DIM), lines.v[i]);
                }
            }
        }
        text_at(sh, 2, THEME_ACCENT,
                job->failed.code == ERROR_EXIT ? "l shows all that it wrote; d puts this away"
                : job->failed.hint != NULL     ? job->failed.hint
                                               : "");
    }
}

/* --- who it is --- */

/* The process behind it, as pid file and port tell. */
static void add_process(struct sheet *sh, const struct inference_view *v)
{
    const struct inference_panel *p = sh->p;
    const struct local_server *ours = inference_ours(p), *shown = inference_shown(p);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char hhmm[8];
    if (!p->looked) {
        return;
    }
    if (ours != NULL) {
        strbuf_addf(&text, "%d, started here", ours->pid);
        if (ours->started_ms != 0) {
            clock_hhmm(ours->started_ms, hhmm);
            uint64_t now = clock_wall_ms(), day = 24u * 3600 * 1000;
            strbuf_addf(&text, " at %s%s", hhmm, now > ours->started_ms + day ? " (an earlier day)" : "");
        }
        strbuf_addf(&text, "%s%s", ours->preset[0] != '\0' ? " with " : "", ours->preset);
    } else if (p->holder[0] != '\0' && v->state != INFERENCE_DOWN) {
        strbuf_addf(&text, "not started here: %s", p->holder);
    }
    fact(sh, "process", ours != NULL ? THEME_TEXT : THEME_DIM, text.buf != NULL ? text.buf : "");
    if (ours == NULL && shown->pid_state == LOCAL_RUNS && shown->port != 0) {
        strbuf_clear(&text);
        strbuf_addf(&text,
                    "%s (process %d) runs here, but on port %lld: set server_port to that, or make it an "
                    "[[inference]] of its own",
                    shown->runtime->exe, shown->pid, (long long)shown->port);
        fact(sh, "elsewhere", THEME_WARN, text.buf);
    }
    if (shown->note[0] != '\0') {
        fact(sh, "note", THEME_WARN, shown->note);
    }
    if (p->exposed[0] != '\0') {
        strbuf_clear(&text);
        strbuf_addf(&text, "it listens on %s: whoever reaches this machine there can use it", p->exposed);
        fact(sh, "exposed", THEME_WARN, text.buf);
    }
}

/* --- what it does --- */

/* "20480 tokens" with a mark for thousands. */
static void window_text(uint64_t n, char out[64])
{
    if (n >= 1000000) {
        str_format(out, 64, "%u,%03u,%03u", (unsigned)(n / 1000000), (unsigned)(n / 1000 % 1000), (unsigned)(n % 1000));
    } else if (n >= 1000) {
        str_format(out, 64, "%u,%03u", (unsigned)(n / 1000), (unsigned)(n % 1000));
    } else {
        str_format(out, 64, "%u", (unsigned)n);
    }
    size_t at = strlen(out);
    str_copy(out + at, 64 - at, " tokens in a conversation");
}

/* One slot: number, gauge, tokens, what it does. */
static void draw_slot(struct sheet *sh, int x, int cols, const struct inference_slot *slot, uint64_t window)
{
    char used[16], all[16], text[80];
    uint64_t room = slot->window != 0 ? slot->window : window;
    int bar = mt_clamp(cols - 26, 4, GAUGE_COLS), end = x + cols;
    if (sh->s == NULL) {
        return;
    }
    str_format(text, sizeof(text), "%2d", slot->id);
    surface_text(sh->s, sh->r.x + x, sh->y, 3, role_style(sh, slot->busy ? THEME_TEXT : THEME_DIM), text);
    x += 3;
    x += gauge(sh, x, bar, room > 0 ? (double)slot->used / (double)room : 0,
               slot->busy ? gauge_role(slot->used, room) : THEME_DIM) +
         1;
    serverline_tokens(slot->used, used);
    serverline_tokens(room, all);
    str_format(text, sizeof(text), room > 0 ? "%s/%s" : "%s", used, all);
    surface_text_right(sh->s, sh->r.x + x + 9, sh->y, 9, role_style(sh, slot->busy ? THEME_TEXT : THEME_DIM), text);
    x += 10;
    enum theme_role role = slot->progress >= 0 ? THEME_BUSY : slot->busy ? THEME_OK : THEME_DIM;
    if (end - x < 8) { /* no room for words */
        const char *sign = glyph_text(slot->busy ? GLYPH_RUNNING : GLYPH_NONE, sh->p->app->ascii);
        surface_text(sh->s, sh->r.x + x, sh->y, 1, role_style(sh, role), sign);
        return;
    }
    str_format(text, sizeof(text), slot->progress >= 0 ? "reads %d%%" : slot->busy ? "writes" : "idle", slot->progress);
    surface_text(sh->s, sh->r.x + x, sh->y, MT_MAX(end - x - 1, 0), role_style(sh, role), text);
}

/* Each slot, as many as a quarter of the screen holds; the rest in a number. */
static void add_slots(struct sheet *sh, const struct inference_view *v)
{
    int count = (int)v->slot_count, across = MT_MAX(sh->r.w / (count > 8 ? SLOT_COLS_MANY : SLOT_COLS), 1);
    int cols = sh->r.w / across, most = MT_MAX(sh->p->app->rows / 4, 4), busy = v->slots_busy;
    int shown = (count + across - 1) / across > most ? (most - 1) * across : count;
    for (int i = 0; i < shown; i++) {
        draw_slot(sh, i % across * cols, cols, &v->slots[i], v->window);
        sh->y += i % across == across - 1 || i + 1 == shown ? 1 : 0;
        busy -= v->slots[i].busy; /* the rest: more than are known one by one */
    }
    int more = MT_MAX(v->slots_total, count) - shown;
    if (more > 0) {
        char text[80];
        str_format(text, sizeof(text), busy > 0 ? "and %d more, %d of them busy" : "and %d more", more, busy);
        text_at(sh, 3, THEME_DIM, text);
    }
}

/* Context in use, of all slots together. */
static void add_context(struct sheet *sh, const struct inference_view *v)
{
    char used[16], all[16], text[80];
    if (v->has_slots && v->room > 0) {
        int x = sh->names;
        double share = (double)v->used / (double)v->room;
        serverline_tokens(v->used, used);
        serverline_tokens(v->room, all);
        str_format(text, sizeof(text), "%s of %s in all", used, all);
        if (sh->s != NULL) {
            surface_text(sh->s, sh->r.x, sh->y, sh->names, role_style(sh, THEME_DIM), "context");
            x += gauge(sh, x, MT_MIN(GAUGE_COLS, MT_MAX(sh->r.w - x - 20, 4)), share, gauge_role(v->used, v->room)) + 1;
            surface_text(sh->s, sh->r.x + x, sh->y, sh->r.w - x, role_style(sh, THEME_TEXT), text);
        }
        sh->y++;
    } else if (v->cache_percent >= 0) {
        str_format(text, sizeof(text), "%d%% of the memory for contexts is in use", v->cache_percent);
        fact(sh, "context", THEME_TEXT, text);
    } else {
        fact(sh, "context", THEME_DIM, "in use: the server does not tell");
    }
}

/* Speed, queue, slots. */
static void add_work(struct sheet *sh, const struct inference_view *v)
{
    char text[80];
    if (v->tokens_per_s > 0) {
        str_format(text, sizeof(text), v->tokens_per_s < 9.95 ? "%.1f tokens a second" : "%.0f tokens a second",
                   v->tokens_per_s);
        fact(sh, "speed", THEME_TEXT, text);
    } else if (v->progress >= 0) {
        str_format(text, sizeof(text), "reads a prompt, %d%% of it so far", v->progress);
        fact(sh, "speed", THEME_TEXT, text);
    } else {
        fact(sh, "speed", THEME_DIM, v->slots_busy > 0 || v->running > 0 ? "not told" : "nothing is being written");
    }
    if (v->queued >= 0) {
        str_format(text, sizeof(text), v->queued == 1 ? "%d request waits" : "%d requests wait", v->queued);
        fact(sh, "queue", v->queued > 0 ? THEME_WARN : THEME_DIM, v->queued > 0 ? text : "nobody waits");
    }
    if (v->slots_busy >= 0 && v->slots_total > 0) {
        str_format(text, sizeof(text), "%d of %d busy", v->slots_busy, v->slots_total);
        fact(sh, "slots", v->slots_busy > 0 ? THEME_TEXT : THEME_DIM, text);
    } else if (v->running >= 0) {
        str_format(text, sizeof(text), v->running == 1 ? "%d runs" : "%d run", v->running);
        fact(sh, "requests", v->running > 0 ? THEME_TEXT : THEME_DIM, text);
    }
    if (v->has_slots && sh->r.w >= 34) {
        add_slots(sh, v);
    }
}

/* What can be done about a server that is not of use. */
static void add_advice(struct sheet *sh, const struct inference_view *v)
{
    const struct inference_panel *p = sh->p;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (v->state == INFERENCE_UNAUTHORISED) {
        strbuf_addstr(&text,
                      "Set server_key_file in muthr.toml to a file (mode 0600) that holds its key, or start with "
                      "MUTHR_SERVER_KEY in the environment.");
    } else if (v->state == INFERENCE_FOREIGN) {
        strbuf_addstr(&text, "Another program has that port. Stop it, or set server_port in muthr.toml to the port of "
                             "the inference server.");
    } else if (v->state == INFERENCE_DOWN && p->presets.count > 0) {
        strbuf_addstr(&text, "Enter starts the selected preset here; in a shell: muthr-tui engine start NAME. A server "
                             "that somebody else starts on this port is seen as well.");
    } else if (v->state == INFERENCE_DOWN) {
        strbuf_addstr(&text,
                      "There is no preset. One is a file like ~/.config/muthr/provider.d/fast.ini with the lines "
                      "model = NAME and runtime = llama. Without: muthr-tui engine start --model NAME. A server "
                      "that somebody else starts on this port is seen as well.");
    }
    if (text.len > 0) {
        sh->y += p->app->rows >= 20 ? 1 : 0;
        text_at(sh, 0, THEME_ACCENT, text.buf);
    }
}

/* Why it is of no use, in its own words; for "connection refused" in ours. */
static void add_reason(struct sheet *sh, const struct inference_view *v)
{
    bool nobody = v->state == INFERENCE_DOWN && (strstr(v->word, "refused") || strstr(v->word, "Failed to connect"));
    char text[200];
    str_format(text, sizeof(text), nobody ? "nobody listens on %s" : "%s", nobody ? v->endpoint : v->word);
    if (v->state != INFERENCE_READY && v->word[0] != '\0') {
        text_at(sh, 2, THEME_TEXT, text);
    }
}

/* What kind of server, and how much one conversation may hold. */
static void add_kind(struct sheet *sh, const struct inference_view *v)
{
    char text[64];
    fact(sh, "server", THEME_TEXT, inference_kind_name(v->kind));
    if (v->state == INFERENCE_READY) {
        /* What the slots hold counts, where it is less than what is told of the model. */
        window_text(v->full_window != 0 && v->full_window < v->window ? v->full_window : v->window, text);
        fact(sh, "window", v->window > 0 ? THEME_TEXT : THEME_DIM, v->window > 0 ? text : "the server does not tell");
    }
}

int inference_facts(const struct inference_panel *p, struct surface *s, struct rect r)
{
    const struct inference_view *v = inference_of(p);
    struct sheet sh = {.p = p, .s = s, .r = r, .y = r.y, .names = r.w < 34 ? 9 : NAME_COLS};
    bool ready = v->state == INFERENCE_READY, job = server_job(p->app->server)->active;
    bool tight = p->app->rows < 16; /* what changes comes first */
    struct rect old = s != NULL ? surface_clip(s, r) : (struct rect){0};
    if (!job || v->state != INFERENCE_DOWN) { /* the job says better why it is down */
        add_state(&sh, v);
        add_reason(&sh, v);
    }
    add_job(&sh);
    fact(&sh, "model", THEME_STRONG, v->model);
    if (!tight) {
        if (ready || v->state == INFERENCE_LOADING) {
            add_kind(&sh, v);
        }
        add_process(&sh, v);
    }
    if (ready) {
        add_context(&sh, v);
        add_work(&sh, v);
    }
    if (!job && server_job(p->app->server)->failed.code == ERROR_NONE) {
        add_advice(&sh, v);
    }
    if (tight) {
        add_process(&sh, v);
    }
    if (s != NULL) {
        surface_unclip(s, old);
    }
    return sh.y - r.y;
}
