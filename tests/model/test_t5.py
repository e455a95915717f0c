"""Our forward against transformers' on the same weights: logits, loss, gradients, prompts."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from transformers import MT5ForConditionalGeneration, UMT5ForConditionalGeneration

from xlgen.model.load import load_model, random_model, save_model, tiny_model
from xlgen.model.positions import bucket_table, position_bucket
from xlgen.model.t5 import T5, T5Config, shift_right

CONFIGS = {
    "tiny": T5Config(96, 16, 4, 4, 24, 2, 2),
    "inner wider than model": T5Config(130, 24, 6, 8, 40, 1, 3),
    "few buckets": T5Config(64, 16, 2, 8, 32, 3, 1, position_buckets=8, position_distance=20),
    "umT5, positions in each layer": T5Config(96, 16, 4, 4, 24, 3, 2, positions_per_layer=True),
}


def peer(model: T5, folder: Path) -> MT5ForConditionalGeneration:
    """Open the same weights with transformers, head untied."""
    save_model(model, folder, dtype=torch.float32)
    kind = (
        UMT5ForConditionalGeneration
        if model.config.positions_per_layer
        else MT5ForConditionalGeneration
    )
    other = kind.from_pretrained(folder).eval()
    other.config.tie_word_embeddings = (
        False  # transformers 5 says True of every umT5, and scales its logits
    )
    assert other.lm_head.weight.data_ptr() != other.shared.weight.data_ptr()
    return other


def random_batch(vocabulary: int, *, seed: int) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    input_BL = torch.randint(2, vocabulary, (4, 37), generator=generator)
    mask_BL = torch.arange(37)[None] < torch.tensor([37, 20, 5, 1])[:, None]
    target_BT = torch.randint(1, vocabulary, (4, 19), generator=generator)
    return input_BL, mask_BL, target_BT


def test_shift_right_starts_with_the_pad_and_drops_the_last():
    assert shift_right(torch.tensor([[5, 6, 1]])).tolist() == [[0, 5, 6]]


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "furthest"), [(32, 128), (8, 20), (64, 512)])
def test_position_buckets_equal_transformers(bidirectional, buckets, furthest):
    from transformers.models.mt5.modeling_mt5 import MT5Attention

    distance = torch.arange(-700, 700)
    theirs = MT5Attention._relative_position_bucket(distance, bidirectional, buckets, furthest)
    ours = position_bucket(
        distance, bidirectional=bidirectional, buckets=buckets, furthest=furthest
    )
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_equal_transformers(name, tmp_path):
    model = random_model(CONFIGS[name], seed=1)
    other = peer(model, tmp_path)
    input_BL, mask_BL, target_BT = random_batch(CONFIGS[name].vocabulary, seed=2)
    with torch.no_grad():
        hidden_ND = model.decode(shift_right(target_BT), model.encode(input_BL, mask_BL))
        ours = model.head(hidden_ND).unflatten(0, target_BT.shape)
        theirs = other(input_ids=input_BL, attention_mask=mask_BL.long(), labels=target_BT).logits
    assert ours.std() > 0.1  # a flat model would agree with anything
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["tiny", "umT5, positions in each layer"])
def test_loss_and_every_gradient_equal_transformers(name, tmp_path):
    model = random_model(CONFIGS[name], seed=3).requires_grad_(True)
    other = peer(model, tmp_path)
    input_BL, mask_BL, target_BT = random_batch(96, seed=4)
    hidden_ND = model.decode(shift_right(target_BT), model.encode(input_BL, mask_BL))
    loss = F.cross_entropy(model.head(hidden_ND), target_BT.flatten())
    theirs = other(input_ids=input_BL, attention_mask=mask_BL.long(), labels=target_BT).loss
    loss.backward(), theirs.backward()
    torch.testing.assert_close(loss, theirs, rtol=1e-5, atol=0)
    from xlgen.model.hugging_face import hugging_face_name

    gradients = {name: p.grad for name, p in other.named_parameters()}
    for name, parameter in model.named_parameters():
        expected = gradients[hugging_face_name(name)]
        relative = (parameter.grad - expected).norm() / expected.norm()
        assert relative < 1e-5, name


def test_prompt_loss_and_gradient_equal_transformers(tmp_path):
    model = random_model(CONFIGS["tiny"], seed=5)
    other = peer(model, tmp_path)
    input_BL, mask_BL, target_BT = random_batch(96, seed=6)
    prompt_PD = torch.randn(7, 16, generator=torch.Generator().manual_seed(7))
    ours, theirs = (prompt_PD.clone().requires_grad_() for _ in range(2))

    encoded = model.encode(input_BL, mask_BL, ours.expand(4, -1, -1))
    hidden_ND = model.decode(shift_right(target_BT), encoded)
    loss = F.cross_entropy(model.head(hidden_ND), target_BT.flatten())
    loss.backward()

    embedded = torch.cat([theirs.expand(4, -1, -1), other.shared(input_BL)], dim=1)
    mask = torch.cat([torch.ones(4, 7), mask_BL], dim=1).long()
    expected = other(inputs_embeds=embedded, attention_mask=mask, labels=target_BT).loss
    expected.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=0)
    assert (ours.grad - theirs.grad).norm() / theirs.grad.norm() < 1e-5
    assert encoded.lengths == (44, 27, 12, 8)
    assert encoded.hidden_ND.shape == (91, 16)


def test_prompts_of_different_lengths_share_a_batch_exactly():
    model = tiny_model(8)
    input_BL, mask_BL, target_BT = random_batch(512, seed=9)
    prompts = [torch.randn(length, 32) for length in (10, 4, 1, 10)]
    prompt_BPD, prompt_mask_BP = torch.zeros(4, 10, 32), torch.zeros(4, 10, dtype=torch.bool)
    for row, prompt_PD in enumerate(prompts):
        prompt_BPD[row, -len(prompt_PD) :] = prompt_PD
        prompt_mask_BP[row, -len(prompt_PD) :] = True
    with torch.no_grad():
        mixed = model.encode(input_BL, mask_BL, prompt_BPD, prompt_mask_BP)
        mixed_BTD = model.decode(shift_right(target_BT), mixed).unflatten(0, target_BT.shape)
        for row, prompt_PD in enumerate(prompts):
            alone = model.encode(input_BL[row : row + 1], mask_BL[row : row + 1], prompt_PD[None])
            alone_TD = model.decode(shift_right(target_BT[row : row + 1]), alone)
            torch.testing.assert_close(mixed_BTD[row], alone_TD, atol=2e-5, rtol=1e-4)


def test_an_examples_neighbours_do_not_change_it():
    """Inputs and targets of different lengths, and a target of which only the start counts."""
    model = tiny_model(10)
    input_BL, mask_BL, target_BT = random_batch(512, seed=11)
    target_mask_BT = torch.arange(19)[None] < torch.tensor([3, 19, 1, 8])[:, None]
    with torch.no_grad():
        encoded = model.encode(input_BL, mask_BL)
        hidden_ND = model.decode(shift_right(target_BT), encoded, target_mask_BT)
        rows = hidden_ND.split([3, 19, 1, 8])
        for row, (input, target) in enumerate([(37, 3), (20, 19), (5, 1), (1, 8)]):
            alone = model.encode(input_BL[[row], :input], mask_BL[[row], :input])
            alone_TD = model.decode(shift_right(target_BT[[row], :target]), alone)
            torch.testing.assert_close(rows[row], alone_TD, atol=1e-5, rtol=1e-4)


def test_saved_folder_loads_to_the_same_bits(tmp_path):
    model = tiny_model(12)
    save_model(model, tmp_path, dtype=torch.float32)
    for name, parameter in load_model(tmp_path).named_parameters():
        assert torch.equal(parameter, model.get_parameter(name)), name


@pytest.mark.parametrize("bidirectional", [True, False])
def test_distances_beyond_the_furthest_share_its_bucket(bidirectional):
    settings = {"bidirectional": bidirectional, "buckets": 32, "furthest": 128}
    table = bucket_table(
        bidirectional=bidirectional, buckets=32, furthest=128, device=torch.device("cpu")
    )
    far = torch.arange(-1500, 1501)
    assert torch.equal(table[far.clamp(-128, 128) + 128], position_bucket(far, **settings))
