#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, runs the tests, one line per test, and ends with how many passed, failed, were skipped.
set -uo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

build=${BUILD_DIR:-$top/build}
passed=0
failed=0
skipped=0
failures=()

usage() {
        cat <<USAGE
usage: tests/run.sh [unit|bus|fuzz|machine|all] [PATTERN...]

  unit, bus, fuzz   the meson suites of that name (fuzz: each target replays its corpus)
  machine           tests/integration/*.sh and tests/machine/test-*.sh, in booted throw-away machines
  all               everything, the meson suites once more with the address and undefined behaviour sanitizers, and a build as of a package

Only tests whose name matches a PATTERN of the shell are run, when any is given. Run as root on Debian 12.
USAGE
}

# result PASS|FAIL|SKIP NAME TEXT [REASON]: one line and one count; the reason of a failure is said again at the end.
result() {
        printf '%s %s%s\n' "$1" "$2" "${3:+ ($3)}"
        case $1 in
                PASS) passed=$((passed + 1)) ;;
                SKIP) skipped=$((skipped + 1)) ;;
                FAIL)
                        failed=$((failed + 1))
                        failures+=("$2${4:+$'\n'$4}")
                        ;;
        esac
}

wanted() {
        local pattern
        [ ${#patterns[@]} -gt 0 ] || return 0
        for pattern in "${patterns[@]}"; do
                # shellcheck disable=SC2053
                [[ $1 == $pattern ]] && return 0
        done
        return 1
}

# build_tree DIR OPTION...: configure when new, compile; the compiler's output is shown only when it fails.
build_tree() {
        local dir=$1 log=$work/build.log
        shift
        echo "Building $dir"
        if { [ -f "$dir/build.ninja" ] || meson setup "$dir" "$top" "$@"; } >"$log" 2>&1 &&
                ninja -C "$dir" >>"$log" 2>&1; then
                return 0
        fi
        tail -n 60 "$log"
        result FAIL "build ${dir##*/}"
        return 1
}

# run_suite BUILD_DIR SUITE PREFIX: a meson suite, one line for each of its tests, with the output of those that fail.
run_suite() {
        local dir=$1 suite=$2 prefix=$3 log=$1/meson-logs/testlog.json status name text
        rm -f "$log"
        meson test -C "$dir" --no-rebuild --suite "$suite" --print-errorlogs >"$work/suite.log" 2>&1
        if [ ! -e "$log" ]; then
                grep -q 'No suitable tests\|No tests defined' "$work/suite.log" ||
                        { cat "$work/suite.log"; result FAIL "$prefix$suite" "meson test did not run"; }
                return
        fi
        while IFS=$'\t' read -r status name text; do
                wanted "$name" || continue
                result "$status" "$prefix$suite $name" "$text"
        done < <(python3 "$top/tests/meson-results.py" "$log" "$work/output")
        [ ! -s "$work/output" ] || cat "$work/output"
}

run_suites() {
        local suite
        for suite; do
                run_suite "$build" "$suite" ''
        done
}

# LeakSanitizer cannot trace inside some sandboxes; there, everything but leaks is still found.
run_sanitized() {
        local suite
        build_tree "$build-sanitize" -Db_sanitize=address,undefined -Db_lundef=false || return
        export ASAN_OPTIONS=detect_stack_use_after_return=1
        export LSAN_OPTIONS=suppressions=$top/tests/lsan.supp:print_suppressions=0
        export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
        for suite in unit bus; do
                run_suite "$build-sanitize" "$suite" sanitize-
        done
        # Nothing is killed here in the middle of a call: every leak counts.
        unset LSAN_OPTIONS
        run_suite "$build-sanitize" fuzz sanitize-
}

# What distributions build: another build type, and so nothing of the crash points.
run_package() {
        local dir=$build-package found
        build_tree "$dir" --buildtype=plain || return
        found=$(grep -rlaF --include='lxd-*' 'LXD_CRASH_AT=' "$dir/services" | head -n 3)
        if [ -z "$found" ]; then
                result PASS package-build
        else
                result FAIL package-build "crash points are left in $found"
        fi
}

finish() {
        if [ ${#failures[@]} -gt 0 ]; then
                echo
                printf 'Failed: %s\n' "${failures[@]}"
        fi
        echo
        echo "$passed passed, $failed failed, $skipped skipped"
        [ "$failed" -eq 0 ] || exit 1
        exit 0
}

main() {
        local what=${1-all}
        [ $# -eq 0 ] || shift
        patterns=("$@")
        case $what in
                unit | bus | fuzz | machine | all) ;;
                help | -h | --help) usage; exit 0 ;;
                *) usage >&2; exit 2 ;;
        esac
        work=$(mktemp -d)
        trap 'machine_cleanup; rm -rf "$work"' EXIT
        trap 'exit 130' INT TERM HUP
        # shellcheck disable=SC2086
        packages_install $PACKAGES_BUILD >/dev/null || { result FAIL "packages" "apt-get failed"; finish; }
        build_tree "$build" || finish
        case $what in
                machine) run_machine ;;
                all)
                        run_suites unit bus fuzz
                        run_sanitized
                        run_package
                        run_machine
                        ;;
                *) run_suites "$what" ;;
        esac
        finish
}

# shellcheck source=tests/run-machine.sh
. "$top/tests/run-machine.sh"

main "$@"
