/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/progress.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* Copies n bytes of a text that a program wrote. */
static void take_text(char *dst, size_t cap, const char *s, size_t n)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    while (n > 0 && s[n - 1] == ' ') {
        n--;
    }
    utf8_sanitize(&clean, s, MT_MIN(n, cap - 1), false);
    str_copy(dst, cap, clean.buf);
}

/* "12/34]" behind the bracket; what follows it, or NULL. */
static const char *counter(const char *s, int *n, int *of)
{
    char *end;
    long a = strtol(s, &end, 10);
    if (end == s || *end != '/') {
        return NULL;
    }
    const char *second = end + 1;
    long b = strtol(second, &end, 10);
    if (end == second || *end != ']' || a < 0 || b < 1 || a > b || b > 10000 || *s == ' ' || *second == ' ') {
        return NULL;
    }
    *n = (int)a;
    *of = (int)b;
    return end + 1;
}

/* --- a bar --- */

void ctr_progress_init(struct ctr_progress *p)
{
    memset(p, 0, sizeof(*p));
    p->percent = -1;
}

/* The last "NN%" before `end`, with a space in front: -1 when there is none; *from is where it begins. */
static int percent_before(const char *s, const char *end, const char **from)
{
    for (const char *p = end; p > s; p--) {
        if (p[-1] != '%') {
            continue;
        }
        const char *digit = p - 1;
        while (digit > s && digit[-1] >= '0' && digit[-1] <= '9') {
            digit--;
        }
        long n = strtol(digit, NULL, 10);
        if (digit < p - 1 && p - 1 - digit <= 3 && n <= 100 && (digit == s || digit[-1] == ' ')) {
            *from = digit;
            return (int)n;
        }
    }
    return -1;
}

/* What stands behind the counter: "Fetching image 45% (3 of 8 blobs, ...) [7s]". */
static void take_bar(struct ctr_progress *p, const char *s)
{
    const char *open = strstr(s, " (");
    const char *time = strrchr(s, '[');
    const char *end = open ? open : time && time > s ? time : s + strlen(s), *from = end;
    s += strspn(s, " ");
    p->percent = end > s ? percent_before(s, end, &from) : -1;
    take_text(p->what, sizeof(p->what), s, from > s ? (size_t)(from - s) : 0);
    const char *close = open ? strrchr(open, ')') : NULL;
    take_text(p->detail, sizeof(p->detail), open ? open + 1 : "", close ? (size_t)(close - open) : 0);
}

/* A whole line. A spinner may stand in front, never a digit. */
static void take_line(struct ctr_progress *p)
{
    static const char error[] = "Error: ";
    p->line[p->len] = '\0';
    p->len = 0;
    const char *s = p->line + strspn(p->line, " ");
    const char *at = strchr(s, '[');
    const char *rest =
        at && at - s <= 8 && strcspn(s, "0123456789") > (size_t)(at - s) ? counter(at + 1, &p->task, &p->tasks) : NULL;
    if (rest) {
        take_bar(p, rest);
    } else if (strncmp(s, error, sizeof(error) - 1) == 0) {
        take_text(p->error, sizeof(p->error), s + sizeof(error) - 1, strlen(s + sizeof(error) - 1));
    } else if (*s) {
        take_text(p->last, sizeof(p->last), s, strlen(s));
    }
}

void ctr_progress_feed(struct ctr_progress *p, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];
        if (p->escape == 1) { /* after ESC */
            p->escape = c == '[' ? 2 : 0;
        } else if (p->escape == 2) {
            p->escape = c >= 0x40 && c <= 0x7e ? 0 : 2;
        } else if (c == 0x1b) {
            p->escape = 1;
            if (p->len > 0) {
                take_line(p); /* the line is cleared behind what was written, or in front of what comes */
            }
        } else if (c == '\n' || c == '\r') {
            if (p->len > 0) {
                take_line(p);
            }
        } else if (c >= 0x20 && p->len + 1 < sizeof(p->line)) {
            p->line[p->len++] = (char)c;
        }
    }
}

int ctr_progress_show(const struct ctr_progress *p, char *text, size_t cap)
{
    if (p->tasks == 0) {
        str_copy(text, cap, "");
        return -1;
    }
    str_format(text, cap, "%s%s%s", p->what, p->detail[0] != '\0' ? " " : "", p->detail);
    int done = p->task > 0 ? p->task - 1 : 0;
    if (p->percent < 0 && done == 0) {
        return -1;
    }
    return (100 * done + MT_MIN(p->percent < 0 ? 0 : p->percent, 100)) / p->tasks;
}

/* --- a build --- */

void ctr_build_init(struct ctr_build *b)
{
    memset(b, 0, sizeof(*b));
    b->percent = -1;
}

/* "[linux/arm64 builder 2/4] RUN x", "[2/4] RUN x": the numbers are in front of the first closing bracket. */
static bool take_step(struct ctr_build *b, const char *s)
{
    const char *close = strchr(s, ']');
    const char *from = close;
    int step, steps;
    while (from && from > s + 1 && ((from[-1] >= '0' && from[-1] <= '9') || from[-1] == '/')) {
        from--;
    }
    const char *what = *s == '[' && from ? counter(from, &step, &steps) : NULL;
    if (!what || step < 1) {
        return false;
    }
    int percent = 100 * (step - 1) / steps;
    b->step = step;
    b->steps = steps;
    b->percent = percent > b->percent ? percent : b->percent;
    what += strspn(what, " ");
    take_text(b->what, sizeof(b->what), what, strlen(what));
    b->last[0] = '\0';
    return true;
}

bool ctr_build_line(struct ctr_build *b, const char *line)
{
    static const char error[] = "ERROR: ", cli[] = "Error: ";
    char *end;
    if (*line != '#') { /* behind the end: "------\n > [2/4] RUN x:\n------", and what the command itself says */
        if (strncmp(line, " > [", 4) == 0) {
            take_text(b->failed, sizeof(b->failed), line + 3, strcspn(line + 3, "\n"));
        } else if (strncmp(line, cli, sizeof(cli) - 1) == 0 && b->reason[0] == '\0') {
            take_text(b->reason, sizeof(b->reason), line + sizeof(cli) - 1, strlen(line + sizeof(cli) - 1));
        }
        return false;
    }
    strtol(line + 1, &end, 10);
    if (end == line + 1 || *end != ' ') {
        return false;
    }
    const char *s = end + 1;
    if (*s == '[') {
        return take_step(b, s);
    }
    if (strncmp(s, error, sizeof(error) - 1) == 0) {
        str_copy(b->failed, sizeof(b->failed), b->what);
        take_text(b->reason, sizeof(b->reason), s + sizeof(error) - 1, strlen(s + sizeof(error) - 1));
        return false;
    }
    if (strncmp(s, "DONE", 4) == 0 || strncmp(s, "CACHED", 6) == 0 || strncmp(s, "CANCELED", 8) == 0 || b->steps == 0) {
        return false;
    }
    strtod(s, &end); /* "0.123 words" */
    s = end > s && *end == ' ' ? end + 1 : s;
    if (*s == '\0') {
        return false;
    }
    take_text(b->last, sizeof(b->last), s, strlen(s));
    return true;
}

void ctr_build_show(const struct ctr_build *b, char *text, size_t cap)
{
    if (b->steps == 0) {
        str_copy(text, cap, "starting the builder");
        return;
    }
    str_format(text, cap, "step %d of %d: %.80s%s%.80s", b->step, b->steps, b->what, b->last[0] != '\0' ? "  " : "",
               b->last);
}
