#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-libvterm VTERM_SRC=DIR | VTERM_PREFIX=DIR: builds everything against another libvterm than the system's and runs
# the tests that its behaviour could change. VTERM_SRC is an unpacked source release (0.3.3: libvterm_0.3.3.orig.tar.gz of
# Debian 13), which is compiled here as a static archive, because all releases share one soname; VTERM_PREFIX is an
# installed one, with lib/pkgconfig/vterm.pc.
set -eu
O=${O:-build} MAKE=${MAKE:-make} CC=${CC:-cc} prefix=${VTERM_PREFIX:-}
if [ -n "${VTERM_SRC:-}" ]; then
    prefix=$(mkdir -p "$O/libvterm" && cd "$O/libvterm" && pwd)
    mkdir -p "$prefix/lib/pkgconfig" "$prefix/include" "$prefix/obj"
    for c in "$VTERM_SRC"/src/*.c; do
        $CC -O2 -g -std=c99 -I"$VTERM_SRC/include" -c "$c" -o "$prefix/obj/$(basename "$c" .c).o"
    done
    rm -f "$prefix/lib/libvterm.a"
    ar qcs "$prefix/lib/libvterm.a" "$prefix"/obj/*.o
    cp "$VTERM_SRC"/include/*.h "$prefix/include/"
    printf 'Name: vterm\nDescription: libvterm\nVersion: 0\nLibs: -L%s/lib -lvterm\nCflags: -I%s/include\n' "$prefix" "$prefix" \
        >"$prefix/lib/pkgconfig/vterm.pc"
fi
[ -n "$prefix" ] || { echo 'usage: make check-libvterm VTERM_SRC=DIR | VTERM_PREFIX=DIR' >&2; exit 2; }
PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export PKG_CONFIG_PATH
version=$(printf '#include <vterm.h>\nVTERM_VERSION_MAJOR VTERM_VERSION_MINOR\n' |
    $CC -E -P $(pkg-config --cflags vterm) - | tail -n 1 | tr -s ' ' .)
echo "check-libvterm: headers say $version"
B=$O/vterm/${MODE:-release}
tests='unit/test_vt unit/test_sequences unit/test_hostile unit/test_grid unit/test_scrollback unit/test_reflow unit/test_select unit/test_render
    backends/test_host backends/test_host_history backends/test_host_tells screens/test_screen screens/test_terminal'
"$MAKE" --no-print-directory O="$O/vterm" WERROR=1 all $(for t in $tests; do echo "$B/tests/$t"; done)
rc=0
for t in $tests; do
    if "$B/tests/$t" >"$B/log" 2>&1; then
        echo "check-libvterm $version: $t passed"
    else
        rc=1
        tail -n 40 "$B/log"
        echo "check-libvterm $version: $t FAILED"
    fi
done
exit $rc
