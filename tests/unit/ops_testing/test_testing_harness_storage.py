"""Storage and resources in a Harness."""

from __future__ import annotations

import pytest
import yaml

import ops
from ops import testing

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")

META = """
name: web
containers:
  app:
    mounts: [{storage: data, location: /mnt/data}, {storage: data, location: /mnt/same}]
  other:
    mounts: [{storage: data, location: /other}]
storage:
  data: {type: filesystem}
  disks: {type: filesystem, multiple: {range: 0-}}
resources:
  jar: {type: file, filename: app.jar}
  plain: {type: file}
  image: {type: oci-image}
"""


class Recorder(ops.CharmBase):
    def __init__(self, framework: ops.Framework):
        super().__init__(framework)
        self.seen: list[tuple] = []
        for name in self.meta.storages:
            framework.observe(self.on[name].storage_attached, self._on_event)
            framework.observe(self.on[name].storage_detaching, self._on_event)

    def _on_event(self, event: ops.StorageEvent):
        kind = event.handle.kind.rpartition("_")[2]
        self.seen.append((kind, event.storage.full_id, event.storage.location.is_dir()))


@pytest.fixture
def harness():
    harness = testing.Harness(Recorder, meta=META)
    yield harness
    harness.cleanup()


def instances(harness, name: str) -> list[str]:
    return [storage.full_id for storage in harness.model.storages[name]]


def test_storage_is_added_attached_and_goes(harness):
    harness.begin()
    assert harness.add_storage("disks", 2) == ["disks/0", "disks/1"]
    assert instances(harness, "disks") == []
    assert harness.add_storage("data", attach=True) == ["data/2"], "numbers are counted over all storages"
    for _ in range(2):
        harness.attach_storage("disks/1")
    assert instances(harness, "disks") == ["disks/1"]
    harness.detach_storage("disks/1")
    harness.detach_storage("disks/1")
    harness.attach_storage("disks/1")
    harness.remove_storage("disks/1")
    harness.remove_storage("disks/1")
    harness.remove_storage("disks/0")
    assert instances(harness, "disks") == []
    assert harness.charm.seen == [
        ("attached", "data/2", True),
        ("attached", "disks/1", True),
        ("detaching", "disks/1", True),
        ("attached", "disks/1", True),
        ("detaching", "disks/1", True),
    ]


def test_storage_that_was_added_before_is_attached_by_the_initial_hooks(harness):
    harness.add_storage("disks")
    harness.add_storage("data", attach=True)
    harness.begin_with_initial_hooks()
    assert harness.charm.seen == [("attached", "disks/0", True), ("attached", "data/1", True)]


def test_storage_that_was_attached_before_begin_is_no_event(harness):
    harness.add_storage("data", attach=True)
    harness.begin()
    assert harness.charm.seen == []
    assert instances(harness, "data") == ["data/0"]


def test_storage_is_attached_silently_while_hooks_are_disabled(harness):
    harness.begin()
    with harness.hooks_disabled():
        (name,) = harness.add_storage("data", attach=True)
        assert instances(harness, "data") == [name]
        harness.detach_storage(name)
        assert instances(harness, "data") == []
    assert harness.charm.seen == []


def test_storage_has_to_be_declared_and_to_exist(harness):
    for call in (lambda: harness.add_storage("no"), lambda: harness.remove_storage("no/0")):
        with pytest.raises(RuntimeError, match="not specified as a storage key"):
            call()
    with pytest.raises(RuntimeError, match="before"):
        harness.detach_storage("data/0")
    harness.begin()
    with pytest.raises(ops.ModelError):
        harness.detach_storage("data/0")
    harness.attach_storage("data/9")
    with pytest.raises(ops.ModelError):
        harness.model.storages.request("no")


def test_containers_see_attached_storage(harness):
    harness.begin()
    for name in ("app", "other"):
        harness.set_can_connect(name, True)
    app, other = (harness.model.unit.get_container(name) for name in ("app", "other"))
    assert not app.exists("/mnt/data")
    (storage,) = harness.add_storage("data", attach=True)
    app.push("/mnt/data/f", "x")
    assert other.pull("/other/f").read() == app.pull("/mnt/same/f").read() == "x"
    location = harness.model.storages["data"][0].location
    assert (location / "f").read_text() == "x"
    assert (harness.get_filesystem_root("app") / "mnt/data/f").read_text() == "x"
    harness.detach_storage(storage)
    assert not app.exists("/mnt/data")
    harness.attach_storage(storage)
    assert app.isdir("/mnt/data")
    assert other.exists("/other/f")


def test_a_second_instance_takes_the_place_of_the_first(harness):
    harness.begin()
    harness.set_can_connect("app", True)
    app = harness.model.unit.get_container("app")
    harness.add_storage("data", attach=True)
    app.push("/mnt/data/f", "x")
    harness.add_storage("data", attach=True)
    assert app.list_files("/mnt/data") == []


# --- resources ---


def test_a_file_is_what_the_test_says(harness):
    with pytest.raises(ops.ModelError, match="resource#web/jar not found"):
        harness.model.resources.fetch("jar")
    harness.add_resource("jar", b"\0")
    harness.add_resource("plain", "text")
    path = harness.model.resources.fetch("jar")
    assert (path.name, path.read_bytes()) == ("app.jar", b"\0")
    assert harness.model.resources.fetch("plain").read_text() == "text"
    harness.add_resource("jar", "new")
    assert harness.model.resources.fetch("jar").read_text() == "new"


def test_an_image_is_where_the_test_says(harness):
    harness.populate_oci_resources()
    path = harness.model.resources.fetch("image")
    values = {"registrypath": "registrypath", "username": "username", "password": "password"}
    assert (path.name, yaml.safe_load(path.read_text())) == ("contents.yaml", values)
    harness.add_oci_resource("image", {"registrypath": "here"})
    assert yaml.safe_load(path.read_text()) == {"registrypath": "here"}


def test_resources_are_of_their_kind(harness):
    for call in (
        lambda: harness.add_resource("no", "x"),
        lambda: harness.add_resource("image", "x"),
        lambda: harness.add_oci_resource("no"),
        lambda: harness.add_oci_resource("jar"),
    ):
        with pytest.raises(RuntimeError):
            call()
