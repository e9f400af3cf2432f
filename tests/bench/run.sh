#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Measures this build against Debian's LXD 5.0.2: two machines alike, the same client, alternating round by round.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
machine=$top/tests/machine/machine
build=${BUILD_DIR:-$top/build}
rounds=15
only=
json=bench.json
phases='empty idle 10 100 1000 50 after'
sides=(ours theirs)
declare -A flavour=([ours]=ours [theirs]=lxd5)

usage() {
        cat <<USAGE
usage: tests/bench/run.sh [--only=ID,...] [--rounds=N] [--phases=PHASE,...] [--json=FILE] [--peers]

  --only      only these rows of rows.tsv (and only the phases they need)
  --rounds    rounds of each row (15); rows that take seconds make do with a third
  --phases    empty idle 10 100 1000 50 after
  --json      where the figures go (bench.json)
  --peers     LXD 5.0.2 on both sides: every ratio should be near 1, which shows the noise of this machine
USAGE
}

for option; do
        case $option in
                --only=*) only=,${option#*=}, ;;
                --rounds=*) rounds=${option#*=} ;;
                --phases=*) phases=${option#*=} phases=${phases//,/ } ;;
                --json=*) json=${option#*=} ;;
                --peers) flavour[ours]=lxd5 ;;
                *) usage; exit 2 ;;
        esac
done

# rows PHASE: "id row" of the rows to run in it.
rows() {
        awk -F'\t' -v phase="$1" -v only="$only" '!/^#/ && $3 == phase && (only == "" || index(only, "," $1 ",")) {
                print $1, $2 }' "$here/rows.tsv"
}

name() {
        echo "bench$$-$1"
}

on() {
        local side=$1
        shift
        "$machine" exec "$(name "$side")" "$@"
}

work=$(mktemp -d)
results=$work/results
: >"$results"
cleanup() {
        local side
        for side in "${sides[@]}"; do
                "$machine" down "$(name "$side")" || true
        done
        rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# An image that is not in the store yet: the Debian one packed once more, so that its fingerprint differs.
again() {
        local image again
        image=$("$top/tests/machine/images" debian)
        again=${image%.tar.xz}.again.tar.xz
        if [ ! -e "$again" ]; then
                echo "Packing the Debian image a second time (once)" >&2
                xz -dc "$image" | xz -T0 -2 >"$again.new"
                mv "$again.new" "$again"
        fi
        echo "$again"
}

prepare() {
        local side=$1 file
        "$machine" up "$(name "$side")" --flavour="${flavour[$side]}" --prefix="$build"
        on "$side" mkdir -p /bench/many
        "$machine" push "$(name "$side")" "$build/tests/bench/lxd-bench" /bench/
        for file in "${files[@]}"; do
                "$machine" push "$(name "$side")" "$file" /bench/
        done
        "$machine" push "$(name "$side")" "$(again)" /bench/debian-again.tar.xz
        # The stock client sets both sides up, the same way.
        on "$side" bash -eu <<'SETUP'
cd /bench
head -c 1024 /dev/urandom >1k
head -c 104857600 /dev/urandom >100m
for i in $(seq 1000); do echo $i >many/file$i; done
lxc.stock storage create default btrfs size=20GiB >/dev/null
lxc.stock network create lxdbr0 ipv4.address=auto ipv6.address=auto >/dev/null
lxc.stock profile device add default root disk path=/ pool=default >/dev/null
lxc.stock profile device add default eth0 nic network=lxdbr0 name=eth0 >/dev/null
lxc.stock image import busybox.tar.xz --alias busybox >/dev/null
lxc.stock image import debian.tar.xz --alias debian >/dev/null
lxc.stock launch -q busybox bench </dev/null
SETUP
}

# The other side's last round goes on in the kernel: subvolumes and network namespaces are taken apart when everybody has his answer.
measure() {
        local id=$1 row=$2 side=$3 value
        sleep 0.7
        if ! value=$(on "$side" timeout 600 /bench/lxd-bench "$row" 2>"$work/error" </dev/null); then
                echo "$id, $side: $(grep . "$work/error" | tail -n 1)" >&2
                value=failed
        fi
        echo "$value"
}

# Each round measures both sides, the first of a pair alternating; the first round only warms up.
run_row() {
        local id=$1 row=$2 n=$rounds i side value start=$SECONDS order
        for ((i = 0; i <= n; i++)); do
                order=("${sides[@]}")
                ((i % 2 == 0)) || order=("${sides[1]}" "${sides[0]}")
                for side in "${order[@]}"; do
                        value=$(measure "$id" "$row" "$side")
                        [ "$i" -eq 0 ] || echo "$id $side $value" >>"$results"
                done
                # Rows that take seconds: a third of the rounds, but three at least.
                if ((i == 0 && SECONDS - start >= 4)); then n=$(((rounds + 2) / 3 > 3 ? (rounds + 2) / 3 : 3)); fi
        done
        printf '%-20s %s\n' "$id" "$(grep "^$id " "$results" | awk '{ s[$2] = s[$2] " " $3 } END {
                for (x in s) printf "%s:%s  ", x, s[x] }')" >&2
}

both() {
        local side
        for side in "${sides[@]}"; do
                echo "$1 on $side" >&2
                on "$side" timeout 1800 /bench/lxd-bench "$1" >/dev/null </dev/null || echo "$1 failed on $side" >&2
        done
}

run_phase() {
        local phase=$1 id row list
        list=$(rows "$phase")
        case $phase in
                10 | 100 | 1000) [ -z "$list" ] || both "populate-$phase" ;;
                50) [ -z "$list" ] || { both populate-1000; both start-50; } ;;
                # Daemons that leave when idle have left by then.
                idle | after) [ -z "$list" ] || sleep 60 ;;
        esac
        while read -r id row; do
                [ -z "$id" ] || run_row "$id" "$row" </dev/null
        done <<<"$list"
}

mapfile -t files < <("$top/tests/machine/images" busybox debian debian-split)
for side in "${sides[@]}"; do
        prepare "$side"
done
for phase in $phases; do
        run_phase "$phase"
done
python3 "$here/report.py" "$here/rows.tsv" "$results" "$json"
