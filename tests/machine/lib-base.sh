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

# One sentence for the privilege that is missing, before anything is made.
need_privilege() {
        [ "$(id -u)" -eq 0 ] || die "Only root can boot a machine (namespaces, mounts, loop devices)"
        local tool caps
        for tool in systemd-nspawn mmdebstrap nsenter unshare ip; do
                command -v "$tool" >/dev/null ||
                        die "\"$tool\" is not installed; run: apt-get install ${PACKAGES_BED//[[:space:]]/ }"
        done
        caps=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
        (((0x$caps >> 21) & 1)) || die "CAP_SYS_ADMIN is missing here, so no machine can be booted"
        (((0x$caps >> 12) & 1)) || die "CAP_NET_ADMIN is missing here, so no machine can have a network"
        (((0x$caps >> 27) & 1)) || die "CAP_MKNOD is missing here, so no machine can have loop devices"
        [ -w /sys/fs/cgroup ] || die "/sys/fs/cgroup is not writable here, so no machine can be booted"
}

# packages_of FLAVOUR: the packages of its root file system, one per line, sorted.
packages_of() {
        local list
        case $1 in
                ours) list="$PACKAGES_RUN $PACKAGES_TEST" ;;
                lxd5) list="$PACKAGES_RUN $PACKAGES_TEST $PACKAGES_PEER" ;;
                *) die "There is no flavour \"$1\"; there are: ours lxd5" ;;
        esac
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

# base_root FLAVOUR: print the folder of its root file system, made first if it is not in the cache.
base_root() {
        local hash dir
        hash=$(packages_of "$1" | cat - "$here/base-customize" | sha256sum | cut -c1-12)
        dir=$cache/base/$1-$hash
        mkdir -p "$cache/base"
        (
                flock 9
                [ -e "$dir/.complete" ] || base_make "$1" "$dir"
        ) 9>"$cache/base/.lock-$1" || die "Could not make the root file system of flavour $1; see $cache/base/$1.log"
        touch "$dir/.complete"
        echo "$dir"
}

base_make() {
        local flavour=$1 dir=$2 mirror packages
        say "Making the root file system of flavour $flavour (once; log: $cache/base/$flavour.log)"
        rm -rf "$dir.new" "$dir"
        mirror=$(base_mirror)
        packages=$(packages_of "$flavour" | paste -sd,)
        DEBIAN_FRONTEND=noninteractive mmdebstrap --mode=root --variant=minbase --include="$packages" \
                --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
                --dpkgopt='path-exclude=/usr/share/locale/*' \
                --customize-hook="$here/base-customize $flavour \"\$1\"" \
                bookworm "$dir.new" ${mirror:+"$mirror"} >"$cache/base/$flavour.log" 2>&1 9>&-
        mv "$dir.new" "$dir"
        touch "$dir/.complete"
}

# Removes cached root file systems of other package lists, unless a machine runs from them.
base_clean() {
        local flavour keep=' ' dir
        for flavour in ours lxd5; do
                keep+="$(packages_of "$flavour" | cat - "$here/base-customize" | sha256sum | cut -c1-12) "
        done
        for dir in "$cache"/base/*-*; do
                [[ -d $dir && $keep != *" ${dir##*-} "* ]] || continue
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
        for unit in "$root"/usr/lib/systemd/system/lxd{.target,*.socket,*.service}; do
                [ -e "$unit" ] || continue
                grep -q '^\[Install\]' "$unit" || continue
                systemctl --root="$root" enable --quiet "${unit##*/}"
        done
}
