"""The bigram start: exact counts, factors that approach the table, a model that begins as the table says."""

import json

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from torch.nn import functional as F

from xlgen.data.shards import Shard
from xlgen.model.load import load_model
from xlgen.model.t5 import T5Config
from xlgen.recipes.bigrams import BigramStart, count_bigrams
from xlgen.recipes.factors import factorize_pmi
from xlgen.recipes.resolve import resolve

TINY = T5Config(64, 48, 6, 8, 32, 2, 2, dropout=0.0)


class Text:
    """Two languages of known tokens, the second ten times the first."""

    def __init__(self, **languages: list[int]) -> None:
        starts = np.zeros(1, np.int64)
        self.train = {
            name: Shard(np.array(tokens, np.uint16), starts) for name, tokens in languages.items()
        }


def random_table(vocabulary: int = 64) -> csr_matrix:
    """Return counts in which each token has a few followers of its own."""
    order = np.random.default_rng(0)
    odds = np.exp(3 * order.standard_normal((vocabulary, vocabulary)))
    table = np.round(10_000 * odds / odds.sum(1, keepdims=True) * order.random((vocabulary, 1)))
    return csr_matrix(table.astype(np.float32))


def test_counts_are_exact_and_languages_weigh_as_they_are_drawn():
    text = Text(th=[5, 6, 5, 6, 7], en=[8, 9] * 20)
    natural = count_bigrams(text, vocabulary=16, alpha=1.0).toarray()
    assert natural[5, 6] == pytest.approx(2) and natural[6, 5] == pytest.approx(1)
    assert natural[8, 9] == pytest.approx(20) and natural[9, 8] == pytest.approx(19)
    assert natural.sum() == pytest.approx(4 + 39)
    level = count_bigrams(text, vocabulary=16, alpha=0.0).toarray()
    assert level[5, 6] / level[8, 9] == pytest.approx((2 / 5) / (20 / 40))


def test_pmi_factors_already_beat_the_unigram_and_fitting_reaches_the_table():
    table = random_table()
    counts = torch.from_numpy(table.toarray())
    wanted = counts / counts.sum(1, keepdim=True)
    share = counts.sum(1) / counts.sum()
    rows = np.arange(64)
    unigram = counts.sum(0) / counts.sum()
    floor = float((share * torch.special.entr(wanted).sum(1)).sum())
    level = float(torch.special.entr(unigram).sum())
    config = BigramStart(shape=TINY, rows=16, passes=60, smoothing=1e-3)
    before = factorize_pmi(table, width=48, seed=0)
    after = config.fit(table)
    losses = [float(share @ factors.losses(rows, wanted)) for factors in (before, after)]
    assert floor < losses[1] < losses[0] < level
    assert losses[1] - floor < 0.05 * (level - floor)


def test_factors_are_a_pure_function_of_the_counts():
    table = random_table()
    one, two = (BigramStart(shape=TINY, rows=16, passes=2).fit(table) for _ in range(2))
    assert torch.equal(one.embedding_VD, two.embedding_VD)
    assert torch.equal(one.head_VD, two.head_VD)


def test_rows_have_unit_root_mean_square_and_sentinels_are_told_apart():
    table = random_table().tolil()
    for sentinel in (7, 8):  # they never stand in the text
        table[sentinel], table[:, sentinel] = 0, 0
    factors = BigramStart(shape=TINY, rows=16, passes=20).fit(table.tocsr())
    model = BigramStart(shape=TINY).make_model(factors, text_ids=range(3, 64))
    squares = model.shared.weight.detach().square().mean(1).numpy()
    assert squares == pytest.approx(1.0, abs=1e-4)
    one, two = F.rms_norm(factors.embedding_VD[[7, 8]], (48,))
    assert float(F.cosine_similarity(one, two, dim=0)) < 0.8  # cross-attention must tell them apart
    unigram = torch.from_numpy(table.toarray()).sum(0)
    assert np.corrcoef(factors.head_VD @ one, unigram.log1p())[0, 1] > 0.5


def test_a_fresh_model_predicts_as_the_factors_do():
    table = random_table()
    config = BigramStart(shape=TINY, rows=16, passes=20)
    factors = config.fit(table)
    model = config.make_model(factors, text_ids=range(3, 64)).eval()
    tokens = torch.randint(0, 64, (4, 12), generator=torch.Generator().manual_seed(0))
    encoded = model.encode(tokens, torch.ones_like(tokens, dtype=torch.bool))
    with torch.no_grad():
        logits = model.head(model.decode(tokens, encoded))
    counts = torch.from_numpy(table.toarray())
    wanted = (counts / counts.sum(1, keepdim=True))[tokens.flatten()]
    table_loss = float(factors.losses(tokens.flatten().numpy(), wanted).mean())
    model_loss = float(-(wanted * logits.log_softmax(1)).sum(1).mean())
    assert model_loss == pytest.approx(table_loss, abs=0.1)


def test_the_recipe_writes_a_model_that_pretraining_starts_from(tmp_path, corpus_of_six, spiece):
    text = [f"corpus={corpus_of_six}", f"tokenizer={spiece.path}", "held_out=0.2"]
    shape = ["shape.vocabulary=640", "shape.width=64"]
    start = resolve("pretrain.pico_start", [*text, *shape, "passes=6", "rows=32"])
    message = str(start.run(tmp_path / "start"))
    assert "the mean of 6 languages" in message
    losses = json.loads((tmp_path / "start" / "losses.json").read_text())
    assert set(losses) == {"th", "ar", "hi", "zh", "vi", "en"}
    assert max(losses.values()) < np.log(640) / 2
    model = tmp_path / "start" / "model"
    assert (model / "spiece.model").is_file()
    assert "xlgen train pretrain.pico_start corpus=DIR" in (model / "README.md").read_text()
    assert "done earlier" in str(start.run(tmp_path / "start"))
    small = ["training.steps=1", "training.batch_size=4", "limits.input=48", "limits.target=48"]
    run = resolve("pretrain.pico", [*text, *shape, *small, f"start={model}"])
    begun = run.make_model(run.open_text()[1]).state_dict()
    stored = load_model(model).state_dict()
    assert all(torch.equal(begun[name], stored[name]) for name in stored)
    run.run(tmp_path / "one")
    assert "A start for pretraining" in (tmp_path / "one" / "model" / "README.md").read_text()


def test_without_held_out_text_the_recipe_says_that_no_loss_is_known(
    tmp_path, corpus_of_six, spiece
):
    text = [f"corpus={corpus_of_six}", f"tokenizer={spiece.path}", "held_out=0.0"]
    start = resolve("pretrain.pico_start", [*text, "shape.vocabulary=640", "passes=1"])
    assert "no text is held out" in str(start.run(tmp_path / "start"))
    assert (tmp_path / "start" / "model" / "model.safetensors").is_file()
