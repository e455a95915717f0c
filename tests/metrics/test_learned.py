"""Learned metrics: each answers every record, chatter aside; a missing package says what to install.

The packages are stand-ins here, with the calls of the real ones; docs/correlation.md says which ran.
"""

import os
import shutil
import sys

import pytest
from udhr import HARD

from xlgen.errors import InputError
from xlgen.metrics import learned
from xlgen.metrics.predictions import Prediction
from xlgen.metrics.program import Program

TEXTS = {**HARD, "de": ""}
RECORDS = [
    Prediction(f"{code}/{n}", code, text[: 10 * n], text)
    for n in range(1, 8)  # 49 records, more than one batch
    for code, text in TEXTS.items()
]
# Characters in common; each prints what would damage the answers if it went to standard output.
SHARE = "print('loading')\nshare = lambda p, r: len(set(p) & set(r)) / max(1, len(set(r)))\n"
PACKAGES = {
    "bleurt/__init__.py": "",
    "bleurt/score.py": SHARE + """
class BleurtScorer:
    def __init__(self, checkpoint): assert checkpoint == 'MODEL'
    def score(self, *, references, candidates, batch_size):
        return [share(c, r) for c, r in zip(candidates, references, strict=True)]
""",
    "bert_score.py": "import numpy\n" + SHARE + """
class BERTScorer:
    def __init__(self, *, model_type, num_layers, batch_size): assert (model_type, num_layers) == ('MODEL', 9)
    def score(self, cands, refs):
        assert all(cands), 'an empty text would stop the package'
        print('scoring')
        f = numpy.array([share(c, r) for c, r in zip(cands, refs, strict=True)])
        return f * 0, f * 0, f
""",
    "sentence_transformers.py": "import numpy\n" + SHARE + """
class SentenceTransformer:
    def __init__(self, name): assert name == 'MODEL'
    def encode(self, texts, *, normalize_embeddings, show_progress_bar):
        assert all(text.startswith('query: ') for text in texts)
        hot = numpy.array([[c in text[7:] for c in range_] for text in texts], dtype=float)
        return hot / numpy.linalg.norm(hot, axis=1, keepdims=True).clip(1)
range_ = [chr(n) for n in range(0x20, 0x9fff)]
""".replace("c in text[7:]", "c in text[7:].replace(' ', '')"),
}  # fmt: skip
OPTIONS = {"bleurt": (), "bertscore": ("--layer", "9"), "cosine": ("--prefix", "query: ")}


@pytest.fixture
def packages(tmp_path, monkeypatch):
    for name, text in PACKAGES.items():
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "packages"), *sys.path]))


def program(name, *options, file=None):
    start = ("-m", "xlgen.metrics.learned") if file is None else (str(file),)
    return Program(name, (sys.executable, *start, name, *options))


@pytest.mark.parametrize("name", learned.LEARNED)
def test_every_record_is_answered(packages, name):
    found = program(name, "MODEL", *OPTIONS[name]).scores(RECORDS)
    by_text = dict(zip([(r.id, r.prediction) for r in RECORDS], found, strict=True))
    for (identity, prediction), score in by_text.items():
        assert (score == 0) == (not prediction.strip()), identity
    longer = [by_text[f"th/{n}", HARD["th"][: 10 * n]] for n in range(1, 8)]
    assert longer == sorted(longer)
    assert longer[0] < longer[-1]


def test_a_copy_of_the_file_runs_without_xlgen(packages, tmp_path, monkeypatch):
    copy = shutil.copy(learned.__file__, tmp_path / "copied.py")
    (tmp_path / "packages" / "xlgen.py").write_text("raise ImportError('not here')", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "packages"))
    assert len(program("bleurt", "MODEL", file=copy).scores(RECORDS)) == len(RECORDS)


@pytest.mark.parametrize("name", learned.LEARNED)
def test_a_missing_package_says_what_to_install(monkeypatch, tmp_path, name):
    hidden = ("bleurt", "bert_score", "sentence_transformers")
    for package in hidden:
        (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module {package}')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with pytest.raises(InputError, match=rf"{name} cannot be loaded .*; install it: pip install"):
        program(name, "MODEL", *OPTIONS[name]).scores(RECORDS)


def test_mistakes_in_the_command_are_told(tmp_path):
    with pytest.raises(InputError, match=r"exit code 2: .*invalid choice: 'bluert'"):
        program("bluert", "MODEL").scores(RECORDS)
    with pytest.raises(InputError, match=r"exit code 2: .*bertscore of a folder needs --layer"):
        program("bertscore", str(tmp_path)).scores(RECORDS)
