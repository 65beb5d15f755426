"""Stores for every test that wants one: in memory, and a real etcd.

One etcd per test process (spec/etcd.md 5.2), on tmpfs and without fsync; one key prefix per test.  Tests
that break etcd start their own (tests/integration/test_etcd_faults.py).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from coordinator.store.embedded import EmbeddedEtcd
from coordinator.store.etcd import EtcdStore
from coordinator.store.memory import MemoryStore
from coordinator.store.port import Store

TMPFS = Path("/dev/shm")

# Where CI decides whether a change lands, generated cases are the same each time.  Elsewhere they are new ones,
# which `--hypothesis-seed` repeats.
settings.register_profile("exploring", deadline=None)  # the machine may be busy; the suite has its own limit
settings.register_profile("gate", deadline=None, derandomize=True, database=None, print_blob=True)
settings.load_profile("gate" if "CI" in os.environ else "exploring")
# Hypothesis also tries constants of the modules that happen to be loaded.  With those, a seed would mean other
# cases after any edit, and in any other order of tests.
if hasattr(providers, "_get_local_constants"):
    providers._get_local_constants = providers.Constants

# Processes that tests start inherit this: on a machine without etcd the tests run on one that is fit for no more.
os.environ["COORDINATOR_ACCEPT_DATA_LOSS"] = "true"
# Nor do they leave anything at places that belong to the machine.
os.environ["COORDINATOR_ANNOUNCE_VERSION"] = "false"


@pytest.fixture(scope="session")
def etcd_folder() -> Iterator[Path]:
    """A folder for the data of throw-away members: in memory where the platform has that."""
    folder = Path(tempfile.mkdtemp(prefix="coordinator-etcd-", dir=TMPFS if TMPFS.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def etcd(etcd_folder: Path) -> Iterator[EmbeddedEtcd]:
    """The etcd of this test process.  Do not stop it; do not compact what another test may read."""
    with EmbeddedEtcd(etcd_folder / "shared", throwaway=True) as member:
        yield member


@pytest.fixture
def prefix() -> str:
    """A key prefix of the test's own."""
    return f"/test/{uuid.uuid4().hex}/"


@pytest.fixture
def memory_store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    yield store
    store.close()


@pytest.fixture
def etcd_store(etcd: EmbeddedEtcd) -> Iterator[EtcdStore]:
    store = EtcdStore([etcd.endpoint])
    yield store
    store.close()


@pytest.fixture(params=["memory", "etcd"])
def store(request: pytest.FixtureRequest) -> Store:
    """Each store in turn.  A test that takes this says what both of them promise."""
    return request.getfixturevalue(f"{request.param}_store")
