"""Commands that people's fingers and scripts know, that have no meaning here, and what does instead.

Role: words for whoever types one of them; no command is refused here that index.py lists.
"""

from __future__ import annotations

from coordinator.errors import Refused

_HOSTS = (
    "machines are hosts that run a worker, and nothing is ordered from a cloud",
    "start `coordinator worker` on the host; `coordinator machines` then lists it",
)
_CONTROLLER = (
    "a controller is a process that you start yourself",
    "`coordinator up` runs the whole system on this machine; `coordinator controller` serves one of several",
)
_SHELL = (
    "commands reach a machine through its worker, not through a shell of its own",
    "coordinator ssh UNIT COMMAND, or coordinator exec --unit UNIT -- COMMAND",
)
_OFFERS = (
    "applications of different models cannot be related",
    "deploy both applications in one model, and `coordinator integrate` them",
)
_STORE = ("there is no charm store here", "coordinator deploy ./my-charm")
_SCALE = (
    "units of an application are on machines, and which of them go is yours to say",
    "coordinator add-unit APPLICATION -n N, or coordinator remove-unit UNIT",
)

#: Why there is none of them, and what to do.
NOT_HERE = {
    **dict.fromkeys(("add-machine", "retry-provisioning"), _HOSTS),
    **dict.fromkeys(("add-cloud", "update-cloud", "remove-cloud", "clouds", "list-clouds", "regions"), _HOSTS),
    **dict.fromkeys(("add-credential", "update-credential", "remove-credential", "credentials"), _HOSTS),
    **dict.fromkeys(("bootstrap", "destroy-controller", "kill-controller", "enable-ha"), _CONTROLLER),
    **dict.fromkeys(("ssh-keys", "add-ssh-key", "remove-ssh-key", "import-ssh-key"), _SHELL),
    **dict.fromkeys(("debug-hooks", "debug-hook", "debug-code"), _SHELL),
    **dict.fromkeys(("offer", "offers", "list-offers", "show-offer", "find-offers", "remove-offer"), _OFFERS),
    **dict.fromkeys(("consume", "remove-saas", "suspend-relation", "resume-relation"), _OFFERS),
    **dict.fromkeys(("find", "info", "download"), _STORE),
    "scale-application": _SCALE,
}


def refusal(word: str) -> Refused | None:
    """Return the error for a command that has no meaning here; None for a word that is none of those."""
    if word not in NOT_HERE:
        return None
    why, fix = NOT_HERE[word]
    return Refused(f"{word} is not supported here", why=why, fix=fix)
