/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a hostile or broken peer into every decoder of the session protocol, and frames into a mirror. The first
 * byte is the type. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "term/meta.h"
#include "term/mirror.h"
#include "term/proto.h"
#include "term/session_spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Rows as an answer to a history question brings them. */
static void lines(const uint8_t *data, size_t size)
{
    struct cluster_table t = CLUSTER_TABLE_INIT;
    struct wire_reader rows;
    struct proto_lines l;
    struct cell *cells;
    int index;
    bool wrapped;

    if (proto_get_lines(data, size, &l, &rows, NULL) != 0) {
        return;
    }
    cells = calloc((size_t)l.cols, sizeof(*cells));
    for (uint32_t i = 0; cells != NULL && i < l.count; i++) {
        if (proto_get_row(&rows, &index, &wrapped, cells, l.cols, &t, NULL) != 0) {
            break;
        }
    }
    free(cells);
    cluster_table_release(&t);
}

/* The same frame twice: the second meets a mirror that has a size. */
static void frame(const uint8_t *data, size_t size)
{
    struct mirror m;
    uint64_t bits[16];

    mirror_init(&m);
    mirror_apply(&m, data, size, NULL);
    mirror_apply(&m, data, size, NULL);
    mirror_take(&m, bits, 16);
    mirror_release(&m);
}

static void extras(const uint8_t *data, size_t size)
{
    struct extra_table t = {0};
    struct proto_outer o;

    proto_get_extras(data, size, &t, NULL);
    extra_sweep(&t);
    extra_table_release(&t);
    proto_get_outer(data, size, &o, NULL);
}

/* What small messages there are. */
static void small(const uint8_t *data, size_t size)
{
    struct proto_hello hello;
    struct proto_size sz;
    struct proto_history history;
    struct proto_search search;
    struct proto_found found;
    enum error_code code;
    char text[128];
    uint32_t n;
    bool on;

    if (proto_get_hello(data, size, &hello, NULL) == 0) {
        proto_common_version(&hello);
    }
    proto_get_size(data, size, &sz, NULL);
    proto_get_u32(data, size, &n, NULL);
    proto_get_bool(data, size, &on, NULL);
    proto_get_error(data, size, &code, text, sizeof(text), NULL);
    proto_get_history(data, size, &history, NULL);
    proto_get_search(data, size, &search, NULL);
    proto_get_found(data, size, &found, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_spec_data spec;
    struct session_info info;

    if (size == 0) {
        return 0;
    }
    switch (data[0] % 5) {
    case 0:
        frame(data + 1, size - 1);
        break;
    case 1:
        lines(data + 1, size - 1);
        break;
    case 2:
        small(data + 1, size - 1);
        extras(data + 1, size - 1);
        break;
    case 3:
        meta_read((const char *)data + 1, size - 1, "id", &info, NULL);
        break;
    default:
        session_spec_init(&spec);
        session_spec_read((const char *)data + 1, size - 1, &spec, NULL);
        session_spec_release(&spec);
        break;
    }
    return 0;
}
