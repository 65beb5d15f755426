"""Every request that the API describes is refused to whoever lacks the role for it, and changes nothing.

The requests are read from the API's own description, so a new one cannot be forgotten.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from system import System, running, wait_for
from test_api import ask, make_user

from coordinator.cli.client import API
from coordinator.store import keys

MODEL = "m"
#: What anybody with a token may ask for, whatever their roles are; what they are shown depends on them.
FOR_EVERYBODY = {
    ("GET", "/models"),
    ("GET", "/version"),
    ("GET", "/whoami"),
    ("GET", "/machines"),
    ("GET", "/users"),
}


class Request(NamedTuple):
    """`path` is below the API's, with its parameters in braces; `body` is of the right shape, None without one."""

    method: str
    path: str
    query: str
    body: Any


def example(schema: Mapping[str, Any], named: Mapping[str, Any]) -> Any:
    """Return something of the shape that *schema* describes."""
    if "$ref" in schema:
        return example(named[schema["$ref"].rpartition("/")[2]], named)
    for several in ("anyOf", "allOf"):
        if several in schema:
            return example(schema[several][0], named)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: example(properties[name], named) for name in schema.get("required", ())}
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return False
    return "x"


def requests_of(described: Mapping[str, Any]) -> list[Request]:
    """Return an example of each request that the API describes."""
    named = described["components"]["schemas"]
    found = []
    for path, methods in described["paths"].items():
        if not path.startswith(API):
            continue  # health and metrics
        for method, about in methods.items():
            parameters = [
                each for each in about.get("parameters", ()) if each["in"] == "query" and each["required"]
            ]
            query = "&".join(f"{each['name']}={example(each['schema'], named)}" for each in parameters)
            content = about.get("requestBody", {}).get("content", {}).get("application/json")
            body = example(content["schema"], named) if content else None
            found.append(Request(method.upper(), path.removeprefix(API), query, body))
    return found


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with running(workers=0, start=False) as system:
        system.controller.start()
        wait_for(lambda: system.token_file.exists() and answers(system), "the controller")
        system.add_model(MODEL)
        yield system


def answers(system: System) -> bool:
    try:
        return ask(system, "GET", "/health", token=None)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


@pytest.fixture(scope="module")
def requests(system: System) -> list[Request]:
    return requests_of(ask(system, "GET", "/openapi.json", token=None)[1])


def status_of(system: System, request: Request, token: str) -> int:
    path = request.path.replace("{name}", MODEL)
    for parameter, value in (("{number}", "0"), ("{model}", MODEL)):
        path = path.replace(parameter, value)
    while "{" in path:
        path = path.partition("{")[0] + "x" + path.partition("}")[2]
    body = b"" if request.body is None else json.dumps(request.body).encode()
    return ask(system, request.method, f"{API}{path}?{request.query}", token=token, body=body)[0]


def contents(system: System) -> list[tuple[str, bytes]]:
    """Return all that is stored, without what moves by itself."""
    start, end = keys.ROOT, keys.ROOT[:-1] + chr(ord(keys.ROOT[-1]) + 1)
    return [(item.key, item.value) for item in system.store.read(start, end).items if not item.lease]


def test_who_has_no_role_can_ask_nothing(system: System, requests: list[Request]) -> None:
    nobody = make_user(system, "nobody")
    before = contents(system)
    let_in = {each[:2]: status for each in requests if (status := status_of(system, each, nobody)) != 403}
    assert set(let_in) <= FOR_EVERYBODY, let_in
    assert contents(system) == before


def test_who_may_read_a_model_can_change_nothing(system: System, requests: list[Request]) -> None:
    reader = make_user(system, "reader", m="read")
    before = contents(system)
    changing = [request for request in requests if request.method != "GET"]
    assert len(changing) > 40
    let_in = {each[:2]: status for each in changing if (status := status_of(system, each, reader)) != 403}
    assert let_in == {}
    assert contents(system) == before


def test_who_may_do_everything_is_refused_nothing_for_a_role(system: System, requests: list[Request]) -> None:
    """So that the other tests fail for the role, and not because of what they ask for."""
    admin = system.token_file.read_text().strip()
    reading = [request for request in requests if request.method == "GET" and "logs" not in request.path]
    assert [request for request in reading if status_of(system, request, admin) == 403] == []
