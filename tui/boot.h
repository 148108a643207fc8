/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_BOOT_H
#define MT_TUI_BOOT_H

/* `up` and `down` of everything: the inference server and muthr's own services come up; sandboxes of this machine with
 * their sessions, services and the inference server go down. First a list of what will be done, for a person to agree
 * to; then all of it, each part by itself: one that fails holds up nobody. Nothing is deleted. For verb and cockpit. */

#include "core/engine/engine.h"
#include "core/engine/services.h"
#include "core/util/strbuf.h"

enum boot_kind { BOOT_ENGINE, BOOT_SERVICE, BOOT_SANDBOX };
enum boot_state { BOOT_WAITING, BOOT_RUNNING, BOOT_DONE, BOOT_FAILED, BOOT_CANCELED, BOOT_NOTHING };
const char *boot_state_name(enum boot_state s); /* "waiting", "running", "done", "failed", "canceled", "nothing" */

/* One part. */
struct boot_item {
    enum boot_kind kind;
    char name[96];  /* "llama-server", "muthr-services", a sandbox */
    char what[320]; /* what will be done, or why there is nothing to do */
    char loss[320]; /* of a `down`: what ends with it; "" nothing */
    bool working;   /* a program, perhaps an agent, is at work in it */
    enum boot_state state;
    char text[240];     /* how far it is, or what came of it */
    struct error error; /* FAILED; also one that is known before anything is done */
    op_id op;           /* of the engine; 0: none */
};

struct boot;
struct boot_opts {
    struct loop *loop;
    const struct paths *paths;
    const struct config *config;
    struct model *model;
    struct engine *engine;
    bool up;
    void (*changed)(void *arg, const struct boot_item *item); /* a part began, ended, or has news; may be NULL */
    void (*done)(void *arg);                                  /* once, when every part is over; not within boot_run */
    void *arg;
};
/* Looks what there is to do; does nothing yet. The engine must be ready. */
struct boot *boot_new(const struct boot_opts *opts);
size_t boot_item_count(const struct boot *b);
const struct boot_item *boot_item(const struct boot *b, size_t i); /* NULL past the end */
/* So many have something to do; so many have failed (before boot_run: cannot even begin). */
size_t boot_count(const struct boot *b, enum boot_state state);
void boot_run(struct boot *b);
/* News of the model, while it runs: for the texts. */
void boot_on_event(struct boot *b, const struct model_event *ev);
bool boot_is_over(const struct boot *b);
/* What runs is cancelled, what waits is left; done follows. */
void boot_cancel(struct boot *b);
/* Also while something runs: nobody is told any more, the sandboxes' and services' ops go on, a start of the inference
 * server ends. */
void boot_free(struct boot *b);
/* The list as lines "stop muthr-api: 2 sessions end"; what there is nothing to do with, too, when `all`. */
void boot_list(const struct boot *b, bool all, struct strbuf *out);

#endif
