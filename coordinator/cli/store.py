"""What the CLI remembers between runs: controllers, and the current controller and model.

Role: one JSON file in `user_data_dir()`, readable by its owner only (it may hold tokens), replaced whole, and
written by one process at a time: test suites run many of us at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from coordinator.errors import Corrupt, NotFound, Refused
from coordinator.settings import user_data_dir

FILE = "controllers.json"


@dataclass(frozen=True, kw_only=True)
class Controller:
    """How one controller is reached.  `token_file` names a file with the token; else `token` is it."""

    addresses: list[str]
    ca: str | None = None
    token_file: str | None = None
    token: str | None = None

    def read_token(self) -> str:
        """Return the token; empty when there is none.

        Raises:
            Refused: its file cannot be read.
        """
        if self.token_file is None:
            return self.token or ""
        return read_token_file(self.token_file)


@dataclass(frozen=True, kw_only=True)
class State:
    """`models` maps a controller to its current model."""

    controllers: dict[str, Controller] = field(default_factory=dict)
    current: str | None = None
    models: dict[str, str] = field(default_factory=dict)


def read_token_file(path: str) -> str:
    """Return the token in *path*.

    Raises:
        Refused: it cannot be read, or is empty.
    """
    try:
        token = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as cause:
        why = cause.strerror or str(cause) if isinstance(cause, OSError) else "it is no text"
        raise Refused(
            f"cannot read the token in {path}", why=why, fix="coordinator login URL --token-file FILE"
        ) from cause
    if not token:
        raise Refused(f"there is no token in {path}", why="the file is empty", fix="ask an administrator for one")
    return token


def load() -> State:
    """Return what is remembered; nothing when there is no file.

    Raises:
        Corrupt: the file is not one of ours.
    """
    path = user_data_dir() / FILE
    try:
        text = path.read_text()
    except FileNotFoundError:
        return State()
    except OSError as cause:
        raise Refused(f"cannot read {path}", why=cause.strerror or str(cause)) from cause
    try:
        tree = json.loads(text)
        return State(
            controllers={name: Controller(**known) for name, known in tree["controllers"].items()},
            current=tree.get("current"),
            models=dict(tree.get("models", {})),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as cause:
        raise Corrupt(
            f"cannot read {path}",
            why=f"it is not what was written there ({cause!r})",
            fix=f"mend or remove {path}",
        ) from cause


def remember_controller(
    name: str, addresses: Sequence[str], token_file: str | None, ca: str | None = None, *, token: str | None = None
) -> None:
    """Know the controller *name* from now on, and make it the current one."""
    known = Controller(addresses=list(addresses), ca=ca, token_file=token_file, token=token)
    _update(lambda state: replace(state, controllers={**state.controllers, name: known}, current=name))


def replace_token(name: str, token: str) -> None:
    """Show *token* to the controller *name* from now on, instead of the token known until now or its file."""

    def replaced(state: State) -> State:
        known = replace(state.controllers[name], token_file=None, token=token)
        return replace(state, controllers={**state.controllers, name: known})

    _update(replaced)


def keep_certificate(text: str) -> str:
    """Keep a certificate authority; return the path of its file."""
    path = user_data_dir() / f"ca-{hashlib.sha256(text.encode()).hexdigest()[:16]}.pem"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text)
    except OSError as cause:
        raise _not_writable(cause) from cause
    return str(path)


def forget_controller(name: str) -> None:
    """Forget the controller *name* and its current model.

    Raises:
        NotFound: it is not known.
    """

    def without(state: State) -> State:
        if name not in state.controllers:
            raise NotFound(
                f"controller {name} not found", fix="`coordinator switch` says which is the current one"
            )
        left = {key: known for key, known in state.controllers.items() if key != name}
        current = state.current if state.current != name else next(iter(left), None) if len(left) == 1 else None
        models = {key: model for key, model in state.models.items() if key != name}
        return State(controllers=left, current=current, models=models)

    _update(without)


def choose_controller(name: str) -> None:
    """Make *name* the current controller."""
    _update(lambda state: replace(state, current=name))


def choose_model(controller: str, model: str | None, *, instead_of: str | None = None) -> None:
    """Make *model* the current one of *controller*, None for none; with *instead_of* only if that is it now."""

    def chosen(state: State) -> State:
        if instead_of is not None and state.models.get(controller) != instead_of:
            return state
        models = {key: known for key, known in state.models.items() if key != controller}
        return replace(state, models={**models, controller: model} if model is not None else models)

    _update(chosen)


def _update(change: Callable[[State], State]) -> None:
    directory = user_data_dir()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (directory / f"{FILE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = load()
            after = change(before)
            if after != before:
                _replace(directory / FILE, asdict(after))
    except OSError as cause:
        raise _not_writable(cause) from cause


def _not_writable(cause: OSError) -> Refused:
    return Refused(
        f"cannot write to {user_data_dir()}",
        why=cause.strerror or str(cause),
        fix="make it writable, or set COORDINATOR_DATA to a directory that is",
    )


def _replace(path: Path, tree: dict[str, Any]) -> None:
    import tempfile

    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{FILE}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(tree, file, indent=1, sort_keys=True)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
