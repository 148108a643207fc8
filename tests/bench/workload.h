/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BENCH_WORKLOAD_H
#define MT_TESTS_BENCH_WORKLOAD_H

/* What programs write, in the six kinds of terminal.md section 1: ascii (long lines), scroll (short lines, as seq
 * writes them), unicode, sgr (colours and attributes), cursor (moves and erases), altscreen (whole frames of an
 * editor).
 */

#include <stddef.h>

struct strbuf;

#define WORKLOADS 6

const char *workload_name(int i);
/* Makes at least `bytes` of workload i; lines end in `newline`. */
void workload_make(int i, struct strbuf *out, size_t bytes, const char *newline);

#endif
