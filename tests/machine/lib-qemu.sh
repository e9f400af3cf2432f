# SPDX-License-Identifier: Apache-2.0
# The bed with a kernel of its own: a machine is a QEMU guest on a throw-away overlay of the cached disk; sourced by machine.
# shellcheck shell=bash

# qemu_disk DIR: turn the root file system in DIR into DIR/disk.img and keep the kernel beside it.
qemu_disk() {
        local dir=$1
        cp -L "$dir"/boot/vmlinuz-* "$dir.kernel"
        cp -L "$dir"/boot/initrd.img-* "$dir.initrd"
        rm -f "$dir.img"
        truncate -s 16G "$dir.img"
        mkfs.ext4 -q -F -d "$dir" "$dir.img"
        rm -rf "$dir"
        mkdir "$dir"
        mv "$dir.kernel" "$dir/kernel"
        mv "$dir.initrd" "$dir/initrd"
        mv "$dir.img" "$dir/disk.img"
}

qemu_leader() {
        process_alive "$(field "$1" leader)"
}

# A name for the tap device: interface names are short, names of machines need not be.
qemu_tap() {
        echo "lxt$(echo "$1" | sha256sum | cut -c1-10)"
}

qemu_up() {
        qemu-img create -q -f qcow2 -F raw -b "$2/disk.img" "$machines/$1/disk.qcow2"
        qemu_boot "$1" "$2"
}

# Boots from the disk as it is. What was not flushed is lost with QEMU only when the disk is durable: only then are flushes heeded.
qemu_boot() {
        local name=$1 base=$2 dir=$machines/$1 options restrict=on disk_cache=unsafe pid
        [ ! -e "$dir/online" ] || restrict=off
        [ ! -e "$dir/durable" ] || disk_cache=writeback
        # shellcheck disable=SC2054
        options=(-name "$name" -machine q35 -accel "${LXD_TEST_ACCEL:-tcg,thread=multi}" -cpu max -smp 2
                -m "${LXD_TEST_MEMORY:-2G}" -nodefaults -display none -no-reboot
                -kernel "$base/kernel" -initrd "$base/initrd"
                -append "root=/dev/vda rw console=ttyS0 panic=-1 quiet net.ifnames=0 systemd.hostname=$name"
                -drive "file=$dir/disk.qcow2,if=virtio,format=qcow2,cache=$disk_cache"
                -netdev "user,id=host,restrict=$restrict,hostfwd=tcp:127.0.0.1:0-:22"
                -device virtio-net-pci,netdev=host -device virtio-rng-pci
                -serial "file:$dir/console.log" -monitor "unix:$dir/monitor,server,nowait")
        if [ -s "$dir/bridge" ]; then
                ip tuntap add dev "$(qemu_tap "$name")" mode tap
                ip link set dev "$(qemu_tap "$name")" master "$(<"$dir/bridge")" up
                options+=(-netdev "tap,id=bridge,ifname=$(qemu_tap "$name"),script=no,downscript=no"
                        -device "virtio-net-pci,netdev=bridge,mac=$(qemu_mac "$name")")
        fi
        (
                exec >"$dir/boot.log" 2>&1 </dev/null
                close_descriptors
                exec setsid qemu-system-x86_64 "${options[@]}"
        ) &
        pid=$!
        echo "$pid $(process_start_time "$pid")" >"$dir/leader"
        qemu_wait "$name"
        [ ! -s "$dir/bridge" ] || qemu_exec "$name" sh -ec '
                ip address add "$1/24" dev eth1; ip address add "fd42:213::${1##*.}/64" dev eth1 nodad
                ip link set dev eth1 up' sh "$(<"$dir/address")"
}

qemu_mac() {
        echo "$1" | sha256sum | sed 's/\(..\)\(..\)\(..\).*/52:54:00:\1:\2:\3/'
}

# qemu_monitor NAME COMMAND: what QEMU answers.
qemu_monitor() {
        echo "$2" | socat -t 2 - "UNIX-CONNECT:$machines/$1/monitor"
}

# What the kernel said, and where the processors are: a kernel that hangs says nothing on any other way.
qemu_console() {
        tail -n 50 "$machines/$1/console.log"
        qemu_monitor "$1" "info status" 2>&1 | grep -a "^VM status" || true
        qemu_monitor "$1" "info registers -a" 2>&1 | grep -aE "^CPU#|^RIP=|HLT=" || true
}

# The port that was free when QEMU asked for one, on the loopback of this host.
qemu_port() {
        qemu_monitor "$1" "info usernet" |
                awk '/TCP\[HOST_FORWARD\]/ { print $4; exit }'
}

# A kernel that hangs is noticed after two minutes.
qemu_ssh() {
        local name=$1
        shift
        ssh -F none -i "$cache/ssh-key" -o "ControlPath=$machines/$name/ssh" -o BatchMode=yes -o LogLevel=ERROR \
                -o ServerAliveInterval=15 -o ServerAliveCountMax=8 -o StrictHostKeyChecking=no \
                -o UserKnownHostsFile=/dev/null "$@"
}

qemu_fail() {
        cat "$machines/$1/boot.log" >&2
        qemu_console "$1" >&2
        die "Machine \"$1\" did not boot: $2"
}

# One connection is opened at boot and kept; each command is a channel of it.
qemu_wait() {
        local name=$1 dir=$machines/$1 port='' deadline=$((SECONDS + 300))
        until [ -n "$port" ] && qemu_ssh "$name" -n -f -N -M -o ConnectTimeout=5 -p "$port" root@127.0.0.1 \
                >/dev/null 2>&1; do
                qemu_leader "$name" >/dev/null || qemu_fail "$name" "QEMU ended"
                ((SECONDS < deadline)) || qemu_fail "$name" "no answer within 300 s"
                sleep 0.5
                port=$(qemu_port "$name" 2>/dev/null || true)
        done
        machine_settled "$name" 300 || qemu_fail "$name" "its systemd did not settle"
}

# The shell in between turns death by a signal into 128 + N, as any shell does.
qemu_exec() {
        local name=$1 terminal=-T command
        shift
        qemu_leader "$name" >/dev/null || die "Machine \"$name\" is not running; remove it: ${0##*/} down $name"
        [ ! -t 0 ] || terminal=-tt
        printf -v command '%q ' env -i -C /root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
                HOME=/root USER=root LANG=C.UTF-8 "TERM=${TERM:-dumb}" sh -c '"$@"; exit $?' exec "$@"
        qemu_ssh "$name" "$terminal" root@127.0.0.1 "$command"
}

# Kills QEMU: what the machine has not flushed is gone.
qemu_kill() {
        local name=$1 pid deadline=$((SECONDS + 30))
        while pid=$(qemu_leader "$name"); do
                kill -KILL "$pid" 2>/dev/null || true
                ((SECONDS < deadline)) || die "QEMU of machine \"$name\" does not end: $pid"
                sleep 0.05
        done
        ip link delete dev "$(qemu_tap "$name")" 2>/dev/null || true
}

qemu_down() {
        local name=$1
        [ ! -S "$machines/$name/ssh" ] || qemu_ssh "$name" -O exit root@127.0.0.1 >/dev/null 2>&1 || true
        qemu_kill "$name"
}
