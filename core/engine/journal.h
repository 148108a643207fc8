/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_JOURNAL_H
#define MT_CORE_ENGINE_JOURNAL_H

/* What ops are under way, in STATE/ops/<sandbox>.json with pid and start time of the cockpit that runs them: the next
 * one resumes what a dead one left. Values of --env are not kept. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/engine.h"

struct journal_entry {
    char sandbox[96], profile[64], plan[24];
    int pid;
    uint64_t pid_start; /* procinfo_start; 0: not known */
    bool alive;         /* that process runs (was running when the entry was read) */
    bool net_given, recreate, reprovision, as_is, force, no_provision;
    enum net_policy net;
};

/* Pid and start time are filled in. */
int journal_write(const struct paths *paths, const struct journal_entry *entry, struct error *err);
void journal_remove(const struct paths *paths, const char *sandbox);
/* The entry of one sandbox; false when there is none (a broken one is set aside). */
bool journal_read(const struct paths *paths, const char *sandbox, struct journal_entry *out);
/* All entries. Heap, free(). Broken files are set aside. */
size_t journal_list(const struct paths *paths, struct journal_entry **out);
/* Those whose owner is dead. Heap, free(). */
size_t journal_dead(const struct paths *paths, struct journal_entry **out);
/* Does that process still run? One that has ended and that nobody has reaped yet does not. */
bool journal_owner_alive(int pid, uint64_t pid_start);

#endif
