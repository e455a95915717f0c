"""A run of XLGen's own, trained to translate and then used for it."""

import itertools
import json
from dataclasses import replace

import pytest
import torch

from xlgen.config import override, to_json
from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.model.load import save_model, tiny_model
from xlgen.recipes.translation import model as recipe
from xlgen.run import OpenedRun, open_run
from xlgen.tasks.translation import TranslationTask
from xlgen.translation.own import RunTranslator
from xlgen.translation.translate import translate


@pytest.fixture(scope="module")
def run(tmp_path_factory, small_tokenizer, article_1, write_jsonl):
    """Return a run of two steps, on articles in six languages."""
    folder = tmp_path_factory.mktemp("own")
    save_model(tiny_model(1), folder / "model", dtype=torch.float32)
    (folder / "model" / "spiece.model").write_bytes(small_tokenizer.path.read_bytes())
    sources = {"en": article_1["vi"], "vi": article_1["en"], "th": article_1["en"]}

    def rows(part: slice) -> list[dict[str, str]]:
        return [
            {"id": f"{code}{part.start}", "language": code, "input": text[part],
             "target": article_1[code][part]}
            for code, text in sources.items()
        ]  # fmt: skip

    trained = str(write_jsonl(folder / "train.jsonl", rows(slice(0, 30))))
    watched = str(write_jsonl(folder / "watched.jsonl", rows(slice(40, 60))))
    config = override(
        recipe(),
        [
            f"model={folder / 'model'}", f"train.source={trained}", f"validation.source={watched}",
            'train.languages=["en","vi","th"]', 'select_on=["en","vi","th"]', "training.steps=2",
            "training.batch_size=2", "training.validate_every=1", "training.checkpoint_every=1",
            "limits.input=64", "limits.target=32", "decoding.max_length=12",
        ],
    )  # fmt: skip
    config.run(folder / "run")
    return folder / "run"


def test_the_prefix_names_the_language_to_write(spiece, article_1):
    for code, name in {
        "th": "Thai",
        "ar": "Arabic",
        "hi": "Hindi",
        "zh": "Chinese",
        "vi": "Vietnamese",
    }.items():
        example = Example(
            id="1", language=code, input=article_1["en"], target=article_1[code], task="translation"
        )
        tokenized = TranslationTask().tokenize(example, spiece)
        assert list(tokenized.input[:-1]) == spiece.encode(
            f"translate to {name}: {article_1['en']}"
        )
        assert list(tokenized.target[:-1]) == spiece.encode(article_1[code])
        assert (tokenized.task, tokenized.language) == ("translation", code)
    empty = TranslationTask().tokenize(Example(id="2", language="fr", input="", target=""), spiece)
    assert list(empty.input[:-1]) == spiece.encode("translate to French: ")


def test_a_run_translates_the_pairs_it_was_taught(run, memory, article_1):
    system = RunTranslator(folder=run)
    assert system.pairs() == {("en", "vi"), ("en", "th"), ("vi", "en"), ("th", "en")}
    found = translate([article_1["en"][:20], ""], system, source="en", target="th", memory=memory)
    opened = open_run(run)
    expected = opened.predict(
        [Example(id="1", language="th", input=article_1["en"][:20], target="")]
    )
    assert found == [expected[0].replace("\n", " "), ""]
    with pytest.raises(InputError, match="'en' into 'hi'; it has en into th, vi"):
        translate(["a"], system, source="en", target="hi", memory=memory)


def test_a_run_that_takes_too_long_is_told(run, memory, article_1, monkeypatch):
    """What a call has done by then is kept, so that one after the other gets to the end."""
    monkeypatch.setattr("xlgen.translation.translate.KEPT_AT_ONCE", 1)
    monkeypatch.setattr("xlgen.translation.translate.monotonic", itertools.count(0, 7).__next__)
    system = RunTranslator(folder=run, timeout=6.5)
    assert system.identity("vi", "en") == RunTranslator(folder=run).identity("vi", "en")
    texts = [article_1[code][:20] for code in ("vi", "hi", "zh")]
    for left in (3, 2):
        too_long = rf"'run' took 7\.0 seconds .* at most 6\.5;.*; 1 of {left} paragraphs"
        with pytest.raises(InputError, match=too_long):
            translate(texts, system, source="vi", target="en", memory=memory)
    found = translate(texts, system, source="vi", target="en", memory=memory)
    assert len(found) == 3
    kept = [json.loads(line)["translation"] for line in memory.open(encoding="utf-8")]
    assert found == kept


def test_what_is_longer_than_the_run_reads_is_cut_into_sentences(
    run, memory, article_1, monkeypatch
):
    seen = []

    def predict(self, examples):
        seen.extend(example.input for example in examples)
        return [f"<{example.input}>" for example in examples]

    monkeypatch.setattr(OpenedRun, "predict", predict)
    system = RunTranslator(folder=run)
    text = "a b. " * 60 + "c"
    found = translate([text, "a. b."], system, source="en", target="vi", memory=memory)
    assert found[1] == "<a. b.>"  # what fits stays whole
    assert found[0] == "<a b.> " * 60 + "<c>"
    assert seen == ["a b.", "c", "a. b."]


@pytest.mark.parametrize(
    ("settings", "limit"),
    [(["limits.input=24"], 24), (["decoding.max_input=30"], 30), ([], 64)],
)
def test_a_text_that_just_fits_stays_whole(run, memory, monkeypatch, settings, limit):
    """`limit` tokens with the words that name the language and </s>, whichever setting is less."""
    opened = open_run(run)
    opened = replace(opened, config=override(opened.config, settings))
    monkeypatch.setattr(RunTranslator, "_open", lambda self: opened)
    seen = []

    def predict(self, examples):
        seen.extend(example.input for example in examples)
        return ["" for _ in examples]

    monkeypatch.setattr(OpenedRun, "predict", predict)
    lengths = {
        len(opened.tokenizer.encode(TranslationTask.told(text, "vi"))) + 1: text
        for text in ("a. " * n + "b" * m for n in range(40) for m in (1, 2, 3, 4, 5))
    }
    translator = RunTranslator(folder=run)
    translate([lengths[limit]], translator, source="en", target="vi", memory=memory)
    assert seen == [lengths[limit]]
    translate([lengths[limit + 1]], translator, source="en", target="vi", memory=memory)
    assert len(seen) > 2


def test_without_english_to_write_there_is_no_way_back(tmp_path):
    config = override(recipe(), ['train.languages=["vi", "th"]'])
    (tmp_path / "config.json").write_text(json.dumps(to_json(config)))
    assert RunTranslator(folder=tmp_path).pairs() == {("en", "vi"), ("en", "th")}


def test_identity_follows_the_weights_and_the_search(run, monkeypatch):
    found = [
        RunTranslator(folder=run, settings=settings).identity("en", "vi")
        for settings in ((), ("decoding.beams=7",))
    ]
    opened = open_run(run)
    monkeypatch.setattr(RunTranslator, "_open", lambda self: replace(opened, weights="0" * 64))
    found.append(RunTranslator(folder=run).identity("en", "vi"))
    assert len(set(found)) == 3


def test_settings_of_the_search_alone_may_change(run, memory, article_1):
    own, short = (
        translate([article_1["en"]], system, source="en", target="vi", memory=memory)[0]
        for system in (
            RunTranslator(folder=run),
            RunTranslator(folder=run, settings=("decoding.beams=1", "decoding.max_length=3")),
        )
    )
    assert len(short) < len(own)
    other = RunTranslator(folder=run, settings=("limits.input=9",))
    with pytest.raises(InputError, match=r"limits\.input=9: .* was trained with its own"):
        translate(["a"], other, source="en", target="vi", memory=memory)


def test_identity_is_that_of_the_step_and_the_model(run):
    first, second = (RunTranslator(folder=run, checkpoint=step) for step in ("1", "2"))
    assert first.identity("en", "vi") != second.identity("en", "vi")
    best = RunTranslator(folder=run).identity("en", "vi")
    assert best in (first.identity("en", "vi"), second.identity("en", "vi"))


def test_other_folders_are_refused(run, tmp_path):
    with pytest.raises(InputError, match=r"set translator\.folder=RUN"):
        RunTranslator().pairs()
    with pytest.raises(InputError, match="cannot read it"):
        RunTranslator(folder=tmp_path).pairs()
    other = (
        (run / "config.json")
        .read_text()
        .replace('"task": "translation"', '"task": "summarization"')
    )
    (tmp_path / "config.json").write_text(other)
    with pytest.raises(InputError, match=r"expected a run with task=translation; train one with"):
        RunTranslator(folder=tmp_path).pairs()
