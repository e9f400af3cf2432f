# SPDX-License-Identifier: Apache-2.0
# What integration tests share: assertions that say what was expected, polling without a fixed time, running test_* in order.
# shellcheck shell=bash

set -uo pipefail
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
IMAGES=${IMAGES:-/images}
test_now=

fail() {
        echo "FAILED in ${test_now:-setup}, line ${BASH_LINENO[1]}: $*" >&2
        exit 1
}

# skip REASON: end this script; the reason must name what is missing.
skip() {
        echo "$*"
        exit 77
}

# assert COMMAND...: it must succeed; what it printed is shown when it does not.
assert() {
        local output rc=0
        output=$("$@" 2>&1 </dev/null) || rc=$?
        [ "$rc" -eq 0 ] || fail "\"$*\" ended with status $rc: $output"
}

# assert_fails STATUS TEXT COMMAND...: it must end with this status (- for any but 0) and print TEXT.
assert_fails() {
        local status=$1 text=$2 output rc=0
        shift 2
        output=$("$@" 2>&1 </dev/null) || rc=$?
        [ "$rc" -ne 0 ] || fail "\"$*\" succeeded: $output"
        [ "$status" = - ] || [ "$rc" -eq "$status" ] || fail "\"$*\" ended with status $rc, not $status: $output"
        [[ $output == *"$text"* ]] || fail "\"$*\" does not say \"$text\": $output"
}

assert_eq() {
        [ "$1" = "$2" ] || fail "expected \"$2\", got \"$1\""
}

assert_match() {
        [[ $1 =~ $2 ]] || fail "\"$1\" does not match \"$2\""
}

# wait_until COMMAND...: until it succeeds; a minute is the limit of patience, not a measure.
wait_until() {
        local deadline=$((SECONDS + ${WAIT_SECONDS:-60}))
        until "$@" >/dev/null 2>&1 </dev/null; do
                ((SECONDS < deadline)) || fail "still not so: $*"
                sleep 0.1
        done
}

# api METHOD PATH [JSON]: the answer of the daemon on its socket.
api() {
        curl -sS --unix-socket /var/lib/lxd/unix.socket -X "$1" "http://lxd$2" \
                ${3:+-H 'Content-Type: application/json' -d "$3"}
}

# api_wait METHOD PATH [JSON]: the same; when the answer is an operation, the operation's end.
api_wait() {
        local answer operation
        answer=$(api "$@")
        operation=$(jq -r 'select(.type == "async") | .operation' <<<"$answer")
        if [ -n "$operation" ]; then
                api GET "$operation/wait"
        else
                echo "$answer"
        fi
}

# A server that has been set up once, with the busybox image under the alias "bb".
setup_server() {
        if [ "$(api GET /1.0/storage-pools/default | jq -r .type)" != sync ]; then
                assert lxd init --auto
        fi
        if [ "$(api GET /1.0/images/aliases/bb | jq -r .type)" != sync ]; then
                assert lxc image import "$IMAGES/busybox.tar.xz" --alias bb
        fi
        # What comes with the first instance and stays, the pool's copy of its image before all, is there before anybody counts.
        if [ "$(api GET /1.0/profiles/default | jq -r .metadata.devices.root.pool)" = default ] &&
                [ "$(api GET "/1.0/storage-pools/default/volumes/image/$(api GET /1.0/images/aliases/bb | jq -r .metadata.target)" | jq -r .type)" != sync ]; then
                assert lxc launch bb first
                assert lxc delete -f first
        fi
}

# Everything that must be as before once instances are gone.
inventory() {
        "$(dirname "${BASH_SOURCE[0]}")/inventory"
}

# run_tests [NAME...]: the functions test_* in the order they are written, or just the named ones; the first failure ends the script.
run_tests() {
        local name
        for name in $(grep -o '^test_[a-z0-9_]*()' "$0" | tr -d '()'); do
                [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
                test_now=$name
                echo "-- $name"
                "$name"
        done
}
