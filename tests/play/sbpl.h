/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_PLAY_SBPL_H
#define MT_TESTS_PLAY_SBPL_H

/* A strict reader of the part of Apple's sandbox profile language that our profiles are written in. It is stricter than
 * the real one: no escapes in strings, no definitions, no operation or filter that it does not know. For tests, and for
 * the program that plays sandbox-exec. Needs nothing but libc. */

#include <stddef.h>

enum sbpl_kind { SBPL_LIST, SBPL_SYMBOL, SBPL_STRING, SBPL_REGEX };

struct sbpl_node {
    enum sbpl_kind kind;
    char *text;              /* of all but lists */
    struct sbpl_node *first; /* of a list */
    struct sbpl_node *next;
};

/* The forms of a text, or NULL with the reason. */
struct sbpl_node *sbpl_read(const char *text, char *why, size_t cap);
void sbpl_free(struct sbpl_node *n);
/* 0: (version 1), (deny default), then rules whose operations and filters are known; else -1 with the reason. */
int sbpl_judge(const struct sbpl_node *forms, char *why, size_t cap);

#endif
