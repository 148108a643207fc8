/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_UNIT_IO_SUPPORT_H
#define MT_TESTS_UNIT_IO_SUPPORT_H

/* What the tests of core/io share: turning a loop until something is true, with a deadline; a private folder. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/io/loop.h"
#include "core/util/clock.h"
#include "tests/patience.h"

/* Turns `loop` until `cond` holds; fails the test after `ms`. The timer keeps a blocked turn from waiting for ever. */
#define turn_until(loop, cond, ms)                                                                                     \
    do {                                                                                                               \
        uint64_t end_ = clock_mono_ms() + patience(ms);                                                                \
        struct timer *tick_ = timer_new(loop, io_tick, NULL);                                                          \
        timer_repeat(tick_, 20);                                                                                       \
        while (!(cond) && clock_mono_ms() < end_) {                                                                    \
            loop_turn(loop, true);                                                                                     \
        }                                                                                                              \
        timer_close(tick_);                                                                                            \
        assert_true(cond);                                                                                             \
    } while (0)

void io_tick(void *arg);
/* Turns for `ms`, whatever happens. */
void io_turn_for(struct loop *loop, uint64_t ms);
/* A fresh folder; freed and removed by io_rmdir. */
char *io_mkdir(void);
void io_rmdir(char *dir);

#endif
