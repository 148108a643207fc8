/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_BANNED_H
#define MT_CORE_UTIL_BANNED_H

/* Functions that must not be used; force-included (-include) in every one of our own compilations after the system
 * headers below. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some are macros (alloca, and all under _FORTIFY_SOURCE with clang). */
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef alloca
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok atoi atol gets alloca

#endif
