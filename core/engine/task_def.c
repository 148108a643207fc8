/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/task_def.h"

#include <regex.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/env.h"
#include "core/util/paths.h"
#include "core/util/regex_cost.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define CWD_MAX 512
#define ENV_VALUE_MAX 4096
#define MATCH_PARTS_MAX 512 /* of a pattern, once its repetitions are expanded */
#define RESTARTS_MAX 1000000
#define WORDS_OF_NAME 3
#define NAME_OF_COMMAND_MAX 28

/* One entry while it is read. */
struct entry {
    struct task_list *list;
    struct task_def def;
    const struct toml *at; /* the entry's own key */
    const char *shown;
    bool bad;
};

void task_list_warn(struct task_list *list, const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    va_list ap;
    if (list->warnings.len >= 2 * TASK_WARNINGS_MAX) {
        list->warnings_left++;
        return;
    }
    va_start(ap, fmt);
    strbuf_vaddf(&raw, fmt, ap);
    va_end(ap);
    utf8_sanitize(&clean, raw.buf, raw.len, false);
    strvec_push(&list->warnings, clean.buf);
}

/* What is wrong at `at`. The entry is left out when it is spoilt by that. */
static void complain(struct entry *e, const struct toml *at, bool spoilt, const char *what)
{
    const char *of = at != e->at && at->key != NULL ? at->key : "";
    task_list_warn(e->list, "%s:%d:%d: tasks.%.80s%s%.80s: %s", e->shown, at->key != NULL ? at->key_line : at->line,
                   at->key != NULL ? at->key_col : at->col, e->at->key, of[0] != '\0' ? "." : "", of, what);
    e->bad = e->bad || spoilt;
}

/* Is it shown as it is? Lines: newlines and tabs are allowed. */
static bool is_plain(const char *text, bool lines)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strlen(text), lines);
    return strcmp(clean.buf, text) == 0;
}

int task_check_name(const char *name, struct error *err)
{
    size_t n = strlen(name);
    if (n == 0 || n >= TASK_NAME_MAX || strspn(name, ALNUM "_.-") != n || strspn(name, ALNUM) == 0) {
        return error_set(err, ERROR_INVALID,
                         "a task's name has up to %d letters, digits, _ . and -, and begins with a letter or digit",
                         TASK_NAME_MAX - 1);
    }
    return 0;
}

int task_check_command(const char *command, struct error *err)
{
    size_t n = strlen(command);
    if (strspn(command, " \t\r\n") == n) {
        return error_set(err, ERROR_INVALID, "the command is empty; write what sh -c is to run");
    }
    if (n >= SESSION_COMMAND_MAX) {
        return error_set(err, ERROR_INVALID,
                         "the command has %zu bytes, at most %d are kept; put it into a script and run that", n,
                         SESSION_COMMAND_MAX - 1);
    }
    if (!is_plain(command, true)) {
        return error_set(err, ERROR_INVALID,
                         "the command holds control or direction characters, which nobody could see; take them out");
    }
    return 0;
}

int task_check_match(const char *pattern, struct error *err)
{
    regex_t re;
    char why[120];
    if (pattern[0] == '\0' || strlen(pattern) >= TASK_READY_MAX || !is_plain(pattern, false)) {
        return error_set(err, ERROR_INVALID, "a pattern for readiness has 1 to %d bytes and no control characters",
                         TASK_READY_MAX - 1);
    }
    const char *costly = regex_too_costly(pattern, MATCH_PARTS_MAX);
    if (costly != NULL) {
        return error_set(err, ERROR_INVALID, "this pattern is not taken: %s; make it simpler", costly);
    }
    int rc = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);
    if (rc != 0) {
        regerror(rc, &re, why, sizeof(why));
        return error_set(err, ERROR_INVALID,
                         "no extended regular expression: %s; a sign that means itself goes behind \\", why);
    }
    regfree(&re);
    return 0;
}

/* A string, or a complaint and NULL. */
static const char *text_of(struct entry *e, const struct toml *v, bool lines)
{
    if (v->type != TOML_STRING) {
        complain(e, v, true, "expected a string in quotes");
        return NULL;
    }
    if (!is_plain(v->string, lines)) {
        complain(e, v, true, "it holds control or direction characters, which nobody could see; take them out");
        return NULL;
    }
    return v->string;
}

static void take_command(struct entry *e, const struct toml *v)
{
    struct error err = ERROR_INIT;
    if (v->type != TOML_STRING) {
        complain(e, v, true, "expected a string in quotes: what sh -c is to run");
    } else if (task_check_command(v->string, &err) < 0) {
        complain(e, v, true, err.msg);
    } else {
        free(e->def.command);
        e->def.command = xstrdup(v->string);
    }
}

/* Does it lead out of the folder that it stands in? */
static bool has_dotdot(const char *path)
{
    for (const char *p = path; *p != '\0';) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            return true;
        }
        p += n + (p[n] == '/' ? 1 : 0);
    }
    return false;
}

static void take_cwd(struct entry *e, const struct toml *v)
{
    const char *text = text_of(e, v, false);
    if (text == NULL) {
        return;
    }
    if (text[0] == '\0' || strlen(text) >= CWD_MAX || has_dotdot(text)) {
        complain(e, v, true, "expected a folder inside, without ..: absolute, or below the workspace");
        return;
    }
    free(e->def.cwd);
    e->def.cwd = xstrdup(text);
}

/* Variables that could mean something to programs of this machine on the way in. */
static bool is_ours(const char *key)
{
    static const char *const PREFIXES[] = {"LD_",      "GLIBC_", "GCONV_",      "LOCPATH",     "NLSPATH", "MALLOC_",
                                           "OPENSSL_", "SSL_",   "HOSTALIASES", "RES_OPTIONS", "MUTHR_",  "DYLD_"};
    for (size_t i = 0; i < MT_ARRAY_LEN(PREFIXES); i++) {
        if (strncmp(key, PREFIXES[i], strlen(PREFIXES[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void take_env(struct entry *e, const struct toml *t)
{
    if (t->type != TOML_TABLE) {
        complain(e, t, true, "expected a table: env = { KEY = \"value\" }");
        return;
    }
    for (const struct toml *v = t->first; v != NULL && !e->bad; v = v->next) {
        struct error err = ERROR_INIT;
        const char *value = text_of(e, v, false);
        if (value == NULL) {
            return;
        }
        MT_CLEANUP(xfree) char *pair = xasprintf("%s=%s", v->key, value);
        if (e->def.env.len >= TASK_ENV_MAX || strlen(value) > ENV_VALUE_MAX) {
            complain(e, v, true, "too many variables, or too long a value; put them into a file that the task reads");
        } else if (e->def.origin == TASK_OF_PROJECT && is_ours(v->key)) {
            complain(e, v, true, "a project may not set this variable here; set it in the command");
        } else if (strchr(v->key, '=') != NULL || env_push_extra(&e->def.env, pair, &err) < 0) {
            complain(e, v, true, "a variable's name has letters, digits and _, its value is one line");
        }
    }
    strvec_sort(&e->def.env); /* the same set is the same definition */
}

static void take_restart(struct entry *e, const struct toml *v)
{
    int restart = v->type == TOML_STRING ? task_restart_parse(v->string) : -1;
    if (restart < 0) {
        complain(e, v, true, "expected \"never\", \"on-failure\" or \"always\"");
        return;
    }
    e->def.policy.restart = (enum task_restart)restart;
}

/* A whole number from `min` to `max`; 0 after a complaint. */
static int64_t number_of(struct entry *e, const struct toml *v, int64_t min, int64_t max)
{
    char what[80];
    if (v->type == TOML_INT && v->integer >= min && v->integer <= max) {
        return v->integer;
    }
    str_format(what, sizeof(what), "expected a whole number from %lld to %lld", (long long)min, (long long)max);
    complain(e, v, true, what);
    return 0;
}

static void take_restarts(struct entry *e, const struct toml *v)
{
    e->def.policy.most_restarts = (uint32_t)number_of(e, v, 0, RESTARTS_MAX);
}

static void take_port(struct entry *e, const struct toml *v)
{
    e->def.policy.ready_port = (uint16_t)number_of(e, v, 1, UINT16_MAX);
}

static void take_match(struct entry *e, const struct toml *v)
{
    struct error err = ERROR_INIT;
    if (v->type != TOML_STRING) {
        complain(e, v, true, "expected a string in quotes");
    } else if (task_check_match(v->string, &err) < 0) {
        complain(e, v, true, err.msg);
    } else {
        str_copy(e->def.policy.ready_match, sizeof(e->def.policy.ready_match), v->string);
    }
}

static void take_workspace(struct entry *e, const struct toml *v)
{
    if (e->def.origin == TASK_OF_PROJECT) {
        complain(e, v, false, "a project's tasks are the project's anyway; take it out");
        return;
    }
    bool one = v->type == TOML_STRING;
    if (!one && v->type != TOML_ARRAY) {
        complain(e, v, true, "expected the name of a project, or several in [ ]; * and ? match");
        return;
    }
    for (const struct toml *w = one ? v : v->first; w != NULL; w = one ? NULL : w->next) {
        if (w->type != TOML_STRING || w->string[0] == '\0') {
            complain(e, v, true, "expected the name of a project, or several in [ ]; * and ? match");
            return;
        }
        strvec_push(&e->def.workspaces, w->string);
    }
    if (e->def.workspaces.len == 0) {
        complain(e, v, true, "no project is named: it would be in none; take the line out for all of them");
    }
}

static const struct {
    const char *key;
    void (*take)(struct entry *e, const struct toml *v);
} KEYS[] = {
    {"command", take_command},
    {"cwd", take_cwd},
    {"env", take_env},
    {"restart", take_restart},
    {"max_restarts", take_restarts},
    {"ready_port", take_port},
    {"ready_match", take_match},
    {"workspace", take_workspace},
};

/* All settings of one entry. */
static void take_entry(struct entry *e)
{
    const struct toml *t = e->at;
    struct error err = ERROR_INIT;
    if (task_check_name(t->key, &err) < 0) {
        complain(e, t, true, err.msg);
        return;
    }
    str_copy(e->def.name, sizeof(e->def.name), t->key);
    if (t->type == TOML_STRING) {
        take_command(e, t);
        return;
    }
    if (t->type != TOML_TABLE) {
        complain(e, t, true, "expected a table with a command, or the command itself in quotes");
        return;
    }
    for (const struct toml *v = t->first; v != NULL; v = v->next) {
        size_t i = 0;
        while (i < MT_ARRAY_LEN(KEYS) && strcmp(KEYS[i].key, v->key) != 0) {
            i++;
        }
        if (i < MT_ARRAY_LEN(KEYS)) {
            KEYS[i].take(e, v);
        } else {
            complain(e, v, false,
                     "there is no such setting; a task has command, cwd, env, restart, max_restarts, ready_port, "
                     "ready_match and workspace");
        }
    }
    if (e->def.command == NULL && !e->bad) {
        complain(e, t, true, "it has no command; give it one");
    }
}

static void def_release(struct task_def *d)
{
    free(d->command);
    free(d->cwd);
    free(d->place);
    strvec_release(&d->env);
    strvec_release(&d->workspaces);
}

void task_defs_read(struct task_list *list, const struct toml *root, enum task_origin origin, const char *shown)
{
    const struct toml *tasks = toml_get(root, "tasks");
    size_t taken = 0, told = list->warnings.len;
    if (tasks == NULL) {
        return;
    }
    if (tasks->type != TOML_TABLE) {
        task_list_warn(list, "%s:%d:%d: tasks: expected a table: [tasks] and NAME = \"command\" lines", shown,
                       tasks->key_line, tasks->key_col);
        return;
    }
    for (const struct toml *t = tasks->first; t != NULL; t = t->next) {
        struct entry e = {.list = list,
                          .at = t,
                          .shown = shown,
                          .def = {.origin = origin, .env = STRVEC_INIT, .workspaces = STRVEC_INIT}};
        if (taken == TASK_DEFS_MAX) {
            complain(&e, t, true, "too many tasks in this file: this one and the rest are left out");
            break;
        }
        if (list->warnings.len - told >= TASK_WARNINGS_MAX) {
            list->warnings_left++;
            break;
        }
        take_entry(&e);
        if (e.bad) {
            def_release(&e.def);
            continue;
        }
        e.def.place = xasprintf("%s:%d", shown, t->key_line);
        e.def.consented = origin == TASK_OF_USER;
        list->v = xreallocarray(list->v, list->count + 1, sizeof(*list->v));
        list->v[list->count++] = e.def;
        taken++;
    }
}

void task_list_release(struct task_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        def_release(&list->v[i]);
    }
    free(list->v);
    strvec_release(&list->warnings);
    *list = TASK_LIST_INIT;
}

/* How much of a command line says nothing of what is run: a variable, a word that runs another, a whole `cd x &&`. */
static size_t skip_wrapper(const char *p, size_t n)
{
    static const char *const WORDS[] = {"exec", "env", "sudo", "nohup", "nice", "time", "command"};
    if ((n == 2 && strncmp(p, "cd", 2) == 0) || (n == 3 && strncmp(p, "set", 3) == 0)) {
        return strcspn(p, ";&|\r\n");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(WORDS); i++) {
        if (strlen(WORDS[i]) == n && strncmp(p, WORDS[i], n) == 0) {
            return n;
        }
    }
    return memchr(p, '=', n) != NULL ? n : 0;
}

/* The words that tell what a command runs: its program without the folder, and what follows that is neither an option
 * nor another command. */
static void telling_words(const char *command, struct strbuf *out)
{
    static const char GAP[] = " \t\r\n;&|()";
    const char *p = command + strspn(command, GAP);
    for (int words = 0; *p != '\0' && words < WORDS_OF_NAME;) {
        size_t n = strcspn(p, GAP), skip = words == 0 ? skip_wrapper(p, n) : 0;
        if (skip > 0) {
            p += skip;
            p += strspn(p, GAP);
            continue;
        }
        const char *base = p + n;
        while (base > p && base[-1] != '/') {
            base--;
        }
        size_t m = (size_t)(p + n - base);
        bool plain = strspn(p, ALNUM "_.:-/") >= n && strspn(p, ALNUM) > 0;
        if (words > 0 && (!plain || out->len + 1 + m > NAME_OF_COMMAND_MAX)) {
            return; /* options, quotes, redirections */
        }
        strbuf_addstr(out, words > 0 ? "-" : "");
        strbuf_add(out, base, m);
        words++;
        p += n;
        p += strspn(p, " \t");
        if (*p == '\0' || strchr("\r\n;&|()", *p) != NULL) {
            return;
        }
    }
}

void task_name_of(const char *command, char out[TASK_NAME_MAX])
{
    MT_CLEANUP(strbuf) struct strbuf words = STRBUF_INIT;
    size_t len = 0;
    telling_words(command, &words);
    for (size_t i = 0; i < words.len && len < NAME_OF_COMMAND_MAX; i++) {
        char c = words.buf[i];
        bool good = c != '\0' && (strchr(ALNUM, c) != NULL || (len > 0 && strchr("_.-", c) != NULL));
        if (good || (len > 0 && out[len - 1] != '-')) {
            out[len++] = good ? c : '-';
        }
    }
    while (len > 0 && strchr("-.", out[len - 1]) != NULL) {
        len--;
    }
    out[len] = '\0';
    if (len == 0) {
        str_copy(out, TASK_NAME_MAX, "task");
    }
}

char *task_def_cwd(const struct task_def *def, const char *mount)
{
    if (def->cwd == NULL || def->cwd[0] == '/') {
        return xstrdup(def->cwd != NULL ? def->cwd : mount);
    }
    return path_join(mount, def->cwd);
}

void task_def_describe(const struct task_def *def, struct strbuf *out)
{
    const struct task_policy *p = &def->policy;
    strbuf_addstr(out, "command: ");
    for (const char *c = def->command; *c != '\0'; c++) { /* its lines are not to be taken for ours */
        strbuf_addch(out, *c);
        strbuf_addstr(out, *c == '\n' ? "       | " : "");
    }
    strbuf_addch(out, '\n');
    if (def->cwd != NULL) {
        strbuf_addf(out, "cwd: %s\n", def->cwd);
    }
    for (size_t i = 0; i < def->env.len; i++) {
        strbuf_addf(out, "env: %s\n", def->env.v[i]);
    }
    if (p->restart != TASK_RESTART_NEVER) {
        strbuf_addf(out, "restart: %s", task_restart_name(p->restart));
        if (p->most_restarts > 0) {
            strbuf_addf(out, ", at most %u in a row", p->most_restarts);
        }
        strbuf_addch(out, '\n');
    }
    if (p->ready_port != 0) {
        strbuf_addf(out, "ready: listens on port %u\n", p->ready_port);
    }
    if (p->ready_match[0] != '\0') {
        strbuf_addf(out, "ready: a line matches %s\n", p->ready_match);
    }
}
