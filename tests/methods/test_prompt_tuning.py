"""Prompts: how they begin, how they stand on disk, and that peft reads them as we do."""

import json
import re
import warnings

import numpy as np
import pytest
import torch
from full_disk import file_size_limit
from peft import MultitaskPromptTuningConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import save_file
from transformers import MT5ForConditionalGeneration

from xlgen.errors import InputError
from xlgen.methods.prompt_files import read_prompt, save_prompt
from xlgen.methods.prompt_tuning import PromptTuning
from xlgen.model.load import save_model, tiny_model


def start(tokenizer, *, seed=0, **settings):
    return PromptTuning(**settings).attach(tiny_model(2), tokenizer, seed=seed).prompt.detach()


def test_vocabulary_start_is_a_sample_of_the_first_rows_without_replacement(small_tokenizer):
    model = tiny_model(2)
    prompt_PD = start(small_tokenizer, length=40, population=50)
    rows = [(model.shared.weight == row).all(1).nonzero().item() for row in prompt_PD]
    assert len(set(rows)) == 40
    assert max(rows) < 50
    assert not torch.equal(prompt_PD, start(small_tokenizer, length=40, population=50, seed=1))


@pytest.mark.parametrize("language", ["en", "th", "ar", "hi", "zh", "vi"])
def test_text_start_repeats_the_texts_embeddings(language, small_tokenizer, article_1):
    text = article_1[language][:12]
    tokens = small_tokenizer.encode(text)
    prompt_PD = start(small_tokenizer, length=2 * len(tokens) + 1, init="text", text=text)
    expected = tiny_model(2).shared.weight[torch.tensor([*tokens, *tokens, tokens[0]])]
    assert torch.equal(prompt_PD, expected)


def test_uniform_start_is_not_symmetric(small_tokenizer):
    prompt_PD = start(small_tokenizer, length=100, init="uniform")
    assert prompt_PD.min() >= 0
    assert 0.45 < prompt_PD.max() < 0.5


def test_file_start_is_the_file(small_tokenizer, tmp_path):
    prompt_PD = torch.randn(5, 32)
    np.save(tmp_path / "p.npy", prompt_PD.numpy())
    loaded = start(small_tokenizer, length=5, init="file", file=tmp_path / "p.npy")
    assert torch.equal(loaded, prompt_PD)


REFUSED = {
    "length 0": ({"length": 0}, "expected 1 to 1000, got 0"),
    "length 1001": ({"length": 1001}, "expected 1 to 1000"),
    "longer than the vocabulary": ({"length": 600}, "only"),
    "no text": ({"init": "text"}, "needs method.text"),
    "no file": ({"init": "file"}, "needs method.file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_impossible_start_is_refused(kind, small_tokenizer):
    settings, message = REFUSED[kind]
    with pytest.raises(InputError, match=message):
        start(small_tokenizer, **settings)


def test_prompt_of_another_width_is_refused_with_both_sizes(small_tokenizer, tmp_path):
    np.save(tmp_path / "p.npy", np.ones((100, 768), np.float32))
    with pytest.raises(InputError) as refusal:
        start(small_tokenizer, length=100, init="file", file=tmp_path / "p.npy")
    assert "[100, 768]" in str(refusal.value)
    assert "[100, 32]" in str(refusal.value)


def test_peft_generates_with_our_prompt_as_we_encode_it(tmp_path):
    model = tiny_model(4)
    save_model(model, tmp_path / "base", dtype=torch.float32)
    prompt_PD = torch.randn(6, 32)
    save_prompt(prompt_PD, tmp_path / "prompt", config=model.config, base=str(tmp_path / "base"))
    base = MT5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    peer = PeftModel.from_pretrained(base, tmp_path / "prompt").eval()
    input_BL = torch.randint(3, 500, (2, 9))
    target_BT = torch.randint(3, 500, (2, 5))
    mask_BL = torch.ones_like(input_BL)
    with torch.no_grad():
        theirs = peer(input_ids=input_BL, attention_mask=mask_BL, labels=target_BT).logits
        encoded = model.encode(input_BL, mask_BL.bool(), prompt_PD.expand(2, -1, -1))
        shifted_BT = torch.nn.functional.pad(target_BT[:, :-1], (1, 0))
        ours = model.head(model.decode(shifted_BT, encoded)).view_as(theirs)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("submodules", [1, 2])
def test_we_read_what_peft_saves(submodules, tmp_path):
    save_model(tiny_model(4), tmp_path / "base", dtype=torch.float32)
    config = PromptTuningConfig(
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=6, num_transformer_submodules=submodules
    )
    base = MT5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    peer = get_peft_model(base, config)
    peer.save_pretrained(tmp_path / "prompt")
    saved = peer.prompt_encoder["default"].embedding.weight.detach()
    assert torch.equal(read_prompt(tmp_path / "prompt"), saved[:6])


@pytest.mark.parametrize("tasks", [1, 3])
def test_we_read_each_task_of_a_multitask_folder_as_peft_makes_its_prompt(tasks, tmp_path):
    save_model(tiny_model(4), tmp_path / "base", dtype=torch.float32)
    config = MultitaskPromptTuningConfig(
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=6, num_tasks=tasks, num_ranks=2
    )
    base = MT5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    peer = get_peft_model(base, config)
    folder = tmp_path / "prompt"
    peer.save_pretrained(folder)
    for task in range(tasks):
        with torch.no_grad():  # six for the encoder, six for the decoder
            theirs = peer.prompt_encoder["default"](torch.arange(12)[None], torch.tensor([task]))
        ours = read_prompt(tmp_path / f"prompt#{task}")
        torch.testing.assert_close(ours, theirs[0, :6], atol=1e-9, rtol=1e-6)
        if tasks == 1:
            assert torch.equal(read_prompt(folder), ours)
    with pytest.raises(InputError, match=f"holds {tasks} tasks, and {tasks} was named"):
        read_prompt(tmp_path / f"prompt#{tasks}")
    if tasks == 3:
        with pytest.raises(InputError, match="and none was named; write FOLDER#0 to FOLDER#2"):
            read_prompt(folder)


def test_googles_array_is_read_to_the_same_bits(tmp_path):
    prompt_PD = np.random.default_rng(1).standard_normal((100, 32)).astype(np.float32)
    np.save(
        tmp_path / "prompt.npy", prompt_PD
    )  # numpy's format, as prompt-tuning writes its prompts
    assert np.array_equal(read_prompt(tmp_path / "prompt.npy").numpy(), prompt_PD)


def test_our_folder_reads_back_to_the_same_bits(tmp_path):
    prompt_PD = torch.randn(3, 32)
    save_prompt(prompt_PD, tmp_path, config=tiny_model().config, base="x")
    assert torch.equal(read_prompt(tmp_path), prompt_PD)


def adapter(folder, tensors, **config):
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 4} | config)
    )
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def change(folder, text):
    (folder / "adapter_config.json").write_text(text)
    return folder


MULTITASK = "MULTITASK_PROMPT_TUNING"
BROKEN = {
    "LoRA": (lambda f: adapter(f, {"x": torch.ones(1)}, peft_type="LORA"), "got 'LORA'"),
    "no weights": (
        lambda f: (
            adapter(f, {"prompt_embeddings": torch.ones(4, 2)})
            and ((f / "adapter_model.safetensors").unlink() or f)
        ),
        "not a readable safetensors file",
    ),
    "extra tensor": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4, 2), "y": torch.ones(1)}),
        "expected 'prompt_embeddings', got",
    ),
    "NaN": (
        lambda f: adapter(f, {"prompt_embeddings": torch.full((4, 2), float("nan"))}),
        "NaN or infinity",
    ),
    "a length that is neither once nor twice": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(5, 2)}),
        "saves a second half, of which its generate makes no use",
    ),
    "double length with one sub-module": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(8, 2)}, num_transformer_submodules=1),
        "expected num_virtual_tokens = 4 vectors, or 8 with num_transformer_submodules 2",
    ),
    "a pickle": (
        lambda f: (
            adapter(f, {"prompt_embeddings": torch.ones(4, 2)})
            and (f / "adapter_model.safetensors").rename(f / "adapter_model.bin").parent
        ),
        "adapter_model.bin: is a pickle",
    ),
    "a task of one": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4, 2)}).with_name(f"{f.name}#1"),
        "prompt of one task; leave #1 out",
    ),
    "multitask without its tensors": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4, 2)}, peft_type=MULTITASK),
        "expected 'prompt_embeddings', 'prefix_task_cols', 'prefix_task_rows', got",
    ),
    "multitask that do not fit": (
        lambda f: adapter(
            f,
            {
                "prompt_embeddings": torch.ones(4, 2),
                "prefix_task_cols": torch.ones(3, 4, 2),
                "prefix_task_rows": torch.ones(2, 2, 2),
            },
            peft_type=MULTITASK,
        ),
        "expected [P, D], [tasks, P, rank] and [tasks, rank, D], got",
    ),
    "integers": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4, 2, dtype=torch.int64)}),
        "floating-point",
    ),
    "one dimension": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4)}),
        "expected a prompt",
    ),
    "config is a list": (
        lambda f: adapter(f, {"x": torch.ones(1)}) and change(f, "[]"),
        "got a list",
    ),
    "config is not JSON": (
        lambda f: adapter(f, {"x": torch.ones(1)}) and change(f, "{"),
        "not JSON",
    ),
    "a number of tokens that is text": (
        lambda f: adapter(f, {"prompt_embeddings": torch.ones(4)}, num_virtual_tokens="2"),
        "expected a prompt",
    ),
    "no dimension": (
        lambda f: adapter(f, {"prompt_embeddings": torch.tensor(1.0)}),
        "expected a prompt",
    ),
    "not an array": (
        lambda f: (f / "p.npy").write_bytes(b"\x80\x04K\x01.") and f / "p.npy",
        "not a plain .npy",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_prompt_is_refused(kind, tmp_path):
    make, message = BROKEN[kind]
    with pytest.raises(InputError, match=re.escape(message)):
        read_prompt(make(tmp_path))


def test_a_flipped_bit_of_an_exported_prompt_is_found(tmp_path):
    save_prompt(torch.randn(3, 32), tmp_path, config=tiny_model().config, base="x")
    path = tmp_path / "adapter_model.safetensors"
    whole = path.read_bytes()
    for place in range(len(whole) - 3 * 32 * 4, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(InputError, match="damaged: its SHA-256"):
            read_prompt(tmp_path)


def test_peft_opens_and_saves_an_exported_prompt_without_a_warning(tmp_path):
    model = tiny_model(4)
    save_model(model, tmp_path / "base", dtype=torch.float32)
    folder = tmp_path / "prompt"
    save_prompt(torch.randn(6, 32), folder, config=model.config, base=str(tmp_path / "base"))
    base = MT5ForConditionalGeneration.from_pretrained(tmp_path / "base")
    with warnings.catch_warnings(record=True) as said:
        peer = PeftModel.from_pretrained(base, folder)
        with torch.no_grad():
            peer.prompt_encoder["default"].embedding.weight.mul_(2)
        peer.save_pretrained(folder)
    assert not [warning for warning in said if "Unexpected keyword" in str(warning.message)]
    saved = peer.prompt_encoder["default"].embedding.weight.detach()
    assert torch.equal(read_prompt(folder), saved)


def test_a_full_disk_leaves_the_prompt_that_was_there(tmp_path):
    config = tiny_model().config
    save_prompt(torch.ones(3, 32), tmp_path, config=config, base="x")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with file_size_limit(2_000), pytest.raises(InputError, match="cannot write it"):
        save_prompt(torch.ones(300, 32), tmp_path, config=config, base="x")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_flipped_bit_of_an_array_is_more_than_refused(tmp_path):
    path = tmp_path / "p.npy"
    np.save(path, np.ones((3, 4), np.float32))
    whole = path.read_bytes()
    for bit in range(8 * 128):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            assert read_prompt(path).isfinite().all()
        except InputError as error:
            assert "\n" not in str(error)
