/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/workspace.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/fs.h"
#include "core/util/paths.h"

int workspace_check(const char *real, const char *home, const char *state, const char *config, struct error *err)
{
    static const char *const secrets[] = {".ssh", ".aws", ".gnupg", ".kube", ".docker"};
    static const char hint[] = "choose a project folder below the workspace root";
    if (real[0] != '/' || strcmp(real, "/") == 0) {
        return error_hint(err, ERROR_DENIED, hint, "'%s' cannot be a workspace", real);
    }
    if (path_is_below(home, real)) {
        return error_hint(err, ERROR_DENIED, hint, "'%s' cannot be a workspace: it holds your whole home folder", real);
    }
    if (path_is_below(state, real)) {
        return error_hint(err, ERROR_DENIED, hint, "'%s' cannot be a workspace: it holds muthr's own state", real);
    }
    if (path_is_below(real, state) || path_is_below(config, real) || path_is_below(real, config)) {
        return error_hint(err, ERROR_DENIED, hint,
                          "'%s' cannot be a workspace: programs inside could change muthr's own configuration", real);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(secrets); i++) {
        char *inside = path_join(real, secrets[i]), *own = path_join(home, secrets[i]);
        bool bad = fs_exists(inside) || path_is_below(own, real) || path_is_below(real, own);
        free(inside);
        free(own);
        if (bad) {
            return error_hint(err, ERROR_DENIED, hint, "'%s' cannot be a workspace: it holds %s", real, secrets[i]);
        }
    }
    return 0;
}
