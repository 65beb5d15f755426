"""`coordinator add-model NAME`: add a model."""

from __future__ import annotations

import click

from coordinator.cli import store, values
from coordinator.cli.target import ModelName, Target, controller_options
from coordinator.cli.usage import required
from coordinator.domain.names import check_model_name
from coordinator.errors import NotFound
from coordinator.wire import AddModel

CLOUD = "coordinator"
CLOUDS = (CLOUD, "localhost", "local")  # the one we have, and what scripts call "this machine"


@click.command()
@click.argument("name", required=False)
@click.argument("cloud", required=False, metavar="[CLOUD]")
@controller_options
@click.option("--config", "config_words", multiple=True, metavar="KEY=VALUE", help="Change a setting; repeatable.")
@click.option("--credential", hidden=True)
@click.option("--no-switch", is_flag=True, help="Do not make it the current model.")
def command(
    target: Target,
    name: str | None,
    cloud: str | None,
    config_words: tuple[str, ...],
    credential: str | None,
    no_switch: bool,
) -> None:
    """Add a model: a workspace for applications that belong together.

    It becomes the current model.

    Examples:
      coordinator add-model demo
      coordinator add-model test --no-switch --config update-status-hook-interval=10s
    """
    model = check_model_name(ModelName.parse(required(name, "no model name specified")).name)
    place, _, _ = (cloud or CLOUD).partition("/")
    if place not in CLOUDS:
        raise NotFound(
            f'cloud "{place}" not found',
            why="machines are the hosts that run `coordinator worker`; there are no clouds to choose",
            fix=f"coordinator add-model {model}",
        )
    settings = values.options(config_words, model)
    user = target.client.whoami()["user"]
    target.client.add_model(AddModel(name=model, settings=settings))
    if not no_switch:
        store.choose_model(target.controller, model)
    target.console.info(f"Added '{model}' model on {CLOUD} for user '{user}'")
