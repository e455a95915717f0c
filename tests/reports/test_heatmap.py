"""The heatmap: every language with its family in words, the same bytes again, nothing half-written."""

import json
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from typer.testing import CliRunner

from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.families import FAMILIES, relations
from xlgen.reports import clusters
from xlgen.reports.heatmap import family_colour, write_heatmap

SVG = "{http://www.w3.org/2000/svg}"
SIX = ("en", "th", "ar", "hi", "zh", "vi")


def prompts_of(codes):
    generator = np.random.default_rng(0)
    return {code: generator.standard_normal((1, 16)).astype(np.float32) for code in codes}


def texts(path):
    return [element.text for element in ET.parse(path).iter(f"{SVG}text")]


def test_each_language_is_named_with_its_family_in_words(tmp_path):
    found = write_heatmap(prompts_of(SIX), tmp_path / "h.svg")
    drawn = texts(tmp_path / "h.svg")
    for code in SIX:
        known = relations()[code]
        assert code in drawn
        assert f"{code}  {known.name}, {known.branch}" in drawn
        assert FAMILIES[known.family] in drawn
        assert any(text.startswith(f"{FAMILIES[known.family]}  {known.family} (") for text in drawn)
    assert "IE  Indo-European (2)" in drawn
    rows = [text for text in drawn if text.split("  ")[0] in SIX and "  " in text]
    assert [row.split("  ")[0] for row in rows] == [SIX[leaf] for leaf in found.order]


def test_every_similarity_is_a_number_in_its_row_and_column(tmp_path):
    found = write_heatmap(prompts_of(SIX), tmp_path / "h.svg")
    shown = [t for t in texts(tmp_path / "h.svg") if t.lstrip("-").startswith(".")]
    ordered_NN = found.similarity_NN[np.ix_(found.order, found.order)]  # drawn row by row
    numbers = [float(t) for t in shown]
    assert numbers == pytest.approx(list(ordered_NN[~np.eye(6, dtype=bool)]), abs=0.00501)
    told = json.loads((tmp_path / "h.json").read_text("utf-8"))
    np.testing.assert_allclose(told["similarity"], found.similarity_NN, atol=1e-6)


def test_the_same_prompts_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_heatmap(prompts_of(SIX), tmp_path / f"{name}.svg", png=tmp_path / f"{name}.png")
    for kind in ("svg", "json", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_the_png_is_the_same_figure(tmp_path):
    write_heatmap(prompts_of(SIX), tmp_path / "h.svg", png=tmp_path / "h.png")
    data = (tmp_path / "h.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    wide, high = struct.unpack(">II", data[16:24])
    box = ET.parse(tmp_path / "h.svg").getroot().attrib["viewBox"].split()
    assert wide / high == pytest.approx(float(box[2]) / float(box[3]), rel=0.01)


def test_all_languages_of_mc4_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "PERMUTATIONS", 9)
    write_heatmap(prompts_of(relations()), tmp_path / "h.svg")
    drawn = texts(tmp_path / "h.svg")
    assert set(relations()) <= set(drawn)
    assert {f"ru-Latn  {relations()['ru-Latn'].name}, Slavic", "ko  Korean"} <= set(drawn)
    assert (tmp_path / "h.svg").stat().st_size < 5_000_000


def test_equal_prompts_are_drawn_too(tmp_path):
    """As they are before the first step."""
    write_heatmap(dict.fromkeys(SIX, np.ones((1, 4), np.float32)), tmp_path / "h.svg")
    assert "dendrogram and family distance: not defined" in texts(tmp_path / "h.svg")


def test_families_have_colours_of_their_own():
    assert len({family_colour(family) for family in FAMILIES}) == len(FAMILIES)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "prompts").mkdir()
    for code, prompt in prompts_of(SIX).items():
        np.save(tmp_path / "prompts" / f"{code}.npy", prompt)
    return tmp_path / "prompts"


def test_the_command_draws_a_folder_of_prompts(tmp_path, folder):
    out = tmp_path / "new" / "h.svg"
    call = ["heatmap", str(folder), "--out", str(out), "--png", str(tmp_path / "h.png")]
    told = CliRunner().invoke(app, call)
    assert told.exit_code == 0, told.output
    assert "dendrogram and family distance" in told.output
    assert out.is_file() and (tmp_path / "h.png").is_file()
    as_json = json.loads(CliRunner().invoke(app, [*call, "--json"]).output)
    assert as_json == json.loads(out.with_suffix(".json").read_text("utf-8"))


def test_nothing_is_written_where_prompts_cannot_be_compared(tmp_path):
    with pytest.raises(InputError, match="at least 3 languages"):
        write_heatmap(prompts_of(SIX[:2]), tmp_path / "h.svg", png=tmp_path / "h.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("out", "png"), [("h.json", None), ("h.svg", "h.svg"), ("h.svg", "h.json")]
)
def test_figure_and_numbers_do_not_overwrite_each_other(tmp_path, out, png):
    with pytest.raises(InputError, match="need names of their own"):
        write_heatmap(prompts_of(SIX), tmp_path / out, png=png and tmp_path / png)
    assert not list(tmp_path.iterdir())
