/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from the outer terminal -> events. The first byte says how the rest is cut into reads; what is checked is what
 * no input may break: pieces cover no more than what was fed, positions are not negative, and after a paste's end and a
 * flush nothing is held back. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/util/compiler.h"
#include "tui/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t fed, pasted;
    bool in_paste;
};

/* Checks one event. */
static void on_event(void *arg, const struct input_event *ev)
{
    struct seen *s = arg;

    switch (ev->kind) {
    case INPUT_KEY:
        if (ev->key.sym == KEYSYM_NONE || ev->key.sym >= KEYSYM_LAST) {
            abort();
        }
        break;
    case INPUT_MOUSE:
        if (ev->mouse.row < 0 || ev->mouse.col < 0 || ev->mouse.kind > MOUSE_MOTION ||
            ev->mouse.button > MOUSE_WHEEL_RIGHT) {
            abort();
        }
        break;
    case INPUT_PASTE_BEGIN:
        s->in_paste = true;
        break;
    case INPUT_PASTE:
        s->pasted += ev->len;
        if (!s->in_paste || s->pasted > s->fed || ev->len == 0) {
            abort();
        }
        break;
    case INPUT_PASTE_END:
        s->in_paste = false;
        break;
    case INPUT_KEY_RAW:
    case INPUT_REPLY:
        if (ev->len == 0 || ev->len > s->fed) {
            abort();
        }
        break;
    case INPUT_FOCUS_IN:
    case INPUT_FOCUS_OUT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {0};
    struct input *in;
    size_t step = size ? (size_t)data[0] % 64 + 1 : 1;

    in = input_new(on_event, &seen);
    input_add_sequence(in, "\033[25~", (struct key){KEYSYM_F1, 0});
    for (size_t at = 1; at < size; at += step) {
        size_t n = MT_MIN(step, size - at);
        seen.fed += n;
        input_feed(in, (const char *)data + at, n);
        if (data[0] & 64 && input_pending(in)) {
            input_flush(in);
        }
    }
    seen.fed += 6;
    input_feed(in, "\033[201~", 6);
    input_flush(in);
    if (input_pending(in) || seen.in_paste) {
        abort();
    }
    input_free(in);
    return 0;
}
