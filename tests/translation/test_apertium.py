"""Apertium: the stream between its programs, failures by a fake, and the real one where there is one."""

import shutil
import time
from pathlib import Path

import pytest

from xlgen.errors import InputError
from xlgen.translation.apertium import MODES, PACKAGES, Apertium, _stream, _text
from xlgen.translation.translate import translate

REAL = (
    shutil.which("apertium")
    and all(
        Path("/usr/share/apertium/modes", f"{mode}.mode").exists() for mode, _ in MODES.values()
    )
    and all(map(shutil.which, PACKAGES))
)
installed = pytest.mark.skipif(
    not REAL,
    reason="apertium, its pairs eng-spa, fr-es, spa-ita, es-pt and cg3 are not installed (Debian packages)",
)
# What a stream format could trip over, beside real sentences.
TEXTS = [
    "Unknownfoo bar ~ @x #y ^z$ [q] {b} <c> a/b \\ %5 \\n", "C:\\x\\y [[z]] \\[y\\] \\^", "~", "a~b", "a.b [",
    "^q<n>$", "[[t:b:ABC]]q[[/]]", "*q* *", "@q #q", "100 % 5.5 GB!", "]", "x.[]", "q…", "(q:)", "😀 q",
    "https://www.example.org/?b=c&d=e", "q\ttwo   w", "x\u2028y", "x\ry", "q.", "q..",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_apertium_leaves_alone_comes_back_as_it_was(text):
    assert _text(_stream(text).removesuffix("\0"), text) == text


def test_texts_go_through_the_modes_in_order(fake_apertium, memory, article_1):
    fake = fake_apertium()
    found = translate(list(article_1.values()), fake, source="en", target="fr", memory=memory)
    assert found == [text.upper() for text in article_1.values()]
    calls = (fake.data / "calls").read_text().split("\n")
    assert [call.split()[-1] for call in calls[:-1]] == ["eng-spa", "es-fr"]


TROUBLES = {
    "sys.exit('no such file')": r"failed with exit code 1: no such file; 0 of 1",
    "sys.exit(3)": "failed with exit code 3: without a word",
    "texts = texts[:-1]": "expected 1 texts back, each whole, got",
    "texts = [text + chr(0) + text for text in texts]": "expected 1 texts back, each whole, got 2",
    "texts = [text[:-3] for text in texts]": "expected 1 texts back, each whole",
    "os.kill(os.getpid(), 9)": "failed with exit code -9",
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_is_told_in_a_line(fake_apertium, memory, trouble):
    with pytest.raises(InputError, match=TROUBLES[trouble]):
        translate(["x"], fake_apertium(trouble), source="en", target="es", memory=memory)


def test_a_hang_ends_with_all_it_started(fake_apertium, memory, tmp_path):
    child = f"subprocess.Popen(['sh', '-c', 'echo $$ > {tmp_path}/child; sleep 60'])"
    fake = fake_apertium(f"import subprocess; {child}; time.sleep(60)", timeout=2.0)
    start = time.monotonic()
    with pytest.raises(InputError, match=r"no answer in 2 seconds; raise translator.timeout"):
        translate(["x"], fake, source="en", target="es", memory=memory)
    assert time.monotonic() - start < 20
    pid = int((tmp_path / "child").read_text())
    for _ in range(50):  # it may still be there as a zombie until init has seen it
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except OSError:
            break
        if state == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the program's child outlived it")


def test_a_crash_halfway_keeps_what_was_done(fake_apertium, memory, monkeypatch):
    monkeypatch.setattr("xlgen.translation.translate.KEPT_AT_ONCE", 3)
    texts = [f"text {number}" for number in range(8)]
    fake = fake_apertium("count == 3 and sys.exit(1)")
    with pytest.raises(InputError, match="6 of 8 paragraphs"):
        translate(texts, fake, source="en", target="es", memory=memory)
    found = translate(texts, fake, source="en", target="es", memory=memory)
    assert found == [text.upper() for text in texts]
    assert len((fake.data / "calls").read_text().split("\n")) == 1 + 4


def test_what_is_missing_names_the_package(fake_apertium, tmp_path):
    with pytest.raises(InputError, match="`apt install apertium apertium-eng-spa apertium-fr-es`"):
        Apertium(program="apertium-that-is-nowhere").identity("en", "fr")
    fake = fake_apertium()
    (fake.data / "modes" / "es-fr.mode").unlink()
    with pytest.raises(InputError, match=r"no mode es-fr in .*: `apt install apertium-fr-es`"):
        fake.identity("en", "fr")
    (fake.data / "modes" / "es-fr.mode").write_text(
        "cat 'a' | cg-proc-that-is-nowhere -w 'b' | cat"
    )
    with pytest.raises(
        InputError, match=r"es-fr starts cg-proc-that-is-nowhere, which .*apertium-fr-es`"
    ):
        fake.identity("en", "fr")


def test_a_program_of_another_package_is_named_with_it(fake_apertium, monkeypatch):
    monkeypatch.setitem(PACKAGES, "proc-that-is-nowhere", "cg3")
    fake = fake_apertium()
    (fake.data / "modes" / "es-fr.mode").write_text("cat 'a' | proc-that-is-nowhere 'b'")
    with pytest.raises(InputError, match=r"starts proc-that-is-nowhere, which .*`apt install cg3`"):
        fake.identity("es", "fr")


def test_identity_follows_the_pipeline(fake_apertium):
    fake = fake_apertium()
    before = fake.identity("en", "es")
    mode = fake.data / "modes" / "eng-spa.mode"
    mode.write_text(f"{mode.read_text()} | cat")
    assert fake.identity("en", "es") != before


def test_identity_follows_the_data(fake_apertium):
    fake = fake_apertium()
    before = fake.identity("en", "fr")
    assert before == fake_apertium().identity("en", "fr") != fake.identity("en", "es")
    (fake.data / "data.bin").write_bytes(b"2")
    assert fake.identity("en", "fr") != before
    (fake.data / "data.bin").unlink()
    with pytest.raises(InputError, match="cannot read it"):
        fake.identity("en", "fr")


@installed
def test_the_real_one_translates(memory):
    texts = ["The house is white.\n\nChoose a colour", ""]
    into = {"es": "casa", "fr": "maison", "it": "casa", "pt": "casa"}
    for language, word in into.items():
        found = translate(texts, Apertium(), source="en", target=language, memory=memory)
        assert word in found[0].lower().split("\n")[0], found
        assert found[0].count("\n") == 2 and found[1] == ""
        back = translate(found, Apertium(), source=language, target="en", memory=memory)
        assert "house" in back[0].lower().split("\n")[0], back


@installed
@pytest.mark.parametrize("target", ["es", "fr"])
def test_the_real_one_leaves_other_scripts_and_signs_alone(memory, article_1, target):
    signs = ["~ [x] {2} <3> ^4$ @5 #6 *7* 8/9 \\ &amp; xyzzyq", "C:\\xyzzyq\\[1] xyzzyq~2"]
    texts = [*signs, *(article_1[code] for code in ("th", "ar", "hi", "zh"))]
    found = translate(texts, Apertium(), source="en", target=target, memory=memory)
    assert list(map(str.lower, found)) == list(map(str.lower, texts))  # a sentence begins anew


@installed
def test_the_real_one_translates_a_text_the_same_in_any_company(tmp_path, article_1):
    texts = [*article_1.values(), "Open the file", "a", "He opens it.", "q ~ [", "Open the file."]
    together = translate(
        texts, Apertium(), source="en", target="fr", memory=tmp_path / "together.jsonl"
    )
    for number, text in enumerate(texts):
        alone = tmp_path / f"{number}.jsonl"
        found = translate([text], Apertium(), source="en", target="fr", memory=alone)
        assert found == together[number : number + 1]
