#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the machine script itself: what goes in comes out, and nothing is left behind.
# machine: none
set -eu

here=$(cd "$(dirname "$0")" && pwd)
machine=$here/machine
cache=${LXD_TEST_DIR:-/var/cache/lxd-test}
a=selftest$$a
b=selftest$$b
bridge=lt$$
work=$(mktemp -d)

cleanup() {
        "$machine" down "$a" || true
        "$machine" down "$b" || true
        rm -rf "$work"
}
trap cleanup EXIT

[ "$(id -u)" -eq 0 ] || { echo "root is needed to boot a machine"; exit 77; }

check() {
        "$@" || { echo "FAILED: $*"; exit 1; }
}

equal() {
        [ "$1" = "$2" ] || { echo "FAILED: expected \"$2\", got \"$1\" ($3)"; exit 1; }
}

# status COMMAND...: its exit status, quietly.
status() {
        local rc=0
        "$@" >/dev/null 2>&1 || rc=$?
        echo "$rc"
}

# An empty build is a build: the machine is under test here, not what is installed in it.
mkdir "$work/src"
printf 'project(%s)\ninstall_data(%s, install_dir: %s)\n' "'probe'" "'probe.txt'" "'/usr/share/probe'" \
        >"$work/src/meson.build"
echo first >"$work/src/probe.txt"
meson setup "$work/build" "$work/src" --prefix=/usr >/dev/null

"$machine" up "$a" --bridge="$bridge" --prefix="$work/build" &
first=$!
"$machine" up "$b" --bridge="$bridge" --prefix="$work/build"
wait "$first"

# Booted, and with the build in it.
check "$machine" exec "$a" systemctl is-system-running --quiet
equal "$("$machine" exec "$a" cat /usr/share/probe/probe.txt)" first "installed build"
equal "$(status "$machine" up "$a" --prefix="$work/build")" 1 "up of a machine that is up"

# Exit status, standard streams, arguments, terminal.
equal "$(status "$machine" exec "$a" sh -c 'exit 37')" 37 "exit status"
equal "$(status "$machine" exec "$a" sh -c 'kill -9 $$')" 137 "death by signal"
equal "$(status "$machine" exec "$a" no-such-command)" 127 "command not found"
equal "$(echo text | "$machine" exec "$a" -- cat)" text "stdin and stdout"
equal "$("$machine" exec "$a" sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err "stderr"
equal "$("$machine" exec "$a" printf '<%s>' 'a b' '' '$x')" '<a b><><$x>' "arguments"
equal "$(status "$machine" exec "$a" test -t 0 </dev/null)" 1 "no terminal"
check script -qec "$machine exec $a test -t 0" /dev/null
equal "$("$machine" exec "$a" hostname)" "$a" "host name"

# Everything that runs in it is inside its own cgroups, and cgroups can be made in each hierarchy.
equal "$("$machine" exec "$a" grep -cF /.. /proc/self/cgroup)" 0 "cgroup of a command"
check "$machine" exec "$a" sh -ec 'cd /sys/fs/cgroup
        for d in . *; do [ ! -e "$d/cgroup.procs" ] || { mkdir "$d/probe"; rmdir "$d/probe"; }; done'

# A frozen process in it does not keep it from going down, at the end of this script.
"$machine" exec "$b" sh -ec 'cd /sys/fs/cgroup
        if [ -d freezer ]; then cd freezer; knob=freezer.state; on=FROZEN; else knob=cgroup.freeze; on=1; fi
        mkdir frozen
        sleep 1000 & echo $! >frozen/cgroup.procs
        echo $on >frozen/$knob'

# push and pull: files, folders, modes, owners, extended attributes, symbolic links as such.
mkdir -p "$work/tree/sub"
echo content >"$work/tree/sub/file"
chmod 0640 "$work/tree/sub/file"
chown 12:34 "$work/tree/sub/file"
setfattr -n user.probe -v value "$work/tree/sub/file" 2>/dev/null || true
ln -s /etc/passwd "$work/tree/link"
"$machine" push "$a" "$work/tree" /srv/copy
"$machine" push "$a" "$work/tree/sub/file" /srv/dir/
equal "$("$machine" exec "$a" stat -c '%a %u %g' /srv/copy/sub/file)" '640 12 34' "mode and owner"
equal "$("$machine" exec "$a" cat /srv/dir/file)" content "push into a folder"
"$machine" push "$a" "$work/tree/sub/file" /srv/dir/file
"$machine" pull "$a" /srv/copy "$work/back"
check diff -r --no-dereference "$work/tree" "$work/back"
equal "$(getfattr --only-values -n user.probe "$work/back/sub/file" 2>/dev/null)" \
        "$(getfattr --only-values -n user.probe "$work/tree/sub/file" 2>/dev/null)" "extended attribute"
equal "$(status "$machine" pull "$a" /no/such "$work/none")" 2 "pull of nothing"
equal "$(status "$machine" push "$a" /no/such /tmp/x)" 1 "push of nothing"

# A changed build arrives in a running machine.
echo second >"$work/src/probe.txt"
"$machine" install "$a" --prefix="$work/build"
equal "$("$machine" exec "$a" cat /usr/share/probe/probe.txt)" second "install into a running machine"

# Two machines on one bridge reach each other, by IPv4 and by IPv6.
address=$("$machine" list | awk -v name="$b" '$1 == name { print $5 }')
check "$machine" exec "$a" ping -c1 -W5 -q "$address" >/dev/null
check "$machine" exec "$a" ping -c1 -W5 -q "fd42:213::${address##*.}" >/dev/null

# Loop files and what is mounted from them work, and do not outlive the machine, even when it is killed.
"$machine" exec "$a" sh -ec 'truncate -s 200M /var/lib/pool; mkfs.btrfs -q /var/lib/pool
        losetup /dev/loop100 /var/lib/pool; mount /dev/loop100 /mnt; btrfs -q subvolume create /mnt/probe' >/dev/null 2>&1
"$machine" exec "$a" sleep 1000 &
sleeper=$!
until "$machine" exec "$a" pgrep -x sleep >/dev/null; do :; done
kill -KILL "$(cut -d' ' -f1 "$cache/machines/$a/leader")"
rc=0
wait "$sleeper" 2>/dev/null || rc=$?
equal "$rc" 137 "a command when its machine is killed"
state_of() { "$machine" list | awk -v name="$1" '$1 == name { print $3 }'; }
# The command ends with the first of the machine's processes; the last one takes a moment longer.
for _ in $(seq 100); do [ "$(state_of "$a")" != running ] || sleep 0.1; done
equal "$(state_of "$a")" dead "state of a killed machine"
equal "$(status "$machine" exec "$a" true)" 1 "exec in a killed machine"
"$machine" down "$a"
check ip link show dev "$bridge" >/dev/null
"$machine" down "$b"
equal "$(losetup -a | grep -c /var/lib/pool || true)" 0 "loop devices left"
equal "$(find /sys/fs/cgroup -maxdepth 2 -name "lxd-test-selftest$$*" | wc -l)" 0 "cgroups left"
equal "$(find "$cache/machines" -maxdepth 1 -name "*selftest$$*" | wc -l)" 0 "folders left"
equal "$(grep -c "$cache/machines/selftest$$" /proc/self/mountinfo || true)" 0 "mounts left"
equal "$(ip link show dev "$bridge" >/dev/null 2>&1; echo $?)" 1 "bridge left"
equal "$(status "$machine" down "$a")" 0 "down of a machine that is not there"

# A name can be no path and no option.
for name in ../x -x '' 'a b' A; do
        equal "$(status "$machine" up "$name")" 1 "name \"$name\""
done
