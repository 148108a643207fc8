/* SPDX-License-Identifier: Apache-2.0 */
#include "term/rules.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "core/util/paths.h"
#include "core/util/toml.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define LINES_DEFAULT 10
#define PATTERN_MAX 1000 /* bytes of a regular expression */

struct rule {
    regex_t match, unless;
    bool has_unless;
    int lines;
    enum rules_state state;
    char *text; /* NULL: the line that was found */
};

struct rules {
    struct rule *v;
    size_t count;
    int lines; /* the most that one of them wants */
};

struct rules_programs {
    struct strvec names, globs; /* pairs: of titles */
    struct strvec agents;       /* whom rules are for */
};

/* One file while it is read. */
struct reading {
    const char *path;
    const char *program; /* NULL: every rule is looked at, none is kept */
    struct rules *rules;
    struct rules_programs *programs; /* NULL: they are only looked at; else the rules themselves are not read */
    struct strvec *problems;
    size_t seen;     /* rules that are right */
    bool first_only; /* for rules_check */
    struct error first;
};

/* Says what is wrong where. */
static void complain(struct reading *r, const struct toml *at, const char *what)
{
    MT_CLEANUP(xfree) char *text = xasprintf("%s:%d:%d: %s", r->path, at->line, at->col, what);

    if (r->first.code == ERROR_NONE) {
        error_set(&r->first, ERROR_PARSE, "%s", text);
    }
    if (r->problems != NULL) {
        strvec_push(r->problems, text);
    }
}

/* The same, about a key. */
static void complain_key(struct reading *r, const struct toml *v, const char *what)
{
    MT_CLEANUP(xfree) char *text = xasprintf("%s: %s", v->key, what);

    complain(r, v, text);
}

/* A name against names with wildcards: one string or a list of them. */
static bool names(const struct toml *v, const char *program)
{
    if (v->type == TOML_STRING) {
        return fnmatch(v->string, program, 0) == 0;
    }
    for (const struct toml *n = v->first; n != NULL; n = n->next) {
        if (n->type == TOML_STRING && fnmatch(n->string, program, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Is it a string, or a list of nothing but strings? */
static bool is_names(const struct toml *v)
{
    if (v->type != TOML_ARRAY) {
        return v->type == TOML_STRING;
    }
    for (const struct toml *n = v->first; n != NULL; n = n->next) {
        if (n->type != TOML_STRING) {
            return false;
        }
    }
    return v->first != NULL;
}

/* Compiles an expression; false and a complaint when it is none. */
static bool compile(struct reading *r, const struct toml *v, int flags, regex_t *out)
{
    char why[200], text[260];

    if (v->type != TOML_STRING || v->string[0] == '\0' || strlen(v->string) > PATTERN_MAX) {
        complain_key(r, v, "expected a regular expression of 1 to 1000 bytes in quotes");
        return false;
    }
    int rc = regcomp(out, v->string, REG_EXTENDED | REG_NEWLINE | flags);
    if (rc != 0) {
        regerror(rc, out, why, sizeof(why));
        str_format(text, sizeof(text), "not a regular expression: %s", why);
        complain_key(r, v, text);
        return false;
    }
    return true;
}

static bool read_state(struct reading *r, const struct toml *v, enum rules_state *out)
{
    static const struct {
        const char *name;
        enum rules_state state;
    } states[] = {{"waiting", RULES_WAITING}, {"blocked", RULES_WAITING}, {"working", RULES_WORKING},
                  {"idle", RULES_IDLE},       {"done", RULES_IDLE},       {"none", RULES_NONE}};

    for (size_t i = 0; v->type == TOML_STRING && i < MT_ARRAY_LEN(states); i++) {
        if (strcmp(v->string, states[i].name) == 0) {
            *out = states[i].state;
            return true;
        }
    }
    complain_key(r, v, "expected \"waiting\", \"working\", \"idle\" or \"none\"");
    return false;
}

/* Are its keys there, known, and of the right kind? Expressions are looked at when they are compiled. */
static bool check_keys(struct reading *r, const struct toml *t, struct rule *rule)
{
    static const char *const known[] = {"agent", "lines", "match", "unless", "state", "text"};
    const struct toml *agent = toml_get(t, "agent"), *lines = toml_get(t, "lines"), *state = toml_get(t, "state"),
                      *text = toml_get(t, "text");
    bool good = true;

    for (const struct toml *v = t->first; v != NULL; v = v->next) {
        bool is_known = false;
        for (size_t i = 0; i < MT_ARRAY_LEN(known); i++) {
            is_known = is_known || strcmp(v->key, known[i]) == 0;
        }
        if (!is_known) {
            complain_key(r, v, "a rule has no such key");
            good = false;
        }
    }
    if (agent == NULL || state == NULL || toml_get(t, "match") == NULL) {
        complain(r, t, "a rule needs agent, match and state");
        return false;
    }
    if (!is_names(agent)) {
        complain_key(r, agent, "expected a name or a list of names");
        good = false;
    }
    if (lines != NULL && (lines->type != TOML_INT || lines->integer < 1 || lines->integer > RULES_LINES_MAX)) {
        complain_key(r, lines, "expected a whole number from 1 to 60");
        good = false;
    }
    if (text != NULL && text->type != TOML_STRING) {
        complain_key(r, text, "expected a string");
        good = false;
    }
    good = read_state(r, state, &rule->state) && good;
    rule->lines = good && lines != NULL ? (int)lines->integer : LINES_DEFAULT;
    return good;
}

static void rule_release(struct rule *rule)
{
    regfree(&rule->match);
    if (rule->has_unless) {
        regfree(&rule->unless);
    }
    free(rule->text);
}

/* One [[rule]]: checked always, kept when it is for the program. */
static void read_rule(struct reading *r, const struct toml *t)
{
    struct rule rule = {.text = NULL};
    const struct toml *unless, *text;

    if (t->type != TOML_TABLE) {
        complain(r, t, "expected [[rule]] tables");
        return;
    }
    if (!check_keys(r, t, &rule)) {
        return;
    }
    if (r->program != NULL && !names(toml_get(t, "agent"), r->program)) {
        return; /* not compiled: memory in every host */
    }
    if (!compile(r, toml_get(t, "match"), 0, &rule.match)) {
        return;
    }
    unless = toml_get(t, "unless");
    if (unless != NULL && !compile(r, unless, REG_NOSUB, &rule.unless)) {
        regfree(&rule.match);
        return;
    }
    rule.has_unless = unless != NULL;
    text = toml_get(t, "text");
    rule.text = text != NULL ? xstrdup(text->string) : NULL;
    r->seen++;
    if (r->program == NULL) {
        rule_release(&rule);
        return;
    }
    r->rules->v = xreallocarray(r->rules->v, r->rules->count + 1, sizeof(rule));
    r->rules->v[r->rules->count++] = rule;
    r->rules->lines = MT_MAX(r->rules->lines, rule.lines);
}

/* One [[agent]]: its name and the titles that are its own. */
static void read_agent(struct reading *r, const struct toml *t)
{
    const struct toml *name = toml_get(t, "name"), *titles = toml_get(t, "titles");

    if (t->type != TOML_TABLE || name == NULL || name->type != TOML_STRING || titles == NULL || !is_names(titles)) {
        complain(r, t, "an agent needs a name and titles, a pattern with * and ? or a list of them");
        return;
    }
    const struct toml *one = titles->type == TOML_STRING ? titles : titles->first;
    for (; r->programs != NULL && one != NULL; one = titles->type == TOML_STRING ? NULL : one->next) {
        strvec_push(&r->programs->names, name->string);
        strvec_push(&r->programs->globs, one->string);
    }
}

/* Whom a rule is for. */
static void note_agents(struct reading *r, const struct toml *rule)
{
    const struct toml *agent = rule->type == TOML_TABLE ? toml_get(rule, "agent") : NULL;

    if (agent == NULL || !is_names(agent)) {
        return;
    }
    for (const struct toml *one = agent->type == TOML_STRING ? agent : agent->first; one != NULL;
         one = agent->type == TOML_STRING ? NULL : one->next) {
        if (one->string[strspn(one->string, "*?")] != '\0') {
            strvec_push(&r->programs->agents, one->string);
        }
    }
}

/* A whole file. *replaced: it says that no other rules are wanted for the program. */
static void read_file(struct reading *r, bool *replaced)
{
    struct error err = ERROR_INIT;
    struct toml *root = r->path != NULL && r->path[0] != '\0' ? toml_load(r->path, &err) : NULL;

    if (root == NULL) {
        if (err.code != ERROR_NONE && err.code != ERROR_NOT_FOUND) {
            r->first = err;
            if (r->problems != NULL) {
                strvec_push(r->problems, err.msg);
            }
        }
        return;
    }
    for (const struct toml *v = root->first; v != NULL; v = v->next) {
        if (strcmp(v->key, "replace") == 0) {
            if (!is_names(v)) {
                complain_key(r, v, "expected a name or a list of names");
            } else if (r->program != NULL && names(v, r->program)) {
                *replaced = true;
            }
        } else if (strcmp(v->key, "rule") == 0 && v->type == TOML_ARRAY) {
            for (const struct toml *t = v->first; t != NULL; t = t->next) {
                if (r->programs != NULL) {
                    note_agents(r, t);
                } else {
                    read_rule(r, t);
                }
            }
        } else if (strcmp(v->key, "agent") == 0 && v->type == TOML_ARRAY) {
            for (const struct toml *t = v->first; t != NULL; t = t->next) {
                read_agent(r, t);
            }
        } else {
            complain_key(r, v, "there is only replace, [[rule]] and [[agent]]");
        }
    }
    toml_free(root);
}

struct rules *rules_load(const char *own, const char *shipped, const char *program, struct strvec *problems)
{
    struct rules *rules = xcalloc(1, sizeof(*rules));
    struct reading r = {.path = own, .program = program, .rules = rules, .problems = problems};
    bool replaced = false;

    read_file(&r, &replaced);
    if (!replaced) {
        r.path = shipped;
        read_file(&r, &replaced);
    }
    if (rules->count == 0) {
        rules_free(rules);
        return NULL;
    }
    return rules;
}

void rules_free(struct rules *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        rule_release(&r->v[i]);
    }
    free(r->v);
    free(r);
}

int rules_check(const char *path, struct error *err)
{
    struct reading r = {.path = path};
    bool replaced = false;

    read_file(&r, &replaced);
    if (r.first.code == ERROR_NONE) {
        return 0;
    }
    if (err != NULL) {
        *err = r.first;
    }
    return -1;
}

size_t rules_problems(const char *path, struct strvec *problems)
{
    struct reading r = {.path = path, .problems = problems};
    bool replaced = false;

    read_file(&r, &replaced);
    return r.seen;
}

int rules_lines(const struct rules *r)
{
    return r->lines;
}

/* Where the last n of the lines begin. */
static const char *last_lines(const char *lines, int n)
{
    const char *p = lines + strlen(lines);

    if (p > lines) {
        p--; /* the newline that ends the last one */
    }
    while (p > lines) {
        if (p[-1] == '\n' && --n == 0) {
            break;
        }
        p--;
    }
    return p;
}

/* Is this a character of a frame or a pointer, as agents draw them around what they say? */
static bool is_ornament(uint32_t c)
{
    return c == ' ' || (c >= 0x2500 && c <= 0x25ff) || c == 0x276f || c == 0x203a;
}

/* The line around a place, without what is drawn around it. */
static void take_line(const char *lines, const char *at, struct strbuf *out)
{
    const char *from = at, *to = at + strcspn(at, "\n");
    uint32_t c;
    size_t n;

    while (from > lines && from[-1] != '\n') {
        from--;
    }
    while (from < to && (n = utf8_decode(from, (size_t)(to - from), &c)) > 0 && is_ornament(c)) {
        from += n;
    }
    const char *end = from;
    for (const char *p = from; p < to; p += n) {
        n = utf8_decode(p, (size_t)(to - p), &c);
        end = is_ornament(c) ? end : p + n;
    }
    utf8_sanitize(out, from, (size_t)(end - from), false);
}

enum rules_state rules_judge(const struct rules *r, const char *lines, struct strbuf *shown)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct rule *rule = &r->v[i];
        const char *part = last_lines(lines, rule->lines);
        regmatch_t at;

        if (regexec(&rule->match, part, 1, &at, 0) != 0 ||
            (rule->has_unless && regexec(&rule->unless, part, 0, NULL, 0) == 0)) {
            continue;
        }
        if (rule->state == RULES_NONE) {
            return RULES_NONE;
        }
        if (rule->text != NULL) {
            utf8_sanitize(shown, rule->text, strlen(rule->text), false);
        } else {
            take_line(part, part + at.rm_so, shown);
        }
        return rule->state;
    }
    return RULES_NONE;
}

struct rules_programs *rules_programs_load(const char *own, const char *shipped)
{
    struct rules_programs *t = xcalloc(1, sizeof(*t));
    const char *const paths[] = {own, shipped};
    bool replaced = false;

    strvec_init(&t->names);
    strvec_init(&t->globs);
    strvec_init(&t->agents);
    for (size_t i = 0; i < MT_ARRAY_LEN(paths); i++) {
        struct reading r = {.path = paths[i], .program = "", .programs = t};
        read_file(&r, &replaced);
    }
    if (t->names.len == 0 && t->agents.len == 0) {
        rules_programs_free(t);
        return NULL;
    }
    return t;
}

void rules_programs_free(struct rules_programs *t)
{
    if (t != NULL) {
        strvec_release(&t->names);
        strvec_release(&t->globs);
        strvec_release(&t->agents);
        free(t);
    }
}

bool rules_programs_know(const struct rules_programs *t, const char *name)
{
    for (size_t i = 0; i < t->agents.len; i++) {
        if (fnmatch(t->agents.v[i], name, 0) == 0) {
            return true;
        }
    }
    return false;
}

const char *rules_programs_by_title(const struct rules_programs *t, const char *title)
{
    for (size_t i = 0; t != NULL && i < t->names.len; i++) {
        if (fnmatch(t->globs.v[i], title, 0) == 0) {
            return t->names.v[i];
        }
    }
    return NULL;
}

void rules_program(const char *label, char *out, size_t cap)
{
    MT_CLEANUP(xfree) char *word = xstrndup(label, strcspn(label, " \t\n;|&"));

    str_copy(out, cap, path_base(word));
}
