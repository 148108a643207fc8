/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/graph.h"

#include "core/util/compiler.h"

/* Dots of `per_row` that a value fills in one line. */
static int level(float value, float top, int rows, int row, int per_row)
{
    int total = rows * per_row, below = (rows - 1 - row) * per_row;
    if (value < 0) {
        return 0;
    }
    int full = (int)((double)value / (double)(top > 0 ? top : 1) * total + 0.5);
    return mt_clamp(MT_MAX(full, 1) - below, 0, per_row);
}

void graph_row(const float *values, size_t count, float top, int rows, int row, bool ascii, struct strbuf *out)
{
    static const unsigned left[] = {0, 0x40, 0x44, 0x46, 0x47}, right[] = {0, 0x80, 0xA0, 0xB0, 0xB8};
    static const char signs[] = " .:#";
    for (size_t i = 0; i < count; i += 2) {
        float a = values[i], b = i + 1 < count ? values[i + 1] : -1;
        if (ascii) {
            strbuf_addch(out, signs[level(MT_MAX(a, b), top, rows, row, 3)]);
            continue;
        }
        unsigned cell = 0x2800u | left[level(a, top, rows, row, 4)] | right[level(b, top, rows, row, 4)];
        if (cell == 0x2800u) {
            strbuf_addch(out, ' ');
            continue;
        }
        strbuf_addch(out, (char)(0xE0 | cell >> 12));
        strbuf_addch(out, (char)(0x80 | (cell >> 6 & 0x3f)));
        strbuf_addch(out, (char)(0x80 | (cell & 0x3f)));
    }
}

float graph_top(const float *values, size_t count, float least)
{
    static const float steps[] = {1, 2, 5};
    float most = least;
    for (size_t i = 0; i < count; i++) {
        most = MT_MAX(most, values[i]);
    }
    float ten = 1;
    for (int power = 0; power < 9; power++) {
        for (size_t i = 0; i < MT_ARRAY_LEN(steps); i++) {
            if (steps[i] * ten >= most) {
                return steps[i] * ten;
            }
        }
        ten *= 10;
    }
    return most;
}

float graph_last(const float *values, size_t count, size_t within)
{
    for (size_t i = count; i > 0 && count - i < within; i--) {
        if (values[i - 1] >= 0) {
            return values[i - 1];
        }
    }
    return -1;
}
