#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tour of README.md, command by command as it is printed there: lxc, systemctl, journalctl, busctl.
# machine: nspawn fresh
# needs: image-debian
. "$(dirname "$0")/lib.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The lines of the blocks of commands between two headings.
tour() {
        sed -n '/^## A tour/,/^## Reading on/p' "$(dirname "$0")/README.md" | awk '/^```/ { inside = !inside; next } inside'
}

no_operations() {
        [ "$(api GET /1.0/operations | jq '.metadata.running // [] | length')" -eq 0 ]
}

# Whoever types it waits for the end of one thing before he asks for the next.
wait_for_it() {
        wait_until no_operations
        ! lxc list -c s -f csv c2 </dev/null | grep -q . || wait_until sh -c "! lxc list -c s -f csv c2 | grep -qE 'Starting|Stopping'"
}

# What listens until it is interrupted is interrupted once it could have listened.
run_line() {
        local rc=0
        case $1 in
                *monitor*) timeout 2 bash -c "$1" >"$work/output" 2>&1 </dev/null || rc=$? ;;
                *) eval "$1" >"$work/output" 2>&1 </dev/null || rc=$? ;;
        esac
        [[ $1 != *monitor* || $rc -ne 124 ]] || rc=0
        [ "$rc" -eq 0 ] || fail "\"$1\" ended with status $rc: $(cat "$work/output")"
        [[ $1 != *monitor* || ! -s $work/output || $(cat "$work/output") != *[Ee]rror* ]] || fail "\"$1\": $(cat "$work/output")"
        shown+="$(cat "$work/output")"$'\n'
        wait_for_it
}

test_tour() {
        local line
        cd "$work"
        ln -s "$IMAGES/debian.tar.xz" debian.tar.xz
        echo text >notes.txt
        shown=
        while read -r line <&3; do
                echo "# $line"
                run_line "$line"
        done 3< <(tour)
        [ "$(tour | wc -l)" -ge 20 ] || fail "README.md has no tour"
}

# It showed what it promises.
test_shown() {
        local what
        for what in '| c1 ' 'lxd-container@1.service' '/sbin/init' 'Created instance c1.' 'Instance c1 was created' 'Instance c1 stopped' \
                '/org/lxd/instance1/instance/default/c1' '.CreateSnapshot' 's "Running"'; do
                [[ $shown == *"$what"* ]] || fail "nothing showed \"$what\": $shown"
        done
        assert_eq "$(lxc list -c n -f csv c2)" ""
        assert_eq "$(lxc file pull c1/root/notes.txt -)" text
        assert lxc delete -f c1
}

run_tests "$@"
