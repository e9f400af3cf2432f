# SPDX-License-Identifier: Apache-2.0
# The cached root file systems that machines are started from, and installing a build into one; sourced by machine.
# shellcheck shell=bash

cache=${LXD_TEST_DIR:-/var/cache/lxd-test}
machines=$cache/machines

say() {
        [ -n "${LXD_TEST_QUIET-}" ] || echo "$*" >&2
}

die() {
        echo "${0##*/}: $*" >&2
        exit 1
}

need_tools() {
        local packages tool
        packages=$(echo "$1" | xargs)
        shift
        for tool; do
                command -v "$tool" >/dev/null || die "\"$tool\" is not installed; run: apt-get install $packages"
        done
}

# What neither a machine nor the daemons themselves can do without.
need_capabilities() {
        local caps
        caps=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
        (((0x$caps >> 21) & 1)) || die "CAP_SYS_ADMIN is missing here, so nothing can be mounted and no container started"
        (((0x$caps >> 12) & 1)) || die "CAP_NET_ADMIN is missing here, so there can be no network for containers"
        (((0x$caps >> 27) & 1)) || die "CAP_MKNOD is missing here, so there can be no devices for containers, nor loop devices"
        [ -w /sys/fs/cgroup ] || die "/sys/fs/cgroup is not writable here, so no container can be started"
}

# need_privilege BED: one sentence for what is missing to boot a machine, before anything is made.
need_privilege() {
        [ "$(id -u)" -eq 0 ] || die "Only root can boot a machine (namespaces, mounts, loop devices)"
        need_tools "$PACKAGES_BED" mmdebstrap ip pgrep
        if [ "$1" = qemu ]; then
                need_tools "$PACKAGES_QEMU" qemu-system-x86_64 qemu-img ssh ssh-keygen socat mkfs.ext4
                return 0
        fi
        need_tools "$PACKAGES_BED" systemd-nspawn nsenter unshare
        need_capabilities
}

# packages_of FLAVOUR BED: the packages of its root file system, one per line, sorted.
packages_of() {
        local list
        case $1 in
                bare) list="$PACKAGES_BARE" ;;
                ours) list="$PACKAGES_RUN $PACKAGES_TEST" ;;
                lxd5) list="$PACKAGES_RUN $PACKAGES_TEST $PACKAGES_PEER" ;;
                *) die "There is no flavour \"$1\"; there are: ours lxd5 bare" ;;
        esac
        [ "$2" != qemu ] || list+=" $PACKAGES_QEMU_GUEST"
        # shellcheck disable=SC2086
        printf '%s\n' $list | sort -u
}

# The Debian mirror: $LXD_TEST_MIRROR, else the one this host uses, else mmdebstrap's own choice.
base_mirror() {
        if [ -n "${LXD_TEST_MIRROR-}" ]; then
                echo "$LXD_TEST_MIRROR"
        elif [ -f /etc/apt/sources.list.d/debian.sources ] &&
                grep -q '^Suites:.*bookworm' /etc/apt/sources.list.d/debian.sources; then
                echo /etc/apt/sources.list.d/debian.sources
        elif [ -s /etc/apt/sources.list ] && grep -q '^deb .*bookworm' /etc/apt/sources.list; then
                echo /etc/apt/sources.list
        fi
}

base_id() {
        echo "$1-$2-$(packages_of "$1" "$2" | cat - "$here/base-customize" | sha256sum | cut -c1-12)"
}

# base_root FLAVOUR BED: print where its root file system is, a folder or for qemu a disk; made first if it is not cached.
base_root() {
        local dir
        dir=$cache/base/$(base_id "$1" "$2")
        mkdir -p "$cache/base"
        (
                flock 9
                [ -e "$dir/.complete" ] || base_make "$1" "$2" "$dir"
        ) 9>"$cache/base/.lock-$1-$2" || die "Could not make the root file system; see $cache/base/$1-$2.log"
        echo "$dir"
}

base_make() {
        local flavour=$1 bed=$2 dir=$3 log=$cache/base/$1-$2.log mirror packages
        say "Making the root file system $flavour for $bed (once; log: $log)"
        rm -rf "$dir.new" "$dir"
        mirror=$(base_mirror)
        packages=$(packages_of "$flavour" "$bed" | paste -sd,)
        [ "$bed" != qemu ] || [ -e "$cache/ssh-key" ] || ssh-keygen -q -t ed25519 -N '' -C test -f "$cache/ssh-key"
        DEBIAN_FRONTEND=noninteractive LXD_TEST_KEY=$cache/ssh-key.pub mmdebstrap --mode=root --variant=minbase \
                --include="$packages" --dpkgopt='path-exclude=/usr/share/doc/*' \
                --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
                --customize-hook="$here/base-customize $flavour $bed \"\$1\"" \
                bookworm "$dir.new" ${mirror:+"$mirror"} >"$log" 2>&1 9>&- || return 1
        [ "$bed" != qemu ] || qemu_disk "$dir.new" >>"$log" 2>&1 9>&- || return 1
        mv "$dir.new" "$dir"
        touch "$dir/.complete"
}

# Removes cached root file systems of other package lists, unless a machine runs from them.
base_clean() {
        local flavour bed keep=' ' dir
        for flavour in ours lxd5 bare; do
                for bed in nspawn qemu; do
                        keep+="$(base_id "$flavour" "$bed") "
                done
        done
        for dir in "$cache"/base/*-*; do
                [[ -d $dir && $keep != *" ${dir##*/} "* ]] || continue
                grep -qsxF "$dir" "$machines"/*/base || rm -rf "$dir"
        done
}

# install_build BUILD_DIR ROOT: install the build below ROOT.
install_build() {
        DESTDIR=$2 meson install -C "$1" --no-rebuild --quiet ||
                die "\"meson install\" of $1 failed; build it first: ninja -C $1"
}

# Users of the build, its units switched on; in a root that has not booted yet.
enable_build() {
        local root=$1 unit
        systemd-sysusers --root="$root"
        journalctl --quiet --root="$root" --update-catalog
        for unit in "$root"/usr/lib/systemd/system/lxd{.target,*.socket,*.service}; do
                [ -e "$unit" ] || continue
                grep -q '^\[Install\]' "$unit" || continue
                systemctl --root="$root" enable --quiet "${unit##*/}"
        done
}

process_start_time() {
        local stat
        { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
        stat=${stat##*) }
        # shellcheck disable=SC2086
        set -- $stat
        echo "${20}"
}

# process_alive "PID START": print the pid while it is still that process; a pid alone could be somebody else's by now.
process_alive() {
        [ -n "$1" ] && [ "$(process_start_time "${1% *}")" = "${1#* }" ] && echo "${1% *}"
}

# machine_settled NAME SECONDS: wait until its PID 1 says that boot is over; its answer comes the moment it is so.
machine_settled() {
        local state
        state=$(machine_exec "$1" timeout "$2" systemctl is-system-running --wait </dev/null || true)
        case $state in
                running) ;;
                degraded)
                        say "Machine \"$1\" is up, but these units failed:"
                        machine_exec "$1" systemctl list-units --failed --plain --no-legend </dev/null >&2
                        ;;
                *)
                        cat "$machines/$1/boot.log" >&2
                        say "systemd in machine \"$1\" says \"$state\""
                        return 1
                        ;;
        esac
}

# bridge_up NAME BRIDGE: the bridge is made for the first machine on it; one that was there before is used as it is.
bridge_up() {
        local name=$1 bridge=$2 number=1 taken
        exec {bridge_lock}>"$machines/.lock"
        flock "$bridge_lock"
        ip link show dev "$bridge" >/dev/null 2>&1 || {
                ip link add name "$bridge" type bridge
                touch "$machines/.bridge-$bridge"
        }
        ip link set dev "$bridge" up
        taken=$(grep -lsxF "$bridge" "$machines"/*/bridge | while read -r file; do cat "${file%/*}/address"; done || true)
        while grep -qxF "10.213.0.$number" <<<"$taken"; do
                number=$((number + 1))
        done
        echo "10.213.0.$number" >"$machines/$name/address"
        echo "$bridge" >"$machines/$name/bridge"
        exec {bridge_lock}>&-
}

# bridge_down BRIDGE: it goes with the last machine on it, if one of them made it.
bridge_down() {
        exec {bridge_lock}>"$machines/.lock"
        flock "$bridge_lock"
        if [ -e "$machines/.bridge-$1" ] && ! grep -qsxF "$1" "$machines"/*/bridge; then
                ip link delete dev "$1" 2>/dev/null || true
                rm -f "$machines/.bridge-$1"
        fi
        exec {bridge_lock}>&-
}

# Whatever the caller had open (locks, pipes of a test runner) must not stay open for the life of the machine.
close_descriptors() {
        local fd
        for fd in /proc/self/fd/*; do
                fd=${fd##*/}
                ((fd <= 2 || fd == 255)) || eval "exec $fd>&-"
        done
}
