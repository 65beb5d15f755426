"""Sets of numbers in little space: the units of one application, as ranges of their numbers.

Role: what is written for a relation, and what is compared for it, must not grow with its units; a fleet that was
deployed together is one range.
"""

from __future__ import annotations

from collections.abc import Iterator

Ranges = tuple[tuple[int, int], ...]  # first and last number, ascending, with gaps between


def contains(ranges: Ranges, number: int) -> bool:
    return any(first <= number <= last for first, last in ranges)


def with_number(ranges: Ranges, number: int) -> Ranges:
    """Return *ranges* with *number* in it."""
    if contains(ranges, number):
        return ranges
    below = [each for each in ranges if each[1] < number]
    above = [each for each in ranges if each[0] > number]
    first = below.pop()[0] if below and below[-1][1] == number - 1 else number
    last = above.pop(0)[1] if above and above[0][0] == number + 1 else number
    return (*below, (first, last), *above)


def without_number(ranges: Ranges, number: int) -> Ranges:
    """Return *ranges* without *number*."""
    left: list[tuple[int, int]] = []
    for first, last in ranges:
        if first <= number <= last:
            left += [(first, number - 1)] * (first < number) + [(number + 1, last)] * (number < last)
        else:
            left.append((first, last))
    return tuple(left)


def numbers_missing(ranges: Ranges, among: Ranges) -> Iterator[int]:
    """Yield the numbers of *ranges* that are not *among* the others, ascending; two equal ones cost one step."""
    if ranges == among:
        return
    others = iter(among)
    other = next(others, None)
    for first, last in ranges:
        number = first
        while number <= last:
            while other is not None and other[1] < number:
                other = next(others, None)
            if other is not None and other[0] <= number:
                number = other[1] + 1
                continue
            until = last if other is None else min(last, other[0] - 1)
            yield from range(number, until + 1)
            number = until + 1
