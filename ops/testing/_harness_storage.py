"""Storage and resources in a Harness."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import AnyStr, Literal

from .. import _yaml
from .._errors import ModelError
from ._harness_base import CharmType, HarnessBase
from ._pebble import PretendPebble
from ._world import StorageRecord

_OCI_IMAGE = {"registrypath": "registrypath", "username": "username", "password": "password"}


class StorageHarness(HarnessBase[CharmType]):
    """Storage and resources."""

    _next_storage_index = 0

    # --- storage ---

    def add_storage(self, storage_name: str, count: int = 1, *, attach: bool = False) -> list[str]:
        """Add storage instances, and return their names, like ``data/0``.

        Args:
            storage_name: name of the storage in the metadata.
            count: how many.
            attach: whether to attach them, see `attach_storage`.

        Raises:
            RuntimeError: the metadata has no such storage.
        """
        self._need_storage(storage_name)
        added: list[str] = []
        for _ in range(count):
            index = self._next_storage_index
            self._next_storage_index += 1
            location = functools.partial(self._directory.make, "storages", storage_name, str(index))
            storage = StorageRecord(storage_name, index, location, attached=False)
            self._world.storages.append(storage)
            added.append(storage.full_id)
            if attach:
                self.attach_storage(storage.full_id)
        return added

    def _need_storage(self, name: str) -> None:
        if name not in self._meta.storages:
            raise RuntimeError(f"the key {name!r} is not specified as a storage key in metadata")

    def attach_storage(self, storage_id: str) -> None:
        """Attach a storage instance, also to the containers that mount it; emits storage-attached.

        Nothing happens if it is attached already, or if there is none of this name.
        """
        storage = self._world.find_storage(storage_id)
        if storage is None or storage.attached:
            return
        self._attach(storage)
        if self._emits:
            self._emit_storage("attached", storage)

    def _attach(self, storage: StorageRecord) -> None:
        storage.attached = True
        for pebble, location in self._mounts(storage):
            pebble.files.mount(location, storage.location)
        self._model.storages._invalidate(storage.name)

    def _emit_storage(self, what: Literal["attached", "detaching"], storage: StorageRecord) -> None:
        found = self._model.storages._find(storage.name, storage.index)
        before = self._world.running_storage
        self._world.running_storage = storage.full_id
        try:
            getattr(self.charm.on[storage.name], f"storage_{what}").emit(found)
        finally:
            self._world.running_storage = before

    def detach_storage(self, storage_id: str) -> None:
        """Detach a storage instance, also from containers; emits storage-detaching before, if it is attached.

        Raises:
            RuntimeError: before `begin`.
            ModelError: there is no such instance.
        """
        if self._charm is None:
            raise RuntimeError("cannot detach storage before Harness is initialised")
        storage = self._world.find_storage(storage_id)
        if storage is None:
            raise ModelError(f"there is no storage {storage_id}")
        self._detach(storage)

    def _detach(self, storage: StorageRecord) -> None:
        if not storage.attached:
            return
        if self._emits:
            self._emit_storage("detaching", storage)
        storage.attached = False
        for pebble, location in self._mounts(storage):
            pebble.files.unmount(location)
        self._model.storages._invalidate(storage.name)

    def remove_storage(self, storage_id: str) -> None:
        """Remove a storage instance; emits storage-detaching before, if it is attached.

        Nothing happens if there is none of this number.

        Raises:
            RuntimeError: the metadata has no such storage.
        """
        self._need_storage(storage_id.partition("/")[0])
        storage = self._world.find_storage(storage_id)
        if storage is None:
            return
        self._detach(storage)
        self._world.storages.remove(storage)

    def _mounts(self, storage: StorageRecord) -> Iterator[tuple[PretendPebble, str]]:
        """Yield the places where a storage is mounted."""
        for name, container in self._meta.containers.items():
            mount = container.mounts.get(storage.name)
            for location in mount.locations if mount is not None else ():
                yield self._backend._container(name), location

    # --- resources ---

    def add_resource(self, resource_name: str, content: AnyStr) -> None:
        """Say what is in a file that is delivered with the charm.

        Raises:
            RuntimeError: the metadata has no such resource, or it is no file.
        """
        resource = self._need_resource(resource_name, "file")
        self._set_resource(resource_name, resource.filename or resource_name, content)

    def add_oci_resource(self, resource_name: str, contents: Mapping[str, str] | None = None) -> None:
        """Say where an image is that is delivered with the charm.

        Args:
            resource_name: the image.
            contents: what the charm shall find out about it; None for ``registrypath``, ``username`` and
                ``password`` with values of the same names.

        Raises:
            RuntimeError: the metadata has no such resource, or it is no image.
        """
        self._need_resource(resource_name, "oci-image")
        text = _yaml.dump(dict(contents or _OCI_IMAGE), sort=True)
        self._set_resource(resource_name, "contents.yaml", text)

    def populate_oci_resources(self) -> None:
        """Do `add_oci_resource` for all images of the metadata."""
        for name, resource in self._meta.resources.items():
            if resource.type == "oci-image":
                self.add_oci_resource(name)

    def _need_resource(self, name: str, kind: str):
        resource = self._meta.resources.get(name)
        if resource is None:
            raise RuntimeError(f"Resource {name} is not a defined resource")
        if resource.type != kind:
            raise RuntimeError(f"Resource {name} is not of type {kind}, but {resource.type}")
        return resource

    def _set_resource(self, name: str, filename: str, content: str | bytes) -> None:
        def file() -> Path:
            path = self._directory.make("resources", name) / filename
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            return path

        self._world.resources[name] = file
        # Whoever has fetched it before finds the new content in the same place.
        if self._model.resources._paths.get(name) is not None:
            file()
