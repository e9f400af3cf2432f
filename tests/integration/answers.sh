#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Several hundred requests, good and bad, get the answer that LXD 5.0.2 gave to them: status, headers, wording, keys and types.
# machine: nspawn fresh
# needs: image-busybox
# timeout: 900
. "$(dirname "$0")/lib.sh"
folder=$(dirname "$0")/answers

test_setup() {
        setup_server
}

test_answers() {
        local cases failed=()
        for cases in "$folder"/*.cases; do
                python3 "$folder/answers.py" check "$cases" || failed+=("${cases##*/}")
        done
        [ ${#failed[@]} -eq 0 ] || fail "other answers than LXD's: ${failed[*]}"
}

run_tests
