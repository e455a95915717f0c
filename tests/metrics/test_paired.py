"""Two systems on the same records: what is compared, what chance would do, what is refused."""

import json
from pathlib import Path

import pytest

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.metrics.paired import compare_files
from xlgen.metrics.score import make_metrics, score_file

# Metrics that leave some outputs out, so that a resample of few texts may have none.
SOME = ("all_english", "lpr", "wpr")


class Writer:
    """Writes predictions that copy their reference but for the last `cut` characters."""

    def __init__(self, folder: Path, texts: dict[str, list[str]]) -> None:
        self.folder, self.texts = folder, texts

    def __call__(self, name: str, cut: int, *, only: slice = slice(None)) -> Path:
        records = [
            {
                "id": f"{number}",
                "language": language,
                "prediction": text[: max(1, len(text) - cut)],
                "reference": text,
            }
            for language, texts in self.texts.items()
            for number, text in enumerate(texts)
        ]
        path = self.folder / name
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records[only]]
        path.write_text("".join(lines), "utf-8")
        return path


@pytest.fixture
def write(tmp_path: Path, texts: dict[str, list[str]]) -> Writer:
    return Writer(tmp_path, texts)


def test_scores_and_differences_are_those_of_scoring_each(write: Writer, model_path: Path) -> None:
    paths = write("better.jsonl", 5), write("worse.jsonl", 30)
    paired = compare_files(*paths, tokenizer_path=model_path)
    scores = [score_file(path, tokenizer_path=model_path) for path in paths]
    assert [(c.language, c.metric) for c in paired.cells] == [
        (code, metric)
        for code in LANGUAGES
        for metric in make_metrics(None, tokenizer_path=model_path)
    ]
    for cell in paired.cells:
        first, second = (s.cell(cell.language, cell.metric).value for s in scores)
        assert (cell.first, cell.second) == (first, second)
        if cell.metric in SOME:
            continue
        assert cell.comparison is not None
        assert cell.comparison.difference == pytest.approx(first - second)
    quality = [cell for cell in paired.cells if cell.metric == "sp_rouge_lsum"]
    assert all(c.comparison.low > 0 for c in quality)
    assert all(c.comparison.p_randomization < 0.2 for c in quality)  # of few texts


def test_a_system_does_not_differ_from_itself(write: Writer, model_path: Path) -> None:
    path = write("one.jsonl", 5)
    for cell in compare_files(path, path, tokenizer_path=model_path).cells:
        if cell.metric in SOME:
            continue
        assert cell.comparison is not None
        assert cell.comparison.difference == 0
        assert cell.comparison.p_randomization == 1


def test_the_order_of_records_changes_nothing(write: Writer, model_path: Path) -> None:
    first, second = write("a.jsonl", 5), write("b.jsonl", 30)
    turned = write("c.jsonl", 30, only=slice(None, None, -1))
    metrics = ("sp_rouge_l",)
    assert compare_files(
        first, second, tokenizer_path=model_path, metrics=metrics
    ) == compare_files(first, turned, tokenizer_path=model_path, metrics=metrics)


def test_a_record_that_one_lacks_is_named(write: Writer) -> None:
    whole, part = (
        write("a.jsonl", 5),
        write("b.jsonl", 5, only=slice(1, None)),
    )
    for given in ((whole, part), (part, whole)):
        with pytest.raises(
            InputError, match=rf"{part}: expected the records of .*lacks 1, such as"
        ):
            compare_files(*given)


def test_another_reference_is_named(tmp_path: Path) -> None:
    record = {"id": "1", "language": "th", "prediction": "เปิดแฟ้ม", "reference": "เปิดแฟ้มข้อมูล"}
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, reference in zip(paths, ("เปิดแฟ้มข้อมูล", "ปิดแฟ้ม"), strict=True):
        path.write_text(json.dumps(record | {"reference": reference}), "utf-8")
    with pytest.raises(InputError, match=r"b.jsonl:1: expected the reference of '1'"):
        compare_files(*paths)


def test_where_nothing_can_be_compared_everything_is_none(tmp_path: Path) -> None:
    record = {"id": "1", "language": "th", "prediction": "", "reference": "เปิดแฟ้ม"}
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(record), "utf-8")
    paired = compare_files(path, path)
    for told in paired.to_json():
        assert {"difference", "low", "high", "p_bootstrap", "p_randomization", "n"} <= set(told)
        assert told["difference"] is None
        assert told["signature"]
    assert paired.table().row_count == 1
