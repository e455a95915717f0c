"""Metrics in a process of their own: what goes in, what may come out, and what is kept of a failure."""

import json
import re
import sys
import time

import pytest
from udhr import HARD

from xlgen.errors import InputError
from xlgen.metrics.predictions import Prediction
from xlgen.metrics.program import Program

TEXTS = {**HARD, "de": ""}
RECORDS = [
    Prediction(
        id=f"{code}/1", language=code, prediction=text[:30], reference=text + "\nsecond line"
    )
    for code, text in TEXTS.items()
]
HEAD = "import json, sys, time\nrecords = [json.loads(line) for line in sys.stdin]\n"
# Says how long the texts are, backwards, and notes in a file whom it was asked about.
GOOD = HEAD + (
    "open('asked', 'a').write(''.join(r['id'] + ' ' for r in records))\n"
    "for r in records[::-1]:\n"
    "    print(json.dumps({'id': r['id'], 'score': len(r['prediction']) + len(r['reference']) / 1000}))\n"
)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that makes a program of a Python text."""
    monkeypatch.chdir(tmp_path)

    def make(text, *, patience=20.0):
        (tmp_path / "metric.py").write_text(text, "utf-8")
        return Program("mine", (sys.executable, "metric.py"), patience)

    return make


def test_every_record_has_its_own_answer(program):
    expected = [len(r.prediction) + len(r.reference) / 1000 for r in RECORDS]
    assert program(GOOD).scores(RECORDS) == expected


def test_texts_arrive_as_they_are(program):
    """In any script, with their line breaks, also where the program believes in another encoding."""
    check = HEAD + (
        f"texts = {TEXTS!r}\n"
        "for r in records:\n"
        "    ok = r['reference'] == texts[r['language']] + '\\nsecond line'\n"
        "    ok = ok and r['prediction'] == texts[r['language']][:30] and set(r) == "
        "{'id', 'language', 'prediction', 'reference'}\n"
        "    print(json.dumps({'id': r['id'], 'score': int(ok)}))\n"
    )
    made = program(check)
    made = Program("mine", (sys.executable, "-X", "utf8=0", "metric.py"))
    assert made.scores(RECORDS) == [1.0] * len(RECORDS)


def test_equal_texts_are_asked_about_once(program, tmp_path):
    first = RECORDS[0]
    same = Prediction("again", first.language, first.prediction, first.reference)
    assert len(set(program(GOOD).scores([first, same]))) == 1
    assert len((tmp_path / "asked").read_text("utf-8").split()) == 1


def test_kept_answers_are_not_asked_for_again(program, tmp_path):
    kept = tmp_path / "deep" / "answers.json"
    made = program(GOOD)
    found = made.scores(RECORDS[:3], kept=kept)
    assert made.scores(RECORDS, kept=kept)[:3] == found
    assert (tmp_path / "asked").read_text("utf-8").split() == [r.id for r in RECORDS]
    made.scores(RECORDS, kept=kept)
    assert len((tmp_path / "asked").read_text("utf-8").split()) == len(RECORDS)


def test_another_program_has_no_part_in_them(program, tmp_path):
    """The file that the command names is part of what it is."""
    kept = tmp_path / "answers.json"
    before = program(GOOD)
    before.scores(RECORDS, kept=kept)
    after = program(GOOD.replace("/ 1000", "/ 10"))
    assert after.signature != before.signature
    assert after.scores(RECORDS, kept=kept) != before.scores(RECORDS, kept=kept)


LAST = RECORDS[-1].id
ANSWER_ALL = GOOD.replace("records[::-1]", "records")


def printing(answer):
    """Return a program that reads all and writes one line."""
    return HEAD + f"print({answer!r})"


# what the program does -> what must be said
FAULTS = {
    "fails": (HEAD + "raise SystemExit('no checkpoint')", "mine failed with exit code 1: no checkpoint"),
    "fails after chatter": (HEAD + "print('Loading')\nraise SystemExit('no checkpoint')", "exit code 1"),
    "fails silently": (HEAD + "sys.exit(3)", "exit code 3: without a word"),
    "too few": (
        ANSWER_ALL.replace("in records:", "in records[:-1]:"),
        f"expected 7 answers, got 6; .* first '{LAST}'",
    ),
    "none": ("", "expected 7 answers, got 0"),
    "twice": (
        ANSWER_ALL.replace("in records:", "in records + records[:1]:"),
        "line 8 of its output: id 'en/1' .*on line 1",
    ),
    "unknown id": (printing('{"id": "x", "score": 1}'), "line 1 of its output: expected an id .*got 'x'"),
    "id of another kind": (printing('{"id": [1], "score": 1}'), "expected an id that was asked for"),
    "chatter": (printing("Loading"), "line 1 of its output: expected .*got 'Loading'"),
    "no object": (printing("[1, 2]"), "line 1 of its output: expected"),
    "no score": (printing('{"id": "en/1"}'), "line 1 of its output: expected"),
    "not a number": (printing('{"id": "en/1", "score": "1"}'), "finite number .* of 'en/1', got '1'"),
    "not finite": (printing('{"id": "en/1", "score": NaN}'), "finite number .* of 'en/1', got nan"),
    "yes": (printing('{"id": "en/1", "score": true}'), "finite number .*got True"),
    "not UTF-8": (HEAD + "sys.stdout.buffer.write(b'\\xff\\n')", "line 1 of its output: expected"),
    "endless": (
        "import sys\nwhile True: sys.stdout.write('x' * 100_000)", "got more than 1,077,248 bytes"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_named(program, fault):
    text, message = FAULTS[fault]
    with pytest.raises(InputError, match=message):
        program(text).scores(RECORDS)


def test_silence_ends_the_program_and_what_it_started(program, tmp_path):
    child = "import time, pathlib\ntime.sleep(3)\npathlib.Path('alive').touch()"
    text = HEAD + (
        f"import subprocess\nsubprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(json.dumps({'id': 'en/1', 'score': 1}), flush=True)\ntime.sleep(60)\n"
    )
    start = time.monotonic()
    with pytest.raises(
        InputError, match=r"silent for 1 seconds after 1 of 7 answers; .*--patience"
    ):
        program(text, patience=1.0).scores(RECORDS)
    assert time.monotonic() - start < 20
    time.sleep(3.5)
    assert not (tmp_path / "alive").exists()


@pytest.mark.parametrize("end", ["sys.exit(1)", "time.sleep(60)", "print('oh no')"])
def test_answers_before_a_failure_are_kept(program, tmp_path, end):
    answer = "print(json.dumps({'id': r['id'], 'score': 7}), flush=True)"
    text = (
        HEAD
        + f"for r in records[:2]:\n    {answer}\nsys.stdout.write('half a li')\nsys.stdout.flush()\n{end}\n"
    )
    with pytest.raises(InputError):
        program(text, patience=1.0).scores(RECORDS, kept=tmp_path / "answers.json")
    assert list(json.loads((tmp_path / "answers.json").read_text("utf-8")).values()) == [7.0, 7.0]


def test_a_damaged_file_of_answers_is_refused(program, tmp_path):
    kept = tmp_path / "answers.json"
    for text, message in (
        ("{", "not JSON"),
        ("[]", "a JSON object"),
        ('{"a": "b"}', "expected numbers"),
    ):
        kept.write_text(text, "utf-8")
        with pytest.raises(InputError, match=rf"answers.json: .*{message}.*remove it"):
            program(GOOD).scores(RECORDS, kept=kept)


def test_a_command_that_is_none_is_refused():
    with pytest.raises(
        InputError, match=re.escape("mine: cannot start 'no-such-program' (No such file")
    ):
        Program.parse("mine=no-such-program").scores(RECORDS)
    for text, message in (("", "such as 'python my_metric.py'"), ("python 'x", "close the quote")):
        with pytest.raises(InputError, match=message):
            Program.parse(text)


def test_a_name_may_stand_before_the_command():
    assert Program.parse("bleurt-20=env A=1 python x.py").name == "bleurt-20"
    assert Program.parse("env A=1 python x.py").arguments == ("env", "A=1", "python", "x.py")
