"""Pages are read as headed blocks. Excerpts: LibreOffice 7.4 help (MPL-2.0, text/scalc/guide/multitables),
GNOME 43 help (CC-BY-SA-3.0, gnome-help/files-rename and shell-windows-maximize)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.sources.markup import Block, make_sections, normalise, read_html, read_mallard

CHINESE = """<html><body><header><p>LibreOffice 7.4 Help</p></header>
<div id="DisplayArea"><h1 id="hd_id3154759" dir="auto"><a name="multitables"></a>应用多个工作表</h1>
<h2 id="hd_id3148576" dir="auto">插入工作表</h2>
<ol dir="auto"><li dir="auto"><p class="paragraph" dir="auto">选择「<span
class="menuitem">插入 - 工作表</span>」
可以插入新的工作表或者插入其他文件中的现有工作表。</p></li></ol>
<p id="par_id050920091402035" class="paragraph" dir="auto"></p>
<h2 id="hd_id3154491" dir="auto">选择多个工作表</h2>
<p id="par_idN106B7" class="paragraph" dir="auto">您可以使用键盘上的 Shift+<span class="switchinline"><span
hidden="true" id="MACtext" class="MAC">命令</span><span hidden="true" id="defaulttext">Ctrl</span></span>+Page
Up 或 Page Down 组合键选择多个工作表。</p>
<a name="relatedtopics"></a><div class="relatedtopics"><p class="related">相关主题</p></div></div>
<footer><p dir="auto">Title is: 应用多个工作表</p></footer></body></html>"""

VIETNAMESE = """<div id="DisplayArea"><h1>Ứng dụng nhiều trang tính</h1><h2>Chèn một trang tính</h2>
<p class="paragraph">Chọn <span class="menuitem">Chèn &gt; Bảng</span> để chèn một trang mới hoặc trang có
sẵn từ tập tin khác.</p></div>"""

KOREAN = """<?xml version="1.0" encoding="utf-8"?>
<page xmlns="http://projectmallard.org/1.0/" type="topic" style="task" id="files-rename" xml:lang="ko">
  <info><link type="guide" xref="files#common-file-tasks"/>
    <credit type="author"><name>그놈 문서 프로젝트</name></credit>
    <desc>파일 또는 폴더의 이름을 바꿉니다.</desc></info>
  <title>파일 또는 폴더 이름 바꾸기</title>
  <p>다른 파일 관리자에서와 같이, <app>파일</app> 에서도 파일 이름 또는 폴더 이름을 바꿀 수 있습니다.</p>
  <steps><title>파일 또는 폴더 이름을 바꾸려면:</title>
    <item><p>새 이름을 입력하고 <key>Enter</key>키를 누르거나 <gui>이름 바꾸기</gui>를 누릅니다.</p></item>
  </steps>
</page>"""

SEQUENCES = """<page xmlns="http://projectmallard.org/1.0/"><title>Keys</title><section><title>Menu</title>
<p>Press <keyseq><key>Ctrl</key><key>Q</key></keyseq> or choose
<guiseq><gui>File</gui><gui>Quit</gui></guiseq>.</p><screen>$ killall -9 gedit</screen></section></page>"""


def test_libreoffice_page_keeps_its_text_and_nothing_around_it() -> None:
    assert read_html(CHINESE.encode()) == [
        Block(1, "heading", "应用多个工作表"),
        Block(2, "heading", "插入工作表"),
        Block(0, "text", "选择「插入 - 工作表」可以插入新的工作表或者插入其他文件中的现有工作表。"),
        Block(2, "heading", "选择多个工作表"),
        Block(
            0, "text", "您可以使用键盘上的 Shift+Ctrl+Page Up 或 Page Down 组合键选择多个工作表。"
        ),
    ]


def test_entities_and_line_breaks_in_vietnamese() -> None:
    blocks = read_html(VIETNAMESE.encode())
    assert blocks[-1].text.startswith("Chọn Chèn > Bảng để chèn một trang mới hoặc trang có sẵn")


def test_mallard_page_gives_description_first_and_only_titles_of_sections_as_headings() -> None:
    assert [(block.level, block.kind) for block in read_mallard(KOREAN.encode())] == [
        (0, "description"),
        (1, "heading"),
        (0, "text"),
        (0, "text"),
        (0, "text"),
    ]
    assert read_mallard(KOREAN.encode())[0].text == "파일 또는 폴더의 이름을 바꿉니다."


def test_key_and_menu_sequences_read_as_the_help_viewer_shows_them() -> None:
    texts = [block.text for block in read_mallard(SEQUENCES.encode())]
    assert "Press Ctrl+Q or choose File ▸ Quit." in texts
    assert read_mallard(SEQUENCES.encode())[-1].kind == "code"


def test_docbook_headings_lose_their_numbers_and_boxes_their_rank() -> None:
    page = "<body><h2>2.1. Die Oberfläche</h2><div class='sidebar'><h3>Merke</h3></div></body>"
    assert read_html(page.encode()) == [
        Block(2, "heading", "Die Oberfläche"),
        Block(0, "text", "Merke"),
    ]


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"<", b"\xff\xfe\x00", b"<page><title>x", b"{}", b"<page", b"<!-- -->"]
)
def test_damaged_pages_raise_nothing(content: bytes) -> None:
    assert isinstance(read_html(content), list)
    assert isinstance(read_mallard(content), list)


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing(content: bytes) -> None:
    read_html(b"<body><p>" + content)
    read_mallard(b"<page xmlns='http://projectmallard.org/1.0/'><p>" + content)


@given(st.text(max_size=80))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


def test_sections_hold_the_text_below_them() -> None:
    tree = make_sections(read_html(CHINESE.encode()))
    page = tree.sections[0]
    assert [section.heading for section in page.sections] == ["插入工作表", "选择多个工作表"]
    assert len(page.body()) == 2
    assert page.paragraphs == []
