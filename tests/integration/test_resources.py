"""Resources: files that people hand in reach the units whose charm declares them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from system import ApiError, System, pack, running, wait_for

pytestmark = pytest.mark.slow

METADATA = """
name: site
resources:
  pages: {type: file, filename: ../pages.txt}
  image: {type: oci-image}
"""
HOOK = """#!/bin/sh
if path=$(resource-get pages); then said="$(basename "$path"): $(cat "$path")"; fi
if [ "$said" ]; then status-set active "$said"; else status-set blocked; fi
if path=$(resource-get image); then application-version-set "$(cat "$path")"; fi
"""


@pytest.fixture
def system() -> Iterator[System]:
    with running(workers=1) as system:
        system.add_model()
        yield system


def charm(home: Path) -> Path:
    place = home / "site"
    (place / "hooks").mkdir(parents=True)
    (place / "metadata.yaml").write_text(METADATA)
    for name in ("install", "upgrade-charm"):
        hook = place / "hooks" / name
        hook.write_text(HOOK)
        hook.chmod(0o755)
    return place


def upload(system: System, content: bytes) -> str:
    return system.ask("POST", "/v1/resources", content)["sha256"]


def attach(system: System, name: str, content: bytes) -> None:
    sha256 = upload(system, content)
    system.ask("PUT", f"/v1/models/m/applications/site/resources/{name}", {"sha256": sha256})


def said(system: System) -> str:
    return system.units()["site/0"]["workload-status"].get("message", "")


def test_a_file_that_is_handed_in_reaches_the_unit_and_so_does_the_next_one(system: System) -> None:
    system.deploy(charm(system.home), "site")
    system.wait_settled(1)
    assert system.units()["site/0"]["workload-status"]["current"] == "blocked", "nobody has handed it in"
    attach(system, "pages", b"first")
    wait_for(lambda: said(system) == "pages.txt: first", "the first one")
    attach(system, "image", b"registrypath: there")
    wait_for(lambda: system.status()["applications"]["site"].get("version") == "registrypath: there", "the image")
    attach(system, "pages", b"second")
    wait_for(lambda: said(system) == "pages.txt: second", "the second one")
    listed = system.ask("GET", "/v1/models/m/applications/site/resources")["resources"]
    assert [(each["name"], each["revision"], each["size"]) for each in listed] == [
        ("image", "0", 19),
        ("pages", "1", 6),
    ]


def test_what_was_handed_in_is_there_from_install_on_and_survives_a_refresh(system: System) -> None:
    place = charm(system.home)
    sha256 = system.ask("POST", "/v1/charms", pack(place))["sha256"]
    request = {"charm": sha256, "name": "site", "resources": {"pages": upload(system, b"given")}}
    system.ask("POST", "/v1/models/m/applications", request)
    wait_for(lambda: "site/0" in system.units() and said(system) == "pages.txt: given", "install")
    system.ask("POST", "/v1/models/m/applications/site/refresh", {"charm": sha256})
    system.wait_settled(1)
    assert said(system) == "pages.txt: given"


def test_bad_input_is_refused_and_changes_nothing(system: System) -> None:
    system.deploy(charm(system.home), "site")
    before = system.ask("GET", "/v1/models/m/applications/site/resources")
    for name, sha256, what in (
        ("nope", upload(system, b""), 'resource "nope" not found'),
        ("pages", "0" * 64, 'resource "pages" not found'),
    ):
        with pytest.raises(ApiError, match=what):
            system.ask("PUT", f"/v1/models/m/applications/site/resources/{name}", {"sha256": sha256})
    with pytest.raises(ApiError, match=r"cannot keep a resource of 4\.0 MiB"):
        attach(system, "pages", b"x" * (4 * 2**20 + 1))
    assert system.ask("GET", "/v1/models/m/applications/site/resources") == before
