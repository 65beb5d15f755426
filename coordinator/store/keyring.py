"""The keys that the content of secrets is encrypted with; they are never in the store.

Role: seal a revision on its way into the store, open one that somebody may read.  AES-256-GCM; what is sealed for
one revision cannot be passed off as another, for the key under which it is stored is authenticated with it.
Not here: who may read what (domain/secret.py, engine/secret.py).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from coordinator.domain.refs import Ref
from coordinator.domain.secret import Content, NewRevision, SealedRevision
from coordinator.errors import BadRequest, Corrupt, Refused
from coordinator.settings import StoreSettings
from coordinator.store import keys

KEY_BYTES = 32
_NONCE_BYTES = 12  # random: 2^32 revisions under one key are safe by far
_SET = "set COORDINATOR_SECRET_KEY_FILE (or COORDINATOR_SECRET_KEY) alike for every controller and worker"
_MAKE = "head -c 32 /dev/urandom | base64"


class Keyring:
    """Keys; the first encrypts, all decrypt.  Without any, secrets can be neither made nor read."""

    def __init__(self, found: Sequence[bytes] = ()) -> None:
        self._ids = [key_id(key) for key in found]
        self._keys = dict(zip(self._ids, found, strict=True))

    def __repr__(self) -> str:
        return f"<keyring {' '.join(self._ids) or 'without keys'}>"

    @property
    def current(self) -> str:
        """The id of the key that encrypts; empty without one."""
        return self._ids[0] if self._ids else ""

    def seal(self, ref: Ref, revision: NewRevision) -> SealedRevision:
        """Return *revision*, which is going to be stored as *ref*, with its content encrypted.

        Raises:
            Refused: there is no key.
        """
        check_has_key(self)
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(self._keys[self.current]).encrypt(nonce, _packed(revision.content), _bound(ref))
        return SealedRevision(created=revision.created, key=self.current, sealed=base64.b64encode(sealed).decode())

    def open(self, ref: Ref, revision: SealedRevision) -> Content:
        """Return the content of *revision*, stored as *ref*.

        Raises:
            Refused: its key is not here.
            Corrupt: it was changed, or moved here from elsewhere.
        """
        key = self._keys.get(revision.key)
        if key is None:
            has = f"the keys here are {', '.join(self._ids)}" if self._ids else "there is none here"
            raise Refused(
                f"cannot decrypt revision {ref.path[2]} of secret {ref.path[1]}",
                why=f"it is encrypted with the key {revision.key}, and {has}",
                fix=f"add that key to those of this process: {_SET}",
            )
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            sealed = base64.b64decode(revision.sealed, validate=True)
            return _unpacked(AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(ref)))
        except (InvalidTag, ValueError) as cause:
            raise Corrupt(
                f"cannot decrypt revision {ref.path[2]} of secret {ref.path[1]}",
                why="what is stored is not what was encrypted for it",
                fix="its owner can set new content; a backup of etcd may have the old one",
            ) from cause


def check_has_key(keyring: Keyring) -> None:
    """Raise Refused if nothing can be encrypted with *keyring*."""
    if not keyring.current:
        raise Refused(
            "cannot keep a secret",
            why="there is no key to encrypt it with",
            fix=f"make one with `{_MAKE}`, and {_SET}",
        )


def load(settings: StoreSettings) -> Keyring:
    """Return the keys that *settings* name: those of the variable, then those of the file.

    Raises:
        BadRequest: the file cannot be read, or something is no key.
    """
    found: list[bytes] = []
    if settings.secret_key:
        found += _parse(settings.secret_key.replace(",", "\n"), "COORDINATOR_SECRET_KEY")
    if settings.secret_key_file:
        try:
            text = Path(settings.secret_key_file).read_text()
        except (OSError, UnicodeDecodeError) as cause:
            why = cause.strerror if isinstance(cause, OSError) and cause.strerror else "it is no text"
            raise BadRequest(
                f"cannot read the keys of secrets in {settings.secret_key_file}",
                why=why,
                fix="make the file readable for this process, or correct COORDINATOR_SECRET_KEY_FILE",
            ) from cause
        found += _parse(text, settings.secret_key_file)
    return Keyring(list(dict.fromkeys(found)))


def ensure_key_file(path: Path) -> None:
    """Make a file with a new key, readable by this user only, unless there is one."""
    if path.exists():
        return
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
    try:
        os.link(scratch, path)  # whoever is first wins: all processes must have the same
    except FileExistsError:
        pass
    finally:
        scratch.unlink()


def key_id(key: bytes) -> str:
    """Return what a key is called where it must not be shown."""
    return sha256(b"coordinator secret key " + key).hexdigest()[:8]


def _parse(text: str, source: str) -> list[bytes]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = base64.b64decode(line.strip(), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise BadRequest(
                f"line {number} of {source} is not a key",
                why=f"a key is {KEY_BYTES} bytes in base64, one a line",
                fix=f"make one with `{_MAKE}`",
            )
        found.append(key)
    return found


def _bound(ref: Ref) -> bytes:
    return keys.key_of(ref).encode()


def _packed(content: Content) -> bytes:
    """Return the lengths of the values by key as a line of JSON, then the values: what is sealed is coded once."""
    head = json.dumps({key: len(value) for key, value in content.values.items()}, separators=(",", ":"))
    return head.encode() + b"\n" + b"".join(content.values.values())


def _unpacked(data: bytes) -> Content:
    head, _, body = data.partition(b"\n")
    values, at = {}, 0
    for key, size in json.loads(head).items():
        values[key] = body[at : at + size]
        at += size
    return Content(values)
