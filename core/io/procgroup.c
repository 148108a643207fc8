/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/procgroup.h"

#include <string.h>

#include "core/io/procinfo.h"
#include "core/util/compiler.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"

#define PROCESSES_MAX 48 /* looked at */
#define TEXT_MAX 4096
#define NAME_MAX_BYTES 64

struct walk {
    int group;
    procgroup_fn known;
    void *arg;
    int pids[PROCESSES_MAX];
    int count;
    int members; /* of the group */
    bool prompt; /* the last of them is a shell that a person types into */
    char found[NAME_MAX_BYTES];
};

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_shell(const char *name)
{
    static const char *const shells[] = {"sh", "bash", "dash", "zsh", "fish", "ksh", "ash", "mksh", "tcsh", "nu"};

    return is_one_of(name, shells, MT_ARRAY_LEN(shells));
}

/* Was a shell started to be typed into, by its arguments? Not with a script, nor with a command. */
static bool is_for_typing(const char *args, size_t len)
{
    for (size_t at = strlen(args) + 1; at < len; at += strlen(args + at) + 1) {
        const char *a = args + at;
        if (strcmp(a, "--rcfile") == 0 || strcmp(a, "--init-file") == 0) {
            at += strlen(a) + 1; /* a file follows */
        } else if (a[0] != '-' || (a[1] != '-' && strchr(a, 'c') != NULL)) {
            return false;
        }
    }
    return true;
}

/* Does it run what its first argument names? */
static bool is_interpreter(const char *name)
{
    static const char *const others[] = {"node", "nodejs", "bun", "deno", "ruby", "perl", "env", "MainThread"};

    return is_shell(name) || strncmp(name, "python", 6) == 0 || is_one_of(name, others, MT_ARRAY_LEN(others));
}

/* Offers a name, or path, without its folder and the ending that scripts have. */
static void offer(struct walk *w, const char *text)
{
    static const char *const endings[] = {".js", ".mjs", ".cjs", ".ts", ".py", ".sh", ".rb", ".pl"};
    const char *base = path_base(text);
    size_t len = strlen(base);
    char name[NAME_MAX_BYTES];

    for (size_t i = 0; i < MT_ARRAY_LEN(endings); i++) {
        size_t n = strlen(endings[i]);
        if (len > n && strcmp(base + len - n, endings[i]) == 0) {
            len -= n;
            break;
        }
    }
    if (w->found[0] != '\0' || len == 0 || len >= sizeof(name)) {
        return;
    }
    memcpy(name, base, len);
    name[len] = '\0';
    if (w->known(w->arg, name)) {
        str_copy(w->found, sizeof(w->found), name);
    }
}

/* Offers what a process of the group may be called. */
static void offer_process(struct walk *w, int pid)
{
    char comm[64], args[TEXT_MAX];

    procinfo_name(pid, comm, sizeof(comm));
    size_t len = procinfo_args(pid, args, sizeof(args));
    const char *called = args[0] == '-' ? args + 1 : args; /* a login shell */
    w->prompt = is_shell(comm) && len > 0 && is_for_typing(args, len);
    offer(w, comm);
    offer(w, called);
    if (!is_interpreter(comm) && !is_interpreter(path_base(called))) {
        return;
    }
    for (size_t at = strlen(args) + 1; at < len; at += strlen(args + at) + 1) {
        if (args[at] != '-') { /* the first that is no option */
            offer(w, args + at);
            return;
        }
    }
}

/* Puts a process on the list, once. */
static void add(struct walk *w, int pid)
{
    for (int i = 0; i < w->count; i++) {
        if (w->pids[i] == pid) {
            return;
        }
    }
    if (pid > 0 && w->count < PROCESSES_MAX) {
        w->pids[w->count++] = pid;
    }
}

/* Its children. */
static void add_children(struct walk *w, int pid)
{
    int children[PROCESSES_MAX];
    size_t n = procinfo_children(pid, children, MT_ARRAY_LEN(children));

    for (size_t i = 0; i < n; i++) {
        add(w, children[i]);
    }
}

enum procgroup_kind procgroup_find(int group, int root, procgroup_fn known, void *arg, char *out, size_t cap)
{
    struct walk w = {.group = group, .known = known, .arg = arg};

    add(&w, group);
    add(&w, root);
    for (int i = 0; i < w.count && w.found[0] == '\0'; i++) {
        if (procinfo_group(w.pids[i]) == group) {
            w.members++;
            offer_process(&w, w.pids[i]);
        }
        if (w.found[0] == '\0') {
            add_children(&w, w.pids[i]);
        }
    }
    str_copy(out, cap, w.found);
    if (w.members == 0) {
        return PROCGROUP_UNKNOWN;
    }
    return w.members == 1 && w.prompt && w.found[0] == '\0' ? PROCGROUP_SHELL : PROCGROUP_OTHER;
}

/* Fit for one word on a screen? What sh -c runs is not. */
static bool is_word(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-@")] == '\0';
}

/* procgroup_fn: programs and scripts that are called something themselves. */
static bool is_telling(void *arg, const char *name)
{
    (void)arg;
    return is_word(name) && !is_interpreter(name);
}

/* procgroup_fn: an interpreter that runs nothing with a name. */
static bool is_program(void *arg, const char *name)
{
    (void)arg;
    return is_word(name) && !is_shell(name) && strcmp(name, "MainThread") != 0;
}

void procgroup_name(int group, int root, char *out, size_t cap)
{
    if (procgroup_find(group, root, is_telling, NULL, out, cap) == PROCGROUP_OTHER && out[0] == '\0') {
        (void)procgroup_find(group, root, is_program, NULL, out, cap);
    }
}
