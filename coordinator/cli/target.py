"""Which controller and which model a command is about.

Role: flags before variables before what is remembered.  COORDINATOR_API (addresses, separated by commas) with
COORDINATOR_TOKEN or COORDINATOR_TOKEN_FILE, and COORDINATOR_CA for https, overrides every remembered controller.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import Any, NamedTuple

import click

from coordinator.cli import store
from coordinator.cli.client import Client
from coordinator.cli.console import Console
from coordinator.domain.names import check_model_name
from coordinator.errors import NotFound, Refused

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ModelName(NamedTuple):
    """What a person writes: `[CONTROLLER:][OWNER/]NAME`.  Names are unique, whoever the owner is."""

    controller: str
    name: str

    @classmethod
    def parse(cls, text: str) -> ModelName:
        controller, colon, rest = text.rpartition(":")
        return cls(controller if colon else "", rest.rpartition("/")[2])


class Target:
    """The controller, and the model if the command needs one; found out when first asked for."""

    def __init__(
        self,
        console: Console,
        *,
        model: str | None = None,
        controller: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.console = console
        self._environ = os.environ if environ is None else environ
        text = model or self._environ.get("COORDINATOR_MODEL") or self._environ.get("JUJU_MODEL") or ""
        self._named = ModelName.parse(text)
        self._controller = controller

    @cached_property
    def state(self) -> store.State:
        return store.load()

    @cached_property
    def controller(self) -> str:
        """The name of the controller: what client state is kept under.

        Raises:
            Refused: none is known, or none is chosen.
            NotFound: the one that was named is not known.
        """
        if api := self._environ.get("COORDINATOR_API"):
            return api
        known = self.state.controllers
        if not known:
            raise Refused(
                "No controllers registered.",
                fix="start one on this machine with `coordinator up`, or use one that runs elsewhere: "
                "coordinator login URL --token-file FILE",
            )
        named = self._controller or self._named.controller or self._environ.get("JUJU_CONTROLLER")
        if named and named not in known:
            raise NotFound(f"controller {named} not found", fix=f"known are: {', '.join(sorted(known))}")
        name = named or self.state.current
        if not name:
            raise Refused(
                "No selected controller.", fix=f"coordinator switch NAME; known are: {', '.join(sorted(known))}"
            )
        return name

    @cached_property
    def client(self) -> Client:
        told = {"trace": self.console.trace, "waiting": self.console.waiting}
        if api := self._environ.get("COORDINATOR_API"):
            token = self._environ.get("COORDINATOR_TOKEN") or ""
            if path := self._environ.get("COORDINATOR_TOKEN_FILE"):
                token = token or store.read_token_file(path)
            ca = self._environ.get("COORDINATOR_CA") or None
            return Client([text for text in api.split(",") if text.strip()], token, ca=ca, **told)
        known = self.state.controllers[self.controller]
        return Client(known.addresses, known.read_token(), ca=known.ca, **told)

    @property
    def shown_controller(self) -> str:
        """The name of the controller as the person knows it; empty when only its address is known."""
        return "" if self._environ.get("COORDINATOR_API") else self.controller

    def find_model(self) -> str | None:
        """Return the model that the command is about, None when none is in focus."""
        name = self._named.name or self.state.models.get(self.controller)
        if name is not None and _UUID.fullmatch(name):
            return self._by_uuid(name)
        return name

    @cached_property
    def model(self) -> str:
        """The model that the command is about.

        Raises:
            Refused: none is named and none is the current one.
        """
        name = self.find_model()
        if not name:
            raise Refused(
                "No model in focus.",
                fix="`coordinator models` lists them; choose one with `coordinator switch MODEL` or `-m MODEL`",
            )
        return check_model_name(name)

    def _by_uuid(self, uuid: str) -> str:
        for model in self.client.models():
            if model["model-uuid"] == uuid:
                return model["short-name"]
        raise NotFound(f"model {uuid} not found", fix="`coordinator models --uuid` lists them")


def controller_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `-c`, and its target as first argument."""

    @click.option("-c", "--controller", metavar="NAME", help="The controller to talk to.")
    @click.option("-B", "--no-browser-login", is_flag=True, hidden=True)
    @wraps(function)
    def wrapper(*, controller: str | None, no_browser_login: bool, **given: Any) -> Any:
        return function(Target(_console(), controller=controller), **given)

    return wrapper


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `-m`, and its target as first argument."""

    @click.option("-m", "--model", metavar="MODEL", help="The model to work in: [CONTROLLER:][OWNER/]NAME.")
    @click.option("-B", "--no-browser-login", is_flag=True, hidden=True)
    @wraps(function)
    def wrapper(*, model: str | None, no_browser_login: bool, **given: Any) -> Any:
        return function(Target(_console(), model=model), **given)

    return wrapper


def _console() -> Console:
    context = click.get_current_context()
    return context.ensure_object(Console)
