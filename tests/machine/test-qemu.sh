#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the bed with a kernel of its own: the same commands work, cgroups are v2, modules load, nothing stays.
# machine: none
# needs: qemu
set -eu

here=$(cd "$(dirname "$0")" && pwd)
machine=$here/machine
cache=${LXD_TEST_DIR:-/var/cache/lxd-test}
name=qemutest$$
other=other$$
bridge=lq$$
work=$(mktemp -d)

cleanup() {
        "$machine" down "$name" || true
        "$machine" down "$other" || true
        rm -rf "$work"
}
trap cleanup EXIT

equal() {
        [ "$1" = "$2" ] || { echo "FAILED: expected \"$2\", got \"$1\" ($3)"; exit 1; }
}

status() {
        local rc=0
        "$@" >/dev/null 2>&1 || rc=$?
        echo "$rc"
}

mkdir "$work/src"
printf 'project(%s)\ninstall_data(%s, install_dir: %s)\n' "'probe'" "'probe.txt'" "'/usr/share/probe'" \
        >"$work/src/meson.build"
echo probe >"$work/src/probe.txt"
meson setup "$work/build" "$work/src" --prefix=/usr >/dev/null

"$machine" up "$other" --bridge="$bridge" --prefix="$work/build"
"$machine" up "$name" --bed=qemu --bridge="$bridge" --prefix="$work/build"

equal "$("$machine" exec "$name" cat /usr/share/probe/probe.txt)" probe "installed build"
equal "$("$machine" exec "$name" systemctl is-system-running)" running "state of systemd"
equal "$("$machine" exec "$name" stat -fc %T /sys/fs/cgroup)" cgroup2fs "cgroups"
equal "$("$machine" exec "$name" cat /sys/module/apparmor/parameters/enabled)" Y "AppArmor"
for module in btrfs dm_thin_pool 8021q ipvlan macvlan vhost_vsock nbd; do
        equal "$(status "$machine" exec "$name" modprobe "$module")" 0 "module $module"
done

equal "$(status "$machine" exec "$name" sh -c 'exit 37')" 37 "exit status"
equal "$(status "$machine" exec "$name" sh -c 'kill -9 $$')" 137 "death by signal"
equal "$(status "$machine" exec "$name" no-such-command)" 127 "command not found"
equal "$(echo text | "$machine" exec "$name" -- cat)" text "stdin and stdout"
equal "$("$machine" exec "$name" sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err "stderr"
equal "$("$machine" exec "$name" printf '<%s>' 'a b' '' '$x')" '<a b><><$x>' "arguments"
equal "$(status "$machine" exec "$name" test -t 0 </dev/null)" 1 "no terminal"
script -qec "$machine exec $name test -t 0" /dev/null

head -c 20000000 /dev/urandom >"$work/blob"
"$machine" push "$name" "$work/blob" /srv/
"$machine" pull "$name" /srv/blob "$work/back"
cmp "$work/blob" "$work/back"

address=$("$machine" list | awk -v name="$other" '$1 == name { print $5 }')
"$machine" exec "$name" ping -c1 -W5 -q "$address"

leader=$(cut -d' ' -f1 "$cache/machines/$name/leader")
"$machine" down "$other"
kill -KILL "$leader"
"$machine" down "$name"
equal "$(status ip link show dev "$bridge")" 1 "bridge left"
equal "$(find "$cache/machines" -maxdepth 1 -name "*qemutest$$*" | wc -l)" 0 "folders left"
