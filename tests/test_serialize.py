"""How bodies become JSON."""

from __future__ import annotations

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.exact_json import WrittenNumber
from ours_cli.mapping.serialize import canonical_json, inside_quotes

TEXTS = st.lists(st.text('",\\a\n\u00e9', max_size=5) | st.text(), min_size=1, max_size=5)


@given(TEXTS)
@example(["a", ",", "b"])
@example(['a",', "b"])
@example(["a\\", "b"])
def test_texts_are_split_where_they_end_or_not_at_all(texts: list[str]) -> None:
    inside = inside_quotes(orjson.dumps(texts))
    one_by_one = [orjson.dumps(text)[1:-1] for text in texts]
    assert inside is None or inside.split(b'","') == one_by_one


def test_a_quote_within_a_text_is_no_reason_to_look_at_each() -> None:
    texts = ['she said "no, thanks"', "plain", '"', "", "two\nlines"]
    inside = inside_quotes(orjson.dumps(texts))
    assert inside is not None
    assert inside.split(b'","') == [orjson.dumps(text)[1:-1] for text in texts]


def test_digits_that_a_double_cannot_hold_are_sent_beside_any_others() -> None:
    numbers = {"even": WrittenNumber("20.00"), "odd": WrittenNumber("12345678901234567.5")}
    assert canonical_json(numbers) == b'{"even":20.0,"odd":12345678901234567.5}'
    more = b'{"even":20.0,"long":1180591620717411303424,"odd":12345678901234567.5}'
    assert canonical_json({**numbers, "long": 2**70}) == more
