/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/slots.h"

#include <string.h>

#include "core/inference/tokens.h"
#include "core/util/json.h"

#define STRING_MAX 64 /* longer ones are no names of fields */

/* Where the string that begins at body[at] (a quote) ends: the index of its closing quote, or len. */
static size_t string_end(const char *body, size_t len, size_t at)
{
    for (at++; at < len && body[at] != '"'; at++) {
        at += body[at] == '\\';
    }
    return at < len ? at : len;
}

void slots_strip(const char *body, size_t len, struct strbuf *out)
{
    size_t from = 0;
    for (size_t at = 0; at < len; at++) {
        if (body[at] != '"') {
            continue;
        }
        size_t end = string_end(body, len, at);
        if (end - at > STRING_MAX) {
            strbuf_add(out, body + from, at + 1 - from);
            from = end;
        }
        at = end;
    }
    if (from < len) {
        strbuf_add(out, body + from, len - from);
    }
}

/* next_token is an object in some builds, a list of one in others (and n_decoded stands in the slot in old ones). */
static const struct json *written_of(const struct json *slot)
{
    const struct json *next = json_get(slot, "next_token");
    const struct json *n = json_get(json_is_array(next) ? json_first(next) : next, "n_decoded");
    return n != NULL ? n : json_get(slot, "n_decoded");
}

/* Percent of the prompt that is read, -1: not known, or all of it. */
static int progress_of(const struct json *slot, uint64_t prompt, bool busy, uint64_t written)
{
    const struct json *processed = json_get(slot, "n_prompt_tokens_processed");
    uint64_t done = tokens_read(processed), cached = tokens_read(json_get(slot, "n_prompt_tokens_cache"));
    if (!busy || written > 0 || !json_is_number(processed) || prompt <= cached || done >= prompt - cached) {
        return -1;
    }
    return (int)(done * 100 / (prompt - cached));
}

/* One element. */
static void read_slot(const struct json *j, struct slots_entry *e)
{
    const struct json *written = written_of(j), *prompt_field = json_get(j, "n_prompt_tokens");
    uint64_t prompt = tokens_read(prompt_field), window = tokens_read(json_get(j, "n_ctx"));
    struct inference_slot *s = &e->slot;
    int64_t id = json_get_int(j, "id", 0);
    memset(e, 0, sizeof(*e));
    s->id = id >= 0 && id <= 1000000 ? (int)id : 0;
    s->busy = json_get_bool(j, "is_processing", json_get_int(j, "state", 0) != 0);
    e->task = json_get_int(j, "id_task", json_get_int(j, "task_id", -1));
    e->writes = json_is_number(written);
    e->written = tokens_read(written);
    s->window = window;
    /* Builds before n_prompt_tokens count what is in the slot in n_past. */
    s->used = prompt_field != NULL ? prompt + e->written : tokens_read(json_get(j, "n_past"));
    if (window > 0 && s->used > window) {
        s->used = window;
    }
    s->progress = progress_of(j, prompt, s->busy, e->written);
}

void slots_parse(const char *body, size_t len, struct slots_answer *out)
{
    MT_CLEANUP(strbuf) struct strbuf bare = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    memset(out, 0, sizeof(*out));
    slots_strip(body, len, &bare);
    struct json *root = json_parse(bare.buf, bare.len, &ignored);
    out->known = json_is_array(root);
    for (const struct json *j = out->known ? json_first(root) : NULL; j != NULL; j = json_next(j)) {
        struct slots_entry e;
        if (!json_is_object(j)) {
            out->known = false;
            break;
        }
        read_slot(j, &e);
        out->total++;
        out->busy += e.slot.busy;
        if (out->count < INFERENCE_SLOTS_MAX) {
            out->entries[out->count++] = e;
        }
    }
    json_free(root);
}

/* Is `a` fuller than `b`? Where windows are not told, more is fuller. */
static bool is_fuller(const struct inference_slot *a, const struct inference_slot *b)
{
    if (a->busy != b->busy) {
        return a->busy;
    }
    return a->window == b->window ? a->used > b->used
                                  : (double)a->used * (double)b->window > (double)b->used * (double)a->window;
}

void slots_show(const struct slots_answer *a, struct inference_view *v)
{
    const struct inference_slot *full = NULL;
    bool all_known = a->count > 0 && (size_t)a->total == a->count;
    v->has_slots = a->known;
    v->slots_total = a->total;
    v->slots_busy = a->busy;
    v->slot_count = a->count;
    v->used = v->room = v->full_used = v->full_window = 0;
    v->progress = -1;
    for (size_t i = 0; i < a->count; i++) {
        const struct inference_slot *s = &a->entries[i].slot;
        v->slots[i] = *s;
        v->used += s->used;
        v->room += s->window;
        all_known = all_known && s->window > 0;
        full = full == NULL || is_fuller(s, full) ? s : full;
        if (s->progress >= 0 && (v->progress < 0 || s->progress < v->progress)) {
            v->progress = s->progress;
        }
    }
    v->room = all_known ? v->room : 0;
    if (full != NULL) {
        v->full_used = full->used;
        v->full_window = full->window;
    }
}
