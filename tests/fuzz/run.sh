#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make fuzz: libFuzzer for FUZZ_SECONDS on each target where clang has it, then the replaying main with FUZZ_RUNS mutations under ASan.
set -u
O=${O:-build} MAKE=${MAKE:-make} rc=0
work=$(mktemp -d "${TMPDIR:-/tmp}/muthr-fuzz.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { (void)d; (void)n; return 0; }' |
    clang -fsanitize=fuzzer -x c - -o "$work/probe" 2>/dev/null; then
    "$MAKE" --no-print-directory MODE=fuzz CC=clang O="$O" fuzz-bins || exit 1
    for bin in "$O"/fuzz/fuzz/fuzz_*; do
        name=${bin##*/fuzz_}
        mkdir -p "$work/$name" "tests/data/fuzz/$name" "$O/fuzz/findings"
        echo "fuzz $name: ${FUZZ_SECONDS:-30} s"
        if "$bin" -max_total_time="${FUZZ_SECONDS:-30}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 -max_len=8192 \
            -artifact_prefix="$O/fuzz/findings/$name-" "$work/$name" "tests/data/fuzz/$name" >"$work/log" 2>&1; then
            echo "fuzz $name: nothing found, $(find "$work/$name" -type f | wc -l | tr -d ' ') new inputs kept on the way"
        else
            rc=1
            tail -n 40 "$work/log"
            echo "fuzz $name: FOUND something, see $O/fuzz/findings/"
        fi
    done
else
    echo "fuzz: clang has no libFuzzer here: only replaying"
fi
"$MAKE" --no-print-directory MODE=asan O="$O" tests >/dev/null || exit 1
for bin in "$O"/asan/tests/fuzz/replay_*; do
    MT_FUZZ_RUNS=${FUZZ_RUNS:-20000} MT_FUZZ_SEED=$(date +%s) "$bin" || rc=1
done
exit $rc
