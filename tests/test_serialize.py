"""How bodies become JSON."""

from __future__ import annotations

import orjson
from hypothesis import example, given
from hypothesis import strategies as st

from ours_cli.mapping.serialize import inside_quotes

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
