/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_PULL_PARSE_H
#define MT_BACKENDS_PODMAN_PULL_PARSE_H

/* How far a pull or a build is, from what podman prints. Pure. Sources: podman 4.3.1's output on a terminal of 160
 * columns (bars redrawn by ESC[nA ESC[J; layers that are there already say "skipped"), buildah's STEP lines with and
 * without the [n/m] of a multi-stage build (backends.md 3.11). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PULL_LAYERS_MAX 128

struct pull_parse {
    struct {
        char id[16];
        double done, total; /* bytes; total 0: not known yet */
        bool finished;
    } layers[PULL_LAYERS_MAX];
    size_t count;
    bool storing; /* all layers are here: written into the store */
    char line[512];
    size_t len;
    int escape;      /* inside a control sequence */
    char error[400]; /* the last "Error: ..." line, without the word */
};

void pull_parse_init(struct pull_parse *p);
/* Takes bytes of the terminal as they come. */
void pull_parse_feed(struct pull_parse *p, const char *data, size_t len);
/* 0..100, or -1 while nothing can be told; `text` gets "layer 2 of 5, 13.9 of 90.9 MiB". Returns the percentage. */
int pull_parse_progress(const struct pull_parse *p, char *text, size_t cap);

/* "STEP 2/5: RUN x", "[1/2] STEP 2/5: RUN x": true, with the percentage of steps before it, and what is left of the
 * line. */
bool build_parse_step(const char *line, int *percent, int *step, int *steps, const char **what);

#endif
