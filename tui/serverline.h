/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SERVERLINE_H
#define MT_TUI_SERVERLINE_H

/* The inference server in the header: as much of it as fits. Pure: a list of short texts with their colours. */

#include <stdint.h>

#include "core/model/inference.h"
#include "tui/theme.h"

#define SERVERLINE_PIECES 12

struct serverline {
    struct serverline_piece {
        char text[64];
        enum theme_role role;
        int gap; /* columns before it */
    } pieces[SERVERLINE_PIECES];
    int count, columns;
};

/* The longest form of at most `room` columns; count 0: none fits, or nothing is known yet. name: of the endpoint, where
 * there are several; else NULL. */
void serverline_build(const struct inference_view *v, const char *name, int room, bool ascii, struct serverline *out);

/* "812", "41k", "1.2M" tokens. */
void serverline_tokens(uint64_t n, char out[16]);
/* How alarming it is that so much of a context is in use: BAD, WARN, or BAR. */
enum theme_role serverline_pressure(uint64_t used, uint64_t window);

#endif
