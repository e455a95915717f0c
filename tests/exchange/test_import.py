"""Other systems' outputs become runs: what fits is scored as ours is, what does not is refused by name."""

import json

import pytest
from copied import CODES, RECORDED, copy, lines
from typer.testing import CliRunner
from understanding_files import write_all

from xlgen.benchmarks import BENCHMARKS
from xlgen.cli import app
from xlgen.errors import InputError
from xlgen.exchange.base import export_run
from xlgen.exchange.imported import Provenance, import_outputs, write_inputs
from xlgen.exchange.lm_eval import LmEval
from xlgen.reports.html import make_report
from xlgen.reports.read import read_run
from xlgen.sources.readers import read_examples

SHORT = BENCHMARKS["howto0-short"]
THEIRS = Provenance("mT0 <xl>")


def examples(limit=4, codes=CODES, split="test"):
    return SHORT.examples(split, languages=codes, limit=limit)


def outputs(limit=4, codes=CODES, split="test"):
    """Return records of a system that copies, as it would write them."""
    return [
        {"id": example.id, "language": code, "prediction": text}
        for code, group in examples(limit, codes, split).items()
        for example, text in zip(group, copy(group), strict=True)
    ]


def bring(files, out, *, provenance=THEIRS, **options):
    options = {
        "form": "records",
        "benchmark": "howto0-short",
        "split": "test",
        "limit": 4,
    } | options
    return import_outputs(files, provenance, out=out, **options)


def cells_of(folder, split="test"):
    """Return the cells without what differs by name alone."""
    return {
        (c.language, c.metric): (c.value, c.n, c.low, c.high)
        for c in read_run(folder).cells
        if c.split == split
    }


def test_equal_outputs_get_equal_scores(six_run, tmp_path, write_jsonl):
    done = bring([write_jsonl(tmp_path / "p.jsonl", outputs())], tmp_path / "run")
    assert done.scored == dict.fromkeys(sorted(CODES, key=list(SHORT.languages).index), 4)
    assert done.left_out == 0
    assert set(done.absent) == set(SHORT.languages) - set(CODES)
    assert cells_of(tmp_path / "run") == cells_of(six_run)
    run = read_run(tmp_path / "run")
    assert (run.method, run.is_imported) == ("mT0 <xl>", True)
    assert all(c.signature.count("|decoding:unknown|") == 1 for c in run.cells)
    (found,) = run.predictions.values()
    assert {(p.language, p.id, p.prediction) for p in found} == {
        (r["language"], r["id"], r["prediction"]) for r in outputs()
    }
    assert all(p.reference and p.input for p in found)  # the benchmark's own


def test_lm_evals_own_samples_are_read(recorded, recorded_run, recorded_samples, tmp_path):
    files = sorted(RECORDED.glob("samples_*"))
    done = bring(files, tmp_path / "theirs", form="lm-eval", limit=None)
    assert done.scored == {"th": 4, "ar": 4, "zh": 4}
    assert cells_of(tmp_path / "theirs") == cells_of(recorded_run)


def test_an_export_comes_back(six_run, tmp_path):
    written = export_run(six_run, LmEval(), out=tmp_path / "out")
    samples = [path for path in written if path.suffix == ".jsonl"]
    bring(samples, tmp_path / "back", form="lm-eval")
    assert cells_of(tmp_path / "back") == cells_of(six_run)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
def test_plain_lines_follow_the_written_inputs(tmp_path, start, end):
    """Hindi has 20 examples; U+2028 and U+0085 end no line."""
    counts = write_inputs("howto0-short", tmp_path / "inputs", split="test", languages=["hi"])
    inputs = lines(tmp_path / "inputs" / "hi.jsonl")
    texts = [record["input"].split("\n")[0][:30] + "\u2028क\u0085" for record in inputs]
    texts[3] = texts[-1] = ""
    file = tmp_path / "hi.txt"
    file.write_bytes(start + "".join(text + end for text in texts).encode())
    bring([file], tmp_path / "run", form="lines", limit=None)
    (found,) = read_run(tmp_path / "run").predictions.values()
    assert [p.prediction for p in found] == texts
    assert [p.id for p in found] == [record["id"] for record in inputs]
    assert counts == {"hi": len(texts)}


def test_written_inputs_are_the_examples(tmp_path):
    counts = write_inputs("howto0-short", tmp_path, split="validation", languages=["th", "ar"])
    for code in ("th", "ar"):
        wanted = examples(None, [code], "validation")[code]
        assert read_examples(tmp_path / f"{code}.jsonl") == wanted
        assert counts[code] == len(wanted)


def test_two_benchmark_splits_share_a_folder_and_others_do_not(tmp_path, write_jsonl):
    test = write_jsonl(tmp_path / "test.jsonl", outputs(codes=["th"]))
    validation = write_jsonl(tmp_path / "v.jsonl", outputs(codes=["th"], split="validation"))
    bring([test], tmp_path / "run")
    bring([validation], tmp_path / "run", split="validation")
    assert {c.split for c in read_run(tmp_path / "run").cells} == {"test", "validation"}
    before = (tmp_path / "run" / "scores.json").read_bytes()
    changed = [r | {"prediction": "อื่น"} for r in outputs(codes=["th"])]
    with pytest.raises(InputError, match="holds another output of 'mT0 <xl>' for"):
        bring([write_jsonl(tmp_path / "changed.jsonl", changed)], tmp_path / "run")
    for other in (Provenance("mT5"), Provenance("mT0 <xl>", licence="MIT")):
        with pytest.raises(InputError, match="holds another run, which"):
            bring([test], tmp_path / "run", provenance=other)
    assert (tmp_path / "run" / "scores.json").read_bytes() == before


def test_outputs_beyond_the_limit_are_counted(tmp_path, write_jsonl):
    file = write_jsonl(tmp_path / "p.jsonl", outputs(limit=7, codes=["th", "hi"]))
    done = bring([file], tmp_path / "run", limit=4, languages=["hi"])
    assert (done.scored, done.left_out) == ({"hi": 4}, 10)
    assert "10 left out" in str(done)


# Of 11 languages of XQuAD (el has no file here) and 7 of WikiANN's 40.
@pytest.mark.parametrize("benchmark", ["xquad", "wikiann"])
@pytest.mark.parametrize("form", ["records", "lines"])
def test_of_a_published_benchmark_only_the_languages_scored_are_needed(
    benchmark, form, tmp_path, monkeypatch, write_jsonl
):
    monkeypatch.setenv("XLGEN_DATA", str(write_all(tmp_path / "data")))
    write_inputs(benchmark, tmp_path / "inputs", split="test", languages=["en", "th", "hi"])
    files = []
    for code in ("en", "th", "hi"):
        inputs = lines(tmp_path / "inputs" / f"{code}.jsonl")
        texts = [record.get("target", "").split("\n")[0] for record in inputs]
        if form == "records":
            records = [
                {"id": record["id"], "language": code, "prediction": text}
                for record, text in zip(inputs, texts, strict=True)
            ]
            files.append(write_jsonl(tmp_path / f"{code}.jsonl", records))
        else:
            files.append(tmp_path / f"{code}.txt")
            files[-1].write_text("".join(text + "\n" for text in texts), "utf-8")
    own = {"benchmark": benchmark, "form": form, "limit": None}
    done = bring(files, tmp_path / "chosen", languages=["en", "th"], **own)
    assert set(done.scored) == {"en", "th"} and done.left_out == len(inputs)
    every = bring(files, tmp_path / "all", **own)
    assert set(every.scored) == {"en", "th", "hi"} and every.left_out == 0
    kept = {key: cell for key, cell in cells_of(tmp_path / "all").items() if key[0] != "hi"}
    assert cells_of(tmp_path / "chosen") == kept
    assert all(cell[0] == 100 for cell in kept.values())  # the references themselves
    assert "el" in every.absent or benchmark == "wikiann"


def test_of_other_languages_only_ids_of_the_benchmark_may_be_unknown(tmp_path, write_jsonl):
    """What is left out is not looked at; a language that the benchmark does not have is refused."""
    hindi = {"id": "no such", "language": "hi", "prediction": "सभी मनुष्य"}
    file = write_jsonl(tmp_path / "p.jsonl", [*GOOD, hindi])
    assert bring([file], tmp_path / "run", languages=["th"]).left_out == 1
    with pytest.raises(InputError, match="has no example 'no such' in 'hi'"):
        bring([file], tmp_path / "other")
    file = write_jsonl(tmp_path / "sw.jsonl", [*GOOD, hindi | {"language": "sw"}])
    with pytest.raises(InputError, match="'sw'"):
        bring([file], tmp_path / "other", languages=["th"])


def test_where_it_came_from_is_kept_and_shown(six_run, tmp_path, write_jsonl):
    given = Provenance(
        "mT0 <xl>", decoding="greedy|1", source="https://example.org/a",
        licence="CC-BY-4.0", date="2026-01-02",
    )  # fmt: skip
    bring([write_jsonl(tmp_path / "p.jsonl", outputs())], tmp_path / "run", provenance=given)
    make_report([six_run, tmp_path / "run"], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    for text in ("CC-BY-4.0", "https://example.org/a", "mT0 &lt;xl&gt;", "xlgen import OUTPUTS"):
        assert text in page
    assert "<xl>" not in page
    assert "|decoding:greedy/1|" in read_run(tmp_path / "run").cells[0].signature
    name = next(iter(LmEval().files(read_run(tmp_path / "run"))))
    assert name == "mT0 __xl__/results_2026-01-02T00-00-00.json"


GOOD = outputs(codes=["th"])
LM_EVAL = {
    "doc": {"id": GOOD[0]["id"], "language": "th"},
    "filtered_resps": ["ก"],
    "filter": "none",
}

# kind -> (form, file's name, its records or bytes, what the message must say)
DAMAGE = {
    "nothing": ("records", "FILE", b"", "got none"),
    "no JSON": ("records", "FILE", b"{\n", "FILE:1: expected a JSON record"),
    "unknown id": ("records", "FILE", [GOOD[0] | {"id": "x"}], "FILE:1: howto0-short test has no example"),
    "another language's id": ("records", "FILE", [GOOD[0] | {"language": "hi"}], "no example"),
    "unknown language": ("records", "FILE", [GOOD[0] | {"language": "xx"}], "FILE:1"),
    "missing one": ("records", "FILE", GOOD[:3], "1 of 4 outputs in 'th' are missing, the first for"),
    "twice": ("records", "FILE", [*GOOD, GOOD[1]], "FILE:5"),
    "another reference": (
        "records", "FILE", [GOOD[0] | {"reference": "อื่น"}], "FILE:1: its reference 'อื่น' is not that of",
    ),
    "no prediction": ("records", "FILE", [{"id": "x", "language": "th"}], 'write "" for an empty output'),
    "not from lm-eval": ("lm-eval", "FILE", GOOD, "FILE:1: expected a sample whose 'doc'"),
    "lm-eval: no JSON": ("lm-eval", "FILE", b"\xff\n", "FILE:1: damaged"),
    "lm-eval: nothing": ("lm-eval", "FILE", b"", "expected outputs, got none"),
    "lm-eval: a choice": (
        "lm-eval", "FILE", [LM_EVAL | {"filtered_resps": [[-1.5, False]]}], "one generated text",
    ),
    "lm-eval: repeats": ("lm-eval", "FILE", [LM_EVAL | {"filtered_resps": ["a", "b"]}], "one generated text"),
    "lm-eval: two filters": (
        "lm-eval", "FILE", [LM_EVAL, LM_EVAL | {"filter": "strict"}], "FILE:2: sample of filter 'strict'",
    ),
    "lm-eval: of other data": ("lm-eval", "FILE", [LM_EVAL | {"target": "อื่น"}], "is not that of howto0"),
    "lines: no language": ("lines", "FILE", b"x\n", "expected a file named <language>.txt"),
    "lines: too few": ("lines", "th.txt", "ก\n\n".encode(), "expected 52 lines, one for each example, got 2"),
    "lines: none": ("lines", "th.txt", b"", "got 0"),
    "lines: no UTF-8": ("lines", "th.txt", b"x\n" * 9 + b"\xff\n", "th.txt:10: expected UTF-8, got 0xff"),
    "unknown form": ("line", "FILE", b"", "did you mean lines"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_does_not_fit_is_refused(kind, tmp_path, write_jsonl):
    form, name, content, message = DAMAGE[kind]
    file = tmp_path / name.replace("FILE", "bad.jsonl")
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        write_jsonl(file, content)
    with pytest.raises(InputError) as refused:
        bring([file], tmp_path / "run", form=form)
    assert message.replace("FILE", str(file)) in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_an_id_in_two_files_is_refused(tmp_path, write_jsonl):
    files = [write_jsonl(tmp_path / name, GOOD) for name in ("a.jsonl", "b.jsonl")]
    with pytest.raises(InputError, match=r"b.jsonl:1: id .* already, at .*a.jsonl:1"):
        bring(files, tmp_path / "run")


def test_a_run_of_ours_is_never_overwritten(six_run, tmp_path, write_jsonl):
    before = {p: p.read_bytes() for p in six_run.rglob("*.json*") if p.name[0] != "."}
    with pytest.raises(InputError, match="holds another run, which mT0 <xl> would overwrite"):
        bring([write_jsonl(tmp_path / "p.jsonl", outputs())], six_run)
    assert {p: p.read_bytes() for p in six_run.rglob("*.json*") if p.name[0] != "."} == before


def test_from_the_command_line_there_and_back(tmp_path):
    def xlgen(*words):
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.stdout

    told = json.loads(
        xlgen("data", "write", "howto0-short", "--languages", "hi", "--out", tmp_path / "in")
    )
    inputs = lines(tmp_path / "in" / "hi.jsonl")
    (tmp_path / "hi.txt").write_text("".join(f"{r['input'][:9]}\n" for r in inputs), "utf-8")
    told = json.loads(
        xlgen("import", tmp_path / "hi.txt", "--form", "lines", "--system", "mT0", "--benchmark",
              "howto0-short", "--out", tmp_path / "run", "--date", "2026-11-23", "--json")
    )  # fmt: skip
    assert told["scored"] == {"hi": len(inputs)}
    for to, settings in (("lm-eval", ["model=mt0"]), ("eval-results", ["dataset=me/howto0"])):
        out = ["--to", to, "--out", tmp_path / to, "--json"]
        files = json.loads(xlgen("export", tmp_path / "run", *settings, *out))["files"]
        assert files
