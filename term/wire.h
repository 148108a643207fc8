/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_WIRE_H
#define MT_TERM_WIRE_H

/* Integers and parts of a message as bytes, little endian: what proto.c and proto_row.c have in common. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/strbuf.h"

/* A position in a received message. `bad` sticks; reading past the end gives zeros. */
struct wire_reader {
    const uint8_t *p, *end;
    bool bad;
};

struct wire_reader wire_reader(const uint8_t *data, size_t len);
/* Reads an integer of `size` bytes (1 to 8). */
uint64_t wire_get(struct wire_reader *r, int size);
/* Takes `n` bytes out as a reader of their own; an empty bad one when there are fewer. */
struct wire_reader wire_part(struct wire_reader *r, size_t n);
/* Appends an integer of `size` bytes. */
void wire_put(struct strbuf *out, uint64_t v, int size);
/* Overwrites `size` bytes at `at`, which were put before. */
void wire_patch(struct strbuf *out, size_t at, uint64_t v, int size);

#endif
