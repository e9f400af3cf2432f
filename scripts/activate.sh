#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# After "meson install" on a system whose PID 1 is systemd: users, directories, message catalog, bus policy, units. What a package's
# own scripts do. Run again after each installation; the daemons that ran of an older build are restarted, guests stay as they are.
set -euo pipefail

{ systemd-sysusers lxd.conf 2>&1 | grep -v '^Creating'; } || true
systemctl daemon-reload
systemd-tmpfiles --create lxd.conf
journalctl --quiet --update-catalog
systemctl reload dbus

cd /usr/lib/systemd/system
units=()
for unit in lxd.target lxd*.socket lxd-*.service; do
        ! grep -qs '^\[Install\]' "$unit" || units+=("$unit")
done
mapfile -t running < <(systemctl list-units --plain --no-legend --state=active 'lxd-*.service' | cut -d' ' -f1 | grep -vF @)
systemctl enable --quiet "${units[@]}"
systemctl start lxd.target
[ ${#running[@]} -eq 0 ] || systemctl try-restart "${running[@]}"
