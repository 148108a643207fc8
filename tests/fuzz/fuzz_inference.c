/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/inference/reading.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* Whatever an inference server answers. The input is cut at each NUL: every piece is an answer, its first byte chooses
 * what it answers to (low three bits), its second the status; the view must stay one that can be shown. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A text of the view is terminated and fit for a screen. */
static void check_text(const char *field, size_t cap)
{
    size_t len = strnlen(field, cap);
    if (len == cap || !utf8_is_valid(field, len)) {
        MT_BUG("a field that cannot be shown");
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)field[i] < 0x20) {
            MT_BUG("a control character in a field");
        }
    }
}

static void check_view(const struct inference_view *v)
{
    check_text(v->model, sizeof(v->model));
    check_text(v->word, sizeof(v->word));
    if (v->slot_count > INFERENCE_SLOTS_MAX || (int)v->slot_count > v->slots_total || v->slots_busy > v->slots_total) {
        MT_BUG("slots that are not there");
    }
    if (v->progress > 100 || v->cache_percent > 100 || !(v->tokens_per_s <= 1e5)) {
        MT_BUG("an absurd number");
    }
    if (v->full_window != 0 && v->full_used > v->full_window) {
        MT_BUG("more context in use than there is");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int STATUS[] = {200, 200, 200, 200, 401, 404, 501, 503, 302, 500, 0, -1};
    struct reading *r = xcalloc(1, sizeof(*r));
    uint64_t now_ms = 1000, wait_ms;
    reading_init(r, "127.0.0.1:8080");
    reading_show(r, true, now_ms);
    for (size_t at = 0; at + 2 < size;) {
        const uint8_t *end = memchr(data + at + 2, 0, size - at - 2);
        size_t len = (end != NULL ? (size_t)(end - data) : size) - at - 2;
        int ask = data[at] & 7, status = STATUS[data[at + 1] % MT_ARRAY_LEN(STATUS)];
        struct error err = ERROR_INIT;
        error_set(&err, status == 0 ? ERROR_TIMEOUT : ERROR_UNAVAILABLE, "http://x: %.20s", "why");
        char *body = xmalloc(len + 1); /* of its own size: reading past it is seen */
        memcpy(body, data + at + 2, len);
        body[len] = '\0';
        reading_begin(r, ask, now_ms);
        reading_take(r, ask, status > 0 ? status : 0, body, len, status > 0 ? NULL : &err, now_ms);
        free(body);
        check_view(&r->view);
        reading_poke(r, now_ms);
        if (pacing_next(&r->pacing, now_ms, &wait_ms) == PACING_NONE || wait_ms > 60000) {
            MT_BUG("an endpoint in sight that is not looked at any more");
        }
        now_ms += 100u + (uint64_t)data[at] * 10;
        at += 2 + len + 1;
    }
    free(r);
    return 0;
}
