#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Backups of the databases, and what happens when one is damaged: it is said, nothing is destroyed, one command puts a backup back.
# machine: nspawn
. "$(dirname "$0")/lib.sh"

db=/var/lib/lxd/database

test_setup() {
        wait_until api GET /1.0
        mkdir -p /run/systemd/system/lxd-{storaged,netd}.service.d
        printf '[Service]\nEnvironment=LXD_BACKUP_SEC=0\n' | tee /run/systemd/system/lxd-{storaged,netd}.service.d/backup.conf >/dev/null
        systemctl daemon-reload
        systemctl stop lxd-storaged.service lxd-netd.service
}

# Ends the daemon; the next call starts another.
bounce() {
        systemctl stop lxd-storaged.service 2>/dev/null
}

test_generations() {
        rm -f $db/backups/storage.db.*
        for i in 1 2 3 4; do
                assert lxc storage create "bk$i" dir
                bounce
        done
        assert_eq "$(cd $db/backups && echo storage.db.*)" "storage.db.1 storage.db.2 storage.db.3"
        assert_eq "$(stat -c %a $db/backups/storage.db.1)" 600
        assert_match "$(lxd database list)" "storage.*1"
        assert lxd database check
        # Nothing changed: nothing is pushed out.
        touch -d '2 hours ago' $db/storage.db* $db/backups/storage.db.1
        touch -d '1 hour ago' $db/backups/storage.db.1
        before=$(stat -c %i $db/backups/storage.db.1)
        api GET /1.0/storage-pools >/dev/null
        bounce
        assert_eq "$(stat -c %i $db/backups/storage.db.1)" "$before"
}

damage() {
        systemctl stop lxd-storaged.service
        rm -f $db/storage.db-wal $db/storage.db-shm
        cp $db/storage.db /var/tmp/sound.db
        "$@"
        sum=$(sha256sum <$db/storage.db)
}

header() {
        printf 'this is no database' | dd of=$db/storage.db conv=notrunc status=none
}

check_damaged() {
        assert_fails 1 "The database is damaged" lxc storage list
        assert_fails 1 'lxd database restore' lxc storage create bk9 dir
        # The others work.
        assert lxc profile list
        assert lxc network list
        assert_eq "$(sha256sum <$db/storage.db)" "$sum"
        assert_fails 1 'The database "storage" is damaged' lxd database check
        journalctl -b -o cat MESSAGE_ID=6f1d2cbd1f5f4a0d8d1c5b1d7c8d4a0c | grep -q "$db/storage.db is damaged" || fail "nothing in the journal"
}

test_damaged_header() {
        damage header
        check_damaged
        assert lxd database restore storage
        assert_eq "$(lxc storage list -f csv | grep -c ^bk)" 4
        assert_eq "$(sha256sum <"$(echo $db/storage.db.before-*)")" "$sum"
        rm $db/storage.db.before-*
        assert lxd database check
        assert lxd database restore --damaged storage
}

# A file that ends too early, as after a disk that was full.
test_truncated() {
        damage truncate -s 6000 $db/storage.db
        check_damaged
        # Ending with it made no backup of it.
        bounce
        assert lxd database restore --damaged storage 1
        assert_eq "$(lxc storage list -f csv | grep -c ^bk)" 4
        rm $db/storage.db.before-*
}

test_refusals() {
        assert_fails 1 "There is no database" lxd database restore nothing
        assert_fails 1 "There is no backup" lxd database restore storage 9
        header_of_backup=$(mktemp)
        cp $db/backups/storage.db.3 "$header_of_backup"
        printf garbage | dd of=$db/backups/storage.db.3 conv=notrunc status=none
        assert_fails 1 "is damaged itself" lxd database restore storage 3
        cp "$header_of_backup" $db/backups/storage.db.3
}

test_cleanup() {
        for i in 1 2 3 4; do
                assert lxc storage delete "bk$i"
        done
        rm -r /run/systemd/system/lxd-{storaged,netd}.service.d /var/tmp/sound.db "$header_of_backup"
        systemctl daemon-reload
}

run_tests
