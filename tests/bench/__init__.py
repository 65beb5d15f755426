"""Benchmarks of the real system: real etcd, controllers, workers and charms; figures and ratios, no verdicts.

Role: makes the helpers of the tests importable; `python -m tests.bench` is `__main__.py`.
A module per benchmark, each with one function that returns rows.
"""

import sys
from pathlib import Path

CHARMS = Path(__file__).parent / "charms"

sys.path[:0] = [str(Path(__file__).parents[1] / "integration"), str(Path(__file__).parents[1])]
