"""`coordinator controllers`: list the controllers that are known on this machine."""

from __future__ import annotations

from typing import Any

import click

from coordinator.cli import store
from coordinator.cli.client import Client
from coordinator.cli.console import Console
from coordinator.cli.output import Output, output_options
from coordinator.cli.render import table
from coordinator.errors import CoordinatorError, Refused

Tree = dict[str, Any]


@click.command()
@output_options("tabular", "json", "yaml")
@click.option("--refresh", is_flag=True, help="Ask each of them what you may do there, and what it has.")
@click.pass_obj
def command(console: Console, output: Output, refresh: bool) -> None:
    """List the controllers that you use.  The current one has a star."""
    state = store.load()
    if not state.controllers and output.format == "tabular":
        console.info("No controllers registered.  Start one: coordinator up")
        return
    found = {name: _known(state, name) for name in sorted(state.controllers)}
    for name in found if refresh else ():
        try:
            found[name] |= ask(client_of(state.controllers[name], console))
        except CoordinatorError as error:
            console.warn(f"{name}: {error}")
    tree: Tree = {"controllers": found}
    if state.current:
        tree["current-controller"] = state.current
    output.show(tree, lambda colour: _table(found, state.current, colour=colour))


def client_of(known: store.Controller, console: Console) -> Client:
    return Client(known.addresses, known.read_token(), ca=known.ca, trace=console.trace)


def ask(client: Client) -> Tree:
    """Return what the controller itself knows."""
    me, version, models = client.whoami(), client.version(), client.models()
    return {
        "user": me["user"],
        "access": me["access"],
        "uuid": version["controller-uuid"],
        "agent-version": version["version"],
        "model-count": len(models),
        "machine-count": len(client.machines()),
    }


def _known(state: store.State, name: str) -> Tree:
    """Return what is remembered of a controller; the user is the beginning of the token."""
    known = state.controllers[name]
    tree: Tree = {"current-model": state.models[name]} if name in state.models else {}
    try:
        tree["user"] = known.read_token().rpartition(".")[0]
    except Refused:
        tree["user"] = ""  # its file is gone: whoever uses the controller is told
    return tree | {"api-endpoints": known.addresses} | ({"ca-cert": known.ca} if known.ca else {})


def _table(found: dict[str, Tree], current: str | None, *, colour: bool) -> str:
    headers = ("Controller", "Model", "User", "Access", "Models", "Machines", "Version", "Addresses")
    keys = ("current-model", "user", "access", "model-count", "machine-count", "agent-version")
    rows = [
        [
            name + "*" * (name == current),
            *(str(tree.get(key, "-")) for key in keys),
            ",".join(tree["api-endpoints"]),
        ]
        for name, tree in found.items()
    ]
    return table(headers, rows, right=("Models", "Machines"), colour=colour)
