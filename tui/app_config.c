/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/rules.h"
#include "tui/app.h"

void app_theme_set(struct app *app, const char *name, bool tell)
{
    struct error err = ERROR_INIT;
    struct theme t;
    if (theme_load(&t, app->paths, name, &err) != 0) {
        app_fail(app, &err);
        return;
    }
    app->theme = t;
    str_copy(app->theme_name, sizeof(app->theme_name), name);
    app_outer_tell(app);
    if (tell) {
        app_say(app, "Theme %s for this run. To keep it: theme = \"%s\" below [tui] in %s", name, name,
                app->config.path ? app->config.path : "muthr.toml");
    }
    app_dirty(app);
}

/* Old settings stay in memory: the engine and running operations may still point at their strings. */
static void retire(struct app *app, const struct config *old)
{
    app->retired = xreallocarray(app->retired, app->retired_count + 1, sizeof(*app->retired));
    app->retired[app->retired_count++] = *old;
}

/* Does the locale say UTF-8? */
static bool locale_is_utf8(void)
{
    static const char *const vars[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < MT_ARRAY_LEN(vars); i++) {
        const char *v = getenv(vars[i]);
        if (v && *v) {
            for (; *v; v++) {
                if (strncasecmp(v, "utf-8", 5) == 0 || strncasecmp(v, "utf8", 4) == 0) {
                    return true;
                }
            }
            return false;
        }
    }
    return false;
}

/* Settings that the cockpit itself follows. */
static void apply_config(struct app *app, const char *old_theme)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct keymap *keys = keymap_new(&app->config, &problems);
    keymap_free(app->keymap);
    app->keymap = keys;
    if (app->screen) {
        screen_set_mouse(app->screen, app->config.mouse && !app->opts->no_mouse);
    }
    app->ascii = app->opts->ascii || app->config.ascii || !locale_is_utf8();
    for (size_t i = 0; i < app->config.warning_count; i++) {
        app_warn(app, "%s", app->config.warnings[i].text); /* it names its place */
    }
    for (size_t i = 0; i < problems.len; i++) {
        struct error err = ERROR_INIT;
        error_hint(&err, ERROR_INVALID,
                   "the line is ignored; keys are written C-x, M-x, S-Up, F5; : lists the commands", "%s",
                   problems.v[i]);
        app_fail(app, &err);
    }
    if (!old_theme || strcmp(old_theme, app->config.theme) != 0) {
        app_theme_set(app, app->config.theme, false);
    }
}

void app_check_rules(struct app *app)
{
    MT_CLEANUP(xfree) char *path = path_join(app->paths->config, RULES_FILE);
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    rules_problems(path, &problems);
    for (size_t i = 0; i < problems.len; i++) {
        struct error err = ERROR_INIT;
        error_hint(&err, ERROR_INVALID, "the rule is left out; the shipped ones are in force", "%s", problems.v[i]);
        app_fail(app, &err);
    }
}

int app_config_reload(struct app *app, bool at_start)
{
    struct error err = ERROR_INIT;
    struct config fresh = {0};
    int rc = config_load(&fresh, app->paths, &err);
    if (at_start) {
        app->config = fresh;
        if (app->opts->theme) {
            free(app->config.theme);
            app->config.theme = xstrdup(app->opts->theme);
        }
        apply_config(app, NULL);
        app_check_rules(app);
        app->config_broken = rc != 0;
        if (rc != 0) {
            err.hint = "the defaults are in force until the file is mended";
            app_fail(app, &err); /* last: it is what the person should read first */
        }
        return rc;
    }
    if (rc != 0) {
        config_release(&fresh);
        err.hint = "the settings from before stay in force";
        app_fail(app, &err);
        app->config_broken = true;
        return rc;
    }
    if (app->config_broken) { /* what is said below matters more */
        app_say(app, "%s is read again, and in force", app->config.path ? app->config.path : "muthr.toml");
    }
    app->config_broken = false;
    retire(app, &app->config);
    app->config = fresh;
    apply_config(app, app->retired[app->retired_count - 1].theme);
    app_reload_inference(app);
    app_tree_dirty(app);
    return 0;
}

/* Writes the new root into the configuration when that says nothing of one yet: before everything else, where top-level
 * keys belong. */
static int remember_root(struct app *app, const char *path, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf old = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (fs_exists(app->config.path) && fs_read(app->config.path, 1u << 22, &old, err) != 0) {
        return -1;
    }
    if (strstr(old.buf, "workspace_root") || getenv("MUTHR_WORKSPACE_ROOT") || strpbrk(path, "\"\\\n")) {
        return error_set(err, ERROR_EXISTS, "%s is used for this run; to keep it, set workspace_root in %s%s", path,
                         app->config.path, getenv("MUTHR_WORKSPACE_ROOT") ? " and unset MUTHR_WORKSPACE_ROOT" : "");
    }
    strbuf_addf(&text, "workspace_root = \"%s\"\n", path);
    strbuf_add(&text, old.buf, old.len);
    if (fs_mkdirs(app->paths->config, 0755, err) != 0) {
        return -1;
    }
    return fs_write_through(app->config.path, text.buf, text.len, 0644, err);
}

void app_set_root(struct app *app, const char *path)
{
    struct error err = ERROR_INIT;
    struct config keep = {.workspace_root = app->config.workspace_root}; /* only this string is replaced */
    retire(app, &keep);
    app->config.workspace_root = xstrdup(path);
    if (remember_root(app, path, &err) != 0) {
        app_warn(app, "%s", err.msg);
    } else {
        app_say(app, "workspace_root = \"%s\" is written to %s", path, app->config.path);
    }
    engine_rescan(app->engine);
    app_tree_dirty(app);
}

void app_load_prefs(struct app *app)
{
    MT_CLEANUP(xfree) char *path = path_join(app->paths->state, "cockpit.json");
    struct json *j = fs_exists(path) ? json_load(path, 65536, NULL) : NULL;
    int64_t width = json_get_int(j, "list_width", app->config.list_width);
    app->list_width = width <= 0 ? 0 : (int)MT_MIN(MT_MAX(width, 20), 200);
    strvec_clear(&app->refused);
    strvec_clear(&app->agreed);
    json_get_strings(j, "refused", &app->refused);
    json_get_strings(j, "agreed", &app->agreed);
    json_free(j);
}

void app_save_prefs(struct app *app)
{
    MT_CLEANUP(xfree) char *path = path_join(app->paths->state, "cockpit.json");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    struct json *j = json_new_object();
    json_set_int(j, "list_width", app->list_width);
    json_set_strings(j, "refused", &app->refused);
    json_set_strings(j, "agreed", &app->agreed);
    json_write(j, true, &text);
    json_free(j);
    if (fs_mkdirs(app->paths->state, 0700, &err) != 0 || fs_write_atomic(path, text.buf, text.len, 0600, &err) != 0) {
        app_fail(app, &err);
    }
}
