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

/* Takes the rules of the files into use. */
static void load(struct host_session *h)
{
    char program[sizeof(h->info.label)];
    struct rules *old = h->rules;

    rules_program(h->info.label, program, sizeof(program));
    h->rules = rules_load(h->spec->rules_own, h->spec->rules_shipped, program, NULL); /* cockpit and doctor complain */
    pulse_set_rules(h->pulse, h->rules, clock_mono_ms());
    rules_free(old);
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
    h->rules = NULL;
}
