"""TRANS-TRAIN's data and TRANS-TEST's way through English."""

import json
from dataclasses import replace

import pytest

from xlgen.benchmarks.held_out import check_data
from xlgen.config import from_json, override, to_json
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.recipes.base import RunConfig
from xlgen.recipes.translation import Translation, howto
from xlgen.run import Data
from xlgen.sources.readers import read_examples
from xlgen.translation.through import through_english


@pytest.fixture
def translation(shouting) -> Translation:
    return Translation(
        data=Data(split="train", languages=("en",), limit=6), target="fr", translator=shouting()
    )


def test_examples_in_the_new_language_keep_their_documents(translation, tmp_path):
    result = translation.run(tmp_path)
    assert str(result) == f"{tmp_path / 'examples.jsonl'}: 6 examples"
    originals = translation.data.examples()
    made = read_examples(tmp_path / "examples.jsonl", languages=["fr"])
    for original, example in zip(originals, made, strict=True):
        assert example.id == original.id.removesuffix("@en") + "@fr"
        assert example.language == "fr"
        assert example.input == "\n".join(
            f"FR({line})" if any(map(str.isalpha, line)) else line
            for line in original.input.split("\n")
        )
        kept = ("document", "source", "licence", "task")
        assert [getattr(example, k) for k in kept] == [getattr(original, k) for k in kept]
    assert check_data(tmp_path / "examples.jsonl")["leaks"] == "none"
    assert "shouting 1" in (tmp_path / "examples.jsonl").read_text("utf-8")


def test_labels_that_runs_may_rest_on_are_not_made_anew_by_another_system(translation, tmp_path):
    translation.run(tmp_path)
    before = (tmp_path / "examples.jsonl").read_bytes()
    (tmp_path / "examples.jsonl").unlink()  # as in what `xlgen publish` wrote
    (tmp_path / "translations.jsonl").unlink()
    translation.run(tmp_path)
    assert (tmp_path / "examples.jsonl").read_bytes() == before
    facts = json.loads((tmp_path / "translator.json").read_text("utf-8"))
    assert facts["identity"] == translation.translator.identity("en", "fr")
    (tmp_path / "translator.json").write_text(json.dumps(facts | {"sha256": "0" * 64}), "utf-8")
    with pytest.raises(
        InputError, match=r"of the translator .* restore that translator, or delete"
    ):
        translation.run(tmp_path)


def test_a_translated_test_document_is_found_as_a_leak(translation, tmp_path):
    held_out = Translation(
        data=Data(split="test", languages=("en",), limit=3),
        target="fr",
        translator=translation.translator,
    )
    held_out.run(tmp_path)
    with pytest.raises(InputError, match=r"same document|same id"):
        check_data(tmp_path / "examples.jsonl")


def test_examples_without_documents_get_them_from_their_ids(shouting, tmp_path, write_jsonl):
    rows = [
        {"id": "7", "language": "en", "input": "a", "target": "b"},
        {"id": "8", "language": "en", "input": "\u00ad", "target": "b"},
    ]
    data = Data(source=str(write_jsonl(tmp_path / "own.jsonl", rows)))
    Translation(data=data, target="th", translator=shouting()).run(tmp_path / "run")
    first = json.loads((tmp_path / "run" / "examples.jsonl").read_text("utf-8").split("\n")[0])
    assert (first["id"], first["document"], first["target"]) == ("7", "7", "TH(b)")


def test_settings_that_cannot_work_are_told_before_anything_is_written(
    shouting, tmp_path, write_jsonl
):
    with pytest.raises(InputError, match="set target=CODE"):
        howto().run(tmp_path / "run")
    with pytest.raises(InputError, match="'en' into 'th'"):
        override(howto(), ["target=th", "data.limit=1"]).run(tmp_path / "run")
    rows = [{"id": c, "language": c, "input": "a", "target": "b"} for c in ("en", "hi")]
    data = Data(source=str(write_jsonl(tmp_path / "two.jsonl", rows)))
    with pytest.raises(InputError, match="one language, got en, hi"):
        Translation(data=data, target="fr", translator=shouting()).run(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_failing_translator_is_continued(fake_apertium, tmp_path):
    fake = fake_apertium("count == 2 and sys.exit(1)")
    data = Data(split="train", languages=("en",), limit=40)
    config = Translation(data=data, target="es", translator=fake)
    with pytest.raises(InputError, match=r"256 of .* the same command continues"):
        config.run(tmp_path / "run")
    assert not (tmp_path / "run" / "examples.jsonl").exists()
    again = override(from_json(RunConfig, to_json(config)), ["translator.timeout=301"])
    assert replace(again, translator=fake) == config  # longer patience makes no other run
    assert again.run(tmp_path / "run").examples == 40


def example(language: str, text: str) -> Example:
    return Example(id=f"{text}@{language}", language=language, input=text, target="reference")


def test_trans_test_goes_through_english_and_back(shouting, memory, article_1):
    seen = []

    def predict(examples):
        seen.extend(examples)
        return [f"about {e.input[:9]}\n\nend" for e in examples]

    examples = [example(code, text) for code, text in article_1.items()] + [example("th", "")]
    found = through_english(predict, shouting(), memory=memory)(examples)
    assert [(e.id, e.language, e.target) for e in seen] == [(e.id, "en", "") for e in examples]
    assert [e.input for e in seen] == [
        e.input if e.language == "en" or not e.input else f"EN({e.input})" for e in examples
    ]
    for e, output in zip(examples, found, strict=True):
        if e.language == "en":
            assert output == "about All human\n\nend"
        else:
            about = f"about {('EN(' + e.input)[:9]}" if e.input else "about"
            wanted = f"{e.language.upper()}({about})" + " " * (not e.input)
            assert output == f"{wanted}\n\n{e.language.upper()}(end)"
    assert predict([]) == through_english(predict, shouting(), memory=memory)([]) == []


@pytest.mark.parametrize("way", [("th", "en"), ("en", "th")])
def test_trans_test_needs_both_ways_before_predicting(shouting, memory, monkeypatch, way):
    monkeypatch.setattr(shouting, "pairs", lambda self: frozenset({way}))

    def predict(examples):
        raise AssertionError("predicted in vain")

    with pytest.raises(InputError, match=f"no way from '{way[1]}' into '{way[0]}'"):
        through_english(predict, shouting(), memory=memory)([example("th", "ข้อ")])
    assert not memory.exists()


def test_trans_test_refuses_a_language_before_predicting(fake_apertium, memory):
    def predict(examples):
        raise AssertionError("predicted in vain")

    wrapped = through_english(predict, fake_apertium(), memory=memory)
    with pytest.raises(InputError, match="'vi' into 'en'"):
        wrapped([example("es", "hola"), example("vi", "xin chào")])
    assert not memory.exists()
