/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/inner_env.h"

#include <stdlib.h>

#include "core/util/xmalloc.h"

int inner_env_add(struct strvec *env, const char *pair, struct error *err)
{
    const char *eq = strchr(pair, '=');
    size_t key_len = eq ? (size_t)(eq - pair) : 0;
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    if (!key_len || strspn(pair, allowed) != key_len) {
        return error_set(err, ERROR_INVALID, "environment name '%.*s' may hold letters, digits and _ only",
                         (int)key_len, pair);
    }
    char *key = xasprintf(INNER_ENV_PREFIX "%.*s", (int)key_len, pair);
    strvec_setenv(env, key, eq + 1);
    free(key);
    return 0;
}
