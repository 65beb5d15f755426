"""The programs that hooks call: the commands in their search path, and one that tells the version.

Role: for the commands one program, and a link to it for each name: the native client (toolclient.c) where there is
a compiler, compiled once per machine; else the same in Python (toolclient.py).  Several processes may do this at
the same time, and hooks may be using the commands meanwhile: each file is replaced whole.
Not here: what answers the commands (toolserver.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import secrets
import shlex
import shutil
import subprocess
from pathlib import Path

from coordinator import ANNOUNCED_VERSION
from coordinator.engine.script import NAMES
from coordinator.engine.tools import COMMANDS
from coordinator.worker.toolclient import ADDRESS_FILE

CLIENT_FILE = "coordinator-tool"
SCRIPT_CLIENT_FILE = "coordinator-exec"
NATIVE_SOURCE = Path(__file__).with_name("toolclient.c")
PREBUILT = NATIVE_SOURCE.with_suffix(".native")
NATIVE = "native"
COMPILER_S_MAX = 60.0
JUJU_DIRECTORY = Path("/var/lib/juju")
SHEBANG_BYTES_MAX = 127  # older kernels cut off the rest


def install_tools(directory: Path, python: str, *, compiler: str | None = "cc") -> str:
    """Put every hook command into *directory*; return `NATIVE`, or why the client is not that.

    *python* is the interpreter that runs the client where there is no *compiler*.  Links of commands that are no
    more are removed.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    native, what = _native(directory / CLIENT_FILE, compiler)
    source = Path(__file__).with_name("toolclient.py").read_text(encoding="utf-8")
    _replace_file(directory / CLIENT_FILE, native or (_start(python) + source).encode())
    for name in COMMANDS:
        _replace_link(directory / name, CLIENT_FILE)
    for path in directory.iterdir():
        # A name with a dot in front is what another process is just about to put in place.
        if path.name not in COMMANDS and not path.name.startswith(".") and _is_link(path):
            path.unlink(missing_ok=True)
    return what


def install_scripts(directory: Path, python: str, address: str) -> None:
    """Put `juju-exec` into *directory*: it finds the worker at *address* from outside of hooks.

    Whoever may not read that file may not run anything in a unit.
    """
    source = Path(__file__).with_name("toolclient.py").read_text(encoding="utf-8")
    _replace_file(directory / SCRIPT_CLIENT_FILE, (_start(python) + source).encode())
    _replace_file(directory / os.fsdecode(ADDRESS_FILE), f"{address}\n".encode(), mode=0o600)
    for name in NAMES:
        _replace_link(directory / name, SCRIPT_CLIENT_FILE)


def announce_version(directory: Path = JUJU_DIRECTORY) -> str:
    """Put a program below *directory* that prints the version charms are told; return why not, or an empty text.

    Released helpers of charms look for it there and nowhere else, and cannot ask for networks without it.  Where
    there is one of somebody else, nothing is changed.
    """
    program = directory / "tools" / "machine-coordinator" / "jujud"
    if [found for found in directory.glob("tools/machine-*/jujud") if found != program]:
        return ""
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    try:
        program.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _replace_file(program, f"#!/bin/sh\necho {ANNOUNCED_VERSION}-ubuntu-{arch}\n".encode())
    except OSError as error:
        return str(error)
    return ""


def prebuild() -> None:
    """Compile the native client beside its source, for an image or package whose machines have no compiler.

    Raises:
        CalledProcessError: it cannot be compiled.
    """
    PREBUILT.write_bytes(_compiled(PREBUILT, "cc"))


def _native(client: Path, compiler: str | None) -> tuple[bytes | None, str]:
    """Return the native client, compiled unless it was before, and what can be said of it."""
    if compiler is None:
        return None, "it is not wanted"
    name = hashlib.sha256(NATIVE_SOURCE.read_bytes()).hexdigest().encode()
    for known in (client, PREBUILT):
        with contextlib.suppress(FileNotFoundError):
            content = known.read_bytes()
            if name in content:
                return content, NATIVE
    program = shutil.which(compiler)
    if program is None:
        return None, "there is no compiler on this machine"
    try:
        return _compiled(client, program), NATIVE
    except (OSError, subprocess.SubprocessError) as cause:
        return None, f"it cannot be compiled: {cause}"


def _compiled(beside: Path, program: str) -> bytes:
    name = hashlib.sha256(NATIVE_SOURCE.read_bytes()).hexdigest()
    fresh = _beside(beside)
    command = [program, "-O2", f'-DSOURCE="{name}"', "-o", str(fresh), str(NATIVE_SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=COMPILER_S_MAX)
        return fresh.read_bytes()
    finally:
        fresh.unlink(missing_ok=True)


def _start(python: str) -> str:
    """Return the first lines of the client: how it finds its interpreter."""
    shebang = f"#!{python} -IS\n"
    if len(os.fsencode(shebang)) <= SHEBANG_BYTES_MAX and not any(map(str.isspace, python)):
        return shebang
    # To the shell these lines are a start of the interpreter, to Python they are a string.
    return f"""#!/bin/sh\n''':'\nexec {shlex.quote(python)} -IS "$0" "$@"\n'''\n"""


def _replace_file(path: Path, content: bytes, *, mode: int = 0o755) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == content and path.stat().st_mode & 0o777 == mode:
            return
    temporary = _beside(path)
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.chmod(mode)
    temporary.replace(path)


def _is_link(path: Path, client: str = CLIENT_FILE) -> bool:
    """Say whether this is a link to the client; it may be gone by now."""
    try:
        return os.readlink(path) == client
    except OSError:
        return False


def _replace_link(path: Path, client: str) -> None:
    if _is_link(path, client):
        return
    temporary = _beside(path)
    temporary.symlink_to(client)
    temporary.replace(path)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")
