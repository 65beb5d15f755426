"""config-get, resource-get, credential-get."""

from __future__ import annotations

from typing import Any

from .._world import World
from ._call import NULL, Call, Refused, Text, command


@command("config-get")
def config_get(world: World, call: Call) -> Any:
    key = call.word(0)
    return world.config if key is None else world.config.get(key, NULL)


@command("resource-get")
def resource_get(world: World, call: Call) -> Text:
    name = call.word(0) or ""
    if name not in world.resources:
        unit, app = world.unit_name.replace("/", "-"), world.app_name
        raise Refused(
            "could not download resource: HTTP request failed: "
            f"Get https://.../units/unit-{unit}/resources/{name}: resource#{app}/{name} not found"
        )
    return Text(world.resources[name]())


@command("credential-get")
def credential_get(world: World, call: Call) -> dict[str, Any]:
    if world.cloud_spec is None:
        raise Refused("cannot access cloud credentials: the application is not trusted, or the cloud has none")
    return world.cloud_spec
