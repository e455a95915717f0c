"""Wrong words, outputs wholly in English, and the pass rates of lines and words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from xlgen.languages import FURTHER, LANGUAGES
from xlgen.metrics.pass_rates import LinePassRate, WordPassRate, long_lines
from xlgen.metrics.score import score_records
from xlgen.metrics.scores import Average
from xlgen.metrics.switching import AllEnglish, WrongWords, language_counts
from xlgen.metrics.words import LATIN

OTHERS = [code for code in LANGUAGES if code != "en"]
NON_LATIN = [code for code in LANGUAGES if LATIN not in LANGUAGES[code].scripts]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "th", (0.0, 0.0)),
        ("42 % <b> GRUB", "vi", (0.0, 0.0)),
        ("Bấm vào the nút", "vi", (0.25, 1.0)),
        ("Bấm vào Firefox 3.5 the nút --help", "vi", (0.25, 1.0)),
        ("Click the red button", "vi", (1.0, 1.0)),
        ("打开文件夹", "zh", (0.0, 1.0)),
        ("打开文件 the folder", "zh", (0.5, 1.0)),
        ("เปิดแฟ้มข้อมูล close the window", "th", (3 / 7, 1.0)),
        ("अपने कंप्यूटर को открыть", "hi", (0.25, 1.0)),
    ],
)
def test_wrong_words_are_a_share_of_all_words(
    text: str, language: str, expected: tuple[float, float]
) -> None:
    assert WrongWords().statistics(text, "", language) == pytest.approx(expected)


def test_names_are_in_no_count() -> None:
    with_names = language_counts("Mở Mozilla GRUB 42 --help để xem the nút", "vi")
    assert with_names == language_counts("Mở để xem the nút", "vi") == {"vi": 4, "en": 1}


@pytest.mark.parametrize("language", OTHERS)
def test_only_english_is_wholly_english(language: str, texts: dict[str, list[str]]) -> None:
    english, own = texts["en"][0], texts[language][0]
    metric = AllEnglish()
    assert metric.statistics(english, "", language) == (1.0, 1.0)
    assert metric.statistics(own, "", language) == (0.0, 1.0)
    assert metric.statistics(f"{english} {own}", "", language) == (0.0, 1.0)
    assert metric.statistics("", "", language) == (0.0, 1.0)
    assert metric.statistics(english, "", "en") == (0.0, 0.0)
    assert WrongWords().statistics(english, "", language)[0] > 0.9
    assert WrongWords().statistics(own, "", language)[0] < 0.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_pass_in_their_language_alone(language: str, texts: dict[str, list[str]]) -> None:
    own, english = (texts[code][0].split("\n")[1] for code in (language, "en"))
    metric = LinePassRate()
    assert metric.statistics(own, "", language) == (1.0, 1.0)
    passes = float(language == "en")
    assert metric.statistics(f"{own}\n{english}", "", language) == (passes, 1.0)
    assert metric.statistics(f"{own}\nthe window", "", language) == (1.0, 1.0)  # too short
    for text in ("", "\n", "the window", "42 % --- ..."):
        assert metric.statistics(text, "", language) == (0.0, 0.0), text


def test_long_lines_are_those_of_the_benchmark() -> None:
    """compute_metrics.py: punctuation is removed, then a line needs five words."""
    assert long_lines("a b c d\na b - c d\na, b, c, d, e!\na—b c d e", "en") == [
        "a b c d e",
        "a b c d e",
    ]
    assert long_lines("打开文件夹，选择文件名\n打开文件", "zh") == ["打开文件夹，选择文件名"]


@pytest.mark.parametrize("language", NON_LATIN)
def test_words_pass_without_english(language: str, texts: dict[str, list[str]]) -> None:
    own = texts[language][0].split("\n")[1].replace("debconf", "")
    metric = WordPassRate()
    assert metric.statistics(own, "", language) == (1.0, 1.0)
    assert metric.statistics(f"{own} window {own}", "", language) == (0.0, 1.0)
    assert metric.statistics(f"{own} Window {own}", "", language) == (1.0, 1.0)  # a name
    assert metric.statistics(f"{own} Close The Window {own}", "", language) == (1.0, 1.0)
    assert metric.statistics(f"{own} the {own}", "", language) == (1.0, 1.0)  # three letters
    english = "Click the red button and close the window"
    assert metric.statistics(f"{own}\n{english}", "", language) == (0.0, 0.0)  # a line's error


def test_wpr_is_for_other_scripts_only() -> None:
    assert [code for code in LANGUAGES if WordPassRate().covers(code)] == NON_LATIN
    assert WordPassRate().statistics("Bấm vào cái nút màu đỏ", "", "vi") == (0.0, 0.0)


def record(language: str, prediction: str) -> dict[str, str]:
    return {"id": language, "language": language, "prediction": prediction}


def test_averages_go_over_the_languages_that_a_metric_covers() -> None:
    records = [
        record("en", "Click the red button now"),
        record("ru", "Нажмите красную кнопку и закройте окно"),
        record("hi", "खिड़की बंद करने के लिए window बटन दबाएँ"),
        record("es", "Haga clic en el botón rojo"),
    ]
    scores = score_records(records, metrics=("all_english", "wpr"))
    averages = [(a.metric, a.languages, a.value) for a in scores.averages]
    others = ("es", "hi", "ru")
    assert averages == [
        ("all_english", others, 0.0), ("wpr", ("hi", "ru"), 50.0),
        ("all_english", others, 0.0), ("wpr", ("hi", "ru"), 50.0),
    ]  # fmt: skip
    latin = score_records(records[-1:], metrics=("wpr",))
    assert latin.averages == (Average("wpr", (), value=None, low=None, high=None),)
    assert latin.cell("es", "wpr").value is None
    assert json.dumps(latin.to_json())


def test_who_asks_for_none_of_these_reads_no_list() -> None:
    heavy = "xlgen.metrics.spans"
    code = (
        "import sys; from xlgen.metrics.score import score_records as s; "
        "s([{'id': '1', 'language': 'es', 'prediction': 'a b'}], metrics=('ascii', 'lid')); "
        f"print('{heavy}' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_the_terminal_shows_all_metrics_in_80_columns(model_path: Path) -> None:
    from rich.console import Console

    records = [{**record("th", "กดปุ่ม the button แล้วปิดหน้าต่าง"), "reference": "กดปุ่ม"}]
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(score_records(records, tokenizer_path=model_path).table())
    shown = console.export_text()
    assert "wrong_words all_english" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("language", FURTHER)
def test_words_are_not_told_apart_in_further_languages(language: str) -> None:
    """No words were counted in them: such outputs have no score, rather than a wrong one."""
    text = "Click the red button and close the window"
    for metric in (WrongWords(), AllEnglish(), WordPassRate()):
        assert not metric.covers(language)
        assert metric.statistics(text, "", language) == (0.0, 0.0)
    assert LinePassRate().statistics(text, "", language) == (0.0, 1.0)
