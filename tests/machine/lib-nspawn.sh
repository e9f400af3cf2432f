# SPDX-License-Identifier: Apache-2.0
# The everyday bed: a machine is a systemd-nspawn container on an overlay of the cached root; sourced by machine.
# shellcheck shell=bash

# These folders of a machine lie on the host's disk, not on the overlay, which can have no idmapped mounts.
nspawn_disk_folders='var srv mnt opt home root'

# Every cgroup hierarchy of the host, one mount point per line: one when cgroup v2 is alone, else several.
nspawn_hierarchies() {
        awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts | sort -u
}

nspawn_processes() {
        local hierarchy
        while read -r hierarchy; do
                find "$hierarchy/lxd-test-$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
        done < <(nspawn_hierarchies) | sort -u
}

nspawn_leader() {
        process_alive "$(field "$1" leader)"
}

# A cgroup of its own in each hierarchy: it makes the machine's processes findable, whatever becomes of its supervisor.
nspawn_make_cgroups() {
        local hierarchy file
        while read -r hierarchy; do
                mkdir -p "$hierarchy/lxd-test-$1" 2>/dev/null || continue
                for file in cpuset.cpus cpuset.mems; do
                        [ ! -e "$hierarchy/cgroup.clone_children" ] || [ ! -e "$hierarchy/$file" ] ||
                                cat "$hierarchy/$file" >"$hierarchy/lxd-test-$1/$file"
                done
                [ ! -e "$hierarchy/cpuset.cpus" ] || [ ! -e "$hierarchy/cgroup.clone_children" ] ||
                        echo 1 >"$hierarchy/lxd-test-$1/cgroup.clone_children"
        done < <(nspawn_hierarchies)
}

nspawn_enter_cgroups() {
        local hierarchy
        while read -r hierarchy; do
                echo "$BASHPID" >"$hierarchy/lxd-test-$1/cgroup.procs" || true
        done < <(nspawn_hierarchies)
}

nspawn_remove_cgroups() {
        local hierarchy
        while read -r hierarchy; do
                find "$hierarchy/lxd-test-$1" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        done < <(nspawn_hierarchies)
}

nspawn_files() {
        local name=$1 base=$2 dir=$machines/$1 folder
        mkdir -p "$dir"/{upper,work,root,disk}
        for folder in $nspawn_disk_folders; do
                cp -a --reflink=auto "$base/$folder" "$dir/disk/$folder"
        done
        mkdir -p "$dir/upper/etc/systemd/system/multi-user.target.wants"
        echo "$name" >"$dir/upper/etc/hostname"
        printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost\n' "$name" >"$dir/upper/etc/hosts"
        tr -d - </proc/sys/kernel/random/uuid >"$dir/upper/etc/machine-id"
        [ -s "$dir/address" ] || return 0
        cat >"$dir/upper/etc/systemd/system/test-network.service" <<UNIT
[Unit]
Description=Address of this test machine
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address replace $(<"$dir/address")/24 dev host0
ExecStart=ip address replace fd42:213::$(cut -d. -f4 "$dir/address")/64 dev host0 nodad
ExecStart=ip link set dev host0 up
UNIT
        ln -s ../test-network.service "$dir/upper/etc/systemd/system/multi-user.target.wants/"
}

# Runs in a mount namespace of its own, so that the mounts go when the machine's processes go.
nspawn_boot() {
        local name=$1 base=$2 flavour=$3 prefix=$4 dir=$machines/$1 folder options
        close_descriptors
        if ! mount -t overlay -o "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/root"; then
                say "No overlay file system here: copying the whole root instead"
                mkdir "$dir/copy"
                cp -a "$base/." "$dir/copy/" && cp -a "$dir/upper/." "$dir/copy/"
                mount --bind "$dir/copy" "$dir/root"
        fi
        for folder in $nspawn_disk_folders; do
                mount --bind "$dir/disk/$folder" "$dir/root/$folder"
        done
        if [ "$flavour" = ours ]; then
                install_build "$prefix" "$dir/root"
                enable_build "$dir/root"
        fi
        options=(--quiet --register=no --keep-unit --boot --directory="$dir/root" --machine="$name"
                --capability=all --resolv-conf=off --timezone=off --link-journal=no --console=pipe
                --kill-signal=SIGRTMIN+3)
        if [ -s "$dir/bridge" ]; then
                options+=(--network-bridge="$(<"$dir/bridge")")
        else
                options+=(--private-network)
        fi
        touch "$dir/booting"
        SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_LOCK=0 \
                exec systemd-nspawn "${options[@]}" systemd.show_status=false </dev/null
}

nspawn_up() {
        local name=$1 base=$2 flavour=$3 prefix=$4 dir=$machines/$1
        nspawn_make_devices
        nspawn_files "$name" "$base"
        nspawn_make_cgroups "$name"
        # The child must hold neither the lock nor the caller's pipes, and must survive the caller's terminal.
        (
                exec >"$dir/boot.log" 2>&1 </dev/null
                nspawn_enter_cgroups "$name"
                export here tree cache machines
                exec setsid unshare --mount --propagation private "$BASH" -euc '
                        . "$tree/scripts/packages.sh"; . "$here/lib-base.sh"; . "$here/lib-nspawn.sh"
                        nspawn_boot "$@"' boot "$name" "$base" "$flavour" "$prefix"
        ) &
        nspawn_wait "$name" $!
}

# Nodes that the container's own cannot work without: the kernel makes a loop device only when asked on the host.
nspawn_make_devices() {
        [ -e /dev/loop-control ] || mknod -m 0660 /dev/loop-control c 10 237
        [ -e /dev/loop0 ] || mknod -m 0660 /dev/loop0 b 7 0
        [ -e /dev/fuse ] || mknod -m 0666 /dev/fuse c 10 229
}

nspawn_fail() {
        cat "$machines/$1/boot.log" >&2
        die "Machine \"$1\" did not boot: $2"
}

# Waits until the machine's PID 1 says that boot is over (its answer comes the moment it is so).
nspawn_wait() {
        local name=$1 supervisor=$2 dir=$machines/$1 leader='' deadline=$((SECONDS + 90))
        until [ -e "$dir/booting" ] && leader=$(pgrep --parent "$supervisor" -o) && [ -n "$leader" ] &&
                [ -S "/proc/$leader/root/run/systemd/private" ]; do
                kill -0 "$supervisor" 2>/dev/null || nspawn_fail "$name" "systemd-nspawn ended"
                ((SECONDS < deadline)) || nspawn_fail "$name" "its systemd did not come up within 90 s"
                sleep 0.05
        done
        echo "$leader $(process_start_time "$leader")" >"$dir/leader"
        nspawn_exec "$name" sh -c '
                awk "\$2 ~ \"^/sys/fs/cgroup\" { print \$2 }" /proc/self/mounts |
                        while read -r dir; do mount -o remount,bind,rw "$dir" || true; done'
        machine_settled "$name" 90 || die "Machine \"$name\" did not boot"
}

# The command gets a clean environment and moves itself below the machine's own systemd, out of the caller's cgroups.
nspawn_exec() {
        local name=$1 leader
        shift
        leader=$(nspawn_leader "$name") || die "Machine \"$name\" is not running; remove it: ${0##*/} down $name"
        # shellcheck disable=SC2016
        exec_command=(nsenter -t "$leader" -m -u -i -n -p -C -- env -i
                PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root
                LANG=C.UTF-8 "TERM=${TERM:-dumb}" sh -c '
                        cd /sys/fs/cgroup
                        for d in . *; do
                                if [ -e "$d/init.scope/cgroup.procs" ]; then echo 0 >"$d/init.scope/cgroup.procs"
                                elif [ -e "$d/cgroup.procs" ]; then echo 0 >"$d/cgroup.procs"; fi
                        done 2>/dev/null
                        cd /root
                        exec "$@"' exec "$@")
        if [ -n "${exec_last-}" ]; then exec "${exec_command[@]}"; fi
        "${exec_command[@]}"
}

# Frozen processes do not die, not even by SIGKILL in the first cgroup version.
nspawn_thaw() {
        local hierarchy
        while read -r hierarchy; do
                find "$hierarchy/lxd-test-$1" -name freezer.state -exec sh -c 'for f; do echo THAWED >"$f"; done' thaw {} + 2>/dev/null || true
                find "$hierarchy/lxd-test-$1" -name cgroup.freeze -exec sh -c 'for f; do echo 0 >"$f"; done' thaw {} + 2>/dev/null || true
        done < <(nspawn_hierarchies)
}

nspawn_kill() {
        local name=$1 pids pid deadline=$((SECONDS + 30))
        nspawn_thaw "$name"
        pids=$(nspawn_processes "$name")
        while [ -n "$pids" ]; do
                for pid in $pids; do
                        kill -KILL "$pid" 2>/dev/null || true
                done
                ((SECONDS < deadline)) || die "Processes of machine \"$name\" do not end: ${pids//$'\n'/ }"
                sleep 0.02
                pids=$(nspawn_processes "$name")
        done
}

# Loop devices outlive the machine if something in it attached one without "autoclear"; theirs are known by inode.
nspawn_detach_loops() {
        local dir=$machines/$1 device inode
        [ -d "$dir" ] || return 0
        while read -r device inode; do
                [ -z "$inode" ] || [ -z "$(find "$dir/disk" "$dir/upper" -inum "$inode" -type f -print -quit 2>/dev/null)" ] ||
                        losetup -d "$device" 2>/dev/null || true
        done < <(losetup -l -n -O NAME,BACK-INO 2>/dev/null)
}

nspawn_down() {
        nspawn_kill "$1"
        nspawn_detach_loops "$1"
        nspawn_remove_cgroups "$1"
}
