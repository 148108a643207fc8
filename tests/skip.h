/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_SKIP_H
#define MT_TESTS_SKIP_H

/* Leaves a test out and says why: tests/run.sh repeats the reason next to the count. Only for what cannot run on this
 * machine at all. After cmocka.h. */
#define skip_because(...)                                                                                              \
    do {                                                                                                               \
        print_message("SKIP: " __VA_ARGS__);                                                                           \
        print_message("\n");                                                                                           \
        skip();                                                                                                        \
    } while (0)

#endif
