/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_UNIT_TEMPHOME_H
#define MT_TESTS_UNIT_TEMPHOME_H

/* A private home for one test: HOME and all XDG folders point below a fresh directory, which is removed again. */

#include "core/util/paths.h"

struct temphome {
    char dir[64]; /* real path of the home */
    struct paths paths;
};

void temphome_open(struct temphome *t);
void temphome_close(struct temphome *t);
/* Writes a file below the home, making its folders. */
void temphome_write(const struct temphome *t, const char *rel, const char *text);
/* Makes a folder below the home. */
void temphome_mkdir(const struct temphome *t, const char *rel);

#endif
