#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pylxd, another real client: instances, exec, files, snapshots, profiles, images, networks, pools.
# machine: nspawn
# needs: image-busybox
. "$(dirname "$0")/lib.sh"

test_setup() {
        python3 -c 'import pylxd' 2>/dev/null || skip "python3-pylxd is not installed"
        setup_server
}

test_tour() {
        cat >/tmp/tour.py <<'PY'
import pylxd

client = pylxd.Client()
assert client.has_api_extension("instances")
instance = client.containers.create({"name": "py1", "source": {"type": "image", "alias": "bb"}}, wait=True)
assert instance.status == "Stopped", instance.status
instance.start(wait=True)
assert instance.status == "Running", instance.status
result = instance.execute(["sh", "-c", "echo out; echo err >&2; exit 3"])
assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n"), result
instance.files.put("/root/file", b"content", mode=0o600, uid=1, gid=2)
assert instance.files.get("/root/file") == b"content"
assert instance.state().network["eth0"]["hwaddr"].startswith("00:16:3e")
instance.config["user.key"] = "value"
instance.save(wait=True)
assert client.containers.get("py1").config["user.key"] == "value"
snapshot = instance.snapshots.create("s", stateful=False, wait=True)
assert [s.name for s in instance.snapshots.all()] == ["s"]
instance.snapshots.get("s").delete(wait=True)
instance.stop(force=True, wait=True)
instance.delete(wait=True)
assert not client.containers.exists("py1")
profile = client.profiles.create("pyp", config={"user.a": "b"}, devices={})
assert client.profiles.get("pyp").config == {"user.a": "b"}
profile.delete()
assert any(n.name == "lxdbr0" for n in client.networks.all())
assert client.storage_pools.get("default").driver in ("btrfs", "dir")
assert client.images.get_by_alias("bb").architecture == "x86_64"
try:
    client.containers.get("nope")
    raise AssertionError("found what is not there")
except pylxd.exceptions.NotFound:
    pass
PY
        assert python3 /tmp/tour.py
}

run_tests "$@"
