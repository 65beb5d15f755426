"""A small controller: answers hook commands from a model that is one JSON value.

Used by tests that hold all doors to the same promises: this file stands behind each command in PATH, and keeps
the model in a file.  Nothing but the standard library is imported, for the sake of these processes.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

Said = tuple[int, str, str]
NOT_FOUND = 'ERROR relation "{}" not found (not found)\n'
DENIED = "ERROR permission denied (unauthorized access)\n"


def model() -> dict[str, Any]:
    """Return web/0, the leader of web, as it sees relation 7 of its endpoint db with the application db."""
    return {
        "unit": "web/0",
        "leader": True,
        "config": {},
        "endpoints": {"db": [7], "cluster": []},
        "relations": {
            "7": {
                "endpoint": "db",
                "app": "db",
                "units": ["db/0"],
                "bags": {"db/0": {"host": "h0"}, "db": {"version": "14"}, "web/0": {"mine": "1"}, "web": {}},
            }
        },
        "status": {
            "unit": {"status": "waiting", "message": "waiting for machine", "status-data": {}},
            "application": {"status": "waiting", "message": "waiting for machine", "status-data": {}},
        },
        "ports": [],
        "state": {"a": "1"},
        "version": "",
        "log": [],
    }


def answer(model: dict[str, Any], tool: str, arguments: list[str], stdin: str | None) -> Said:
    """Carry out one command: its exit status and what it prints.  *model* is changed in place."""
    options, words = parse(arguments)
    return COMMANDS[tool](model, options, words, json.loads(stdin) if "file" in options else None)


def parse(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Split a command line into options by name and all other words."""
    takes_value = {"r": "relation", "relation": "relation", "file": "file", "l": "level", "log-level": "level"}
    options: dict[str, Any] = {}
    words: list[str] = []
    rest = iter(arguments)
    for each in rest:
        name, equals, value = each.lstrip("-").partition("=")
        if each == "--":
            words += rest
        elif not each.startswith("-") or each == "-":
            words.append(each)
        elif name in takes_value:
            options[takes_value[name]] = value if equals else next(rest)
        else:
            options[name] = value if equals else "true"
    return options, words


def said(value: Any) -> Said:
    return 0, json.dumps(value) + "\n", ""


def done() -> Said:
    return 0, "", ""


def config_get(model, options, words, data):
    return said(model["config"])


def is_leader(model, options, words, data):
    return said(model["leader"])


def relation_ids(model, options, words, data):
    return said([f"{words[0]}:{number}" for number in model["endpoints"][words[0]]])


def relation_list(model, options, words, data):
    relation = find(model, options)
    if relation is None:
        return 2, "", NOT_FOUND.format(options["relation"])
    return said(relation["app"] if "app" in options else relation["units"])


def relation_get(model, options, words, data):
    relation = find(model, options)
    if relation is None:
        return 2, "", NOT_FOUND.format(options["relation"])
    key, name = words
    if name not in relation["bags"]:
        return 1, "", f'ERROR cannot read settings for unit "{name}" in relation\n'
    if name == "web" and not model["leader"]:
        return 1, "", DENIED
    bag = relation["bags"][name]
    return said(bag if key == "-" else bag.get(key, ""))


def relation_set(model, options, words, data):
    relation = find(model, options)
    if relation is None:
        return 2, "", NOT_FOUND.format(options["relation"])
    if "app" in options and not model["leader"]:
        return 1, "", "ERROR cannot write relation settings\n"
    bag = relation["bags"]["web" if "app" in options else "web/0"]
    bag.update(data)
    for key in [key for key, value in bag.items() if value == ""]:
        del bag[key]
    return done()


def find(model, options):
    return model["relations"].get(options["relation"].rpartition(":")[2])


def status_get(model, options, words, data):
    if options.get("application") == "true":
        return said({"application-status": {**model["status"]["application"], "units": {}}})
    return said(model["status"]["unit"])


def status_set(model, options, words, data):
    is_app = options.get("application", "false").lower() == "true"
    if is_app and not model["leader"]:
        return 1, "", "ERROR this unit is not the leader\n"
    status = {"status": words[0], "message": words[1] if len(words) > 1 else "", "status-data": {}}
    model["status"]["application" if is_app else "unit"] = status
    return done()


def open_port(model, options, words, data):
    model["ports"] = sorted({*model["ports"], words[0]})
    return done()


def close_port(model, options, words, data):
    model["ports"] = [port for port in model["ports"] if port != words[0]]
    return done()


def opened_ports(model, options, words, data):
    return said(model["ports"])


def state_get(model, options, words, data):
    if words:
        text = model["state"].get(words[0], "")
        return said(text) if options.get("format") == "json" else (0, f"{text}\n" if text else "", "")
    return said(model["state"])


def state_set(model, options, words, data):
    model["state"].update(data)
    return done()


def state_delete(model, options, words, data):
    model["state"].pop(words[0], None)
    return done()


def application_version_set(model, options, words, data):
    model["version"] = words[0]
    return done()


def juju_log(model, options, words, data):
    model["log"].append([options["level"], " ".join(words)])
    return done()


COMMANDS = {
    function.__name__.replace("_", "-"): function
    for function in (
        *(config_get, is_leader, relation_ids, relation_list, relation_get, relation_set, status_get, status_set),
        *(open_port, close_port, opened_ports, state_get, state_set, state_delete, application_version_set),
        juju_log,
    )
}


def main() -> int:
    """Be the command that this program was called as; the model is in the file that PRETEND_MODEL names."""
    tool, arguments = os.path.basename(sys.argv[1]), sys.argv[2:]
    path = os.environ["PRETEND_MODEL"]
    with open(path, encoding="utf-8") as file:
        seen = json.load(file)
    stdin = sys.stdin.buffer.read().decode() if "-" in arguments and "--file" in arguments else None
    status, stdout, stderr = answer(seen, tool, arguments, stdin)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(seen, file)
    sys.stdout.buffer.write(stdout.encode())
    sys.stderr.buffer.write(stderr.encode())
    return status


if __name__ == "__main__":
    sys.exit(main())
