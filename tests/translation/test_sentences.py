"""Sentences: where they end, and that nothing between them is lost."""

from xlgen.translation.sentences import sentences


def test_what_is_too_long_is_cut_and_nothing_is_lost():
    def fits(text):
        return len(text) <= 12

    for text in [
        "one two three four. " * 3 + "end",
        "x" * 40,
        "打开文件。保存文件。" * 3,
        "a。b",
        "",
        "one\ttwo three four",
    ]:
        parts = sentences(text, fits)
        assert "".join(part + gap for part, gap in parts) == text
        assert all(fits(part) and part == part.strip() for part, _ in parts)
    assert sentences("one two three four five six", fits) == [
        ("one two", " "), ("three", " "), ("four", " "), ("five six", ""),
    ]  # fmt: skip
    assert {len(part) for part, _ in sentences("สวัสดีครับ", lambda part: len(part) <= 3)} == {2, 3}
    assert sentences("1.5 a. B?\tc…", lambda part: True) == [
        ("1.5 a.", " "), ("B?", "\t"), ("c…", ""),
    ]  # fmt: skip
