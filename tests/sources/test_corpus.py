"""Catalogues, manuals and filters on real strings; a corpus built from packages made here."""

import gzip
import io
import json
import lzma
import struct
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from xlgen.errors import InputError
from xlgen.sources.build import damaged_files
from xlgen.sources.catalogues import (
    clean_message,
    read_fluent,
    read_mediawiki,
    read_mo,
    read_properties,
)
from xlgen.sources.corpus import (
    HELP_FOLDER,
    HeldOut,
    build_corpus,
    read_held_out,
    remove_paragraphs,
    write_corpus,
)
from xlgen.sources.filters import (
    Identifier,
    ParagraphFilter,
    clean_paragraph,
    is_prose,
    paragraph_key,
)
from xlgen.sources.manuals import docbook_paragraphs, package_descriptions, roff_paragraphs
from xlgen.sources.texts import Document, folder_language, read_cached, read_documents

THAI = "ใช้เสียงบรรยากาศชวนสงบใจในขณะที่คุณทำงาน"
ARABIC = "انقر على زر شغل في حوار شغل تطبيق."
HINDI = "अलग-अलग खातों के लिए भिन्न-भिन्न कूट-शब्द का इस्तेमाल करें।"
CHINESE = "单击“设备”列表中的设备，打开该设备的面板。"
VIETNAMESE = "Để phục hồi tập tin từ sọt rác, hãy mở sọt rác và chọn tập tin đó."
GERMAN = "Klicken Sie auf das Gerät in der Geräteliste, um die Einstellungen zu öffnen."
ENGLISH = "Click the device in the devices list to open the panel of its settings."


def make_mo(messages: dict[str, str], order: str = "<") -> bytes:
    """Compile messages as `msgfmt` does: sorted, offsets after a 28-byte header."""
    pairs = sorted((k.encode(), v.encode()) for k, v in messages.items())
    start, tables, strings = 28 + 16 * len(pairs), ([], []), b""
    for side in (0, 1):
        for pair in pairs:
            tables[side].append(struct.pack(f"{order}2I", len(pair[side]), start + len(strings)))
            strings += pair[side] + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return head + b"".join(tables[0] + tables[1]) + strings


HELD = "Dieser Absatz steht auf einer Seite, die zum Messen zurückgehalten wird."
SAME = "Ein Absatz, der auf der englischen Seite genauso steht, ist nicht übersetzt."
HEADER = "Content-Type: text/plain; charset=UTF-8\n"


@pytest.mark.parametrize("order", ["<", ">"])
def test_mo_gives_messages_without_context_and_the_last_plural(order: str) -> None:
    data = make_mo(
        {"": HEADER, "menu\x04Open": THAI, "%d file\0%d files": "ملف\0ملفات", "Same": "Same"}, order
    )
    assert list(read_mo(data)) == [("%d file", "ملفات"), ("Same", "Same"), ("Open", THAI)]


def test_mo_in_another_character_set() -> None:
    data = make_mo({"": HEADER.replace("UTF-8", "ISO-8859-1"), "x": "caf?"})
    assert list(read_mo(data.replace(b"caf?", b"caf\xe9"))) == [("x", "café")]


@pytest.mark.parametrize(
    "data", [b"", b"not a catalogue at all, only text", make_mo({"a": "b"})[:30]]
)
def test_mo_that_is_none_gives_nothing(data: bytes) -> None:
    assert list(read_mo(data)) == []


def test_other_catalogues() -> None:
    wiki = json.dumps({"@metadata": {"authors": ["x"]}, "help": f"[[Help:Page|{THAI}]]"}).encode()
    assert [clean_message(text) for _, text in read_mediawiki(wiki)] == [[THAI]]
    fluent = f"# note\nkey = {GERMAN}\n    .label = {HINDI}\nlong =\n    {VIETNAMESE}\n    OK\n"
    assert [text.strip() for _, text in read_fluent(fluent.encode())] == [
        GERMAN, HINDI, f"{VIETNAMESE} OK",
    ]  # fmt: skip
    assert list(read_properties(b"# no\nname=caf\\u00e9 ou th\\u00e9\n")) == [("", "café ou thé")]


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("_Datei speichern", ["Datei speichern"]),
        ("Sp_eichern", ["Speichern"]),
        ("~Öffnen", ["Öffnen"]),
        ("&Nouveau", ["Nouveau"]),
        ("新建(_N)", ["新建"]),
        ("snake_case_name bleibt", ["snake_case_name bleibt"]),
        ("R&B und Q & A", ["R&B und Q & A"]),
        ("Sur<nl/>deux lignes", ["Sur deux lignes"]),
        ("<b>Fett</b>druck &lt;b&gt;", ["Fettdruck"]),
        ("%PRODUCTNAME เริ่มไม่ได้", ["LibreOffice เริ่มไม่ได้"]),
        ("{ -brand-short-name } wird geladen", ["Firefox wird geladen"]),
        ("%s: %d", []),
        ("eins\n\nzwei", ["eins", "zwei"]),
        ("", []),
    ],
)
def test_messages_become_prose(message: str, expected: list[str]) -> None:
    assert clean_message(message) == expected


def test_manual_page_without_macros_code_and_tables() -> None:
    page = r""".\" comment
.TH LS 1 "Mai 2022"
.SH BEZEICHNUNG
ls \- Verzeichnisinhalte auflisten
.SH "BESCHREIBUNG"
.PP
Mit \fB\-a\fP werden alle Eintr\[u00E4]ge gezeigt,
.BR ls (1)
sortiert sie.
.nf
int main(void);
.fi
.TS
l l.
a	b
.TE
Ende."""
    assert roff_paragraphs(page.encode()) == [
        "BEZEICHNUNG",
        "ls - Verzeichnisinhalte auflisten",
        "BESCHREIBUNG",
        "Mit -a werden alle Einträge gezeigt, ls(1) sortiert sie.",
        "Ende.",
    ]


def test_docbook_with_unknown_entities_and_prefixes() -> None:
    page = f"""<?xml version="1.0"?><article><title>{THAI}</title>
<para>Mit &app; <guimenu>öffnen</guimenu>.<xi:include href="x"/></para>
<screen>make install</screen><itemizedlist><listitem><para>{ARABIC}</para></listitem></itemizedlist>
</article>"""
    assert docbook_paragraphs(page.encode()) == [THAI, "Mit app öffnen.", ARABIC]
    assert docbook_paragraphs(b"") == docbook_paragraphs(b"plain") == []


def test_package_descriptions_split_at_dots_and_items() -> None:
    index = (
        "Package: vim\nDescription-md5: 59e8b8f7757db8b53566d5d119872de8\n"
        "Description-de: Erweiterter vi-Editor\n Erster Absatz\n geht weiter.\n .\n"
        " Er kann:\n  * dies\n  * das\n\nPackage: leer\nDescription-md5: 0\n"
    )
    assert list(package_descriptions(index)) == [
        ("vim", ["Erweiterter vi-Editor", "Erster Absatz\ngeht weiter.", "Er kann:", "dies", "das"])
    ]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("th", THAI, True), ("ar", ARABIC, True), ("hi", HINDI, True), ("zh", CHINESE, True),
        ("vi", VIETNAMESE, True), ("de", GERMAN, True), ("th", ENGLISH, False), ("hi", THAI, False),
        ("ar", "OK", False), ("de", "", False), ("de", "Öffnen", False),
        ("zh", "按一下「裝置」清單中的裝置，開啟該裝置的面板。", False),  # traditional characters
        ("ja", CHINESE, False), ("ja", "デバイスの一覧からデバイスをクリックします。", True),
        ("de", "Die DateiÃ\x9f ist beschÃ¤digt worden", False),
        ("de", "0x1F 0x2A 0x3B 0x4C 0x5D 0x6E --- 12 34", False),
    ],
)  # fmt: skip
def test_prose_is_long_enough_and_in_its_script(language: str, text: str, expected: bool) -> None:
    assert is_prose(text, language=language) is expected


def test_identifier_judges_long_paragraphs_alone_and_short_ones_together() -> None:
    identifier = Identifier()
    short = ["Datei speichern", "Fenster schließen", "Neues Dokument anlegen", "Drucken Sie jetzt"]
    assert identifier.accepted([GERMAN, ENGLISH, *short], language="de") == [GERMAN, *short]
    assert identifier.accepted(["Save the file", "Close this window"], language="de") == []
    assert identifier.accepted([THAI], language="th") == [THAI]
    assert identifier.accepted([], language="de") == []


def test_cleaning_and_keys() -> None:
    assert clean_paragraph("e\u0301t\u00ade\n  fin", language="fr") == "éte fin"
    assert clean_paragraph("a\ufffdb", language="fr") == ""
    assert paragraph_key("Öffnen Sie: die Datei.") == paragraph_key("öffnen sie die  datei")
    assert paragraph_key("ที่") != paragraph_key("ทู่")


@pytest.mark.parametrize(
    ("folder", "language"),
    [("pt_BR", "pt"), ("pt", "pt"), ("C", "en"), ("zh_CN", "zh"), ("zh_TW", None), ("ar-MA", "ar"),
     ("sr@latin", None), ("es_MX", None), ("en_GB", None), (None, "en"),
     ("in", "id"), ("iw", None), ("fil", None)],
)  # fmt: skip
def test_folder_names(folder: str | None, language: str | None) -> None:
    assert folder_language(folder) == language


def mallard(*paragraphs: str) -> bytes:
    body = "".join(f"<p>{text}</p>" for text in paragraphs)
    return f'<page xmlns="http://projectmallard.org/1.0/"><title>T</title>{body}</page>'.encode()


def make_package(folder: Path, name: str, files: dict[str, bytes]) -> Path:
    root = folder / name
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A <a@example.org>\n"
        "Description: test\n"
    )
    deb = folder / f"{name}_1_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(root), str(deb)], check=True, capture_output=True)
    return deb


def language_pack(text: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as pack:
        pack.writestr("browser/a.ftl", f"key = {text}\n")
    return data.getvalue()


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("packages")
    open_page, held_page = "app/open.page", "app/held.page"
    help_folder = "usr/share/help"
    deb = make_package(
        folder,
        "app",
        {
            f"{help_folder}/C/{open_page}": mallard(ENGLISH, SAME),
            f"{help_folder}/de/{open_page}": mallard(GERMAN, GERMAN, ENGLISH, SAME, HELD),
            f"{help_folder}/de/{held_page}": mallard(HELD),
            f"{help_folder}/zh_CN/{open_page}": mallard(CHINESE),
            f"{help_folder}/zh_TW/{open_page}": mallard(CHINESE),
            "usr/share/locale/hi/LC_MESSAGES/app.mo": make_mo({"": HEADER, "a": HINDI, "b": "b"}),
            "usr/share/man/vi/man1/app.1.gz": gzip.compress(f".SH X\n{VIETNAMESE}\n".encode()),
            "usr/lib/firefox-esr/x/langpack-th@firefox-esr.mozilla.org.xpi": language_pack(THAI),
        },
    )
    return [read_cached(deb, cache=folder / "cache")]


def test_reading_is_kept_and_sorted(readings: list[Path]) -> None:
    documents = list(read_documents(readings))
    assert [(x.language, x.source) for x in documents] == [
        ("de", "mallard"), ("de", "mallard"), ("en", "mallard"), ("zh", "mallard"),
        ("vi", "manual-pages"), ("hi", "messages"), ("th", "mozilla"),
    ]  # fmt: skip
    assert [x.page for x in read_documents(readings, "hi")] == ["app"]


def test_corpus_keeps_each_paragraph_once_and_none_held_out(
    readings: list[Path], tmp_path: Path
) -> None:
    held_out = HeldOut(frozenset({"gnome/app/held"}))
    statistics = write_corpus(readings, tmp_path, held_out=held_out)
    texts = {path.stem: path.read_text() for path in tmp_path.glob("*.txt")}
    assert texts["de"] == f"{GERMAN}\n\n"
    assert texts["en"] == f"{ENGLISH}\n\n"
    assert texts["zh"] == f"{CHINESE}\n\n"
    assert texts["th"] == f"{THAI}\n\n"
    assert texts["ar"] == ""
    assert statistics["hi"]["messages"] == {
        "documents": 1, "paragraphs": 1, "characters": len(HINDI), "bytes": len(HINDI.encode()),
    }  # fmt: skip
    again = tmp_path / "again"
    assert (
        write_corpus(
            readings,
            again,
            held_out=replace(held_out, paragraphs=frozenset({paragraph_key(HINDI)})),
        )["hi"]
        == {}
    )
    assert (again / "de.txt").read_bytes() == (tmp_path / "de.txt").read_bytes()


def test_held_out_is_read_from_a_data_set(tmp_path: Path) -> None:
    record = {
        "document": "gnome/app/held",
        "language": "th",
        "input": f"{THAI}\n{HINDI}",
        "target": "a",
    }
    for name in ("validation", "test"):
        with lzma.open(tmp_path / f"{name}.jsonl.xz", "wt") as file:
            file.write(json.dumps(record) + "\n")
    held_out = read_held_out(tmp_path)
    assert held_out.documents == {"gnome/app/held"}
    assert {paragraph_key(THAI), paragraph_key(HINDI)} <= held_out.paragraphs
    assert held_out.has(Document("vi", "mallard", "app/held.page", []))
    assert not held_out.has(Document("vi", "docbook", "app/held.page", []))
    with pytest.raises(InputError):
        read_held_out(tmp_path / "nothing")


def test_numbers_do_not_make_a_paragraph_new() -> None:
    chosen = ParagraphFilter("de", identifier=Identifier(), forbidden=frozenset())
    text = "Diese Datei gehört zu der Version {} des Programms, das Sie gerade installieren."
    assert chosen.kept([text.format("4.7"), text.format("5.11"), "x"]) == [text.format("4.7")]
    assert chosen.kept([text.format("6")]) == []


class FakeArchive:
    """An archive of one package and one index that are at hand."""

    def __init__(self, cache: Path) -> None:
        self.folder = cache
        sizes = {"app": 100, "film": 30_000_000, "manpages-de": 100, "game": 6_000_000}
        self.packages = {name: SimpleNamespace(size=size) for name, size in sizes.items()}

    def packages_holding(self, folder: str) -> dict[str, list[str]]:
        return {"app": [], "film": [], "gone": []} if folder == HELP_FOLDER else {"game": []}

    def download(self, names: list[str]) -> SimpleNamespace:
        assert names == ["app", "manpages-de"]
        text = gzip.compress(f".SH X\n{VIETNAMESE}\n.PP\n{HELD}\n".encode())
        deb = self.folder / "app_1_all.deb"
        if not deb.exists():
            make_package(self.folder, "app", {"usr/share/man/vi/man1/a.1.gz": text})
        return SimpleNamespace(files={"app": deb})

    def index_files(self, kind: str) -> list[Path]:
        path = self.folder / "archive_i18n_Translation-de"
        path.write_text(f"Package: a\nDescription-de: Gerät\n {GERMAN}\n .\n {HELD}\n")
        return [path] if kind == "Translations" else []


def test_build_writes_text_statistics_and_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xlgen.sources.corpus.Archive", FakeArchive)
    data_set = tmp_path / "howto0"
    data_set.mkdir()
    with lzma.open(data_set / "test.jsonl.xz", "wt") as file:
        file.write(json.dumps({"document": "gnome/x", "input": HELD, "target": "t"}) + "\n")
    out = tmp_path / "out"
    statistics = build_corpus(cache=tmp_path, out=out, held_out=data_set)
    assert (out / "de.txt").read_text() == f"{GERMAN}\n\n"
    assert (out / "vi.txt").read_text() == f"{VIETNAMESE}\n\n"
    assert json.loads((out / "statistics.json").read_text()) == statistics
    manifest = json.loads((out / "manifest.json").read_text())
    assert set(manifest["inputs"]) == {"app_1_all.deb", "archive_i18n_Translation-de"}
    assert len(manifest["files"]) == 19  # a file a language, and the statistics
    assert damaged_files(out) == []
    before = {path: path.read_bytes() for path in out.iterdir()}
    build_corpus(cache=tmp_path, out=out, held_out=data_set)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_remove_paragraphs_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "th.txt").write_text(f"{THAI}\nสอง\n\n{THAI}\n\nสาม\n\n")
    (tmp_path / "de.txt").write_text(f"{GERMAN}\n\n")
    removed = remove_paragraphs(tmp_path, {paragraph_key(THAI)})
    assert removed == {"de": 0, "th": 2}
    assert (tmp_path / "th.txt").read_text() == "สอง\n\nสาม\n\n"
    assert (tmp_path / "de.txt").read_text() == f"{GERMAN}\n\n"
