"""Hook commands about secrets.

Content is never on a command line, where other users of the machine could see it: each value goes through
a file that only this user can read.
"""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from .._times import format_time
from ._utils import HIDDEN, run, run_json

if TYPE_CHECKING:
    from ._types import SecretInfo, SecretRotate


@contextlib.contextmanager
def _files(content: Mapping[str, str] | None) -> Iterator[list[str]]:
    """Write each value into a file; yield the arguments that name the files."""
    if not content:
        yield []
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="secret-") as directory:
        arguments: list[str] = []
        for key, value in content.items():
            path = os.path.join(directory, key)
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(value)
            arguments.append(f"{key}#file={path}")
        yield arguments


def _metadata(
    label: str | None,
    description: str | None,
    expire: datetime.datetime | str | None,
    rotate: str | None,
    owner: str,
) -> list[str]:
    arguments: list[str] = []
    if isinstance(expire, datetime.datetime):
        expire = format_time(expire)
    for option, value in (
        ("--label", label),
        ("--description", description),
        ("--expire", expire),
        ("--rotate", rotate),
    ):
        if value is not None:
            arguments += [option, value]
    return [*arguments, "--owner", owner]


def secret_add(
    content: dict[str, str],
    *,
    label: str | None = None,
    description: str | None = None,
    expire: datetime.datetime | str | None = None,
    rotate: SecretRotate | None = None,
    owner: Literal["application", "unit"] = "application",
) -> str:
    """Create a secret and return its identifier, as the controller prints it.

    Args:
        content: values by key.
        label: the owner's name for it.
        description: what it is for.
        expire: when the first revision expires, as a moment or as the tool takes it.
        rotate: how often it is due to rotate.
        owner: who owns it; only the leader may create one that the application owns.
    """
    metadata = _metadata(label, description, expire, rotate, owner)
    with _files(content) as files:
        shown = [*metadata, *(f"{key}#file={HIDDEN}" for key in content)]
        return run("secret-add", *metadata, *files, shown=shown).strip()


def secret_get(
    *, id: str | None = None, label: str | None = None, refresh: bool = False, peek: bool = False
) -> dict[str, str]:
    """Return the content of a secret.

    Args:
        id: identifier of the secret.
        label: label of the secret; with *id* it becomes the observer's label.
        refresh: whether to read the newest revision and keep reading it from now on.
        peek: whether to read the newest revision this once.
    """
    arguments = ["--format=json"]
    if id is not None:
        arguments.append(id)
    if label is not None:
        arguments += ["--label", label]
    if refresh:
        arguments.append("--refresh")
    if peek:
        arguments.append("--peek")
    return run_json("secret-get", *arguments)


def secret_grant(id: str, relation_id: int, *, unit: str | None = None):
    """Let the application on the other side of a relation, or one unit of it, read a secret."""
    run("secret-grant", "--relation", str(relation_id), *(["--unit", unit] if unit is not None else []), id)


def secret_ids() -> list[str]:
    """Return the identifiers of the secrets that this unit may manage."""
    return run_json("secret-ids", "--format=json") or []


def secret_info_get(*, id: str | None = None, label: str | None = None) -> SecretInfo:
    """Return what is known of a secret that this unit may manage, by identifier or by label."""
    from ._types import SecretInfo

    return SecretInfo.from_dict(*secret_info_get_raw(id=id, label=label))


def secret_info_get_raw(*, id: str | None = None, label: str | None = None) -> tuple[str, dict[str, Any]]:
    """Return what `secret_info_get` reads, as the controller prints it: identifier and facts."""
    arguments = ["--format=json"]
    if id is not None:
        arguments.append(id)
    elif label is not None:
        arguments += ["--label", label]
    ((identifier, info),) = run_json("secret-info-get", *arguments).items()
    return identifier, info


def secret_remove(id: str, *, revision: int | None = None):
    """Remove one revision of a secret, or the whole secret if *revision* is None."""
    run("secret-remove", id, *(["--revision", str(revision)] if revision is not None else []))


def secret_revoke(id: str, *, relation_id: int | None, app: str | None = None, unit: str | None = None):
    """Take back the right to read a secret from a relation, an application or a unit."""
    arguments: list[str] = []
    if relation_id is not None:
        arguments += ["--relation", str(relation_id)]
    if app is not None:
        arguments += ["--app", app]
    if unit is not None:
        arguments += ["--unit", unit]
    run("secret-revoke", *arguments, id)


def secret_set(
    id: str,
    *,
    content: dict[str, str] | None = None,
    label: str | None = None,
    description: str | None = None,
    expire: datetime.datetime | str | None = None,
    rotate: SecretRotate | None = None,
    owner: Literal["application", "unit"] = "application",
):
    """Change a secret: new *content* makes a new revision.  The arguments are those of `secret_add`."""
    metadata = _metadata(label, description, expire, rotate, owner)
    with _files(content) as files:
        shown = [*metadata, id, *(f"{key}#file={HIDDEN}" for key in content or ())]
        run("secret-set", *metadata, id, *files, shown=shown)
