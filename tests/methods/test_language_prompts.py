"""A prompt a language: its own parameter, its own rows; and prompts read from every form they have."""

import numpy as np
import pytest
import torch

from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.errors import InputError
from xlgen.methods.bank import PromptBank
from xlgen.methods.language_prompts import LanguagePrompts, read_language_prompts
from xlgen.methods.model_tuning import ModelTuning
from xlgen.methods.prompt_files import read_prompt
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import tiny_model

SIX = ("en", "th", "ar", "hi", "zh", "vi")


def attach(tokenizer, **settings):
    method = LanguagePrompts(**({"languages": SIX} | settings))
    return method.attach(tiny_model(1), tokenizer, seed=3).eval()


def example(number, language):
    return TokenizedExample(str(number), language, "lm", (5 + number, 1), (7, 8, 1))


@pytest.mark.parametrize("length", [1, 3])
def test_all_begin_as_prompt_tuning_with_that_seed(small_tokenizer, length):
    prompt = PromptTuning(length=length)
    alone = prompt.attach(tiny_model(1), small_tokenizer, seed=3)
    adapted = attach(small_tokenizer, prompt=prompt)
    assert list(adapted.trainable()) == [f"language/{code}" for code in SIX]
    for code in SIX:
        assert torch.equal(adapted.prompt(code), alone.prompt)


def test_each_row_stands_behind_the_prompt_of_its_language(small_tokenizer):
    """A mixed batch encodes as prompt tuning with each language's prompt would."""
    adapted = attach(small_tokenizer)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.copy_(torch.randn_like(parameter))
    spoken = ("th", "vi", "th", "hi")
    mixed = collate([example(number, code) for number, code in enumerate(spoken)])
    with torch.no_grad():
        encoded = adapted.encode(mixed)
        together = encoded.hidden_ND.split(encoded.lengths)
        for number, code in enumerate(spoken):
            alone = PromptTuning(length=1).attach(tiny_model(1), small_tokenizer, seed=0).eval()
            alone.prompt.copy_(adapted.prompt(code))
            theirs = alone.encode(collate([example(number, code)])).hidden_ND
            torch.testing.assert_close(together[number], theirs, atol=1e-5, rtol=0)


def test_only_the_languages_of_a_batch_are_moved(small_tokenizer):
    adapted = attach(small_tokenizer).train()
    batch = collate([example(0, "zh"), example(1, "ar")])
    adapted.encode(batch).hidden_ND.square().sum().backward()
    moved = [code for code in SIX if adapted.prompt(code).grad.abs().sum() > 0]
    assert moved == ["ar", "zh"]


def test_exported_prompts_come_back_by_language(tmp_path, small_tokenizer):
    adapted = attach(small_tokenizer)
    with torch.no_grad():
        for parameter in adapted.trainable().values():
            parameter.copy_(torch.randn_like(parameter))
    adapted.export(tmp_path / "run" / "export", base="x")
    for place in (tmp_path / "run", tmp_path / "run" / "export"):
        found = read_language_prompts(place)
        assert set(found) == set(SIX)
        for code in SIX:
            assert np.array_equal(found[code], adapted.prompt(code).detach().numpy())
    assert read_prompt(tmp_path / "run" / "export" / "th").shape == (1, 32)  # for method.init=file


def test_a_bank_gives_its_language_halves(tmp_path):
    halves = {code: torch.full((2, 3), float(number)) for number, code in enumerate(SIX)}
    PromptBank(halves, {"lm": torch.ones(2, 3)}, "m").save(tmp_path / "export" / "bank.safetensors")
    for place in (tmp_path, tmp_path / "export" / "bank.safetensors"):
        found = read_language_prompts(place)
        assert {code: found[code].mean() for code in found} == {c: n for n, c in enumerate(SIX)}


def test_googles_arrays_are_read_by_any_spelling_of_the_language(tmp_path):
    for number, name in enumerate(("th", "zh-CN", "sw", "ru-Latn", "he")):
        np.save(tmp_path / f"{name}.npy", np.full((1, 4), number, np.float32))
    (tmp_path / "README.md").write_text("notes lie beside prompts")
    found = read_language_prompts(tmp_path)
    assert {code: prompt[0, 0] for code, prompt in found.items()} == {
        "th": 0, "zh": 1, "sw": 2, "ru-Latn": 3, "iw": 4,
    }  # fmt: skip


def save(folder, **arrays):
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)


ONE = np.ones((1, 4), np.float32)
BROKEN = {
    "no folder": (lambda p: None, "no prompts in it; expected a run of text.language_prompts"),
    "an empty folder": (lambda p: p.mkdir(), "no prompts in it"),
    "no language": (
        lambda p: save(p, summarization=ONE),
        "summarization.npy: unknown language code",
    ),
    "twice a language": (lambda p: save(p, he=ONE, iw=ONE), "iw.npy: a second prompt for 'iw'"),
    "not finite": (lambda p: save(p, th=ONE * np.nan), "th.npy: the prompt holds NaN"),
    "whole numbers": (lambda p: save(p, th=ONE.astype(int)), "of floating-point numbers"),
    "no file format": (lambda p: p.write_text("x"), "not a readable safetensors file"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_are_no_prompts_is_told(tmp_path, kind):
    make, message = BROKEN[kind]
    make(tmp_path / "prompts")
    with pytest.raises(InputError, match=message):
        read_language_prompts(tmp_path / "prompts")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"languages": ()}, "method.languages: expected codes, each once"),
        ({"languages": ("th", "th")}, "method.languages: expected codes, each once"),
        ({"prompt": ModelTuning()}, "expected prompt-tuning of each language, got model-tuning"),
        ({"prompt": PromptTuning(length=0)}, "expected 1 to 1000, got 0"),
    ],
)
def test_settings_that_make_no_prompts_are_told(small_tokenizer, settings, message):
    with pytest.raises(InputError, match=message):
        attach(small_tokenizer, **settings)


def test_a_language_without_a_prompt_is_named(small_tokenizer):
    with pytest.raises(InputError, match=r"no prompt for the language 'ja': .*method.languages"):
        attach(small_tokenizer).encode(collate([example(0, "ja")]))
