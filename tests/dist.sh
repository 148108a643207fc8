#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/dist.sh VERSION bytes|all: what `make dist` makes. "bytes": the tarball has what it should, hash and formula fit it, and unpacked
# anywhere it makes itself again, byte for byte. "all": there it is also built, its unit tests run, and it is installed and removed.
set -u
version=$1
how=$2
make=${MAKE:-make}
name=muthr-tui-$version
unset DIST_URL HOMEPAGE MAINTAINER
if [ ! -f MANIFEST ] && ! git log -1 >/dev/null 2>&1; then
    echo 'dist: skipped: no git here that can read this checkout'
    exit 0
fi
dir=$(mktemp -d "${TMPDIR:-/tmp}/muthr-dist.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "dist: $*" >&2
    exit 1
}
sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

.ci/dist "$version" "$dir/one" >/dev/null || fail 'no tarball was made'
one=$dir/one/$name.tar.gz
mkdir "$dir/far" && gzip -dc "$one" | tar -xf - -C "$dir/far" || fail 'the tarball cannot be unpacked'
there=$dir/far/$name
formula=$dir/one/packaging/homebrew/muthr-tui.rb
hash=$(sha256 "$one")
[ "$(cat "$one.sha256")" = "$hash  $name.tar.gz" ] || fail 'the .sha256 is of another file'
grep -qxF "  sha256 \"$hash\"" "$formula" || fail 'the formula has another hash than the tarball'
if command -v ruby >/dev/null 2>&1; then
    ruby -c "$formula" >/dev/null || fail 'the formula is not Ruby'
fi
for f in LICENSE Makefile README.md MANIFEST .ci/deps tui/main.c debian/control debian/rules debian/changelog debian/copyright; do
    [ -s "$there/$f" ] || fail "$f is not in it"
done
[ ! -e "$there/.ci/run" ] && [ ! -e "$there/.git" ] && [ ! -e "$there/build" ] || fail 'it has what belongs here only'
[ -x "$there/.ci/deps" ] && [ -x "$there/debian/rules" ] && [ ! -x "$there/Makefile" ] || fail 'modes were lost'
grep -q "^muthr-tui ($version-1) " "$there/debian/changelog" || fail "debian/changelog is not of $version"
[ "$(find "$there" -type f | wc -l)" -eq $(($(grep -vc '^#' "$there/MANIFEST") + 6 + 1)) ] || fail 'there is more or less in it than its MANIFEST and debian/'
# What a person is told to install is what .ci/deps would.
brews=$(sh .ci/deps list brew run | tr '\n' ' ')
grep -qF "brew install ${brews% }" README.md || fail "README.md does not say: brew install $brews"
for bad in 'https://x/"; system("true"); "' 'https://x/#{1}' 'a b'; do
    DIST_URL=$bad .ci/dist "$version" "$dir/bad" >/dev/null 2>&1 && fail "an address that is none went into the formula: $bad"
done
# Another umask, owner's locale and zone make no difference.
(cd "$there" && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 .ci/dist "$version" "$dir/two" >/dev/null) || fail 'what was unpacked makes no tarball'
cmp "$one" "$dir/two/$name.tar.gz" || fail 'what was unpacked makes another tarball'
echo "dist: $(tar -tf "$dir/two/$name.tar.gz" | wc -l | tr -d ' ') files, the same bytes from the checkout and from the tarball"
[ "$how" = all ] || exit 0

cd "$there" || exit 1
# The settings of the make that called are not a packager's.
unset MAKEFLAGS MFLAGS MAKELEVEL MODE O SUITES
sh -c "$make -j2 all" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; fail 'it does not build from the tarball'; }
sh -c "$make -j2 SUITES=unit test-run" >"$dir/log" 2>&1 || { grep -E '^    |, [1-9][0-9]* failed' "$dir/log"; fail 'its unit tests fail'; }
tail -n 1 "$dir/log"
sh -c "$make PREFIX=/usr DESTDIR='$dir/root' install" >"$dir/log" 2>&1 || { tail -n 20 "$dir/log"; fail 'it cannot be installed'; }
[ "$("$dir/root/usr/bin/muthr-tui" --version)" = "muthr-tui $version" ] || fail 'what was installed does not run'
for f in share/man/man1/muthr-tui.1 share/muthr-tui/themes/nord.toml share/muthr-tui/profiles/manifests/base.yaml share/muthr-tui/attention.toml \
    share/bash-completion/completions/muthr-tui share/zsh/site-functions/_muthr-tui share/fish/vendor_completions.d/muthr-tui.fish; do
    [ -s "$dir/root/usr/$f" ] || fail "$f was not installed"
done
sh -c "$make PREFIX=/usr DESTDIR='$dir/root' uninstall" >"$dir/log" 2>&1
left=$(find "$dir/root" -type f)
[ -z "$left" ] || fail "uninstall left $left"
sh -c "$make dist" >/dev/null 2>&1 && cmp "$one" "build/dist/$name.tar.gz" || fail 'after building it makes another tarball'
echo 'dist: built, tested, installed and removed from the tarball'
