/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/task.h"

#include <string.h>

#include "core/util/compiler.h"

static const char *const names[] = {"never", "on-failure", "always"};

const char *task_restart_name(enum task_restart r)
{
    return names[r];
}

int task_restart_parse(const char *s)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        if (strcmp(names[i], s) == 0) {
            return (int)i;
        }
    }
    return -1;
}
