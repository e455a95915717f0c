import gzip
import json
import lzma
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.sources.readers import find_source, read_examples, read_with_notes
from xlgen.sources.rows import LINE_LIMIT, BadRow, jsonl_rows

# Universal Declaration of Human Rights, articles 1 and 3 (United Nations, public domain).
RECORDS = [
    ("en", "All human beings are born free and equal in dignity and rights.", "Right to life"),
    ("th", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ", "บุคคลมีสิทธิในการดำเนินชีวิต"),
    ("ar", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.", "لكل فرد الحق في الحياة"),
    ("hi", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।", "जीवन का अधिकार"),
    ("zh", "人人生而自由，在尊严和权利上一律平等。", "人人有权享有生命"),
    ("vi", "Tất cả mọi người sinh ra đều được tự do và bình đẳng.", "Quyền được sống"),
]
EXAMPLES = [
    Example(f"udhr-{n}", language, text, target, document="udhr")
    for n, (language, text, target) in enumerate(RECORDS)
]
GOOD = {"id": "1", "language": "en", "input": "born free", "target": "free"}


def fields(example):
    names = ("id", "language", "input", "target", "document")
    return {name: getattr(example, name) for name in names}


def line(**changes):
    record = {key: value for key, value in {**GOOD, **changes}.items() if value is not ...}
    return json.dumps(record, ensure_ascii=False).encode()


def write(path, *lines, end=b"\n"):
    path.write_bytes(end.join(lines) + end)
    return path


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        read_examples(path, **options)
    message = str(caught.value)
    assert "\n" not in message and "Traceback" not in message
    return message


def write_as(path):
    """Write EXAMPLES in the format that the suffix names, with a standard writer."""
    kind = path.name.split(".")[1]
    if kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([fields(e) for e in EXAMPLES]), path)
        return path
    if kind == "jsonl":
        text = "".join(json.dumps(fields(e), ensure_ascii=False) + "\n" for e in EXAMPLES)
    else:
        separator = {"csv": ",", "tsv": "\t"}[kind]
        rows = [list(fields(EXAMPLES[0])), *[list(fields(e).values()) for e in EXAMPLES]]
        text = "".join(separator.join(row) + "\n" for row in rows)
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "wb") as file:
        file.write(text.encode())
    return path


@pytest.mark.parametrize(
    "name",
    ["x.jsonl", "x.jsonl.gz", "x.jsonl.xz", "x.csv", "x.csv.gz", "x.tsv", "x.tsv.xz", "x.parquet"],
)
def test_every_format_gives_the_same_examples(tmp_path, name):
    reading = read_with_notes(write_as(tmp_path / name))
    assert reading.examples == EXAMPLES
    assert (reading.notes.rows, reading.notes.kept, reading.notes.rejected) == (6, 6, 0)


def test_column_map_fixed_language_and_row_numbers(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('headline,article\nfree,"born, free\nand ""equal"""\nlife,ชีวิต\n', "utf-8")
    columns = {"input": "article", "target": "headline", "id": "#"}
    examples = read_examples(path, columns=columns, language="en")
    assert [(e.id, e.language, e.input, e.target) for e in examples] == [
        ("x.csv:2", "en", 'born, free\nand "equal"', "free"),
        ("x.csv:4", "en", "ชีวิต", "life"),
    ]


def test_languages_and_splits(tmp_path):
    path = write(
        tmp_path / "x.jsonl",
        line(split="train"),
        line(language="th", split="test"),
        line(language="zh-CN", split="train"),
        line(id="2"),
    )
    assert [e.language for e in read_examples(path)] == ["en", "th", "zh", "en"]
    reading = read_with_notes(path, split="train")
    assert [e.language for e in reading.examples] == ["en", "zh", "en"]
    assert (reading.notes.rows, reading.notes.kept, reading.notes.other_split) == (4, 3, 1)
    assert reading.notes.renamed_languages == {"zh-CN -> zh": 1}
    assert [e.language for e in read_examples(path, languages=["th", "zh-CN"])] == ["th", "zh"]
    assert "expected examples in hi, found en, th, zh" in refusal(path, languages=["hi"])
    only_test = write(tmp_path / "y.jsonl", line(split="test"))
    assert "expected examples of split 'train', found other splits" in refusal(
        only_test, split="train"
    )


def test_records_without_reference(tmp_path):
    path = write(tmp_path / "x.jsonl", line(target=...), line(id="2", target=""))
    assert [e.target for e in read_examples(path, require_target=False)] == ["", ""]
    assert "x.jsonl:1: no field 'target'" in refusal(path)


def test_odd_but_good_text_is_kept_as_it_is(tmp_path):
    """U+2028, U+0085, form feed, bidi and ANSI controls, CRLF ends, byte order mark, an int id."""
    odd = "a\u2028b\u0085c\x0cd\u202ee\x1b[31mf"
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf" + line(input=odd) + b"\r\n" + line(id=7) + b"\r\n" + line(id="8")
    )
    examples = read_examples(path)
    assert examples[0].input == odd
    assert [e.id for e in examples] == ["1", "7", "8"]
    table = tmp_path / "x.csv"
    table.write_bytes(f"id,language,input,target\r\n1,en,{odd},free\r\n".encode("utf-8-sig"))
    assert read_examples(table)[0].input == odd


def test_separated_text_is_kept_as_it_is(tmp_path):
    path = tmp_path / "x.csv"
    long = "ยาว" * 100_000
    path.write_bytes(f'id,language,input,target\r\n1,en,"a\r\nb",{long}\r\n'.encode())
    (example,) = read_examples(path)
    assert (example.input, example.target) == ("a\nb", long)  # line ends are "\n" in every format
    path = tmp_path / "x.tsv"
    path.write_text('id\tlanguage\tinput\ttarget\n1\ten\t"a\tb"\n2\ten\t""c""\t"d"\n', "utf-8")
    assert [e.input for e in read_examples(path)] == ['"a', '""c""']


def test_html_is_noted_not_refused(tmp_path):
    path = write(
        tmp_path / "x.jsonl",
        line(),
        line(id="2", input="<b>born</b>"),
        line(id="3", target="a&nbsp;b"),
    )
    notes = read_with_notes(path).notes
    assert (notes.kept, notes.html, notes.first_html) == (3, 2, f"{path}:2")
    assert read_with_notes(write(path, line(input="a < b and c > d & e"))).notes.html == 0


def test_what_is_noticed_in_a_users_file_is_warned_of_once(tmp_path, caplog):
    path = write(
        tmp_path / "x.jsonl",
        line(),
        line(id="2", input="<p>ทุกคน</p>", language="th"),
        line(id="3", language="zh-CN"),
        line(id="4", target="Tom &amp; Jerry", language="in"),
        line(id="5", language="zh-CN"),
    )
    examples = read_examples(path)
    assert [e.language for e in examples] == ["en", "th", "zh", "id", "zh"]
    html, codes = (record.getMessage() for record in caplog.records)
    assert html.startswith(f"{path}:2: HTML") and "2 times" in html
    assert codes.startswith(f"{path}:3: ")
    assert "zh-CN -> zh (2 times), in -> id (1 times)" in codes
    caplog.clear()
    read_examples("howto0", split="test")
    read_examples(write(path, line()))
    assert not caplog.records


HUGE = b'{"id": "1", "input": "' + b"a" * 10_000_000 + b'"}'
BAD_LINES = [
    (b"", "expected a JSON record, got a blank line; remove it"),
    (b"   ", "blank line"),
    (b'{"id": "1"', "expected a JSON record, got '{\"id\": \"1\"' (Expecting"),
    (b"born free", "expected a JSON record, got 'born free'"),
    (b'["a"]', "one record a line: jq -c"),
    (b'"a"', "expected a JSON record in {}"),
    (b"NaN", "got NaN; JSON has null only"),
    (b'{"id": Infinity}', "got Infinity"),
    (b"9" * 5000, "write long numbers as text"),
    (b"[" * 100_000, "deep nesting"),
    (b'{"id": "1", "id": "2"}', "expected each field once, got 'id' twice"),
    (HUGE, "expected at most 8,388,608 bytes a line (8 MB), got 10,000,0"),
    (b'{"id": "caf\xe9"}', "expected UTF-8, got 0xE9 at byte 12; convert"),
    (b'{"id": "a\x00b"}', "got a NUL byte at byte 10"),
    (line(input="a\0b"), "got a NUL character"),
    (b'{"id": "1", "language": "en", "input": "a\\ud800", "target": "b"}', "surrogate pair (\\ud800)"),
    (line(id="\0"), "field 'id', got a NUL"),
    (line(input=""), "field 'input' is empty; fill it"),
    (line(input=" \n\u3000"), "field 'input', got white space"),
    (line(target=""), "field 'target' is empty; a record without a reference"),
    (line(target=None), "field 'target' is empty"),
    (line(target=..., targets="x"), "no field 'target': did you mean targets?"),
    (line(target=...), "no field 'target': known: id, input, language; a record without a reference"),
    (line(input=...), "map the column that holds it: input=COLUMN"),
    (line(id=...), "or id=# to number the rows"),
    (line(id=True), "expected text in field 'id', got true or false"),
    (line(input=["a"]), "expected text in field 'input', got a list"),
    (line(input={}), "got an object"),
    (line(input=1.5), "got a number"),
    (line(language="xx"), "unknown language code 'xx'"),
    (line(language="eng"), "did you mean en"),
    (line(language=""), "field 'language' is empty"),
    (line(language=3), "expected text in field 'language', got a number"),
    (line(id="0"), "id '0' came before in 'en', at "),
]  # fmt: skip


@pytest.mark.parametrize("bad, reason", BAD_LINES, ids=[reason[:30] for _, reason in BAD_LINES])
def test_a_bad_line_is_named_or_skipped(tmp_path, bad, reason):
    path = write(tmp_path / "x.jsonl", line(id="0"), bad, line(id="2"))
    message = refusal(path)
    assert message.startswith(f"{path}:2: ") and reason in message
    assert len(message) < 400
    reading = read_with_notes(path, on_bad="skip")
    assert [e.id for e in reading.examples] == ["0", "2"]
    assert (reading.notes.rows, reading.notes.kept, reading.notes.rejected) == (3, 2, 1)
    assert reading.notes.rejections == [message]


def test_duplicate_ids_name_both_lines(tmp_path):
    path = write(
        tmp_path / "x.jsonl", line(), line(id="2"), line(language="th"), line(input="other")
    )
    assert refusal(path).startswith(f"{path}:4: id '1' came before in 'en', at {path}:1;")


def test_a_language_that_differs_from_the_files_is_refused(tmp_path):
    path = write(tmp_path / "x.jsonl", line(language=...), line(id="2"))
    assert "x.jsonl:2: expected language 'th' as asked for the whole file, got 'en'" in refusal(
        path, language="th"
    )
    assert "unknown language code 'xx'" in refusal(path, language="xx")
    legacy = write(tmp_path / "y.jsonl", line(language="in"), line(id="2", language=...))
    assert [e.language for e in read_examples(legacy, language="id")] == ["id", "id"]


@pytest.mark.parametrize(
    "name, data, reason",
    [
        ("x.jsonl", b"", "expected at least one record, the file has none"),
        ("x.jsonl", '{"id": "1"}\n'.encode("utf-16"), "x.jsonl:1: expected UTF-8, got UTF-16"),
        ("x.csv", b"", "the file has none"),
        ("x.csv", b"id,language,input,target\n", "the file has none"),
        ("x.csv", b"id,,input\n1,2,3\n", "x.csv:1: expected a header with one name for each"),
        ("x.csv", b"id,id,input\n1,2,3\n", "x.csv:1: expected a header"),
        ("x.csv", b"\n1,2,3\n", "x.csv:1: expected a header"),
        ("x.csv", b"id,caf\xe9\n", "x.csv:1: expected UTF-8, got 0xE9 at byte 7"),
        ("x.csv", b"id,language,input,target\n1,en,a\n", "x.csv:2: expected 4 fields as in the header"),
        ("x.csv", b"id,language,input,target\n1,en,a,b\n\n", "x.csv:3: expected a record, got a blank line"),
        ("x.csv", b'id,language,input,target\n1,en,a,b\n2,en,"a,b\nc\n', "x.csv:3: expected a closing quote"),
        ("x.csv", b'id,language,input,target\n1,en,"a"b,c\n', "x.csv:2: ',' expected after '\"'"),
        ("x.csv", b"id,language,input,target\n1,en,a\rb,c\n", "x.csv:2: new-line character seen"),
        ("x.csv", b'id,language,input,target\n1,en,"a\nb\n\xff",c\n', "x.csv:2: expected UTF-8, got 0xFF"),
        ("x.csv", b"id;language;input;target\n1;en;a;b\n", "no field 'id': known: id;language;input"),
        ("x.csv", b"id,language,input,target\n1,en,,b\n", "x.csv:2: field 'input' is empty"),
        ("x.tsv", b"id\tlanguage\tinput\ttarget\n1\ten\ta\tb\tc\n", "x.tsv:2: expected 4 fields as in the"),
        ("x.parquet", b"PAR1", "x.parquet: damaged or truncated Parquet after row 0"),
        ("x.parquet", b"", "x.parquet: damaged or truncated Parquet"),
        ("x.jsonl.gz", b"not gzip", "x.jsonl.gz: damaged or truncated compressed file after row 0"),
        ("x.jsonl.gz", gzip.compress(line() + b"\n", mtime=0)[:-9], "x.jsonl.gz: damaged or truncated"),
        ("x.jsonl.xz", lzma.compress(line() + b"\n")[:-9], "x.jsonl.xz: damaged or truncated"),
        ("x.jsonl.xz", b"not xz", "x.jsonl.xz: damaged or truncated"),
        ("x.xlsx", b"PK", "x.xlsx: expected a data set (howto0, howto0-short, xnli, "),
        ("x", b"", "expected a data set"),
        ("jsonl", b"", "expected a data set"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused(tmp_path, name, data, reason):
    path = tmp_path / name
    path.write_bytes(data)
    assert reason in refusal(path)


def test_missing_files_folders_and_maps_are_refused(tmp_path):
    assert "none.jsonl: cannot read it (No such file" in refusal(tmp_path / "none.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    assert "cannot read it (Is a directory)" in refusal(tmp_path / "folder.jsonl")
    path = write(tmp_path / "x.jsonl", line())
    assert "unknown field 'inputs' in the column map: did you mean input?" in refusal(
        path, columns={"inputs": "a"}
    )
    assert "no field 'article'" in refusal(path, columns={"input": "article"})
    assert "howto0" in refusal("howto")


def test_parquet_with_other_types_and_bad_bytes(tmp_path):
    path = tmp_path / "x.parquet"
    bad = pyarrow.array([b"good", b"caf\xe9"]).view(pyarrow.string())
    columns = {"id": [1, 2], "language": ["en", "en"], "input": bad, "target": ["a", "b"]}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    assert f"{path}:2: expected UTF-8, got 0xE9 at byte 4" in refusal(path)
    assert [e.id for e in read_with_notes(path, on_bad="skip").examples] == ["1"]
    pyarrow.parquet.write_table(pyarrow.table({**columns, "input": [[1], None]}), path)
    assert f"{path}:1: expected text in field 'input', got a list" in refusal(path)


def test_every_truncation_of_parquet_is_refused(tmp_path):
    whole = write_as(tmp_path / "x.parquet").read_bytes()
    path = tmp_path / "cut.parquet"
    for length in range(0, len(whole), 101):
        path.write_bytes(whole[:length])
        assert "damaged or truncated Parquet" in refusal(path)


def test_all_bad_is_refused_even_when_skipping(tmp_path):
    path = write(tmp_path / "x.jsonl", b"a", b"b")
    with pytest.raises(InputError, match=r"none of 2 records is good; the first: .*x.jsonl:1: "):
        read_with_notes(path, on_bad="skip")


def test_only_the_first_twenty_rejections_are_kept(tmp_path):
    path = write(tmp_path / "x.jsonl", line(), *[b"bad"] * 50)
    notes = read_with_notes(path, on_bad="skip").notes
    assert (notes.rejected, len(notes.rejections)) == (50, 20)


def test_a_line_of_the_limit_is_read(tmp_path):
    empty = len(line(input=""))
    path = write(tmp_path / "x.jsonl", line(input="a" * (LINE_LIMIT - empty)))
    assert len(read_examples(path)[0].input) == LINE_LIMIT - empty
    path = write(tmp_path / "x.jsonl", line(input="a" * (LINE_LIMIT - empty + 1)))
    assert "x.jsonl:1: expected at most" in refusal(path)


LINES = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
    st.text(max_size=20).map(lambda text: line(id=text, input=text + "x")),
    st.sampled_from([bad for bad, _ in BAD_LINES if len(bad) < 1000]),
    st.sampled_from([b"\r", b"\xef\xbb\xbf", b"\xe2\x80\xa8"]).map(lambda start: start + line()),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=8), st.booleans())
def test_no_file_shifts_or_crashes(tmp_path_factory, lines, ends_with_newline):
    assert_nothing_shifts(tmp_path_factory, lines, ends_with_newline)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.lists(LINES, max_size=8), st.booleans())
def test_no_file_of_ten_thousand_shifts_or_crashes(tmp_path_factory, lines, ends_with_newline):
    assert_nothing_shifts(tmp_path_factory, lines, ends_with_newline)


def assert_nothing_shifts(tmp_path_factory, lines, ends_with_newline):
    """Kept + rejected = lines, and every kept example is the one of its own line."""
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    data = b"\n".join(lines) + b"\n" * (ends_with_newline and bool(lines))
    path.write_bytes(data)
    expected = data.count(b"\n") + (not data.endswith(b"\n") and data != b"")
    try:
        numbers = [row.number for row in jsonl_rows(path)]
        reading = read_with_notes(path, on_bad="skip", columns={"id": "#"})
    except InputError as error:
        if "UTF-16" not in str(error) and "none of" not in str(error):
            assert "the file has none" in str(error) and expected == 0
        return
    assert numbers == list(range(1, expected + 1))
    notes = reading.notes
    assert notes.kept + notes.rejected == notes.rows == expected
    assert len(reading.examples) == notes.kept
    for example in reading.examples:
        raw = data.split(b"\n")[int(example.id.split(":")[1]) - 1].removesuffix(b"\r")
        assert json.loads(raw.decode("utf-8-sig"))["input"] == example.input


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["csv", "tsv", "parquet", "jsonl.gz", "jsonl.xz"]))
def test_no_bytes_crash_a_reader(tmp_path_factory, data, suffix):
    path = tmp_path_factory.getbasetemp() / f"fuzz.{suffix}"
    path.write_bytes(data if suffix != "csv" else b"id,language,input,target\n" + data)
    try:
        reading = read_with_notes(path, on_bad="skip")
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert reading.notes.kept + reading.notes.rejected == reading.notes.rows


def test_bad_rows_are_values_not_exceptions(tmp_path):
    path = write(tmp_path / "x.jsonl", b"bad", line())
    bad, good = jsonl_rows(path)
    assert isinstance(bad, BadRow) and str(bad).startswith(f"{path}:1: expected a JSON record")
    assert good.values == GOOD


@pytest.mark.parametrize(
    "name, source",
    [
        ("a.jsonl", "jsonl"),
        ("a.b.NDJSON.gz", "jsonl"),
        ("dir.x/a.tsv.xz", "tsv"),
        ("howto0", "howto0"),
    ],
)
def test_find_source(name, source):
    assert find_source(name) == source


def test_reading_loads_neither_torch_nor_pyarrow(tmp_path):
    path = write(tmp_path / "x.jsonl", line())
    code = (
        "import sys; from xlgen.sources.readers import read_examples;"
        f" read_examples({str(path)!r}); print({{'torch', 'pyarrow', 'numpy'}} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"
