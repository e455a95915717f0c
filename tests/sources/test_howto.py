"""How-to pairs: what becomes one, how they are split, and what must hold of the shipped data sets.

Excerpts: GNOME 43 help (CC-BY-SA-3.0, gnome-help/shell-windows-maximize), the templates of Debian's
`locales` 2.36 (LGPL-2.1, translators of debian-l10n).
"""

import importlib.resources
import json
import lzma
from collections import Counter, defaultdict
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.sources import build, debconf, howto, pairs
from xlgen.sources.debian import Package
from xlgen.sources.held_out import held_out_texts
from xlgen.sources.licences import Copyright
from xlgen.sources.markup import Block
from xlgen.sources.pages import Page, Source, mallard_licence
from xlgen.sources.pairs import Pair, join_sentences, make_pairs
from xlgen.sources.splits import assign_splits, group_documents, stable_share

ASSETS = Path(str(importlib.resources.files("xlgen"))) / "assets"
NAMES = ("howto0", "howto0-short")

ENGLISH = [
    Block(0, "description", "Double-click or drag a titlebar to maximize or restore a window."),
    Block(1, "heading", "Maximize and unmaximize a window"),
    Block(
        0,
        "text",
        "You can maximize a window to take up all of the space on your desktop and unmaximize a"
        " window to restore it to its normal size.",
    ),
    Block(2, "heading", "Maximize with the mouse"),
    Block(0, "text", "Grab the titlebar of the application and drag it to the top of the screen."),
    Block(2, "heading", "Maximize with the keyboard"),
    Block(0, "text", "Hold down the Super key and press the up arrow to maximize a window."),
]
GERMAN = [
    Block(
        0,
        "description",
        "Doppelklicken Sie auf die Titelleiste des Fensters, um es zu maximieren.",
    ),
    Block(1, "heading", "Maximieren und Wiederherstellen eines Fensters"),
    Block(
        0,
        "text",
        "Sie können ein Fenster maximieren, damit es den gesamten Platz auf dem Bildschirm belegt,"
        " und es wiederherstellen, damit es wieder seine normale Größe annimmt.",
    ),
    Block(2, "heading", "Mit der Maus maximieren"),
    Block(0, "text", "Ziehen Sie die Titelleiste der Anwendung an den oberen Bildschirmrand."),
    Block(2, "heading", "Mit der Tastatur maximieren"),
    Block(
        0, "text", "Halten Sie die Super-Taste gedrückt und drücken Sie die Pfeiltaste nach oben."
    ),
]

LOCALES = """Template: locales/default_environment_locale
Type: select
Choices: None, ${locales}
Description: Default locale for the system environment:
 Many packages in Debian use locales to display text in the correct
 language for the user. You can choose a default locale for the system
 from the generated locales.
Description-ar.UTF-8: المحلية الافتراضية لبيئة النظام:
 في نظام ديبيان، تستخدم العديد من الحزم المحليات لعرض النصوص باللغة الصحيحة للمستخدم. يمكنك اختيار المحلية الافتراضية للنظام من هذه المحليات.
Description-pt.UTF-8: Locale predefinido para o sistema:
 Muitos pacotes em Debian usam locales para mostrar texto no idioma correcto do utilizador. Dos locales gerados, pode escolher o padrão do sistema.
Description-pt_BR.UTF-8: Locale padrão para o ambiente do sistema:
 Muitos pacotes no Debian usam locales para exibir texto aos usuários no idioma correto. Você pode escolher um locale padrão para o sistema a partir dos locales gerados.
Description-vi.UTF-8: Default locale for the system environment:
 Many packages in Debian use locales to display text in the correct language for the user. You can choose a default locale for the system from the generated locales.
Description-th.UTF-8: Default locale
 Many packages in Debian use locales to display text. This is English in a Thai field.
"""  # noqa: E501


def _page(language: str, blocks: list[Block], document: str = "gnome/demo/maximize") -> Page:
    return Page(document, language, 0, "demo", "CC-BY-SA-3.0", blocks)


def _pair(document: str, language: str = "en", article: str = "") -> Pair:
    text = (article or f"An article about {document}, as no other document has it.",)
    return Pair(
        document, "description", "description", language, text, ("A line",), "demo", "MIT", 0
    )


def test_sections_become_an_article_without_headings_and_the_headings_its_summary() -> None:
    found = {
        (x.language, x.kind): x for x in make_pairs([_page("en", ENGLISH), _page("de", GERMAN)])
    }
    assert len(found) == 4
    german = found["de", "headings"]
    assert german.target == "Mit der Maus maximieren. Mit der Tastatur maximieren."
    assert "Mit der Maus" not in german.input
    assert len(german.input.split("\n")) == 3
    assert found["de", "description"].target == GERMAN[0].text
    assert german.place == found["en", "headings"].place


@pytest.mark.parametrize(
    ("reason", "blocks"),
    [
        ("the folder says German, the text is English", ENGLISH),
        ("half a page of another version", GERMAN[:4]),
        ("headings left in English", [y if y.kind == "heading" else x for x, y in zip(GERMAN, ENGLISH)]),
        ("text left in English", [y if y.kind == "text" else x for x, y in zip(GERMAN, ENGLISH)]),
        ("an empty page", []),
    ],
)  # fmt: skip
def test_what_is_not_truly_translated_is_no_pair(reason: str, blocks: list[Block]) -> None:
    found = list(make_pairs([_page("en", ENGLISH), _page("de", blocks)]))
    assert [x for x in found if x.language == "de" and x.kind == "headings"] == [], reason


def test_a_paragraph_left_in_english_is_left_out_of_the_article() -> None:
    mixed = [*GERMAN[:4], ENGLISH[4], *GERMAN[5:]]
    found = list(make_pairs([_page("en", ENGLISH), _page("de", mixed)]))
    (german,) = (x for x in found if x.language == "de" and x.kind == "headings")
    assert ENGLISH[4].text not in german.input
    assert len(german.article) == 2
    assert 0.1 < german.untranslated < 0.4


def test_a_close_relative_does_not_pass_for_the_language() -> None:
    # Universal Declaration of Human Rights, articles 1 and 2 in Slovak, in a Czech folder.
    slovak = [
        "Všetci ľudia sa rodia slobodní a rovní v dôstojnosti a právach.",
        "Sú obdarení rozumom a svedomím a majú navzájom konať v bratskom duchu.",
        "Všetci ľudia sú si rovní v dôstojnosti a právach bez ohľadu na pôvod, rasu či jazyk.",
    ]
    texts = iter(slovak)
    page = [
        replace(x, text=next(texts)) if x.kind == "text" else replace(x, text="Práva človeka")
        for x in ENGLISH
    ]
    assert pairs.identified_share(slovak, language="cs") >= pairs.LEAST_IDENTIFIED
    found = list(make_pairs([_page("en", ENGLISH), _page("cs", page)]))
    assert {x.language for x in found} == {"en"}


def test_text_in_a_third_language_is_found_by_paragraph() -> None:
    french = (
        "Vous pouvez agrandir une fenêtre pour qu’elle remplisse tout l’espace de votre bureau."
    )
    assert pairs.identified_share([GERMAN[2].text, french], language="de") < pairs.LEAST_IDENTIFIED
    assert pairs.identified_share([GERMAN[2].text, "F2"], language="de") == 1.0


@pytest.mark.parametrize(
    ("language", "lines", "expected"),
    [
        ("en", ["Open a file", "What now?"], "Open a file. What now?"),
        ("th", ["เปิดแฟ้ม", "บันทึกแฟ้ม"], "เปิดแฟ้ม บันทึกแฟ้ม"),
        ("hi", ["फ़ाइल खोलें", "सहेजें"], "फ़ाइल खोलें। सहेजें।"),
        ("ar", ["افتح الملف"], "افتح الملف."),
        ("zh", ["插入工作表", "为什么？"], "插入工作表。为什么？"),
        ("vi", ["Chèn một trang tính"], "Chèn một trang tính."),
        ("en", [], ""),
    ],
)
def test_lines_join_to_one_line_of_sentences(
    language: str, lines: list[str], expected: str
) -> None:
    assert join_sentences(lines, language=language) == expected


def test_a_template_gives_pairs_only_where_it_is_translated() -> None:
    (template,) = debconf.read_templates(LOCALES)
    package = Package("locales", "2.36", "all", 1, "", "debconf", "")
    found = {
        x.language: x
        for x in debconf.make_pairs(template, package, stated=Copyright("LGPL-2.1", ""))
    }
    assert sorted(found) == ["ar", "en", "pt"]
    assert found["pt"].target == "Locale padrão para o ambiente do sistema:"
    assert found["ar"].licence == "LGPL-2.1"
    assert found["en"].input.endswith("from the generated locales.")


@pytest.mark.parametrize(
    ("page", "licence"),
    [
        (
            '<license href="http://creativecommons.org/licenses/by-sa/3.0/us/"></license>',
            "CC-BY-SA-3.0",
        ),
        ("<license><p>Creative Commons Share Alike 3.0</p></license>", "CC-BY-SA-3.0"),
        ('<include href="legal.xml" xmlns="http://www.w3.org/2001/XInclude"/>', "CC-BY-SA-4.0"),
        ('<license href="http://www.gnu.org/licenses/fdl-1.1.html"><p/></license>', "other"),
        ("<page/>", ""),
        ("", ""),
    ],
)
def test_a_page_states_its_licence(page: str, licence: str) -> None:
    legal = b'<license href="https://creativecommons.org/licenses/by-sa/4.0/">x</license>'
    assert mallard_licence(page.encode(), {"legal.xml": legal}) == licence


def test_splits_do_not_depend_on_order_or_on_other_documents() -> None:
    many = [_pair(f"d{n}", code) for n in range(60) for code in ("en", "de", "th")[: 1 + n % 3]]
    wanted = {"is_held_out": lambda codes: "th" in codes, "validation": 0.5}
    splits = assign_splits(many, **wanted)
    assert splits == assign_splits(many[::-1], **wanted)
    fewer = assign_splits([x for x in many if x.document != "d2"], **wanted)
    assert all(splits[name] == split for name, split in fewer.items())
    assert Counter(splits.values()).keys() == {"train", "validation", "test"}
    assert all((splits[f"d{n}"] == "train") == (n % 3 < 2) for n in range(60))
    assert stable_share("libreoffice/swriter/guide/wrap") == pytest.approx(0.03435, abs=1e-4)


def test_documents_that_share_text_share_a_split() -> None:
    shared = "This paragraph is long enough to count, and two documents have it in their articles."
    same_german = "Derselbe Text steht hier."
    found = group_documents(
        [
            _pair("a", article=shared),
            replace(_pair("b"), article=(shared, "A little more.")),
            _pair("c", "de", same_german),
            _pair("d", "de", f"  {same_german} "),
            _pair("e"),
        ]
    )
    assert found == {"a": "a", "b": "a", "c": "c", "d": "c", "e": "e"}


def test_the_same_pairs_give_the_same_bytes(tmp_path: Path) -> None:
    records = [{"id": "b@th", "input": "ข้อความ", "language": "th"}, {"language": "ar", "id": "نص"}]
    data = howto.DataSet(
        "demo", {"train": records, "validation": [], "test": records}, [Source("p", "1", "MIT", "a|b")],
        {"name": "demo", "pairs": 2},
    )  # fmt: skip
    shuffled = [dict(reversed(record.items())) for record in records]
    again = replace(data, records={"train": shuffled, "validation": [], "test": shuffled})
    build.write_data_set(data, tmp_path / "one")
    build.write_data_set(again, tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "train.th.jsonl.xz" in names and not [name for name in names if name.startswith(".")]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_whole_folder_is_kept_and_a_damaged_one_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    data = howto.DataSet("howto0", {"train": [], "validation": [], "test": []}, [], {"pairs": 0})
    build.write_data_set(data, out)
    assert build.build("howto0", cache=tmp_path, out=out) == {"pairs": 0}
    (out / "test.jsonl.xz").write_bytes(b"")
    with pytest.raises(InputError, match=r"test\.jsonl\.xz is damaged"):
        build.build("howto0", cache=tmp_path, out=out)
    with pytest.raises(InputError, match="howto0"):
        build.build("howto", cache=tmp_path, out=out)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="expected a folder"):
        build.build("howto0", cache=tmp_path, out=tmp_path / "file")


@cache
def _shipped(name: str) -> dict[str, list[dict[str, str]]]:
    """Return the shipped records by split."""
    splits: dict[str, list[dict[str, str]]] = defaultdict(list)
    for path in sorted((ASSETS / name).glob("*.jsonl.xz")):
        for line in lzma.decompress(path.read_bytes()).decode().split("\n")[:-1]:
            splits[path.name.split(".")[0]].append(json.loads(line))
    return splits


@pytest.mark.parametrize("name", NAMES)
def test_shipped_files_are_whole(name: str) -> None:
    assert build.damaged_files(ASSETS / name) == []


@pytest.mark.parametrize("name", NAMES)
def test_shipped_no_document_is_in_two_splits_of_any_language(name: str) -> None:
    documents = {split: {x["document"] for x in rows} for split, rows in _shipped(name).items()}
    assert not documents["train"] & (documents["validation"] | documents["test"])
    assert not documents["validation"] & documents["test"]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_no_article_is_in_two_splits(name: str) -> None:
    articles = {
        split: {(x["language"], " ".join(x["input"].split())) for x in rows}
        for split, rows in _shipped(name).items()
    }
    assert not articles["train"] & (articles["validation"] | articles["test"])
    assert not articles["validation"] & articles["test"]


@pytest.mark.parametrize("name", NAMES)
def test_shipped_records_are_complete_and_unique(name: str) -> None:
    rows = [row for split in _shipped(name).values() for row in split]
    fields = {"id", "language", "input", "target", "source", "licence", "document"}
    assert all(row.keys() == fields and all(row.values()) for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    assert all("\n" not in row["target"] for row in rows)
    packages = json.loads((ASSETS / name / "manifest.json").read_text("utf-8"))["packages"]
    attribution = (ASSETS / name / "ATTRIBUTION.md").read_text("utf-8")
    assert {row["source"] for row in rows} == packages.keys()
    assert all(f"| {package} | {version} |" in attribution for package, version in packages.items())


@pytest.mark.parametrize("name", NAMES)
def test_shipped_articles_are_in_their_language(name: str) -> None:
    held_out = [*_shipped(name)["validation"], *_shipped(name)["test"]]
    rows = held_out[::2] + _shipped(name)["train"][::10]
    right = Counter(
        row["language"] for row in rows if pairs.identify(row["input"]) == row["language"]
    )
    total = Counter(row["language"] for row in rows)
    assert {
        code: right[code] / total[code] for code in total if right[code] < 0.97 * total[code]
    } == {}


def test_shipped_howto_is_as_large_as_promised() -> None:
    splits = _shipped("howto0")
    assert Counter(row["language"] for row in splits["train"])["en"] >= 1500
    languages = defaultdict(set)
    for row in [*splits["validation"], *splits["test"]]:
        languages[row["document"]].add(row["language"])
    assert sum(len(codes) >= 13 for codes in languages.values()) >= 200
    counts = Counter(code for codes in languages.values() for code in codes)
    assert sum(count >= 200 for count in counts.values()) >= 13


def test_shipped_short_form_is_tested_in_every_language() -> None:
    splits = _shipped("howto0-short")
    assert {row["language"] for row in splits["test"]} == set(LANGUAGES)
    assert {row["language"] for row in splits["validation"]} == set(LANGUAGES)
    assert Counter(row["language"] for row in splits["train"])["en"] >= 1000


def test_held_out_texts_cover_articles_targets_and_headings(tmp_path: Path) -> None:
    found = set(held_out_texts(ASSETS / "howto0-short"))
    row = next(x for x in _shipped("howto0-short")["test"] if x["language"] == "th")
    assert {row["target"], *row["input"].split("\n")} <= found
    assert "ข้อความอื่น" not in found
    joined = next(x["target"] for x in _shipped("howto0")["test"] if ". " in x["target"])
    assert joined.split(". ")[0] in set(held_out_texts(ASSETS / "howto0"))
    with pytest.raises(InputError, match="build howto0 first"):
        list(held_out_texts(tmp_path))


@pytest.mark.parametrize("name", NAMES)
def test_documented_tables_are_those_of_the_build(name: str) -> None:
    statistics = json.loads((ASSETS / name / "statistics.json").read_text("utf-8"))
    text = Path(__file__).parents[2].joinpath("docs/data.md").read_text("utf-8")
    assert build.statistics_table(statistics) in text
    assert build.licence_table(statistics) in text
