"""The f-string that puts values together to the JSON of bodies, where rows may lack some of them.

A value that every row has stands in its place. One that a row may lack brings its key and a comma along, or
is empty. Keys are in the order of canonical JSON.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import orjson

from ours_cli.drafting.row_code import for_each_row
from ours_cli.exact_json import as_sent

Part: TypeAlias = "str | int | dict[str, str | int]"
"""What a key of a body has: JSON, the number of a value, or an object of such keys."""


class _Around(NamedTuple):
    """What comes before and after a value that a row may lack."""

    before: str
    after: str

    def put(self, texts: Iterable[str]) -> list[str]:
        before, after = self
        return [f"{before}{text}{after}" if text else "" for text in texts]


class BodyForm:
    """Makes bodies of values and times.

    `are_texts` says of each value whether it stands between quotes, `gaps` which ones some rows lack.
    """

    def __init__(self, parts: Mapping[str, Part], are_texts: Sequence[bool], gaps: Collection[int]) -> None:
        self._are_texts = are_texts
        self._gaps = gaps
        self._around: dict[int, _Around] = {}
        self._hollow: list[tuple[list[int], _Around]] = []  # objects that rows may lack as a whole
        # Without its first brace: see `bodies.Bodies`.
        template = self._joined({**parts, "time": len(are_texts)}) + "}}"
        self._texts = for_each_row(f"f{template!r}", len(are_texts) + 1 + len(self._hollow))

    def __call__(self, values: Sequence[Sequence[str]], times: Sequence[int | None]) -> list[str]:
        """The JSON of each row's body, without its first brace. A value that a row lacks is empty."""
        filled: list[Sequence[Any]] = [*values, times]
        for number, around in self._around.items():
            filled[number] = around.put(values[number])
        for numbers, around in self._hollow:
            within = map("".join, zip(*(filled[number] for number in numbers), strict=True))
            filled.append(around.put([text[:-1] for text in within]))
        return self._texts(zip(*filled, strict=True))

    def _joined(self, parts: Mapping[str, Part]) -> str:
        """An object's keys and values. One of them is in every row, so that each comma has its place."""
        keys = sorted(parts)
        certain = next(at for at, key in enumerate(keys) if not self._may_lack(parts[key]))
        return "".join(
            self._written(key, parts[key], "," if at > certain else "", "," if at < certain else "")
            for at, key in enumerate(keys)
        )

    def _may_lack(self, part: Part) -> bool:
        return all(map(self._may_lack, part.values())) if isinstance(part, dict) else part in self._gaps

    def _written(self, key: str, part: Part, before: str, after: str) -> str:
        before += f"{as_json(key)}:"
        if isinstance(part, str):
            return _literal(before + part + after)
        if isinstance(part, int):
            quote = '"' if part < len(self._are_texts) and self._are_texts[part] else ""
            before, after = before + quote, quote + after
            if part not in self._gaps:
                return f"{_literal(before)}{{v{part}}}{_literal(after)}"
            self._around[part] = _Around(before, after)
            return f"{{v{part}}}"
        before, after = before + "{", "}" + after
        if not self._may_lack(part):
            return f"{_literal(before)}{self._joined(part)}{_literal(after)}"
        for name, number in part.items():
            self._written(name, number, "", ",")
        numbers = [number for _, number in sorted(part.items()) if isinstance(number, int)]
        self._hollow.append((numbers, _Around(before, after)))
        return f"{{v{len(self._are_texts) + len(self._hollow)}}}"


def as_json(value: object) -> str:
    """The JSON of a constant; raises `TypeError` for what orjson cannot write."""
    return orjson.dumps(value, as_sent).decode()


def _literal(text: str) -> str:
    """A text as an f-string spells it."""
    return text.replace("{", "{{").replace("}", "}}")
