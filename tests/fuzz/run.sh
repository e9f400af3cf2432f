#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes for real: libFuzzer with AddressSanitizer and UBSan. What "ninja test" does is only to replay the corpus.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
build=${FUZZ_BUILD_DIR:-$top/build-fuzz}
minutes=10
keep=

usage() {
        cat <<USAGE
usage: tests/fuzz/run.sh [--minutes=N] [--keep] [TARGET...]

  TARGET     fuzz-image-scan and the like (all in this folder, one after the other)
  --minutes  for each target (10)
  --keep     adds inputs that reach new code to tests/fuzz/corpus, as few and as small as possible

Needs clang. An input that is a fault is left in $build/found/TARGET/, minimized; the status is 1 then.
USAGE
}

targets=()
for option; do
        case $option in
                --minutes=*) minutes=${option#*=} ;;
                --keep) keep=1 ;;
                fuzz-*) targets+=("$option") ;;
                *) usage; exit 2 ;;
        esac
done
if [ ${#targets[@]} -eq 0 ]; then
        mapfile -t targets < <(cd "$here" && ls fuzz-*.c | sed 's/\.c$//')
fi

[ -e "$build/build.ninja" ] || CC=clang meson setup "$build" "$top" -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
ninja -C "$build" "${targets[@]/#/tests/fuzz/}" >/dev/null

# dictionary TARGET: the texts in the sources that its line in "words" names, as a dictionary of libFuzzer.
dictionary() {
        local globs
        globs=$(sed -n "s/^$1: //p" "$here/words")
        # shellcheck disable=SC2086
        (cd "$top" && cat /dev/null $globs) | python3 "$here/words.py"
}

# minimize TARGET FILE: as small as it gets in a minute, beside it.
minimize() {
        "$build/tests/fuzz/$1" -minimize_crash=1 -max_total_time=60 -exact_artifact_path="$2.min" "$2" >/dev/null 2>&1 || true
}

status=0
for target in "${targets[@]}"; do
        new=$build/corpus/$target found=$build/found/$target log=$build/$target.log
        mkdir -p "$new" "$found" "$here/corpus/$target"
        chmod 0777 "$new" "$found" # the targets of the bus give up root's rights
        dictionary "$target" >"$build/$target.dict"
        if ! nice -n 19 "$build/tests/fuzz/$target" -max_total_time=$((minutes * 60)) -max_len=65536 -timeout=60 -rss_limit_mb=3072 \
                -dict="$build/$target.dict" -artifact_prefix="$found/" "$new" "$here/corpus/$target" >"$log" 2>&1; then
                status=1
                for file in "$found"/*; do
                        [ ! -e "$file" ] || [ -e "$file.min" ] || case $file in *.min) ;; *) minimize "$target" "$file" ;; esac
                done
        fi
        printf '%-24s %s; faults: %s\n' "$target" "$(grep -aE '^#[0-9]+.*cov:' "$log" | tail -n 1 | sed -E 's/^#([0-9]+).*cov: ([0-9]+).*/\1 inputs, \2 edges/')" \
                "$(find "$found" -type f ! -name '*.min' | wc -l)"
        [ -z "$keep" ] || "$build/tests/fuzz/$target" -set_cover_merge=1 "$here/corpus/$target" "$new" >/dev/null 2>&1
done
exit $status
