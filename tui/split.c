/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/split.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/json.h"
#include "core/util/utf8.h"

/* Nodes of the part that begins at `node`. */
static int part_size(const struct split *s, int node)
{
    int size = 0;

    for (int open = 1; open > 0 && node + size < s->count; size++) {
        open += s->nodes[node + size].kind == SPLIT_LEAF ? -1 : 1;
    }
    return size;
}

/* Where the second part of a node begins. */
static int second(const struct split *s, int node)
{
    return node + 1 + part_size(s, node + 1);
}

/* The node of a leaf, or -1. */
static int node_of(const struct split *s, int leaf)
{
    for (int i = 0; i < s->count; i++) {
        if (s->nodes[i].kind == SPLIT_LEAF && leaf-- == 0) {
            return i;
        }
    }
    return -1;
}

void split_init(struct split *s, const char *id)
{
    *s = (struct split){.count = 1};
    str_copy(s->nodes[0].id, sizeof(s->nodes[0].id), id);
}

int split_leaves(const struct split *s)
{
    return (s->count + 1) / 2;
}

const char *split_id(const struct split *s, int leaf)
{
    int node = leaf < 0 ? -1 : node_of(s, leaf);

    return node < 0 ? NULL : s->nodes[node].id;
}

int split_find(const struct split *s, const char *id)
{
    int leaf = 0;

    for (int i = 0; i < s->count; i++) {
        if (s->nodes[i].kind != SPLIT_LEAF) {
            continue;
        }
        if (strcmp(s->nodes[i].id, id) == 0) {
            return leaf;
        }
        leaf++;
    }
    return -1;
}

bool split_same(const struct split *a, const struct split *b)
{
    bool same = a->count == b->count;

    for (int i = 0; same && i < a->count; i++) {
        const struct split_node *x = &a->nodes[i], *y = &b->nodes[i];
        same = x->kind == y->kind && x->share == y->share && (x->kind != SPLIT_LEAF || strcmp(x->id, y->id) == 0);
    }
    return same;
}

void split_put(struct split *s, int leaf, const char *id)
{
    int node = leaf < 0 ? -1 : node_of(s, leaf);

    if (node >= 0) {
        str_copy(s->nodes[node].id, sizeof(s->nodes[node].id), id);
    }
}

bool split_add(struct split *s, int leaf, enum split_kind kind, const char *id)
{
    int node = leaf < 0 ? -1 : node_of(s, leaf);

    if (node < 0 || s->count + 2 > SPLIT_NODES) {
        return false;
    }
    memmove(&s->nodes[node + 3], &s->nodes[node + 1], (size_t)(s->count - node - 1) * sizeof(s->nodes[0]));
    s->nodes[node + 1] = s->nodes[node];
    s->nodes[node] = (struct split_node){.kind = kind, .share = SPLIT_WHOLE / 2};
    s->nodes[node + 2] = (struct split_node){.kind = SPLIT_LEAF};
    str_copy(s->nodes[node + 2].id, sizeof(s->nodes[0].id), id);
    s->count += 2;
    s->focus = leaf + 1;
    return true;
}

/* The node that this one is a part of, or -1. */
static int parent_of(const struct split *s, int node)
{
    for (int i = node - 1; i >= 0; i--) {
        if (s->nodes[i].kind != SPLIT_LEAF && (i + 1 == node || second(s, i) == node)) {
            return i;
        }
    }
    return -1;
}

/* Closes the gap of `n` nodes. */
static void take_out(struct split *s, int node, int n)
{
    memmove(&s->nodes[node], &s->nodes[node + n], (size_t)(s->count - node - n) * sizeof(s->nodes[0]));
    s->count -= n;
}

void split_remove(struct split *s, int leaf)
{
    int node = leaf < 0 ? -1 : node_of(s, leaf);

    if (node < 0) {
        return;
    }
    int parent = parent_of(s, node);
    bool first = parent >= 0 && parent + 1 == node;
    int near = first ? leaf : leaf - 1; /* the leaf next to it, by its number afterwards */
    take_out(s, node, 1);
    if (parent >= 0) {
        take_out(s, parent, 1);
    }
    if (s->focus == leaf) {
        s->focus = MT_MAX(near, 0);
    } else if (s->focus > leaf) {
        s->focus--;
    }
}

/* How many panes stand one after the other in a direction. */
static int panes_along(const struct split *s, int node, enum split_kind kind)
{
    const struct split_node *n = &s->nodes[node];

    if (n->kind == SPLIT_LEAF) {
        return 1;
    }
    int a = panes_along(s, node + 1, kind), b = panes_along(s, second(s, node), kind);
    return n->kind == kind ? a + b : MT_MAX(a, b);
}

void split_even(struct split *s)
{
    for (int i = 0; i < s->count; i++) {
        enum split_kind kind = s->nodes[i].kind;
        if (kind != SPLIT_LEAF) {
            int a = panes_along(s, i + 1, kind), b = panes_along(s, second(s, i), kind);
            s->nodes[i].share = SPLIT_WHOLE * a / (a + b);
        }
    }
}

/* --- places --- */

/* The least columns or rows of a part. */
static int least(const struct split *s, int node, bool cols)
{
    const struct split_node *n = &s->nodes[node];

    if (n->kind == SPLIT_LEAF) {
        return cols ? SPLIT_MIN_COLS : SPLIT_MIN_ROWS;
    }
    int a = least(s, node + 1, cols), b = least(s, second(s, node), cols);
    if ((n->kind == SPLIT_BESIDE) != cols) {
        return MT_MAX(a, b);
    }
    return a + b + (cols ? 1 : 0);
}

/* What there is to share, without the column between. */
static int room_of(const struct split_node *n, struct rect r)
{
    return n->kind == SPLIT_BESIDE ? r.w - 1 : r.h;
}

/* The first part's columns or rows, within what leaves both their least size. */
static int clamp_first(const struct split *s, int node, struct rect r, int wanted)
{
    bool cols = s->nodes[node].kind == SPLIT_BESIDE;
    int most = room_of(&s->nodes[node], r) - least(s, second(s, node), cols);

    return MT_MAX(least(s, node + 1, cols), MT_MIN(wanted, most));
}

/* The first part's columns or rows. */
static int first_part(const struct split *s, int node, struct rect r)
{
    int room = room_of(&s->nodes[node], r);

    return clamp_first(s, node, r, (room * s->nodes[node].share + SPLIT_WHOLE / 2) / SPLIT_WHOLE);
}

/* Divides a node's rectangle between its parts. */
static void divide(const struct split *s, int node, struct rect r, struct rect *a, struct rect *b)
{
    int n = first_part(s, node, r);

    if (s->nodes[node].kind == SPLIT_BESIDE) {
        *a = (struct rect){r.x, r.y, n, r.h};
        *b = (struct rect){r.x + n + 1, r.y, r.w - n - 1, r.h};
    } else {
        *a = (struct rect){r.x, r.y, r.w, n};
        *b = (struct rect){r.x, r.y + n, r.w, r.h - n};
    }
}

/* Places a part and what is in it. */
static void place(const struct split *s, int node, struct rect r, struct split_plan *out)
{
    struct rect a, b;

    if (s->nodes[node].kind == SPLIT_LEAF) {
        out->panes[out->count++] = r;
        return;
    }
    divide(s, node, r, &a, &b);
    bool vertical = s->nodes[node].kind == SPLIT_BESIDE;
    struct rect at = vertical ? (struct rect){a.x + a.w, r.y, 1, r.h} : (struct rect){r.x, b.y, r.w, 1};
    out->bars[out->bar_count++] = (struct split_bar){node, vertical, at};
    place(s, node + 1, a, out);
    place(s, second(s, node), b, out);
}

bool split_place(const struct split *s, struct rect area, struct split_plan *out)
{
    *out = (struct split_plan){0};
    if (s->count == 0 || area.w < least(s, 0, true) || area.h < least(s, 0, false)) {
        return false;
    }
    place(s, 0, area, out);
    return true;
}

/* How much of b's edge faces a's. */
static int facing(int a, int a_len, int b, int b_len)
{
    return MT_MIN(a + a_len, b + b_len) - MT_MAX(a, b);
}

int split_neighbour(const struct split_plan *plan, int leaf, enum split_side side)
{
    int best = -1, best_facing = 0;

    if (leaf < 0 || leaf >= plan->count) {
        return -1;
    }
    struct rect r = plan->panes[leaf];
    for (int i = 0; i < plan->count; i++) {
        struct rect o = plan->panes[i];
        bool cols = side == SPLIT_LEFT || side == SPLIT_RIGHT;
        bool touches = side == SPLIT_LEFT    ? o.x + o.w + 1 == r.x
                       : side == SPLIT_RIGHT ? r.x + r.w + 1 == o.x
                       : side == SPLIT_UP    ? o.y + o.h == r.y
                                             : r.y + r.h == o.y;
        int face = cols ? facing(r.y, r.h, o.y, o.h) : facing(r.x, r.w, o.x, o.w);
        if (touches && face > best_facing) {
            best = i;
            best_facing = face;
        }
    }
    return best;
}

/* The rectangle of a node in an area. */
static struct rect rect_of(const struct split *s, int node, struct rect area)
{
    struct rect a, b;

    for (int at = 0; at != node && s->nodes[at].kind != SPLIT_LEAF;) {
        divide(s, at, area, &a, &b);
        bool in_first = node < second(s, at);
        area = in_first ? a : b;
        at = in_first ? at + 1 : second(s, at);
    }
    return area;
}

/* Gives the first part of a node so many columns or rows. */
static bool set_first(struct split *s, int node, struct rect r, int wanted)
{
    int room = room_of(&s->nodes[node], r), now = first_part(s, node, r), n = clamp_first(s, node, r, wanted);

    if (n == now || room <= 0) {
        return false;
    }
    s->nodes[node].share = (n * SPLIT_WHOLE + room / 2) / room;
    return true;
}

bool split_resize(struct split *s, struct rect area, int leaf, enum split_side side, int cells)
{
    struct split_plan plan;
    bool cols = side == SPLIT_LEFT || side == SPLIT_RIGHT;
    enum split_kind kind = cols ? SPLIT_BESIDE : SPLIT_BELOW;
    int node = leaf < 0 ? -1 : node_of(s, leaf), found = -1;

    if (node < 0 || !split_place(s, area, &plan)) {
        return false;
    }
    for (int up = parent_of(s, node), from = node; up >= 0; from = up, up = parent_of(s, up)) {
        if (s->nodes[up].kind != kind) {
            continue;
        }
        if (from == up + 1) { /* this border is on its right, or below */
            found = up;
            break;
        }
        found = found < 0 ? up : found;
    }
    if (found < 0) {
        return false;
    }
    struct rect r = rect_of(s, found, area);
    int delta = side == SPLIT_LEFT || side == SPLIT_UP ? -cells : cells;
    return set_first(s, found, r, first_part(s, found, r) + delta);
}

bool split_drag(struct split *s, struct rect area, int node, int to)
{
    struct split_plan plan;

    if (node < 0 || node >= s->count || s->nodes[node].kind == SPLIT_LEAF || !split_place(s, area, &plan)) {
        return false;
    }
    struct rect r = rect_of(s, node, area);
    return set_first(s, node, r, to - (s->nodes[node].kind == SPLIT_BESIDE ? r.x : r.y));
}

/* --- remembering --- */

/* A part as JSON. */
static struct json *part_to_json(const struct split *s, int node)
{
    const struct split_node *n = &s->nodes[node];
    struct json *j = json_new_object();

    if (n->kind == SPLIT_LEAF) {
        json_set_string(j, "session", n->id);
        return j;
    }
    json_set_string(j, "split", n->kind == SPLIT_BESIDE ? "beside" : "below");
    json_set_int(j, "share", n->share);
    json_set(j, "first", part_to_json(s, node + 1));
    json_set(j, "second", part_to_json(s, second(s, node)));
    return j;
}

struct json *split_to_json(const struct split *s)
{
    struct json *j = json_new_object();

    json_set_int(j, "focus", s->focus);
    if (s->count > 0) {
        json_set(j, "panes", part_to_json(s, 0));
    }
    return j;
}

/* A session's id is the name of a file, and stands once. */
static bool is_good_id(const struct split *s, const char *id)
{
    size_t n = id ? strlen(id) : 0;

    return n > 0 && n < SESSION_ID_MAX && !strchr(id, '/') && utf8_is_valid(id, n) && split_find(s, id) < 0;
}

/* Appends a part. */
static int part_from_json(struct split *s, const struct json *j, struct error *err)
{
    const char *id = json_get_string(j, "session", NULL), *kind = json_get_string(j, "split", NULL);

    if (s->count >= SPLIT_NODES) {
        return error_set(err, ERROR_PARSE, "more than %d panes", SPLIT_MAX);
    }
    struct split_node *n = &s->nodes[s->count];
    if (id) {
        if (!is_good_id(s, id)) {
            return error_set(err, ERROR_PARSE, "a session's name is not one, or stands twice");
        }
        *n = (struct split_node){.kind = SPLIT_LEAF};
        str_copy(n->id, sizeof(n->id), id);
        s->count++;
        return 0;
    }
    int64_t share = json_get_int(j, "share", 0);
    if (!kind || (strcmp(kind, "beside") != 0 && strcmp(kind, "below") != 0) || share <= 0 || share >= SPLIT_WHOLE) {
        return error_set(err, ERROR_PARSE, "a part is neither a session nor a split of two");
    }
    *n = (struct split_node){.kind = strcmp(kind, "beside") == 0 ? SPLIT_BESIDE : SPLIT_BELOW, .share = (int)share};
    s->count++;
    if (part_from_json(s, json_get(j, "first"), err) != 0) {
        return -1;
    }
    return part_from_json(s, json_get(j, "second"), err);
}

int split_from_json(struct split *out, const struct json *j, struct error *err)
{
    struct split s = {0};

    if (part_from_json(&s, json_get(j, "panes"), err) != 0) {
        return -1;
    }
    int64_t focus = json_get_int(j, "focus", 0);
    s.focus = focus > 0 && focus < split_leaves(&s) ? (int)focus : 0;
    *out = s;
    return 0;
}
