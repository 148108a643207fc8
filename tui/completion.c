/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/completion.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/backend.h"
#include "core/util/xmalloc.h"

void completion_of_release(struct completion_of *c)
{
    strvec_release(&c->words);
}

/* Values that are words, or one of the lists ("@workspaces"), by the option's long name. */
static const struct {
    const char *option, *values;
} known[] = {
    {"--output", "text json ndjson"},
    {"--net", "none model full shared"},
    {"--restart", "never on-failure always"},
    {"--state", "ready blocked exited"},
    {"--kernel", "yes no"},
    {"--runtime", "llama mlxcel"},
    {"--profile", "@profiles"},
    {"--sandbox", "@workspaces"},
    {"--root", "@folders"},
    {"--audit", "@files"},
    {"--audit-log", "@files"},
};

/* Adds the words of "a b c". */
static void push_words(struct strvec *out, const char *text)
{
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        MT_CLEANUP(xfree) char *word = xstrndup(text, n);

        strvec_push(out, word);
        text += n + strspn(text + n, " ");
    }
}

void completion_of_option(const struct option_row *row, struct completion_of *out)
{
    *out = (struct completion_of)COMPLETION_OF_INIT;
    if (row->value == NULL) {
        return;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(known); i++) {
        if (strcmp(row->longname, known[i].option) == 0 && known[i].values[0] == '@') {
            out->list = known[i].values + 1;
        } else if (strcmp(row->longname, known[i].option) == 0) {
            push_words(&out->words, known[i].values);
        }
    }
    for (size_t i = 0; strcmp(row->longname, "--backend") == 0 && backend_registry[i] != NULL; i++) {
        strvec_push(&out->words, backend_registry[i]->name);
    }
    for (size_t i = 0; strcmp(row->longname, "--only") == 0 && i < VERB_KIND_COUNT; i++) {
        strvec_push(&out->words, verb_kind_names[i]);
    }
}

/* The end of the alternative that begins at `text`: the next '|' outside of brackets, or the end. */
static const char *alternative_end(const char *text)
{
    int depth = 0;

    for (; *text != '\0' && (*text != '|' || depth > 0); text++) {
        depth += (*text == '[') - (*text == ']');
    }
    return text;
}

void completion_of_verb(const struct verb *v, struct completion_of *out)
{
    size_t alternatives = 0;

    *out = (struct completion_of)COMPLETION_OF_INIT;
    for (const char *p = v->args; *p != '\0'; alternatives++) {
        const char *end = alternative_end(p);
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz-");

        if (n > 0) {
            MT_CLEANUP(xfree) char *word = xstrndup(p, n);
            strvec_push(&out->words, word);
        }
        p = end + (*end == '|');
    }
    /* Of several alternatives each means something else by its NAME. */
    if (strncmp(v->args, "SESSION", 7) == 0) {
        out->list = "sessions";
    } else if (alternatives == 1 && strstr(v->args, "NAME") != NULL) {
        out->list = "workspaces";
    }
}

bool completion_takes_files(const struct verb *v)
{
    return strpbrk(v->options, "c1") != NULL || strstr(v->args, "PATH") != NULL;
}
