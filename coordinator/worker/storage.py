"""Directories of storage on this machine: made before a charm is told of them, deleted when nobody wants them.

Role: make, mount, link and delete; every step may be repeated, so a crash on the way is made good by the
next call.
Not here: which hook comes next (engine/storage.py), who lets go of what (reconcile/storage.py), what becomes of
storage that nobody has (storage_tender.py), how a directory is mounted or emptied (directory.py).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from coordinator.domain.storage import Storage, home_of
from coordinator.engine.world import World
from coordinator.errors import Refused
from coordinator.log import get_logger
from coordinator.worker.directory import (
    delete_tree,
    is_mounted,
    mount,
    mounted_below,
    unmount,
)
from coordinator.worker.observe import storage_home
from coordinator.worker.readonly import ReadOnlyDirectories

MB = 1024 * 1024

log = get_logger()


class StorageKeeper:
    """The storage of one machine, most of it below the worker's data directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._provided: set[tuple[Path, int]] = set()  # by attachment: another one may want it at another place
        self._read_only = ReadOnlyDirectories(data_dir / "read-only")

    def provide(self, world: World, storage: Storage, others: Callable[[], Iterable[Storage]]) -> None:
        """Make sure that the charm of *world* finds *storage* where it expects it.

        *others* returns all storage of the model as it is now.

        Raises:
            Refused: the machine does not let us; the text says what to do.
        """
        directory = Path(world.directory_of(storage))
        done = (directory, storage.attachment)
        if done in self._provided:
            return
        try:
            self._check_place(directory, storage)
            if storage.imported:
                _check_imported(directory, storage)
            elif not directory.exists():
                _make(directory, storage)
            if storage.provider == "tmpfs" and not is_mounted(directory):
                _mount_memory(directory, storage)
            if world.is_read_only(storage):
                self._keep_from_writing(directory, storage)
            else:
                self._read_only.let_write(directory)
            location = Path(world.location_of(storage))
            if location != directory:
                _link(location, directory, storage, lambda link: _is_stale(link, world, others()))
        except OSError as trouble:
            raise Refused(
                f"cannot provide storage {storage.id}",
                why=f"{trouble.filename or directory}: {trouble.strerror or trouble}",
                fix="give the worker the right to write there, or free the place, then `coordinator resolved`",
            ) from trouble
        self._provided.add(done)

    def withdraw(self, world: World, storage: Storage) -> None:
        """Undo what let the charm of *world* find *storage*, and kept it from writing: it has let go of it."""
        location, directory = Path(world.location_of(storage)), Path(world.directory_of(storage))
        try:
            if location != directory and location.is_symlink() and location.readlink() == directory:
                location.unlink()
            self._read_only.let_write(directory)
        except OSError as trouble:  # whoever wants the place next takes it over
            log.warning("storage.not_withdrawn", storage=str(storage.id), why=str(trouble))

    def tidy(self, in_use: Callable[[], Collection[Path]]) -> bool:
        """Let write again to what was kept from it and is not *in_use* any more; say whether nothing is left.

        A worker may have died before it withdrew it, or it was taken from its unit by force.
        """
        return self._read_only.tidy(in_use)

    def delete(
        self, model: str, model_uuid: str, storage: Storage, is_stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """Delete everything in *storage*; called again, go on with what is left.

        Raises:
            OSError: something of it cannot be deleted.
            Refused: it is where nothing may be deleted.
            Interrupted: *is_stopping* said so, between two files.
        """
        directory = self.directory(model, model_uuid, storage)
        for done in [done for done in tuple(self._provided) if done[0] == directory]:  # agents add to it meanwhile
            self._provided.discard(done)
        self._check_place(directory, storage)
        self._read_only.let_write(directory)
        for place in mounted_below(directory):
            if storage.imported:  # it would be deleted along, and it is not ours
                raise OSError(None, "something is mounted there", str(place))
            unmount(place)
        delete_tree(directory, is_stopping)

    def lacks(self, storage: Storage) -> bool:
        """Say whether there is no directory that *storage* could have been imported from."""
        return not _is_directory(Path(storage.directory or ""))

    def directory(self, model: str, model_uuid: str, storage: Storage) -> Path:
        """Return where *storage* is on this machine."""
        if storage.directory is not None:
            return Path(storage.directory)
        return Path(storage_home(str(self._data_dir), model, model_uuid)) / str(storage.id)

    def _keep_from_writing(self, directory: Path, storage: Storage) -> None:
        if trouble := self._read_only.keep(directory):
            raise Refused(
                f"cannot provide storage {storage.id} read-only",
                why=f"mounting {directory} failed: {trouble}",
                fix="let the worker run as root with the right to mount: nothing else keeps a charm from writing",
            )

    def _check_place(self, directory: Path, storage: Storage) -> None:
        """Refuse a directory that holds what the worker itself lives from."""
        if self._data_dir.resolve().is_relative_to(directory.resolve()):
            raise Refused(
                f"cannot use {directory} as storage {storage.id}",
                why=f"the worker keeps its data in {self._data_dir}",
                fix="use a directory that holds nothing else",
            )


def _check_imported(directory: Path, storage: Storage) -> None:
    if not _is_directory(directory):
        raise Refused(
            f"cannot provide storage {storage.id}",
            why=f"it was imported from {directory}, and there is no directory of that name here",
            fix="make it, then `coordinator resolved`; or detach the storage, and import another directory",
        )


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make(directory: Path, storage: Storage) -> None:
    """Make the directory of an instance on a disk with room for it, or where memory is going to be mounted."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(directory.parent).free // MB
    if storage.provider == "rootfs" and free_mb < storage.size_mb:
        raise Refused(
            f"cannot provide storage {storage.id}",
            why=f"it shall have {storage.size_mb} MiB, and there are {free_mb} MiB free at {directory.parent}",
            fix="make room, then `coordinator resolved`; or ask for less",
        )
    fresh = directory.with_name(f".{directory.name}.new")
    fresh.mkdir(exist_ok=True)
    if storage.mode is not None:
        fresh.chmod(int(storage.mode, 8))
    fresh.rename(directory)  # so that nobody ever finds it without its permissions


def _mount_memory(directory: Path, storage: Storage) -> None:
    options = f"size={storage.size_mb}m,mode={storage.mode or '0755'}"
    trouble = mount(directory, "-t", "tmpfs", "-o", options, "tmpfs")
    if trouble:
        raise Refused(
            f"cannot provide storage {storage.id}",
            why=f"mounting a tmpfs at {directory} failed: {trouble}",
            fix="let the worker run as root with the right to mount, or use the pool rootfs",
        )


def _is_stale(link: Path, world: World, others: Iterable[Storage]) -> bool:
    """Say whether *link* was left by storage of the model that nobody has any more, or that is gone."""
    for other in others:
        if world.directory_of(other) == str(link):
            return other.owner is None
    return f"/{home_of(world.model, world.model_uuid)}/storage/" in str(link)


def _link(location: Path, directory: Path, storage: Storage, is_stale: Callable[[Path], bool]) -> None:
    """Make *location* lead to *directory*; what former storage left there gives way, what others made does not."""
    if location.is_symlink():
        leads_to = location.readlink()
        if leads_to == directory:
            return
        if is_stale(leads_to):
            location.unlink()
    elif location.is_dir() and not any(location.iterdir()):
        location.rmdir()
    if location.is_symlink() or location.exists():
        raise Refused(
            f"cannot provide storage {storage.id} at {location}",
            why=f"{location} is there already"
            + (f" and leads to {location.readlink()}" if location.is_symlink() else ""),
            fix="free the path, then `coordinator resolved`; units that want the same one need a machine each",
        )
    location.parent.mkdir(parents=True, exist_ok=True)
    location.symlink_to(directory)
