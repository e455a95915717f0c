"""Aligned paragraphs: what is a pair, what is left out, and that nothing held out is trained on.

Excerpts: GNOME 43 help (CC-BY-SA-3.0), the Universal Declaration of Human Rights.
"""

import json
import lzma

import pytest
from test_howto import ENGLISH, GERMAN
from udhr import ARTICLE_1

from xlgen.benchmarks.held_out import check_data
from xlgen.data.examples import Example
from xlgen.sources import build
from xlgen.sources.filters import paragraph_key
from xlgen.sources.markup import Block
from xlgen.sources.pages import Page, Pages, Source
from xlgen.sources.parallel import HeldOutPages, align, parallel_text
from xlgen.sources.readers import read_examples

NOTHING = HeldOutPages({}, frozenset(), [])


def page(document: str, language: str, blocks: list[Block]) -> Page:
    return Page(document, language, 0, f"help-{language}", "CC-BY-SA-3.0", blocks)


def texts(*paragraphs: str) -> list[Block]:
    return [Block(0, "text", text) for text in paragraphs]


def test_blocks_of_pages_alike_are_pairs():
    found = list(align(page("d", "en", ENGLISH), page("d", "de", GERMAN)))
    assert [(pair.english, pair.other) for pair in found] == [
        (ours.text, theirs.text) for ours, theirs in zip(ENGLISH, GERMAN, strict=True)
    ]
    assert [pair.place for pair in found] == list(range(len(ENGLISH)))
    assert not list(align(page("d", "en", ENGLISH), page("d", "de", GERMAN[:-1])))
    turned = [GERMAN[1], GERMAN[0], *GERMAN[2:]]
    assert not list(align(page("d", "en", ENGLISH), page("d", "de", turned)))


@pytest.mark.parametrize("language", ["th", "ar", "hi", "zh", "vi"])
def test_pairs_in_every_script(language):
    found = list(
        align(
            page("d", "en", texts(ARTICLE_1["en"])), page("d", language, texts(ARTICLE_1[language]))
        )
    )
    assert [pair.other for pair in found] == [ARTICLE_1[language]]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Block(0, "code", "print(1 + one)"), Block(0, "code", "drucke(1 + eins)")),
        (Block(0, "text", "LibreOffice Base"), Block(0, "text", "LibreOffice Base")),
        (Block(0, "text", "12.5 %"), Block(0, "text", "12,5 %")),
        (Block(0, "text", ARTICLE_1["en"]), Block(0, "text", "")),
        (Block(0, "text", ARTICLE_1["en"]), Block(0, "text", ARTICLE_1["fr"])),
    ],
    ids=["code", "the same", "no letters", "empty", "another language"],
)
def test_what_teaches_nothing_is_left_out(ours, theirs):
    assert not list(align(page("d", "en", [ours]), page("d", "de", [theirs])))


LINES = {
    "en": ["Open the file you want to edit.", "Save the file under another name.", "Close the window.",
           "Print the first page of the file.", "Choose a colour for the text.", "Delete the last line."],
    "de": ["Öffnen Sie die Datei, die Sie bearbeiten wollen.", "Speichern Sie die Datei unter anderem Namen.",
           "Schließen Sie das Fenster.", "Drucken Sie die erste Seite der Datei.",
           "Wählen Sie eine Farbe für den Text.", "Löschen Sie die letzte Zeile."],
}  # fmt: skip


def pages() -> Pages:
    """Six documents; 0 and 1 share their first paragraph, with other marks; every page begins alike."""
    made = []
    for language in ("en", "de"):
        lines = LINES[language]
        for number, line in enumerate(lines):
            more = [lines[0].upper().rstrip(".")] if number == 1 else []
            first = {"en": "Related topics", "de": "Verwandte Themen"}[language]
            made.append(page(f"doc/{number}", language, texts(first, line, *more)))
    return Pages(
        made, [Source(f"help-{code}", "1", "CC-BY-SA-3.0", "A") for code in ("en", "de", "fr")]
    )


def held_out() -> HeldOutPages:
    like = Example(id="h", language="en", input=LINES["en"][4].replace(" ", "-"), target="t")
    return HeldOutPages(
        {"doc/0": "validation", "doc/2": "test"},
        frozenset({paragraph_key(LINES["en"][3])}),
        [like],
    )


def test_nothing_held_out_is_trained_on():
    made = parallel_text(pages(), held_out(), least=1)
    assert set(made.records) == {"en-de.train", "en-de.validation", "en-de.test"}
    train = made.records["en-de.train"]
    # 0 and 2 are held out, so is 0's text in 1; 3 by its paragraph, 4 by an example like it
    assert {record["document"] for record in train} == {"doc/1", "doc/5"}
    assert {r["input"] for r in train} == {
        LINES[code][number] for code in LINES for number in (1, 5)
    }
    assert [r["id"] for r in train] == [
        f"doc/{n}#1@{pair}" for n in (1, 5) for pair in ("en-de", "de-en")
    ]
    for record in train:
        assert (record["language"] == "de") == (record["input"] in LINES["en"])
    assert [r["document"] for r in made.records["en-de.validation"]] == ["doc/0"] * 2
    assert {r["document"] for r in made.records["en-de.test"]} == {"doc/2"}
    assert made.statistics["pairs"]["en-de"]["train"]["paragraphs"] == 2
    assert [source.package for source in made.sources] == ["help-de"]


def test_files_of_several_pairs_can_be_joined(tmp_path):
    made = [page("d", code, texts(ARTICLE_1[code])) for code in ("en", "vi", "hi", "zh")]
    pairs = parallel_text(Pages(made, []), NOTHING, least=1).records
    joined = tmp_path / "joined.jsonl.xz"
    for pair in ("en-vi", "en-hi", "en-zh"):
        lines = "".join(json.dumps(record) + "\n" for record in pairs[f"{pair}.train"])
        with joined.open("ab") as file:
            file.write(lzma.compress(lines.encode()))
    found = [(e.id, e.language, e.input) for e in read_examples(joined)]
    assert sorted(id for id, *_ in found) == [
        f"d#0@{way}" for way in ("en-hi", "en-vi", "en-zh", "hi-en", "vi-en", "zh-en")
    ]
    assert ("d#0@hi-en", "en", ARTICLE_1["hi"]) in found


def test_what_one_pair_holds_out_no_other_trains_on():
    """The Hindi page of the held-out document is of another shape, so that its pair has no test for it."""
    own = {"en": "Save it.", "vi": "Hãy lưu tệp này lại.", "hi": "इसे अभी सहेजें।"}
    made = [page("in", code, texts(ARTICLE_1[code], own[code])) for code in own]
    made += [page("out", code, texts(ARTICLE_1[code])) for code in ("en", "vi")]
    made.append(page("out", "hi", texts(*[ARTICLE_1["hi"]] * 2)))
    held_out = HeldOutPages({"out": "test"}, frozenset(), [])
    found = parallel_text(Pages(made, []), held_out, least=1).records
    assert [r["input"] for r in found["en-vi.test"]] == [ARTICLE_1["en"], ARTICLE_1["vi"]]
    assert not found["en-hi.test"]
    assert "Save it." in [r["input"] for r in found["en-hi.train"]]
    for pair in ("en-vi", "en-hi"):
        assert ARTICLE_1["en"] not in [r["input"] for r in found[f"{pair}.train"]]


def test_languages_with_too_little_are_left_out():
    assert parallel_text(pages(), NOTHING, least=99).records == {}


def test_a_paragraph_is_trained_on_once():
    made = parallel_text(pages(), NOTHING, least=1)
    inputs = [r["input"] for r in made.records["en-de.train"] if r["language"] == "de"]
    assert inputs.count("Related topics") == 1


def test_built_files_read_as_examples_and_pass_the_leak_check(tmp_path, monkeypatch):
    monkeypatch.setattr(
        build, "make_parallel", lambda archive: parallel_text(pages(), held_out(), least=1)
    )
    monkeypatch.setattr(build, "Archive", lambda cache: cache)
    out = tmp_path / "parallel"
    statistics = build.build("parallel", cache=tmp_path, out=out)
    assert build.build("parallel", cache=tmp_path, out=out) == statistics  # whole, so left alone
    train = out / "en-de.train.jsonl.xz"
    examples = read_examples(train, languages=["de"])
    assert [(e.id, e.task, e.document) for e in examples] == [
        ("doc/1#1@en-de", "translation", "doc/1"), ("doc/5#1@en-de", "translation", "doc/5"),
    ]  # fmt: skip
    assert check_data(train, held_out=out / "en-de.test.jsonl.xz")["leaks"] == "none"
    with lzma.open(train, "rt", encoding="utf-8") as lines:
        assert {json.loads(line)["licence"] for line in lines} == {"CC-BY-SA-3.0"}
    assert "help-de" in (out / "ATTRIBUTION.md").read_text("utf-8")


def test_no_pair_trains_on_what_is_nearly_the_test_of_another():
    """The held-out document has no Hindi; a page that has says the same and a word more."""
    near = {
        code: f"{ARTICLE_1[code]} {word}" for code, word in (("en", "Indeed."), ("hi", "सचमुच।"))
    }
    made = [page("out", code, texts(ARTICLE_1[code])) for code in ("en", "vi")]
    made += [page("in", code, texts(near[code])) for code in near]
    held_out = HeldOutPages({"out": "test"}, frozenset(), [])
    found = parallel_text(Pages(made, []), held_out, least=0).records
    assert [r["input"] for r in found["en-vi.test"]] == [ARTICLE_1["en"], ARTICLE_1["vi"]]
    assert not found["en-hi.train"]
    alone = [one for one in made if one.language != "vi"]
    assert len(parallel_text(Pages(alone, []), NOTHING, least=0).records["en-hi.train"]) == 2
