#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The image store through the REST API and the stock client: import, export, aliases, bad uploads, a full disk, kill -9, unpacking.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

store=/var/lib/lxd/images
socket=/var/lib/lxd/unix.socket
unified=$IMAGES/busybox.tar.xz

# upload FILE [curl options]: what POST /1.0/images answers in the end.
upload() {
        local file=$1 answer operation
        shift
        answer=$(curl -sS --unix-socket $socket -X POST --data-binary "@$file" -H 'Content-Type: application/octet-stream' "$@" http://lxd/1.0/images)
        operation=$(jq -r 'select(.type == "async") | .operation' <<<"$answer")
        if [ -n "$operation" ]; then
                api GET "$operation/wait"
        else
                echo "$answer"
        fi
}

# refused TEXT FILE [curl options]: the upload must fail with the text and leave the store as it was.
refused() {
        local text=$1 answer before
        shift
        before=$(ls $store)
        answer=$(upload "$@" | jq -r '.metadata.err? // .error')
        [[ $answer == *"$text"* ]] || fail "upload of $1: expected \"$text\", got \"$answer\""
        assert_eq "$(ls $store)" "$before"
}

fingerprints() {
        api GET /1.0/images | jq -r '.metadata[]' | sed 's,.*/,,' | sort
}

files() {
        (cd $store && find . -type f -printf '%P\n' | sed 's,\.rootfs$,,' | sort -u)
}

import_runs() { pgrep -x lxd-image-worke; } # the kernel keeps 15 characters
no_import() { ! import_runs; }

# Other scripts in the same machine may have left the image that instances are made from.
test_empty_store() {
        local hash
        for hash in $(fingerprints); do
                api_wait DELETE "/1.0/images/$hash" >/dev/null
        done
        assert_eq "$(files)" ""
}

test_import() {
        local hash
        hash=$(sha256sum <"$unified" | cut -d' ' -f1)
        assert lxc.stock image import "$unified" --alias busy
        assert_eq "$(fingerprints)" "$hash"
        assert cmp "$unified" "$store/$hash"
        assert_eq "$(stat -c '%U %a' "$store/$hash")" "lxd-imaged 600"
        assert_eq "$(api GET "/1.0/images/${hash:0:12}" | jq -c '.metadata | keys_unsorted')" \
                '["auto_update","properties","public","expires_at","profiles","aliases","architecture","cached","filename","fingerprint","size","type","created_at","last_used_at","uploaded_at"]'
        assert_eq "$(api GET "/1.0/images/$hash" | jq -r .metadata.filename)" busybox.tar.xz
        assert_fails 1 "Image with same fingerprint already exists" lxc.stock image import "$unified"
        assert_eq "$(files)" "$hash"
}

test_split_and_export() {
        local hash dir=/tmp/export
        hash=$(cat "$IMAGES/busybox.meta.tar.xz" "$IMAGES/busybox.squashfs" | sha256sum | cut -d' ' -f1)
        assert lxc.stock image import "$IMAGES/busybox.meta.tar.xz" "$IMAGES/busybox.squashfs" --alias split
        assert test -s "$store/$hash" -a -s "$store/$hash.rootfs"
        mkdir -p $dir
        assert lxc.stock image export split $dir
        assert cmp "$dir/meta-$hash.tar.xz" "$IMAGES/busybox.meta.tar.xz"
        assert cmp "$dir/$hash.squashfs" "$IMAGES/busybox.squashfs"
        assert lxc.stock image export busy $dir
        assert cmp "$dir/$(sha256sum <"$unified" | cut -d' ' -f1).tar.xz" "$unified"
        rm -r $dir
}

test_list_filter() {
        assert_eq "$(curl -sS --unix-socket $socket -G --data-urlencode 'filter=properties.os eq busybox and not public eq true' http://lxd/1.0/images |
                jq '.metadata | length')" 2
        assert_eq "$(curl -sS --unix-socket $socket -G --data-urlencode 'filter=architecture eq z80' http://lxd/1.0/images | jq -c .metadata)" "[]"
        assert_eq "$(curl -sS --unix-socket $socket -G --data-urlencode 'filter=foo' http://lxd/1.0/images | jq -r .error)" \
                "Invalid filter: clause has no operator"
}

test_edit() {
        local hash etag
        hash=$(sha256sum <"$unified" | cut -d' ' -f1)
        etag=$(curl -sS -D - -o /dev/null --unix-socket $socket "http://lxd/1.0/images/$hash" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
        assert_eq "$(curl -sS --unix-socket $socket -X PATCH -H 'If-Match: "wrong"' -d '{"public": true}' "http://lxd/1.0/images/$hash" | jq .error_code)" 412
        assert_eq "$(curl -sS --unix-socket $socket -X PATCH -H "If-Match: $etag" -d '{"public": true, "properties": {"color": "blue", "os": ""}}' \
                "http://lxd/1.0/images/$hash" | jq -r .status)" Success
        assert_eq "$(api GET "/1.0/images/$hash" | jq -c '[.metadata.public, .metadata.properties.color, .metadata.properties.os]')" '[true,"blue",null]'
}

test_aliases() {
        local hash
        hash=$(sha256sum <"$unified" | cut -d' ' -f1)
        assert lxc.stock image alias create other "$hash"
        assert_fails 1 "already exists" lxc.stock image alias create other "$hash"
        assert_fails 1 "Image not found" lxc.stock image alias create more busy
        assert lxc.stock image alias rename other another
        assert_eq "$(api GET /1.0/images/aliases | jq -r '.metadata[]' | grep -c '/another$')" 1
        assert lxc.stock image alias delete another
        assert_eq "$(api GET /1.0/images/aliases/another | jq -r .error)" "Image alias not found"
}

test_bad_uploads() {
        local size
        echo hello >/tmp/text
        refused "Unsupported compression" /tmp/text
        : >/tmp/empty
        refused "EOF" /tmp/empty
        head -c 100000 /dev/zero >/tmp/zero
        refused "Unsupported compression" /tmp/zero
        head -c 300 "$unified" >/tmp/part
        refused "damaged or incomplete" /tmp/part
        refused "fingerprints don't match" /tmp/part -H "X-LXD-fingerprint: $(printf '%064d' 0)"
        rm -rf /tmp/bad
        mkdir -p /tmp/bad/rootfs
        printf 'architecture: x86_64\n' >/tmp/bad/metadata.yaml
        tar -C /tmp/bad -cJf /tmp/bad.tar.xz metadata.yaml rootfs
        refused "Missing creation date" /tmp/bad.tar.xz
        ln -sf /etc/shadow /tmp/bad/metadata.yaml
        tar -C /tmp/bad -cJf /tmp/bad.tar.xz metadata.yaml rootfs
        refused "not a regular file" /tmp/bad.tar.xz

        # A client that goes away in the middle of what it announced.
        size=$(stat -c %s "$unified")
        {
                printf 'POST /1.0/images HTTP/1.1\r\nHost: lxd\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n' "$((size + 5000))"
                cat "$unified"
        } | timeout 3 socat - UNIX-CONNECT:$socket >/dev/null
        wait_until no_import
        assert_eq "$(fingerprints)" "$(files)"
        rm -rf /tmp/bad /tmp/bad.tar.xz /tmp/text /tmp/empty /tmp/zero /tmp/part
}

# What a broken download leaves: refused by the import, and the store is as it was.
test_incomplete() {
        local file split=$IMAGES/busybox.squashfs meta=$IMAGES/busybox.meta.tar.xz before answer
        before=$(files)
        xz -dc "$unified" >/tmp/image.tar
        gzip -c /tmp/image.tar >/tmp/image.tar.gz
        bzip2 -c /tmp/image.tar >/tmp/image.tar.bz2
        zstd -qc /tmp/image.tar >/tmp/image.tar.zst
        lzma -c /tmp/image.tar >/tmp/image.tar.lzma
        cp "$unified" /tmp/image.tar.xz
        for file in /tmp/image.tar*; do
                truncate -s $(($(stat -c %s "$file") - 12000)) "$file"
                assert_fails 1 "The image is damaged or incomplete: " lxc.stock image import "$file"
                answer=$(upload "$file")
                assert_eq "$(jq -c '[.metadata.status, .metadata.status_code]' <<<"$answer")" '["Failure",400]'
                assert_match "$(jq -r .metadata.err <<<"$answer")" "; download or copy it again, then import that$"
        done
        head -c 500000 "$split" >/tmp/image.squashfs
        assert_fails 1 "bytes and has 500000; download or copy it again" \
                lxc.stock image import "$meta" /tmp/image.squashfs
        head -c -4 "$meta" >/tmp/image.meta
        assert_fails 1 "The metadata archive is damaged or incomplete: " lxc.stock image import /tmp/image.meta "$split"
        assert_eq "$(files)" "$before"
        assert_eq "$(fingerprints)" "$before"
        rm /tmp/image.*
}

# An import that has begun and waits for the rest of its body.
begin_import() {
        {
                printf 'POST /1.0/images HTTP/1.1\r\nHost: lxd\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n' 100000000
                head -c 300000 "$unified"
                sleep 60
        } | socat - UNIX-CONNECT:$socket >/dev/null 2>&1 &
        client=$!
        wait_until import_runs
}

test_kill() {
        local before
        before=$(files)
        begin_import
        systemctl kill -s KILL lxd-imaged.service
        wait_until api GET /1.0/images
        kill $client
        wait_until no_import
        assert_eq "$(files)" "$before"
        assert_eq "$(fingerprints)" "$before"
        assert_eq "$(systemctl is-failed lxd-imaged.socket)" active
}

in_journal() { journalctl -u lxd-imaged --no-pager | grep -F "$1"; }

test_leftovers() {
        local name before
        before=$(files)
        name=$(printf 'ab%.0s' {1..32})
        systemctl stop lxd-imaged.service 2>/dev/null
        echo x >"$store/$name"
        echo x >"$store/$name.rootfs"
        chown lxd-imaged: "$store/$name" "$store/$name.rootfs"
        assert_eq "$(fingerprints)" "$before"
        assert_eq "$(files)" "$before"
        wait_until in_journal "Image $name: removed a file that belongs to no image"
}

test_full_disk() {
        local part=/tmp/full
        mkdir -p $part/rootfs
        printf 'architecture: x86_64\ncreation_date: 5\n' >$part/metadata.yaml
        head -c 3000000 /dev/urandom >$part/rootfs/data
        tar -C $part -czf /tmp/full.tar.gz metadata.yaml rootfs
        systemctl stop lxd-imaged.service 2>/dev/null
        assert mount -t tmpfs -o size=2m,mode=700 tmpfs $store
        chown lxd-imaged: $store
        # Records of files that are not there now must not be lost by this test.
        cp -a /var/lib/lxd/database /tmp/database
        refused "Not enough space in the image store" /tmp/full.tar.gz
        refused "Not enough space in the image store" /tmp/full.tar.gz -H 'Transfer-Encoding: chunked'
        systemctl stop lxd-imaged.service 2>/dev/null
        umount $store
        cp -a /tmp/database/images.db* /var/lib/lxd/database/
        rm -rf /tmp/database $part /tmp/full.tar.gz
        assert_eq "$(fingerprints)" "$(files)"
}

test_unpack() {
        local hash root
        busctl call org.lxd.storage1 /org/lxd/storage1 org.lxd.storage1.Manager CreatePool 'sssa{ss}(sss)t' imagetest dir "" 0 "" "" "" 0 ||
                fail "cannot create a pool"
        for hash in $(fingerprints); do
                busctl --timeout=120 call org.lxd.storage1 /org/lxd/storage1 org.lxd.storage1.Guests CreateVolume 'sssa{ss}a{ss}t' \
                        imagetest default "c${hash:0:6}" 0 2 type image fingerprint "$hash" 0 || fail "cannot unpack $hash"
                root=/var/lib/lxd/storage-pools/imagetest/containers/c${hash:0:6}
                assert test -f "$root/metadata.yaml" -a -d "$root/templates" -a -x "$root/rootfs/sbin/init"
                assert_eq "$(find "$root" -user lxd-unpack -o -group lxd-unpack)" ""
        done
}

test_unpack_hostile() {
        local hash dir=/tmp/hostile
        mkdir -p $dir/rootfs
        printf 'architecture: x86_64\ncreation_date: 7\n' >$dir/metadata.yaml
        ln -s /tmp $dir/rootfs/link
        tar -C $dir -cf /tmp/hostile.tar metadata.yaml rootfs
        rm $dir/rootfs/link
        mkdir $dir/rootfs/link
        echo evil >$dir/rootfs/link/evil
        tar -C $dir -rf /tmp/hostile.tar rootfs/link/evil
        hash=$(upload /tmp/hostile.tar | jq -r .metadata.metadata.fingerprint)
        assert_fails 1 "leads through something that is not a folder" busctl --timeout=120 call org.lxd.storage1 /org/lxd/storage1 \
                org.lxd.storage1.Guests CreateVolume 'sssa{ss}a{ss}t' imagetest default evil 0 2 type image fingerprint "$hash" 0
        [ ! -e /tmp/evil ] || fail "the image wrote to /tmp"
        assert_eq "$(find /var/lib/lxd/storage-pools/imagetest -maxdepth 2 \( -name "*$hash*" -o -name '*evil*' \))" ""
        rm -rf $dir /tmp/hostile.tar
}

# Before the images go: their volumes belong to them.
test_pool_goes() {
        local hash
        for hash in $(fingerprints); do
                assert busctl --timeout=120 call org.lxd.storage1 /org/lxd/storage1 org.lxd.storage1.Guests DeleteVolume ssst imagetest default "c${hash:0:6}" 0
        done
}

test_delete() {
        local hash
        for hash in $(fingerprints); do
                assert_eq "$(api_wait DELETE "/1.0/images/$hash" | jq -r .metadata.status)" Success
                assert test ! -e "/var/lib/lxd/storage-pools/imagetest/images/$hash"
        done
        assert_eq "$(files)" ""
        assert_eq "$(api GET /1.0/images/aliases | jq -c .metadata)" "[]"
        assert busctl call org.lxd.storage1 /org/lxd/storage1/pool/imagetest org.lxd.storage1.Pool Delete '(sss)t' "" "" "" 0
}

test_confinement() {
        assert systemd-analyze security --threshold=10 lxd-imaged.service
        assert systemd-analyze security --offline=true --threshold=5 /usr/lib/systemd/system/lxd-unpack@.service
}

run_tests "$@"
