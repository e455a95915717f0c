"""Unlabeled text among labelled examples: in proportion, of the right languages, resumable anywhere."""

from collections import Counter

import numpy as np
import pytest
import torch

from xlgen.benchmarks.text import unlabeled_text
from xlgen.config import from_json, override, to_json
from xlgen.data.examples import TokenizedExample
from xlgen.data.shards import shard_of
from xlgen.errors import InputError
from xlgen.methods.model_tuning import ModelTuning
from xlgen.model.load import save_model, tiny_model
from xlgen.run import Adaptation, Data, open_run
from xlgen.tasks import Limits
from xlgen.tasks.mixing import Mix, mix_in
from xlgen.tasks.prefix_lm import PrefixLM
from xlgen.tasks.span_corruption import SpanCorruption, restore
from xlgen.tasks.unlabeled import UnlabeledExamples

LIMITS = Limits(input=48, target=48)
LABELLED = [
    TokenizedExample(f"l{n}", "en", "summarization", (5, n + 3, 1), (7, 1)) for n in range(40)
]


@pytest.fixture
def shards(article_1, spiece):
    return {code: shard_of([text] * 3, spiece) for code, text in article_1.items()}


def mixed(shards, spiece, *, seed=3, **settings):
    mix = Mix(**settings)
    unlabeled = UnlabeledExamples(shards, (mix.task,), spiece, LIMITS, seed)
    return mix_in(LABELLED, unlabeled, mix=mix, seed=seed)


@pytest.mark.parametrize("kappa", [0, 1, 5, 10, 30, 50, 100])
def test_kappa_percent_of_a_hundred_thousand_draws_are_text(kappa, shards, spiece):
    order, _ = mixed(shards, spiece, kappa=float(kappa))
    parts = order.locate_many(0, 100_000).part
    assert (parts > 0).sum() == 1000 * kappa
    if kappa:
        counts = Counter(parts[parts > 0].tolist())
        assert len(counts) == len(shards)  # every language comes


def test_languages_come_in_proportion_to_a_power_of_their_tokens(article_1, spiece):
    shards = {
        "th": shard_of([article_1["th"]] * 16, spiece),
        "vi": shard_of([article_1["vi"]], spiece),
    }
    sizes = [len(shard.tokens) for shard in shards.values()]
    for alpha in (0.0, 0.3, 1.0):
        order, _ = mixed(shards, spiece, kappa=100.0, alpha=alpha)
        counts = Counter(order.locate_many(0, 100_000).part.tolist())
        assert counts[1] / counts[2] == pytest.approx((sizes[0] / sizes[1]) ** alpha, rel=1e-2)


def test_every_draw_is_a_labelled_example_or_the_task_on_its_languages_text(shards, spiece):
    order, at = mixed(shards, spiece, kappa=50.0)
    seen = set()
    for number in range(300):
        part, position, epoch = order.locate(number)
        example = at(part, position, epoch)
        if part == 0:
            assert example is LABELLED[position]
            continue
        assert example.task == "span_corruption"
        shard = shards[example.language]
        raw = SpanCorruption().raw_length(LIMITS)
        text = shard.segment(position, raw_length=raw, epoch=epoch).tolist()
        assert restore(example, spiece) == text
        seen.add(example.language)
    assert seen == set(shards)


def test_an_example_is_the_same_whenever_it_is_asked_for(shards, spiece):
    for seed in (0, 1):
        (order, at), (again, at_again) = (
            mixed(shards, spiece, kappa=30.0, seed=seed) for _ in range(2)
        )
        drawn = [at(*order.locate(number)) for number in range(60)]
        assert drawn == [at_again(*again.locate(number)) for number in reversed(range(60))][::-1]
    other, at_other = mixed(shards, spiece, kappa=30.0, seed=2)
    assert drawn != [at_other(*other.locate(number)) for number in range(60)]


@pytest.mark.parametrize("kappa", [-1, 100.5, float("nan")])
def test_a_kappa_that_is_no_percentage_is_refused(kappa):
    with pytest.raises(InputError, match="expected a percentage, 0 to 100"):
        Mix(kappa=kappa)


def test_a_mix_survives_json_and_its_task_can_be_swapped():
    run = override(Adaptation(), ["mix.kappa=5", 'mix.languages=["th"]', "mix.task=prefix_lm"])
    assert run.mix == Mix(kappa=5.0, languages=("th",), task=PrefixLM())
    assert from_json(Adaptation, to_json(run)) == run


def test_packaged_text_is_the_training_inputs(spiece):
    found = unlabeled_text("howto0", spiece, languages=["vi", "zh"])
    assert list(found) == ["vi", "zh"]
    examples = Data(split="train", languages=("zh",)).examples()
    documents = np.split(found["zh"].tokens, found["zh"].starts[1:])
    inputs = spiece.encode_batch([example.input for example in examples])
    assert sorted(document.tolist() for document in documents) == sorted(inputs)


def test_a_folder_is_text_too_without_what_is_held_out(tmp_path, article_1, spiece, caplog):
    planted = Data(split="test", languages=("th",), source="howto0-short").examples()[0].input
    documents = [f"{article_1['th']} {n}" for n in range(30)]
    (tmp_path / "th.txt").write_text("\n\n".join([planted, *documents]), "utf-8")
    found = unlabeled_text(str(tmp_path), spiece, languages=["th"])
    assert "held out for testing" in caplog.text
    text = spiece.decode(found["th"].tokens.tolist())
    assert article_1["th"][:20] in text
    assert planted[:40] not in text


@pytest.mark.parametrize(
    ("text", "languages", "message"),
    [
        ("howto0", ["th"], "howto0 has no text in 'th' .train., only in .*folder with th.txt"),
        ("howto0", [], "expected at least one, got none; leave it out for all"),
        ("howtoo", None, "'howtoo' is no folder.*did you mean howto0"),
    ],
)
def test_text_that_is_not_there_is_refused(text, languages, message, spiece):
    with pytest.raises(InputError, match=message):
        unlabeled_text(text, spiece, languages=languages)


@pytest.fixture
def run(tmp_path, article_1, spiece, write_jsonl):
    """A run of six steps on English sentences with half Thai, Arabic, Hindi ... text between."""
    save_model(tiny_model(1, vocabulary=704), tmp_path / "model", dtype=torch.float32)
    (tmp_path / "model" / "spiece.model").write_bytes(spiece.path.read_bytes())
    (tmp_path / "text").mkdir()
    for code, text in article_1.items():
        (tmp_path / "text" / f"{code}.txt").write_text(text, "utf-8")
    words = article_1["en"].split()
    train = [
        {"id": f"t{i}", "language": "en", "input": " ".join(words[i : i + 9]), "target": words[i]}
        for i in range(len(words) - 9)
    ]
    watched = [{"id": "v", "language": "en", "input": article_1["en"], "target": words[0]}]
    return override(
        Adaptation(
            model=str(tmp_path / "model"),
            method=ModelTuning(),
            train=Data(source=str(write_jsonl(tmp_path / "train.jsonl", train))),
            validation=Data(source=str(write_jsonl(tmp_path / "watched.jsonl", watched))),
        ),
        [
            "mix.kappa=50", f"mix.text={tmp_path / 'text'}", "limits.input=48", "limits.target=48",
            "training.batch_size=4", "training.steps=6", "training.validate_every=3",
            "training.checkpoint_every=3", "training.log_every=1",
        ],
    )  # fmt: skip


@pytest.mark.parametrize("method", ["model-tuning", "prompt-tuning"])
def test_a_mixed_run_cut_in_two_ends_with_the_same_bits(tmp_path, run, method):
    sampled = ["method.population=100"] if method == "prompt-tuning" else []
    run = override(run, [f"method={method}", *sampled])
    run.run(tmp_path / "whole")
    override(run, ["training.steps=3"]).run(tmp_path / "cut")
    run.run(tmp_path / "cut")
    override(run, ["mix.kappa=0"]).run(tmp_path / "plain")
    whole, cut, plain = (
        open_run(tmp_path / n, "last").adapted.state() for n in ("whole", "cut", "plain")
    )
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert any(not torch.equal(whole[name], plain[name]) for name in whole)  # the text was seen


def test_another_text_in_the_same_folder_is_noticed(tmp_path, run):
    override(run, ["training.steps=3"]).run(tmp_path / "run")
    (tmp_path / "text" / "th.txt").write_text("ข้อความอื่น " * 90, "utf-8")
    with pytest.raises(InputError, match="text"):
        run.run(tmp_path / "run")
