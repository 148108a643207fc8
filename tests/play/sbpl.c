/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/play/sbpl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8

struct reader {
    const char *p;
    char *why;
    size_t cap;
};

static void complain(struct reader *r, const char *what)
{
    if (r->why[0] == '\0') {
        snprintf(r->why, r->cap, "%s at \"%.20s\"", what, r->p);
    }
}

static struct sbpl_node *new_node(enum sbpl_kind kind, const char *text, size_t len)
{
    struct sbpl_node *n = calloc(1, sizeof(*n));
    if (!n) {
        abort();
    }
    n->kind = kind;
    n->text = text ? strndup(text, len) : NULL;
    return n;
}

void sbpl_free(struct sbpl_node *n)
{
    while (n) {
        struct sbpl_node *next = n->next;
        sbpl_free(n->first);
        free(n->text);
        free(n);
        n = next;
    }
}

/* Blanks and comments. */
static void skip(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\n' || *r->p == ';') {
        if (*r->p == ';') {
            r->p += strcspn(r->p, "\n");
        } else {
            r->p++;
        }
    }
}

static struct sbpl_node *read_quoted(struct reader *r, enum sbpl_kind kind)
{
    const char *start = ++r->p;
    while (*r->p && *r->p != '"') {
        if ((unsigned char)*r->p < 0x20 || *r->p == 0x7f || (*r->p == '\\' && kind == SBPL_STRING)) {
            complain(r, "a character that cannot stand in a string");
            return NULL;
        }
        r->p++;
    }
    if (*r->p != '"') {
        complain(r, "a string without an end");
        return NULL;
    }
    return new_node(kind, start, (size_t)(r->p++ - start));
}

static struct sbpl_node *read_one(struct reader *r, int depth);

/* Until ')' or, outermost, the end. */
static struct sbpl_node *read_all(struct reader *r, int depth)
{
    struct sbpl_node *first = NULL, **end = &first;
    for (skip(r); *r->p && *r->p != ')'; skip(r)) {
        *end = read_one(r, depth);
        if (!*end) {
            sbpl_free(first);
            return NULL;
        }
        end = &(*end)->next;
    }
    return first;
}

static struct sbpl_node *read_one(struct reader *r, int depth)
{
    if (*r->p == '"') {
        return read_quoted(r, SBPL_STRING);
    }
    if (r->p[0] == '#' && r->p[1] == '"') {
        r->p++;
        return read_quoted(r, SBPL_REGEX);
    }
    if (*r->p == '(') {
        if (depth == DEPTH_MAX) {
            complain(r, "too deep");
            return NULL;
        }
        r->p++;
        struct sbpl_node *list = new_node(SBPL_LIST, NULL, 0);
        list->first = read_all(r, depth + 1);
        if (r->why[0] || *r->p != ')') {
            complain(r, "a list without an end");
            sbpl_free(list);
            return NULL;
        }
        r->p++;
        return list;
    }
    const char *start = r->p;
    while (isalnum((unsigned char)*r->p) || (*r->p && strchr("-*_.", *r->p))) {
        r->p++;
    }
    if (r->p == start || (*r->p && !strchr(" \n()", *r->p))) {
        complain(r, "a character that cannot stand here");
        return NULL;
    }
    return new_node(SBPL_SYMBOL, start, (size_t)(r->p - start));
}

struct sbpl_node *sbpl_read(const char *text, char *why, size_t cap)
{
    struct reader r = {.p = text, .why = why, .cap = cap};
    why[0] = '\0';
    struct sbpl_node *forms = read_all(&r, 0);
    if (!why[0] && *r.p) {
        complain(&r, "one ) too many");
    }
    if (!why[0] && !forms) {
        complain(&r, "nothing");
    }
    if (why[0]) {
        sbpl_free(forms);
        return NULL;
    }
    return forms;
}

/* --- what the words mean --- */

static bool is_one_of(const char *text, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(text, *list) == 0) {
            return true;
        }
    }
    return false;
}

/* A list of exactly these symbols? */
static bool is_form(const struct sbpl_node *n, const char *a, const char *b)
{
    const struct sbpl_node *x = n && n->kind == SBPL_LIST ? n->first : NULL;
    return x && x->kind == SBPL_SYMBOL && strcmp(x->text, a) == 0 && x->next && x->next->kind == SBPL_SYMBOL &&
           strcmp(x->next->text, b) == 0 && !x->next->next;
}

/* "localhost:8080", "*:*" and the two mixtures. */
static bool is_address(const char *text)
{
    size_t host = strncmp(text, "localhost:", 10) == 0 ? 10 : strncmp(text, "*:", 2) == 0 ? 2 : 0;
    const char *port = text + host;
    char *end;
    if (!host || strcmp(port, "*") == 0) {
        return host > 0;
    }
    long number = isdigit((unsigned char)*port) ? strtol(port, &end, 10) : 0;
    return number >= 1 && number <= 65535 && *end == '\0';
}

static bool judge_filter(const struct sbpl_node *n)
{
    static const char *const paths[] = {"subpath", "literal", NULL};
    static const char *const names[] = {"global-name",
                                        "xpc-service-name",
                                        "xpc-service-name-prefix",
                                        "iokit-user-client-class",
                                        "iokit-registry-entry-class",
                                        "iokit-registry-entry-class-prefix",
                                        "iokit-property",
                                        "preference-domain",
                                        "extension",
                                        "sysctl-name-prefix",
                                        NULL};
    static const char *const targets[] = {"self", "same-sandbox", NULL};
    const struct sbpl_node *key = n->kind == SBPL_LIST ? n->first : NULL, *value = key ? key->next : NULL;
    if (!key || key->kind != SBPL_SYMBOL || !value) {
        return false;
    }
    if (strcmp(key->text, "require-all") == 0) {
        for (; value; value = value->next) {
            if (!judge_filter(value)) {
                return false;
            }
        }
        return true;
    }
    if (strcmp(key->text, "remote") == 0 || strcmp(key->text, "local") == 0) {
        return value->kind == SBPL_SYMBOL && strcmp(value->text, "ip") == 0 && value->next &&
               value->next->kind == SBPL_STRING && is_address(value->next->text) && !value->next->next;
    }
    if (value->next) {
        return false;
    }
    if (strcmp(key->text, "target") == 0) {
        return value->kind == SBPL_SYMBOL && is_one_of(value->text, targets);
    }
    if (strcmp(key->text, "regex") == 0) {
        return value->kind == SBPL_REGEX;
    }
    if (is_one_of(key->text, paths)) {
        return value->kind == SBPL_STRING && value->text[0] == '/';
    }
    return is_one_of(key->text, names) && value->kind == SBPL_STRING && value->text[0];
}

static bool judge_rule(const struct sbpl_node *form)
{
    static const char *const actions[] = {"allow", "deny", NULL};
    static const char *const operations[] = {
        "file-read*",
        "file-write*",
        "file-read-metadata",
        "file-map-executable",
        "file-ioctl",
        "process-exec*",
        "process-fork",
        "process-info*",
        "signal",
        "sysctl-read",
        "system-info",
        "mach-lookup",
        "pseudo-tty",
        "ipc-posix-sem",
        "ipc-posix-shm*",
        "network-bind",
        "network-inbound",
        "network-outbound",
        "iokit-open",
        "iokit-open-service",
        "user-preference-read",
        "iokit-open-user-client",
        "iokit-get-properties",
        NULL,
    };
    const struct sbpl_node *n = form->kind == SBPL_LIST ? form->first : NULL;
    if (!n || n->kind != SBPL_SYMBOL || !is_one_of(n->text, actions)) {
        return false;
    }
    size_t count = 0;
    for (n = n->next; n && n->kind == SBPL_SYMBOL; n = n->next) {
        if (!is_one_of(n->text, operations)) {
            return false;
        }
        count++;
    }
    for (; n; n = n->next) {
        if (!judge_filter(n)) {
            return false;
        }
    }
    return count > 0;
}

int sbpl_judge(const struct sbpl_node *forms, char *why, size_t cap)
{
    if (!is_form(forms, "version", "1")) {
        snprintf(why, cap, "it does not begin with (version 1)");
        return -1;
    }
    if (!is_form(forms->next, "deny", "default")) {
        snprintf(why, cap, "(deny default) does not follow at once");
        return -1;
    }
    int number = 3;
    for (const struct sbpl_node *n = forms->next->next; n; n = n->next, number++) {
        if (!judge_rule(n)) {
            const struct sbpl_node *op = n->first ? n->first->next : NULL;
            snprintf(why, cap, "rule %d (%s) is not one that is known", number, op && op->text ? op->text : "?");
            return -1;
        }
    }
    return 0;
}
