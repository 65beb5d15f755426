"""Charm archives and resources: kept by hash, in the store up to 4 MiB, else at the blob location.

Role: put one, get it back as a file whose hash was checked.  Upload first, then the key that names it.
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
from coordinator.domain.resource import Blob
from coordinator.errors import Corrupt, NotFound, Refused
from coordinator.store import keys
from coordinator.store.port import Store
from coordinator.store.repository import Author, Repository

CHUNK_BYTES = 256 * 1024
IN_STORE_BYTES_MAX = 4 * 1024 * 1024
CHUNKS_PER_WRITE = 4  # 1 MiB: etcd refuses requests above 1.5 MiB

_SUFFIX = {Kind.CHARM_CHUNK: ".charm", Kind.RESOURCE_CHUNK: ".resource"}  # at the blob location
_NOUN = {Kind.CHARM_CHUNK: "a charm archive", Kind.RESOURCE_CHUNK: "a resource"}


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
        chunks = self._keep(data, sha256, Kind.CHARM_CHUNK, author)
        charm = Charm(sha256=sha256, size=len(data), chunks=chunks, meta=meta)

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
        fix = "upload the charm again: coordinator refresh APP --path CHARM"
        _write(target, self._checked(sha256, charm.chunks, Kind.CHARM_CHUNK, fix))
        return target

    # --- resources ---------------------------------------------------------------------------------------

    def put_resource(self, data: bytes, author: Author) -> Blob:
        """Keep the content of a resource, as `put` keeps an archive."""
        sha256 = hashlib.sha256(data).hexdigest()
        ref = refs.resource(sha256)
        if (known := self._repository.read(ref).find(ref)) is not None:
            return known
        chunks = self._keep(data, sha256, Kind.RESOURCE_CHUNK, author)
        blob = Blob(sha256=sha256, size=len(data), chunks=chunks)

        def plan(view):
            return None if view.find(ref) else Change(did=f"upload resource {sha256[:12]}", puts={ref: blob})

        self._repository.transact(lambda: self._repository.read(ref), plan, author)
        return blob

    def fetch_resource(self, sha256: str, target: Path) -> None:
        """Write the content *sha256* to the file *target*, whole or not at all; its hash has been checked.

        Raises:
            NotFound: nobody uploaded it.
            Corrupt: what is stored is not it.
        """
        blob = self._repository.read(refs.resource(sha256)).find(refs.resource(sha256))
        if blob is None:
            raise NotFound(f'resource "{sha256[:12]}" not found', why="its content was never uploaded")
        fix = "hand it in again: coordinator attach-resource APP NAME=FILE"
        _write(target, self._checked(sha256, blob.chunks, Kind.RESOURCE_CHUNK, fix))

    # --- content -----------------------------------------------------------------------------------------

    def _keep(self, data: bytes, sha256: str, kind: Kind, author: Author) -> int:
        """Keep *data* and return in how many chunks the store has it; 0: it is at the blob location."""
        if len(data) > IN_STORE_BYTES_MAX:
            self._put_blob(sha256, kind, data)
            return 0
        pieces = [data[start : start + CHUNK_BYTES] for start in range(0, len(data), CHUNK_BYTES)] or [b""]
        self._put_chunks(sha256, kind, pieces, author)
        return len(pieces)

    def _checked(self, sha256: str, chunks: int, kind: Kind, fix: str) -> bytes:
        data = self._read_chunks(sha256, kind) if chunks else self._read_blob(sha256, kind)
        if hashlib.sha256(data).hexdigest() != sha256:
            why = "its content does not have the hash that names it"
            raise Corrupt(f"the content {sha256[:12]} is damaged", why=why, fix=fix)
        return data

    def _put_chunks(self, sha256: str, kind: Kind, pieces: list[bytes], author: Author) -> None:
        chunks = [(Ref(kind, (sha256, f"{index:04}")), piece) for index, piece in enumerate(pieces)]
        for start in range(0, len(chunks), CHUNKS_PER_WRITE):
            step = dict(chunks[start : start + CHUNKS_PER_WRITE])

            def plan(view, step=step):
                missing = {ref: piece for ref, piece in step.items() if not view.exists(ref)}
                return Change(did="upload", puts=missing) if missing else None

            self._repository.transact(lambda step=step: self._repository.read(*step), plan, author)

    def _read_chunks(self, sha256: str, kind: Kind) -> bytes:
        start = keys.key_of(Ref(kind, (sha256, "")))
        snapshot = self._store.read(start, keys.prefix_end(start))
        return b"".join(item.value for item in snapshot.items)

    def _put_blob(self, sha256: str, kind: Kind, data: bytes) -> None:
        if not self._blobs:
            raise Refused(
                f"cannot keep {_NOUN[kind]} of {len(data) / 2**20:.1f} MiB",
                why=f"the store takes up to {IN_STORE_BYTES_MAX // 2**20} MiB, and no blob location is set",
                fix="set COORDINATOR_BLOBS, of controllers and workers, to a shared directory or fsspec URL",
            )
        if "://" in self._blobs:
            with _filesystem(self._blobs).open(f"{self._blobs}/{sha256}{_SUFFIX[kind]}", "wb") as sink:
                sink.write(data)
            return
        directory = Path(self._blobs)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory, delete=False) as fresh:
            fresh.write(data)
        os.chmod(fresh.name, 0o644)
        os.replace(fresh.name, directory / f"{sha256}{_SUFFIX[kind]}")

    def _read_blob(self, sha256: str, kind: Kind) -> bytes:
        with contextlib.suppress(FileNotFoundError):
            if "://" in self._blobs:
                with _filesystem(self._blobs).open(f"{self._blobs}/{sha256}{_SUFFIX[kind]}", "rb") as source:
                    return source.read()
            if self._blobs:
                return (Path(self._blobs) / f"{sha256}{_SUFFIX[kind]}").read_bytes()
        raise NotFound(
            f"{_NOUN[kind]} {sha256[:12]} not found",
            why=f"it is not at the blob location {self._blobs!r}",
            fix="set COORDINATOR_BLOBS to the place that the controllers use",
        )


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as fresh:
        fresh.write(data)
    os.chmod(fresh.name, 0o644)
    os.replace(fresh.name, target)


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
