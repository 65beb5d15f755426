"""What a new user is sent: one word with the addresses of the controllers, whom to believe there, and a token.

Role: between add-user, which makes the word, and register, which gets another token at once: a word that went
through a chat opens nothing afterwards.
"""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import asdict, dataclass

from coordinator.errors import BadRequest


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """`ca` is the text of the certificate authority, empty for http or one that everybody knows."""

    user: str
    controller: str
    addresses: list[str]
    token: str
    ca: str = ""

    def encode(self) -> str:
        text = json.dumps(asdict(self), separators=(",", ":"))
        return base64.urlsafe_b64encode(zlib.compress(text.encode())).decode().rstrip("=")

    @classmethod
    def decode(cls, word: str) -> Invitation:
        """Return what *word* says.

        Raises:
            BadRequest: it is no invitation, or not all of it.
        """
        try:
            data = zlib.decompress(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)))
            found = cls(**json.loads(data))
            if not (found.user and found.token and all(isinstance(each, str) for each in found.addresses)):
                raise ValueError("something is missing")
        except (ValueError, TypeError, zlib.error) as cause:
            raise BadRequest(
                "this is not an invitation",
                why=f"{cause}",
                fix="copy all of what `coordinator add-user` printed, in one piece",
            ) from cause
        return found
