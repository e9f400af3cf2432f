#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine itself is as tests expect it: booted without failed units, idmapped mounts and loop files where state lies.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

test_boot() {
        assert_eq "$(systemctl is-system-running)" running
        assert_eq "$(systemctl list-units --failed --plain --no-legend)" ""
}

test_image() {
        assert tar -tf "$IMAGES/busybox.tar.xz" metadata.yaml
        assert test -s "$IMAGES/busybox.squashfs"
}

test_loop() {
        truncate -s 200M /var/lib/probe
        assert mkfs.btrfs -q /var/lib/probe
        assert mount -o loop /var/lib/probe /mnt
        assert umount /mnt
        rm /var/lib/probe
}

run_tests "$@"
