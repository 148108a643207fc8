/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from files and servers into the engine: manifests, provision logs. The first byte
 * chooses. */
#include <stdint.h>

#include "core/engine/manifest.h"
#include "core/engine/phase.h"
#include "core/util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A manifest that was taken keeps its promises. */
static void check_manifest(const char *text, size_t len)
{
    struct manifest m;
    struct error err = ERROR_INIT;
    if (manifest_parse(&m, text, len, "f.yaml", &err) == 0) {
        for (size_t i = 0; i < m.mount_count; i++) {
            if (m.mounts[i].target[0] != '/' || (m.mounts[i].source[0] != '/' && m.mounts[i].source[0] != '~')) {
                MT_BUG("a mount that is not absolute");
            }
        }
        if (m.have_network && m.network == NET_SHARED) {
            MT_BUG("a manifest gave up isolation");
        }
    } else if (err.code == ERROR_NONE) {
        MT_BUG("refused without a reason");
    }
    manifest_release(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    if (data[0] % 3 == 0) {
        check_manifest(text, len);
    } else {
        struct phase p;
        phase_init(&p);
        phase_feed(&p, text, len);
        phase_end(&p);
        if (!utf8_is_valid(p.phase, strlen(p.phase)) || !utf8_is_valid(p.last, strlen(p.last))) {
            MT_BUG("a phase that is not UTF-8");
        }
    }
    return 0;
}
