"""Charm archives: kept by hash, in the store up to 4 MiB, else at the blob location.

Role: put an archive, get it back as a file whose hash was checked.  Upload first, then the key that names it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

from coordinator.domain import refs
from coordinator.domain.change import Change
from coordinator.domain.charm import Charm, CharmMeta
from coordinator.domain.refs import Kind, Ref
from coordinator.errors import Corrupt, NotFound, Refused
from coordinator.store import keys
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository

CHUNK_BYTES = 256 * 1024
IN_STORE_BYTES_MAX = 4 * 1024 * 1024
CHUNKS_PER_WRITE = 4  # 1 MiB: etcd refuses requests above 1.5 MiB


class Archives:
    """The archives of one cluster.  *blobs* is a directory or fsspec URL for large ones, empty for none."""

    def __init__(self, store: Store, repository: Repository, *, blobs: str = "") -> None:
        self._store, self._repository, self._blobs = store, repository, blobs

    def put(self, data: bytes, meta: CharmMeta, author: Author) -> Charm:
        """Keep an archive; return its description, which is stored too.  The same archive again is no write.

        Raises:
            Refused: it is larger than the store takes, and there is no blob location.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        ref = refs.charm(sha256)
        view = self._repository.read(ref)
        if (known := view.find(ref)) is not None:
            return known
        in_store = len(data) <= IN_STORE_BYTES_MAX
        pieces = (
            [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)] if in_store else []
        )
        if in_store:
            self._put_chunks(sha256, pieces, author)
        else:
            self._put_blob(sha256, data)
        charm = Charm(sha256=sha256, size=len(data), chunks=len(pieces), meta=meta)

        def plan(view):
            return None if view.find(ref) else Change(did=f"upload {meta.name}", puts={ref: charm})

        self._repository.transact(lambda: self._repository.read(ref), plan, author)
        return charm

    def fetch(self, sha256: str, cache: Path) -> Path:
        """Return a file with the archive, below the directory *cache*; its hash has been checked.

        Raises:
            NotFound: nobody uploaded it.
            Corrupt: what is stored is not it.
        """
        target = cache / f"{sha256}.charm"
        if target.exists():
            return target
        charm = self._repository.read(refs.charm(sha256)).find(refs.charm(sha256))
        if charm is None:
            raise NotFound(f'charm "{sha256[:12]}" not found', why="its archive was never uploaded")
        data = self._read_chunks(charm) if charm.chunks else self._read_blob(sha256)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Corrupt(
                f"charm archive {sha256[:12]} is damaged",
                why="its content does not have the hash that names it",
                fix="upload the charm again: coordinator refresh APP --path CHARM",
            )
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as fresh:
            fresh.write(data)
        os.replace(fresh.name, target)
        return target

    def _put_chunks(self, sha256: str, pieces: list[bytes], author: Author) -> None:
        chunks = [(Ref(Kind.CHARM_CHUNK, (sha256, f"{index:04}")), piece) for index, piece in enumerate(pieces)]
        for start in range(0, len(chunks), CHUNKS_PER_WRITE):
            step = dict(chunks[start : start + CHUNKS_PER_WRITE])

            def plan(view, step=step):
                missing = {ref: piece for ref, piece in step.items() if not view.exists(ref)}
                return Change(did="upload", puts=missing) if missing else None

            self._repository.transact(lambda step=step: self._repository.read(*step), plan, author)

    def _read_chunks(self, charm: Charm) -> bytes:
        start = keys.key_of(Ref(Kind.CHARM_CHUNK, (charm.sha256, "")))
        snapshot = self._store.read(start, keys.prefix_end(start))
        return b"".join(item.value for item in snapshot.items)

    def _put_blob(self, sha256: str, data: bytes) -> None:
        if not self._blobs:
            raise Refused(
                f"cannot keep a charm archive of {len(data) / 2**20:.1f} MiB",
                why=f"the store takes up to {IN_STORE_BYTES_MAX // 2**20} MiB, and no blob location is set",
                fix="set COORDINATOR_BLOBS, of controllers and workers, to a shared directory or fsspec URL",
            )
        if "://" in self._blobs:
            with _filesystem(self._blobs).open(f"{self._blobs}/{sha256}.charm", "wb") as sink:
                sink.write(data)
            return
        directory = Path(self._blobs)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, delete=False) as fresh:
            fresh.write(data)
        os.chmod(fresh.name, 0o644)
        os.replace(fresh.name, directory / f"{sha256}.charm")

    def _read_blob(self, sha256: str) -> bytes:
        with contextlib.suppress(FileNotFoundError):
            if "://" in self._blobs:
                with _filesystem(self._blobs).open(f"{self._blobs}/{sha256}.charm", "rb") as source:
                    return source.read()
            if self._blobs:
                return (Path(self._blobs) / f"{sha256}.charm").read_bytes()
        raise NotFound(
            f"charm archive {sha256[:12]} not found",
            why=f"it is not at the blob location {self._blobs!r}",
            fix="set COORDINATOR_BLOBS to the place that the controllers use",
        )


def _filesystem(url: str):
    try:
        import fsspec  # pyright: ignore[reportMissingImports]  # optional
    except ImportError as cause:
        raise Refused(
            f"cannot use the blob location {url}",
            why="the package fsspec is not installed",
            fix="pip install 'coordinator[s3]'",
        ) from cause
    return fsspec.filesystem(url.split("://")[0])
