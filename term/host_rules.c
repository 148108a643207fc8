/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_rules.h"

#include <string.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host_meta.h"
#include "term/host_session.h"
#include "term/rules.h"

/* Takes the rules for a program into use. What is wrong with them is for the cockpit and doctor to say. */
static void use(struct host_session *h, const char *program)
{
    struct rules *old = h->rules;

    h->rules = rules_load(h->spec->rules_own, h->spec->rules_shipped, program, NULL);
    pulse_set_rules(h->pulse, h->rules, clock_mono_ms());
    rules_free(old);
}

/* Reads the files. A session whose label has no rules may be known by its title. */
static void load(struct host_session *h)
{
    char program[sizeof(h->info.label)];

    rules_program(h->info.label, program, sizeof(program));
    use(h, program);
    rules_titles_free(h->titles);
    h->titles = h->rules == NULL ? rules_titles_load(h->spec->rules_own, h->spec->rules_shipped) : NULL;
    h->titled[0] = '\0';
    host_rules_title(h);
}

void host_rules_title(struct host_session *h)
{
    const char *program = h->titles != NULL && h->pty != NULL ? rules_titles_find(h->titles, vt_title(h->vt)) : NULL;

    if (h->titles == NULL || strcmp(h->titled, program != NULL ? program : "") == 0) {
        return;
    }
    str_copy(h->titled, sizeof(h->titled), program != NULL ? program : "");
    use(h, h->titled);
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
    rules_titles_free(h->titles);
    h->rules = NULL;
    h->titles = NULL;
}
