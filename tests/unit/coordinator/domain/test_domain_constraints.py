"""Constraints: what a value of each key is, and which machines meet it."""

from __future__ import annotations

import pytest
from build import CREATED

from coordinator.domain.constraints import (
    as_typed,
    constraint_values,
    parse_tags,
    spaces_named,
    unmet,
    with_space_renamed,
)
from coordinator.domain.model import Machine
from coordinator.domain.space import Space
from coordinator.errors import BadRequest


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("mem", "2G", 2048),
        ("mem", "1.5G", 1536),
        ("mem", "512", 512),
        ("root-disk", "1T", 1024**2),
        ("cores", "4", 4),
        ("arch", "arm64", "arm64"),
        ("tags", "fast,ssd", ["fast", "ssd"]),
        ("spaces", "", []),
        ("spaces", "db,^dmz", ["db", "^dmz"]),
        ("allocate-public-ip", "true", True),
        ("mem", "", 0),
        ("cores", "", 0),
        ("arch", "", ""),
    ],
)
def test_a_value_has_the_type_of_its_key(key, text, value):
    assert constraint_values({key: text}) == {key: value}


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("memory", "2G", 'unknown constraint "memory"'),
        ("mem", "much", 'constraint "mem" cannot be "much": expected a size like 512M or 2G'),
        ("mem", "-1", "expected a size"),
        ("cores", "2.5", "expected a whole number"),
        ("arch", "x86_64", "expected one of amd64, arm64"),
        ("tags", "a,^", "expected names, and \\^NAME"),
        ("allocate-public-ip", "yes", "expected true or false"),
    ],
)
def test_another_value_is_refused(key, text, says):
    with pytest.raises(BadRequest, match=says):
        constraint_values({key: text})


MACHINE = Machine(
    id="0",
    hostname="h",
    addresses=("10.1.0.7", "192.168.0.7"),
    cores=2,
    memory_mb=4096,
    arch="amd64",
    root_disk_mb=8192,
    tags=("gpu", "rack-3"),
    created=CREATED,
)
SPACES = {"db": Space(name="db", id="1", cidrs=("10.1.0.0/24",)), "dmz": Space(name="dmz", id="2")}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", ""),
        ("mem=4G", ""),
        ("mem=4097", "mem=4097M"),
        ("cores=2", ""),
        ("cores=3", "cores=3"),
        ("root-disk=8G", ""),
        ("root-disk=1T", "root-disk=1048576M"),
        ("arch=amd64", ""),
        ("arch=arm64", "arch=arm64"),
        ("tags=gpu", ""),
        ("tags=gpu,ssd", "tags=gpu,ssd"),
        ("tags=^ssd", ""),
        ("tags=rack-3,^gpu", "tags=rack-3,^gpu"),
        ("spaces=db,alpha", ""),
        ("spaces=dmz", "spaces=dmz"),
        ("spaces=db,^dmz", ""),
        ("spaces=^db", "spaces=^db"),
        ("arch= cores= mem= tags= spaces=", ""),
        ("cores=4 mem=2G arch=arm64", "arch=arm64 cores=4"),
        ("zones=az1 instance-type=large virt-type=kvm cpu-power=9", ""),
    ],
)
def test_a_machine_must_have_what_is_demanded(text: str, missing: str):
    values = constraint_values(dict(pair.split("=", 1) for pair in text.split()))
    assert " ".join(as_typed(unmet(values, MACHINE, SPACES))) == missing


def test_what_a_machine_could_not_find_out_about_itself_it_does_not_have():
    unknown = Machine(id="0", hostname="h", addresses=(), cores=1, memory_mb=0, created=CREATED)
    values = constraint_values({"arch": "amd64", "mem": "1", "root-disk": "1", "spaces": "alpha"})
    assert unmet(values, unknown, {}) == values


def test_constraints_follow_a_space_to_its_new_name():
    demanded = {"mem": "1G", "spaces": "db,^dmz"}
    assert spaces_named(demanded) == {"db", "dmz"}
    assert with_space_renamed(demanded, "dmz", "edge") == {"mem": "1G", "spaces": "db,^edge"}
    assert with_space_renamed(demanded, "db", None) == {"mem": "1G", "spaces": "^dmz"}
    assert with_space_renamed({"spaces": "^dmz"}, "dmz", None) == {}
    assert with_space_renamed(demanded, "other", None) == demanded


def test_tags_are_words():
    assert parse_tags(" ssd, gpu,,gpu") == ("gpu", "ssd")
    for text in ("a b", "^gpu", "-x", "ä", "x" * 64):
        with pytest.raises(BadRequest, match="is not a valid tag"):
            parse_tags(text)
