/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_GPU_TABLE_H
#define MT_BACKENDS_SEATBELT_GPU_TABLE_H

/* Operations, filters and names that a GPU tier allows. */

struct gpu_rule {
    const char *operation; /* "iokit-open"; NULL ends a table. Rows of one operation stand together */
    const char *filter;    /* "iokit-user-client-class" */
    const char *const *values;
};
extern const struct gpu_rule gpu_mps_only[];      /* kernels that were built before */
extern const struct gpu_rule gpu_metal_compute[]; /* everything for MTLCreateSystemDefaultDevice */

#endif
