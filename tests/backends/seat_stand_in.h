/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_SEAT_STAND_IN_H
#define MT_TESTS_BACKENDS_SEAT_STAND_IN_H

/* The program that plays sandbox-exec (tests/play/sandbox_exec.c), for a test that may run again as another user. */

/* fixture_main with a copy of it that everybody may run, named to the backend. */
int stand_in_main(int argc, char **argv, int (*run)(void));

#endif
