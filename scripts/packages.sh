# SPDX-License-Identifier: Apache-2.0
# The Debian 12 packages the tree needs, named once; sourced (bash or sh) by everything that installs something.
# shellcheck shell=sh disable=SC2034

# To build every program and its unit, bus and fuzz tests.
PACKAGES_BUILD='build-essential pkg-config meson ninja-build git
        libsystemd-dev libudev-dev libsqlite3-dev libjson-c-dev libssl-dev libmicrohttpd-dev libgnutls28-dev
        libarchive-dev liblzma-dev libyaml-dev libcurl4-openssl-dev libwslay-dev lxc-dev libseccomp-dev libnftables-dev
        libcap-dev libacl1-dev libcmocka-dev libmnl-dev libsquashfs-dev zlib1g-dev btrfs-progs'

# To run the daemons: what a system with LXD on it has besides systemd.
PACKAGES_RUN='systemd systemd-sysv dbus iproute2 liblxc1 liblxc-common lxcfs libmicrohttpd12 libgnutls30 libjson-c5
        libsqlite3-0 libssl3 libnftables1 nftables libarchive13 libyaml-0-2 libcurl4 libwslay1 libcap2 libacl1
        libseccomp2 libsquashfs1 dnsmasq-base btrfs-progs e2fsprogs xfsprogs rsync tar xz-utils zstd bzip2 gzip
        lzma ca-certificates openssl kmod'

# Clients and tools that the integration tests use inside a machine.
PACKAGES_TEST='lxd-client python3-pylxd python3-yaml curl socat jq strace gdb procps psmisc less attr acl file
        libcmocka0 nghttp2-client expect busybox-static iputils-ping netcat-openbsd sqlite3'

# The peer: Debian's own LXD 5.0.2, for the flavour lxd5.
PACKAGES_PEER='lxd lxd-client lxd-tools'

# A small Debian as somebody may have installed it, for the flavour bare.
PACKAGES_BARE='systemd systemd-sysv dbus iproute2 procps ca-certificates'

# On the machine that boots throw-away machines and makes images.
PACKAGES_BED='mmdebstrap systemd-container iproute2 util-linux squashfs-tools xz-utils busybox-static e2fsprogs
        mount procps'

# On the machine that boots throw-away machines with a kernel of their own, and in their root.
PACKAGES_QEMU='qemu-system-x86 qemu-utils openssh-client socat'
PACKAGES_QEMU_GUEST='linux-image-amd64 initramfs-tools openssh-server udev kmod apparmor lvm2 thin-provisioning-tools'

# For sanitizer and fuzzer builds.
PACKAGES_FUZZ='clang llvm libclang-rt-14-dev'

# packages_missing NAME...: print those of the named packages that are not installed.
packages_missing() {
        dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii. *//p' |
                awk 'NR == FNR { have[$1] = 1; next } !($1 in have)' - /dev/fd/3 3<<NAMES
$(printf '%s\n' "$@")
NAMES
}

# packages_install NAME...: install what is missing of the named packages, with apt's progress on standard output; silent when nothing is
# missing.
packages_install() {
        # shellcheck disable=SC2046
        set -- $(packages_missing "$@")
        [ $# -gt 0 ] || return 0
        if [ "$(id -u)" -ne 0 ]; then
                echo "These packages are missing and only root can install them: $*" >&2
                return 1
        fi
        echo "Installing: $*" >&2
        apt-get -q -o DPkg::Lock::Timeout=300 update || true
        if ! DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"; then
                echo "apt-get cannot install these packages; is a Debian mirror in /etc/apt, and can it be reached? $*" >&2
                return 1
        fi
}
