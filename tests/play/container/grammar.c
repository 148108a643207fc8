/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines as swift-argument-parser reads them: options anywhere before and between arguments, except that
 * everything behind the first argument of `create`, `run` and `exec` is handed on as it is. */
#include "tests/play/container/standin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"

static const struct option_rule logging[] = {{"--debug", 'f', NULL, 0, 0, NULL}, {NULL, 0, NULL, 0, 0, NULL}};

/* Is the option of this version? */
static bool is_here(const struct option_rule *o)
{
    return st.version >= o->from && (o->until == 0 || st.version < o->until);
}

/* Does one of its names equal the word? */
static bool has_name(const struct option_rule *o, const char *word, size_t len)
{
    for (const char *p = o->names; p && *p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        if (strcspn(p, "/") == len && strncmp(p, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The option of that name in this version, or NULL. */
static const struct option_rule *find(const struct command *c, const char *word, size_t len)
{
    for (size_t g = 0; g <= MT_ARRAY_LEN(c->options); g++) {
        const struct option_rule *o = g < MT_ARRAY_LEN(c->options) ? c->options[g] : logging;
        for (; o && o->names; o++) {
            if (is_here(o) && has_name(o, word, len)) {
                return o;
            }
        }
    }
    return NULL;
}

/* Its first long name. */
static const char *key_of(const struct option_rule *o)
{
    const char *p = strstr(o->names, "--");
    return p ? p : o->names;
}

/* Notes that it was given; of several long names by the first. */
static void push_key(struct given *out, const struct option_rule *o)
{
    const char *key = key_of(o);
    strvec_pushf(&out->keys, "%.*s", (int)strcspn(key, "/"), key);
}

/* "-c, --cpus <cpus>": as help and errors name it. */
static void named(const struct option_rule *o, const char *value_name, struct strbuf *out)
{
    for (const char *p = o->names; p && *p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
        strbuf_addf(out, "%s%.*s", p == o->names ? "" : ", ", (int)strcspn(p, "/"), p);
    }
    strbuf_addf(out, " <%s>", value_name);
}

/* Refuses a value that is not of the option's kind. */
static void check_value(const struct command *c, const struct option_rule *o, const char *value)
{
    bool good = true;
    if (o->kind == 'i' || o->kind == 'u') {
        char *end;
        errno = 0;
        long long n = strtoll(value, &end, 10);
        good = *value && *end == '\0' && errno == 0 && value[0] != ' ' && (o->kind == 'i' || n >= 0);
    } else if (o->choices) {
        good = false;
        for (const char *p = o->choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
            good = good || (strcspn(p, "|") == strlen(value) && strncmp(p, value, strlen(value)) == 0);
        }
    }
    if (!good) {
        struct strbuf name = STRBUF_INIT;
        named(o, o->value, &name);
        fail_usage(c->usage, c->path, "The value '%s' is invalid for '%s'", value, name.buf);
    }
}

/* Takes one option of the word at argv[i]; returns how many words it used. */
static int take_option(const struct command *c, char **argv, int argc, int i, struct given *out)
{
    const char *word = argv[i], *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_rule *o = find(c, word, len);
    if (!o) {
        fail_usage(c->usage, c->path, "Unknown option '%.*s'", (int)len, word);
    }
    push_key(out, o);
    if (o->kind == 'f') {
        if (equals) {
            fail_usage(c->usage, c->path, "The option '%.*s' does not take any value, but '%s' was specified.",
                       (int)len, word, equals + 1);
        }
        strvec_push(&out->values, "");
        return 1;
    }
    const char *value = equals ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
    if (!value || (!equals && value[0] == '-' && value[1] != '\0')) {
        fail_usage(c->usage, c->path, "Missing value for '%.*s <%s>'", (int)len, word, o->value);
    }
    check_value(c, o, value);
    strvec_push(&out->values, value);
    return equals ? 1 : 2;
}

/* "-it": several flags in one word. */
static bool take_joined(const struct command *c, const char *word, struct given *out)
{
    char one[3] = "-?";
    if (word[1] == '-' || strlen(word) < 3) {
        return false;
    }
    for (const char *p = word + 1; *p; p++) {
        one[1] = *p;
        const struct option_rule *o = find(c, one, 2);
        if (!o || o->kind != 'f') {
            return false;
        }
    }
    for (const char *p = word + 1; *p; p++) {
        one[1] = *p;
        push_key(out, find(c, one, 2));
        strvec_push(&out->values, "");
    }
    return true;
}

/* As many arguments as the command takes. */
static void check_args(const struct command *c, const struct given *out)
{
    size_t least = 0, more;
    for (const char *p = c->names_of_args; p && *p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL) {
        if (out->args.len == least++) {
            fail_usage(c->usage, c->path, "Missing expected argument '%.*s%s'", (int)strcspn(p, " "), p,
                       c->passes_on && least > 1 ? " ..." : "");
        }
    }
    if (c->most_args < 0 || out->args.len <= (size_t)c->most_args) {
        return;
    }
    more = out->args.len - (size_t)c->most_args;
    if (more == 1) {
        fail_usage(c->usage, c->path, "Unexpected argument '%s'", out->args.v[c->most_args]);
    }
    struct strbuf list = STRBUF_INIT;
    for (size_t i = (size_t)c->most_args; i < out->args.len; i++) {
        strbuf_addf(&list, "%s'%s'", list.len ? ", " : "", out->args.v[i]);
    }
    fail_usage(c->usage, c->path, "%zu unexpected arguments: %s", more, list.buf);
}

void grammar_read(const struct command *c, char **argv, int argc, struct given *out)
{
    *out = (struct given){.command = c, .keys = STRVEC_INIT, .values = STRVEC_INIT, .args = STRVEC_INIT};
    bool only_args = false;
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (c->passes_on && out->args.len > 0) {
            strvec_push(&out->args, word);
            i++;
        } else if (only_args || word[0] != '-' || word[1] == '\0') {
            strvec_push(&out->args, word);
            i++;
        } else if (strcmp(word, "--") == 0) {
            only_args = true;
            i++;
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            strbuf_addf(&st.out, "USAGE: container %s %s\n", c->path, c->usage);
            finish(0);
        } else if (take_joined(c, word, out)) {
            i++;
        } else {
            i += take_option(c, argv, argc, i, out);
        }
    }
    check_args(c, out);
}

bool given_has(const struct given *g, const char *key)
{
    return strvec_index(&g->keys, key) >= 0;
}

const char *given_value(const struct given *g, const char *key, const char *fallback)
{
    const char *value = fallback;
    for (size_t i = 0; i < g->keys.len; i++) {
        value = strcmp(g->keys.v[i], key) == 0 ? g->values.v[i] : value;
    }
    return value;
}

void given_all(const struct given *g, const char *key, struct strvec *out)
{
    for (size_t i = 0; i < g->keys.len; i++) {
        if (strcmp(g->keys.v[i], key) == 0) {
            strvec_push(out, g->values.v[i]);
        }
    }
}
