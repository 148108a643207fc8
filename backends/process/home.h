/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_HOME_H
#define MT_BACKENDS_PROCESS_HOME_H

/* The private folders of a sandbox, in its state folder. Blocks. */

#include "core/util/error.h"

/* Makes home/ with a first .bashrc and .profile when it is not there yet; what is there is never touched. */
int home_make(const char *dir, struct error *err);
/* Makes tmp/ afresh (mode 1777) and logs/. */
int home_make_scratch(const char *dir, struct error *err);

#endif
