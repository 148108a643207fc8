#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/layers.sh OBJDIR: reads the compiler's dependency files (transitive, so nothing hides) and prints every include that a layer may not have.
set -u
cd "$1" || exit 1
find core term backends tui -name '*.d' 2>/dev/null | sort | xargs awk '
function bad(why) { printf "%s includes %s: %s\n", src, dep, why; count++ }
# May the file src include our own file dep?
function own() {
    if (src ~ /^core\//) {
        if (dep !~ /^core\//) bad("core uses core only")
        else if (src ~ /^core\/util\// && dep !~ /^core\/util\//) bad("core/util uses core/util only")
        else if (src ~ /^core\/io\// && dep !~ /^core\/(util|io)\//) bad("core/io uses core/util and core/io only")
        # What a sandbox is stands in the backend contract; the bus queues on the loop.
        else if (src ~ /^core\/model\// && dep !~ /^core\/(util|model)\// && dep !~ /^core\/(engine\/backend|io\/loop)\.h$/)
            bad("core/model uses core/util, the backend contract and the loop only")
    # session.h and task.h are plain value types: what a host tells about itself.
    } else if (src ~ /^term\// && dep !~ /^(term|core\/util|core\/io)\// && dep != "core/model/session.h" && dep != "core/model/task.h")
        bad("term uses core/util and core/io only")
    else if (src ~ /^backends\// && dep !~ /^(backends|core)\//) bad("backends use core only")
}
# System headers that have one place each.
function foreign() {
    if (dep ~ /\/uv\.h$/ && src !~ /^core\/io\//) bad("uv.h belongs to core/io/*.c")
    if (dep ~ /\/vterm\.h$/ && src != "term/vt.c") bad("vterm.h belongs to term/vt.c")
    if (dep ~ /\/(n?curses|term)\.h$/ && src !~ /^tui\/(screen|terminfo)\.c$/) bad("curses belongs to tui/screen.c and tui/terminfo.c")
    if (dep ~ /\/cJSON\.h$/ && src != "core/util/json.c") bad("cJSON.h belongs to core/util/json.c")
    if (dep ~ /\/curl\/curl\.h$/ && src !~ /^core\/io\/(http|curl_lib)\.c$/) bad("curl.h belongs to core/io/http.c and core/io/curl_lib.c")
    if (dep ~ /\/yaml\.h$/ && src !~ /^core\/engine\/manifest[a-z_]*\.c$/) bad("yaml.h belongs to core/engine/manifest*.c")
}
FNR == 1 { src = FILENAME; sub(/\.d$/, ".c", src); files++; seen_target = 0 }
{
    for (i = 1; i <= NF; i++) {
        dep = $i
        # Behind -MP, each header comes again as a target of its own.
        if (dep == "\\" || dep ~ /:$/) continue
        if (dep ~ /^\//) foreign()
        else if (dep ~ /\.[ch]$/ && dep != src) own()
    }
}
END {
    if (!files) { print "layers: no dependency files here"; exit 1 }
    printf "layers: %d files, %d forbidden includes\n", files, count
    exit count > 0
}'
