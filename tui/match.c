/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/match.h"

#include <string.h>

/* ASCII letters fold; other bytes compare as they are, which keeps UTF-8 intact. */
static unsigned char fold(char c, bool exact)
{
    unsigned char u = (unsigned char)c;
    return !exact && u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

/* Smart case: does the needle hold an upper-case letter? */
static bool is_exact(const char *s)
{
    for (; *s; s++) {
        if (*s >= 'A' && *s <= 'Z') {
            return true;
        }
    }
    return false;
}

/* The first place of `word` in `text`, or -1. */
static int find_word(const char *word, size_t len, const char *text, bool exact)
{
    size_t n = strlen(text);
    for (size_t i = 0; len <= n && i + len <= n; i++) {
        size_t k = 0;
        while (k < len && fold(text[i + k], exact) == fold(word[k], exact)) {
            k++;
        }
        if (k == len) {
            return (int)i;
        }
    }
    return -1;
}

bool match_words(const char *needle, const char *text, struct match *out)
{
    bool exact = is_exact(needle);
    if (out) {
        memset(out, 0, sizeof(*out));
    }
    while (*needle) {
        size_t len = strcspn(needle, " ");
        if (len) {
            int at = find_word(needle, len, text, exact);
            if (at < 0) {
                return false;
            }
            if (out) {
                out->score += at == 0 ? 20 : 10;
                for (size_t i = 0; i < len && (size_t)at + i < MATCH_BYTES; i++) {
                    out->hit[(size_t)at + i] = 1;
                }
            }
        }
        needle += len + (needle[len] == ' ');
    }
    return true;
}

/* Does a word begin at text[i]? */
static bool is_start(const char *text, size_t i)
{
    return i == 0 || strchr(" .-_/:,(", text[i - 1]) != NULL;
}

/* Prefers, for each letter, a word start that still lets the rest match; else the next occurrence. */
static size_t next_letter(const char *needle, const char *text, size_t from, bool exact)
{
    size_t plain = (size_t)-1;
    for (size_t i = from; text[i]; i++) {
        if (fold(text[i], exact) != fold(*needle, exact)) {
            continue;
        }
        if (plain == (size_t)-1) {
            plain = i;
            if (i == from && i > 0) {
                return i; /* continues a run */
            }
        }
        if (is_start(text, i) && match_fuzzy(needle + 1, text + i + 1, NULL)) {
            return i;
        }
    }
    return plain;
}

bool match_fuzzy(const char *needle, const char *text, struct match *out)
{
    bool exact = is_exact(needle);
    if (!out) { /* plain subsequence test: linear */
        while (*needle && *text) {
            if (*needle == ' ' || fold(*needle, exact) == fold(*text, exact)) {
                text += *needle != ' ';
                needle++;
            } else {
                text++;
            }
        }
        while (*needle == ' ') {
            needle++;
        }
        return !*needle;
    }
    memset(out, 0, sizeof(*out));
    if (!match_fuzzy(needle, text, NULL)) {
        return false;
    }
    size_t at = 0, len = strlen(needle);
    int whole = len ? find_word(needle, len, text, exact) : -1;
    if (whole >= 0) { /* in one piece: nothing beats that */
        out->score = 100 + (is_start(text, (size_t)whole) ? 20 : 0) - whole;
        for (size_t i = 0; i < len && (size_t)whole + i < MATCH_BYTES; i++) {
            out->hit[(size_t)whole + i] = 1;
        }
        return true;
    }
    for (; *needle; needle++) {
        if (*needle == ' ') {
            continue;
        }
        size_t i = next_letter(needle, text, at, exact);
        if (i == (size_t)-1) {
            return false;
        }
        out->score += is_start(text, i) ? 12 : 1;
        out->score += i == at && at > 0 ? 8 : -(int)(i - at > 6 ? 6 : i - at);
        if (i < MATCH_BYTES) {
            out->hit[i] = 1;
        }
        at = i + 1;
    }
    return true;
}
