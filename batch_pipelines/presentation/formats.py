"""Values as people read them: in the locale and time zone of the report or mail. No value is a dash.

What must not live here: formats of spreadsheets (reporting/renderers), templates (templating.py).
"""

import datetime as dt
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from babel import Locale, UnknownLocaleError, dates, numbers, units

from batch_pipelines.core.declaring.windows import zone
from batch_pipelines.presentation.words import words

DASH = "–"
MINUS = "−"
SPACE = "\N{NO-BREAK SPACE}"
KINDS = ("text", "number", "percent", "currency", "date", "time", "datetime", "duration")
MAX_DECIMALS = 10
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "ms": 0.001}
_LARGEST = 1e18  # beyond it, digits of floats mean nothing


@dataclass(frozen=True, slots=True)
class Format:
    """How a value is to be shown.

    Attributes:
        kind: One of `KINDS`.
        option: Decimals (`number:2`), currency (`currency:EUR`), style or pattern (`date:full`), unit of the
            values (`duration:min`); None for the usual.
    """

    kind: str
    option: str | None = None

    @property
    def numeric(self) -> bool:
        """Whether such values stand right-aligned."""
        return self.kind in {"number", "percent", "currency", "duration"}

    @property
    def decimals(self) -> int | None:
        """Digits after the decimal sign, where they are told."""
        return int(self.option) if self.kind in {"number", "percent"} and self.option else None


def read_format(text: str) -> Format:
    """Read a format as YAML gives it: `percent`, `number:2`, `currency:EUR`, `date:full`, `duration:min`.

    Raises:
        ValueError: There is no such format; the message shows what there is.
    """
    kind, _, option = (part.strip() for part in text.partition(":"))
    if kind not in KINDS:
        shown = "number, number:2, percent, currency:EUR, date, date:full, time, datetime, duration:min, text"
        raise ValueError(f"{text!r} is not a format; write for example {shown}")
    if kind in {"number", "percent"} and option and not (option.isdecimal() and int(option) <= MAX_DECIMALS):
        raise ValueError(f"{text!r}: after the colon comes how many decimals, 0 to {MAX_DECIMALS}")
    if kind == "currency" and not (_CURRENCY.fullmatch(option) and option in numbers.list_currencies()):
        raise ValueError(f"{text!r} names no currency; write for example currency:EUR")
    if kind == "duration" and option and option not in _SECONDS:
        raise ValueError(f"{text!r}: after the colon comes the unit of the values: {', '.join(_SECONDS)}")
    if kind == "text" and option:
        raise ValueError(f"{text!r}: text has no option")
    return Format(kind, option or None)


def check_locale(name: str) -> str:
    """Return the name if there is such a locale.

    Raises:
        ValueError: There is none.
    """
    try:
        Locale.parse(name)
    except (UnknownLocaleError, ValueError, TypeError):
        raise ValueError(f"{name!r} is not a locale; write for example en_US, en_GB or de_DE") from None
    return name


@dataclass(frozen=True)
class Formats:
    """Shows values in one locale and time zone.

    Attributes:
        locale: For example `en_US`.
        timezone: IANA name; aware times are shown in it.
    """

    locale: str = "en_US"
    timezone: str = "UTC"

    @cached_property
    def babel(self) -> Locale:
        """The locale as Babel has it."""
        return Locale.parse(self.locale)

    @property
    def right_to_left(self) -> bool:
        """Whether its script is written from right to left."""
        return self.babel.text_direction == "rtl"

    @property
    def language(self) -> str:
        """The language tag that documents declare, e.g. `en-US`."""
        return self.locale.replace("_", "-")

    def show(self, value: Any, form: Format | str | None = None) -> str:
        """Show a value: in a format, or in the one usual for its type."""
        if is_nothing(value):
            return DASH
        form = read_format(form) if isinstance(form, str) else form or usual_format(value)
        number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        if form.kind in {"number", "percent", "currency"} and number:
            return self._numeric(value, form)
        if form.kind == "duration" and (number or isinstance(value, dt.timedelta)):
            return self.duration(value, form.option or "s")
        if form.kind in {"date", "time", "datetime"} and isinstance(value, dt.date | dt.time):
            return self._moment(value, form)
        if isinstance(value, bool):
            return words(self.locale)["yes" if value else "no"]
        return str(value)

    def number(self, value: Any, decimals: int | None = None) -> str:
        """A number with grouped digits; without `decimals`, as many as matter, at most 2."""
        return self.show(value, Format("number", None if decimals is None else str(decimals)))

    def percent(self, value: Any, decimals: int | None = None) -> str:
        """A share: 0.812 is 81.2 %."""
        return self.show(value, Format("percent", None if decimals is None else str(decimals)))

    def currency(self, value: Any, code: str) -> str:
        """An amount of money."""
        return self.show(value, read_format(f"currency:{code}"))

    def date(self, value: Any, style: str = "medium") -> str:
        """A day; `style` is short, medium, long, full, or a pattern such as `MMMM y`."""
        return self.show(value, Format("date", style))

    def time(self, value: Any, style: str = "short") -> str:
        """A time of day."""
        return self.show(value, Format("time", style))

    def datetime(self, value: Any, style: str | None = None) -> str:
        """Day and time; without a style, without seconds."""
        return self.show(value, Format("datetime", style))

    def duration(self, value: Any, unit: str = "s") -> str:
        """A span of time: `1 hr 5 min`. `unit` is the values': s, min, h or ms."""
        if is_nothing(value):
            return DASH
        factor = _SECONDS[unit]
        total = value.total_seconds() if isinstance(value, dt.timedelta) else float(value) * factor
        parts = _duration_parts(abs(total))
        text = SPACE.join(
            units.format_unit(amount, f"duration-{name}", length="short", locale=self.babel) for amount, name in parts
        )
        return f"{MINUS}{text}" if total < 0 and any(amount for amount, _ in parts) else text

    def span(self, start: dt.date, last: dt.date) -> str:
        """Days from the first to the last, both included."""
        if start == last:
            return self.date(start, "long")
        return str(dates.format_interval(start, last, "yMMMd", locale=self.babel))

    def change(self, value: Any, previous: Any, form: Format | None = None) -> str:
        """How much a value has changed: in points where it is a share, else in percent; a dash where unknown."""
        if is_nothing(value) or is_nothing(previous):
            return DASH
        if form is not None and form.kind == "percent":
            return f"{self._signed((float(value) - float(previous)) * 100, 1)}{SPACE}pp"
        if not previous:
            return DASH
        share = (float(value) - float(previous)) / abs(float(previous))
        sign = "+" if round(share, 3) > 0 else ""
        return sign + self.percent(share, 1)

    def _signed(self, value: float, decimals: int) -> str:
        return ("+" if round(value, decimals) > 0 else "") + self.number(value, decimals)

    def _numeric(self, value: Any, form: Format) -> str:
        if abs(value) >= _LARGEST and form.kind != "currency":
            return _true_minus(str(numbers.format_scientific(value, format="0.###E0", locale=self.babel)))
        if form.kind == "currency":
            return _true_minus(numbers.format_currency(value, form.option or "EUR", locale=self.babel))
        decimals = form.decimals
        if form.kind == "percent":
            pattern = _with_decimals(str(self.babel.percent_formats[None].pattern), 1 if decimals is None else decimals)
            return _true_minus(_pattern(pattern).apply(value, self.babel))
        pattern = "#,##0.##" if decimals is None else _with_decimals("#,##0", decimals)
        if decimals is None and 0 < abs(value) < 0.01:  # noqa: PLR2004
            pattern = "@@#"  # two or three digits that matter
        return _true_minus(_unsigned_zero(_pattern(pattern).apply(value, self.babel)))

    def _moment(self, value: dt.date | dt.time, form: Format) -> str:
        there = zone(self.timezone)
        if isinstance(value, dt.datetime) and value.tzinfo is not None:
            value = value.astimezone(there)
        style: Any = form.option or ("short" if form.kind == "time" else "medium")
        if isinstance(value, dt.datetime):
            value = value.replace(tzinfo=None)
            if form.kind == "datetime":
                return self._day_and_time(value, form.option)
            value = value.date() if form.kind == "date" else value.time()
        if isinstance(value, dt.time):
            return str(dates.format_time(value, style if form.kind == "time" else "short", locale=self.babel))
        return str(dates.format_date(value, style if form.kind == "date" else "medium", locale=self.babel))

    def _day_and_time(self, value: dt.datetime, style: str | None) -> str:
        """In the usual style, without seconds."""
        if style is not None:
            return str(dates.format_datetime(value, style, locale=self.babel))
        day = dates.format_date(value, "medium", locale=self.babel)
        clock = dates.format_time(value, "short", locale=self.babel)
        order = str(dates.get_datetime_format("medium", locale=self.babel)).replace("'", "")
        return order.replace("{0}", clock).replace("{1}", day)


def usual_format(value: Any) -> Format:
    """The format of a value that nobody has given one."""
    if isinstance(value, bool):
        return Format("text")
    if isinstance(value, int | float | Decimal):
        return Format("number")
    if isinstance(value, dt.timedelta):
        return Format("duration")
    if isinstance(value, dt.datetime):
        return Format("datetime")
    if isinstance(value, dt.date):
        return Format("date")
    return Format("time" if isinstance(value, dt.time) else "text")


def is_nothing(value: Any) -> bool:
    """Whether there is no value: None, NaN, infinity, NaT."""
    if value is None:
        return True
    if isinstance(value, Decimal):
        return not value.is_finite()
    if isinstance(value, float):
        return not math.isfinite(value)
    return isinstance(value, dt.date) and value != value  # noqa: PLR0124 - pandas' NaT is no equal of itself


@cache
def _pattern(text: str) -> numbers.NumberPattern:
    return numbers.parse_pattern(text)


def _duration_parts(total: float) -> list[tuple[float, str]]:
    minute, hour, day = 60, 3600, 86400
    if total < minute:
        return [(round(total, 1) if total < 10 else round(total), "second")]  # noqa: PLR2004
    if round(total) < hour:
        minutes, seconds = divmod(round(total), minute)
        return [(minutes, "minute")] if not seconds else [(minutes, "minute"), (seconds, "second")]
    if round(total) < day:
        hours, minutes = divmod(round(total / minute), minute)
        return [(hours, "hour")] if not minutes else [(hours, "hour"), (minutes, "minute")]
    days, hours = divmod(round(total / hour), 24)
    return [(days, "day")] if not hours else [(days, "day"), (hours, "hour")]


def _with_decimals(pattern: str, decimals: int) -> str:
    """Put decimals into a CLDR pattern that has none: `#,##0 %`, 1 → `#,##0.0 %`."""
    last = pattern.rindex("0") + 1
    return pattern[:last] + ("." + "0" * decimals if decimals else "") + pattern[last:]


def _unsigned_zero(text: str) -> str:
    return text[1:] if text.startswith("-") and not any(digit in text for digit in "123456789") else text


def _true_minus(text: str) -> str:
    return text.replace("-", MINUS)
