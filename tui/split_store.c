/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/split_store.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define FILE_VERSION 1
#define FILE_MAX_BYTES (1u << 20)

void split_store_release(struct split_store *st)
{
    free(st->entries);
    *st = (struct split_store){0};
}

/* The entry of a workspace, forgotten or not; NULL: there is none. */
static struct split_entry *find(const struct split_store *st, const char *key)
{
    for (size_t i = 0; i < st->count; i++) {
        if (strcmp(st->entries[i].key, key) == 0) {
            return &st->entries[i];
        }
    }
    return NULL;
}

struct split_entry *split_store_get(struct split_store *st, const char *key)
{
    struct split_entry *e = find(st, key);

    return e && e->split.count > 0 ? e : NULL;
}

struct split_entry *split_store_with(const struct split_store *st, const char *session)
{
    for (size_t i = 0; i < st->count && session[0]; i++) {
        if (split_find(&st->entries[i].split, session) >= 0) {
            return &st->entries[i];
        }
    }
    return NULL;
}

/* Puts a layout in, as read from the file or as changed. */
static void put(struct split_store *st, const char *key, const struct split *split, bool changed)
{
    struct split_entry *e = find(st, key);

    if (strlen(key) >= SPLIT_KEY_MAX) {
        return;
    }
    if (!e) {
        if (st->count >= SPLIT_STORE_MAX) {
            return;
        }
        if (st->count == st->cap) {
            st->cap = st->cap ? st->cap * 2 : 8;
            st->entries = xreallocarray(st->entries, st->cap, sizeof(*st->entries));
        }
        e = &st->entries[st->count++];
        *e = (struct split_entry){0};
        str_copy(e->key, sizeof(e->key), key);
    }
    struct split copy = split_leaves(split) > 1 ? *split : (struct split){0};
    e->split = copy; /* `split` may be this very one */
    e->changed = changed;
    e->held = false;
}

void split_store_put(struct split_store *st, const char *key, const struct split *split)
{
    put(st, key, split, true);
}

/* Reads the layouts of a file that is there into an empty store. */
static int read_file(struct split_store *st, const char *path, struct error *err)
{
    struct json *j = json_load(path, FILE_MAX_BYTES, err);
    int rc = 0;

    if (!j) {
        return -1;
    }
    if (json_get_int(j, "version", 0) > FILE_VERSION) {
        json_free(j);
        return error_set(err, ERROR_INVALID, "%s is of a later version", path);
    }
    if (json_get_int(j, "version", 0) != FILE_VERSION || !json_is_object(json_get(j, "layouts"))) {
        json_free(j);
        return error_set(err, ERROR_PARSE, "%s: these are no layouts", path);
    }
    for (const struct json *c = json_first(json_get(j, "layouts")); c && rc == 0; c = json_next(c)) {
        struct split s;
        rc = split_from_json(&s, c, err);
        bool known = false; /* one of its sessions stands in another layout */
        for (int i = 0; rc == 0 && i < split_leaves(&s); i++) {
            known = known || split_store_with(st, split_id(&s, i));
        }
        if (rc == 0 && !known) {
            put(st, json_key(c), &s, false);
        }
    }
    json_free(j);
    return rc;
}

/* The same, and a broken file is set aside. */
static int read_or_set_aside(struct split_store *st, const char *path, struct error *err)
{
    struct error why = ERROR_INIT;

    if (read_file(st, path, &why) == 0) {
        return 0;
    }
    split_store_release(st);
    if (why.code == ERROR_PARSE) {
        fs_set_aside(path, NULL, NULL);
    }
    return error_set(err, why.code, "%s", why.msg);
}

int split_store_load(struct split_store *st, const char *path, struct error *err)
{
    struct split_store fresh = {0};

    if (!fs_exists(path)) {
        return 0;
    }
    if (read_or_set_aside(&fresh, path, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < fresh.count; i++) {
        put(st, fresh.entries[i].key, &fresh.entries[i].split, false);
    }
    split_store_release(&fresh);
    return 0;
}

/* Makes room for what the file says of a workspace that was not changed here. True: it says something else. */
static bool give_way(struct split_entry *e, struct split_store *fresh, const char *looked_at)
{
    static const struct split empty = {0};
    const struct split_entry *f = split_store_get(fresh, e->key);

    e->held = false;
    if (split_same(&e->split, f ? &f->split : &empty)) {
        return false;
    }
    if (looked_at && split_find(&e->split, looked_at) >= 0 && !split_store_with(fresh, looked_at)) {
        e->held = true;
        return false;
    }
    e->split = empty;
    return true;
}

/* Does one of its sessions stand in the layout of another workspace? */
static bool stands_elsewhere(const struct split_store *st, const struct split_entry *e)
{
    for (int i = 0; i < split_leaves(&e->split); i++) {
        const struct split_entry *other = split_store_with(st, split_id(&e->split, i));
        if (other && strcmp(other->key, e->key) != 0) {
            return true;
        }
    }
    return false;
}

int split_store_reread(struct split_store *st, const char *path, const char *looked_at, bool *news, struct error *err)
{
    struct split_store fresh = {0};

    *news = false;
    if (!fs_exists(path)) {
        return 0;
    }
    if (read_or_set_aside(&fresh, path, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < st->count; i++) {
        *news = (!st->entries[i].changed && give_way(&st->entries[i], &fresh, looked_at)) || *news;
    }
    for (size_t i = 0; i < fresh.count; i++) {
        const struct split_entry *f = &fresh.entries[i];
        const struct split_entry *e = find(st, f->key);
        bool ours = e && (e->changed || e->held);
        if (!ours && !stands_elsewhere(st, f)) {
            *news = *news || !e || !split_same(&e->split, &f->split);
            put(st, f->key, &f->split, false);
        }
    }
    split_store_release(&fresh);
    return 0;
}

bool split_store_is_changed(const struct split_store *st)
{
    for (size_t i = 0; i < st->count; i++) {
        if (st->entries[i].changed) {
            return true;
        }
    }
    return false;
}

/* The text of a file with these layouts. */
static void to_text(const struct split_store *st, struct strbuf *out)
{
    struct json *j = json_new_object(), *layouts = json_new_object();

    json_set_int(j, "version", FILE_VERSION);
    for (size_t i = 0; i < st->count; i++) {
        if (st->entries[i].split.count > 0) {
            json_set(layouts, st->entries[i].key, split_to_json(&st->entries[i].split));
        }
    }
    json_set(j, "layouts", layouts);
    json_write(j, true, out);
    json_free(j);
}

int split_store_save(struct split_store *st, const char *path, struct error *err)
{
    struct split_store now = {0};
    struct error why = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    if (split_store_load(&now, path, &why) != 0 && why.code != ERROR_PARSE) {
        split_store_release(&now);
        return error_set(err, why.code, "%s", why.msg);
    }
    for (size_t i = 0; i < st->count; i++) {
        struct split_entry *e = &st->entries[i];
        for (int k = 0; e->changed && k < split_leaves(&e->split); k++) {
            struct split_entry *other = split_store_with(&now, split_id(&e->split, k));
            if (other && strcmp(other->key, e->key) != 0) {
                other->split = (struct split){0}; /* what another cockpit made of our sessions */
            }
        }
        if (e->changed) {
            put(&now, e->key, &e->split, false);
        }
    }
    to_text(&now, &text);
    split_store_release(&now);
    if (fs_write_atomic(path, text.buf, text.len, 0600, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < st->count; i++) {
        st->entries[i].changed = false;
    }
    return 0;
}
