"""A tokenizer by language: known counts, parallel documents that are whole, what does not come back."""

import io
import json

import pytest
import sentencepiece
from rich.console import Console

from xlgen.data.fertility import PARALLEL, Counts, count, study, whole_pairs
from xlgen.data.tokenizer import PieceSplitter, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES


@pytest.fixture(scope="module")
def packaged():
    return study("tokenizer")


@pytest.fixture(scope="module")
def lossy(tmp_path_factory, article_1):
    """Return a model of Latin letters without byte fallback, with ids that are not T5's."""
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([article_1["en"]] * 3), model_writer=file, vocab_size=60,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("lossy") / "latin.model"
    path.write_bytes(file.getvalue())
    return path


def test_no_language_takes_twice_the_pieces_of_english(packaged):
    assert [row.language for row in packaged.languages] == list(LANGUAGES)
    ratios = {row.language: row.ratio for row in packaged.languages}
    assert ratios["en"] == 1
    assert {language: ratio for language, ratio in ratios.items() if ratio > 2} == {}
    assert packaged.worst.ratio == max(ratios.values()) > 1
    assert packaged.mean_ratio == pytest.approx((sum(ratios.values()) - 1) / 17)


def test_parallel_text_survives_the_packaged_tokenizer(packaged):
    assert [row.parallel.changed for row in packaged.languages] == [0] * 18
    for row in packaged.languages:
        assert row.parallel.byte_share < 0.5, row.language  # percent
        assert row.data_set == PARALLEL[row.language in ("th", "hi", "ar")]
    assert packaged.refused is None


def test_only_documents_that_are_whole_in_both_languages_are_compared():
    for data_set in PARALLEL:
        for language, pairs in whole_pairs(data_set).items():
            for own, english in pairs:
                assert own.language == language
                assert own.document == english.document
                assert len(own.input.split("\n")) == len(english.input.split("\n"))
    short = whole_pairs("howto0-short")
    assert set(short) == set(LANGUAGES)
    assert len(whole_pairs("howto0")["ja"]) < 200  # of 249: a translation often lacks paragraphs


def test_counts_of_known_texts():
    counts = count(packaged_tokenizer(), ["", "😀", "a\tb"])
    # nothing; a space and four bytes; two pieces, and a tab that the normalizer makes a space
    assert counts == Counts(texts=3, characters=4, pieces=7, bytes=4, changed=0)
    assert counts.per_character == 7 / 4
    assert counts.byte_share == pytest.approx(400 / 7)
    assert count(packaged_tokenizer(), []).per_character == 0


def test_text_that_a_model_loses_is_counted_and_shown(lossy):
    counts = count(PieceSplitter(lossy), ["free", "ก free", "born ก"])
    assert (counts.texts, counts.changed, counts.first_changed) == (3, 2, "ก free")
    studied = study(str(lossy))
    lost = {row.language for row in studied.languages if row.parallel.changed}
    assert {"th", "hi", "ar", "zh", "ja", "ko", "ru"} <= lost
    assert "expected pad id 0" in studied.refused
    assert "not for pretraining" in studied.table().caption


def test_every_line_of_a_corpus_is_counted(tmp_path, article_1):
    for language in ("th", "en"):
        text = f"{article_1[language]}\nx\n\n{article_1[language]}\n\n\n"
        (tmp_path / f"{language}.txt").write_text(text, "utf-8")
    studied = study("tokenizer", tmp_path)
    corpus = {row.language: row.corpus for row in studied.languages if row.corpus}
    assert list(corpus) == ["en", "th"]
    assert corpus["th"].texts == 3
    assert corpus["th"].characters == 2 * len(article_1["th"]) + 1
    assert corpus["th"].changed == 0
    told = studied.to_json()
    assert json.loads(json.dumps(told)) == told
    assert studied.table().row_count == 18
    console = Console(width=80, file=io.StringIO())
    console.print(studied.table())
    assert "…" not in console.file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"), [(b"text", "expected a SentencePiece model"), (None, "cannot read it")]
)
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path, content, message):
    path = tmp_path / "bad.model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"bad.model: .*{message}"):
        study(str(path))


def test_a_corpus_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no <language>\.txt"):
        study("tokenizer", tmp_path)
    (tmp_path / "en.txt").write_bytes(b"free\n\xff\n")
    with pytest.raises(InputError, match=r"en\.txt:2: not UTF-8"):
        study("tokenizer", tmp_path)
