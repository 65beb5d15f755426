"""Lets the tests import the charm, which is not a package, and pytest say in what two states differ."""

import sys
from pathlib import Path

from ops.testing import pytest_assertrepr_compare

__all__ = ["pytest_assertrepr_compare"]

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
