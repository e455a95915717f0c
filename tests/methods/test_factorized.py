"""Factorized prompts: halves recombine exactly, in mixed batches too; banks come back as they were."""

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import MT5ForConditionalGeneration

from xlgen.data.batches import collate
from xlgen.data.examples import TokenizedExample
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.methods.bank import PromptBank, Stack, fingerprint, read_bank
from xlgen.methods.factorized import FactorizedPrompts
from xlgen.methods.prompt_files import read_prompt, save_prompt
from xlgen.model.load import save_model, tiny_model
from xlgen.recipes import RECIPES
from xlgen.tasks import unsupervised_tasks

SIX = ("en", "th", "ar", "hi", "zh", "vi")
TASKS = ("span_corruption", "prefix_lm", "lm")


def example(number, language, task="prefix_lm"):
    tokens = tuple(5 + (number * 7 + k) % 400 for k in range(3 + number % 5))
    return TokenizedExample(str(number), language, task, (*tokens, 1), (9, 1))


def attach(tokenizer, *, seed=0, **settings):
    chosen = {"length": 4, "languages": SIX, "tasks": TASKS} | settings
    return FactorizedPrompts(**chosen).attach(tiny_model(1), tokenizer, seed=seed).eval()


def test_a_prompt_is_its_languages_half_and_then_its_tasks(small_tokenizer):
    adapted = attach(small_tokenizer)
    bank = adapted.bank()
    for language in SIX:
        for task in TASKS:
            batch = collate([example(3, language, task)])
            prompt_PD = bank.compose(Stack(language, task))
            assert torch.equal(prompt_PD[:4], bank.languages[language])
            assert torch.equal(prompt_PD[4:], bank.tasks[task])
            with torch.no_grad():
                wanted = adapted.model.encode(batch.input_BL, batch.input_mask_BL, prompt_PD[None])
                assert torch.equal(adapted.encode(batch).hidden_ND, wanted.hidden_ND)


def test_a_batch_of_all_pairs_is_each_pair_alone(small_tokenizer):
    adapted = attach(small_tokenizer)
    pairs = [(language, task) for language in SIX for task in TASKS]
    examples = [example(n, *pair) for n, pair in enumerate(pairs)]
    with torch.no_grad():
        together = adapted.encode(collate(examples))
        rows = together.hidden_ND.split(together.lengths)
        for row, one in zip(rows, examples, strict=True):
            alone = adapted.encode(collate([one])).hidden_ND
            torch.testing.assert_close(row, alone, atol=1e-5, rtol=0)


def test_only_the_halves_of_a_batch_are_moved(small_tokenizer):
    adapted = attach(small_tokenizer).train()
    adapted.encode(
        collate([example(0, "th", "lm"), example(1, "hi", "lm")])
    ).hidden_ND.sum().backward()
    moved = [language for language, g in zip(SIX, adapted.languages.grad) if g.abs().sum() > 0]
    assert moved == ["th", "hi"]
    assert [t for t, g in zip(TASKS, adapted.tasks.grad) if g.abs().sum() > 0] == ["lm"]


def test_the_published_start_is_uniform_up_to_a_half(small_tokenizer):
    adapted = attach(small_tokenizer, length=50)
    for table in (adapted.languages, adapted.tasks):
        assert 0 <= table.min() < 0.01
        assert 0.49 < table.max() < 0.5
    assert not torch.equal(adapted.languages[0], adapted.languages[1])


@pytest.fixture
def stored(tmp_path, small_tokenizer):
    attach(small_tokenizer).export(tmp_path, base="x")
    return tmp_path / "bank.safetensors"


def test_a_bank_comes_back_with_every_half(stored, small_tokenizer):
    adapted, bank = attach(small_tokenizer), read_bank(stored)
    assert (tuple(sorted(bank.languages)), tuple(sorted(bank.tasks))) == (
        tuple(sorted(SIX)),
        tuple(sorted(TASKS)),
    )
    for row, language in enumerate(SIX):
        assert torch.equal(bank.language(language).flatten(), adapted.languages[row])
    for row, task in enumerate(TASKS):
        assert torch.equal(bank.task(task).flatten(), adapted.tasks[row])
    assert bank.model == fingerprint(adapted.model)


def test_a_new_task_begins_as_a_stored_one_before_frozen_languages(stored, small_tokenizer):
    settings = {"bank": stored, "tasks": ("summarization",), "start": "lm"}
    adapted = attach(small_tokenizer, **settings, seed=5)
    bank = read_bank(stored)
    assert list(adapted.trainable()) == ["tasks"]
    assert torch.equal(adapted.tasks[0], bank.task("lm").flatten())
    assert torch.equal(adapted.languages[SIX.index("th")], bank.language("th").flatten())


def test_a_swap_is_the_prompt_of_the_other_language(stored, small_tokenizer):
    """FP writes Thai behind Thai's half; FP-EN behind the English half it was tuned with."""
    settings = {"bank": stored, "tasks": ("summarization",)}
    swapped = attach(small_tokenizer, **settings)
    kept = attach(small_tokenizer, **settings, swap=False)
    thai, english = (collate([example(3, code, "summarization")]) for code in ("th", "en"))
    with torch.no_grad():
        in_thai, in_english = (swapped.encode(b).hidden_ND for b in (thai, english))
        assert not torch.equal(in_thai, in_english)
        assert torch.equal(kept.encode(thai).hidden_ND, in_english)


def test_peft_reads_a_composed_pair_as_we_encode_it(tmp_path, small_tokenizer):
    adapted = attach(small_tokenizer)
    model = adapted.model
    save_model(model, tmp_path / "base", dtype=torch.float32)
    prompt_PD = adapted.bank().compose(Stack("th", "lm"))
    save_prompt(prompt_PD, tmp_path / "p", config=model.config, base=str(tmp_path / "base"))
    assert torch.equal(read_prompt(tmp_path / "p"), prompt_PD)
    base = MT5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    peer = PeftModel.from_pretrained(base, tmp_path / "p").eval()
    batch = collate([example(3, "th", "lm")])
    with torch.no_grad():
        theirs = peer(
            input_ids=batch.input_BL, attention_mask=batch.input_mask_BL, labels=batch.target_BT
        ).logits
        shifted_BT = torch.nn.functional.pad(batch.target_BT[:, :-1], (1, 0))
        ours = model.head(model.decode(shifted_BT, adapted.encode(batch))).view_as(theirs)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"languages": ("en", "thh")}, "no language half 'thh': did you mean th"),
        (
            {"start": "span_coruption"},
            "no task half 'span_coruption': did you mean span_corruption",
        ),
        ({"length": 5}, "its halves have 4 vectors; set method.length=4"),
        ({"tasks": ()}, "method.tasks: expected names, each once"),
        ({"languages": ("en", "en")}, "method.languages: expected names, each once"),
        ({"length": 0}, "expected 1 to 1000, got 0"),
    ],
)
def test_halves_that_are_not_there_are_refused(stored, small_tokenizer, settings, message):
    with pytest.raises(InputError, match=message):
        attach(small_tokenizer, bank=stored, **settings)


def test_a_language_without_a_half_is_named_when_it_comes(small_tokenizer):
    with pytest.raises(
        InputError, match=r"no language half for 'ja'.*method.languages that hold it"
    ):
        attach(small_tokenizer).encode(collate([example(0, "ja")]))


def test_another_models_bank_is_refused(stored, small_tokenizer):
    method = FactorizedPrompts(length=4, languages=SIX, tasks=("summarization",), bank=stored)
    with pytest.raises(InputError, match="trained on another model"):
        method.attach(tiny_model(2), small_tokenizer, seed=0)


def _rename(path, old, new):
    tensors = load_file(path)
    tensors[new] = tensors.pop(old)
    save_file(tensors, path)


BROKEN = {
    "no bank": (lambda p: save_file({"prompt": torch.ones(2, 3)}, p), "no bank of sub-prompts"),
    "cut off": (lambda p: p.write_bytes(p.read_bytes()[:-40]), "not a readable safetensors file"),
    "a flipped bit": (
        lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
        "damaged",
    ),
    "missing": (lambda p: p.unlink(), "not a readable safetensors file"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_broken_bank_is_told(stored, damage):
    change, message = BROKEN[damage]
    change(stored)
    with pytest.raises(InputError, match=message):
        read_bank(stored)


@pytest.mark.parametrize(
    ("languages", "tasks", "message"),
    [
        ({"th": torch.ones(2, 3)}, {}, "of one shape"),
        ({"th": torch.ones(2, 3)}, {"lm": torch.ones(4, 3)}, "of one shape"),
        ({"th": torch.full((2, 3), float("nan"))}, {"lm": torch.ones(2, 3)}, "no finite half"),
    ],
)
def test_halves_that_do_not_fit_are_told(tmp_path, languages, tasks, message):
    PromptBank(languages, tasks, "m").save(tmp_path / "bank.safetensors")
    with pytest.raises(InputError, match=message):
        read_bank(tmp_path / "bank.safetensors")


def test_the_recipes_are_the_papers():
    bank, task = RECIPES["text.bank"](), RECIPES["howto.factorized"]()
    assert bank.method.length == task.method.length == 50  # section 3.1
    assert {t.name for t in bank.tasks} == set(bank.method.tasks) == set(unsupervised_tasks())
    assert len(bank.method.tasks) == 7
    assert bank.method.languages is task.method.languages is None  # of the text, then of the bank
    assert set(RECIPES["paper.bank"]().method.languages) == set(LANGUAGES)
    assert task.method.start == "span_corruption"


@pytest.mark.parametrize(
    ("halves", "languages", "tasks", "message"),
    [
        ({"languages": SIX}, ("en", "th"), ("lm",), r"the halves of ar, hi, zh, vi; .*: en, th$"),
        ({"languages": ("en",)}, ("en", "th"), ("lm",), r"languages: no half for th; leave them out"),
        ({"tasks": ("lm", "prefix_lm")}, ("en",), ("lm",), r"method.tasks: nothing trains .* prefix_lm"),
        ({"tasks": ("lm",)}, ("en",), ("lm", "prefix_lm"), r"tasks: no half for prefix_lm"),
    ],
)  # fmt: skip
def test_a_half_that_no_text_trains_and_text_without_a_half_are_refused(
    halves, languages, tasks, message
):
    method = FactorizedPrompts(**{"tasks": ("lm",)} | halves)
    with pytest.raises(InputError, match=message):
        method.for_text(languages, tasks)


def test_halves_are_those_of_the_text_then_those_of_the_bank(tmp_path):
    method = FactorizedPrompts(length=2, tasks=("lm", "span_corruption"))
    first = method.for_text(("th", "en", "vi"), method.tasks).attach(tiny_model(1), None, seed=0)
    first.export(tmp_path, base="tiny")
    later = FactorizedPrompts(
        length=2, tasks=("summarization",), bank=tmp_path / "bank.safetensors"
    )
    assert set(later.attach(tiny_model(1), None, seed=0).bank().languages) == {"th", "en", "vi"}
