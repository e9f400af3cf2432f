#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a clean clone to a running Debian container: installs, builds, starts the daemons, makes an image, launches.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/packages.sh
. "$top/scripts/packages.sh"

machine=$top/tests/machine/machine
name=${QUICKSTART_NAME:-quickstart}
container=first
build=${BUILD_DIR:-$top/build}
state=/var/lib/lxd-quickstart
# LXD 5.0.2 of Debian can take the place of ours, to tell a fault of this script from one of the daemons.
flavour=${QUICKSTART_FLAVOUR:-ours}
number=0

usage() {
        cat <<USAGE
usage: scripts/quickstart.sh [start|status|enter|stop]

  start    (also without argument) install what is missing, build, bring the system up, launch a Debian container
  status   show what runs
  enter    a shell where LXD runs: the throw-away machine, or on a host with systemd the container "$container"
  stop     stop and remove everything that start made
USAGE
}

die() {
        printf '\n%s\n' "$*" >&2
        exit 1
}

step() {
        number=$((number + 1))
        printf '\n[%d] %s\n' "$number" "$*"
}

# watch COMMAND...: run it with its output in a log; show its last line while it works, all of it when it fails.
watch() {
        local pid rc=0 start=$SECONDS shown=0 line
        log=$(mktemp)
        "$@" >"$log" 2>&1 </dev/null &
        pid=$!
        while kill -0 "$pid" 2>/dev/null; do
                sleep 0.2
                line=$(tail -n 1 "$log" | tr -d '\r' | cut -c1-90)
                if [ -t 1 ]; then
                        printf '\r\033[K    %3d s  %s' $((SECONDS - start)) "$line"
                elif ((SECONDS - start >= shown + 10)); then
                        shown=$((SECONDS - start))
                        printf '    %3d s  %s\n' "$shown" "$line"
                fi
        done
        wait "$pid" || rc=$?
        [ ! -t 1 ] || printf '\r\033[K'
        if [ "$rc" -ne 0 ]; then
                tail -n 60 "$log" >&2
                rm -f "$log"
                [ "$1" != packages_install ] || exit 1 # it has said why, and what
                die "Failed: $*"
        fi
        rm -f "$log"
        echo "    done ($((SECONDS - start)) s)"
}

# show COMMAND...: what a person would type, and what it prints; it runs where LXD runs.
show() {
        printf '\n# %s\n' "$*"
        there "$@" </dev/null
}

on_host() {
        [ -d /run/systemd/system ] && [ "$(cat /proc/1/comm)" = systemd ]
}

# there COMMAND...: run it where LXD runs.
there() {
        if on_host; then
                "$@"
        else
                "$machine" exec "$name" "$@"
        fi
}

is_up() {
        if on_host; then
                [ -e "$state/installed" ]
        else
                "$machine" list | awk -v name="$name" '$1 == name && $3 == "running" { found = 1 } END { exit !found }'
        fi
}

# The machine of another clone of the tree is not ours to change or remove.
own_machine() {
        local owner
        owner=$("$machine" list | awk -F '\t' -v name="$name" '$1 == name { print $7 }')
        [ -z "$owner" ] || [ "$owner" = "$top" ] ||
                die "The machine \"$name\" belongs to $owner; take another name: QUICKSTART_NAME=$name-2 scripts/quickstart.sh"
}

prepare() {
        local missing
        [ "$(id -u)" -eq 0 ] || die "This needs root: it installs packages and starts services."
        # shellcheck disable=SC1091
        [ "$(. /etc/os-release && echo "$ID $VERSION_ID")" = "debian 12" ] ||
                die "This is made for Debian 12; here is $(. /etc/os-release && echo "$PRETTY_NAME")."
        missing=$("$machine" check --capabilities 2>&1) || die "${missing#*: }."
        on_host || own_machine
        step "Installing what is missing"
        # shellcheck disable=SC2086
        if on_host; then
                watch packages_install $PACKAGES_BUILD $PACKAGES_BED $PACKAGES_RUN
        else
                watch packages_install $PACKAGES_BUILD $PACKAGES_BED
                missing=$("$machine" check 2>&1) || die "${missing#*: }."
        fi
}

build() {
        if [ ! -f "$build/build.ninja" ]; then
                step "Preparing the build"
                watch meson setup "$build" "$top"
        fi
        step "Building in ${build#"$top/"}"
        watch ninja -C "$build"
}

# Services of this host: the build is installed like a package would be, and noted so that stop can take it back.
start_here() {
        step "Installing the services on this host"
        ! dpkg-query -W -f '${db:Status-Abbrev}' lxd 2>/dev/null | grep -q ^ii ||
                die "Debian's own LXD is installed here and owns /var/lib/lxd; remove it first: apt-get remove lxd"
        mkdir -p "$state"
        [ -e "$state/installed" ] || [ -e /var/lib/lxd ] || touch "$state/owns-var-lib-lxd"
        watch meson install -C "$build" --no-rebuild
        cp "$build/meson-logs/install-log.txt" "$state/installed"
        watch bash "$top/scripts/activate.sh"
}

start_machine() {
        if is_up; then
                step "Installing this build into the machine \"$name\", which is up"
                [ "$flavour" != ours ] || watch "$machine" install "$name" --prefix="$build"
        else
                step "Booting a throw-away systemd machine \"$name\" (this host has no systemd)"
                watch "$machine" up "$name" --flavour="$flavour" --prefix="$build"
        fi
}

import_image() {
        local file
        step "Making a Debian 12 image from Debian's packages"
        watch "$top/tests/machine/images" debian
        file=$("$top/tests/machine/images" debian)
        if there lxc image alias list -f csv </dev/null | grep -q '^debian,'; then
                return 0
        fi
        if ! on_host; then
                "$machine" push "$name" "$file" /root/
                file=/root/${file##*/}
        fi
        show lxc image import "$file" --alias debian
        on_host || there rm "$file"
}

initialize() {
        step "Setting LXD up: a storage pool, a network, the default profile"
        if there lxc profile device list default </dev/null | grep -q .; then
                echo "    done before"
                return 0
        fi
        show lxd init --auto
}

has_address() {
        there lxc list "^$container\$" -c 4 -f csv </dev/null 2>/dev/null | grep -q '^"\?[0-9]'
}

launch() {
        local deadline
        step "Launching the container \"$container\""
        case $(there lxc list "^$container\$" -c s -f csv </dev/null) in
                '') show lxc launch debian "$container" ;;
                RUNNING) ;;
                *) show lxc start "$container" ;;
        esac
        deadline=$((SECONDS + 60))
        until has_address; do
                if ((SECONDS >= deadline)); then
                        show lxc list || true
                        there lxc info "$container" --show-log </dev/null || true
                        die "The container has no IPv4 address after a minute; what it says: scripts/quickstart.sh enter, then
lxc exec $container -- networkctl status eth0"
                fi
                sleep 0.2
        done
}

show_all() {
        local daemon units
        show lxc list
        show lxc exec "$container" -- sh -c '. /etc/os-release; echo "$PRETTY_NAME, PID 1 is $(cat /proc/1/comm)"'
        [ "$flavour" = ours ] || return 0
        units=$(there systemctl list-units --plain --no-legend 'lxd-container@*.service' </dev/null | cut -d' ' -f1)
        # shellcheck disable=SC2086
        show systemctl status --no-pager --lines=5 $units || true
        for daemon in api cluster image storage network instance devlxd; do
                show busctl tree --no-pager "org.lxd.${daemon}1" || true
        done
}

hint() {
        printf '  %-68s %s\n' "$1" "$2"
}

hints() {
        local prefix="" where="on this host" again="${QUICKSTART_NAME:+QUICKSTART_NAME=$name }scripts/quickstart.sh"
        if ! on_host; then
                prefix="tests/machine/machine exec $name "
                where="in the machine \"$name\""
        fi
        printf '\nLXD is up %s. How to go on:\n\n' "$where"
        hint "${prefix}lxc exec $container -- bash" "a shell in the container"
        hint "${prefix}lxc launch debian second" "one more"
        hint "${prefix}lxc --help" "what else there is"
        hint "${prefix}journalctl -f -u 'lxd-*'" "what the daemons say"
        if on_host; then
                hint "$again enter" "a shell in the container"
        else
                hint "$again enter" "a shell in the machine, where lxc needs no prefix"
        fi
        hint "$again status" "what runs"
        hint "$again stop" "stop and remove all of this"
}

cmd_start() {
        prepare
        build
        if on_host; then start_here; else start_machine; fi
        there lxd waitready --timeout=30 ||
                die "The daemons do not answer; what they say: $(on_host || echo "$machine exec $name ")journalctl -b -u 'lxd-*'"
        import_image
        initialize
        launch
        step "This is what runs now"
        show_all
        hints
}

cmd_status() {
        on_host || own_machine
        is_up || die "Nothing is up; start it: scripts/quickstart.sh"
        on_host || "$machine" list | awk -v name="$name" '$1 == name { print "machine " $1 ": " $3 }'
        show systemctl list-units --no-pager --all 'lxd*' || true
        show lxc list
}

cmd_enter() {
        on_host || own_machine
        is_up || die "Nothing is up; start it: scripts/quickstart.sh"
        if on_host; then
                exec lxc exec "$container" -- bash -l
        fi
        exec "$machine" shell "$name"
}

# Everything that LXD itself would have to be asked to remove goes first; then what was installed, by the installer's list.
stop_here() {
        local instance file units
        if [ ! -e "$state/installed" ]; then
                echo "Nothing to stop."
                return 0
        fi
        if [ -e "$state/owns-var-lib-lxd" ] && [ -x /usr/bin/lxc ]; then # gone when a stop was interrupted
                for instance in $(lxc list -c n -f csv </dev/null); do
                        echo "Deleting the instance $instance"
                        lxc delete --force "$instance" </dev/null
                done
                remove_objects
        fi
        echo "Stopping the services"
        systemctl stop lxd.target 'lxd*.socket' 'lxd-*.timer' 'lxd-*.service' lxd.slice || true
        mapfile -t units < <(grep -oE '[^/]*lxd[^/]*\.(target|socket|service|timer)$' "$state/installed" | grep -vF @)
        systemctl disable --quiet "${units[@]}" 2>/dev/null || true
        echo "Removing what was installed"
        local users=()
        [ ! -e "$state/owns-var-lib-lxd" ] || [ ! -e /usr/lib/sysusers.d/lxd.conf ] || mapfile -t users < <(awk '$1 ~ /^[ug]$/ { print $2 }' /usr/lib/sysusers.d/lxd.conf)
        while read -r file; do
                [[ $file != \#* ]] || continue
                rm -f "$file"
        done <"$state/installed"
        find /usr/libexec/lxd -depth -type d -empty -delete 2>/dev/null || true
        systemctl daemon-reload
        systemctl reset-failed 'lxd*' 2>/dev/null || true
        journalctl --quiet --update-catalog
        systemctl reload dbus || true
        if [ -e "$state/owns-var-lib-lxd" ]; then
                for file in $(findmnt -rno TARGET | awk '/^\/var\/lib\/lxd\//' | sort -r); do
                        umount "$file"
                done
                for file in "${users[@]}"; do
                        userdel "$file" 2>/dev/null || groupdel "$file" 2>/dev/null || true
                done
                rm -rf --one-file-system /var/lib/lxd /run/lxd /var/log/lxd /var/cache/lxd
        fi
        rm -rf "$state"
}

remove_objects() {
        local object
        for object in $(lxc image list -c f -f csv </dev/null); do
                lxc image delete "$object" </dev/null
        done
        lxc profile device remove default eth0 </dev/null || true
        lxc profile device remove default root </dev/null || true
        for object in $(lxc network list -f csv </dev/null | awk -F, '$3 == "YES" { print $1 }'); do
                lxc network delete "$object" </dev/null || true
        done
        for object in $(lxc storage list -f csv </dev/null | cut -d, -f1); do
                lxc storage delete "$object" </dev/null || true
        done
}

cmd_stop() {
        [ "$(id -u)" -eq 0 ] || die "This needs root."
        if on_host; then
                stop_here
        else
                own_machine
                "$machine" down "$name"
        fi
        cat <<DONE
Stopped and removed. What stays, to make the next start quick: packages, $build, and the cached root file
systems and images in ${LXD_TEST_DIR:-/var/cache/lxd-test}.
DONE
}

case ${1-start} in
        start | status | enter | stop) "cmd_${1-start}" ;;
        help | -h | --help) usage ;;
        *)
                usage >&2
                exit 2
                ;;
esac
