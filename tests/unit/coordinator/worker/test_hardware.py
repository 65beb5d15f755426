"""What a machine has: the limits of control groups count, of either version."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coordinator.domain.constraints import ARCHITECTURES
from coordinator.worker.hardware import cores_limit, measure, memory_limit_mb


@pytest.fixture
def tree(tmp_path: Path):
    """Write files below a pretended /proc and /sys/fs/cgroup; return both."""

    def write(**files: str) -> tuple[Path, Path]:
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "proc", tmp_path / "sys"

    return write


def test_the_tightest_of_the_groups_around_counts(tree) -> None:
    where = tree(
        proc__self__cgroup="0::/system/worker\n",
        sys__system__worker__memory_dot_max="max\n",
        sys__system__memory_dot_max=f"{3 * 2**30}\n",
        sys__system__worker__cpu_dot_max="250000 100000\n",
        sys__system__cpu_dot_max="max 100000\n",
    )
    assert (memory_limit_mb(*where), cores_limit(*where)) == (3072, 2)


def test_in_a_container_the_outermost_group_is_its_own(tree) -> None:
    where = tree(
        proc__self__cgroup="9:name=systemd:/docker/c0\n4:memory:/docker/c0\n3:cpu,cpuacct:/docker/c0\n",
        sys__memory__memory_dot_limit_in_bytes=f"{2**29}\n",
        **{
            "sys__cpu,cpuacct__cpu_dot_cfs_quota_us": "50000\n",
            "sys__cpu,cpuacct__cpu_dot_cfs_period_us": "100000\n",
        },
    )
    assert (memory_limit_mb(*where), cores_limit(*where)) == (512, 1)


def test_without_limits_a_machine_has_what_it_has(tree) -> None:
    where = tree(
        proc__self__cgroup="3:cpu:/\n",
        sys__cpu__cpu_dot_cfs_quota_us="-1\n",
        sys__cpu__cpu_dot_cfs_period_us="100000\n",
    )
    assert (memory_limit_mb(*where), cores_limit(*where)) == (None, None)
    assert (memory_limit_mb(Path("/no"), Path("/no")), cores_limit(Path("/no"), Path("/no"))) == (None, None)


def test_this_machine_is_measured(tmp_path: Path) -> None:
    found = measure(tmp_path)
    assert found.arch in ARCHITECTURES
    assert 1 <= found.cores <= (os.cpu_count() or 1)
    assert found.memory_mb > 0
    assert found.root_disk_mb > 0
