/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_rules.h"

#include <string.h>

#include "core/io/procgroup.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host_meta.h"
#include "term/host_session.h"
#include "term/rules.h"

#define LOOKS_MAX 5   /* one after the other at a process group, before it is what it is */
#define AGAIN_MS 3000 /* then no sooner than this: a script may run one program after the other in it */

/* Takes the rules for a program into use. What is wrong with them is for the cockpit and doctor to say. */
static void use(struct host_session *h, const char *program)
{
    struct rules *old = h->rules;

    h->rules = rules_load(h->spec->rules_own, h->spec->rules_shipped, program, NULL);
    pulse_set_rules(h->pulse, h->rules, clock_mono_ms());
    rules_free(old);
}

/* Reads the files. Where there are none for the label, what runs in it may be known. */
static void load(struct host_session *h)
{
    char program[sizeof(h->info.label)];

    rules_program(h->info.label, program, sizeof(program));
    use(h, program);
    rules_programs_free(h->programs);
    h->programs = h->rules == NULL ? rules_programs_load(h->spec->rules_own, h->spec->rules_shipped) : NULL;
    h->known[0] = '\0';
    h->front.group = 0;
    host_rules_follow(h);
}

/* procgroup_fn */
static bool has_rules(void *arg, const char *name)
{
    const struct host_session *h = arg;

    return rules_programs_know(h->programs, name);
}

/* Looks at what is in the foreground of the terminal, when there was output: again while it may still become what it is
 * to be, as a shell's child before it runs the program. */
static void look_in_front(struct host_session *h)
{
    int group = pty_group(h->pty);
    uint64_t now = clock_mono_ms();

    if (group != h->front.group) {
        memset(&h->front, 0, sizeof(h->front));
        h->front.group = group;
    }
    bool settled = h->front.name[0] != '\0' || (!h->front.shell && h->front.looks >= LOOKS_MAX);
    if (group == 0 || (settled && now < h->front.looked_ms + AGAIN_MS)) {
        return;
    }
    h->front.looks++;
    h->front.looked_ms = now;
    h->front.shell =
        procgroup_find(group, pty_pid(h->pty), has_rules, h, h->front.name, sizeof(h->front.name)) == PROCGROUP_SHELL;
}

void host_rules_confirm(struct host_session *h)
{
    if (h->front.name[0] != '\0') {
        h->front.looked_ms = 0;
        host_rules_follow(h);
    }
}

void host_rules_follow(struct host_session *h)
{
    const char *program = NULL;

    if (h->programs == NULL) {
        return;
    }
    if (h->pty != NULL) {
        look_in_front(h);
        program = h->front.name[0] != '\0' ? h->front.name : NULL;
        if (program == NULL && !h->front.shell) { /* a shell may still have the title of what has ended */
            program = rules_programs_by_title(h->programs, vt_title(h->vt));
        }
    }
    if (strcmp(h->known, program != NULL ? program : "") != 0) {
        str_copy(h->known, sizeof(h->known), program != NULL ? program : "");
        use(h, h->known);
    }
}

/* Something in the folder of the person's own file has changed. */
static void on_folder(void *arg, const char *name)
{
    struct host_session *h = arg;
    struct error err = ERROR_INIT;

    if (h->stopped || h->pty == NULL || (name != NULL && strcmp(name, path_base(h->spec->rules_own)) != 0)) {
        return;
    }
    if (rules_check(h->spec->rules_own, &err) != 0) {
        log_warn("%s", err.msg); /* perhaps half of it is written: those from before stay */
        return;
    }
    load(h);
    host_meta_arm(h);
}

void host_rules_open(struct host_session *h)
{
    const char *own = h->spec->rules_own, *slash = strrchr(own, '/');

    load(h);
    if (slash == NULL || slash == own) {
        return;
    }
    MT_CLEANUP(xfree) char *folder = xstrndup(own, (size_t)(slash - own));
    h->rules_watch = dirwatch_new(h->loop, folder, on_folder, h, NULL);
}

void host_rules_close(struct host_session *h)
{
    dirwatch_close(h->rules_watch);
    h->rules_watch = NULL;
}

void host_rules_release(struct host_session *h)
{
    rules_free(h->rules);
    rules_programs_free(h->programs);
    h->rules = NULL;
    h->programs = NULL;
}
