"""`coordinator login URL`: use a controller that runs elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from coordinator.cli import store
from coordinator.cli.client import Client, check_address
from coordinator.cli.console import Console
from coordinator.cli.usage import required
from coordinator.errors import Refused


@click.command()
@click.argument("url", required=False, metavar="URL[,URL...]")
@click.option("--token-file", metavar="FILE", help="File with your token; - reads it from stdin and keeps it.")
@click.option("--name", metavar="NAME", help="What to call the controller.  [default: what it calls itself]")
@click.option("--ca", metavar="FILE", help="Certificate authority of the controller, for https.")
@click.pass_obj
def command(console: Console, url: str | None, token_file: str | None, name: str | None, ca: str | None) -> None:
    """Use a controller that runs elsewhere.

    It is asked whether it knows the token, remembered, and made the current one.  Several URLs are the addresses
    of one cluster's controllers: any that answers will do.  Without --token-file the token is taken from
    COORDINATOR_TOKEN, or asked for on a terminal.

    Examples:
      coordinator login http://127.0.0.1:17070 --token-file admin.token
      coordinator login https://one:17070,https://two:17070 --ca ca.pem --token-file -
    """
    texts = required(url, "no URL specified").split(",")
    addresses = [check_address(text) for text in texts if text.strip()]
    ca_path = _existing(ca) if ca else None
    token = None
    if token_file and token_file != "-":
        token_file = str(Path(token_file).expanduser().absolute())
        shown = store.read_token_file(token_file)
    else:
        token = shown = _ask_token(stdin=token_file == "-")
        token_file = None
    client = Client(addresses, shown, ca=ca_path, trace=console.trace)
    me = client.whoami()
    called = name or me["controller"]
    store.remember_controller(called, addresses, token_file, ca_path, token=token)
    console.info(f'Logged in to "{called}" as {me["user"]}.')
    focus(console, client, called)


def focus(console: Console, client: Client, controller: str) -> None:
    """Choose the model if there is no choice."""
    models = client.models()
    if len(models) == 1:
        only = models[0]["short-name"]
        store.choose_model(controller, only)
        console.info(f'The current model is "{only}".')
    elif models:
        console.info("Choose a model with `coordinator switch MODEL`; `coordinator models` lists them.")
    elif (me := client.whoami())["access"] == "login":
        console.info(f"No model is open to you yet.  Ask for it: coordinator grant {me['user']} read MODEL")
    else:
        console.info("There is no model yet: coordinator add-model NAME")


def _existing(path: str) -> str:
    full = Path(path).expanduser().absolute()
    if not full.is_file():
        raise Refused(f"cannot read the certificate authority in {path}", why="no such file", fix="check the path")
    return str(full)


def _ask_token(*, stdin: bool) -> str:
    if stdin:
        token = sys.stdin.readline().strip()
    elif not (token := os.environ.get("COORDINATOR_TOKEN", "")) and sys.stdin.isatty():
        from getpass import getpass

        token = getpass("Token: ").strip()
    if not token:
        raise Refused(
            "no token given",
            why="a controller wants to know who asks",
            fix="coordinator login URL --token-file FILE; an administrator has the token",
        )
    return token
