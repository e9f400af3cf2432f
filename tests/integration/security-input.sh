#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Attacks by what is handed in, images, headers and settings: classes 1, 2, 4, 5 and 9 of docs/security-tests.md.
# machine: nspawn
# needs: image-busybox
# timeout: 240
. "$(dirname "$0")/lib.sh"

socket=/var/lib/lxd/unix.socket
newline='evil\nlxc.hook.start = /bin/false'

# Everything outside of what LXD calls its own.
listing() {
        find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /var/lib/lxd -o -path /var/log -o -path /var/lib/systemd \
                -o -path /tests -o -path /tmp/answer -o -name 'systemd-private-*' \) -prune -o -type d -printf 'd %m %U:%G %p\n' \
                -o -printf '%y %m %U:%G %s %i %T@ %p %l\n' | sort
}

# The numbers of the processes' crashes that systemd has seen.
crashes() {
        journalctl -b -u 'lxd-*' -g 'dumped core|status=[0-9]*/(SEGV|ABRT|BUS|ILL|SYS)|Watchdog timeout|oom-kill' -o cat | wc -l
}

# refused WHAT METHOD PATH JSON: neither done at once nor by its operation, and not because something broke.
refused() {
        local answer status
        answer=$(api_wait "$2" "$3" "$4")
        status=$(jq -r 'if .type == "error" then .error_code else .metadata.status_code end' <<<"$answer")
        [[ $status == 400 || $status == 501 ]] || fail "$1: $answer"
}

test_setup() {
        setup_server
        assert lxc init bb input
        crashes_before=$(crashes)
}

# Hostile archives, also those that only the unpacking can see, leave nothing behind, kill nobody, and the next good one is served.
test_crafted_image_writes_the_host() {
        local before
        listing >/tmp/answer
        before=$(sha256sum </tmp/answer)
        assert python3 "$(dirname "$0")/hostile-images.py" default
        [ "$(listing | sha256sum)" = "$before" ] || fail "changed outside: $(listing | diff /tmp/answer - | head)"
        assert_eq "$(find /var/lib/lxd/storage-pools /var/lib/lxd/containers -maxdepth 3 -name '*hostile*')" ""
        assert_eq "$(lxc list -c n -f csv)" input
}

no_operations() { [ "$(api GET /1.0/operations | jq -c '.metadata.running // []')" = "[]" ]; }

test_crash_by_metadata() {
        local body
        # Nulls, wrong kinds, depth, sizes: in bodies of all that takes objects.
        for body in null '[]' '""' '{' '{"config": null, "devices": null, "profiles": null}' '{"config": {"a": null}}' '{"config": []}' \
                        '{"devices": {"x": null}}' '{"devices": {"x": {"type": null}}}' '{"source": null}' '{"name": null}' '{"source": {"type": null}}' \
                        '{"config": {"limits.cpu": {"a": 1}}}' '{"profiles": [null]}' '{"templates": {"/x": null}}' '{"restore": null}' \
                        '{"expires_at": "9999999999-01-01T00:00:00Z"}' '{"properties": {"a": null}}' "$(printf '[%.0s' {1..5000})" \
                        "{\"description\": \"$(printf 'x%.0s' {1..100000})\"}"; do
                for where in "POST /1.0/instances" "PATCH /1.0/instances/input" "PUT /1.0/instances/input/state" "POST /1.0/instances/input/snapshots" \
                                "PATCH /1.0/instances/input/metadata" "POST /1.0/instances/input/exec" "POST /1.0/images" "POST /1.0/images/aliases" \
                                "POST /1.0/profiles" "PATCH /1.0/profiles/default" "POST /1.0/networks" "POST /1.0/storage-pools" \
                                "POST /1.0/storage-pools/default/volumes/custom" "PATCH /1.0" "POST /1.0/certificates" "POST /1.0/instances/input"; do
                        printf '%s' "$body" | timeout 30 curl -sS -o /tmp/answer --unix-socket $socket -X "${where% *}" \
                                -H 'Content-Type: application/json' --data-binary @- "http://lxd${where#* }" || fail "$where: no answer to $body"
                        grep -q '^{"type":"\(sync\|async\|error\)",.*}$' /tmp/answer || fail "$where: no JSON for $body"
                done
        done
        wait_until no_operations
        lxc list -c n -f csv | grep -v '^input$' | xargs -r lxc delete -f # what was nothing wrong with
        # A body that never ends, one that says it is larger than all disks, and one that is no HTTP.
        printf 'POST /1.0/images HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775807\r\n\r\nx' | timeout 2 socat - "UNIX-CONNECT:$socket" >/dev/null
        printf 'POST /1.0/instances HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n' | timeout 2 socat - "UNIX-CONNECT:$socket" >/dev/null
        head -c 100000 /dev/urandom | timeout 2 socat - "UNIX-CONNECT:$socket" >/dev/null
        assert_eq "$(api GET /1.0 | jq -r .type)" sync
        assert_eq "$(crashes)" "$crashes_before"
}

test_image_trust() {
        local hash name
        hash=$(api GET /1.0/images/aliases/bb | jq -r .metadata.target)
        # The name a client gives is no path, and nobody's header.
        for name in ../../../../srv/evil /srv/evil '"; x="y' $'a\tb' "$(printf 'x%.0s' {1..5000})"; do
                curl -sS --unix-socket $socket -X POST --data-binary "@$IMAGES/busybox.tar.xz" -H 'Content-Type: application/octet-stream' \
                        -H "X-LXD-filename: $name" http://lxd/1.0/images >/tmp/answer
                operation=$(jq -r 'select(.type == "async") | .operation' /tmp/answer)
                [ -z "$operation" ] || api GET "$operation/wait" >/dev/null
                curl -sS --unix-socket $socket -o /dev/null -D /tmp/http.head "http://lxd/1.0/images/$hash/export"
                assert_eq "$(grep -ci '^Content-Disposition' /tmp/http.head)" 1
                assert_eq "$(grep -i '^Content-Disposition' /tmp/http.head | grep -c '/\|x=')" 0
        done
        assert_eq "$(find /srv -name 'evil*')" ""
        # Properties: what a terminal would act on is refused, from the archive as from the header.
        for name in 'a=b%0Ac' 'a%00b=c' 'a=%1B%5B31m' '%0A=x'; do
                operation=$(curl -sS --unix-socket $socket -X POST --data-binary "@$IMAGES/busybox.tar.xz" -H 'Content-Type: application/octet-stream' \
                        -H "X-LXD-properties: $name" http://lxd/1.0/images | jq -r 'select(.type == "async") | .operation')
                [ -z "$operation" ] || assert_eq "$(api GET "$operation/wait" | jq -r .metadata.status)" Failure
        done
        # Neither a wildcard nor nothing finds an image, and what the server would have to fetch it does not.
        for name in % %25 _ '*' '%5f' "${hash:0:11}_" "${hash:0:11}%25" ../images; do
                assert_eq "$(curl -sS --path-as-is --unix-socket $socket "http://lxd/1.0/images/$name" | jq -r .type)" error
        done
        for name in http://127.0.0.1:9/ file:///etc/shadow http://169.254.169.254/; do
                refused "$name" POST /1.0/images "{\"source\": {\"type\": \"url\", \"url\": \"$name\"}}"
                assert_eq "$(api_wait POST /1.0/images "{\"source\": {\"type\": \"image\", \"mode\": \"pull\", \"server\": \"$name\", \"alias\": \"x\"}}" |
                        jq -r 'if .type == "error" then "no" else .metadata.status end' | grep -c Success)" 0
        done
        rm -f /tmp/answer /tmp/http.head
}

test_injection_into_generated_files() {
        local key name value
        for key in environment.X limits.cpu limits.memory boot.host_shutdown_timeout linux.kernel_modules raw.idmap security.idmap.size \
                        "environment.X\\nlxc.hook.start" "environment.X = y\\nlxc.hook.start" "environment." "environment.X=Y" "limits.kernel.nofile\\n" \
                        snapshots.pattern volatile.eth0.name; do
                refused "$key" PATCH /1.0/instances/input "{\"config\": {\"$key\": \"$newline\"}}"
                refused "$key" PATCH /1.0/instances/input "{\"config\": {\"$key\": \"1\\u0000$newline\"}}"
        done
        for value in lxc.include=/etc/passwd lxc.rootfs.path=/ lxc.log.file=/srv/evil lxc.console.logfile=/srv/evil lxc.net.0.link=lo lxc.group=x \
                        $'#\n lxc.include = /etc/passwd' $'lxc.environment = A=B\rlxc.include = /etc/passwd' 'lxc.uts.name=x' 'hook=/bin/sh'; do
                refused "$value" PATCH /1.0/instances/input "$(jq -n --arg v "$value" '{config: {"raw.lxc": $v}}')"
        done
        # Names become files, units, arguments and host names.
        for name in .. ../x a/b -x x- 'x y' 'x\ny' 'x\u0000y' '%n' '' . 'ä' '$(id)' "$(printf 'x%.0s' {1..64})"; do
                [ -z "$name" ] || refused "instance $name" POST /1.0/instances "{\"name\": \"$name\", \"source\": {\"type\": \"none\"}}"
                refused "instance $name" POST /1.0/instances/input "{\"name\": \"$name\"}"
        done
        for name in .. ../x a/b 'x\ny' 'x\u0000y' .; do
                refused "snapshot $name" POST /1.0/instances/input/snapshots "{\"name\": \"$name\"}"
                refused "profile $name" POST /1.0/profiles "{\"name\": \"$name\"}"
                refused "pool $name" POST /1.0/storage-pools "{\"name\": \"$name\", \"driver\": \"dir\"}"
                refused "volume $name" POST /1.0/storage-pools/default/volumes/custom "{\"name\": \"$name\"}"
                refused "network $name" POST /1.0/networks "{\"name\": \"$name\"}"
                refused "device $name" PATCH /1.0/instances/input "{\"devices\": {\"$name\": {\"type\": \"none\"}}}"
        done
        # What is arguments of programs elsewhere.
        for value in "-x" "--help" "gzip -c; id" $'gzip\nx'; do
                refused "$value" PATCH /1.0 "$(jq -n --arg v "$value" '{config: {"images.compression_algorithm": $v}}')"
        done
        for value in "-o x" $'x\ny' "../../etc"; do
                refused "$value" POST /1.0/storage-pools "$(jq -n --arg v "$value" '{name: "evil", driver: "dir", config: {source: $v}}')"
        done
        # A text that may have lines is one value all the same.
        assert lxc config set input user.text=$'a\nlxc.hook.start = /bin/false' environment.OK='b # c "d" \ $HOME'
        assert lxc start input
        assert_eq "$(lxc exec input -- sh -c 'echo "$OK"')" 'b # c "d" \ $HOME'
        assert_eq "$(grep -c 'lxc.hook' /var/log/lxd/input/lxc.conf)" 0
        assert lxc stop -f input
}

# Class 2: whichever way an object comes to be, the same is refused.
test_two_sources_of_truth() {
        local bad="{\"environment.X\": \"$newline\"}" devices='{"d": {"type": "disk", "source": "/srv", "path": "/../x"}}' way
        assert lxc snapshot input s0
        for way in "\"config\": $bad" "\"devices\": $devices"; do
                refused "create" POST /1.0/instances "{\"name\": \"two\", \"source\": {\"type\": \"none\"}, $way}"
                refused "create from an image" POST /1.0/instances "{\"name\": \"two\", \"source\": {\"type\": \"image\", \"alias\": \"bb\"}, $way}"
                refused "copy" POST /1.0/instances "{\"name\": \"two\", \"source\": {\"type\": \"copy\", \"source\": \"input\"}, $way}"
                refused "copy of a snapshot" POST /1.0/instances "{\"name\": \"two\", \"source\": {\"type\": \"copy\", \"source\": \"input/s0\"}, $way}"
                refused "put" PUT /1.0/instances/input "{$way}"
                refused "patch" PATCH /1.0/instances/input "{$way}"
                refused "profile" POST /1.0/profiles "{\"name\": \"two\", $way}"
                refused "put of a profile" PUT /1.0/profiles/default "{$way}"
                refused "patch of a profile" PATCH /1.0/profiles/default "{$way}"
                assert_eq "$(lxc list two -c n -f csv)$(api GET /1.0/profiles/two | jq -r .metadata.name)" null
        done
        # Restoring and copying take the settings from their own record, not from a file that lies with the data.
        assert_eq "$(find /var/lib/lxd/storage-pools/ -name backup.yaml)" ""
        assert lxc restore input s0
        assert lxc start input
        assert lxc stop -f input
}

test_nothing_left() {
        assert lxc delete -f input
        assert_eq "$(crashes)" "$crashes_before"
        assert_eq "$(systemctl list-units --failed --plain --no-legend 'lxd-*')" ""
}

run_tests "$@"
