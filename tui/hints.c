/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/hints.h"

#include <string.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define HINTS_GAP 2

int hints_width(const struct hint *h)
{
    return utf8_columns(h->chord, strlen(h->chord)) + 1 + utf8_columns(h->label, strlen(h->label));
}

/* The hint to give up next: the greatest rank, greyed ones before others. `count` when only unremovable ones are left.
 */
static size_t worst(const struct hint *hints, size_t count, const bool *kept)
{
    size_t found = count;
    int found_cost = 0;
    for (size_t i = 0; i < count; i++) {
        int cost = hints[i].rank + (hints[i].off ? 1000 : 0);
        if (kept[i] && hints[i].rank > 0 && cost >= found_cost) {
            found = i;
            found_cost = cost;
        }
    }
    return found;
}

size_t hints_fit(const struct hint *hints, size_t count, int width, struct hint_place *out)
{
    bool *kept = xcalloc(count + 1, sizeof(*kept));
    int total = -HINTS_GAP;
    for (size_t i = 0; i < count; i++) {
        kept[i] = true;
        total += hints_width(&hints[i]) + HINTS_GAP;
    }
    while (total > width) {
        size_t w = worst(hints, count, kept);
        if (w == count) {
            break;
        }
        kept[w] = false;
        total -= hints_width(&hints[w]) + HINTS_GAP;
    }
    size_t n = 0;
    int x = 0;
    for (size_t i = 0; i < count; i++) {
        int w = hints_width(&hints[i]);
        if (kept[i] && x + w <= width) {
            out[n++] = (struct hint_place){.index = i, .x = x};
            x += w + HINTS_GAP;
        }
    }
    free(kept);
    return n;
}
