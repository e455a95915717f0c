"""Learning curves of any run as one SVG file."""

import json
import xml.etree.ElementTree as ET

import pytest

from xlgen.errors import InputError
from xlgen.reports.curves import write_curves

SVG = "{http://www.w3.org/2000/svg}"


def write_run(folder, *, first=9.0, languages=("en", "th", "hi")):
    """Write metrics as pretraining leaves them: no scores, a loss that begins far above validation."""
    folder.mkdir(parents=True)
    lines = []
    for step in range(10, 60, 10):
        line = {"step": step, "loss": first / (step / 10)}
        if languages:
            line["validation"] = {
                code: {"loss": 3.0 + 0.2 * i - step / 100} for i, code in enumerate(languages)
            }
        lines.append(json.dumps(line) + "\n")
    (folder / "metrics.jsonl").write_text("".join(lines), "utf-8")
    return folder


def texts(path):
    return [element.text for element in ET.parse(path).iter(f"{SVG}text")]


def test_each_run_is_a_panel_named_by_its_folder_with_its_languages(tmp_path):
    runs = [write_run(tmp_path / "nano"), write_run(tmp_path / "ภาษาไทย", languages=())]
    out = write_curves(runs, tmp_path / "curves.svg")
    found = texts(out)
    assert {"nano", "ภาษาไทย", "en", "others"} <= set(found)
    assert found.count("step") == 2
    assert ET.parse(out).getroot().find(f"{SVG}rect") is not None  # a ground to be read on anywhere


def test_the_scale_is_that_of_validation_not_of_the_first_losses(tmp_path):
    wild = texts(write_curves([write_run(tmp_path / "a", first=900)], tmp_path / "a.svg"))
    numbers = [float(text) for text in wild if text and text.replace(".", "").isdigit()]
    assert 900 not in numbers
    assert max(number for number in numbers if number % 10) < 100


@pytest.mark.parametrize("content", [None, ""])
def test_a_folder_without_metrics_is_named_and_nothing_is_written(tmp_path, content):
    empty = tmp_path / "empty"
    empty.mkdir()
    if content is not None:
        (empty / "metrics.jsonl").write_text(content)
    with pytest.raises(InputError, match=r"empty/metrics\.jsonl: expected the metrics of a run"):
        write_curves([write_run(tmp_path / "run"), empty], tmp_path / "curves.svg")
    assert not (tmp_path / "curves.svg").exists()
