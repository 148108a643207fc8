#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/bench/run.sh MUTHR-TUI BENCHDIR JSONFILE: runs the measurements that were built into BENCHDIR. Tables on stderr, JSON on stdout and in
# JSONFILE. A part that cannot run here is null, and stderr says why; the exit status is that of a measurement that failed.
#   BENCH_ONLY=PART  one part of the terminal's (terminal throughput latency ctrl-c idle start memory slow)
#   BENCH_IDLE=20   seconds for which the idle sessions are watched
#   BENCH_PODMAN_IMAGE=REF   an image with bash and the baseline that podman has: podman is measured, too
set -u
bin=$1 dir=$2 json=$3
tmp=$(mktemp -d "${TMPDIR:-/tmp}/mt-bench.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
status=0

# Everything of the terminal: Linux, and a sandbox that can be started.
echo null >"$tmp/terminal.json"
if [ "$(uname -s)" != Linux ]; then
    echo 'The terminal: not measured here, the measurement reads /proc.' >&2
else
    echo 'The terminal, and tmux in the same run:' >&2
    # shellcheck disable=SC2086 # a list of options
    if "$dir/bench_terminal" "$bin" --idle "${BENCH_IDLE:-20}" ${BENCH_ONLY:+--only $BENCH_ONLY} >"$tmp/terminal"; then
        mv "$tmp/terminal" "$tmp/terminal.json"
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
    printf '{"machine": "%s, %s processors", "terminal": ' "$(uname -srm)" "$(getconf _NPROCESSORS_ONLN)"
    cat "$tmp/terminal.json"
    printf ', "podman": '
    cat "$tmp/podman.json"
    echo '}'
} >"$json"
cat "$json"
exit $status
