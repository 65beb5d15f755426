"""Bundles from files: read, with overlays and what they include; and `deploy` of them.

Role: files, and what the flags say.  Not here: what a bundle may say (domain/bundle.py), what is done about it
(bundle_plan.py, bundle_steps.py).
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coordinator.cli.bundle_steps import bring_in_line
from coordinator.cli.target import Target
from coordinator.cli.values import FILE_BYTES_MAX
from coordinator.domain.bundle import Bundle, read_bundle
from coordinator.domain.overlay import merged
from coordinator.errors import BadRequest, NotFound, Refused

BUNDLE = "bundle.yaml"
_TEXT, _BYTES = "include-file://", "include-base64://"


def is_bundle(text: str) -> bool:
    """Say whether *text*, what `deploy` shall deploy, is a bundle: a YAML file, or what holds bundle.yaml."""
    path = Path(text).expanduser()
    if path.is_dir():
        return (path / BUNDLE).is_file()
    if path.suffix in (".yaml", ".yml"):
        return True
    if not (path.is_file() and zipfile.is_zipfile(path)):
        return False
    with zipfile.ZipFile(path) as archive:
        return BUNDLE in archive.namelist()


def deploy_bundle(
    target: Target,
    path: str,
    *,
    overlays: Sequence[str],
    storage: Mapping[str, str],
    map_machines: str | None,
    trust: bool,
    dry_run: bool,
) -> None:
    """Bring the model in line with the bundle at *path*.  *storage* has directives by `APP:NAME`.

    Raises:
        Refused: the bundle is wrong, or wants what it may not have; nothing was changed, unless the text begins
            with "cannot deploy bundle".
    """
    documents = [*_documents(path), *(each for overlay in overlays for each in _overlay(overlay))]
    tree = merged(documents)
    _add_storage(tree, storage)
    bundle = read_bundle(tree)
    trusted = sorted(app.name for app in bundle.applications.values() if app.trust)
    if trusted and not trust:
        raise Refused(
            "Bundle cannot be deployed without trusting applications with your cloud credentials.",
            why=f"it says trust: true of {', '.join(trusted)}",
            fix="add --trust if you do trust them",
        )
    machines = _machines(target, bundle, map_machines)
    target.console.info(f'Located bundle "{path}"')
    for remark in bundle.remarks:
        target.console.warn(remark)
    bring_in_line(target, bundle, machines, dry_run=dry_run)


def _machines(target: Target, bundle: Bundle, text: str | None) -> dict[str, str]:
    """Return which machine each of the bundle's is, by what `--map-machines` says: `existing,0=3`."""
    words = [word for word in (text or "").split(",") if word]
    found = dict.fromkeys(bundle.machines, "")
    for word in words:
        name, equals, machine = word.partition("=")
        if word == "existing":
            found |= {name: found[name] or name for name in bundle.machines}
        elif not (name and equals and machine):
            raise BadRequest(f'malformed --map-machines "{word}"', fix="write it like existing,0=3")
        elif name not in found:
            raise Refused(f'--map-machines names machine "{name}"', why="the bundle has none of that name")
        else:
            found[name] = machine
    there = target.client.machines() if found else {}
    for name, machine in found.items():
        if not machine:
            raise Refused(
                f'the bundle places units on its machine "{name}"',
                why="machines are hosts that run a worker, and which one that is, is yours to say",
                fix=f"add --map-machines {','.join(f'{each}=ID' for each in found)}, or --map-machines existing "
                "where the ids are the same; `coordinator machines` lists them",
            )
        if machine not in there:
            raise NotFound(f'machine "{machine}" not found', fix="`coordinator machines` lists them")
    return found


def _add_storage(tree: dict[str, Any], storage: Mapping[str, str]) -> None:
    for place, directive in storage.items():
        app, colon, name = place.partition(":")
        part = (tree.get("applications") or {}).get(app)
        if not (colon and name):
            raise BadRequest(
                f'malformed storage "{place}={directive}"', fix="of a bundle, write it like db:data=rootfs,2G"
            )
        if not isinstance(part, dict):
            raise NotFound(f'application "{app}" is not in the bundle', fix="--storage names one that is")
        part["storage"] = {**(part.get("storage") or {}), name: directive}


# --- files -----------------------------------------------------------------------------------------------


def _overlay(path: str) -> list[dict[str, Any]]:
    if not Path(path).expanduser().is_file():
        raise NotFound(f'unable to process overlays: "{path}" not found', fix="check the path")
    return _documents(path)


def _documents(text: str) -> list[dict[str, Any]]:
    """Return the documents of a bundle or overlay, with what they include, and its paths made absolute.

    Raises:
        NotFound: there is no such file, or none that it includes.
        Refused: it cannot be read, or is no bundle.
    """
    import yaml

    path = Path(text).expanduser()
    if path.is_dir():
        path = path / BUNDLE
    content = _read(path, f'no charm was found at "{text}"')
    if zipfile.is_zipfile(io.BytesIO(content)):
        content = zipfile.ZipFile(io.BytesIO(content)).read(BUNDLE)
    try:
        found = list(yaml.load_all(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.YAMLError as cause:
        raise Refused(f"cannot read {text}", why=" ".join(str(cause).split()), fix="correct the YAML") from cause
    documents = [each for each in found if each is not None]
    if not documents or not all(isinstance(each, dict) for each in documents):
        raise Refused(f"{text} is no bundle", why="it must be a mapping with applications", fix="correct it")
    return [_resolved(each, path.resolve().parent) for each in documents]


def _resolved(document: dict[str, Any], home: Path) -> dict[str, Any]:
    """Return *document* with the contents of what it includes, and paths from *home* on made absolute."""

    def absolute(value: Any) -> Any:
        return str((home / value).resolve()) if isinstance(value, str) and value.startswith(".") else value

    def included(value: Any) -> Any:
        for prefix, read in ((_TEXT, bytes.decode), (_BYTES, lambda data: base64.b64encode(data).decode())):
            if isinstance(value, str) and value.startswith(prefix):
                path = home / value.removeprefix(prefix)
                data = _read(path, f"cannot read {path}, which the bundle includes")
                try:
                    return read(data)
                except UnicodeDecodeError as cause:
                    raise Refused(f"cannot include {path}", why="it is not UTF-8 text", fix=_BYTES) from cause
        return value

    def mapped(tree: Any, change: Callable[[Any], Any]) -> Any:
        return {key: change(value) for key, value in tree.items()} if isinstance(tree, dict) else tree

    def application(tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        changes = {
            "charm": absolute,
            "options": lambda options: mapped(options, included),
            "resources": lambda resources: mapped(resources, absolute),
        }
        return {key: changes[key](value) if key in changes else value for key, value in tree.items()}

    return {
        key: mapped(value, application) if key in ("applications", "services") else value
        for key, value in document.items()
    }


def _read(path: Path, otherwise: str) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Refused(f"cannot read {path}", why=f"it is larger than {FILE_BYTES_MAX} bytes")
        return path.read_bytes()
    except FileNotFoundError as cause:
        raise NotFound(otherwise, why="no such file or directory", fix="check the path") from cause
    except OSError as cause:
        raise Refused(f"cannot read {path}", why=cause.strerror or str(cause)) from cause
