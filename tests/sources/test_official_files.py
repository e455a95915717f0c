"""Understanding benchmarks: official files read, written as multilingual-T5 does, faults named by line."""

import gzip
import json
import logging
import lzma

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st
from understanding_files import (
    TEXTS,
    XNLI_COLUMNS,
    asked,
    context,
    save,
    squad_json,
    write_all,
)

from xlgen.errors import InputError
from xlgen.sources import SOURCES, official, questions
from xlgen.sources.forms import inference, pad_punctuation, paraphrase, question, tagging
from xlgen.sources.missing import why_missing
from xlgen.sources.official import OfficialFiles
from xlgen.sources.published import PUBLISHED, is_published
from xlgen.sources.readers import read_examples, read_with_notes

OFFICIAL = [name for name in SOURCES if isinstance(SOURCES[name], OfficialFiles)]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder that XLGEN_DATA names, with nothing in it yet."""
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path / "data"))
    official._warn.cache_clear()  # told once a process; here, once a test
    return tmp_path / "data"


def refusal(name, split, **options):
    with pytest.raises(InputError) as caught:
        read_examples(name, split=split, **options)
    return str(caught.value)


# multilingual-T5, preprocessors_test.py; T5's own name for PAWS is `paws` (mt5 tasks.py).
def test_multilingual_t5s_own_examples():
    asked_for = pad_punctuation(
        "Whose portrait by François Clouet was included in the Jones bequest of 1882?"
    )
    some = pad_punctuation("Some context.")
    assert question(asked_for, context=some) == (
        "question: Whose portrait by François Clouet was included in the Jones bequest of 1882 ?"
        " context: Some context . "
    )
    assert pad_punctuation("The answer.") == "The answer . "
    assert inference("premise1", "hypothesis1") == "xnli: premise: premise1 hypothesis: hypothesis1"
    assert tagging(["rick", "and", "morty", "are", "cool", "."]) == "tag: rick and morty are cool ."
    assert paraphrase("A b.", "B a.") == "paws sentence1: A b. sentence2: B a."


@pytest.mark.parametrize(
    ("text", "padded"),
    [
        ("", ""),
        ("ปี 1882?", "ปี 1882 ? "),  # Thai vowels and tones are marks: they stay
        ("مرحبًا، العالم", "مرحبًا ، العالم"),  # so is the tanwin
        ("जन्म-भूमि।", "जन्म - भूमि । "),
        ("北京（中国）", "北京 （ 中国 ） "),
        ("Hà Nội—Huế", "Hà Nội — Huế"),
        ("Ha\u0300 No\u0323i", "Ha\u0300 No\u0323i"),  # decomposed accents too
        ("a_b  c\t\nd", "a_b c d"),  # underscores stay; white space is one space
        ("a\u00a0b", "a \u00a0 b"),  # to RE2 a no-break space is no white space, but a sign
        ("U.S.", "U . S . "),
        ("½ €5", "½ € 5"),
    ],
)
def test_punctuation_is_padded_and_nothing_else(text, padded):
    assert pad_punctuation(text) == padded


@given(st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=40))
def test_padding_is_that_of_multilingual_t5s_expressions(text):
    """RE2's classes, by the peer library: its own \\s would count other white space too."""
    padded = regex.sub(r"([^_\t\n\f\r \p{N}\p{L}\p{M}])", r" \1 ", text)
    assert pad_punctuation(text) == regex.sub(r"[\t\n\f\r ]+", " ", padded)


# Source, split, language: how many, and the first.
FIRST = [
    ("xnli", "train", "en", 9,
     "xnli: premise: All human beings are born free hypothesis: All human beings", "1"),
    ("xnli", "validation", "vi", 3,
     "xnli: premise: Tất cả mọi người sinh ra đều được hypothesis: Tất cả mọi người", "1"),
    ("xnli", "test", "sw", 3,
     "xnli: premise: Watu wote wamezaliwa huru, hadhi na haki zao hypothesis: Watu wote wamezaliwa huru,",
     "1"),
    ("pawsx", "validation", "ko", 4,
     "paws sentence1: 인간은 태어날 때부터 자유로우며 그 존엄과"
     " sentence2: 존엄과 그 자유로우며 때부터 태어날 인간은", "different_meaning"),
    ("squad", "train", "en", 4,
     f"question: spirit of brotherhood . ? context: {pad_punctuation(context('en'))}train", "All human"),
    ("xquad", "test", "zh", 2, "question: 的精神相对待 。 ? context: 人人生而自由 ，"
     " 在尊严和权利上一律平等 。"
     " 他们赋有理性和良心 ， 并应以兄弟关系的精神相对待 。 ", "人人生而自由"),
    ("mlqa", "validation", "hi", 2,
     f"question: बर्ताव करना चाहिए । ? context: {pad_punctuation(context('hi'))}",
     "सभी मनुष्यों"),
    ("tydiqa", "validation", "sw", 2, f"question: yapasa watendeane kindugu . ? context:"
     f" {pad_punctuation(context('sw'))}", "na haki"),
    ("wikiann", "train", "ar", 3, "tag: يولد جميع الناس أحرارًا متساوين", "PER: يولد جميع $$ LOC: أحرارًا"),
    ("wikiann", "test", "th", 3, "tag: ายเ กิด มาม ีอิ สระ", "PER: ายเ กิด $$ LOC: ีอิ"),
    ("wikiann", "validation", "he", 3, "tag: האדם נולדו בני חורין ושווים", "PER: האדם נולדו $$ LOC: חורין"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "split", "language", "count", "text", "target"), FIRST)
def test_official_files_become_text_to_text(data, name, split, language, count, text, target):
    write_all(data)
    found = read_examples(name, split=split, languages=[language])
    assert {example.language for example in found} == {language}
    assert len(found) == len({example.id for example in found}) == count
    assert (found[0].input, found[0].target) == (text, target)
    assert found[0].source == name and found[0].document


def test_translations_share_a_document_and_nothing_else_does(data):
    """Limits and intervals go by documents: what is parallel must stay so."""
    write_all(data)
    for name, split in (("xnli", "test"), ("pawsx", "test"), ("xquad", "test"), ("mlqa", "test")):
        documents = [
            {example.document for example in read_examples(name, split=split, languages=[code])}
            for code in ("en", "zh")
        ]
        assert documents[0] == documents[1], name
        assert not any(split not in document for document in documents[0])
    entities = [read_examples("wikiann", split="test", languages=[code]) for code in ("en", "zh")]
    assert not {e.document for e in entities[0]} & {e.document for e in entities[1]}


def test_several_answers_stand_one_a_line(data):
    answers = [
        {"text": "in dignity", "answer_start": 45},
        {"text": "equal in dignity.", "answer_start": 0},
    ]
    qas = [asked("en", "q") | {"answers": answers}]
    save(data / "squad" / "dev-v1.1.json", squad_json([(context("en"), qas)]))
    (example,) = read_examples("squad", split="validation")
    assert example.target == "in dignity\nequal in dignity . "


def test_files_may_be_packed_and_lie_anywhere_below(data):
    write_all(data)
    path = data / "xquad" / "xquad.th.json"
    packed = path.with_name("deep") / "xquad.th.json.gz"
    before = read_examples("xquad", split="test", languages=["th"])
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert "expected one xquad.th.json" in refusal("xquad", "test", languages=["th"])
    path.unlink()
    assert read_examples("xquad", split="test", languages=["th"]) == before


@pytest.mark.parametrize("name", OFFICIAL)
def test_what_is_missing_is_one_line_with_its_publisher(data, name):
    source = SOURCES[name]
    for split in source.files:
        told = refusal(name, split)
        assert "https://" in PUBLISHED[name].files and PUBLISHED[name].files in told
        assert told.startswith(f"{data / name}: no file ") and "\n" not in told
        asked = source.train if split == "train" else source.languages
        assert why_missing(name, split=split, languages=asked) == told
        assert source.files[split].format(language="en") in told
    assert "expected a split, got 'dev'" in refusal(name, "dev")
    assert "expected a split, got None" in refusal(name, None)
    language = "th" if "th" not in source.languages else "ja"
    unknown = next(c for c in (language, "cs") if c not in source.languages)
    assert f"{name} has no " in refusal(name, next(iter(source.files)), languages=[unknown])


def test_the_place_is_that_of_every_published_set(data, tmp_path, monkeypatch):
    """XLGEN_DATA/NAME, NAME in the working directory, and NAME:FOLDER; nowhere else."""
    assert all(map(is_published, OFFICIAL))
    write_all(tmp_path / "here")
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path / "here"))
    named = read_examples("mlqa", split="test", languages=["vi"])
    assert len(named) == 2
    monkeypatch.delenv("XLGEN_DATA")
    elsewhere = f"mlqa:{tmp_path / 'here' / 'mlqa'}"
    assert read_examples(elsewhere, split="test", languages=["vi"]) == named
    assert refusal("mlqa", "test", languages=["vi"]).startswith("mlqa: no file test-context-vi-")
    monkeypatch.chdir(tmp_path / "here")
    assert read_examples("mlqa", split="test", languages=["vi"]) == named


def xnli(data, *rows, columns=XNLI_COLUMNS):
    lines = ["\t".join(columns), *("\t".join(row.get(c, "") for c in columns) for row in rows)]
    return save(data / "xnli" / "xnli.dev.tsv", "\n".join(lines) + "\n")


GOOD = {
    "language": "th",
    "gold_label": "neutral",
    "sentence1": TEXTS["th"],
    "sentence2": "มนุษย์",
    "pairID": "1",
}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"gold_label": "maybe"},
         "xnli.dev.tsv:3: expected gold_label entailment, neutral, contradiction, got 'maybe'"),
        ({"language": "ja"}, "xnli.dev.tsv:3: expected a language of xnli, got 'ja'"),
        ({"language": "xx"}, "xnli.dev.tsv:3: expected a language of xnli, got 'xx'"),
        ({"pairID": "1"}, "id '1' came before in 'th', at "),
    ],
)  # fmt: skip
def test_a_wrong_row_of_xnli_is_named(data, row, told):
    xnli(data, GOOD, GOOD | {"pairID": "2"} | row)
    assert told in refusal("xnli", "validation")


def test_wrong_columns_are_named(data):
    """XTREME's files have three columns and no header."""
    xnli(data, GOOD, columns=["language", "sentence1", "sentence2", "label"])
    assert "xnli.dev.tsv:2: expected a column 'gold_label'" in refusal("xnli", "validation")
    path = xnli(data, GOOD)
    path.write_text(path.read_text("utf-8") + "th\tneutral\n", "utf-8")
    assert "xnli.dev.tsv:3: expected 19 fields as in the header, got 2" in refusal(
        "xnli", "validation"
    )
    save(data / "pawsx" / "en" / "dev_2k.tsv", "id\tsentence1\tsentence2\n1\ta\tb\n")
    assert "dev_2k.tsv:2: expected a column 'label'" in refusal(
        "pawsx", "validation", languages=["en"]
    )
    save(
        data / "xnli" / "multinli_1.0_train.jsonl",
        '{"gold_label": "neutral", "sentence1": 3, "sentence2": ""}\n',
    )
    assert "multinli_1.0_train.jsonl:1: expected text in 'sentence1', got 3" in refusal(
        "xnli", "train"
    )


def test_pairs_without_a_class_are_counted_and_told(data, caplog):
    """MultiNLI marks with "-" what its annotators did not agree on; PAWS-X has rows without a label."""
    xnli(
        data,
        GOOD,
        GOOD | {"pairID": "2", "gold_label": "-"},
        GOOD | {"pairID": "3", "gold_label": "-"},
    )
    rows = ["id\tsentence1\tsentence2\tlabel", "1\ta\tb\t1", "2\ta\tb\tNS", '3\t"a\tb\t0']
    save(data / "pawsx" / "en" / "dev_2k.tsv", "\n".join(rows) + "\n")
    with caplog.at_level(logging.WARNING):
        assert len(read_examples("xnli", split="validation")) == 1
        found = read_examples("pawsx", split="validation", languages=["en"])
        read_examples("pawsx", split="validation", languages=["en"])  # told once
    assert [example.target for example in found] == ["paraphrase", "different_meaning"]
    assert found[1].input == 'paws sentence1: "a sentence2: b'  # a quote is text
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert told[0].endswith(
        "xnli.dev.tsv:3: a pair without a class, left out, 2 times from here on"
    )
    assert told[1].endswith(
        "dev_2k.tsv:3: a label that is neither 0 nor 1, left out, 1 times from here on"
    )


def squad(data, *qas, text=None):
    return save(data / "squad" / "dev-v1.1.json", squad_json([(text or context("en"), list(qas))]))


def test_answers_out_of_place_are_kept_counted_and_told(data, caplog):
    """Texts are learnt, not places: a wrong place does no harm, an answer from nowhere may."""
    good = asked("en", "1")
    moved = asked("en", "2") | {"answers": [{"text": "All human", "answer_start": 3}]}
    foreign = asked("en", "3") | {"answers": [{"text": "no such words", "answer_start": 0}]}
    squad(data, good, moved, foreign, foreign | {"id": "4"})
    with caplog.at_level(logging.WARNING):
        assert len(read_examples("squad", split="validation")) == 4
    told = sorted(record.getMessage().rpartition("dev-v1.1.json")[2] for record in caplog.records)
    assert told == [
        ":2: an answer that does not stand at its answer_start, kept, 1 times from here on",
        ":3: an answer that is not in its context, kept, 2 times from here on",
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"answers": []}, "dev-v1.1.json:2: question '2': expected at least one answer"),
        ({"answers": [{"text": " "}]}, "dev-v1.1.json:2: question '2': expected text in an answer"),
        ({"answers": ["x"]}, "dev-v1.1.json:2: question '2': expected text in an answer, got 'x'"),
        ({"question": None}, "dev-v1.1.json:2: expected text in 'question', got None"),
        ({"id": 7}, "dev-v1.1.json:2: expected text in 'id', got 7"),
        ({"id": "1"}, "dev-v1.1.json:2: id '1' came before"),
    ],
)
def test_a_wrong_question_is_named_by_its_number(data, wrong, told):
    squad(data, asked("en", "1"), asked("en", "2") | wrong)
    assert told in refusal("squad", "validation")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"data": [\n{"paragraphs": ', "dev-v1.1.json:2: expected SQuAD's JSON"),
        ("[]", "dev-v1.1.json: the file: expected a list in 'data', as in SQuAD's JSON"),
        ('{"data": [{"title": "x"}]}', "data[0]: expected a list in 'paragraphs'"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', "data[0].paragraphs[0]: expected text in 'context'"),
        ("[" * 100_000, "expected SQuAD's JSON"),
        ("", "dev-v1.1.json:1: expected SQuAD's JSON"),
    ],
)  # fmt: skip
def test_what_is_not_squads_json_is_refused(data, text, told):
    save(data / "squad" / "dev-v1.1.json", text)
    assert told in refusal("squad", "validation")


PACKERS = {".gz": lambda data: gzip.compress(data, mtime=0), ".xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKERS)
def test_damaged_archives_are_refused(data, suffix):
    """Each byte flipped in turn, and each end cut off: the same questions, or one line with the file."""
    text = squad_json([(context("th"), [asked("th", "1")])])
    packed = PACKERS[suffix](text.encode())
    path = save(data / "squad" / f"dev-v1.1.json{suffix}", "")
    path.write_bytes(packed)
    good = read_examples("squad", split="validation")
    flipped = (
        packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :] for at in range(len(packed))
    )
    outcomes = []
    for damaged in (*flipped, packed[:-20], packed[:12], packed + b"more"):
        path.write_bytes(damaged)
        try:
            assert read_examples("squad", split="validation") == good
            outcomes.append("as before")  # gzip's header has bytes that nobody looks at
        except InputError as error:
            assert str(error).startswith(f"{path}: damaged (") and "\n" not in str(error)
            outcomes.append("refused")
    assert outcomes.count("as before") <= 8


@pytest.mark.parametrize("suffix", ["", *PACKERS])
def test_no_more_is_unpacked_than_the_limit(data, monkeypatch, suffix):
    content = squad_json([(context("hi"), [asked("hi", "1")])]).encode()
    path = save(data / "squad" / f"dev-v1.1.json{suffix}", "")
    path.write_bytes(PACKERS.get(suffix, bytes)(content))
    monkeypatch.setattr(questions, "LIMIT", len(content))
    assert len(read_examples("squad", split="validation")) == 1
    monkeypatch.setattr(questions, "LIMIT", len(content) - 1)
    told = refusal("squad", "validation")
    assert told.startswith(f"{path}: expected at most {len(content) - 1:,} bytes of SQuAD's JSON")


def test_other_bytes_are_refused(data):
    save(data / "squad" / "dev-v1.1.json", "").write_bytes(b'{"data": "\xff"}')
    assert "dev-v1.1.json: expected SQuAD's JSON in UTF-8" in refusal("squad", "validation")


def test_tydiqa_tells_languages_by_ids(data):
    save(data / "tydiqa" / "tydiqa-goldp-v1.1-dev.json", squad_json([
        (context("sw"), [asked("sw", "swahili--1")]), (context("th"), [asked("th", "thai--2")]),
    ]))  # fmt: skip
    told = refusal("tydiqa", "validation")
    assert "dev.json:2: expected an id that begins with a language of tydiqa, got 'thai'" in told
    reading = read_with_notes("tydiqa", split="validation", on_bad="skip")
    assert (reading.notes.kept, reading.notes.rejected) == (1, 1)


def conll(data, text, *, language="th"):
    return save(data / "wikiann" / language / "dev", text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("th:กรุง\tB-LOC\nth:เทพ\n\n", "dev:2: expected a token, a tab and a tag, got 1 columns"),
        ("th:กรุง B-LOC\n", "dev:1: expected a token, a tab and a tag, got 1 columns"),
        ("th:กรุง\tNN\tB-LOC\n", "dev:1: expected a token, a tab and a tag, got 3 columns"),
        ("th:ก\tO\n\nth:ข\tB-MISC\n", "dev:3: expected a tag O, B- or I- and PER, ORG or LOC, got 'B-MISC'"),
        ("th:ก\tLOC\n", "dev:1: expected a tag"),
        ("th:ก\tO\nlo:ข\tO\n", "dev:2: expected a token that begins with 'th:', got 'lo:ข'"),
        ("vi:Hà\tB-LOC\n", "dev:1: expected a token that begins with 'th:', got 'vi:Hà'"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_wikiann_is_named(data, text, told):
    conll(data, text)
    assert told in refusal("wikiann", "validation", languages=["th"])


def test_bytes_that_are_no_text_are_named(data):
    conll(data, "").write_bytes("th:ก\tO\n".encode() + b"th:\xff\tO\n\nth:a\tO\n")
    assert "dev:2: expected UTF-8, got 0xFF" in refusal("wikiann", "validation", languages=["th"])


def test_iob_errors_are_counted_and_told(data, caplog):
    """I- without its beginning begins an entity, as CoNLL's script and multilingual-T5's loader have it."""
    text = "th:ก\tO\nth:ข\tI-PER\nth:ค\tI-PER\nth:ง\tI-LOC\n\nth:จ\tI-ORG\n\nth:ฉ\tB-PER\nth:a:b\tI-PER\n"
    conll(data, text)
    with caplog.at_level(logging.WARNING):
        found = read_examples("wikiann", split="validation", languages=["th"])
    assert [example.target for example in found] == ["PER: ข ค $$ LOC: ง", "ORG: จ", "PER: ฉ a:b"]
    told = [record.getMessage().rpartition("/")[2] for record in caplog.records]
    assert told == [
        "dev:2: I- without its beginning, read as B-, 3 times from here on",
        "dev:8: ':' in an entity, which multilingual-T5's span F1 does not read, nor ours,"
        " 1 times from here on",
    ]


def test_a_sentence_without_entities_has_an_empty_target(data):
    conll(data, "th:ก\tO\nth:ข\tO\n\nth:ค\tB-LOC\nth:ง\tB-LOC\n")
    targets = [e.target for e in read_examples("wikiann", split="validation", languages=["th"])]
    assert targets == ["", "LOC: ค $$ LOC: ง"]


def test_tokens_without_a_prefix_are_read_too(data):
    conll(data, "(\tO\nไทย\tB-LOC\n:\tO\n")
    (example,) = read_examples("wikiann", split="validation", languages=["th"])
    assert example.input == "tag: ( ไทย :"


def test_other_targets_must_not_be_empty(tmp_path):
    """That an empty target says something holds for entities alone."""
    path = tmp_path / "x.jsonl"
    path.write_text(
        json.dumps({"id": "1", "language": "th", "input": "ก", "target": ""}) + "\n", "utf-8"
    )
    with pytest.raises(InputError, match="field 'target' is empty"):
        read_examples(path)
