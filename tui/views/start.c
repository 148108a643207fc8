/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tui/app.h"
#include "tui/glyph.h"
#include "tui/wrap.h"

/* The screens before there is anything to list: first run, a root that cannot be used, no backend, an empty root. */

#define START_WIDTH 76

/* Text that flows down the middle of the screen. */
struct page {
    const struct app *app;
    struct surface *s;
    struct rect r;
    int y;
};

/* One paragraph, wrapped at blanks. */
static void say(struct page *p, enum theme_role role, const char *text)
{
    struct style st = theme_style(&p->app->theme, role);
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    while (wrap_next(&text, p->r.w, &line) >= 0) {
        surface_text(p->s, p->r.x, p->y++, p->r.w, st, line.buf);
    }
}

/* "[Enter]  does this" */
static void offer(struct page *p, const char *key, const char *what)
{
    struct style st = theme_style(&p->app->theme, THEME_KEY);
    st.bg = theme_style(&p->app->theme, THEME_TEXT).bg;
    surface_text(p->s, p->r.x, p->y, 8, st, key);
    surface_text(p->s, p->r.x + 9, p->y, p->r.w - 9, theme_style(&p->app->theme, THEME_TEXT), what);
    p->y++;
}

/* Where the root comes from: an environment variable beats the file. */
static const char *root_origin(const struct app *app)
{
    (void)app;
    return getenv("MUTHR_WORKSPACE_ROOT") ? "MUTHR_WORKSPACE_ROOT names it."
                                          : "workspace_root in the configuration names it.";
}

/* No root yet. */
static void draw_root_missing(struct page *p, const char *path)
{
    MT_CLEANUP(xfree) char *shown = path_tilde(path, p->app->paths->home);
    char text[4400];
    say(p, THEME_TITLE_FOCUS, "Welcome to muthr");
    p->y++;
    say(p, THEME_TEXT,
        "Every folder below the workspace root is a project, and gets a sandbox of its own: agents and shells work in "
        "there, and see only that folder.");
    p->y++;
    str_format(text, sizeof(text), "%s does not exist.", shown);
    say(p, THEME_WARN, text);
    p->y++;
    offer(p, "Enter", "create it, with an example project");
    offer(p, "e", "choose another folder");
    offer(p, "q", "leave");
}

/* A root that must not be one. */
static void draw_root_bad(struct page *p, const struct error *err)
{
    say(p, THEME_TITLE_FOCUS, "This workspace root cannot be used");
    p->y++;
    say(p, THEME_BAD, err->msg);
    if (err->hint) {
        say(p, THEME_ACCENT, err->hint);
    }
    p->y++;
    say(p, THEME_DIM, root_origin(p->app));
    p->y++;
    offer(p, "e", "choose another folder");
    offer(p, "Enter", "look again");
    offer(p, "q", "leave");
}

/* Which backends were looked for, why each is unusable, what cures it. */
static void draw_no_backend(struct page *p)
{
    const struct app *app = p->app;
    say(p, THEME_TITLE_FOCUS, "Nothing here can run a sandbox yet");
    p->y++;
    size_t here = 0; /* of this machine */
    for (size_t i = 0; i < model_backend_count(app->model); i++) {
        const struct backend_view *b = model_backend_at(app->model, i);
        surface_text(p->s, p->r.x, p->y, 2, theme_style(&app->theme, THEME_BAD), glyph_text(GLYPH_FAILED, app->ascii));
        const char *name = b->host[0] ? b->host : b->name;
        surface_text(p->s, p->r.x + 2, p->y++, p->r.w - 2, theme_style(&app->theme, THEME_STRONG), name);
        here += !b->host[0];
        struct page in = *p;
        in.r.x += 2;
        in.r.w -= 2;
        say(&in, THEME_TEXT, b->probe.reason);
        if (b->probe.fix[0]) {
            say(&in, THEME_ACCENT, b->probe.fix);
        }
        p->y = in.y + 1;
    }
    if (here == 0 && app->config.backends[0]) {
        char text[400];
        str_format(text, sizeof(text),
                   "tui.backends (MUTHR_TUI_BACKENDS) lets only these be looked at: %.200s. None of them is a backend.",
                   app->config.backends);
        say(p, THEME_BAD, text);
        p->y++;
    }
    if (wake_name(app)) {
        char text[80];
        str_format(text, sizeof(text), "start the service of %s", wake_name(app));
        offer(p, "s", text);
    }
    offer(p, "Enter", "look again");
    offer(p, "Esc", "go on without: the list, and nothing that runs");
    offer(p, "q", "leave");
}

/* A root without projects. */
static void draw_empty(struct page *p, const char *path)
{
    MT_CLEANUP(xfree) char *shown = path_tilde(path, p->app->paths->home);
    char text[4400];
    str_format(text, sizeof(text), "No projects in %s", shown);
    say(p, THEME_TITLE_FOCUS, text);
    p->y++;
    say(p, THEME_TEXT, "Make a folder in it, or clone a repository there: it appears here at once.");
    p->y++;
    offer(p, "Enter", "create an example project");
    offer(p, "e", "choose another folder");
    offer(p, "q", "leave");
}

void start_draw(const struct app *app, struct surface *s, struct rect r)
{
    struct error err = ERROR_INIT;
    const char *path = "";
    surface_fill(s, r, theme_style(&app->theme, THEME_TEXT));
    struct rect old = surface_clip(s, r);
    int w = MT_MIN(START_WIDTH, r.w - 4);
    struct page p = {
        .app = app, .s = s, .r = {r.x + MT_MAX((r.w - w) / 2, 0), r.y, w, r.h}, .y = r.y + (r.h > 18 ? r.h / 5 : 1)};
    enum app_start kind = app_start_kind(app);
    if (kind != START_LOOKING) {
        engine_root(app->engine, &path, &err);
    }
    switch (w < 8 ? START_NONE : kind) {
    case START_LOOKING:
        surface_textf(s, p.r.x, p.y, p.r.w, theme_style(&app->theme, THEME_DIM),
                      "looking at workspaces and backends...");
        break;
    case START_ROOT_MISSING:
        draw_root_missing(&p, path);
        break;
    case START_ROOT_BAD:
        draw_root_bad(&p, &err);
        break;
    case START_NO_BACKEND:
        draw_no_backend(&p);
        break;
    case START_EMPTY:
        draw_empty(&p, path);
        break;
    case START_NONE:
        break;
    }
    surface_unclip(s, old);
}

/* The root, and a project in it that says what to do next. */
static void create_example(struct app *app)
{
    static const char readme[] = "# hello\n\n"
                                 "A project folder. Its sandbox sees it as /workspace,\n"
                                 "and nothing else of yours.\n\n"
                                 "In muthr-tui: Enter opens a shell here, n an agent,\n"
                                 "s stops the sandbox, d deletes it.\n"
                                 "This folder stays, whatever happens to the sandbox.\n";
    struct error err = ERROR_INIT;
    const char *path = "";
    engine_root(app->engine, &path, NULL);
    MT_CLEANUP(xfree) char *folder = path_join(path, "hello");
    MT_CLEANUP(xfree) char *file = path_join(folder, "README.md");
    if (fs_mkdirs(folder, 0755, &err) != 0 ||
        (!fs_exists(file) && fs_write_atomic(file, readme, sizeof(readme) - 1, 0644, &err) != 0)) {
        app_fail(app, &err);
        return;
    }
    engine_rescan(app->engine);
    app_tree_dirty(app);
}

bool start_key(struct app *app, struct key key)
{
    enum app_start kind = app_start_kind(app);
    if (kind == START_NONE || kind == START_LOOKING || key.mods) {
        return false;
    }
    if (key.sym == KEYSYM_ENTER) {
        if (kind == START_ROOT_MISSING || kind == START_EMPTY) {
            create_example(app);
        } else {
            for (size_t i = 0; kind == START_NO_BACKEND && i < model_backend_count(app->model); i++) {
                const struct backend_view *b = model_backend_at(app->model, i);
                engine_retry_backend(app->engine, b->name, b->host);
            }
            engine_rescan(app->engine);
            app_dirty(app);
        }
        return true;
    }
    if (key.sym == 's' && kind == START_NO_BACKEND && wake_name(app)) {
        dialog_wake(app);
        return true;
    }
    if (key.sym == 'e' && kind != START_NO_BACKEND) {
        dialog_root(app);
        return true;
    }
    if (key.sym == KEYSYM_ESCAPE && kind == START_NO_BACKEND) {
        app->no_backend_seen = true;
        app_dirty(app);
        return true;
    }
    return false;
}
