"""Repeat removal (footnote 12): what a final repeat is, and what must never be harmed."""

import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.generation.cleanup import remove_final_repeats


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" ", " "),
        ("phrase", "phrase"),
        ("phrase phrase phrase", "phrase"),
        ("a a a a", "a"),
        ("go\ngo\ngo", "go"),
        ("Open. Save the file. Save the file. ", "Open. Save the file."),
        ("one\ttwo  one two", "one\ttwo"),
        ("  say no no", "  say no"),
        # Only what is final counts.
        ("no no no, thanks", "no no no, thanks"),
        # One character is no phrase; the longest repeat goes first, then shorter ones.
        ("Zoo", "Zoo"),
        ("谢谢", "谢谢"),
        ("xaaaa", "xaa"),
        ("abcabcabcabc", "abc"),
        # A cut-off last copy stays.
        ("foo bar foo bar foo b", "foo bar foo b"),
        ("red, red, red", "red, red"),
        # Numbers.
        ("1,000,000", "1,000,000"),
        ("10000", "10000"),
        ("10 000 000", "10 000 000"),
        ("٠٠٠٠", "٠٠٠٠"),
        # The eighteen languages repeat as well. From the Thai, Arabic, Hindi, Chinese and Vietnamese
        # translations of debconf.
        ("กำลังติดตั้งแพกเกจ กำลังติดตั้งแพกเกจ", "กำลังติดตั้งแพกเกจ"),
        ("กำลังติดตั้งแพกเกจกำลังติดตั้งแพกเกจ", "กำลังติดตั้งแพกเกจ"),
        ("الواجهة المستخدمة: الواجهة المستخدمة:", "الواجهة المستخدمة:"),
        ("उपयोग हेतु इंटरफेस: उपयोग हेतु इंटरफेस:", "उपयोग हेतु इंटरफेस:"),
        ("要使用的界面：要使用的界面：", "要使用的界面："),
        ("Giao diện cần dùng: Giao diện cần dùng:", "Giao diện cần dùng:"),
        # Marks stay with their letters: no copy begins with a vowel sign, or inside a conjunct.
        ("กิกิ", "กิ"),
        ("कक्षक्ष", "कक्ष"),
        ("กิกิก", "กิกิก"),
        ("क्षक्षक्", "क्षक्षक्"),
        ("👨\u200d👩\u200d👩\u200d", "👨\u200d👩\u200d👩\u200d"),
        ("a👨‍👩‍👧👨‍👩‍👧", "a👨‍👩‍👧"),
    ],
)
def test_final_repeats_keep_one_copy(text: str, expected: str) -> None:
    assert remove_final_repeats(text) == expected


@given(st.text(alphabet="abกิ क्\u200d1.", max_size=40))
def test_the_result_is_a_beginning_and_stays(text: str) -> None:
    cleaned = remove_final_repeats(text)
    assert text.startswith(cleaned)
    assert remove_final_repeats(cleaned) == cleaned


@given(
    st.text(alphabet="xyz", min_size=1, max_size=9).filter(lambda s: s == remove_final_repeats(s)),
    st.integers(2, 6),
)
def test_copies_collapse_whatever_their_number(unit: str, copies: int) -> None:
    words = " ".join(["q" + unit] * copies)
    assert remove_final_repeats(words) == "q" + unit


def _fibonacci(size: int) -> str:
    longer, shorter = "ab", "a"
    while len(longer) < size:
        longer, shorter = longer + shorter, longer
    return longer[:size]


@pytest.mark.parametrize(
    "text", ["ab" * 5000, "a" * 10_000, "Save it. " * 1111, _fibonacci(10_000)]
)
def test_long_texts_take_little_time(text: str) -> None:
    remove_final_repeats(text)
    best = min(_seconds(text) for _ in range(3))
    assert best < 0.25, f"{best:.3f} s"  # 0.02-0.04 s on an idle core


def _seconds(text: str) -> float:
    start = time.process_time()
    remove_final_repeats(text)
    return time.process_time() - start


def test_cleaning_needs_no_torch() -> None:
    code = "import sys, xlgen.generation.cleanup; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
