"""`coordinator version`: show the version."""

from __future__ import annotations

import click

from coordinator.cli.output import Output, output_options


@click.command()
@click.option("--all", "everything", is_flag=True, help="Show more than the version.")
@output_options("smart", "json", "yaml")
def command(output: Output, everything: bool) -> None:
    """Show the version.

    The first part is the version that charms are told; what this program calls itself is shown by --all.
    """
    import platform

    from coordinator import ANNOUNCED_VERSION, __version__

    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    version = f"{ANNOUNCED_VERSION}-{_system()}-{architecture}"
    details = {
        "version": version,
        "git-commit": "",
        "git-tree-state": "",
        "compiler": platform.python_implementation().lower(),
        "coordinator": __version__,
    }
    if everything:
        output.show(details, lambda colour: "".join(f"{key}: {value}\n" for key, value in details.items()))
    else:
        output.show(version, lambda colour: version + "\n")


def _system() -> str:
    """Return the name of this system as one word: ubuntu, debian, macos."""
    import platform

    try:
        return platform.freedesktop_os_release().get("ID", "linux").replace("-", "")
    except OSError:
        return {"darwin": "macos"}.get(platform.system().lower(), platform.system().lower())
