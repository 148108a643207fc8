/* SPDX-License-Identifier: Apache-2.0 */
/* The unit tests' private home, for this folder's programs too. */
#include "tests/unit/temphome.c" /* NOLINT: one source, two test folders */
