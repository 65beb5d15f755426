"""Charms that rewrite their own files: the next hook runs what is there then, forked or not.

What they write differs in length each time: Python takes a file of the same second and length for the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from system import running, wait_for

pytestmark = pytest.mark.slow

CHARM = """
import pathlib
import ops
import words

class Charm(ops.CharmBase):
    def __init__(self, framework):
        super().__init__(framework)
        framework.observe(self.on.config_changed, self._say)

    def _say(self, _):
        self.unit.status = ops.ActiveStatus(words.SAID)
        pathlib.Path(words.__file__).write_text(f"SAID = {self.config['say']!r}\\n")

ops.main(Charm)
"""


def charm(home: Path) -> Path:
    place = home / "parrot"
    (place / "src").mkdir(parents=True)
    (place / "metadata.yaml").write_text("name: parrot\n")
    (place / "config.yaml").write_text("options: {say: {type: string, default: what its options say}}\n")
    (place / "src" / "charm.py").write_text(CHARM)
    (place / "src" / "words.py").write_text("SAID = 'as it was packed'\n")
    (place / "dispatch").write_text("#!/bin/sh\nexec python3 ./src/charm.py\n")
    (place / "dispatch").chmod(0o755)
    return place


@pytest.mark.parametrize("warm", ["true", "false"])
def test_the_next_hook_runs_what_the_charm_has_written_into_its_directory(warm: str) -> None:
    with running(workers=1) as system:
        system.add_model()
        system.ask("PATCH", "/v1/models/m/settings", {"settings": {"warm": warm}})
        system.deploy(charm(system.home), "parrot")

        def said() -> str:
            return system.units().get("parrot/0", {}).get("workload-status", {}).get("message", "")

        wait_for(lambda: said() == "as it was packed", "the first hook")
        for before, say in (("what its options say", "one"), ("one", "two and more"), ("two and more", "three")):
            system.config("parrot", say=say)
            wait_for(lambda before=before: said() == before, f"the hook that says {before!r}")
