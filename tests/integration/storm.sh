#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Random requests of several clients at once on few objects (lxd-storm): every one ends and is answered, nothing is an internal error, and what is
# there in the end works, can be removed, and leaves nothing. SEEDS='1 2', SECONDS_EACH=600, CLIENTS=8: a longer one by hand.
# machine: nspawn
# needs: image-busybox
# timeout: 900
. "$(dirname "$0")/lib.sh"

storm=/usr/libexec/lxd/tests/lxd-storm

no_operations() {
        [ "$(api GET /1.0/operations | jq '.metadata.running // [] | length')" = 0 ]
}

test_setup() {
        [ -x $storm ] || skip "lxd-storm is not installed (meson install --tags runtime,tests)"
        setup_server
        xz -dc "$IMAGES/busybox.tar.xz" >/tmp/storm.tar
        fingerprint=$(sha256sum /tmp/storm.tar | cut -d' ' -f1)
        wait_until no_operations
        inventory >/tmp/before
}

test_storm() {
        local seed output
        for seed in ${SEEDS-11}; do
                output=$(timeout $((${SECONDS_EACH-25} + 200)) $storm "$seed" "${SECONDS_EACH-25}" "${CLIENTS-6}" 1000000 /tmp/storm.tar "$fingerprint" 2>&1 </dev/null) || fail "$output"
                echo "${output##*$'\n'}"
                assert_eq "$(systemctl list-units --failed --plain --no-legend 'lxd-*')" ""
                same_at_last
        done
}

same_inventory() {
        inventory | diff /tmp/before - >/tmp/storm.diff
}

same_at_last() {
        local deadline=$((SECONDS + 60))
        until same_inventory; do
                ((SECONDS < deadline)) || fail "left behind: $(cat /tmp/storm.diff)"
                sleep 0.2
        done
}

test_nothing_left() {
        same_at_last
        rm -f /tmp/storm.tar
}

run_tests
