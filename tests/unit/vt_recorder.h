/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_UNIT_VT_RECORDER_H
#define MT_TESTS_UNIT_VT_RECORDER_H

/* A terminal under test, and everything it said. */

#include "core/util/strbuf.h"
#include "term/vt.h"

/* Callbacks are recorded as text, one behind the other: title(x) bell notify(title|body) progress(state,percent) cwd(x)
 * clip(length:its first 40 bytes) mark(A-1). */
struct vt_recorder {
    struct vt *vt;
    struct strbuf out; /* answers, as they would go to the program */
    struct strbuf calls;
};

/* A new terminal of this size. */
void vt_recorder_init(struct vt_recorder *r, int cols, int rows);
/* Another terminal in place of the one there is; what was recorded is forgotten. */
void vt_recorder_renew(struct vt_recorder *r, int cols, int rows);
void vt_recorder_release(struct vt_recorder *r);
/* The same on the heap. */
struct vt_recorder *vt_recorder_new(int cols, int rows);
void vt_recorder_free(struct vt_recorder *r);

#endif
