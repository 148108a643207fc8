/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SCREENS_NPM_H
#define MT_TESTS_SCREENS_NPM_H

/* Packages of npm for tests, in folders that the tests remove. */

/* Installs `packages` (a list for the shell) into the folder. 0; 1: the registry does not answer; fails the test when
 * anything else is wrong. */
int npm_install(const char *dir, const char *packages);
/* The folder where xterm.js is, installed once for this test program; NULL: the registry does not answer. */
const char *npm_xterm(void);
/* Removes it. */
void npm_remove_xterm(void);

#endif
