/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/clock.h"
#include "tui/app.h"
#include "tui/glyph.h"

/* What a sandbox used lately, when it will be stopped, and the headings of other machines. */

/* The countdown is shown in its last minutes only. */
#define IDLE_SHOWN_MS (10u * 60000u)

void idle_text(const struct workspace *ws, char *out, size_t cap)
{
    uint64_t now = clock_mono_ms(), at = ws->idle_stop_mono_ms;
    out[0] = '\0';
    if (at == 0 || ws->info.state != SANDBOX_RUNNING || at > now + IDLE_SHOWN_MS) {
        return;
    }
    if (at <= now + 60000) {
        str_copy(out, cap, "stops in <1 min");
    } else {
        str_format(out, cap, "stops in %llu min", (unsigned long long)(at - now) / 60000);
    }
}

void drift_cure(const struct app *app, const struct workspace *ws, char *out, size_t cap)
{
    const struct backend_view *be = model_backend(app->model, ws->backend, ws->host);
    bool up = ws->info.state == SANDBOX_RUNNING, anew = be && (be->probe.caps & BACKEND_CAP_IMAGES) != 0;
    str_format(out, cap, "%s %s it with the new settings%s", app_key(app, up ? "sandbox.restart" : "list.open"),
               up ? "restarts" : "starts", anew ? ": it is made anew, its home stays" : "");
}

void wanted_backend_text(const struct app *app, const struct workspace *ws, char *out, size_t cap)
{
    const char *profile = ws->profile[0] ? ws->profile : ws->info.profile;
    out[0] = '\0';
    if (ws->info.state == SANDBOX_NONE) { /* deleted just now */
        return;
    }
    if (ws->wanted_why_not[0]) {
        str_format(out, cap, "the profile %s wants %s, which cannot be used here: %s", profile, ws->wanted_backend,
                   ws->wanted_why_not);
    } else if (ws->wanted_backend[0]) {
        str_format(out, cap,
                   "the profile %s wants %s. To move it: %s deletes the sandbox, and %s with that profile makes it "
                   "anew; the folder stays.",
                   profile, ws->wanted_backend, app_key(app, "sandbox.delete"), app_key(app, "sandbox.provision"));
    }
}

/* The samples of a ring as parts of `most`, oldest first; returns how many. */
static size_t scale(const struct usage_ring *ring, bool cpu, uint64_t most, unsigned out[USAGE_SAMPLES])
{
    uint32_t percent;
    uint64_t memory;
    for (size_t i = 0; i < USAGE_SAMPLES; i++) { /* empty ones first, so that the newest stands at the right */
        bool have = usage_get(ring, USAGE_SAMPLES - 1 - i, &percent, &memory);
        uint64_t v = !have ? 0 : cpu ? percent : memory;
        out[i] = !have ? 0 : most ? (unsigned)MT_MAX(v * 1000 / most, (uint64_t)1) : 1; /* a line where it was read */
    }
    return USAGE_SAMPLES;
}

/* One graph with what its full height means. Returns the rows used. */
static int draw_graph(const struct app *app, struct surface *s, struct rect r, const char *name, const unsigned *values,
                      const char *top)
{
    int rows = app->ascii || r.h < 12 ? 1 : 2, cols = MT_MIN(USAGE_SAMPLES / 2, r.w - 12 - 8);
    if (cols < 6 || r.h < rows + 4) {
        return 0;
    }
    size_t skip = (size_t)(USAGE_SAMPLES / 2 - cols) * 2;
    surface_text(s, r.x, r.y, 12, theme_style(&app->theme, THEME_DIM), name);
    for (int y = 0; y < rows; y++) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        usage_graph(values + skip, USAGE_SAMPLES - skip, rows, y, app->ascii, &line);
        surface_text(s, r.x + 12, r.y + y, cols, theme_style(&app->theme, THEME_GAUGE), line.buf);
    }
    surface_text(s, r.x + 13 + cols, r.y, r.w - 13 - cols, theme_style(&app->theme, THEME_DIM), top);
    return rows;
}

int usage_draw(const struct app *app, struct surface *s, struct rect r, const struct workspace *ws)
{
    const struct usage_ring *ring = usage_of(&app->usage, ws->id);
    unsigned values[USAGE_SAMPLES];
    uint64_t most_cpu = 100, most_memory = 1, memory;
    uint32_t cpu = 0, now = 0;
    char text[48];
    if (!usage_get(ring, 0, &now, &memory)) {
        return 0;
    }
    for (size_t i = 0; usage_get(ring, i, &cpu, &memory); i++) {
        most_cpu = MT_MAX(most_cpu, (uint64_t)(cpu + 99) / 100 * 100);
        most_memory = MT_MAX(most_memory, memory);
    }
    int y = 0;
    uint64_t scale_to = 1u << 20; /* without a limit the next power of two: something that grows is seen to grow */
    while (scale_to < most_memory) {
        scale_to *= 2;
    }
    most_memory = ws->stats.memory_limit_bytes ? ws->stats.memory_limit_bytes : scale_to;
    usage_bytes(most_memory, text, sizeof(text));
    scale(ring, false, most_memory, values);
    y += draw_graph(app, s, r, "", values, text);
    if (r.h - y < 1) {
        return y;
    }
    surface_text(s, r.x, r.y + y, 12, theme_style(&app->theme, THEME_DIM), "cpu");
    surface_textf(s, r.x + 12, r.y + y++, r.w - 12, theme_style(&app->theme, THEME_TEXT), "%u%% of one processor", now);
    str_format(text, sizeof(text), "%llu%%", (unsigned long long)most_cpu);
    scale(ring, true, most_cpu, values);
    return y + draw_graph(app, s, (struct rect){r.x, r.y + y, r.w, r.h - y}, "", values, text);
}

/* --- machines --- */

bool host_is_down(const struct app *app, const struct workspace *ws)
{
    const struct backend_view *b = ws->host[0] ? tree_host(app->model, ws->host) : NULL;
    return b && b->probed && !b->probe.usable;
}

/* The state of a machine in a few words, and their role. */
static enum theme_role host_state(const struct app *app, const struct backend_view *b, char *out, size_t cap)
{
    uint64_t now = clock_mono_ms();
    const char *chord = keymap_chord(app->keymap, CONTEXT_LIST, command_find("app.rescan"));
    if (!b || !b->probed) {
        str_copy(out, cap, "looking...");
        return THEME_BUSY;
    }
    if (b->probe.usable) {
        str_copy(out, cap, b->name);
        return THEME_DIM;
    }
    if (b->retry_mono_ms > now) {
        str_format(out, cap, "retry in %llu s%s%s", (unsigned long long)(b->retry_mono_ms - now + 999) / 1000,
                   chord ? ", now: " : "", chord ? chord : "");
    } else {
        str_format(out, cap, "down%s%s", chord ? ", retry: " : "", chord ? chord : "");
    }
    return THEME_WARN;
}

void host_draw(const struct app *app, struct surface *s, struct rect r, const struct tree_row *row)
{
    const struct backend_view *b = tree_host(app->model, row->host);
    bool down = row->host[0] && b && b->probed && !b->probe.usable;
    char text[80] = "";
    if (row->kind == TREE_HOST_WHY) {
        /* Whose words they are is known: what they say needs the room. */
        const char *why = b ? b->probe.reason : "", *ssh = strstr(why, ": ssh: ");
        surface_text(s, r.x + 3, r.y, r.w - 4, theme_style(&app->theme, THEME_DIM), ssh ? ssh + 7 : why);
        return;
    }
    int end = r.x + r.w - 1;
    if (row->host[0]) {
        enum theme_role role = host_state(app, b, text, sizeof(text));
        end = surface_text_right(s, end, r.y, r.w * 2 / 3, theme_style(&app->theme, role), text) - 1;
    }
    surface_textf(s, r.x + 1, r.y, end - r.x - 1, theme_style(&app->theme, down ? THEME_DIM : THEME_TITLE), "%s %s",
                  glyph_text(down ? GLYPH_FAILED : GLYPH_BULLET, app->ascii),
                  row->host[0] ? row->host : "this machine");
}
