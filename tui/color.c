/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/color.h"

#include <stdlib.h>

#include "core/util/compiler.h"

/* Backgrounds that differ less than this (contrast x 100) are decoration, not meaning: not worth a reversed line
 * without colours. */
#define MONO_MEANING 125
#define READABLE_16 220

static const uint8_t cube_steps[6] = {0, 95, 135, 175, 215, 255};

/* Relative luminance, 0..65535, of 8-bit sRGB; the transfer curve is taken as 0.8 c^2 + 0.2 c^3, within 0.004 of the
 * real one. */
static uint32_t luminance(uint32_t rgb)
{
    static const uint32_t weight[3] = {4732, 46871, 13932}; /* blue, green, red: 0.0722, 0.7152, 0.2126 of 65535 */
    uint64_t total = 0;

    for (int i = 0; i < 3; i++) {
        uint64_t c = (rgb >> (8 * i)) & 0xff;
        total += c * c * (8 * 255 + 2 * c) * weight[i] / (10ull * 255 * 255 * 255);
    }
    return (uint32_t)total;
}

int color_contrast(uint32_t a, uint32_t b)
{
    uint32_t la = luminance(a) + 3277, lb = luminance(b) + 3277; /* + 0.05 */

    return (int)(la > lb ? la * 100 / lb : lb * 100 / la);
}

uint32_t color_to_rgb(uint32_t color, uint32_t fallback)
{
    switch (CELL_COLOR_KIND(color)) {
    case CELL_KIND_RGB:
        return color & 0xffffff;
    case CELL_KIND_INDEXED:
        return cell_palette_rgb(color & 0xff);
    default:
        return fallback;
    }
}

/* Squared perceptual distance ("redmean": weights that follow how red the pair is; close to CIELUV without its cost).
 */
static uint32_t distance(uint32_t a, uint32_t b)
{
    int ar = a >> 16 & 0xff, br = b >> 16 & 0xff;
    int dr = ar - br, dg = (int)(a >> 8 & 0xff) - (int)(b >> 8 & 0xff), db = (int)(a & 0xff) - (int)(b & 0xff);
    int mean = (ar + br) / 2;

    return (uint32_t)((512 + mean) * dr * dr / 256 + 4 * dg * dg + (767 - mean) * db * db / 256);
}

/* The step of the colour cube just below (or at) a component. */
static unsigned cube_floor(unsigned c)
{
    unsigned i = 0;

    while (i < 5 && cube_steps[i + 1] <= c) {
        i++;
    }
    return i;
}

unsigned color_to_256(uint32_t rgb)
{
    unsigned part[3] = {rgb >> 16 & 0xff, rgb >> 8 & 0xff, rgb & 0xff};
    unsigned low[3], best = 16;
    uint32_t best_distance = UINT32_MAX;
    unsigned grey = (part[0] * 2 + part[1] * 5 + part[2]) / 8;
    int level = grey < 8 ? 0 : (int)(grey - 8) / 10;

    for (int i = 0; i < 3; i++) {
        low[i] = cube_floor(part[i]);
    }
    for (unsigned corner = 0; corner < 8; corner++) {
        unsigned r = MT_MIN(low[0] + (corner & 1), 5u), g = MT_MIN(low[1] + (corner >> 1 & 1), 5u);
        unsigned b = MT_MIN(low[2] + (corner >> 2), 5u);
        uint32_t d = distance(rgb, (uint32_t)cube_steps[r] << 16 | (uint32_t)cube_steps[g] << 8 | cube_steps[b]);
        if (d < best_distance) {
            best_distance = d;
            best = 16 + 36 * r + 6 * g + b;
        }
    }
    for (int i = MT_MAX(level - 1, 0); i <= MT_MIN(level + 1, 23); i++) {
        uint32_t v = 8 + 10 * (uint32_t)i, d = distance(rgb, v << 16 | v << 8 | v);
        if (d < best_distance) {
            best_distance = d;
            best = 232 + (unsigned)i;
        }
    }
    return best;
}

/* The nearest of the first 16 colours. Greys stay grey: a faint tint must not turn a panel blue. */
static unsigned to_16(uint32_t rgb)
{
    unsigned r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff, best = 0;
    unsigned high = MT_MAX(r, MT_MAX(g, b)), low = MT_MIN(r, MT_MIN(g, b));
    uint32_t best_distance = UINT32_MAX;

    if (high - low < 48) {
        unsigned grey = (high + low) / 2;
        return grey < 48 ? 0 : grey < 144 ? 8 : grey < 224 ? 7 : 15;
    }
    for (unsigned i = 0; i < 16; i++) {
        uint32_t d = distance(rgb, cell_palette_rgb(i));
        if (d < best_distance && i != 0 && i != 7 && i != 8 && i != 15) {
            best_distance = d;
            best = i;
        }
    }
    return best;
}

/* 16 colours: the frame's background is the terminal's; others never fall on the same one, and text stays readable on
 * them. */
static struct style reduce_16(struct style st, uint32_t base_bg)
{
    uint32_t base_rgb = color_to_rgb(base_bg, 0);
    bool light = luminance(base_rgb) > 20000;
    struct style out = st;

    if (st.bg == base_bg) {
        out.bg = CELL_COLOR_DEFAULT;
    } else if (CELL_COLOR_KIND(st.bg) != CELL_KIND_DEFAULT) {
        unsigned index = to_16(color_to_rgb(st.bg, base_rgb));
        if (index == (light ? 15u : 0u)) {
            index = light ? 7 : 8;
        }
        out.bg = cell_indexed(index);
    }
    if (CELL_COLOR_KIND(st.fg) == CELL_KIND_DEFAULT) {
        return out;
    }
    out.fg = cell_indexed(to_16(color_to_rgb(st.fg, 0)));
    uint32_t bg = color_to_rgb(out.bg, light ? 0xffffff : 0), fg = color_to_rgb(out.fg, 0);
    if (st.fg != st.bg && color_contrast(fg, bg) < READABLE_16) {
        out.fg = cell_indexed(luminance(bg) > 20000 ? 0 : 15);
    }
    return out;
}

/* No colours: attributes only; a background that stands out becomes a reversed cell. */
static struct style reduce_mono(struct style st, uint32_t base_bg)
{
    uint32_t base_rgb = color_to_rgb(base_bg, 0), bg = color_to_rgb(st.bg, base_rgb);

    if (color_contrast(bg, base_rgb) >= MONO_MEANING) {
        st.attrs ^= CELL_REVERSE;
    }
    st.fg = st.bg = CELL_COLOR_DEFAULT;
    return st;
}

/* An RGB colour as one of 256; others as they are. */
static uint32_t reduce_256(uint32_t color)
{
    return CELL_COLOR_KIND(color) == CELL_KIND_RGB ? cell_indexed(color_to_256(color & 0xffffff)) : color;
}

struct style color_reduce(enum color_depth depth, struct style st, uint32_t base_bg)
{
    switch (depth) {
    case COLOR_MONO:
        return reduce_mono(st, base_bg);
    case COLOR_16:
        return reduce_16(st, base_bg);
    case COLOR_256:
        st.fg = reduce_256(st.fg);
        st.bg = reduce_256(st.bg);
        return st;
    case COLOR_TRUE:
        break;
    }
    return st;
}
