#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power failures: a machine with a disk of its own loses all it has not flushed, at a random moment of many changes. After each, what was
# answered holds, nothing is half-made, and all of it works. CUTS is how many (2), SEED where to begin.
# machine: none
# needs: qemu
# timeout: 1200
set -eu

here=$(cd "$(dirname "$0")" && pwd)
machine=$here/../machine/machine
name=power$$
work=$(mktemp -d)
seed=${SEED:-1}

cleanup() {
        "$machine" down "$name" || true
        rm -rf "$work"
}
trap cleanup EXIT

on() {
        "$machine" exec "$name" "$@"
}

fail() {
        echo "FAILED in power-cut: $1" >&2
        tail -n 5 "$work/log" >&2 || true
        on journalctl -b -q -p warning -n 30 --no-pager >&2 </dev/null || true
        exit 1
}

"$machine" up "$name" --bed=qemu --durable ${BUILD_DIR:+--prefix="$BUILD_DIR"}
"$machine" push "$name" "$here/power-model.py" /srv/
"$machine" push "$name" "$("$here/../machine/images" busybox)" /srv/busybox.tar.xz
on bash -eu <<'SETUP'
lxc storage create fast btrfs size=3GiB
lxc storage create plain dir
lxc profile device add default root disk path=/ pool=fast
lxc image import /srv/busybox.tar.xz --alias busybox
# The disk as the machine was installed, and what is set up here, is not what is tested.
sync
SETUP

: >"$work/state"
for ((cut = 1; cut <= ${CUTS:-2}; cut++)); do
        on python3 /srv/power-model.py drive "$seed" 300 <"$work/state" >"$work/log" &
        driver=$!
        sleep "$((10 + RANDOM % 20)).$((RANDOM % 10))"
        kill -0 "$driver" 2>/dev/null || fail "the driver ended by itself (seed $seed)"
        "$machine" cut "$name"
        wait "$driver" || true
        echo "cut $cut, seed $seed: $(grep -c '"done"' "$work/log") changes"
        on python3 /srv/power-model.py check <"$work/log" >"$work/state" || fail "an answer does not hold (cut $cut, seed $seed)"
        seed=$((seed + 1))
done
