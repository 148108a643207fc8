/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_REGEX_COST_H
#define MT_CORE_UTIL_REGEX_COST_H

/* What an extended regular expression costs, known before it is compiled: glibc's regcomp expands repetitions, so that
 * a few dozen bytes ((((a{1,200}){1,200}){1,200}), or thirty nested +) ask for all memory there is. To be asked before
 * regcomp for every expression that does not come from the program itself. */

/* Why it is not to be compiled, or NULL: it would have more than `max` parts when it is expanded (an upper bound), or
 * has back references, which can take exponential time. Whether it is an expression at all only regcomp knows. */
const char *regex_too_costly(const char *pattern, unsigned max);

#endif
