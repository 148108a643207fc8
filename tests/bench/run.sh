#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/bench/run.sh MUTHR-TUI BENCHDIR JSONFILE: runs the measurements that were built into BENCHDIR. Tables on stderr, JSON on stdout and in
# JSONFILE. A part that cannot run here is null, and stderr says why; the exit status is that of a measurement that failed.
#   BENCH_IDLE=20   seconds for which the idle sessions are watched
#   BENCH_PODMAN_IMAGE=REF   an image with bash and the baseline that podman has: podman is measured, too
set -u
bin=$1 dir=$2 json=$3
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mt-bench.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
status=0

# The terminal alone: one object a line, made into a list and a table.
echo 'The terminal alone, MB/s:' >&2
"$dir/bench_vt" >"$tmp/vt" || status=1
sed 's/.*"load": "\([^"]*\)", "mb_s_80x24": \([0-9.]*\), "mb_s_200x50": \([0-9.]*\).*/\1 \2 \3/' "$tmp/vt" |
    awk 'BEGIN { printf "%-34s %10s %10s\n", "load", "80x24", "200x50" } { printf "%-34s %10.1f %10.1f\n", $1, $2, $3 }' >&2
awk 'BEGIN { print "[" } { printf "%s  %s", (NR > 1 ? ",\n" : ""), $0 } END { print "\n]" }' "$tmp/vt" >"$tmp/vt.json"

# The whole program: Linux, and a sandbox that can be started.
echo null >"$tmp/cockpit.json"
if [ "$(uname -s)" != Linux ]; then
    echo 'The cockpit: not measured here, the measurement reads /proc.' >&2
else
    printf '\nThe cockpit, and tmux in the same run:\n' >&2
    if "$dir/bench_cockpit" "$bin" "${BENCH_IDLE:-20}" >"$tmp/cockpit"; then
        mv "$tmp/cockpit" "$tmp/cockpit.json"
    else
        status=1
    fi
fi
echo null >"$tmp/podman.json"
if [ -z "${BENCH_PODMAN_IMAGE:-}" ]; then
    echo 'Podman: not measured, BENCH_PODMAN_IMAGE names no image.' >&2
else
    printf '\nThe cockpit over podman, and podman by hand in the same run:\n' >&2
    if "$dir/bench_podman" "$bin" "$BENCH_PODMAN_IMAGE" >"$tmp/podman"; then
        mv "$tmp/podman" "$tmp/podman.json"
    else
        status=1
    fi
fi
{
    printf '{"machine": "%s, %s processors", "vt": ' "$(uname -srm)" "$(getconf _NPROCESSORS_ONLN)"
    cat "$tmp/vt.json"
    printf ', "cockpit": '
    cat "$tmp/cockpit.json"
    printf ', "podman": '
    cat "$tmp/podman.json"
    echo '}'
} >"$json"
cat "$json"
exit $status
