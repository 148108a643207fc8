/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_ADDRESS_H
#define MT_TUI_ADDRESS_H

/* Where the programs of a sandbox can be reached from this machine: its published ports as addresses. Pure. */

#include <stddef.h>

#include "core/model/model.h"

struct address {
    char text[120]; /* "http://127.0.0.1:8080", or what there is to say of one that is no web address */
    char url[100];  /* what a browser takes; "" when it leads nowhere from here */
    char note[60];  /* "to 80 inside"; or "" */
};

/* The i-th port that is published now; returns -1 past the end, and for a sandbox that does not run. */
int address_get(const struct workspace *ws, size_t i, struct address *out);

#endif
