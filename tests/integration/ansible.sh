#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ansible's modules for LXD (community.general: lxd_container, lxd_profile), unmodified, against our socket.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

folder=/tmp/ansible-test
url='url: "unix:/var/lib/lxd/unix.socket"'

# task MODULE LINE...: runs one task of a playbook; prints "changed=true|false" and then the result.
task() {
        local module=$1 line
        shift
        mkdir -p $folder
        {
                printf -- '- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - community.general.%s:\n        %s\n' "$module" "$url"
                for line; do
                        printf '        %s\n' "$line"
                done
                printf '      register: result\n    - debug:\n        msg: "changed={{ result.changed | lower }} {{ result }}"\n'
        } >$folder/play.yml
        ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_NOCOWS=1 HOME=/root LC_ALL=C.UTF-8 ansible-playbook -i localhost, $folder/play.yml 2>&1
}

# changes true|false MODULE LINE...
changes() {
        local wanted=$1 output
        shift
        output=$(task "$@") || fail "$* failed: $output"
        [[ $output == *"changed=$wanted"* ]] || fail "$* did not answer changed=$wanted: $output"
        echo "$output" >$folder/output
}

test_setup() {
        command -v ansible-playbook >/dev/null || skip "ansible is not installed"
        ls /usr/lib/python3/dist-packages/ansible_collections/community/general/plugins/modules/lxd_container.py >/dev/null 2>&1 ||
                skip "ansible is installed without community.general"
        setup_server
}

container=("name: ans1" "architecture: x86_64" "profiles: [default]" "config: {limits.cpu: \"1\", user.who: ansible}"
        "source: {type: image, alias: bb}")

test_container() {
        changes true lxd_container "${container[@]}" "state: started" "wait_for_ipv4_addresses: true" "timeout: 60"
        [[ $(cat $folder/output) == *"eth0"* ]] || fail "no addresses in the result: $(cat $folder/output)"
        assert_eq "$(api GET /1.0/instances/ans1 | jq -r '.metadata.status + .metadata.config."user.who"')" Runningansible
        changes false lxd_container "${container[@]}" "state: started" "wait_for_ipv4_addresses: true" "timeout: 60"
}

test_change() {
        changes true lxd_container "name: ans1" "state: started" "config: {user.who: other}"
        assert_eq "$(api GET /1.0/instances/ans1 | jq -r '.metadata.config | ."user.who" + ."limits.cpu"')" other1
        changes false lxd_container "name: ans1" "state: started" "config: {user.who: other}"
}

test_states() {
        changes true lxd_container "name: ans1" "state: frozen"
        assert_eq "$(api GET /1.0/instances/ans1 | jq -r .metadata.status)" Frozen
        changes true lxd_container "name: ans1" "state: started"
        changes true lxd_container "name: ans1" "state: restarted" "force_stop: true"
        assert_eq "$(api GET /1.0/instances/ans1 | jq -r .metadata.status)" Running
        changes true lxd_container "name: ans1" "state: stopped" "force_stop: true"
        changes false lxd_container "name: ans1" "state: stopped"
        changes true lxd_container "name: ans1" "state: absent"
        changes false lxd_container "name: ans1" "state: absent"
        assert_eq "$(api GET /1.0/instances/ans1 | jq -r .error_code)" 404
}

test_errors() {
        local output
        output=$(task lxd_container "name: ans2" "source: {type: image, alias: nothing}") && fail "an image that is not there was no error"
        [[ $output == *"not found"* || $output == *"doesn't exist"* ]] || fail "the reason is not told: $output"
        assert_eq "$(api GET /1.0/instances/ans2 | jq -r .error_code)" 404
}

test_profile() {
        local profile=("name: ansp" "description: made" "config: {user.a: b}" "devices: {none0: {type: none}}")
        changes true lxd_profile "${profile[@]}" "state: present"
        changes false lxd_profile "${profile[@]}" "state: present"
        changes true lxd_profile "name: ansp" "config: {user.c: d}" "devices: {}" "merge_profile: true" "state: present"
        assert_eq "$(api GET /1.0/profiles/ansp | jq -cS .metadata.config)" '{"user.a":"b","user.c":"d"}'
        changes true lxd_profile "name: ansp" "new_name: ansq" "state: present"
        assert_eq "$(api GET /1.0/profiles/ansp | jq -r .error_code)" 404
        changes true lxd_profile "name: ansq" "state: absent"
        changes false lxd_profile "name: ansq" "state: absent"
        rm -rf $folder
}

run_tests
