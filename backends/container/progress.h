/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_PROGRESS_H
#define MT_BACKENDS_CONTAINER_PROGRESS_H

/* How far a pull or a build is, from what Apple's `container` prints. Pure. Sources: TerminalProgress/ProgressBar.swift
 * (a line a second: "[1/2] Fetching image 45% (3 of 8 blobs, 12.3/27.1 MB, 4.8 MB/s) [7s]"; on a terminal the same
 * behind a spinner, redrawn in place), BuildKit's plain progress ("#5 [linux/arm64 2/4] RUN x", "#5 DONE 0.1s").
 * Numbers in brackets are written as the user's locale wants it: only the counter and the percentage are taken. */

#include <stdbool.h>
#include <stddef.h>

/* What `image pull`, and anything else that shows a bar, says. */
struct ctr_progress {
    int task, tasks; /* 0: not told yet */
    int percent;     /* of this task; -1: not told */
    char what[120];  /* "Fetching image" */
    char detail[120];
    char error[400]; /* the last "Error: ..." line, without the word */
    char last[200];  /* the last line that was neither */
    char line[512];
    size_t len;
    int escape; /* inside a control sequence */
};

void ctr_progress_init(struct ctr_progress *p);
/* Takes bytes as they come, of a pipe or of a terminal. */
void ctr_progress_feed(struct ctr_progress *p, const char *data, size_t len);
/* 0..100 over all tasks, or -1 while nothing can be told; `text` gets "Fetching image (3 of 8 blobs, ...)", "" when
 * nothing was said yet. Returns the percentage. */
int ctr_progress_show(const struct ctr_progress *p, char *text, size_t cap);

/* What a build says, line by line. */
struct ctr_build {
    int step, steps;  /* of the stage that it is at; 0: not told yet */
    int percent;      /* never goes back */
    char what[160];   /* "RUN apt-get update" */
    char last[200];   /* the last words of what runs in it */
    char failed[160]; /* the step that failed */
    char reason[300]; /* why, as BuildKit says it */
};

void ctr_build_init(struct ctr_build *b);
/* Takes one line without its newline. Returns true when there is something new to show. */
bool ctr_build_line(struct ctr_build *b, const char *line);
/* "step 2 of 4: RUN x  its last words". */
void ctr_build_show(const struct ctr_build *b, char *text, size_t cap);

#endif
