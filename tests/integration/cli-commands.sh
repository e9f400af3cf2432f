#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands of lxc and lxd that change something, one after the other.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# With the status of the last command, whatever it printed.
status() {
        "$@" >/dev/null 2>&1 </dev/null
        echo $?
}

test_init() {
        setup_server
        assert lxd waitready --timeout=10
        assert lxd init --auto          # again: nothing to do
        lxd init --dump >"$work/before"
        assert_fails 1 'Unknown field "storage_pool"' bash -c 'echo "storage_pool: 1" | lxd init --preseed'
        # a later step fails: the earlier ones are undone
        assert_fails 1 'profile "cli-bad"' bash -c "printf '%s\n' 'storage_pools: [{name: cli-pool, driver: dir}]' \
                'profiles: [{name: cli-new}, {name: cli-bad, config: {no.such.key: x}}]' | lxd init --preseed"
        lxd init --dump | diff "$work/before" - || fail "a failed preseed left something"
        printf 'profiles: [{name: cli-new, config: {user.n: 0x10}}]\n' >"$work/preseed"
        assert bash -c "lxd init --preseed <$work/preseed"
        assert bash -c "lxd init --preseed <$work/preseed"
        assert_eq "$(lxc profile get cli-new user.n)" 0x10
        assert lxc profile delete cli-new
}

test_sql() {
        assert_match "$(lxd sql local 'SELECT name FROM profiles')" 'default'
        assert_match "$(lxd sql imaged 'SELECT count(*) AS n FROM images')" 'n'
        assert_fails 1 'no such table' lxd sql global 'SELECT * FROM no_such'
        assert_fails 1 'Invalid database type' lxd sql nothing 'SELECT 1'
        assert_match "$(lxd sql images .schema)" 'CREATE TABLE'
}

test_life() {
        assert lxc launch bb cli1 -c user.a=1 -e
        assert lxc exec cli1 -- true
        assert lxc pause cli1
        assert_eq "$(lxc list cli1 -c s -f csv)" FROZEN
        assert lxc start cli1
        assert lxc restart -f cli1
        assert_eq "$(lxc list cli1 -c st -f csv)" "RUNNING,CONTAINER (EPHEMERAL)"
        assert_fails 1 "already running" lxc start cli1
        assert_fails 1 "pass --force" lxc delete cli1
        assert lxc stop cli1 -f
        assert_fails 1 "not found" lxc info cli1
        assert lxc init bb cli1
        assert lxc init bb cli2
        assert lxc start cli1 cli2
        assert lxc stop -f cli1 cli2
        assert_fails 1 "Some instances failed to stop" lxc stop cli1 cli2
        assert lxc rename cli2 cli3
        assert lxc copy cli1 cli2
        assert lxc move cli3 cli4
        assert lxc delete cli2 cli4
        echo 'config: {user.yaml: 0x10}' | lxc init bb cli2 -q >/dev/null 2>&1
        assert_eq "$(lxc config get cli2 user.yaml)" 0x10
        assert lxc delete cli2
}

test_snapshots() {
        assert lxc snapshot cli1 one
        assert lxc snapshot cli1
        assert_fails 1 one lxc snapshot cli1 one
        assert lxc snapshot cli1 one --reuse
        assert lxc rename cli1/one cli1/two
        assert lxc restore cli1 two
        assert_fails 1 "" lxc restore cli1 one
        assert lxc copy cli1/two cli5
        assert lxc delete cli1/two cli5
        assert_fails 1 "not" lxc delete cli1/two
}

test_config() {
        assert lxc config set cli1 user.a=1 user.b=2
        assert lxc config set cli1 user.c 3
        assert_eq "$(lxc config get cli1 user.c)" 3
        assert lxc config unset cli1 user.c
        assert_fails 1 "user.c" lxc config unset cli1 user.c
        lxc config show cli1 | sed 's/^description:.*/description: edited/' | lxc config edit cli1 || fail "edit"
        assert_match "$(lxc config show cli1)" 'description: edited'
        assert_fails 1 'the field "confg" is unknown' bash -c 'echo "confg: {}" | lxc config edit cli1'
        assert_fails 1 'yaml: line 1' bash -c 'echo "a: &x 1" | lxc config edit cli1'
        assert_fails 1 'no configuration' lxc config edit cli1
        assert_match "$(lxc config show cli1)" 'description: edited'
        EDITOR="sed -i s/edited/by-editor/" script -qec "lxc config edit cli1" /dev/null >/dev/null
        assert_match "$(lxc config show cli1)" 'description: by-editor'
        assert lxc config device add cli1 none none
        assert_fails 1 "already exists" lxc config device add cli1 none none
        assert lxc config device remove cli1 none
        assert lxc config device override cli1 root size=1GiB
        assert_eq "$(lxc config device get cli1 root size)" 1GiB
        assert lxc config device remove cli1 root
}

# What -d says is added to what a profile or the original says of the device.
test_overrides() {
        assert lxc copy cli1 cli2 -d root,size=1GiB
        assert_eq "$(lxc config device get cli2 root size) $(lxc config device get cli2 root pool)" "1GiB default"
        assert lxc move cli2 cli3 -d eth0,security.mac_filtering=true
        assert_eq "$(lxc config device get cli3 eth0 type) $(lxc config device get cli3 eth0 security.mac_filtering)" "nic true"
        assert_fails 1 'Cannot override config for device "nope"' lxc copy cli3 cli4 -d nope,size=1GiB
        assert lxc delete cli3
}

test_profiles() {
        assert lxc profile create cli-profile
        assert lxc profile set cli-profile user.p=1
        assert lxc profile device add cli-profile none none
        assert lxc profile copy cli-profile cli-other
        assert lxc profile rename cli-other cli-third
        assert_eq "$(lxc profile get cli-third user.p)" 1
        assert lxc profile add cli1 cli-profile
        assert_fails 1 "" lxc profile delete cli-profile
        assert lxc profile assign cli1 default,cli-third
        assert lxc profile remove cli1 cli-third
        assert lxc profile delete cli-profile
        assert lxc profile delete cli-third
}

test_exec() {
        assert lxc start cli1
        assert_eq "$(status lxc exec cli1 -- sh -c 'exit 42')" 42
        assert_eq "$(status lxc exec cli1 -- sh -c 'kill -9 $$')" 137
        assert_eq "$(status lxc exec cli1 -- /no/such/file)" 127
        assert_eq "$(status lxc exec cli1 -- /etc/passwd)" 126
        assert_eq "$(lxc exec cli1 --env A=b --cwd /tmp --user 5 --group 6 -- sh -c 'echo $A $PWD $(id -u) $(id -g)')" "b /tmp 5 6"
        assert_eq "$(lxc exec cli1 -- sh -c 'echo out; echo err >&2' 2>/dev/null)" out
        assert_eq "$(lxc exec cli1 -- sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" err
        head -c 20000000 /dev/urandom >"$work/random"
        lxc exec cli1 -- cat <"$work/random" | cmp - "$work/random" || fail "20 MB through cat are not the same"
        assert_eq "$(echo x | lxc exec cli1 -n -- cat)" ""
        assert_eq "$(lxc exec cli1 -- yes | head -1)" y
}

test_terminal() {
        assert_match "$(script -qec "lxc exec cli1 -- sh -c 'tty; stty size'" /dev/null </dev/null)" '/dev/'
        assert_match "$(script -qec "stty rows 33 cols 77; lxc exec cli1 -- stty size" /dev/null </dev/null)" '33 77'
        assert_eq "$(script -qec "lxc exec -T cli1 -- tty" /dev/null </dev/null | tr -d '\r')" "not a tty"
        script -qec "lxc exec cli1 -- sh -c 'exit 9'" /dev/null >/dev/null </dev/null
        assert_eq $? 9
        # a signal to the client is one to the command
        lxc exec cli1 -- sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.1; done' >"$work/signal" &
        wait_until grep -q ready "$work/signal"
        kill -TERM $!
        wait $!
        assert_eq $? 5
}

test_files() {
        mkdir -p "$work/tree/sub"
        echo a >"$work/tree/a"
        echo b >"$work/tree/sub/b"
        ln -s a "$work/tree/link"
        chmod 640 "$work/tree/a"
        assert lxc file push "$work/tree/a" cli1/tmp/
        assert_fails 1 "" lxc file push "$work/tree/a" cli1/tmp/no/dir/
        assert lxc file push -p "$work/tree/a" cli1/tmp/new/dir/
        assert lxc file push --mode 600 --uid 7 --gid 8 "$work/tree/a" cli1/tmp/m
        assert_eq "$(lxc exec cli1 -- stat -c '%a %u %g' /tmp/m)" "600 7 8"
        assert lxc file push -r "$work/tree" cli1/tmp/
        assert lxc file pull -r cli1/tmp/tree "$work/back"
        diff -r "$work/tree/sub" "$work/back/tree/sub" || fail "the tree is not the same"
        assert_eq "$(lxc file pull cli1/tmp/tree/link -)" a
        lxc file push "$work/random" cli1/tmp/random || fail push
        lxc file pull cli1/tmp/random - | cmp - "$work/random" || fail "20 MB pulled are not those pushed"
        echo edited | lxc file edit cli1/tmp/m || fail edit
        assert_eq "$(lxc file pull cli1/tmp/m -)" edited
        assert_eq "$(lxc exec cli1 -- stat -c '%a' /tmp/m)" 600
        assert_fails 1 "without --recursive" lxc file pull cli1/tmp/tree "$work/"
        assert lxc file delete cli1/tmp/m
        assert_fails 1 "" lxc file delete cli1/tmp/m
        assert_fails 1 "" lxc file delete cli1/tmp/tree
}

test_images() {
        assert lxc image alias create cli-alias "$(lxc image list bb -c F -f csv)"
        assert lxc image alias rename cli-alias cli-other
        assert lxc image set-property bb cli yes
        assert_eq "$(lxc image get-property bb cli)" yes
        assert lxc image unset-property bb cli
        assert lxc image export bb "$work/image"
        sha256sum "$work"/image* | grep -q "^$(lxc image list bb -c F -f csv)" || fail "the exported image is another"
        assert lxc image alias delete cli-other
        assert_fails 1 "not found" lxc image info cli-other
        mkdir -p "$work/dir"
        tar -C "$work/dir" -xf "$work"/image*
        assert lxc image import "$work/dir" --alias cli-dir from=directory
        assert_eq "$(lxc image get-property cli-dir from)" directory
        assert lxc image delete cli-dir
}

test_networks() {
        assert lxc network create clibr0 ipv4.address=none ipv6.address=none
        assert_fails 1 "already exists" lxc network create clibr0
        assert lxc network set clibr0 user.a=1
        assert_eq "$(lxc network get clibr0 user.a)" 1
        assert lxc network unset clibr0 user.a
        assert lxc init bb cli6
        assert lxc network attach clibr0 cli6 eth1 eth1
        assert lxc network detach clibr0 cli6
        assert_fails 1 "No device found" lxc network detach clibr0 cli6
        assert lxc network info clibr0
        assert lxc network delete clibr0
        assert lxc delete cli6
}

test_storage() {
        assert lxc storage create cli-pool dir
        assert lxc storage volume create cli-pool v1
        assert lxc storage volume set cli-pool v1 user.a=1
        assert_eq "$(lxc storage volume get cli-pool v1 user.a)" 1
        assert lxc storage volume snapshot cli-pool v1 s1
        assert lxc storage volume restore cli-pool v1 s1
        assert lxc storage volume rename cli-pool v1 v2
        assert lxc storage volume rename cli-pool v2/s1 v2/s2
        assert lxc storage volume copy cli-pool/v2 cli-pool/v3
        assert lxc storage volume attach cli-pool v3 cli1 /mnt/v3
        assert_fails 1 "" lxc storage volume delete cli-pool v3
        assert lxc storage volume detach cli-pool v3 cli1
        assert lxc storage volume delete cli-pool v3
        assert lxc storage volume delete cli-pool v2/s2
        assert lxc storage volume delete cli-pool v2
        assert lxc storage delete cli-pool
}

test_monitor_and_query() {
        lxc monitor --type=lifecycle --format=json >"$work/events" &
        wait_until bash -c "lxc config set cli1 user.m=1; grep -q instance-updated $work/events"
        kill $!
        lxc monitor --type=lifecycle --type=operation --pretty >"$work/events" &
        wait_until bash -c "lxc config set cli1 user.m=1; lxc exec cli1 -- true; grep -q Executing $work/events"
        kill $!
        assert_match "$(cat "$work/events")" 'msg="Action: instance-updated, Source: /1.0/instances/cli1, Requestor: unix/root \(@\)"'
        assert_match "$(cat "$work/events")" 'Resources="map\[.*instances:\[/1.0/instances/cli1\]'
        assert_match "$(lxc query --wait -X PUT -d '{"action":"restart","force":true,"timeout":30}' /1.0/instances/cli1/state)" '"status": "Success"'
        assert_fails 1 "" lxc query /1.0/nothing
        assert lxc operation list
        assert lxc version
}

# Quotes, as a shell has them; numbered arguments; what is wrong is said.
test_alias() {
        export LXD_CONF=$work/conf
        assert lxc config set cli1 user.q "a b"
        assert lxc alias add quoted "list -f csv -c n 'user.q=a b' \"c\"li\\1"
        assert_eq "$(lxc quoted)" cli1
        assert lxc alias add get "config get @ARG2@ user.@ARG1@"
        assert_eq "$(lxc get q cli1)" "a b"
        assert_fails 1 "only 1 arguments were given" lxc get q
        assert lxc alias add open "list 'x"
        assert_fails 1 "a quote without its end" lxc open
        assert lxc alias add gone "/no/such/program"
        assert_fails 1 "Cannot run /no/such/program" lxc gone
        assert_eq "$(stat -c %a "$work/conf/config.yml")" 600
        echo 'aliases: [' >"$work/conf/config.yml"
        assert lxc list
        assert_fails 1 "config.yml" lxc alias list
        assert_fails 1 "config.yml" lxc alias add a b
        unset LXD_CONF
}

test_teardown() {
        assert lxc delete -f cli1
        assert_eq "$(lxc list -c n -f csv cli)" ""
}

# completed WORDS...: what the completion of bash offers for the last of them.
completed() {
        # shellcheck disable=SC2016
        bash -c '. /usr/share/bash-completion/completions/lxc; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lxd_complete
                echo "${COMPREPLY[*]}"' - "$@"
}

test_completion() {
        assert lxc init bb complete-me
        assert_eq "$(completed lxc config dev)" device
        assert_eq "$(completed lxc start comp)" complete-me
        assert_eq "$(completed lxc list --form)" --format
        assert_eq "$(completed lxd shut)" shutdown
        assert lxc delete complete-me
}

run_tests "$@"
