#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lxd: the questions of init on a fresh machine, preseeds and their undoing, shutdown and what starts again after it.
# machine: nspawn fresh
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# answer LINES...: "lxd init" answered line by line; its questions, one a line, without their defaults.
answer() {
        local rc=0
        printf '%s\n' "$@" | lxd init >"$work/output" 2>&1 || rc=$?
        sed -E 's/ \[default=[^]]*\]//g; s/: /:\n/g' "$work/output"
        return $rc
}

dump() {
        lxd init --dump >"$work/$1"
}

# In the order in which LXD 5.0.2 asks, so that prepared answers fit.
test_questions() {
        assert lxd waitready --timeout=30
        dump empty
        assert_fails 1 "Clustering is not supported" bash -c 'echo yes | lxd init'
        assert_fails 1 "MAAS is not supported" bash -c "printf '%s\n' no no yes | lxd init"
        assert_fails 1 "nothing was changed" bash -c "printf '%s\n' no yes fast | lxd init"
        dump after
        assert_eq "$(cat "$work/after")" "$(cat "$work/empty")"

        #       cluster pool name  driver create device size maas bridge name ipv4          nat ipv6 network update print
        answer  no      yes  fast  btrfs  yes    no     1    no   yes    br5  10.93.1.1/24 no  none no      no     yes >"$work/asked" ||
                fail "$(cat "$work/output")"
        grep '^Would\|^What\|^Name\|^Do you\|^Create\|^Size' "$work/asked" >"$work/questions"
        diff "$work/questions" - <<'QUESTIONS' || fail "other questions"
Would you like to use LXD clustering? (yes/no):
Do you want to configure a new storage pool? (yes/no):
Name of the new storage pool:
Name of the storage backend to use (btrfs, dir):
Create a new BTRFS pool? (yes/no):
Would you like to use an existing empty block device (e.g. a disk or partition)? (yes/no):
Size in GiB of the new loop device (1GiB minimum):
Would you like to connect to a MAAS server? (yes/no):
Would you like to create a new local network bridge? (yes/no):
What should the new bridge be called?:
What IPv4 address should be used? (CIDR subnet notation, “auto” or “none”):
Would you like LXD to NAT IPv4 traffic on your bridge? (yes/no):
What IPv6 address should be used? (CIDR subnet notation, “auto” or “none”):
Would you like the LXD server to be available over the network? (yes/no):
Would you like stale cached images to be updated automatically? (yes/no):
Would you like a YAML "lxd init" preseed to be printed? (yes/no):
QUESTIONS
        assert_eq "$(lxc storage list -f csv | cut -d, -f1,2)" "fast,btrfs"
        assert_eq "$(lxc storage get fast size)" 1GiB
        assert_eq "$(lxc network get br5 ipv4.address) $(lxc network get br5 ipv4.nat)" "10.93.1.1/24 false"
        assert_eq "$(lxc profile device get default root pool)" fast
        assert_eq "$(lxc profile device get default eth0 network)" br5
        assert_eq "$(lxc config get images.auto_update_interval)" 0
        # again: names that are taken are asked for anew
        answer no yes fast slow dir no yes br5 br6 none none no yes no >"$work/asked" || fail "$(cat "$work/output")"
        assert_match "$(cat "$work/asked")" 'storage pool "fast" already exists'
        assert_match "$(cat "$work/asked")" 'network bridge "br5" already exists'
        assert_eq "$(lxc storage list -f csv | wc -l)" 2
}

test_preseed() {
        cat >"$work/preseed" <<'YAML'
config:
  images.auto_update_interval: "7"
storage_pools:
- name: seeded
  driver: dir
  description: from a preseed
networks:
- name: seedbr
  type: bridge
  config:
    ipv4.address: 10.94.1.1/24
    ipv6.address: none
profiles:
- name: seeded
  description: one
  config:
    limits.cpu: "2"
  devices:
    root: {type: disk, path: /, pool: seeded}
projects:
- name: default
  config:
    features.images: "true"
    features.networks: "true"
    features.profiles: "true"
    features.storage.volumes: "true"
  description: Default LXD project
YAML
        assert bash -c "lxd init --preseed <$work/preseed"
        dump once
        assert bash -c "lxd init --preseed <$work/preseed"
        dump twice
        diff "$work/once" "$work/twice" || fail "the second time changes something"
        assert_eq "$(lxc profile get seeded limits.cpu)" 2
        # what is dumped can be seeded again, without a change
        assert bash -c "lxd init --preseed <$work/twice"
        dump thrice
        diff "$work/twice" "$work/thrice" || fail "a dump is no preseed of the same"

        # the last section fails: all before is as it was, whether it was made or changed
        cat >"$work/bad" <<'YAML'
config:
  images.auto_update_interval: "8"
storage_pools:
- name: seeded
  driver: dir
  description: changed
- name: other
  driver: dir
networks:
- name: otherbr
  type: bridge
  config: {ipv4.address: none, ipv6.address: none}
profiles:
- name: seeded
  description: two
- name: wrong
  config: {no.such.key: x}
YAML
        assert_fails 1 'profile "wrong"' bash -c "lxd init --preseed <$work/bad"
        dump undone
        diff "$work/twice" "$work/undone" || fail "a failed preseed leaves something"
        assert_fails 1 'Unknown field "foo"' bash -c "echo 'foo: 1' | lxd init --preseed"
        assert_fails 1 'map' bash -c "echo 'config: 5' | lxd init --preseed"
        assert_fails 1 'Clusters cannot be set up' bash -c "echo 'cluster: {enabled: true}' | lxd init --preseed"
        assert_fails 1 "may be used" lxd init --auto --storage-backend=dir --storage-pool=x
        assert_fails 1 "Storage has already been configured" lxd init --auto --storage-backend=dir
        assert_fails 1 "--auto and --preseed together" lxd init --auto --preseed
        assert_fails 1 "--minimal and --auto together" lxd init --auto --minimal
        assert_fails 1 "--dump with other flags" lxd init --auto --dump
}

test_shutdown() {
        assert lxc image import "$IMAGES/busybox.tar.xz" --alias bb
        assert lxc init bb up1 -c boot.stop.priority=1
        assert lxc init bb up2 -c boot.stop.priority=5
        assert lxc init bb never -c boot.autostart=false
        assert lxc init bb always -c boot.autostart=true
        assert lxc start up1 up2 never
        stdbuf -oL lxc monitor --type=lifecycle --type=logging >"$work/events" 2>&1 &
        local monitor=$!
        wait_until sh -c "lxc query /1.0/events >/dev/null; lxc profile set seeded user.x=\$\$; grep -q profile-updated $work/events"
        assert lxd shutdown --timeout=60
        assert_eq "$(lxc list status=running -c n -f csv)" ""
        wait_until sh -c "[ \$(grep -c 'action: instance-\(stopped\|shutdown\)' $work/events) -ge 3 ]"
        kill $monitor
        # the higher priority first
        assert_match "$(grep -o 'source: /1.0/instances/up[12]' "$work/events" | awk '!seen[$0]++' | tr '\n' ' ')" 'up2.*up1'
        assert_eq "$(pgrep -c lxd-container)" 0

        # what a boot does
        assert systemctl restart lxd-instances.service
        assert_eq "$(lxc list status=running -c n -f csv | sort | tr '\n' ' ')" "always up1 up2 "
        assert lxd shutdown --force
        assert lxc delete up1 up2 never always
}

# The daemons' journal entries, as --type=logging has them.
test_logging() {
        stdbuf -oL lxc monitor --type=logging >"$work/logging" 2>&1 &
        local monitor=$!
        wait_until sh -c "lxc profile create logged; lxc profile delete logged; grep -q '^type: logging' $work/logging"
        kill $monitor
        assert_match "$(cat "$work/logging")" 'level: (debug|info|warning|error)'
        assert_match "$(cat "$work/logging")" 'message: .'
        stdbuf -oL lxc monitor --pretty --loglevel=info --type=logging --type=lifecycle >"$work/pretty" 2>&1 &
        monitor=$!
        wait_until sh -c "lxc profile create logged; lxc profile delete logged; grep -q 'profile-deleted' $work/pretty"
        kill $monitor
}

run_tests
