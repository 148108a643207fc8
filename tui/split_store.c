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

int split_store_load(struct split_store *st, const char *path, struct error *err)
{
    struct split_store fresh = {0};
    struct error why = ERROR_INIT;

    if (!fs_exists(path)) {
        return 0;
    }
    if (read_file(&fresh, path, &why) != 0) {
        split_store_release(&fresh);
        if (why.code == ERROR_PARSE) {
            fs_set_aside(path, NULL, NULL);
        }
        return error_set(err, why.code, "%s", why.msg);
    }
    for (size_t i = 0; i < fresh.count; i++) {
        put(st, fresh.entries[i].key, &fresh.entries[i].split, false);
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
