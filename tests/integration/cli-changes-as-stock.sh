#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What changes something: our lxc and the stock client of LXD 5.0.2 do the same scripts with the same output and status.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# t ARGUMENTS: one command of a script; what it printed and its status. Of an error only the first line counts, of help
# only that it was printed.
t() {
        local output rc=0
        output=$("$client" "$@" 2>&1 <"${input:-/dev/null}") || rc=$?
        case $output in
                *"Usage:"*"Error: "*) output=$(grep -m 1 '^Error: ' <<<"$output") ;;
                *"Usage:"*) output=usage ;;
                *"Error: "*) output=$(sed '/^Error: /q' <<<"$output") ;;
        esac
        # stock walks a map, each time in another order
        if [[ " $* " == *" device list "* ]]; then output=$(sort <<<"$output"); fi
        echo "\$ $*"
        # a progress line erased by spaces, and the carriage return before a last word
        tr '\r' '\n' <<<"$output" | sed -e '/^ *$/d' -e '/^Exporting the image/d' -e '/^Warning: /d'
        echo "status $rc"
}

# from TEXT ARGUMENTS: the same with a standard input; \n are line breaks.
from() {
        printf '%b' "$1" >"$work/input"
        shift
        input=$work/input t "$@"
}

normalized() {
        sed -E -e 's/[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}/UUID/g' -e 's/00:16:3e(:[0-9a-f]{2}){3}/MAC/g' \
                -e 's/20[0-9]{2}[-\/][0-9]{2}[-\/][0-9]{2}[T ][0-9:.]+/DATE/g' -e 's/[0-9]{10,}/NUMBER/g' -e 's/  +/ /g' -e 's/-{4,}/----/g' \
                -e "s,$work/[a-z.]*,FILE,g"
}

# compare SCRIPT: a function, once with each client. It ends as it began.
compare() {
        client=lxc.stock "$1" | normalized >"$work/stock"
        client=lxc "$1" | normalized >"$work/ours"
        [ -s "$work/stock" ] || fail "$1 did nothing"
        diff -U 3 "$work/stock" "$work/ours" >"$work/diff" || fail "$1: $(cat "$work/diff")"
}

test_setup() {
        command -v lxc.stock >/dev/null || skip "lxc.stock (Debian's lxd-client) is not installed"
        setup_server
        lxc.stock list >/dev/null 2>&1          # greets who uses it for the first time
}

create() {
        t init bb as1
        t init bb as1
        t init bb as2 -c user.foo=bar -c limits.cpu=1 -p default -e
        t init bb as3 -c bad.key=1
        t init bb as3 -c limits.memory=foo
        t init bb as3 -p nope
        t init bb as3 -s nope
        t init bb as3 -n nope
        t init bb as3 --vm
        t init bb as3 --no-profiles
        t init bb as3 -n lxdbr0 -s default -d root,size=1GiB
        t init --empty as4
        t init --empty as5 bb
        t init bb bad_name
        t init foo:bb as5
        from 'config:\n  user.a: "1"\nno_such_field: x\ndevices:\n  eth9:\n    type: none\n' init bb as5
        t config show as3
        t config show as5
        t list as -c nsdtSPb
        t list -c nN as
        t list user.foo=bar status=stopped -c n
        t list user.foo=bar architecture=x86_64 -c n
        t list name=as1 -c n
        t list local:as1 -c n
        t list local: as -c n
        t list 'as[12]' -c n
        t list as -c user.foo:x:-1,n
        t list as -c ,n
        t list as -c ns4 -f csv
        t delete as1 nope
        t delete as1 as2 as3
        t delete as1 as4 as5
        t delete as4 as5
        t list as -c n
}

overrides() {
        t profile create asp
        t profile device add asp root disk path=/ pool=default size=2GiB
        t init bb as1 -d root,size=1GiB -d root,path=/ -d eth0,ipv4.address=10.0.0.1,ipv6.address=fd42::1
        t init bb as1 -d root,size=1GiB
        t config device show as1
        t init bb as2 -p default -p asp -d root,pool=default
        t config device show as2
        t init bb as3 -s default -d root,size=1GiB
        t config device show as3
        t init bb as4 -d nope,size=1GiB
        t init bb as4 -d root
        t init bb as4 -d root,size
        t init bb as4 -p default -p nope -d root,size=1GiB
        t delete as1 as2 as3
        t profile delete asp
}

state() {
        t init bb as1
        t start as1
        t start as1
        t start nope
        t start
        t stop
        t pause as1
        t pause as1
        t list as -c ns
        t start as1
        t restart as1 -f
        t delete as1
        t stop as1 -f
        t stop as1 -f
        t stop nope
        t start --all as1
        t delete as1 -f
        t delete as1
}

snapshots() {
        t init bb as1
        t snapshot as1
        t snapshot as1 s1
        t snapshot as1 s1
        t snapshot as1 s1 --reuse
        t snapshot as1 s2 --no-expiry
        t snapshot nope s1
        t snapshot as1 s/1
        t restore as1 s1
        t restore as1 nope
        t restore as1
        t rename as1/s1 as1/s9
        t rename as1/s9 s8
        t rename as1/s9 as2/s8
        t rename as1 as2/s8
        t rename as1 as10
        t rename as10/s9 as10/snap0
        t config show as10/s9
        from 'expires_at: 2030-01-01T00:00:00Z\n' config edit as10/s9
        t config show as10/s9
        t config device add as10/s9 d none
        t config device set as10/s9 root size=1GiB
        t config device override as10/s9 root size=1GiB
        t config device remove as10/s9 root
        t config show as10/s9
        t copy as10 as11
        t copy as10 as11
        t copy as10/s9 as12
        t copy as10/nope as13
        t copy as10/s9
        t copy as10
        t copy as10 as13 --instance-only -e -c user.x=1 -p default
        t copy as10 as13 -c bad=1
        t copy as10 as13 --no-profiles
        t copy as10 as13 -s nope
        t copy nope as13
        t move as11 as14
        t move as14 as14
        t move as10/s9 as10/s11
        t move nope as15
        t delete as10/nope
        t delete as10/s11
        t delete as10/s2
        t list as -c nSt
        t delete as10 as12 as13 as14
}

configuration() {
        t init bb as1 -c user.n=1
        from 'config:\n  bad.key: "2"\n' config edit as1
        t config set as1 user.a=1 user.b=2
        t config set as1 user.a 5
        t config set as1 user.c=
        from 'text\n' config set as1 user.in=-
        from 'text\n' config set as1 user.in -
        t config get as1 user.in
        t config get as1 image.os -e
        t config unset as1 user.a
        t config unset as1 user.a
        t config set as1 limits.memory=foo
        t config set nope user.a=1
        t config show nope
        t config show as1/nope
        t config show as1
        t config set images.auto_update_interval 5
        t config get images.auto_update_interval
        t config set images.auto_update_interval=6 user.foo=bar
        t config unset images.auto_update_interval
        t config unset user.foo
        t config set core.proxy_http=http://a:b
        t config set core.https_address :no:port
        t config unset user.foo
        t config set bad.key 1
        t config set images.auto_update_interval foo
        t config show
        t config metadata edit as1
        t config template list as1
        t delete as1
}

devices() {
        t init bb as1
        t config device list as1
        t config device add as1 d1 disk source=/tmp path=/mnt
        t config device add as1 d1 disk source=/tmp path=/mnt
        t config device add as1 d2
        t config device add as1 d2 foo
        t config device add as1 d2 disk
        t config device add nope d2 none
        t config device list as1
        t config device add as1 eth5 none
        t config device show as1
        t config device get as1 d1 source
        t config device get as1 d1 nope
        t config device get as1 root path
        t config device set as1 d1 readonly=true
        t config device set as1 d1 readonly false
        t config device set as1 root size=1GiB
        t config device set as1 nope a=b
        t config device unset as1 d1 readonly
        t config device unset as1 d1 readonly
        t config device remove as1 root
        t config device override as1 root size=2GiB
        t config device override as1 root size=2GiB
        t config device override as1 nope a=b
        t config device override as1 eth0
        t config device show as1
        t config device remove as1 d1 eth5
        t config device remove as1 nope
        t config device rm as1 eth0 root
        t config device list as1
        t delete as1
}

profiles() {
        t init bb as1
        t profile create asp
        t profile create asp
        t profile create bad/name
        from 'config:\n  user.b: "2"\ndescription: d\ndevices:\n  e1:\n    type: none\nname: foo\nused_by: []\n' profile edit asp
        t profile show asp
        t profile set asp user.x=1 user.y=2
        t profile set asp user.z 3
        t profile set asp bad.key 3
        t profile get asp user.x
        t profile get asp user.none
        t profile unset asp user.x
        t profile unset asp user.x
        t profile copy asp asq
        t profile copy asp asq
        t profile copy nope asr
        t profile add as1 asp
        t profile add as1 nope
        t profile add nope asp
        t profile list
        t profile show asp
        t profile delete asp
        t profile remove as1 asq
        t profile remove as1 asp
        t profile assign as1 default,asq
        t profile assign as1 default
        t profile apply as1 default,nope
        t profile rename asq ass
        t profile rename asq ass
        t profile rename asp ass
        t profile delete default
        t profile device add asp d1 disk source=/tmp path=/mnt
        t profile device add asp d1 disk source=/tmp path=/mnt
        t profile device list asp
        t profile device set asp d1 path=/mnt2
        t profile device get asp d1 path
        t profile device unset asp d1 readonly
        t profile device show asp
        t profile device remove asp d1
        t profile device remove asp d1
        t profile delete asp
        t profile delete ass
        t profile delete ass
        t delete as1
}

images() {
        t image export bb "$work/$client"
        t image import "$work/$client.tar.xz" --alias as-image
        from 'a: b\n' image alias create as-other nope
        t image alias list as-
        t image alias rename nope as-image
        t image alias delete nope
        t image set-property bb foo bar
        t image get-property bb foo
        t image unset-property bb foo
        t image unset-property bb foo
        t image info nope
        t image show nope
        t image delete nope
        t image list os=Busybox -c d
        t image list type=container architecture=x86_64 -c l
        t image list description=busy -c l
        t image import nope.tar
        t image import /etc/hosts
        rm "$work/$client.tar.xz"
}

networks() {
        t network create asn ipv4.address=10.99.0.1/24 ipv6.address=none ipv4.nat=true
        t network create asn
        t network create asn/2
        t network create asm --type foo
        t network create asm ipv4.address=foo
        t network create asm bad.key=1
        t network get asn ipv4.nat
        t network get asn none
        t network set asn ipv4.nat=false
        t network set asn ipv4.nat false
        t network set asn user.a=b user.c=d
        t network set asn bad=1
        t network unset asn ipv4.nat
        t network unset asn ipv4.nat
        from 'config:\n  ipv4.address: 10.99.1.1/24\n  ipv6.address: none\ndescription: hey\nfoo: bar\n' network edit asn
        t network show asn
        t network info nope
        t network list-leases nope
        t network rename asn aso
        t network rename asn aso
        t init bb as1
        t network attach aso as1
        t network attach aso as1
        t network attach aso as1 eth3 eth7
        t network attach nope as1
        t network attach aso nope
        t config device show as1
        t network detach aso as1
        t network detach aso as1 eth3
        t network detach aso as1
        t network detach aso as1 aso
        t network delete aso
        t network delete aso
        t delete as1
}

volumes() {
        t storage create asd dir
        t storage create asd dir
        t storage create ase foo
        t storage create ase dir bad.key=1
        t storage set asd user.a=b
        t storage unset asd user.a
        t storage unset asd user.a
        t storage volume create asd v1
        t storage volume create asd v1
        t storage volume create asd v2 size=10MiB
        t storage volume create asd v3 bad=1
        t storage volume create nope v3
        t storage volume create asd bad/name
        t storage volume list asd
        t storage volume list asd type=custom -f csv
        t storage volume list asd name=v1
        t storage volume show asd nope
        t storage volume info asd nope
        t storage volume set asd v1 user.a=b
        t storage volume unset asd v1 user.a
        t storage volume unset asd v1 user.a
        from 'config:\n  user.x: y\ndescription: hey\n' storage volume edit asd v1
        t storage volume rename asd v1 v9
        t storage volume rename asd v1 v9
        t storage volume rename asd v9 v2
        t storage volume snapshot asd v9
        t storage volume snapshot asd v9 foo
        t storage volume snapshot asd v9 foo
        t storage volume snapshot asd v9 foo --reuse
        t storage volume snapshot asd nope
        from 'description: d\nexpires_at: 2030-01-01T00:00:00Z\n' storage volume edit asd v9/foo
        t storage volume show asd v9/foo
        t storage volume rename asd v9/foo v9/foo2
        t storage volume rename asd v9/foo2 foo3
        t storage volume restore asd v9 foo2
        t storage volume restore asd v9 nope
        t storage volume copy asd/v9 asd/vc
        t storage volume copy asd/v9 vf
        t storage volume copy asd asd/vf
        t storage volume copy asd/nope asd/vf
        t storage volume move asd/vc asd/vd
        t init bb as1
        t storage volume attach asd v9 as1 /mnt
        t storage volume attach asd v9 as1 /mnt
        t storage volume attach asd v9 as1 dev2 /mnt2
        t storage volume attach asd nope as1 /mnt3
        t config device show as1
        t storage volume detach asd v9 as1
        t storage volume delete asd v9
        t delete as1
        t storage volume show asd v9
        t storage volume delete asd v9/foo2
        t storage volume delete asd v9/foo2
        t storage volume delete asd v9
        t storage volume delete asd v2
        t storage volume delete asd vd
        t storage create ase dir
        t storage volume create asd vm user.x=1
        t storage volume snapshot asd vm s0
        t storage volume move asd/vm ase/vn
        t storage volume move asd/vm ase/vo
        t storage volume list asd -f csv
        t storage volume list ase -f csv
        t storage volume show ase vn
        t storage volume set ase vn/s0 user.a=b
        t storage volume move ase/vn ase/vp
        t storage volume delete ase vp
        t storage delete ase
        t storage delete asd
        t storage delete asd
        t storage delete default
}

test_create() {
        compare create
}

# In a folder of each client's own.
aliases() {
        export LXD_CONF=$work/$client.conf
        "$client" list >/dev/null 2>&1          # greets
        t alias list
        t alias add one "list -c n"
        t alias add one "list -c s"
        t alias add names 'list @ARGS@ -c n -f csv'
        t alias add 'two words' 'profile show @ARG1@'
        t alias add program '/bin/echo @ARGS@ end'
        t alias add list 'list -c ns'
        t alias list -f csv
        t init bb as1
        t one as1
        t names as1
        t -q names as1
        t two words default
        t two
        t program a b
        t list as1
        t alias rename one other
        t alias rename nope x
        t alias rename other names
        t alias remove other
        t alias remove other
        t other
        t shell nope
        t start as1
        t shell as1 -c 'echo $HOME'
        t delete -f as1
        t alias list -f json
        cat "$LXD_CONF/config.yml" | grep -A 7 ^aliases
        t project switch nope
        t project switch default
        t project list -f csv
        unset LXD_CONF
}

files() {
        local out=$work/out
        mkdir "$out"
        echo hello >"$out/a"
        cp "$out/a" "$out/b"
        t init bb as1
        t file push -q "$out/a" "$out/b" as1/root/
        t file pull -q as1/root/a as1/root/b "$out/new"
        t file pull -q as1/root/a "$out/new2/"
        t file pull -q as1/root/a "$out/new3/x"
        t file pull -q as1/root/a as1/root/b "$out/a"
        find "$out" | sort
        from 'text' file push -q - as1/root/input
        echo text | "$client" file push -q - as1/root/piped
        t start as1
        t exec as1 -- stat -c '%a %u %g' /root/input /root/piped
        t delete -f as1
        rm -r "$out"
}

test_aliases() {
        compare aliases
}

test_files() {
        compare files
}

test_overrides() {
        compare overrides
}

test_state() {
        compare state
}

test_snapshots() {
        compare snapshots
}

test_configuration() {
        compare configuration
}

test_devices() {
        compare devices
}

test_profiles() {
        compare profiles
}

test_images() {
        compare images
}

test_networks() {
        compare networks
}

test_volumes() {
        compare volumes
}

run_tests "$@"
