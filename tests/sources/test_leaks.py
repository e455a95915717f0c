import dataclasses
import random
from functools import cache
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from udhr import ARTICLE_1

from xlgen.data.examples import Example
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.sources.leaks import (
    NEAR,
    Leak,
    check_leaks,
    drop_leaks,
    keep_leaks,
    letters_only,
    likeness,
    near_pairs,
    refuse_leaks,
    shingles,
)
from xlgen.sources.packaged import read_packaged

BUILT = [
    name
    for name in ("howto0", "howto0-short")
    if (files("xlgen") / "assets" / name / "manifest.json").is_file()
]
needs_howto0 = pytest.mark.skipif("howto0" not in BUILT, reason="howto0 is not built")

# Universal Declaration of Human Rights, articles 1 and 3 (United Nations, public domain).
ONE = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "ar": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "zh": "人人生而自由，在尊严和权利上一律平等。",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
}
THREE = {
    "en": "Everyone has the right to life, liberty and security of person.",
    "th": "บุคคลมีสิทธิในการดำเนินชีวิต ในเสรีธรรมและในความมั่นคงแห่งร่างกาย",
    "ar": "لكل فرد الحق في الحياة والحرية وسلامة شخصه.",
    "hi": "प्रत्येक व्यक्ति को जीवन, स्वाधीनता और वैयक्तिक सुरक्षा का अधिकार है।",
    "zh": "人人有权享有生命、自由和人身安全。",
    "vi": "Mọi người đều có quyền sống, quyền tự do và an toàn cá nhân.",
}
TRAIN = [
    Example(f"one-{language}", language, text, "1", document="one-doc")
    for language, text in ONE.items()
]
HELD_OUT = [
    Example(f"three-{language}", language, text, "3", document="three-doc")
    for language, text in THREE.items()
]


def spoil_case_and_spaces(text):
    """The same letters: other case, width, spaces and punctuation."""
    return "  “" + text.upper().replace(" ", " \u00a0").replace(".", " !").replace("，", ",") + "” "


PLANTS = {
    "same id": lambda example, held_out: dataclasses.replace(example, id=held_out.id),
    "same text": lambda example, held_out: dataclasses.replace(example, input=held_out.input),
    "same text but for case and punctuation": lambda example, held_out: dataclasses.replace(
        example, input=spoil_case_and_spaces(held_out.input)
    ),
    "same document": lambda example, held_out: dataclasses.replace(
        example, document=held_out.document
    ),
}


def test_clean_sets_raise_no_alarm():
    assert check_leaks(TRAIN, HELD_OUT) == check_leaks(TRAIN, []) == check_leaks([], HELD_OUT) == []
    refuse_leaks(TRAIN, HELD_OUT)


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("language", ONE)
@pytest.mark.parametrize("planted", range(len(TRAIN)))
def test_exact_leaks_are_found_in_and_across_languages(kind, language, planted):
    held_out = next(example for example in HELD_OUT if example.language == language)
    leaking = PLANTS[kind](TRAIN[planted], held_out)
    train = [*TRAIN[:planted], leaking, *TRAIN[planted + 1 :]]
    leaks = check_leaks(train, HELD_OUT)
    assert [(leak.kind, leak.train) for leak in leaks] == [(kind, leaking)]
    if kind != "same document":
        assert leaks[0].held_out == held_out


def test_the_message_names_pairs_and_what_to_do():
    train = [PLANTS["same document"](example, HELD_OUT[0]) for example in TRAIN]
    with pytest.raises(InputError) as caught:
        refuse_leaks(train, HELD_OUT)
    assert str(caught.value) == (
        "6 of 6 training examples are also held out for testing:"
        " 'one-en' (en) and 'three-en' (en): same document;"
        " 'one-th' (th) and 'three-en' (en): same document;"
        " 'one-ar' (ar) and 'three-en' (en): same document; and 3 more."
        " Remove them from the training data, in every language of the document,"
        " or train with leaks=drop"
    )
    assert str(Leak("same id", TRAIN[1], HELD_OUT[0])).endswith("'three-en' (en): same id")


def test_dropping_takes_the_document_in_every_language_and_says_so(caplog):
    leaking = PLANTS["same text"](TRAIN[1], next(e for e in HELD_OUT if e.language == "hi"))
    other = Example("two-vi", "vi", "Máy in cần giấy.", "In", document="two")
    train = [TRAIN[0], leaking, *TRAIN[2:], other]
    assert drop_leaks(train, HELD_OUT) == [other]
    assert "'one-th' (th)" in caplog.text and "same text" in caplog.text
    assert drop_leaks([*TRAIN, other], HELD_OUT) == [*TRAIN, other]
    nameless = [dataclasses.replace(example, document="") for example in train]
    assert drop_leaks(nameless, HELD_OUT) == [nameless[0], *nameless[2:]]


def test_keeping_trains_on_all_and_tells_how_many_leak(caplog):
    train = [*TRAIN, HELD_OUT[0]]
    assert keep_leaks(train, HELD_OUT) == train
    assert f"kept although held out for testing: 1 of {len(train)} training examples" in caplog.text
    caplog.clear()
    assert keep_leaks(TRAIN, HELD_OUT) == refuse_leaks(TRAIN, HELD_OUT) == TRAIN
    assert not caplog.text


def test_dropping_everything_is_refused():
    train = [PLANTS["same document"](example, HELD_OUT[0]) for example in TRAIN]
    with pytest.raises(InputError, match="all 6 training examples are held out"):
        drop_leaks(train, HELD_OUT)


def test_empty_fields_match_nothing():
    one = Example("a", "en", "...", "x")
    assert check_leaks([one], [Example("b", "en", "!!!", "y")]) == []
    assert check_leaks([one], [Example("b", "en", "", "y")]) == []


@pytest.mark.parametrize(
    "text, letters",
    [
        ("", ""),
        (" …!?。、؟।\u200b", ""),
        ("Straße", "strasse"),
        ("ŞİMDİ AÇIK", "şimdiaçik"),
        ("Şimdi açık", "şimdiaçik"),
        ("Ｏpen １２", "open12"),
        ("เปิด ไฟล์", "เปิดไฟล์"),  # vowel and tone marks are told apart
        ("फ़ाइल खोलें।", "फ\u093cाइलखोलें"),
        ("ﷺ", "صلىاللهعليهوسلم"),
    ],
)
def test_letters_only(text, letters):
    assert letters_only(text) == letters


@given(st.text(max_size=60))
def test_shingles_are_hashes_of_twelve_bytes(text):
    data = text.encode()
    starts = [n for n in range(len(data) - 11) if data[n] & 0xC0 != 0x80]
    power = 0x9E3779B97F4A7C15
    expected = [
        sum(data[n + k] * pow(power, 11 - k, 2**64) for k in range(12)) % 2**64 for n in starts
    ]
    assert shingles(text).tolist() == expected


@cache
def articles(language):
    """Return held-out articles of howto0 long enough to be edited."""
    shortest = 200 if not LANGUAGES[language].spaced else 500
    read = [e for e in read_packaged("howto0", "test") if e.language == language]
    return [example for example in read if len(example.input) >= shortest]


def sentences(text, language):
    end = {"zh": "。", "ja": "。"}.get(language, ". ")
    return [part + end for part in text.replace("\n", end).split(end) if part.strip()]


def change_words(text, language, chance):
    """Exchange 3 words in 100 for other words of the text; without spaces, runs of three letters."""
    words = (
        text.split(" ")
        if LANGUAGES[language].spaced
        else [text[n : n + 3] for n in range(0, len(text), 3)]
    )
    for n in chance.sample(range(len(words)), max(1, len(words) * 3 // 100)):
        words[n] = chance.choice(words)
    return (" " if LANGUAGES[language].spaced else "").join(words)


def drop_tenth(text, language, chance):
    start = chance.randrange(len(text) * 9 // 10)
    return text[:start] + text[start + len(text) // 10 :]


def add_sentence(text, language, chance):
    other = chance.choice(articles(language)).input
    return other[: len(text) // 8] + "\n" + text


def swap_halves(text, language, chance):
    return text[len(text) // 2 :] + "\n" + text[: len(text) // 2]


def change_case_and_drop(text, language, chance):
    return spoil_case_and_spaces(drop_tenth(text, language, chance))


EDITS = [change_words, drop_tenth, add_sentence, swap_halves, change_case_and_drop]


@needs_howto0
@pytest.mark.parametrize("edit", EDITS)
def test_near_duplicates_of_real_articles_are_found(edit):
    """At least 95 of 100 edited copies, over every language that has articles."""
    chance = random.Random(edit.__name__)
    languages = [code for code in LANGUAGES if len(articles(code)) >= 20]
    assert len(languages) >= 10
    planted = []
    for number in range(100):
        language = languages[number % len(languages)]
        original = chance.choice(articles(language))
        planted.append((original, edit(original.input, language, chance)))
    held_out = [example for language in languages for example in articles(language)]
    found = near_pairs(
        [letters_only(text) for _, text in planted], [letters_only(e.input) for e in held_out]
    )
    right = [held_out[other].input == planted[one][0].input for one, other in found.items()]
    assert len(right) >= 95 and sum(right) >= 95


@needs_howto0
@pytest.mark.parametrize("at_once", [1, 1000, 1_000_000])
def test_candidates_miss_nothing_that_is_near(monkeypatch, at_once):
    """Against every pair by brute force, in boilerplate, with few and many pairs at a time."""
    monkeypatch.setattr("xlgen.sources.leaks._AT_ONCE", at_once)
    held_out = [letters_only(e.input) for e in articles("en")[:60]]
    chance = random.Random(0)
    edited = [change_words(e.input, "en", chance) for e in articles("en")[:60]]
    train = [letters_only(text) for text in edited]
    brute = np.array([[likeness(one, other) for other in held_out] for one in train])
    near = np.nonzero(brute.max(axis=1) >= NEAR)[0].tolist()
    assert sorted(near_pairs(train, held_out)) == near
    assert len(near) > 40


@pytest.mark.parametrize("language", ["th", "ar", "hi", "zh", "vi"])
def test_copies_of_a_text_do_not_hide_what_is_near_them(language):
    """Help pages say one sentence a hundred times; a test sentence that is nearly it is still found."""
    said = letters_only(f"{ARTICLE_1[language]} {ARTICLE_1['en']}")
    nearly, other = f"{said}2", letters_only(ARTICLE_1["de"])
    found = near_pairs([other, *[said] * 100], [other, *[nearly] * 100])
    assert found == {0: 0} | dict.fromkeys(range(1, 101), 1)


def test_boilerplate_does_not_hide_what_is_near():
    """Forty sentences of one form, each said of another thing, and forty more that are held out."""
    said = letters_only(ARTICLE_1["en"])
    one, other = ([f"{said}{number}" for number in range(start, start + 40)] for start in (0, 40))
    assert sorted(near_pairs(one, other)) == [*range(40)]


@pytest.mark.parametrize("name", BUILT)
def test_the_packaged_splits_are_clean(name):
    """No training example gives away a held-out one, in any language, nor validation a test one."""
    validation, test = (read_packaged(name, split) for split in ("validation", "test"))
    refuse_leaks(read_packaged(name, "train"), [*validation, *test])
    refuse_leaks(validation, test)
