/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io_support.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

void io_tick(void *arg)
{
    (void)arg;
}

void io_turn_for(struct loop *loop, uint64_t ms)
{
    uint64_t end = clock_mono_ms() + ms;
    turn_until(loop, clock_mono_ms() >= end, ms + 2000);
}

char *io_mkdir(void)
{
    char *dir = xstrdup("/tmp/mt-io-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

void io_rmdir(char *dir)
{
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
    free(dir);
}
