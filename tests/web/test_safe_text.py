"""Text in HTML: remembered or not, it is the same."""

from __future__ import annotations

import pytest

from web.safe_text import SHORT, safe


@pytest.mark.parametrize("length", [1, SHORT + 1])
def test_marks_quotes_and_amps_are_escaped_the_second_time_too(length: int) -> None:
    text = "<a href=\"x\" title='y'>&</a>" * length
    for _ in range(2):
        assert safe(text) == "&lt;a href=&quot;x&quot; title=&#x27;y&#x27;&gt;&amp;&lt;/a&gt;" * length
