/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/keymap.h"

#include <string.h>
#include <strings.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tui/keymap_defaults.h"

#define CHORD_MAX 24
#define DISTANCE_MAX 48
#define DEFAULT_PREFIX "C-]"

/* What beats what, from strongest. */
enum strength { USER_CONTEXT, USER_ALL, DEFAULT_BINDING };

struct binding {
    unsigned contexts;
    enum strength strength;
    struct key key;
    const struct command *command; /* NULL: unbound by the user */
    char chord[CHORD_MAX];
};

struct keymap {
    struct binding *bindings;
    size_t count, cap;
    struct key prefix;
};

static const char *const key_names[] = {
    "Enter", "Tab", "Escape", "Backspace", "Space", "Up",   "Down", "Right", "Left",
    "Home",  "End", "Insert", "Delete",    "PgUp",  "PgDn", "F1",   "F2",    "F3",
    "F4",    "F5",  "F6",     "F7",        "F8",    "F9",   "F10",  "F11",   "F12",
};

/* Edit distance without regard to case; long names are cut. */
static unsigned edit_distance(const char *a, const char *b)
{
    unsigned row[DISTANCE_MAX + 1];
    size_t alen = MT_MIN(strlen(a), (size_t)DISTANCE_MAX), blen = MT_MIN(strlen(b), (size_t)DISTANCE_MAX);

    for (unsigned j = 0; j <= blen; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; i <= alen; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= blen; j++) {
            unsigned above = row[j];
            unsigned change = diagonal + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);
            row[j] = MT_MIN(change, MT_MIN(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[blen];
}

/* Keeps the candidate when it is nearer to `name` than the best so far. */
static void consider(const char *name, const char *candidate, const char **best, unsigned *least)
{
    unsigned d = edit_distance(name, candidate);

    if (d < *least) {
        *least = d;
        *best = candidate;
    }
}

/* From how many changes on a name is another one, not a slip of the finger: four, or more than a third of it. */
static unsigned near_limit(const char *name)
{
    return (unsigned)MT_MIN(strlen(name) / 3, (size_t)3) + 1;
}

/* The command name nearest to a mistyped one, or NULL when nothing is near. A verb alone ("stop") finds "sandbox.stop".
 */
static const char *nearest_command(const char *name)
{
    unsigned least = near_limit(name);
    const char *best = NULL;

    for (size_t i = 0; i < command_count; i++) {
        const char *dot = strchr(command_table[i].name, '.');
        if (dot && strcasecmp(dot + 1, name) == 0) {
            return command_table[i].name;
        }
        consider(name, command_table[i].name, &best, &least);
    }
    return best;
}

/* The key name nearest to the last part of a chord, or NULL. */
static const char *nearest_key(const char *chord)
{
    const char *dash = strrchr(chord, '-');
    const char *name = dash && dash[1] ? dash + 1 : chord, *best = NULL;
    unsigned least = near_limit(name);

    for (size_t i = 0; i < MT_ARRAY_LEN(key_names); i++) {
        consider(name, key_names[i], &best, &least);
    }
    return best;
}

/* Adds a binding. */
static void add(struct keymap *k, unsigned contexts, enum strength strength, struct key key, const struct command *c)
{
    struct binding *b;

    if (k->count == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 160;
        k->bindings = xreallocarray(k->bindings, k->cap, sizeof(*k->bindings));
    }
    b = &k->bindings[k->count++];
    *b = (struct binding){.contexts = contexts, .strength = strength, .key = key, .command = c};
    key_format_into(key, b->chord, sizeof(b->chord));
}

/* The shipped keys, of those commands that exist. */
static void add_defaults(struct keymap *k, const struct config *config)
{
    const struct command *send = command_find("session.send_prefix");
    struct key key;

    for (size_t i = 0; i < keymap_default_count; i++) {
        const struct command *c = command_find(keymap_defaults[i].command);
        if (c && key_parse(keymap_defaults[i].chord, &key, NULL) == 0) {
            add(k, keymap_defaults[i].contexts, DEFAULT_BINDING, key, c);
        }
    }
    if (send) {
        add(k, CONTEXT_SESSION, DEFAULT_BINDING, k->prefix, send);
    }
    for (unsigned n = 0; n <= 9 && config->alt_digits; n++) {
        char name[16];
        (void)str_format(name, sizeof(name), "session.%u", n);
        const struct command *c = command_find(n == 0 ? "session.choose" : name);
        if (c) {
            add(k, CONTEXT_LIST | CONTEXT_SESSION | CONTEXT_PROVISION | CONTEXT_COPY, DEFAULT_BINDING,
                (struct key){'0' + n, KEYMOD_ALT}, c);
        }
    }
}

/* Appends "file:line: " and the rest, with the nearest name when there is one. */
static void complain(const struct config *config, const struct config_key *ck, struct strvec *problems,
                     const char *what, const char *name, const char *nearest)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    strbuf_addf(&text, "%s:%d: %s \"%s\"", config->path ? config->path : "muthr.toml", ck->line, what, name);
    if (nearest) {
        strbuf_addf(&text, "; did you mean \"%s\"?", nearest);
    }
    strvec_push(problems, text.buf);
}

/* One line of [tui.keys]. */
static void add_user(struct keymap *k, const struct config *config, const struct config_key *ck,
                     struct strvec *problems)
{
    bool all = strcmp(ck->context, "all") == 0, unbind = strcmp(ck->command, "none") == 0;
    int context = all ? CONTEXT_ANY : command_context_parse(ck->context);
    const struct command *c = unbind ? NULL : command_find(ck->command);
    struct key key;

    if (context < 0) {
        complain(config, ck, problems, "keys belong to list, tasks, session, copy, provision or dialog, not to",
                 ck->context, NULL);
    } else if (key_parse(ck->chord, &key, NULL) != 0) {
        complain(config, ck, problems, "there is no key", ck->chord, nearest_key(ck->chord));
    } else if (!unbind && !c) {
        complain(config, ck, problems, "there is no command", ck->command, nearest_command(ck->command));
    } else if (c && !all && !(c->contexts & (unsigned)context)) {
        complain(config, ck, problems, "this command means nothing in that context:", ck->command, NULL);
    } else {
        /* A binding for all contexts holds where its command means something: it must not take copy mode's keys away.
         */
        add(k, all && c ? c->contexts : (unsigned)context, all ? USER_ALL : USER_CONTEXT, key, c);
    }
}

struct keymap *keymap_new(const struct config *config, struct strvec *problems)
{
    struct keymap *k = xcalloc(1, sizeof(*k));
    struct error err = ERROR_INIT;

    if (key_parse(config->prefix ? config->prefix : DEFAULT_PREFIX, &k->prefix, &err) != 0) {
        strvec_pushf(problems, "%s: tui.prefix: %s; %s is used", config->path ? config->path : "muthr.toml", err.msg,
                     DEFAULT_PREFIX);
        (void)key_parse(DEFAULT_PREFIX, &k->prefix, NULL);
    }
    for (size_t i = 0; i < config->key_count; i++) {
        add_user(k, config, &config->keys[i], problems);
    }
    add_defaults(k, config);
    return k;
}

void keymap_free(struct keymap *k)
{
    if (k) {
        free(k->bindings);
        free(k);
    }
}

/* The binding that decides about a key, or NULL. */
static const struct binding *resolve(const struct keymap *k, enum command_context context, struct key key)
{
    const struct binding *best = NULL;

    for (size_t i = 0; i < k->count; i++) {
        const struct binding *b = &k->bindings[i];
        /* Of the user's own, the later line wins; of the defaults, the first. */
        if ((b->contexts & (unsigned)context) && key_equal(b->key, key) &&
            (!best || b->strength < best->strength ||
             (b->strength == best->strength && b->strength != DEFAULT_BINDING))) {
            best = b;
        }
    }
    return best;
}

const struct command *keymap_lookup(const struct keymap *k, enum command_context context, struct key key)
{
    const struct binding *b = resolve(k, context, key);

    return b ? b->command : NULL;
}

const char *keymap_chord(const struct keymap *k, enum command_context context, const struct command *c)
{
    for (size_t i = 0; i < k->count; i++) {
        const struct binding *b = &k->bindings[i];
        if (b->command == c && (b->contexts & (unsigned)context) && resolve(k, context, b->key) == b) {
            return b->chord;
        }
    }
    return NULL;
}

struct key keymap_prefix(const struct keymap *k)
{
    return k->prefix;
}
