"""What documentation shows is what happens."""

from __future__ import annotations

import doctest
import warnings

from ops import testing


def test_the_guide_in_the_module_is_true():
    with warnings.catch_warnings():
        result = doctest.testmod(testing, extraglobs={}, verbose=False)
    assert result.attempted > 20
    assert result.failed == 0


def test_the_guide_has_the_first_test_of_each_kind():
    guide = testing.__doc__ or ""
    for word in (
        "add_relation(",
        "add_relation_unit(",
        "update_relation_data(",
        "ctx.run(",
        "run_life",
        "diff_states",
    ):
        assert word in guide


def test_every_public_name_has_a_home_and_says_what_it_is_for():
    for name in testing.__all__:
        value = getattr(testing, name)
        if isinstance(value, type) and value.__module__ == "ops.testing":
            assert value.__doc__, name
            assert not value.__doc__.startswith(f"{name}("), f"{name} has only the docstring of a dataclass"
