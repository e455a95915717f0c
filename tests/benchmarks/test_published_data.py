"""Published data sets: counted beside their published sizes, and run end to end with text of mC4."""

import json
import shutil
from pathlib import Path

import pytest
from real_formats import CODES, gem_files, write_gem_zip, write_mc4
from typer.testing import CliRunner
from udhr import ARTICLE_1

from xlgen.benchmarks.held_out import held_out_examples
from xlgen.benchmarks.published import count_published
from xlgen.cli import app
from xlgen.config import override
from xlgen.errors import InputError
from xlgen.recipes.paper import prompt
from xlgen.run import evaluate_baseline, evaluate_run
from xlgen.sources.published import PUBLISHED, SPLITS, WIKILINGUA, XLSUM


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XLGEN_DATA", str(tmp_path))
    for code in CODES:
        write_gem_zip(tmp_path / "wikilingua0", code)
    return tmp_path


def run(*command):
    return CliRunner().invoke(app, [*command])


def test_the_published_sizes_are_those_of_the_papers():
    # Ladhak et al. 2020, table 1: 141,457 English articles, 770,087 in all; GEM left some out
    assert sum(WIKILINGUA.sizes["en"]) == 141_457
    assert sum(sum(sizes) for sizes in WIKILINGUA.sizes.values()) == pytest.approx(
        770_087, rel=0.01
    )
    assert len(WIKILINGUA.sizes) == 18
    # Hasan et al. 2021's README gives totals too: here English, Hindi, Thai
    totals = {code: sum(XLSUM.sizes[code]) for code in ("en", "hi", "th")}
    assert totals == {"en": 329_592, "hi": 88_472, "th": 8_268}


def test_the_documents_table_is_that_of_the_sizes():
    text = (Path(__file__).parents[2] / "docs" / "real-data.md").read_text("utf-8")
    table = text.partition("<!-- sizes -->\n")[2].partition("<!-- /sizes -->")[0]
    rows = [line.strip("| ").split(" | ") for line in table.split("\n")[2:-1]]
    found = {code: tuple(int(n.replace(",", "")) for n in sizes) for code, *sizes in rows}
    assert found == WIKILINGUA.sizes


def test_what_lies_here_is_counted_beside_what_is_published(data):
    lines = gem_files("th")
    targets = lines["val.tgt.th"].split("\n")
    targets[1], targets[3] = "", f"<b>{targets[3]}</b>"
    write_gem_zip(data / "wikilingua0", "th", val_tgt_th="\n".join(targets))
    found = count_published("wikilingua0")
    parts = {(p["language"], p["split"]): p for p in found["parts"]}
    assert len(parts) == 18 * len(SPLITS)
    assert found["as published"] == "0 of 54 parts"
    th = parts["th", "validation"]
    assert (th["records"], th["left_out"], th["html_targets"]) == (5, 1, 1)
    assert th["target_length"] == round(sum(len(t) for t in targets if t.strip()) / 4)
    assert th["published"] == 1475 and th["state"] == "-1,470 records"
    assert th["first"][0].endswith("thai/val.src.th:2: field 'target' is empty; a record without a "
        "reference cannot train or score; fill it or remove the record")  # fmt: skip
    assert parts["de", "test"]["state"] == "missing"
    clean = {(p["language"], p["split"]): p for p in count_published("wikilingua0-clean")["parts"]}
    assert clean["th", "validation"]["html_targets"] == 0


def test_equal_sizes_are_told(data, monkeypatch):
    sizes = dict.fromkeys(CODES, (6, 5, 4)) | {"de": (1, 1, 1)}
    monkeypatch.setitem(WIKILINGUA.__dict__, "sizes", sizes)
    told = json.loads(run("data", "check", "wikilingua0", "--json").stdout)
    assert told["as published"] == "18 of 21 parts"
    table = run("data", "check", "wikilingua0")
    assert table.exit_code == 0
    told = " ".join(table.stdout.split())
    assert "th 6 of 6 5 of 5 4 of 4 0 0" in told and "de 0 of 1 0 of 1 0 of 1 0 0" in told
    assert "18 of 21 parts are equal" in told


def test_held_out_of_a_published_set_are_its_own_in_english_besides(data, tmp_path):
    packaged = held_out_examples()
    assert held_out_examples("wikilingua0")[: len(packaged)] == packaged
    own = held_out_examples(f"wikilingua0:{tmp_path / 'wikilingua0'}")[len(packaged) :]
    assert {example.language for example in own} == {"en"} and len(own) == 5 + 4
    clean = held_out_examples("wikilingua0-clean")[len(packaged) :]
    assert [example.id for example in clean] == [example.id for example in own]
    assert held_out_examples("xlsum") == held_out_examples("mine.jsonl") == packaged  # not here


def damaged_zip(folder):
    path = next(folder.rglob("english.zip"))
    path.write_bytes(path.read_bytes()[:-40])


def lines_that_do_not_pair(folder):
    write_gem_zip(folder, "en", val_tgt_en="one line")


def a_side_missing(folder):
    shutil.rmtree(folder)
    place = folder / "english"
    place.mkdir(parents=True)
    (place / "val.src.en").write_text("one\n", "utf-8")


@pytest.mark.parametrize("damage", [damaged_zip, lines_that_do_not_pair, a_side_missing])
def test_a_damaged_validation_file_is_no_missing_one_in_the_leak_check(data, damage):
    damage(data / "wikilingua0")
    with pytest.raises(InputError) as refusal:
        held_out_examples("wikilingua0")
    assert str(data / "wikilingua0") in str(refusal.value)
    assert "again" in str(refusal.value)


@pytest.mark.parametrize("name", [name for name in PUBLISHED if name not in ("wikilingua0", "mc4")])
def test_held_out_files_that_are_not_here_are_not_looked_for(name, data):
    packaged = held_out_examples()
    assert held_out_examples(name) == packaged  # no folder
    (data / name).mkdir()
    assert held_out_examples(name) == packaged  # a folder without them


def test_text_without_labels_has_no_sizes():
    with pytest.raises(InputError, match="mc4: is text without labels; `xlgen data encode mc4"):
        count_published("mc4")
    with pytest.raises(
        InputError, match="xnli: expected a data set whose published sizes are known"
    ):
        count_published("xnli")
    counted = {name for name in PUBLISHED if PUBLISHED[name].sizes}
    assert counted == {"wikilingua0", "xlsum", "gigaword"}


def test_the_papers_run_from_its_own_files_to_a_score(
    data, tmp_path, model_folder, spiece, article_1
):
    """The recipe's own names, small: WikiLingua-0's English labels, mC4 between them, scored in Thai."""
    import torch

    from xlgen.model.load import save_model, tiny_model

    save_model(tiny_model(1, vocabulary=704), model_folder, dtype=torch.float32)
    (model_folder / "spiece.model").write_bytes(spiece.path.read_bytes())
    for code in ("th", "vi"):
        texts = [f"{article_1[code]} {n}\n{article_1[code]}" for n in range(20)]
        write_mc4(data / "mc4", code, [*texts, article_1["en"], ""])
    small = [
        f"model={model_folder}", "method.length=3", "method.population=100", "training.batch_size=4",
        "training.steps=2", "training.validate_every=2", "training.checkpoint_every=2",
        "training.precision=fp32", "limits={\"input\": 32, \"target\": 16}", "decoding.max_length=8",
        "decoding.beams=2", "mix.kappa=50", 'mix.languages=["th"]',
    ]  # fmt: skip
    config = override(prompt(), small)
    with pytest.raises(InputError, match=r"mc4: not encoded for the tokenizer .*xlgen data encode"):
        config.run(tmp_path / "run")
    encoded = run("data", "encode", "mc4", "--model", str(model_folder), "--json")
    made = {one["language"]: one for one in json.loads(encoded.stdout)}
    assert {c: (m["kept"], m["left_out"], m["is_all"]) for c, m in made.items()} == {
        "th": (20, 2, True),
        "vi": (20, 2, True),
    }
    config.run(tmp_path / "run")
    with pytest.raises(
        InputError, match=r"mt5-pieces/spiece.model: .*data fetch mt5-pieces.*--spm"
    ):
        evaluate_run(tmp_path / "run", "wikilingua0", languages=["th"], limit=2)
    assert not (tmp_path / "run" / "predictions").exists()  # said before the work
    (data / "mt5-pieces").mkdir()
    shutil.copy(spiece.path, data / "mt5-pieces" / "spiece.model")
    scores = evaluate_run(tmp_path / "run", "wikilingua0", languages=["th"], limit=2)
    quality = next(c for c in scores["cells"] if c["metric"] == "sp_rouge_lsum")
    assert (quality["language"], quality["n"]) == ("th", 2)
    assert f"|spm:{spiece.sha256[:8]}|" in quality["signature"]
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (stored["train"]["source"], stored["mix"]["text"]) == ("wikilingua0", "mc4")


def test_lead_counts_the_pieces_that_its_scores_count(data, tmp_path, spiece):
    """In the paper both are mT5's, whatever model is compared."""
    (data / "mt5-pieces").mkdir()
    shutil.copy(spiece.path, data / "mt5-pieces" / "spiece.model")
    scores = evaluate_baseline(
        tmp_path / "lead", "wikilingua0", baseline="lead-5", languages=["th"], limit=2
    )
    lines = (tmp_path / "lead" / "predictions" / "wikilingua0-test.jsonl").read_text("utf-8")
    for record in map(json.loads, lines.splitlines()):
        start = spiece.decode(spiece.encode(record["input"])[:5])
        assert record["prediction"] == start
    assert scores["run"]["tokenizer"] == spiece.sha256[:8]


def test_languages_beyond_the_eighteen_are_for_language_prompts_alone(data, model_folder, caplog):
    from xlgen.benchmarks.text import unlabeled_text
    from xlgen.families import mc4_code
    from xlgen.model.packaged import open_tokenizer

    # Article 1 in Swahili (OHCHR).
    swahili = (
        "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri."
    )
    for code, text in (("sw", swahili), ("th", ARTICLE_1["th"])):
        write_mc4(data / "mc4", code, [f"{text} {n} {text}" for n in range(9)])
    encode = ("data", "encode", "mc4", "--model", str(model_folder), "--threshold", "0")
    assert run(*encode).exit_code == 0
    tokenizer = open_tokenizer(model_folder)
    assert set(unlabeled_text("mc4", tokenizer, code_of=mc4_code)) == {"sw", "th"}
    assert set(unlabeled_text("mc4", tokenizer)) == {"th"}
    assert "sw is none of the eighteen languages" in caplog.text


def test_tokens_of_other_settings_are_refused(data, model_folder, article_1, monkeypatch):
    write_mc4(data / "mc4", "th", [f"{article_1['th']} {n}" for n in range(9)])
    encode = ("data", "encode", "mc4", "--model", str(model_folder), "--languages", "th")
    assert run(*encode, "--held-out", "0.1").exit_code == 0
    from xlgen.benchmarks.text import unlabeled_text
    from xlgen.model.packaged import open_tokenizer

    tokenizer = open_tokenizer(model_folder)
    assert set(unlabeled_text("mc4", tokenizer, held_out=0.1)) == {"th"}
    with pytest.raises(InputError, match=r"th\.json: holds 0\.1 .*set held_out=0\.1, or run"):
        unlabeled_text("mc4", tokenizer)
    monkeypatch.setattr("xlgen.benchmarks.text.HeldOutParagraphs.identity", "of other tests")
    with pytest.raises(InputError, match=r"th\.json: made when other texts were held out"):
        unlabeled_text("mc4", tokenizer, held_out=0.1)
    result = run(*encode, "--threshold", "95")
    assert isinstance(result.exception, InputError)
