#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the images: Debian's LXD 5.0.2 takes them all, what is in them boots, gets addresses, and stops when told to.
# machine: none
# needs: lxd5 image-busybox image-debian
set -eu

here=$(cd "$(dirname "$0")" && pwd)
machine=$here/machine
name=imagetest$$
trap '"$machine" down "$name"' EXIT

[ "$(id -u)" -eq 0 ] || { echo "root is needed to boot a machine"; exit 77; }

"$machine" up "$name" --flavour=lxd5
mapfile -t files < <("$here/images" all)
for file in "${files[@]}"; do
        "$machine" push "$name" "$file" /root/
done
"$machine" exec "$name" bash -eux <<'EOS'
lxd init --preseed <<'Y'
storage_pools: [{name: default, driver: btrfs, config: {size: 4GiB}}]
networks: [{name: lxdbr0, type: bridge, config: {ipv4.address: auto, ipv6.address: auto}}]
profiles: [{name: default, devices: {root: {type: disk, path: /, pool: default},
  eth0: {type: nic, network: lxdbr0, name: eth0}}}]
Y
cd /root
for image in busybox debian; do
        lxc image import -q $image.tar.xz --alias $image
        lxc image import -q $image.meta.tar.xz $image.squashfs --alias $image-split
        for variant in $image $image-split; do
                lxc launch -q $variant c-$variant </dev/null
        done
done

# wait_for COMMAND...: the test fails when this is not true within a minute.
wait_for() {
        for try in $(seq 120); do
                if "$@" </dev/null; then return 0; fi
                sleep 0.5
        done
        return 1
}
has_address() { lxc list "^$1\$" -c 4 -f csv | grep -q '^10\.'; }
has_ipv6() { lxc list "^$1\$" -c 6 -f csv | grep -q '^fd42:'; }
is() { [ "$(lxc list "^$1\$" -c s -f csv)" = "$2" ]; }

for name in c-busybox c-busybox-split c-debian c-debian-split; do
        wait_for has_address $name
        [ "$(lxc exec $name -- hostname </dev/null)" = $name ]
        lxc exec $name -- grep -q "127.0.1.1.*$name" /etc/hosts </dev/null
        wait_for has_ipv6 $name
done
wait_for lxc exec c-debian -- systemctl is-system-running
lxc exec c-debian -- ping -c1 -W5 -q c-busybox.lxd </dev/null
lxc exec c-busybox -- ping -c1 -W5 -q c-debian.lxd </dev/null
lxc console c-busybox --show-log </dev/null | grep 'busybox is up'

# Stop from outside, restart and power off from inside.
for name in c-busybox c-debian; do
        lxc stop $name --timeout 30 </dev/null
        is $name STOPPED
        before=$(lxc list -f csv -c p ^$name-split\$)
        lxc exec $name-split -- reboot </dev/null || true
        changed() { pid=$(lxc list -f csv -c p ^$name-split\$); [ "$pid" != 0 ] && [ "$pid" != "$before" ]; }
        wait_for changed
        wait_for has_address $name-split
        lxc exec $name-split -- poweroff </dev/null || true
        wait_for is $name-split STOPPED
done
EOS
