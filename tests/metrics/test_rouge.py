"""SP-ROUGE equals rouge-score 0.1.2 exactly, on real text of every language and on random pieces."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from xlgen.languages import LANGUAGES
from xlgen.metrics import METRICS
from xlgen.metrics.lcs import lcs_length, summary_hits
from xlgen.metrics.pieces import Pieces

PEER = {
    "sp_rouge_1": "rouge1",
    "sp_rouge_2": "rouge2",
    "sp_rouge_l": "rougeL",
    "sp_rouge_lsum": "rougeLsum",
}


class _PieceTokenizer:
    """What rouge-score asks of a tokenizer."""

    def __init__(self, path: Path) -> None:
        self.tokenizer = Pieces(path).tokenizer

    def tokenize(self, text: str) -> list[str]:
        return self.tokenizer.pieces(text)


class _Spaced:
    def tokenize(self, text: str) -> list[str]:
        return text.split()


def assert_equal_to_peer(path: Path, pairs: list[tuple[str, str]]) -> None:
    """Compare all four variants; the difference must be exactly zero."""
    peer = rouge_scorer.RougeScorer(list(PEER.values()), tokenizer=_PieceTokenizer(path))
    ours = {name: METRICS[name](Pieces(path)) for name in PEER}
    for prediction, reference in pairs:
        expected = peer.score(reference, prediction)
        for name, metric in ours.items():
            found = metric.statistics(prediction, reference, "en")
            assert found == (expected[PEER[name]].fmeasure, 1.0), (name, prediction, reference)


def make_pairs(texts: list[str], *, seed: str, count: int = 12) -> list[tuple[str, str]]:
    """Make outputs from real lines: shuffled, doubled, cut, joined, and from other texts."""
    draw = random.Random(seed)
    lines = [line for text in texts for line in text.split("\n")]
    pairs = [(text, text) for text in texts[:2]] + [
        ("", texts[0]),
        (texts[0], ""),
        ("\n\n", texts[0]),
    ]
    for _ in range(count):
        reference = draw.choices(lines, k=draw.randint(1, 5))
        prediction = [*draw.sample(reference, k=len(reference)), *draw.choices(lines, k=2)]
        prediction = [line[draw.randint(0, 9) :] for line in prediction[draw.randint(0, 2) :]]
        joint = draw.choice(["\n", "\n\n", " ", "\r\n", "\u2028"])
        pairs.append((joint.join(prediction), "\n".join(reference)))
    return pairs


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_equals_rouge_score(
    language: str, texts: dict[str, list[str]], model_path: Path
) -> None:
    assert_equal_to_peer(model_path, make_pairs(texts[language], seed=language))


@pytest.mark.parametrize("language", ["th", "ar", "vi"])
def test_unknown_pieces_match_only_themselves(
    language: str, texts: dict[str, list[str]], latin_model_path: Path
) -> None:
    tokenizer = Pieces(latin_model_path).tokenizer
    assert tokenizer.unk in tokenizer.encode(texts[language][0])
    assert_equal_to_peer(latin_model_path, make_pairs(texts[language], seed=language))


def test_mixed_languages_equal_rouge_score(texts: dict[str, list[str]], model_path: Path) -> None:
    every = [text for group in texts.values() for text in group[:2]]
    assert_equal_to_peer(model_path, make_pairs(every, seed="all", count=30))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("abc\n", max_size=30), min_size=2, max_size=2))
def test_few_kinds_of_pieces_equal_rouge_score(pair: list[str]) -> None:
    """Ties between subsequences and clipped counts are common where there are three pieces only."""
    first, second = [" ".join(text.replace("\n", "~")).replace("~", "\n") for text in pair]
    peer = rouge_scorer.RougeScorer(["rougeL", "rougeLsum"], tokenizer=_Spaced())
    expected = peer.score(second, first)
    lines = [[line.split() for line in text.split("\n") if line] for text in (first, second)]
    total = sum(map(len, lines[1]))
    recall = summary_hits(lines[1], lines[0]) / total if total else 0
    assert recall == expected["rougeLsum"].recall
    whole = first.split(), second.split()
    recall = lcs_length(*whole) / len(whole[1]) if whole[1] else 0
    assert recall == expected["rougeL"].recall


def test_hundreds_of_pieces_in_a_line_equal_rouge_score() -> None:
    draw = random.Random(0)
    first = [[str(draw.randint(0, 40)) for _ in range(300)] for _ in range(3)]
    second = [[str(draw.randint(0, 40)) for _ in range(200)] for _ in range(2)]
    peer = rouge_scorer.RougeScorer(["rougeLsum"], tokenizer=_Spaced())
    texts = ["\n".join(" ".join(line) for line in lines) for lines in (first, second)]
    expected = peer.score(texts[1], texts[0])["rougeLsum"].recall
    assert summary_hits(second, first) / 400 == expected


def test_case_and_punctuation_count(pieces: Pieces) -> None:
    """rouge-score's own tokenizer would call all of these the same."""
    metric = METRICS["sp_rouge_1"](pieces)
    for prediction in ("interface to use", "Interface to use!", "Interfaces to using"):
        assert metric.statistics(prediction, "Interface to use", "en")[0] < 1


def test_lsum_looks_for_lines_anywhere_and_l_does_not(pieces: Pieces) -> None:
    swapped = "要使用的界面：\nกำลังติดตั้งแพกเกจ", "กำลังติดตั้งแพกเกจ\n要使用的界面："
    assert METRICS["sp_rouge_lsum"](pieces).statistics(*swapped, "th")[0] == 1
    assert METRICS["sp_rouge_l"](pieces).statistics(*swapped, "th")[0] < 1
