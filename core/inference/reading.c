/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/reading.h"

#include <stdlib.h>
#include <string.h>

#include "core/inference/metrics.h"
#include "core/inference/models.h"
#include "core/inference/ollama.h"
#include "core/inference/props.h"
#include "core/util/json.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define MISSES_MAX 2 /* one late answer of a server that is at work is no news */

/* What an answer says before its body is looked at. */
enum verdict { SAYS_OK, SAYS_DOWN, SAYS_LATE, SAYS_LOADING, SAYS_DENIED, SAYS_NOT_OFFERED, SAYS_NONSENSE };

void reading_init(struct reading *r, const char *endpoint)
{
    memset(r, 0, sizeof(*r));
    inference_view_init(&r->view);
    str_copy(r->view.endpoint, sizeof(r->view.endpoint), endpoint);
    rate_clear(&r->counted);
    rate_clear(&r->live);
}

void reading_want(struct reading *r, bool models)
{
    r->pacing.due[PACING_HEALTH] = true;
    r->pacing.due[PACING_MODELS] = models && r->view.state == INFERENCE_READY;
}

/* What is told of the slots is not known any more. */
static void forget_slots(struct reading *r)
{
    r->view.has_slots = false;
    r->view.slots_busy = -1;
    r->view.slot_count = 0;
    r->view.used = r->view.room = r->view.full_used = r->view.full_window = 0;
    r->view.progress = -1;
    r->view.tokens_per_s = -1;
    r->last.known = false;
    r->last.count = 0;
}

void reading_begin(struct reading *r, int ask, uint64_t now_ms)
{
    r->pacing.due[ask] = false;
    r->pacing.asked_ms[ask] = now_ms > 0 ? now_ms : 1;
    if (ask == r->pacing.stir_ask) {
        r->pacing.stir_ms = 0;
    }
    if (ask == PACING_HEALTH && r->pacing.may_sleep && pacing_rests(&r->pacing, now_ms)) {
        forget_slots(r); /* they are not looked at now */
    }
}

void reading_show(struct reading *r, bool visible, uint64_t now_ms)
{
    struct pacing *p = &r->pacing;
    bool was = p->visible;
    p->visible = visible;
    if (!visible || was) {
        return;
    }
    p->shown_ms = now_ms;
    uint64_t asked_ms = p->asked_ms[PACING_HEALTH];
    p->due[PACING_HEALTH] = asked_ms == 0 || now_ms < asked_ms || now_ms - asked_ms >= PACING_STIR_MS;
    if (!p->due[PACING_HEALTH]) { /* soon: what made somebody look may have come after the last answer */
        p->stir_ask = PACING_HEALTH;
        p->stir_ms = asked_ms + PACING_STIR_MS;
    }
    if (r->view.state == INFERENCE_READY) {
        p->due[PACING_METRICS] = !p->refused[PACING_METRICS] && r->view.kind != INFERENCE_OLLAMA;
        p->due[PACING_SLOTS] = !p->refused[PACING_SLOTS] && !r->view.sleeping &&
                               (r->view.kind == INFERENCE_LLAMA || r->view.kind == INFERENCE_MLXCEL);
    }
}

void reading_poke(struct reading *r, uint64_t now_ms)
{
    struct pacing *p = &r->pacing;
    bool slots = !p->refused[PACING_SLOTS] && !p->sleeping && (p->offered[PACING_SLOTS] || p->may_sleep);
    if (p->visible && r->view.state == INFERENCE_READY && p->stir_ms == 0 && (slots || p->offered[PACING_METRICS])) {
        p->stir_ask = slots ? PACING_SLOTS : PACING_METRICS;
        uint64_t asked_ms = p->asked_ms[p->stir_ask];
        p->stir_ms = now_ms >= asked_ms && now_ms - asked_ms < PACING_STIR_MS ? asked_ms + PACING_STIR_MS : now_ms;
    }
}

const char *reading_path(const struct reading *r, int ask)
{
    if (ask == PACING_HEALTH && r->view.kind == INFERENCE_OLLAMA) {
        return pacing_path(PACING_VERSION);
    }
    return pacing_path(ask == PACING_HEALTH && r->no_health ? PACING_MODELS : ask);
}

size_t reading_limit(int ask)
{
    static const size_t LIMITS[PACING_ASKS] = {
        [PACING_HEALTH] = 4u << 20, /* may be /v1/models */
        [PACING_MODELS] = 4u << 20, [PACING_PROPS] = 2u << 20,   [PACING_VERSION] = 64u << 10,
        [PACING_LOADED] = 1u << 20, [PACING_CACHE] = 256u << 10, [PACING_METRICS] = 2u << 20,
        [PACING_SLOTS] = 8u << 20, /* prompts stand in it in some builds */
    };
    return LIMITS[ask];
}

/* Why there is no answer, without the address. */
static void say_error(const struct error *err, char *word, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *text = strncmp(err->msg, "http", 4) == 0 ? strstr(err->msg, ": ") : NULL;
    text = text != NULL ? text + 2 : err->msg;
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(word, cap, clean.buf);
}

/* Reads status and error. */
static enum verdict judge(int status, const struct error *err, char *word, size_t cap)
{
    word[0] = '\0';
    if (err != NULL) {
        say_error(err, word, cap);
        switch (err->code) {
        case ERROR_TIMEOUT:
            return SAYS_LATE;
        case ERROR_INVALID:
            str_copy(word, cap, "its answer is too long");
            return SAYS_NONSENSE;
        case ERROR_PARSE:
            str_copy(word, cap, "it does not speak HTTP");
            return SAYS_NONSENSE;
        default:
            return SAYS_DOWN;
        }
    }
    if (status == 200) {
        return SAYS_OK;
    }
    str_format(word, cap, status >= 300 && status < 400 ? "it redirects (%d)" : "it answers %d", status);
    switch (status) {
    case 401:
    case 403:
        str_format(word, cap, "it wants a key (%d)", status);
        return SAYS_DENIED;
    case 404:
    case 405:
    case 501:
        return SAYS_NOT_OFFERED;
    case 503:
        str_copy(word, cap, "the model is being loaded");
        return SAYS_LOADING;
    default:
        return SAYS_NONSENSE;
    }
}

/* Forgets what only holds while it is ready. */
static void forget(struct reading *r)
{
    struct inference_view v;
    inference_view_init(&v);
    str_copy(v.endpoint, sizeof(v.endpoint), r->view.endpoint);
    v.state = r->view.state;
    v.since_ms = r->view.since_ms;
    r->view = v;
    pacing_reset(&r->pacing);
    rate_clear(&r->counted);
    rate_clear(&r->live);
    r->live_total = 0;
    r->last.known = false;
    r->last.count = 0;
    r->no_health = r->said_status = r->owned = false;
}

/* The endpoint is in this state. `keep`: with what is known of it. */
static void enter(struct reading *r, enum inference_state state, bool keep, const char *word, uint64_t now_ms)
{
    enum inference_state old = r->view.state;
    if (!keep) {
        forget(r);
    }
    if (old != state) {
        r->view.state = r->pacing.state = state;
        r->view.since_ms = now_ms;
        if (old != INFERENCE_UNSEEN || state != INFERENCE_DOWN) {
            r->pacing.changed_ms = now_ms; /* that nobody is there when we come is no change */
        }
    }
    str_copy(r->view.word, sizeof(r->view.word), word);
}

/* No answer that could be read: true when that settles it. */
static bool take_trouble(struct reading *r, enum verdict v, const char *word, uint64_t now_ms)
{
    r->misses = v == SAYS_LATE ? r->misses + 1 : 0;
    switch (v) {
    case SAYS_LATE:
        if (r->view.state == INFERENCE_READY && r->misses < MISSES_MAX) {
            memset(r->pacing.due, 0, sizeof(r->pacing.due));
            r->pacing.due[PACING_HEALTH] = true;
            return true;
        }
        enter(r, INFERENCE_DOWN, false, word, now_ms);
        return true;
    case SAYS_DOWN:
        enter(r, INFERENCE_DOWN, false, word, now_ms);
        return true;
    case SAYS_LOADING:
        enter(r, INFERENCE_LOADING, false, word, now_ms);
        return true;
    case SAYS_NONSENSE:
        enter(r, INFERENCE_FOREIGN, false, word, now_ms);
        return true;
    default:
        return false;
    }
}

/* What is asked next once it is ready, by what kind it is. */
static void follow_up(struct reading *r)
{
    struct pacing *p = &r->pacing;
    switch (r->view.kind) {
    case INFERENCE_OLLAMA:
        p->due[PACING_LOADED] = true;
        return;
    case INFERENCE_VLLM:
        p->due[PACING_METRICS] = p->visible && !p->refused[PACING_METRICS];
        return;
    default:
        p->due[PACING_PROPS] = !p->refused[PACING_PROPS];
        p->due[PACING_VERSION] = p->refused[PACING_PROPS] && !p->refused[PACING_VERSION];
        if (p->visible) {
            p->due[PACING_METRICS] = !p->refused[PACING_METRICS];
            p->due[PACING_SLOTS] = r->view.kind != INFERENCE_ANY && !p->refused[PACING_SLOTS];
        }
    }
}

/* GET /v1/models, as itself or as the heartbeat. */
static void take_models(struct reading *r, bool beat, enum verdict v, const char *word, const char *body, size_t len,
                        uint64_t now_ms)
{
    struct models_answer a;
    if (v == SAYS_DENIED) {
        enter(r, INFERENCE_UNAUTHORISED, false, word, now_ms);
        return;
    }
    models_parse(body, v == SAYS_OK ? len : 0, &a);
    if (!a.listed) {
        enter(r, INFERENCE_FOREIGN, false, v == SAYS_OK ? "it lists no models" : word, now_ms);
        return;
    }
    bool family = r->view.kind == INFERENCE_LLAMA || r->view.kind == INFERENCE_MLXCEL;
    bool denied = r->view.state == INFERENCE_UNAUTHORISED && family; /* until /props is let through */
    bool other = strcmp(r->view.model, a.model) != 0, was_ready = r->view.state == INFERENCE_READY;
    if (other || a.context != 0) {
        r->view.window = a.context;
    }
    if (r->view.kind != INFERENCE_OLLAMA || r->view.model[0] == '\0') {
        str_copy(r->view.model, sizeof(r->view.model), a.model);
    }
    r->owned = a.owner[0] != '\0';
    if (r->view.kind == INFERENCE_ANY) {
        r->view.kind = strcmp(a.owner, "vllm") == 0      ? INFERENCE_VLLM
                       : strcmp(a.owner, "library") == 0 ? INFERENCE_OLLAMA
                                                         : INFERENCE_ANY;
    }
    if (other) {
        r->pacing.changed_ms = now_ms;
    }
    if (!denied) {
        enter(r, INFERENCE_READY, true, "", now_ms);
    }
    if (!beat || !was_ready || other) {
        follow_up(r);
    }
}

/* The heartbeat. */
static void take_health(struct reading *r, enum verdict v, const char *word, const char *body, size_t len,
                        uint64_t now_ms)
{
    if (r->view.kind != INFERENCE_OLLAMA && r->no_health) {
        take_models(r, true, v, word, body, len, now_ms);
        return;
    }
    if (v == SAYS_DENIED) {
        enter(r, INFERENCE_UNAUTHORISED, false, word, now_ms);
    } else if (v == SAYS_NOT_OFFERED) {
        r->no_health = true;
        r->view.kind = INFERENCE_ANY;
        r->pacing.due[PACING_MODELS] = true;
    } else if (r->view.state != INFERENCE_READY) {
        struct error ignored = ERROR_INIT;
        struct json *j = json_parse(body, len, &ignored);
        r->said_status = strcmp(json_get_string(j, "status", ""), "ok") == 0;
        json_free(j);
        r->pacing.due[PACING_MODELS] = true;
    }
}

/* GET /props: llama-server's family has it. */
static void take_props(struct reading *r, enum verdict v, const char *word, const char *body, size_t len,
                       uint64_t now_ms)
{
    struct props_answer a;
    struct pacing *p = &r->pacing;
    if (v == SAYS_DENIED) { /* llama-server with a key tells its model to everybody, and all else to nobody */
        r->view.kind = INFERENCE_LLAMA;
        memset(p->due, 0, sizeof(p->due));
        enter(r, INFERENCE_UNAUTHORISED, true, word, now_ms);
        return;
    }
    props_parse(body, v == SAYS_OK ? len : 0, &a);
    if (!a.known) {
        p->refused[PACING_PROPS] = p->refused[PACING_SLOTS] = true;
        p->due[PACING_VERSION] = !p->refused[PACING_VERSION];
        return;
    }
    r->view.kind = r->view.kind == INFERENCE_MLXCEL ? INFERENCE_MLXCEL : INFERENCE_LLAMA;
    r->view.window = r->view.window != 0 ? r->view.window : a.context;
    if (a.sleeping != r->view.sleeping) {
        p->changed_ms = now_ms;
    }
    r->view.sleeping = p->sleeping = a.sleeping;
    p->may_sleep = p->offered[PACING_PROPS] = a.may_sleep;
    if (r->view.model[0] == '\0') {
        str_copy(r->view.model, sizeof(r->view.model), a.model);
    }
    if (!r->view.has_slots && r->view.slots_busy < 0 && a.slots > 0) {
        r->view.slots_total = a.slots;
    }
    enter(r, INFERENCE_READY, true, "", now_ms);
    if (a.sleeping) {
        forget_slots(r);
        p->offered[PACING_SLOTS] = p->busy = false;
    }
    p->due[PACING_SLOTS] =
        p->visible && !a.sleeping && !p->refused[PACING_SLOTS] && (p->due[PACING_SLOTS] || !p->offered[PACING_SLOTS]);
    p->due[PACING_CACHE] = p->visible && r->view.kind == INFERENCE_LLAMA && !p->refused[PACING_CACHE];
}

/* GET /api/version: Ollama, or none of those that we know. */
static void take_version(struct reading *r, enum verdict v, const char *body, size_t len)
{
    struct pacing *p = &r->pacing;
    if (v == SAYS_OK && ollama_is_version(body, len)) {
        r->view.kind = INFERENCE_OLLAMA;
        p->due[PACING_LOADED] = true;
        p->due[PACING_METRICS] = false;
        return;
    }
    p->refused[PACING_VERSION] = true;
    if (r->said_status && !r->owned) {
        r->view.kind = INFERENCE_MLX_LM; /* of the known ones it alone has a /health, and neither /props nor owners */
    }
}

/* GET /api/ps: what Ollama has loaded comes before what it could load. */
static void take_loaded(struct reading *r, enum verdict v, const char *body, size_t len, uint64_t now_ms)
{
    struct ollama_loaded a;
    ollama_parse_ps(body, v == SAYS_OK ? len : 0, &a);
    r->pacing.offered[PACING_LOADED] = a.known;
    if (a.model[0] != '\0' && (strcmp(a.model, r->view.model) != 0 || a.context != r->view.window)) {
        str_copy(r->view.model, sizeof(r->view.model), a.model);
        r->view.window = a.context;
        r->pacing.changed_ms = now_ms;
    }
}

/* It counts from the start again, or does not offer any more what it did: another program, or another model. */
static void restarted(struct reading *r, uint64_t now_ms)
{
    r->pacing.changed_ms = now_ms;
    r->pacing.due[PACING_MODELS] = true;
    memset(r->pacing.refused, 0, sizeof(r->pacing.refused)); /* it may have what that one had not */
}

/* Tokens per second, while something is written. */
static void show_rate(struct reading *r)
{
    bool idle = r->view.has_slots ? r->view.slots_busy == 0 : r->view.running == 0;
    double live = r->live.per_s;
    r->view.tokens_per_s = idle ? -1 : live >= 0 ? live : r->counted.per_s;
}

/* GET /metrics. */
static void take_metrics(struct reading *r, enum verdict v, const char *body, size_t len, uint64_t now_ms)
{
    struct metrics_answer a;
    struct pacing *p = &r->pacing;
    metrics_parse(body, v == SAYS_OK ? len : 0, &a);
    if (a.kind == INFERENCE_ANY && p->offered[PACING_METRICS]) {
        restarted(r, now_ms);
    }
    p->offered[PACING_METRICS] = a.kind != INFERENCE_ANY;
    if (a.kind == INFERENCE_ANY) {
        p->refused[PACING_METRICS] = v == SAYS_OK || v == SAYS_NOT_OFFERED;
        return;
    }
    if (a.kind != INFERENCE_LLAMA || r->view.kind == INFERENCE_ANY) {
        r->view.kind = a.kind;
    }
    bool counts_live = a.written_live >= 0;
    if (rate_add(&r->counted, counts_live ? a.written_live : a.written, counts_live ? -1 : a.written_seconds, now_ms)) {
        restarted(r, now_ms);
    }
    r->view.running = a.running >= 0 && a.running < 1e6 ? (int)a.running : -1;
    r->view.queued = a.waiting >= 0 && a.waiting < 1e6 ? (int)a.waiting : -1;
    r->view.cache_percent = a.cache >= 0 && a.cache <= 1 ? (int)(a.cache * 100 + 0.5) : -1;
    if (!r->view.has_slots && a.slots_total > 0 && a.slots_total < 1e6 && a.slots_free >= 0 &&
        a.slots_free <= a.slots_total) {
        r->view.slots_total = (int)a.slots_total;
        r->view.slots_busy = (int)(a.slots_total - a.slots_free);
    }
    if (!r->view.has_slots) {
        bool busy = r->view.running > 0 || r->view.slots_busy > 0;
        p->changed_ms = busy != p->busy ? now_ms : p->changed_ms;
        p->busy = busy;
    }
    show_rate(r);
}

/* What slots have written since the last look, each for its own task. */
static void count_live(struct reading *r, const struct slots_answer *a, uint64_t now_ms)
{
    bool told = false;
    for (size_t i = 0; i < a->count; i++) {
        const struct slots_entry *e = &a->entries[i];
        const struct slots_entry *was = i < r->last.count ? &r->last.entries[i] : NULL;
        told = told || e->writes;
        if (was != NULL && was->slot.id == e->slot.id && was->task == e->task && e->written > was->written) {
            r->live_total += (double)(e->written - was->written);
        }
    }
    if (told) {
        rate_add(&r->live, r->live_total, -1, now_ms);
    }
}

/* GET /slots. */
static void take_slots(struct reading *r, enum verdict v, const char *body, size_t len, uint64_t now_ms)
{
    struct slots_answer *a = xmalloc(sizeof(*a));
    struct pacing *p = &r->pacing;
    slots_parse(body, v == SAYS_OK ? len : 0, a);
    if (!a->known && p->offered[PACING_SLOTS]) {
        forget_slots(r);
        p->busy = false;
        restarted(r, now_ms);
    }
    p->offered[PACING_SLOTS] = a->known;
    p->refused[PACING_SLOTS] = !a->known;
    if (a->known) {
        uint64_t used = r->view.used;
        int busy = r->view.slots_busy;
        count_live(r, a, now_ms);
        slots_show(a, &r->view);
        if (r->last.known && (used != r->view.used || busy != a->busy)) {
            p->changed_ms = now_ms;
        }
        if (r->view.window == 0) {
            r->view.window = r->view.full_window;
        }
        p->busy = a->busy > 0;
        r->last = *a;
        show_rate(r);
    }
    free(a);
}

void reading_take(struct reading *r, int ask, int status, const char *body, size_t len, const struct error *err,
                  uint64_t now_ms)
{
    char word[sizeof(r->view.word)];
    enum verdict v = judge(status, err, word, sizeof(word));
    bool settles = ask == PACING_HEALTH || ask == PACING_MODELS;
    if (!settles && v == SAYS_LATE) {
        return; /* a server at work answers /slots and /metrics between two batches only */
    }
    if ((settles || v == SAYS_DOWN || v == SAYS_LOADING) && take_trouble(r, v, word, now_ms)) {
        return;
    }
    switch (ask) {
    case PACING_HEALTH:
        take_health(r, v, word, body, len, now_ms);
        break;
    case PACING_MODELS:
        take_models(r, false, v, word, body, len, now_ms);
        break;
    case PACING_PROPS:
        take_props(r, v, word, body, len, now_ms);
        break;
    case PACING_VERSION:
        take_version(r, v, body, len);
        break;
    case PACING_LOADED:
        take_loaded(r, v, body, len, now_ms);
        break;
    case PACING_CACHE:
        r->pacing.refused[PACING_CACHE] = true; /* once is enough */
        if (v == SAYS_OK && len > 0 && body[0] == '{') {
            r->view.kind = INFERENCE_MLXCEL;
        }
        break;
    case PACING_METRICS:
        take_metrics(r, v, body, len, now_ms);
        break;
    case PACING_SLOTS:
        take_slots(r, v, body, len, now_ms);
        break;
    default:
        break;
    }
}
