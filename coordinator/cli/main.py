"""The entry point: find the command, run it, turn errors into texts and exit codes.

Role: exit 0 done, 1 it failed, 2 wrong usage, 130 interrupted.  Only the module of the command that is run is
imported, and click with it: what a start costs is what people wait for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from coordinator.cli.index import ALIASES, COMMANDS
from coordinator.errors import BadRequest, CoordinatorError

FAILED, MISUSED, INTERRUPTED, HUNG_UP = 1, 2, 130, 141


def main() -> NoReturn:
    """Run the command line of this process, and end with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line *arguments* and return the exit code."""
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough.  The interpreter flushes at its end, and must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return HUNG_UP
    except CoordinatorError as error:
        print(error_text(error), file=sys.stderr)
        return MISUSED if isinstance(error, BadRequest) else FAILED
    except OSError as error:  # of this machine: a directory that cannot be made, a disk that takes no more
        place = f"cannot use {error.filename}" if error.filename else "this machine cannot do that"
        trouble = CoordinatorError(
            place, why=error.strerror or str(error), fix="check the path, its rights and the disk"
        )
        print(error_text(trouble), file=sys.stderr)
        return FAILED


def error_text(error: CoordinatorError) -> str:
    """Return what did not happen, why, and how to fix it, as a person reads it."""
    head = f"ERROR {error.what}: {error.why}" if error.why else f"ERROR {error.what}"
    return f"{head}\n  to fix: {error.fix}" if error.fix else head


def program() -> str:
    """Return the name we were called by, where it is one of ours."""
    return "juju" if os.path.basename(sys.argv[0]) == "juju" else "coordinator"


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        from coordinator.cli.help import orientation

        print(orientation(program()))
        return 0
    word, *rest = arguments
    if word == "--version":
        word = "version"
    name = ALIASES.get(word, word)
    if name not in COMMANDS:
        from coordinator.cli.not_here import refusal

        raise refusal(word) or unknown(word)
    from coordinator.cli.usage import invoke

    return invoke(f"{program()} {word}", name, rest)


def unknown(word: str) -> BadRequest:
    """Return the error for a word that is no command, with the nearest one that is."""
    called = program()
    if word.startswith("-"):
        return BadRequest(
            f"option provided but not defined: {word}", fix=f"options come after a command: {called} --help"
        )
    from difflib import get_close_matches

    text = f'{called}: "{word}" is not a {called} command. See "{called} --help".'
    near = get_close_matches(word, [*COMMANDS, *ALIASES], n=1, cutoff=0.5)
    return BadRequest(f"{text}\n\nDid you mean:\n\t{near[0]}" if near else text)
