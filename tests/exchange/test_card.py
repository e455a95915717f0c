"""A model card that huggingface_hub reads, of the weights that were scored and no others."""

import json
import shutil
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import eval_results_to_model_index

from xlgen.errors import InputError
from xlgen.exchange.base import export_run
from xlgen.exchange.card import Card
from xlgen.reports.read import read_run
from xlgen.run import evaluate_run

CODES = ["th", "ar", "hi", "zh", "vi", "en"]


MADE: list[Path] = []  # the one run that all tests take a copy of


@pytest.fixture
def scored(request, tmp_path):
    """Return a trained run, scored in six languages."""
    if not MADE:
        request.getfixturevalue("run_config").run(tmp_path / "made")
        evaluate_run(tmp_path / "made", "howto0-short", languages=CODES, limit=1)
        MADE.append(tmp_path / "made")
    return shutil.copytree(MADE[0], tmp_path / "run")


def test_the_hub_reads_the_card_as_it_was_meant(scored, tmp_path):
    card = Card(
        licence="apache-2.0", dataset="me/howto0", base_model="google/mt5-small", model="mine"
    )
    (path,) = export_run(scored, card, out=tmp_path / "card")
    read = ModelCard.load(path)
    data = read.data
    assert (data.license, data.library_name, data.base_model) == (
        "apache-2.0",
        "peft",
        card.base_model,
    )
    assert set(data.language) == set(CODES)
    assert data.pipeline_tag == "summarization"
    cells = read_run(scored).cells
    found = {(r.dataset_config, r.metric_type): r for r in data.eval_results}
    assert len(found) == len(cells)
    for cell in cells:
        result = found[cell.language, cell.metric]
        assert (result.metric_value, result.dataset_split) == (cell.value, "test")
        assert result.metric_args == {"signature": cell.signature}
    # the hub would write the same index
    index = eval_results_to_model_index("mine", data.eval_results)
    assert index == data.to_dict()["model-index"]
    rows = [line for line in read.text.split("\n") if line.startswith("| ")][1:]
    assert sorted(row.split(" | ")[0] for row in rows) == sorted(f"| {code}" for code in CODES)


def test_the_card_tells_how_to_train_again_and_what_to_open(scored):
    text = Card().files(read_run(scored))["README.md"]
    block = text.split("```json\n")[1].split("\n```")[0]
    assert json.loads(block) == json.loads((scored / "config.json").read_text("utf-8"))
    assert "PeftModel.from_pretrained(base, FOLDER)" in text
    assert "prompt" in text
    assert "license" not in text.split("---")[1]  # nobody gave one


def test_a_whole_model_is_no_adapter(scored):
    for file in (scored / "export").iterdir():
        file.unlink()
    (scored / "export" / "model.safetensors").touch()  # as ModelTuning's export has it
    text = Card().files(read_run(scored))["README.md"]
    assert "library_name: transformers" in text
    assert "model = MT5ForConditionalGeneration.from_pretrained(FOLDER)" in text


def test_scores_of_another_checkpoint_are_refused(scored):
    steps = sorted(int(path.name[5:]) for path in (scored / "steps").glob("step-*"))
    best = read_run(scored).checkpoint
    (other,) = [step for step in steps if step != best]
    evaluate_run(scored, "howto0-short", languages=["th"], limit=1, checkpoint=str(other))
    with pytest.raises(InputError, match=f"scores are of checkpoint {other}, export/ holds {best}"):
        Card().files(read_run(scored))


def test_a_run_without_weights_has_no_card(six_run, scored):
    with pytest.raises(InputError, match="whose weights the card is for"):
        Card().files(read_run(six_run))
    for file in (scored / "export").iterdir():
        file.unlink()
    with pytest.raises(InputError, match="holds no weights"):
        Card().files(read_run(scored))


def test_a_card_is_not_overwritten_unasked(scored, tmp_path):
    card = tmp_path / "card" / "README.md"
    card.parent.mkdir()
    card.write_text("written by hand", "utf-8")
    with pytest.raises(InputError, match=r"README.md: exists already; .* --replace"):
        export_run(scored, Card(), out=card.parent)
    assert card.read_text("utf-8") == "written by hand"
    assert list(card.parent.iterdir()) == [card]
    export_run(scored, Card(), out=card.parent, replace=True)
    assert card.read_text("utf-8").startswith("---\nlanguage:")


def test_a_hostile_name_stays_text(scored, tmp_path):
    name = "a\u202eb <script> | `x`\n---\nlicense: mit"
    (path,) = export_run(scored, Card(model=name), out=tmp_path / "card")
    read = ModelCard.load(path)
    assert read.data.license is None
    assert read.data.model_name == name
    title = next(line for line in read.text.split("\n") if line.startswith("# "))
    assert "<U+202E>" in title.replace("\\", "")
    assert "<script>" not in title
