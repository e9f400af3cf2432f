# SPDX-License-Identifier: Apache-2.0
# The part of run.sh that runs test scripts in booted machines; sourced by it.
# shellcheck shell=bash

machine=$top/tests/machine/machine
declare -A machine_up=()

machine_cleanup() {
        local name
        for name in "${!machine_up[@]}"; do
                "$machine" down "$name"
        done
        machine_up=()
}

# header SCRIPT KEY: the words after "# KEY:" in the head of a test script.
header() {
        sed -n "1,20s/^# $2: *//p" "$1" | head -n 1
}

# $LXD_TEST_BED takes the place of nspawn.
script_bed() {
        local bed
        bed=$(header "$1" machine)
        bed=${bed%% *}
        bed=${bed:-nspawn}
        [ "$bed" != nspawn ] || bed=${LXD_TEST_BED:-nspawn}
        echo "$bed"
}

script_fresh() {
        [[ "$(header "$1" machine) " == *" fresh "* ]]
}

# The tests of a group share a machine; a pair is one of ours and one with LXD 5.0.2 on one bridge.
script_group() {
        if [[ $(script_bed "$1") == nspawn && " $(header "$1" needs) " == *" lxd5 "* ]]; then
                echo pair
        else
                script_bed "$1"
        fi
}

machine_name() {
        echo "run$$-$1"
}

# machine_get GROUP NEEDS...: boot the machine of a group unless it is up, with the images its test needs in it.
machine_get() {
        local group=$1 name need image options=() file
        shift
        name=$(machine_name "$group")
        case $group in
                qemu) options+=(--bed=qemu) ;;
                pair) options+=(--bridge="lxdrun$$") ;;
        esac
        if [ -z "${machine_up[$name]-}" ]; then
                machine_up[$name]=1
                "$machine" up "$name" --prefix="$build" "${options[@]}" || return 1
                "$machine" push "$name" "$top/tests/integration" /tests || return 1
                "$machine" push "$name" "$top/README.md" /tests/ || return 1
                "$machine" push "$name" "$top/services/lxd-imaged/tests/images.py" /tests/ || return 1
                "$machine" push "$name" "$top/scripts" /tests/ || return 1
        fi
        if [ "$group" = pair ] && [ -z "${machine_up[$(machine_name peer)]-}" ]; then
                machine_up[$(machine_name peer)]=1
                "$machine" up "$(machine_name peer)" --flavour=lxd5 "${options[@]}" || return 1
        fi
        for need; do
                [[ $need == image-* ]] || continue
                image=${need#image-}
                "$machine" exec "$name" test -e "/images/$image.tar.xz" && continue
                "$machine" exec "$name" mkdir -p /images
                "$top/tests/machine/images" "$image" "$image-split" >"$work/images" || return 1
                while read -r file; do
                        "$machine" push "$name" "$file" /images/ || return 1
                done <"$work/images"
        done
}

# After a failure nobody knows what state a machine is in: the next test gets a new one.
machine_drop() {
        local name
        for name in "$(machine_name "$1")" "$(machine_name peer)"; do
                [ -n "${machine_up[$name]-}" ] || continue
                [ "${name##*-}" != peer ] || [ "$1" = pair ] || continue
                "$machine" down "$name"
                unset "machine_up[$name]"
        done
}

# machine_missing BED: why tests on that bed cannot run here, or nothing.
machine_missing() {
        case $1 in
                none) ;;
                nspawn) "$machine" check 2>&1 ;;
                qemu) "$machine" check --bed=qemu 2>&1 ;;
                *) echo "its header asks for an unknown machine \"$1\"" ;;
        esac
}

# What script_on_machine returns when there is none; timeout(1) has 124 to 127, and 255 is ssh's.
no_machine=254

# script_on_machine SCRIPT GROUP TIMEOUT LOG NEEDS...: the status of the script.
script_on_machine() {
        local script=$1 group=$2 timeout=$3 log=$4 peer
        shift 4
        if script_fresh "$script"; then machine_drop "$group"; fi
        machine_get "$group" "$@" >"$log" 2>&1 || return "$no_machine"
        peer=$("$machine" list | awk -v name="$(machine_name peer)" '$1 == name { print $5 }')
        "$machine" exec "$(machine_name "$group")" env IMAGES=/images "PEER=$peer" \
                timeout -k 10 "$timeout" bash "/tests/${script##*/}" >"$log" 2>&1 </dev/null
}

# An emulated kernel that hangs, with all there is in it, says nothing of the script that ran; the everyday bed has no such excuse.
machine_lost() {
        [[ $1 == qemu ]] && ! timeout -k 5 60 "$machine" exec "$(machine_name "$1")" true >/dev/null 2>&1 </dev/null
}

# run_script SCRIPT: one test script on the bed that its header names; 0 is a pass, 77 a skip, all else a failure.
run_script() {
        local script=$1 name bed needs group missing log=$work/script.log rc=0 start=$SECONDS timeout
        name=${script##*/}
        name=${name%.sh}
        wanted "$name" || return 0
        bed=$(script_bed "$script")
        needs=$(header "$script" needs)
        timeout=$(header "$script" timeout)
        group=$(script_group "$script")
        missing=$(machine_missing "$bed")
        if [ "$bed" = none ] && [[ " $needs " == *" qemu "* ]]; then missing=$(machine_missing qemu); fi
        if [ -n "$missing" ]; then
                result SKIP "machine $name" "$missing"
                return 0
        fi
        if [ "$bed" = none ]; then
                timeout -k 10 "${timeout:-900}" bash "$script" >"$log" 2>&1 </dev/null || rc=$?
        else
                # shellcheck disable=SC2086
                script_on_machine "$script" "$group" "${timeout:-600}" "$log" $needs || rc=$?
                if [[ $rc == 255 || $rc == "$no_machine" ]] && machine_lost "$group"; then
                        echo "---- the machine of $name was lost; once more, on a new one"
                        tail -n "${LXD_TEST_LINES:-200}" "$log"
                        "$machine" console "$(machine_name "$group")"
                        echo "----"
                        machine_drop "$group"
                        rc=0
                        # shellcheck disable=SC2086
                        script_on_machine "$script" "$group" "${timeout:-600}" "$log" $needs || rc=$?
                fi
                if [ "$rc" -eq "$no_machine" ]; then
                        cat "$log"
                        result FAIL "machine $name" "its machine did not boot"
                        machine_drop "$group"
                        return 0
                fi
        fi
        case $rc in
                0) result PASS "machine $name" "$((SECONDS - start)) s" ;;
                77) result SKIP "machine $name" "$(tail -n 1 "$log")" ;;
                *)
                        echo "---- output of $name"
                        tail -n "${LXD_TEST_LINES:-200}" "$log"
                        [ "$bed" = none ] || machine_explain "$group"
                        echo "----"
                        [ "$rc" -ne 124 ] || rc="124: not done after ${timeout:-600} s"
                        result FAIL "machine $name" "exit status $rc, $((SECONDS - start)) s" \
                                "$(sed -n '/^FAILED in /,$p' "$log" | head -n 20 | cut -c -300)"
                        [ "$bed" = none ] || machine_drop "$group"
                        ;;
        esac
        if [ "$bed" != none ] && script_fresh "$script"; then machine_drop "$group"; fi
}

# What the machine itself has to say about a failure.
machine_explain() {
        local name
        name=$(machine_name "$1")
        echo "---- failed units and last errors in the machine"
        timeout 20 "$machine" exec "$name" sh -c 'systemctl list-units --failed --plain --no-legend
                journalctl -b -q -p warning -n 30 --no-pager -o short-monotonic' </dev/null 2>&1
}

# Scripts of one bed come after each other, so that they share its machine.
run_machine() {
        local script bed
        # shellcheck disable=SC2086
        packages_install $PACKAGES_BED $PACKAGES_QEMU >/dev/null || result FAIL "packages" "apt-get failed"
        for bed in none nspawn pair qemu; do
                for script in "$top"/tests/machine/test-*.sh "$top"/tests/integration/*.sh; do
                        [[ -e $script && ${script##*/} != lib.sh ]] || continue
                        [ "$(script_group "$script")" = "$bed" ] || continue
                        run_script "$script"
                done
                [ "$bed" = none ] || machine_drop "$bed"
        done
}
