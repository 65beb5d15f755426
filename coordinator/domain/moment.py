"""Moments as text: RFC 3339 to seconds since the epoch and back.

Role: what the core needs of dates.  What now is, nobody says here (clock.py).
"""

from __future__ import annotations

import re
from calendar import timegm

_TEXT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(\.\d+)?)?(?:[Zz]|([+-])(\d{2}):?(\d{2}))?",
    re.ASCII,
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAY_S = 86_400


def parse_moment_s(text: str) -> float:
    """Return the seconds since the epoch of *text*; without a zone it is UTC.

    Raises:
        ValueError: it is no moment.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not a moment')
    year, month, day, hour, minute = (int(match[number]) for number in range(1, 6))
    second, ahead_h, ahead_m = (int(match[number] or 0) for number in (6, 9, 10))
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    fits = 1 <= month <= 12 and 1 <= day <= _DAYS[month - 1] and (month, day) != (2, 29 + leap)
    if not (fits and year >= 1 and hour < 24 and minute < 60 and second < 60 and ahead_h < 24 and ahead_m < 60):
        raise ValueError(f'"{text}" is not a moment')
    at_s = timegm((year, month, day, hour, minute, second)) + float(match[7] or 0)
    ahead_s = ahead_h * 3600 + ahead_m * 60
    return at_s + ahead_s if match[8] == "-" else at_s - ahead_s


def moment_text(at_s: float) -> str:
    """Return *at_s*, seconds since the epoch, as RFC 3339 in UTC with whole seconds."""
    days, second = divmod(int(at_s), DAY_S)
    # Count years from March on: the leap day is the last of its year then.
    era, of_era = divmod(days + 719_468, 146_097)
    of_era_year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * of_era_year + of_era_year // 4 - of_era_year // 100)
    from_march = (5 * of_year + 2) // 153
    day = of_year - (153 * from_march + 2) // 5 + 1
    month = from_march + 3 if from_march < 10 else from_march - 9
    year = of_era_year + era * 400 + (month <= 2)
    hour, rest = divmod(second, 3600)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{rest // 60:02}:{rest % 60:02}Z"
