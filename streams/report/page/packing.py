"""The charts as data of the page: specifications, and each table that they draw once."""

from __future__ import annotations

import json
from typing import Any, Final

from streams.report.page.style import ON_THE_PAGE
from streams.report.page.words import Words

#: Digits that a chart can show, and a reader of its data can use.
_DIGITS: Final = 7
#: Columns by which a chart's several tables are told apart.
_TOLD_BY: Final = {"risk": "risk", "type": "events", "detector": "alarms"}


class Packed:
    """Charts to be put on a page.

    Parameters
    ----------
    words
        In which downloads are told.
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._charts: dict[str, Any] = {}
        self._tables: dict[str, Any] = {}
        self._files: dict[str, str] = {}

    def add(self, name: str, chart: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        """Take a chart in, and return its downloads: the file's name and what it is called.

        Parameters
        ----------
        name
            Of the figure.
        chart
            As altair tells it, with its tables.
        """
        tables = chart.pop("datasets", {})
        found = []
        for key, rows in tables.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            cells = [[_cell(row.get(column)) for column in columns] for row in rows]
            self._tables[key] = {"columns": columns, "rows": cells}
            # What only helps to read is drawn, and is no data of the report.
            if not all(column.startswith("_") for column in columns):
                found.append((key, columns))
        chart["usermeta"] = {"tables": list(tables)}
        self._charts[name] = chart
        downloads = []
        for key, columns in found:
            called = self._words.tell("page.csv")
            file = f"{name}.csv"
            if len(found) > 1:
                kind = next((each for each in _TOLD_BY if each in columns), "data")
                called += f": {self._words.word(_TOLD_BY.get(kind, kind))}"
                file = f"{name}-{kind}.csv"
            self._files[file] = key
            downloads.append((file, called))
        return tuple(downloads)

    def everything(self) -> str:
        """Return all charts, tables and downloads as JSON, in the colours of the page."""
        charts = json.dumps(self._charts, ensure_ascii=False, separators=(",", ":"))
        for colour, name in ON_THE_PAGE.items():
            charts = charts.replace(f'"{colour}"', f'"{name}"')
        rest = {"tables": self._tables, "files": self._files, "locale": self._locale()}
        told = json.dumps(rest, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return f'{{"charts":{charts},{told[1:]}'

    def _locale(self) -> dict[str, Any] | None:
        if self._words.language != "zh":
            return None
        months = [f"{month}月" for month in range(1, 13)]
        days = [f"星期{day}" for day in "日一二三四五六"]
        return {
            "dateTime": "%Y年%-m月%-d日 %X",
            "date": "%Y年%-m月%-d日",
            "time": "%H:%M:%S",
            "periods": ["上午", "下午"],
            "days": days,
            "shortDays": [day[-1] for day in days],
            "months": months,
            "shortMonths": months,
        }


def in_script(text: str) -> str:
    r"""Return JSON that cannot end the script that it stands in, nor begin another.

    Examples
    --------
    >>> in_script('{"customer": "</script><script>alert(1)</script>"}')[:25]
    '{"customer": "\\u003c/scri'
    """
    for character in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else float(f"{value:.{_DIGITS}g}")
    return value
