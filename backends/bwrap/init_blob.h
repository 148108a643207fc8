/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_INIT_BLOB_H
#define MT_BACKENDS_BWRAP_INIT_BLOB_H

/* The static in-sandbox init as bytes of our own executable: no second file to install, to find, or to be replaced. */

extern const unsigned char init_blob[];
extern const unsigned char init_blob_end[];

#endif
