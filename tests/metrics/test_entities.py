"""Span F1 of entities as text: multilingual-T5's rules, and seqeval's number where the two must agree."""

import random

import pytest

from xlgen.metrics.entities import entities, span_f1
from xlgen.metrics.labels import accuracy
from xlgen.metrics.score import score_records


def scored(pairs):
    metric = span_f1()
    return metric.score(sum_of([metric.statistics(p, r, "en") for p, r in pairs]))


def sum_of(rows):
    return [sum(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    ("prediction", "reference", "f1"),
    [
        ("PER: rick $$ PER: morty", "PER: rick $$ PER: morty", 100.0),
        ("PER: morty $$ PER: rick", "PER: rick $$ PER: morty", 100.0),  # no order
        ("PER: rick", "PER: rick $$ PER: morty", 200 / 3),
        ("LOC: rick", "PER: rick", 0.0),  # the type counts
        ("PER: Rick", "PER: rick", 0.0),  # so does case
        ("PER: rick $$ PER: rick", "PER: rick", 200 / 3),  # each as often as it stands there
        ("PER: rick $$ PER: rick", "PER: rick $$ PER: rick", 100.0),
        ("", "PER: rick", 0.0),
        ("rick", "PER: rick", 0.0),
        ("PER: rick", "", 0.0),
        ("LOC: กรุงเทพฯ $$ ORG: 北京大学", "LOC: กรุงเทพฯ $$ ORG: 北京大学", 100.0),
        ("PER: غاندي $$ LOC: दिल्ली", "PER: غاندي $$ LOC: Hà Nội", 50.0),
        ("ORG: a:b", "PER: rick $$ ORG: a:b", 0.0),  # ":" in an entity: it is read nowhere
        ("PER:rick$$LOC:x", "PER: rick", 0.0),  # without spaces it is no delimiter
    ],
)
def test_entities_are_compared_as_multilingual_t5_does(prediction, reference, f1):
    found = scored([(prediction, reference)])
    assert found == pytest.approx(f1)


def test_it_is_micro_averaged():
    """Two sentences: 1 right of 1, 0 right of 3; 2 * 1 / (4 + 2)."""
    pairs = [("PER: a", "PER: a"), ("PER: x $$ PER: y $$ PER: z", "LOC: b")]
    assert scored(pairs) == pytest.approx(100 * 2 / 6)


def test_nothing_expected_and_nothing_found_is_no_score():
    assert scored([("", "")]) is None
    assert scored([("", ""), ("PER: a", "PER: a")]) == 100.0
    assert entities("PER: a $$  $$ b") == [("PER", "a")]


def test_an_empty_reference_can_be_scored_here_and_nowhere_else(tmp_path):
    record = {"id": "1", "language": "sw", "prediction": "PER: Nyerere", "reference": ""}
    scores = score_records([record, record | {"id": "2", "prediction": ""}], metrics=["span_f1"])
    assert scores.cell("sw", "span_f1").value == 0.0
    assert scores.cell("sw", "span_f1").n == 1
    for metric in ("accuracy", "answer_f1"):
        with pytest.raises(ValueError, match="expected a 'reference' for"):
            score_records([record], metrics=[metric])


def test_seqeval_agrees():
    """Tags of random sentences as text, each token another word, so that text says place."""
    seqeval = pytest.importorskip("seqeval.metrics")
    draw = random.Random(0)
    expected, predicted, pairs = [], [], []
    for sentence in range(40):
        gold = make_tags(draw)
        guess = [tag if draw.random() < 0.8 else "O" for tag in gold]
        guess = mended(guess)
        words = [f"w{sentence}.{place}" for place in range(len(gold))]
        expected.append(gold)
        predicted.append(guess)
        pairs.append((written(words, guess), written(words, gold)))
    ours = scored(pairs)
    assert 40 < ours < 95
    assert ours == pytest.approx(100 * seqeval.f1_score(expected, predicted))


def make_tags(draw):
    tags = []
    while len(tags) < 12:
        kind = draw.choice(("PER", "LOC", "ORG", None, None))
        length = draw.randint(1, 3)
        tags += ["O"] if kind is None else [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
    return tags


def mended(tags):
    """Return IOB2 tags: one that would continue nothing begins."""
    found = []
    for tag in tags:
        before = found[-1] if found else "O"
        found.append(f"B{tag[1:]}" if tag[0] == "I" and before[2:] != tag[2:] else tag)
    return found


def written(words, tags):
    spans = []
    for word, tag in zip(words, tags, strict=True):
        if tag[0] == "B":
            spans.append([tag[2:], word])
        elif tag[0] == "I":
            spans[-1][1] += f" {word}"
    return " $$ ".join(f"{kind}: {text}" for kind, text in spans)


@pytest.mark.parametrize(
    ("prediction", "reference", "right"),
    [("1", "1", 1.0), ("1 ", "1", 0.0), ("", "0", 0.0), ("paraphrase", "paraphrase", 1.0),
     ("Paraphrase", "paraphrase", 0.0), ("ไม่", "ไม่", 1.0), ("११", "11", 0.0)],
)  # fmt: skip
def test_accuracy_compares_whole_texts(prediction, reference, right):
    assert accuracy().statistics(prediction, reference, "th") == (right, 1.0)
