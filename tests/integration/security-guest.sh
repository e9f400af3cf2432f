#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Attacks from inside of a guest, and by those on the host who may not use LXD: classes 1, 7, 8, 10, 11 and 13 of docs/security-tests.md.
# machine: nspawn
# needs: image-busybox
# timeout: 180
. "$(dirname "$0")/lib.sh"

socket=/var/lib/lxd/unix.socket
host=/srv/security # what no attack may change

# http METHOD PATH [curl options]: the status only.
http() {
        local method=$1 path=$2
        shift 2
        curl -sS -o /tmp/http.body -w '%{http_code}' --path-as-is --unix-socket $socket -X "$method" "$@" "http://lxd$path"
}

# refused METHOD PATH [curl options]: 4xx, and the answer has nothing of the host's secret.
refused() {
        local status
        status=$(http "$@")
        [[ $status == 4?? ]] || fail "$1 $2: $status $(cat /tmp/http.body)"
        if grep -q host-secret /tmp/http.body; then fail "$1 $2 shows the host's file"; fi
}

fingerprint_host() {
        find $host -printf '%y %m %U:%G %s %p\n' | sort
        cat $host/secret
}

untouched() {
        assert_eq "$(fingerprint_host)" "$host_before"
}

guests="plain strong" # strong: the guest's root is the host's

test_setup() {
        setup_server
        mkdir -p $host/shared $host/open
        chmod 0777 $host/open
        echo host-secret >$host/secret
        echo host-secret >$host/shared/secret
        chmod 0600 $host/shared/secret
        echo value >$host/shared/setting
        assert lxc init bb plain
        assert lxc init bb strong -c security.privileged=true
        for name in $guests; do
                assert lxc start "$name"
                wait_until lxc exec "$name" -- true
        done
        host_before=$(fingerprint_host)
}

# Class 10: links of the guest stay in the guest, running or stopped, to read, write, list and delete.
test_files_api_and_logs() {
        local name link
        for name in $guests; do
                assert lxc exec "$name" -- sh -c "ln -s / /root/l0; ln -s ../../../../../../../../.. /root/l1; ln -s /proc/1/root /root/l2
                        ln -s /proc/self/root /root/l3; ln -s /proc/1/cwd /root/l4; ln -s $host/secret /root/l5; ln -s $host/open/new /root/l6"
        done
        for round in running stopped; do
                for name in $guests; do
                        [ $round = running ] || assert lxc stop -f "$name"
                        for link in "" l0 l1 l2 l3 l4 l1/l0/l1 l0/../..; do
                                refused GET "/1.0/instances/$name/files?path=/root/$link/../../../..$host/secret"
                                refused GET "/1.0/instances/$name/files?path=/root/$link$host/secret"
                                refused POST "/1.0/instances/$name/files?path=/root/$link$host/open/new" -d evil
                                refused POST "/1.0/instances/$name/files?path=/root/$link$host/secret" -d evil
                                refused DELETE "/1.0/instances/$name/files?path=/root/$link$host/secret"
                        done
                        refused POST "/1.0/instances/$name/files?path=/root/l5" -d evil
                        refused POST "/1.0/instances/$name/files?path=/root/l6" -d evil
                        refused POST "/1.0/instances/$name/files?path=/root/l6/x" -H 'X-LXD-type: directory'
                        refused GET "/1.0/instances/$name/files?path=%00/etc/passwd"
                        untouched
                done
        done
        for name in $guests; do assert lxc start "$name"; done
}

# Folder and link take each other's place while files are written through them.
test_files_api_and_logs_race() {
        local requests=() i
        assert lxc exec plain -- sh -c "mkdir -p /root/real$host/open /root/swap; ln -sfn / /root/link; cd /root
                (while :; do mv swap was; ln -s / swap; rm swap; mv was swap; done) >/dev/null 2>&1 </dev/null & echo \$! >/root/swapper"
        for i in {1..200}; do
                requests+=(--next -sS -o /dev/null --unix-socket "$socket" -d evil "http://lxd/1.0/instances/plain/files?path=/root/swap$host/open/raced$((i % 7))"
                           --next -sS -o /dev/null --unix-socket "$socket" -X DELETE "http://lxd/1.0/instances/plain/files?path=/root/swap$host/secret")
        done
        curl "${requests[@]:1}"
        lxc exec plain -- sh -c 'kill $(cat /root/swapper)'
        untouched
        assert_eq "$(ls -d /raced* /root/raced* 2>/dev/null)" ""
}

# The kernel's settings and the folders of the host that a guest sees: with the rights of its root, not of ours.
test_files_api_and_logs_foreign_files() {
        local pattern
        pattern=$(cat /proc/sys/kernel/core_pattern)
        assert lxc exec plain -- ln -s /proc/sys/kernel/core_pattern /root/motd
        # Were it written, it would stay what it is.
        assert_eq "$(http POST "/1.0/instances/plain/files?path=/root/motd" --data-binary "$pattern")" 403
        assert_eq "$(http POST "/1.0/instances/plain/files?path=/proc/sysrq-trigger" --data-binary "")" 403
        assert_eq "$(http GET "/1.0/instances/plain/files?path=/proc/kmsg")" 403
        assert lxc config device add plain shared disk source=$host/shared path=/shared
        refused GET "/1.0/instances/plain/files?path=/shared/secret"
        refused POST "/1.0/instances/plain/files?path=/shared/setting" -d evil
        refused POST "/1.0/instances/plain/files?path=/shared/new" -d evil
        refused POST "/1.0/instances/plain/files?path=/shared/new" -H 'X-LXD-type: directory'
        refused DELETE "/1.0/instances/plain/files?path=/shared/setting"
        assert_eq "$(http GET "/1.0/instances/plain/files?path=/shared/setting")" 200
        assert lxc config device remove plain shared
        untouched
}

test_files_api_and_logs_names() {
        local name
        for name in ../lxc.log ..%2flxc.log %2e%2e%2fplain%2flxc.log ..%2f..%2f..%2f..%2fetc%2fshadow exec_..%2f..%2f..%2fetc%2fshadow exec_/../lxc.log \
                        /etc/shadow lxc.log%00 .. . "" exec_%0a lxd.log exec_%2fetc%2fshadow; do
                [ -z "$name" ] || refused GET "/1.0/instances/plain/logs/$name"
                refused DELETE "/1.0/instances/plain/logs/$name"
                refused GET "/1.0/instances/plain/metadata/templates?path=../$name"
                refused POST "/1.0/instances/plain/metadata/templates?path=../$name" -d evil
                refused DELETE "/1.0/instances/plain/metadata/templates?path=../$name"
        done
        refused POST "/1.0/instances/plain/metadata/templates?path=a/b" -d evil
        # What somebody put into the folder of the logs is no way out either.
        ln -s $host/secret /var/log/lxd/plain/exec_link
        refused GET /1.0/instances/plain/logs/exec_link
        assert_eq "$(api GET /1.0/instances/plain/logs | grep -c exec_link)" 0
        rm /var/log/lxd/plain/exec_link
        assert test -e /var/log/lxd/plain/lxc.conf
        untouched
}

# Class 1: what is made for a guest before it runs: templates, and places for disks and devices.
test_crafted_image_writes_the_host() {
        local name
        for name in $guests; do
                refused PUT "/1.0/instances/$name/metadata" -d '{"architecture": "x86_64", "creation_date": 1, "templates":
                        {"/etc/x": {"when": ["start"], "template": "../../../../../../etc/shadow"}}}'
                refused PUT "/1.0/instances/$name/metadata" -d '{"architecture": "x86_64", "creation_date": 1, "templates":
                        {"/../../x": {"when": ["start"], "template": "x.tpl"}}}'
                assert_eq "$(http POST "/1.0/instances/$name/metadata/templates?path=x.tpl" -d evil)" 200
                assert_eq "$(http PATCH "/1.0/instances/$name/metadata" -d '{"templates": {"/way/f": {"when": ["start"], "template": "x.tpl"},
                        "/root/fifo": {"when": ["start"], "template": "x.tpl"}}}')" 200
                assert lxc exec "$name" -- sh -c "ln -s $host/open /way; mkfifo /root/fifo"
                assert lxc stop -f "$name"
                timeout 30 lxc start "$name" >/dev/null 2>&1
                untouched
                # Neither a template that leads out nor a pipe that nobody reads may have made it hang.
                assert_match "$(api GET "/1.0/instances/$name" | jq -r .metadata.status)" "Running|Stopped"
                api_wait PUT "/1.0/instances/$name/state" '{"action": "stop", "force": true}' >/dev/null
                assert_eq "$(http PATCH "/1.0/instances/$name/metadata" -d '{"templates": {}}')" 200
                api PUT "/1.0/instances/$name/metadata" "$(api GET "/1.0/instances/$name/metadata" | jq '.metadata | .templates = {}')" >/dev/null

                assert lxc config device add "$name" d disk source=$host/shared path=/way/made
                assert_fails 1 "leads through a symbolic link" lxc start "$name"
                untouched
                assert lxc config device set "$name" d required=false
                assert lxc start "$name"
                assert lxc config device remove "$name" d
                assert lxc stop -f "$name"
                assert lxc config device add "$name" d unix-char major=10 minor=232 path=/way/null
                assert_fails 1 "leads through a symbolic link" lxc start "$name"
                assert lxc config device remove "$name" d
                untouched

                # The same while it runs: its links lead to its own files.
                assert lxc start "$name"
                lxc config device add "$name" d disk source=$host/shared path=/way/made >/dev/null 2>&1
                lxc config device add "$name" e unix-char major=10 minor=232 path=/way/null >/dev/null 2>&1
                untouched
                for device in d e; do lxc config device remove "$name" $device >/dev/null 2>&1; done
                assert_fails 1 '".."' lxc config device add "$name" d disk source=$host/shared path=/../../srv
                assert_fails 1 "" lxc config device add "$name" d disk pool=default source=../../../../srv path=/x
                assert_fails 1 "" lxc config device add "$name" ../d disk source=$host/shared path=/x
                untouched
        done
}

# Class 8.
test_guest_identity_on_dev_lxd() {
        # The folder of the socket is everybody's: who could write there would be LXD for all other guests.
        for name in $guests; do
                assert_fails - "" lxc exec "$name" -- touch /dev/lxd/evil
                assert_fails - "" lxc exec "$name" -- rm -f /dev/lxd/sock
        done
        assert_eq "$(ls -A /var/lib/lxd/devlxd)" sock
        # A guest's processes are told by their cgroup; those that a guest makes below its own are still its own.
        assert lxc config set plain user.who plain
        assert lxc config set strong user.who strong
        for name in $guests; do give "$name" /usr/bin/socat; done
        assert_eq "$(who_am_i strong)" strong
        assert_eq "$(who_am_i plain)" plain
        assert_eq "$(lxc exec strong -- sh -c "mkdir /root/cg && mount -t cgroup2 none /root/cg && mkdir -p '/root/cg/lxd.slice/lxd-container@1.service' &&
                echo \$\$ >'/root/cg/lxd.slice/lxd-container@1.service/cgroup.procs' && $ask")" strong
        # Not the root of the guest: one of its users, or root of a user namespace that such a one made.
        assert_match "$(lxc exec plain --user 1000 -- sh -c "$ask")" "Access denied for non-root user"
        # A user of the host is no guest at all.
        assert_match "$(setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "${ask//dev\/lxd/var\/lib\/lxd\/devlxd}")" "pid not in container"
}

ask="printf 'GET /1.0/config/user.who HTTP/1.0\r\n\r\n' | socat -t60 - UNIX-CONNECT:/dev/lxd/sock,shut-none | sed '1,/^\r*\$/d'"

who_am_i() { lxc exec "$1" -- sh -c "$ask"; }

# give INSTANCE PROGRAM: one of the host's, with its libraries.
give() {
        local file
        for file in $(ldd "$2" | grep -o '/[^ ]*') "$2"; do
                assert lxc file push -p "$file" "$1$file"
        done
}

# Class 11: who is nobody on the host gets at no file of a guest, least of all at one that would make him root; nor at our sockets.
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

test_host_permissions() {
        local path volume
        assert lxc storage volume create default secvol
        for name in $guests; do
                assert lxc config device add "$name" vol disk pool=default source=secvol path=/vol
                assert lxc exec "$name" -- sh -c "cp /bin/busybox /root/suid; chmod 6755 /root/suid; chmod 777 /root /; cp -p /root/suid /vol/$name; chmod 777 /vol"
                assert lxc config device remove "$name" vol
                assert lxc snapshot "$name" s0
        done
        assert test "$(find /var/lib/lxd/storage-pools -perm -4000 | wc -l)" -ge 4
        for path in $(find /var/lib/lxd /var/log/lxd /run/lxd \( -perm -4000 -o -perm -2000 \) -type f 2>/dev/null) \
                        /var/lib/lxd/containers/{plain,strong}/rootfs/root/suid /var/lib/lxd/storage-pools/default/containers/{plain,strong}/rootfs; do
                assert_fails - "" nobody test -e "$path"
        done
        # Nothing of ours itself makes anybody root.
        assert_eq "$(find /usr/libexec/lxd /usr/bin/lxc /usr/sbin/lxd /usr/bin/lxd -perm /6000 2>/dev/null)" ""
        # Where nobody may look: everything but folders to pass through, the guests' socket, and what is public.
        assert_eq "$(nobody find /var/lib/lxd /run/lxd /var/log/lxd -writable ! -type l ! -path /var/lib/lxd/devlxd/sock 2>/dev/null)" ""
        for path in /var/lib/lxd/database/*.db /var/lib/lxd/cluster/server.key /run/lxd/instances/*/state /var/log/lxd/plain/lxc.conf; do
                assert test -e "$path"
                assert_fails - "" nobody cat "$path"
        done
        for path in $socket /run/lxd/*.bus /run/lxd/unpack.socket /run/lxd/instances/*/control; do
                assert_fails - "ermission denied" nobody socat - "UNIX-CONNECT:$path"
        done
        for name in api cluster image storage network instance devlxd; do
                assert_fails - "ccess denied" nobody busctl call "org.lxd.${name}1" "/org/lxd/${name}1" org.freedesktop.DBus.Peer Ping
        done
        # The daemons without rights have none for each other's files.
        for volume in lxd-apid lxd-devlxd lxd-imaged lxd-unpack lxd-dnsmasq; do
                assert_fails - "" setpriv --reuid=$volume --regid=$volume --init-groups cat /var/lib/lxd/cluster/server.key
                assert_fails - "" setpriv --reuid=$volume --regid=$volume --init-groups cat /var/lib/lxd/database/instanced.db
        done
        for name in $guests; do assert lxc delete "$name/s0"; done
        assert lxc storage volume delete default secvol
}

# Class 7: the key to a session is long, its maker's, good for once, and written nowhere.
test_operation_secrets() {
        python3 "$(dirname "$0")/exec-streams.py" plain secrets || fail "see above"
}

# Class 5: what a guest can make us keep has an end.
test_crash_by_a_talking_guest() {
        local connections
        lxc exec plain -- sh -c 'yes 0123456789012345678901234567890123456789 | head -c 4000000 >/dev/console; echo the end >/dev/console'
        wait_until grep -q 'the end' /var/log/lxd/plain/console.log
        assert test "$(stat -c %s /var/log/lxd/plain/console.log)" -le $((1 << 20))
        # It may hold as many connections as it likes: another one's questions are answered all the same.
        give plain /usr/bin/perl
        lxc exec plain -- sh -c "ulimit -n 10000; perl -e 'for (1..5000) { socket(my \$s, 1, 1, 0); connect(\$s, pack(q{Sa108}, 1, q{/dev/lxd/sock})); push @s, \$s }
                open(F, q{>/root/flooded}); sleep 20' >/dev/null 2>&1 </dev/null &"
        wait_until lxc exec plain -- test -e /root/flooded
        assert_eq "$(timeout 10 lxc exec strong -- sh -c "$ask")" strong
        connections=$(busctl get-property org.lxd.devlxd1 /org/lxd/devlxd1 org.lxd.devlxd1.Manager Connections)
        assert test "${connections#u }" -le 200
        lxc exec plain -- killall perl
}

# Class 13: neither the runner's program nor the terminal of who looks in can be got at from inside.
test_older_runner_is_not_overwritten() {
        local runner=/usr/libexec/lxd/lxd-container-runner before
        before=$(sha256sum $runner)
        assert lxc exec strong -- sh -c 'cat >/root/trap <<"END"
while :; do
        for p in /proc/[0-9]*; do
                case $(readlink $p/exe) in *lxd*) echo "$p" >>/root/seen; (echo evil >$p/exe) 2>>/root/errors; dd if=/dev/zero of=$p/exe count=1 conv=notrunc 2>>/root/errors;; esac
        done
done
END
        sh /root/trap >/dev/null 2>&1 </dev/null & echo $! >/root/trapper'
        for _ in {1..30}; do lxc exec strong -- true; done
        lxc exec strong -- /proc/self/exe >/dev/null 2>&1 </dev/null
        lxc exec strong -- sh -c 'kill $(cat /root/trapper)'
        assert_eq "$(sha256sum $runner)" "$before"
        assert lxc exec strong -- true
}

# A terminal that is the client's own could be typed into.
test_older_terminal_takes_no_typing() {
        give plain /usr/bin/perl
        script -qec "lxc exec plain -t -- sh -c 'for i in 0 1 2; do stat -Lc %d /dev/fd/\$i; done; stat -c %d /dev/pts
                perl -e \"ioctl(STDIN, 0x5412, \\\$_) for split //, qq{touch $host/typed\\n}\"'; timeout --foreground -s KILL 2 sh" /dev/null </dev/null >/tmp/typed
        assert_eq "$(tr -d '\r' </tmp/typed | grep -E '^[0-9]+$' | sort -u | wc -l)" 1
        rm /tmp/typed
        untouched
}

test_nothing_left() {
        assert lxc delete -f plain strong
        untouched
        rm -rf $host /tmp/http.body
}

run_tests "$@"
