/* SPDX-License-Identifier: Apache-2.0 */
#include "term/wire.h"

struct wire_reader wire_reader(const uint8_t *data, size_t len)
{
    return (struct wire_reader){data, len > 0 ? data + len : data, false};
}

uint64_t wire_get(struct wire_reader *r, int size)
{
    uint64_t v = 0;

    if (r->bad || r->end - r->p < size) {
        r->bad = true;
        return 0;
    }
    for (int i = 0; i < size; i++) {
        v |= (uint64_t)r->p[i] << (8 * i);
    }
    r->p += size;
    return v;
}

struct wire_reader wire_part(struct wire_reader *r, size_t n)
{
    struct wire_reader part = {r->p, r->p, false};

    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = part.bad = true;
        return part;
    }
    r->p += n;
    part.end = r->p;
    return part;
}

void wire_put(struct strbuf *out, uint64_t v, int size)
{
    char b[8];

    for (int i = 0; i < size; i++) {
        b[i] = (char)(v >> (8 * i) & 0xff);
    }
    strbuf_add(out, b, (size_t)size);
}

void wire_patch(struct strbuf *out, size_t at, uint64_t v, int size)
{
    for (int i = 0; i < size; i++) {
        out->buf[at + (size_t)i] = (char)(v >> (8 * i) & 0xff);
    }
}
