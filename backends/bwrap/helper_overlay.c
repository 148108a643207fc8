/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/helper.h"

#include <string.h>
#include <unistd.h>

#include "backends/bwrap/overlay.h"
#include "backends/bwrap/overlay_mount.h"
#include "backends/process/state.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/strvec.h"

/* A byte string as hexadecimal digits: a path may hold any byte, JSON may not. */
static void add_hex(struct strbuf *out, const char *s)
{
    for (; *s; s++) {
        strbuf_addf(out, "%02x", (unsigned char)*s);
    }
}

/* One line per change: \x1d and JSON. (Applying ends with one that says how many were taken.) */
static void say_changes(const struct overlay_changes *c)
{
    for (size_t i = 0; i < c->len; i++) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, hex = STRBUF_INIT;
        struct json *j = json_new_object();
        add_hex(&hex, c->v[i].path);
        json_set_string(j, "path", hex.buf);
        json_set_int(j, "kind", (int64_t)c->v[i].kind);
        json_set_bool(j, "conflict", c->v[i].conflict);
        json_set_bool(j, "risky", c->v[i].risky);
        json_set_bool(j, "never", c->v[i].never);
        json_set_string(j, "note", c->v[i].note);
        json_set_int(j, "size", (int64_t)c->v[i].size);
        strbuf_addch(&text, '\x1d');
        json_write(j, false, &text);
        json_free(j);
        helper_say(text.buf);
    }
}

/* Paths from stdin, each ended by a NUL, after a 'P'; or 'A' for all. 1: all. */
static int read_paths(struct strvec *out, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char buf[4096];
    ssize_t n;
    while ((n = read(0, buf, sizeof(buf))) > 0 && text.len < 16u << 20) {
        strbuf_add(&text, buf, (size_t)n);
    }
    if (text.len == 1 && text.buf[0] == 'A') {
        return 1;
    }
    if (text.len < 2 || text.buf[0] != 'P' || text.buf[text.len - 1] != '\0') {
        return error_set(err, ERROR_INVALID, "no paths were given");
    }
    for (size_t at = 1; at < text.len; at += strlen(text.buf + at) + 1) {
        strvec_push(out, text.buf + at);
    }
    return 0;
}

/* The configuration of a sandbox with an overlay workspace. */
static int load_overlay(struct helper *h, struct state_config *config, struct error *err)
{
    if (!fs_is_dir(h->dir)) {
        memset(config, 0, sizeof(*config));
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s", h->name);
    }
    state_config_load(h->dir, config);
    if (config->missing) {
        return error_set(err, ERROR_INVALID, "%s", config->problem);
    }
    if (config->spec.workspace_mode != WORKSPACE_OVERLAY) {
        return error_set(err, ERROR_INVALID, "the workspace of %s is no overlay", h->name);
    }
    return 0;
}

int helper_changes(struct helper *h, struct error *err)
{
    struct state_config config;
    struct overlay_changes changes = {0};
    int rc = load_overlay(h, &config, err);
    rc = rc ? rc : overlay_changes(h->dir, config.spec.workspace, &changes, err);
    if (rc == 0) {
        say_changes(&changes);
    }
    overlay_changes_release(&changes);
    state_config_release(&config);
    return rc;
}

/* Apply or discard, under the lock: nothing runs meanwhile. */
static int decide(struct helper *h, bool apply, struct error *err)
{
    struct state_config config;
    struct overlay_changes held = {0};
    MT_CLEANUP(strvec) struct strvec paths = STRVEC_INIT;
    int all = read_paths(&paths, err), lock = -1;
    if (all < 0) {
        return -1;
    }
    const char *const *chosen = all ? NULL : (const char *const *)paths.v;
    int rc = load_overlay(h, &config, err);
    if (rc == 0 && state_lock(h->dir, &lock, err) < 0) {
        rc = error_wrap(err, "sandbox %s must be stopped first", h->name);
    }
    if (rc == 0) {
        overlay_fuse_end(h->dir, 0);
        rc = apply ? overlay_apply(h->dir, config.spec.workspace, chosen, &held, err)
                   : overlay_discard(h->dir, config.spec.workspace, chosen, err);
    }
    say_changes(&held);
    if (rc == 0 && apply) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        strbuf_addf(&text, "\x1d{\"applied\":%zu}", held.applied);
        helper_say(text.buf);
    }
    overlay_changes_release(&held);
    if (lock >= 0) {
        close(lock);
    }
    state_config_release(&config);
    return rc;
}

int helper_apply(struct helper *h, struct error *err)
{
    return decide(h, true, err);
}

int helper_discard(struct helper *h, struct error *err)
{
    return decide(h, false, err);
}
