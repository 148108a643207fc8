/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_PROM_H
#define MT_CORE_INFERENCE_PROM_H

/* Reader of the Prometheus text format (version 0.0.4), sample by sample, without allocating. Source: Prometheus'
 * "Exposition formats". Labels are skipped, comments and broken lines too; it never reads past `len`. Pure. */

#include <stdbool.h>
#include <stddef.h>

#define PROM_NAME_MAX 96
#define PROM_LINES_MAX 20000

struct prom {
    const char *at, *end;
    size_t lines; /* seen so far: past PROM_LINES_MAX nothing more comes */
};

struct prom_sample {
    char name[PROM_NAME_MAX];
    double value; /* may be NaN or infinite */
};

void prom_init(struct prom *p, const char *text, size_t len);
/* False: no more. */
bool prom_next(struct prom *p, struct prom_sample *out);

#endif
