/* SPDX-License-Identifier: Apache-2.0 */
#include "term/attention.h"

#include <string.h>
#include <strings.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

void attention_init(struct attention *a, struct attention_rules rules, uint64_t now_ms)
{
    *a = (struct attention){.rules = rules, .since_ms = now_ms, .progress_percent = -1};
}

/* Changes the state; an end is never left again. */
static bool enter(struct attention *a, enum attention_state state, uint64_t now_ms)
{
    if (a->state == state || (a->ended && state != ATTENTION_DONE && state != ATTENTION_FAILED)) {
        return false;
    }
    a->state = state;
    a->since_ms = now_ms;
    a->seen = false;
    return true;
}

/* States that stand until a person reacts: output does not take them away. */
static bool is_sticky(const struct attention *a)
{
    return a->state == ATTENTION_BELL || a->state == ATTENTION_NOTIFY;
}

/* The same, and the end of a long command. */
static bool stands(const struct attention *a)
{
    return is_sticky(a) || (!a->ended && (a->state == ATTENTION_DONE || a->state == ATTENTION_FAILED));
}

bool attention_output(struct attention *a, uint64_t now_ms)
{
    bool echo = a->last_input_ms != 0 && now_ms - a->last_input_ms < a->rules.echo_ms;
    if (a->last_output_ms == 0 || now_ms - a->last_output_ms >= a->rules.quiet_ms || a->burst_start_ms == 0) {
        a->burst_start_ms = echo ? 0 : now_ms;
    }
    a->last_output_ms = now_ms;
    a->ask_due = a->ask_due || !echo || a->submitted;
    if (a->looks && !a->look_due) {
        a->look_due = true;
        a->look_first_ms = now_ms;
    }
    if (a->verdict == ATTENTION_SAYS_WAITING || a->verdict == ATTENTION_SAYS_IDLE) {
        return false; /* something moves beside it: the next look tells */
    }
    if (stands(a) || a->burst_start_ms == 0 || now_ms - a->burst_start_ms < a->rules.burst_ms) {
        return false;
    }
    a->worked = a->worked || a->submitted;
    return enter(a, ATTENTION_WORKING, now_ms);
}

/* The question that stood there is answered, or gone. */
static void forget_question(struct attention *a)
{
    a->asking = a->ask_due = false;
    a->question[0] = '\0';
}

enum attention_key attention_key_of(const char *bytes, size_t len)
{
    static const char moves[] = "ABCDFHIOMm~Z";
    char last = len > 0 ? bytes[len - 1] : '\0';
    if (last == '\r' || last == '\n') {
        return ATTENTION_KEY_ENTER;
    }
    if (len < 3 || bytes[0] != '\033' || (bytes[1] != '[' && bytes[1] != 'O')) {
        return ATTENTION_KEY_TEXT;
    }
    if (len >= 6 && memcmp(bytes, "\033[200~", 6) == 0) {
        return ATTENTION_KEY_TEXT; /* a paste */
    }
    if (last == 'u') {
        return strncmp(bytes, "\033[13", 4) == 0 ? ATTENTION_KEY_ENTER : ATTENTION_KEY_TEXT; /* kitty's protocol */
    }
    bool old_mouse = bytes[2] == 'M' && len == 6;
    return old_mouse || strchr(moves, last) != NULL ? ATTENTION_KEY_MOVE : ATTENTION_KEY_TEXT;
}

bool attention_input(struct attention *a, enum attention_key key, uint64_t now_ms)
{
    a->last_input_ms = now_ms;
    a->burst_start_ms = 0;
    if (key == ATTENTION_KEY_MOVE) {
        return false;
    }
    a->submitted = key == ATTENTION_KEY_ENTER;
    a->bell_due = false;
    if (a->verdict == ATTENTION_SAYS_WAITING) { /* perhaps the key was no answer: the screen tells */
        a->look_due = a->looks;
        a->look_first_ms = now_ms;
        a->verdict = ATTENTION_SAYS_NOTHING;
    } else if (a->verdict == ATTENTION_SAYS_IDLE && a->submitted) {
        a->verdict = ATTENTION_SAYS_NOTHING;
    }
    forget_question(a);
    if (stands(a) || a->state == ATTENTION_WAITING) {
        a->text[0] = '\0';
        return enter(a, a->progress_ms != 0 ? ATTENTION_WORKING : ATTENTION_IDLE, now_ms);
    }
    return false;
}

bool attention_seen(struct attention *a, uint64_t now_ms)
{
    if (!stands(a)) {
        bool told = !a->seen && a->state != ATTENTION_IDLE && a->state != ATTENTION_WORKING;
        a->seen = a->seen || told;
        return told;
    }
    str_copy(a->text, sizeof(a->text), a->question);
    bool working = a->progress_ms != 0 || a->verdict == ATTENTION_SAYS_WORKING ||
                   (a->burst_start_ms != 0 && now_ms - a->last_output_ms < a->rules.quiet_ms &&
                    now_ms - a->burst_start_ms >= a->rules.burst_ms);
    if (a->asking || (!working && a->rules.waiting_from_quiet)) {
        enter(a, ATTENTION_WAITING, now_ms); /* it was looked at, not answered */
        a->seen = true;
        return true;
    }
    return enter(a, working ? ATTENTION_WORKING : ATTENTION_IDLE, now_ms);
}

/* Does it wait with what its screen says? */
static bool shows_question(const struct attention *a)
{
    return a->state == ATTENTION_WAITING && (a->verdict == ATTENTION_SAYS_WAITING || a->verdict == ATTENTION_SAYS_IDLE);
}

bool attention_bell(struct attention *a, uint64_t now_ms)
{
    if (a->state == ATTENTION_NOTIFY || a->ended || shows_question(a)) {
        return false; /* what it rings for is told, and says more than a bell */
    }
    if (a->looks) {
        a->look_first_ms = a->look_due ? a->look_first_ms : now_ms;
        a->look_due = a->bell_due = true;
        return false;
    }
    return enter(a, ATTENTION_BELL, now_ms);
}

bool attention_notify(struct attention *a, const char *title, const char *body, uint64_t now_ms)
{
    char text[sizeof(a->text)];
    if (shows_question(a) && a->verdict == ATTENTION_SAYS_WAITING) {
        return false;
    }
    MT_CLEANUP(strbuf) struct strbuf both = STRBUF_INIT;
    strbuf_addstr(&both, title);
    strbuf_addstr(&both, *title != '\0' && *body != '\0' ? ": " : "");
    strbuf_addstr(&both, body);
    str_copy(text, sizeof(text), both.buf);
    bool changed = enter(a, ATTENTION_NOTIFY, now_ms);
    if (a->ended || (!changed && strcmp(a->text, text) == 0)) {
        return false;
    }
    memcpy(a->text, text, sizeof(a->text));
    a->seen = false;
    return true;
}

bool attention_progress(struct attention *a, int state, int percent, uint64_t now_ms)
{
    if (state == 0) {
        bool had = a->progress_ms != 0;
        a->progress_ms = 0;
        a->progress_percent = -1;
        if (a->state == ATTENTION_WORKING) {
            return enter(a, a->rules.waiting_from_quiet ? ATTENTION_WAITING : ATTENTION_IDLE, now_ms) || had;
        }
        return had;
    }
    int old = a->progress_percent;
    a->progress_ms = now_ms == 0 ? 1 : now_ms;
    a->progress_percent = state == 3 ? -1 : percent;
    a->worked = true;
    bool entered = !is_sticky(a) && enter(a, ATTENTION_WORKING, now_ms);
    return entered || old != a->progress_percent;
}

bool attention_mark(struct attention *a, char kind, int status, uint64_t now_ms)
{
    if (kind == 'C') {
        a->command_ms = now_ms == 0 ? 1 : now_ms;
        a->burst_start_ms = now_ms;
        return !is_sticky(a) && enter(a, ATTENTION_WORKING, now_ms);
    }
    if (kind == 'A' || kind == 'D') {
        a->burst_start_ms = 0;
        a->progress_ms = 0;
        a->progress_percent = -1;
        /* What failed under the person's hands is their own business. */
        bool alone = a->command_ms != 0 && now_ms - a->command_ms >= a->rules.long_ms &&
                     now_ms - a->last_input_ms >= a->rules.quiet_ms;
        a->command_ms = 0;
        if (alone && !is_sticky(a)) {
            return enter(a, status > 0 ? ATTENTION_FAILED : ATTENTION_DONE, now_ms);
        }
        return !stands(a) && enter(a, ATTENTION_IDLE, now_ms);
    }
    return false;
}

bool attention_exit(struct attention *a, int status, uint64_t now_ms)
{
    a->ended = true;
    a->look_due = false;
    forget_question(a);
    if (a->state == ATTENTION_WAITING) {
        a->text[0] = '\0'; /* nobody is left to answer to */
    }
    a->exit_status = status;
    a->progress_ms = 0;
    a->progress_percent = -1;
    return enter(a, status == 0 ? ATTENTION_DONE : ATTENTION_FAILED, now_ms);
}

bool attention_fail(struct attention *a, const char *text, uint64_t now_ms)
{
    attention_begin(a, false, now_ms);
    str_copy(a->text, sizeof(a->text), text);
    return enter(a, ATTENTION_FAILED, now_ms);
}

void attention_say(struct attention *a, const char *text)
{
    str_copy(a->text, sizeof(a->text), text);
}

void attention_begin(struct attention *a, bool keep_told, uint64_t now_ms)
{
    struct attention fresh;
    bool keeps = keep_told && (a->state == ATTENTION_FAILED || is_sticky(a));

    attention_init(&fresh, a->rules, now_ms);
    fresh.looks = a->looks;
    if (keeps) {
        fresh.state = a->state;
        fresh.since_ms = a->since_ms;
        fresh.seen = a->seen;
        memcpy(fresh.text, a->text, sizeof(fresh.text));
    }
    *a = fresh;
}

/* When work that is not heard of any more counts as over; 0: it does not. */
static uint64_t quiet_deadline(const struct attention *a)
{
    /* Reported progress, and a screen that says so, are trusted to end themselves: a long silent build is still work.
     */
    if (a->state != ATTENTION_WORKING || a->progress_ms != 0 || a->verdict == ATTENTION_SAYS_WORKING) {
        return 0;
    }
    return MT_MAX(a->last_output_ms, a->since_ms) + a->rules.quiet_ms;
}

/* When the screen is to be looked at; 0: not. */
static uint64_t look_at(const struct attention *a)
{
    return a->look_due ? MT_MIN(MT_MAX(a->last_output_ms, a->look_first_ms) + a->rules.look_ms,
                                a->look_first_ms + a->rules.look_most_ms)
                       : 0;
}

bool attention_tick(struct attention *a, uint64_t now_ms)
{
    uint64_t due = quiet_deadline(a);
    if (due == 0 || now_ms < due) {
        return false;
    }
    a->burst_start_ms = 0;
    return enter(a, a->rules.waiting_from_quiet ? ATTENTION_WAITING : ATTENTION_IDLE, now_ms);
}

uint64_t attention_deadline(const struct attention *a)
{
    uint64_t quiet = quiet_deadline(a), ask = a->ask_due ? a->last_output_ms + a->rules.ask_ms : 0;
    uint64_t at = quiet != 0 && ask != 0 ? MT_MIN(quiet, ask) : MT_MAX(quiet, ask), look = look_at(a);
    return at != 0 && look != 0 ? MT_MIN(at, look) : MT_MAX(at, look);
}

void attention_looks(struct attention *a, bool looks, uint64_t now_ms)
{
    a->looks = looks;
    a->look_due = looks && !a->ended && a->last_output_ms != 0;
    if (a->bell_due && !looks) {
        enter(a, ATTENTION_BELL, now_ms);
    }
    a->bell_due = a->bell_due && looks;
    a->look_first_ms = now_ms;
    a->verdict = ATTENTION_SAYS_NOTHING;
}

bool attention_look_due(const struct attention *a, uint64_t now_ms)
{
    return a->look_due && now_ms >= look_at(a);
}

/* The screen shows a question. */
static bool look_waiting(struct attention *a, const char *text, uint64_t now_ms)
{
    char shown[sizeof(a->text)];
    str_copy(shown, sizeof(shown), text);
    bool was = a->state == ATTENTION_WAITING, same = was && strcmp(a->text, shown) == 0;
    a->burst_start_ms = 0;
    if (same) {
        return false; /* a screen that was only drawn again asks what it asked */
    }
    bool called = is_sticky(a); /* the bell was for this: no second call */
    a->state = ATTENTION_WAITING;
    a->since_ms = called ? a->since_ms : now_ms;
    a->seen = called && a->seen;
    memcpy(a->text, shown, sizeof(a->text));
    return true;
}

/* The screen shows that nothing goes on: after work its turn is over. */
static bool look_idle(struct attention *a, const char *text, uint64_t now_ms)
{
    if (a->state == ATTENTION_NOTIFY) {
        a->worked = false; /* it has said so itself, and in its own words */
        return false;
    }
    if (a->worked && a->progress_ms == 0) {
        bool changed = look_waiting(a, text, now_ms);
        a->worked = false;
        return changed;
    }
    if (a->state == ATTENTION_WORKING && a->progress_ms == 0) {
        return enter(a, ATTENTION_IDLE, now_ms);
    }
    return false;
}

bool attention_look(struct attention *a, enum attention_verdict verdict, const char *text, uint64_t now_ms)
{
    enum attention_verdict before = a->verdict;
    bool rang = a->bell_due && (verdict == ATTENTION_SAYS_NOTHING || verdict == ATTENTION_SAYS_WORKING ||
                                (verdict == ATTENTION_SAYS_IDLE && !a->worked));
    a->look_due = a->bell_due = false;
    if (a->ended) {
        return false;
    }
    a->verdict = verdict;
    a->ask_due = a->ask_due && verdict == ATTENTION_SAYS_NOTHING;
    if (rang) { /* for nothing that the screen shows */
        a->worked = a->worked || verdict == ATTENTION_SAYS_WORKING;
        return a->state != ATTENTION_NOTIFY && enter(a, ATTENTION_BELL, now_ms);
    }
    switch (verdict) {
    case ATTENTION_SAYS_WAITING:
        return look_waiting(a, text, now_ms);
    case ATTENTION_SAYS_IDLE:
        return look_idle(a, text, now_ms);
    case ATTENTION_SAYS_WORKING:
        a->worked = true;
        a->text[0] = is_sticky(a) ? a->text[0] : '\0';
        return !is_sticky(a) && enter(a, ATTENTION_WORKING, now_ms);
    case ATTENTION_SAYS_NOTHING:
        if (before == ATTENTION_SAYS_WAITING && a->state == ATTENTION_WAITING && !a->asking) {
            a->text[0] = '\0'; /* the question is gone, unanswered by us: output tells what goes on */
            return enter(a, ATTENTION_IDLE, now_ms);
        }
        return false;
    }
    return false;
}

bool attention_line_due(const struct attention *a, uint64_t now_ms)
{
    return a->ask_due && now_ms >= a->last_output_ms + a->rules.ask_ms;
}

bool attention_line(struct attention *a, const char *line, uint64_t now_ms)
{
    char question[sizeof(a->question)] = "";
    bool was = a->asking;
    if (a->ended) {
        return false;
    }
    a->ask_due = false;
    a->asking = attention_is_question(line);
    if (a->asking) {
        str_copy(question, sizeof(question), line);
    }
    bool same = strcmp(a->question, question) == 0;
    memcpy(a->question, question, sizeof(a->question));
    if (is_sticky(a) || (!a->asking && stands(a)) ||
        (same && was == a->asking && (!was || a->state == ATTENTION_WAITING))) {
        return false; /* a screen that was only drawn again asks what it asked */
    }
    if (!a->asking) {
        a->text[0] = '\0';
        bool over = a->state == ATTENTION_WAITING && !a->rules.waiting_from_quiet && enter(a, ATTENTION_IDLE, now_ms);
        return over || was;
    }
    str_copy(a->text, sizeof(a->text), question);
    a->burst_start_ms = 0;
    enter(a, ATTENTION_WAITING, now_ms);
    a->since_ms = now_ms;
    a->seen = false;
    return true;
}

bool attention_wants_person(const struct attention *a)
{
    return a->state == ATTENTION_WAITING || is_sticky(a) || a->state == ATTENTION_FAILED;
}

const char *attention_name(enum attention_state s)
{
    static const char *const names[] = {"idle", "working", "waiting", "bell", "notify", "done", "failed"};
    return (size_t)s < MT_ARRAY_LEN(names) ? names[s] : "idle";
}

/* Does the text hold the word, whatever the case of its letters? */
static bool holds(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= len; i++) {
        if (strncasecmp(text + i, word, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Is [from, to) y, n, yes or no, with or without brackets of its own? */
static bool is_yes_or_no(const char *from, const char *to)
{
    static const char *const words[] = {"y", "n", "yes", "no"};
    if (to - from > 2 && *from == '[' && to[-1] == ']') {
        from++;
        to--;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strlen(words[i]) == (size_t)(to - from) && strncasecmp(from, words[i], (size_t)(to - from)) == 0) {
            return true;
        }
    }
    return false;
}

/* Does the text end in a bracket with a choice of yes or no, such as [y/N], (yes/no), [Y,n,q] or (yes)? */
static bool ends_in_choice(const char *text, size_t len)
{
    if (len < 3 || (text[len - 1] != ']' && text[len - 1] != ')')) {
        return false;
    }
    const char *end = text + len - 1, *open = end;
    char opening = *end == ']' ? '[' : '(';
    while (open > text && *open != opening) {
        open--;
    }
    if (*open != opening) {
        return false;
    }
    for (const char *from = open + 1; from < end;) {
        const char *to = from;
        while (to < end && *to != '/' && *to != ',' && *to != '|') {
            to++;
        }
        if (is_yes_or_no(from, to)) {
            return true;
        }
        from = to + 1;
    }
    return false;
}

bool attention_is_question(const char *line)
{
    static const char *const secrets[] = {"password", "passphrase",        "passcode",     "username",
                                          "login",    "verification code", "one-time code"};
    static const char *const waits[] = {"press enter",   "press return",  "press any key",
                                        "press [enter]", "press <enter>", "press <return>",
                                        "hit enter",     "hit return",    "hit any key"};
    size_t len = strlen(line);
    while (len > 0 && line[len - 1] == ' ') {
        len--;
    }
    if (len == 0) {
        return false;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(waits); i++) {
        if (holds(line, len, waits[i]) && strchr("$#%", line[len - 1]) == NULL) {
            return true;
        }
    }
    switch (line[len - 1]) {
    case '?':
        return len > 1;
    case ':':
        for (size_t i = 0; i < MT_ARRAY_LEN(secrets); i++) {
            if (holds(line, len, secrets[i])) {
                return true;
            }
        }
        while (len > 0 && (line[len - 1] == ':' || line[len - 1] == ' ')) {
            len--;
        }
        break;
    default:
        break;
    }
    return ends_in_choice(line, len);
}
