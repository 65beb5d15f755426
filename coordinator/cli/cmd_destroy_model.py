"""`coordinator destroy-model MODEL`: remove a model with everything in it."""

from __future__ import annotations

import time

import click

from coordinator.cli import store
from coordinator.cli.client import Tree
from coordinator.cli.console import Console
from coordinator.cli.target import Target
from coordinator.cli.usage import DURATION, required
from coordinator.errors import BadRequest, NotFound, Refused

POLL_S = 0.5
POLL_FIRST_S = 0.05  # an empty model is gone at once


@click.command()
@click.argument("model", required=False)
@click.option("-c", "--controller", metavar="NAME", help="The controller to talk to.")
@click.option("--no-prompt", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Remove it even if units do not answer, after a while.")
@click.option("--no-wait", is_flag=True, help="With --force: do not wait for units at all.")
@click.option(
    "-t", "--timeout", "timeout_s", type=DURATION, metavar="DURATION", help="With --force: how long a while."
)
@click.option("--destroy-storage", is_flag=True, help="Delete what is in its storage.")
@click.option("--release-storage", is_flag=True, help="Leave that on the machines.")
@click.pass_obj
def command(
    console: Console,
    model: str | None,
    controller: str | None,
    no_prompt: bool,
    force: bool,
    no_wait: bool,
    timeout_s: float | None,
    destroy_storage: bool,
    release_storage: bool,
) -> None:
    """Remove a model with everything in it.

    Applications, units and relations end the proper way, with their hooks; the command waits until all is gone.
    ^C stops the waiting, not the removal.

    Examples:
      coordinator destroy-model demo --no-prompt
      coordinator destroy-model demo --no-prompt --force --timeout 30s
    """
    named = required(model, "no model specified")
    if timeout_s is not None and not force:
        raise BadRequest("--timeout can only be used with --force (dangerous)")
    if destroy_storage and release_storage:
        raise BadRequest("--destroy-storage and --release-storage cannot both be specified")
    if no_wait and not force:
        raise BadRequest("--no-wait without --force not valid")
    target = Target(console, model=named, controller=controller)
    name = target.model
    found = target.client.model(name)
    if not no_prompt:
        _confirm(target, name, found)
    console.info("Destroying model")
    target.client.destroy_model(
        name, force=force, no_wait=no_wait, destroy_storage=destroy_storage, release_storage=release_storage
    )
    _wait_until_gone(target, name, timeout_s)
    store.choose_model(target.controller, None, instead_of=name)
    console.info("Model destroyed.")


def _confirm(target: Target, name: str, found: Tree) -> None:
    answer = target.console.ask(
        f'This removes model "{name}" with {found["applications"]} application(s) and {found["units"]} unit(s).',
        "To continue, enter the name of the model:",
        what=f'destroying model "{name}"',
    )
    if answer != name:
        raise Refused(f'destroying model "{name}" aborted', why=f'"{answer}" is not its name')


def _wait_until_gone(target: Target, name: str, timeout_s: float | None) -> None:
    """Return when the model is gone; after *timeout_s* force what is left."""
    started_s = time.monotonic()
    pause_s = POLL_FIRST_S
    while True:
        try:
            left = target.client.model(name)
        except NotFound:
            return
        parts = [f"{left[key]} {key.removesuffix('s')}(s)" for key in ("machines", "applications") if left[key]]
        target.console.progress(f"Waiting for model to be removed, {', '.join(parts) or 'nothing in it'}...")
        if timeout_s is not None and time.monotonic() - started_s > timeout_s:
            target.client.destroy_model(name, force=True, no_wait=True)
            timeout_s = None
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, POLL_S)
