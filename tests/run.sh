#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tests/run.sh PROGRAM...: runs test programs (cmocka's output), prints each one's summary and failures, and one line at the end.
#   TEST_TIMEOUT=300  seconds per program       TEST_WRAPPER='valgrind ...'  put before each program
#   TEST_JOBS=2       programs at once; backends and screens: TEST_SLOW_JOBS=4, they mostly wait
#   TEST_PATIENCE=3  upper bounds of time in the tests, times 3 (tests/patience.h)
#   TEST_COUNTS=FILE  appends "passed failed skipped" for a caller that sums several runs
#   TEST_FAILURES=FILE  appends what failed, for a caller that shows it at its end
#   TEST_AGAIN=5      when no more than so many programs failed, each runs once more, alone, and that run counts; the
#                     first is shown all the same. 0 by default: what failed beside others is a failure.
set -u
# Settings of whoever runs the tests are none of theirs.
for name in $(env | sed -n 's/^\(MUTHR_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
limit=${TEST_TIMEOUT:-300}
wrapper=${TEST_WRAPPER:-}

# Ends a program that takes too long, with its process group where timeout(1) is there.
limited() {
    if command -v timeout >/dev/null 2>&1; then
        timeout -k 5 "$limit" "$@"
    else
        perl -e 'alarm shift; exec @ARGV or exit 127' "$limit" "$@"
    fi
}

# Sums the numbers of cmocka's lines that match $1 in the file $2.
sum() {
    sed -n "s/^\[  $1 *\] \([0-9][0-9]*\) test(s).*/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

# The worlds of real podman (tests/backends/podman_rig.h) that a program made and that are still there; they end themselves.
worlds_of() {
    grep -lsxF "$1" /tmp/muthr-pod-*/tag | sed 's#/tag$##'
}
swept() {
    tries=0
    while [ -n "$(worlds_of "$1")" ] && [ $tries -lt 60 ]; do
        sleep 0.5
        tries=$((tries + 1))
    done
    [ -z "$(worlds_of "$1")" ]
}

run_one() {
    bin=$1 dir=$2
    name=$(echo "$bin" | sed 's#.*/tests/##')
    log=$dir/$(echo "$name" | tr / -).log
    TEST_TAG=$name.$$
    export TEST_TAG
    start=$(date +%s)
    # shellcheck disable=SC2086
    limited $wrapper "$bin" >"$log" 2>&1 </dev/null
    rc=$?
    seconds=$(($(date +%s) - start))
    passed=$(sum PASSED "$log") failed=$(sum FAILED "$log") skipped=$(sum SKIPPED "$log")
    why=
    case $rc in
    0) [ $((passed + failed + skipped)) -gt 0 ] || why='ended without a summary' ;;
    124 | 142) why="took longer than $limit s" ;;
    *) [ "$failed" -gt 0 ] && [ "$rc" -lt 128 ] || why="ended with code $rc" ;;
    esac
    if [ "$rc" -gt 128 ] && [ "$rc" != 142 ]; then
        why="crashed (signal $((rc - 128)))"
        [ "$rc" != 137 ] || [ "$seconds" -lt "$limit" ] || why="took longer than $limit s, and had to be killed"
    fi
    if [ -z "$why" ] && [ "$rc" != 0 ] && grep -qE 'Sanitizer|runtime error:|^==[0-9]+==' "$log"; then
        why="has a report of a sanitizer or valgrind"
    fi
    # A sanitizer's or valgrind's report makes the program fail although its tests passed.
    [ -z "$why" ] || failed=$((failed + 1))
    [ -n "$why" ] || swept "$TEST_TAG" || {
        why="left a world of podman behind: $(worlds_of "$TEST_TAG" | tr '\n' ' ')"
        failed=$((failed + 1))
    }
    out=$dir/$(echo "$name" | tr / -).out
    {
        echo "$name: $passed passed, $failed failed, $skipped skipped (${seconds} s)"
        sed -n 's/^SKIP: /    skipped: /p' "$log" | sort -u
        if [ "$failed" -gt 0 ]; then
            [ -z "$why" ] || echo "    $name $why"
            echo "    the end of its output, without the tests that passed:"
            grep -avE '^\[ +(RUN|OK) +\]' "$log" | tail -n 60 | sed 's/^/    | /'
        fi
    } >"$out"
    cat "$out"
    echo "$passed $failed $skipped" >"$dir/$(echo "$name" | tr / -).counts"
    if [ "$failed" -gt 0 ]; then
        echo "$bin" >>"$dir/failed"
        cat "$out" >>"$dir/failures"
    fi
}

# What failed, alone: a program that shares two cores with two others may have waited too long. Says which it was.
run_again() {
    mv "$dir/failed" "$dir/failed.first"
    while read -r bin; do
        echo "once more, alone:" | tee -a "$dir/failures"
        run_one "$bin" "$dir" </dev/null
        grep -qxF "$bin" "$dir/failed" 2>/dev/null || echo "    passed: it failed only beside others" | tee -a "$dir/failures"
    done <"$dir/failed.first"
}

if [ "${1:-}" = --one ]; then
    # GNU xargs runs once even for an empty list.
    [ -z "${3:-}" ] || run_one "$3" "$2"
    exit 0
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/muthr-tests.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
here=$0

# What takes longest, on any machine: it goes first, so that none of it is alone at the end.
longest='backends/test_podman_debian backends/test_podman_crash backends/test_crash backends/test_container_engine screens/test_programs screens/test_podman
backends/test_verb_drive backends/test_podman_live backends/test_podman_input backends/test_podman_bad backends/test_podman
backends/test_task_stress backends/test_verb_life screens/test_misuse backends/test_podman_seal backends/test_podman_image screens/test_split
backends/test_podman_hosts backends/test_podman_task screens/test_cockpit backends/test_host_attention'
# shellcheck disable=SC2086
longest=$(echo $longest)
ordered() {
    for name in $longest; do
        for bin in "$@"; do
            case $bin in
            */tests/"$name") echo "$bin" ;;
            esac
        done
    done
    for bin in "$@"; do
        case " $longest " in
        *" ${bin##*/tests/} "*) ;;
        *) echo "$bin" ;;
        esac
    done
}

for slow in '' yes; do
    jobs=${TEST_JOBS:-2}
    [ -z "$slow" ] || jobs=${TEST_SLOW_JOBS:-4}
    for bin in $(ordered "$@"); do
        case $bin in
        */tests/backends/* | */tests/screens/*) [ -z "$slow" ] || echo "$bin" ;;
        *) [ -n "$slow" ] || echo "$bin" ;;
        esac
    done | xargs -n 1 -P "$jobs" "$here" --one "$dir"
done
if [ -f "$dir/failed" ] && [ "$(wc -l <"$dir/failed")" -le "${TEST_AGAIN:-0}" ]; then
    run_again
fi
[ -z "${TEST_FAILURES:-}" ] || [ ! -f "$dir/failures" ] || cat "$dir/failures" >>"$TEST_FAILURES"
# A runner that died is a failure too.
awk -v all=$# '{ p += $1; f += $2; s += $3 } END { print p + 0, f + all - NR, s + 0 }' "$dir"/*.counts >"$dir/total"
read -r passed failed skipped <"$dir/total"
label=
if [ -n "${TEST_COUNTS:-}" ]; then
    # The caller prints the one closing line.
    echo "$passed $failed $skipped" >>"$TEST_COUNTS"
    label="this run: "
fi
echo "$label$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
