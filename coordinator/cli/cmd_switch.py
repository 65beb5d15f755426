"""`coordinator switch [[CONTROLLER]:][MODEL]`: choose the current model or controller."""

from __future__ import annotations

import os

import click

from coordinator.cli import store
from coordinator.cli.console import Console
from coordinator.cli.target import ModelName, Target
from coordinator.errors import NotFound, Refused


@click.command()
@click.argument("name", required=False, metavar="[CONTROLLER][:][MODEL]")
@click.pass_obj
def command(console: Console, name: str | None) -> None:
    """Choose the current model or controller; without an argument show them.

    A name that is both means the controller; `:NAME` is always a model, `NAME:` always a controller.
    """
    here = Target(console)
    if name is None:
        model = here.find_model()
        click.echo(_shown(here.shown_controller or here.controller, model))
        return
    for variable in ("JUJU_MODEL", "COORDINATOR_MODEL", "JUJU_CONTROLLER"):
        if value := os.environ.get(variable):
            what = "controller" if variable.endswith("CONTROLLER") else "model"
            raise Refused(
                f'cannot switch when {variable} is overriding the {what} (set to "{value}")', fix="unset it"
            )
    before = _shown(here.controller, here.find_model()) if here.state.current or _is_given() else ""
    controller, model = _find(console, here, name)
    if not _is_given():
        store.choose_controller(controller)
    if model is not None:
        store.choose_model(controller, model)
    after = _shown(controller, model or here.state.models.get(controller))
    console.info(f"{after} (no change)" if after == before else f"{before} -> {after}")


def _is_given() -> bool:
    return bool(os.environ.get("COORDINATOR_API"))


def _shown(controller: str, model: str | None) -> str:
    return f"{controller}:{model}" if model else controller


def _find(console: Console, here: Target, text: str) -> tuple[str, str | None]:
    """Return the controller that *text* means, and the model if it means one.

    Raises:
        NotFound: there is neither a model nor a controller of that name.
    """
    known = here.state.controllers
    bare = text.removesuffix(":")
    if not text.startswith(":") and bare in known:
        return bare, None
    named = ModelName.parse(text.removeprefix(":"))
    target = Target(console, controller=named.controller or None)
    if any(model["short-name"] == named.name for model in target.client.models()):
        return target.controller, named.name
    raise NotFound(
        f'"{text}" is not the name of a model or controller', fix="`coordinator models` lists the models"
    )
