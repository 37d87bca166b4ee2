"""Cron schedules as Argo reads them: five fields, names of months and days, `@daily` and its like, `@every 90m`."""

import re
from collections.abc import Mapping
from zoneinfo import ZoneInfo, available_timezones

from crds.problems import FieldError, did_you_mean, shown

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS: tuple[tuple[str, int, int, Mapping[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)
DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION = re.compile(r"(?:\d{1,6}h)?(?:\d{1,6}m)?(?:\d{1,6}s)?", re.ASCII)
_PART = re.compile(r"(?P<low>\*|\?|\w+)(?:-(?P<high>\w+))?(?:/(?P<step>\d{1,9}))?", re.ASCII)
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
ACCEPTED = (
    'five fields "minute hour day-of-month month day-of-week" such as "0 3 * * MON", '
    + ", ".join(DESCRIPTORS)
    + ', or "@every 6h"'
)


def checked_schedule(schedule: str) -> str:
    """`schedule` when it is one that can come.

    Raises:
        FieldError: names the field of the schedule that is wrong, and its range.
    """
    if schedule.startswith("@"):
        return _checked_descriptor(schedule)
    if schedule.startswith(("TZ=", "CRON_TZ=")):
        raise FieldError(f"{shown(schedule)} has a time zone in it", accepted="the time zone in timeZone")
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        raise FieldError(f"{shown(schedule)} has {len(fields)} fields where five are expected", accepted=ACCEPTED)
    values = [_values(schedule, text, *field) for text, field in zip(fields, _FIELDS, strict=True)]
    days, months = values[2], values[3]
    if fields[4] in "*?" and not any(min(days) <= _LONGEST_MONTH[month - 1] for month in months):
        raise FieldError(
            f"{shown(schedule)} never comes: its months have no day {min(days)}", accepted="a day that exists"
        )
    return schedule


def checked_time_zone(name: str) -> str:
    """`name` when it is a time zone of the IANA database (any plausible name where this machine has no database).

    Raises:
        FieldError: with a suggestion.
    """
    accepted = "a name of the IANA time zone database, such as Europe/Berlin or UTC"
    if not re.fullmatch(r"[A-Za-z][\w+-]*(/[A-Za-z][\w+-]*){0,2}", name, re.ASCII):
        raise FieldError(f"{shown(name)} is not a time zone", accepted=accepted)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        if known and name not in known:
            guess = did_you_mean(name, known)
            hint = f'; did you mean "{guess}"?' if guess else ""
            raise FieldError(f"{shown(name)} is not a time zone{hint}", accepted=accepted) from None
    return name


def _checked_descriptor(schedule: str) -> str:
    if schedule in DESCRIPTORS:
        return schedule
    word, _, duration = schedule.partition(" ")
    if word == "@every":
        if not duration or not _DURATION.fullmatch(duration):
            raise FieldError(f"{shown(schedule)} has no duration such as 90m or 1h30m", accepted=ACCEPTED)
        if not any(int(number) for number in re.findall(r"\d+", duration)):
            raise FieldError(f"{shown(schedule)} is no time at all", accepted="at least 1s")
        return schedule
    guess = did_you_mean(schedule, DESCRIPTORS)
    hint = f'; did you mean "{guess}"?' if guess else ""
    raise FieldError(f"{shown(schedule)} is not a schedule{hint}", accepted=ACCEPTED)


def _values(
    schedule: str, text: str, label: str, lowest: int, highest: int, names: Mapping[str, int]
) -> frozenset[int]:
    found: set[int] = set()
    named = f", or {next(iter(names))} to {list(names)[-1]}" if names else ""
    accepted = f'for the {label}: {lowest} to {highest}{named}, "*", ranges "a-b", lists "a,b" and steps "*/n"'

    def number(word: str) -> int:
        value = names.get(word.upper(), int(word) if word.isdecimal() and len(word) < 10 else -1)
        if not lowest <= value <= highest:
            raise FieldError(f'{shown(schedule)} has "{word}" as {label}', accepted=accepted)
        return value

    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match["low"] in "*?" and match["high"]):
            raise FieldError(f'{shown(schedule)} has "{part}" as {label}', accepted=accepted)
        step = int(match["step"]) if match["step"] else 1
        if match["low"] in "*?":
            low, high = lowest, highest
        else:
            low = number(match["low"])
            high = number(match["high"]) if match["high"] else (highest if match["step"] else low)
        if step == 0 or low > high:
            raise FieldError(f'{shown(schedule)} has "{part}" as {label}', accepted=accepted)
        found.update(range(low, high + 1, step))
    return frozenset(found)
