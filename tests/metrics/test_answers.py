"""Answers: normalised and scored as SQuAD's and MLQA's own scripts do, by cases worked out by hand."""

import pytest

from xlgen.metrics.answers import (
    ARTICLES,
    answer_em,
    answer_f1,
    mlqa_em,
    mlqa_f1,
    normalise_mlqa,
    normalise_squad,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("The", ""),
        ("Denver Broncos", "denver broncos"),
        ("the  Denver\tBroncos.", "denver broncos"),
        ("An apple, a day!", "apple day"),
        ("U . S .", "u s"),  # padded as multilingual-T5 pads
        ("U.S.", "us"),
        ("«Ελλάδα»", "«ελλάδα»"),  # ASCII punctuation alone goes
        ("ประเทศไทย", "ประเทศไทย"),
        ("भारत।", "भारत।"),
        ("1,000", "1000"),
        ("theatre", "theatre"),
    ],
)
def test_squad_normalises_as_its_script(text, expected):
    """Rajpurkar et al. 2016, evaluate-v1.1.py: lower case, punctuation, articles, white space."""
    assert normalise_squad(text) == normalise_squad(text, "th") == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        # English and German articles, punctuation of all scripts.
        ("en", "“The Hague” — a city", "hague city"),
        ("de", "Der Kölner Dom, das Wahrzeichen einer Stadt", "kölner dom wahrzeichen stadt"),
        ("de", "Dieder", "dieder"),
        # Spanish: inverted marks; "El" goes, "él" stays.
        ("es", "¿El Niño? Él y los otros", "niño él y otros"),
        ("es", "unas", ""),
        # Vietnamese particles as words only.
        ("vi", "Thủ đô của Việt Nam là Hà Nội", "thủ đô việt nam hà nội"),
        ("vi", "những cái chiếc", ""),
        # Arabic: the article goes wherever its letters stand, within words too; its punctuation goes.
        ("ar", "القاهرة، مصر؟", "قاهرة مصر"),
        ("ar", "في العالم", "في ع م"),  # العالم loses both its "ال"
        # Hindi: danda is punctuation, vowel signs and virama are not; no articles.
        ("hi", "नई दिल्ली।", "नई दिल्ली"),
        # Chinese: every Han letter is a word; Latin words and numbers stay whole.
        ("zh", "在1882年，约翰·Smith先生", "在 1882 年 约 翰 smith 先 生"),
        ("zh", "北京", "北 京"),
        ("zh", "", ""),
    ],
)
def test_mlqa_normalises_by_language(language, text, expected):
    """Lewis et al. 2020, mlqa_evaluation_v1.py."""
    assert normalise_mlqa(text, language) == expected


# multilingual-T5, evaluation/metrics_test.py: answers, prediction, language, EM, F1.
PEERS_CASES = [
    (["", "this is a string"], "this is a string", "en", 100.0, 100.0),
    (["this is a string"] * 2, "", "en", 0.0, 0.0),
    (["this unas a string"], "this a string", "es", 100.0, 100.0),
    (["abc abd", "$$$$"], "abd", "en", 0.0, 200 / 3),
]


@pytest.mark.parametrize(("answers", "prediction", "language", "em", "f1"), PEERS_CASES)
def test_multilingual_t5s_own_cases(answers, prediction, language, em, f1):
    reference = "\n".join(answers)
    for metric, expected in ((mlqa_em(), em), (mlqa_f1(), f1)):
        assert metric.score(metric.statistics(prediction, reference, language)) == pytest.approx(
            expected
        )


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "em", "f1"),
    [
        ("ประเทศ ไทย", "ประเทศไทย", "th", 0.0, 0.0),  # no spaces, no partial credit
        ("ประเทศไทย", "ประเทศไทย\nไทย", "th", 100.0, 100.0),
        ("the Hague", "Hague , The . ", "en", 100.0, 100.0),
        ("Hà Nội Việt Nam", "Hà Nội", "vi", 0.0, 200 / 3),  # P 2/4, R 1
        ("a b b", "b b b", "en", 0.0, 80.0),  # "a" is an article: P 1, R 2/3
        ("", "نعم", "ar", 0.0, 0.0),
        (
            "",
            "The",
            "en",
            100.0,
            0.0,
        ),  # nothing but an article: EM 1, F1 0, as the script has it
        ("北京", "北京市", "zh", 0.0, 0.0),
    ],
)
def test_squads_scores(prediction, reference, language, em, f1):
    for metric, expected in ((answer_em(), em), (answer_f1(), f1)):
        assert metric.score(metric.statistics(prediction, reference, language)) == pytest.approx(
            expected
        )


def test_mlqa_gives_partial_credit_by_letters_in_chinese():
    metric = mlqa_f1()
    assert metric.score(metric.statistics("北京", "北京市", "zh")) == pytest.approx(80.0)


def test_mlqa_has_rules_for_seven_languages():
    assert sorted(ARTICLES) == ["ar", "de", "en", "es", "hi", "vi", "zh"]
    for metric in (mlqa_em(), mlqa_f1()):
        assert not metric.covers("th")
        assert metric.statistics("ไทย", "ไทย", "th") == (0.0, 0.0)
