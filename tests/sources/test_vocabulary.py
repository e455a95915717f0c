"""A tokenizer trained on a few texts: its layout, its sentinels, nothing lost; the packaged one as well."""

import importlib.resources
import json
import unicodedata
from pathlib import Path

import pytest
from udhr import ARTICLE_1

from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.metrics import METRICS
from xlgen.metrics.pieces import Pieces
from xlgen.model import MODELS
from xlgen.model.packaged import find_model, open_tokenizer
from xlgen.sources.vocabulary import SENTINELS, sample_text, train_tokenizer

SIZE = 660


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, article_1: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    for language, text in article_1.items():
        sentences = [f"{text[start : start + 60]} {start}" for start in range(0, len(text), 3)]
        (folder / f"{language}.txt").write_text("\n\n".join(sentences) + "\n\n")
    return folder


@pytest.fixture(scope="module")
def trained(corpus: Path) -> Tokenizer:
    model = train_tokenizer(corpus, corpus / "out" / "spiece.model", size=SIZE, threads=1)
    return Tokenizer(model)


def test_ids_are_laid_out_as_in_t5(trained: Tokenizer) -> None:
    assert trained.size == SIZE
    assert (trained.pad, trained.eos, trained.unk) == (0, 1, 2)
    assert trained.sentinel(0) == SIZE - 1
    assert trained.sentinel(SENTINELS - 1) == SIZE - SENTINELS
    assert trained.decode([trained.sentinel(0)]) == "<extra_id_0>"
    with pytest.raises(InputError):
        trained.sentinel(SENTINELS)


@pytest.mark.parametrize(
    "text", ["<extra_id_0>", "a <extra_id_99> b", "</s> <pad> <unk>", "<0x41>"]
)
def test_text_never_becomes_a_special_id(trained: Tokenizer, text: str) -> None:
    for tokenizer in (trained, packaged_tokenizer()):
        tokens = tokenizer.encode(text)
        assert all(2 < token < tokenizer.size - SENTINELS for token in tokens)
        assert tokenizer.decode(tokens) == unicodedata.normalize("NFKC", text)


def test_characters_never_seen_are_kept_as_bytes(trained: Tokenizer) -> None:
    text = "ξένος 😀 ქართული"
    tokens = trained.encode(text)
    assert trained.unk not in tokens
    assert trained.decode(tokens) == text


def test_training_gives_the_same_file_again(corpus: Path, trained: Tokenizer) -> None:
    again = train_tokenizer(corpus, corpus / "again" / "spiece.model", size=SIZE, threads=1)
    assert again.read_bytes() == trained.path.read_bytes()


def test_sample_is_tempered_and_repeatable(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("\n\n".join("x" * 99 + str(n) for n in range(1000)))
    (tmp_path / "th.txt").write_text("\n\n".join("y" * 99 + str(n) for n in range(10)))

    def sample(seed: int) -> list[str]:
        return list(sample_text(tmp_path, alpha=0.3, seed=seed, characters=4000))

    english = sum(line.startswith("x") for line in sample(0))
    assert 30 <= english <= 33  # 1000**0.3 : 10**0.3 = 4 : 1 of 40 lines
    assert len(sample(0)) - english == 8
    assert sample(0) == sample(0) != sample(1)


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xlgen data build corpus"):
        list(sample_text(tmp_path, alpha=0.3, seed=0, characters=10))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("th.txt", b"a\n\xff", r"th\.txt:2: not UTF-8"),
        ("xx.txt", b"a", "xx"),
        ("zh-cn.txt", b"a", "zh too; join the two files"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, message) -> None:
    (tmp_path / "zh.txt").write_text("文")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        train_tokenizer(tmp_path, tmp_path / "spiece.model", size=SIZE, threads=1)
    assert not (tmp_path / "spiece.model").exists()


@pytest.mark.parametrize(
    ("size", "message"),
    [(90_000, "too high"), (300, "smaller than required"), (3, "no piece left")],
)
def test_a_size_that_the_text_cannot_give_is_refused(corpus, tmp_path, size, message) -> None:
    with pytest.raises(InputError, match=f"no vocabulary of {size:,} pieces.*{message}"):
        train_tokenizer(corpus, tmp_path / "spiece.model", size=size, threads=1)


def test_held_out_paragraphs_are_not_read(tmp_path: Path) -> None:
    class LeftOut:
        identity = ""

        def __contains__(self, paragraph: str) -> bool:
            return paragraph == "born"

    (tmp_path / "en.txt").write_text("born\nfree\n\nborn\n")
    sample = sample_text(tmp_path, alpha=0.3, seed=0, characters=99, left_out=LeftOut())
    assert list(sample) == ["free"]


def test_packaged_tokenizer_keeps_text_and_knows_its_characters(article_1: dict[str, str]) -> None:
    tokenizer = packaged_tokenizer()
    assert tokenizer.size == 24_000
    assert tokenizer.sentinel(0) == 23_999
    assert set(article_1) <= set(LANGUAGES)
    for text in [*article_1.values(), ""]:
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == unicodedata.normalize("NFKC", text)
        pieces = tokenizer.pieces(text)  # a rare character is three bytes: one in a hundred at most
        assert sum(piece.startswith("<0x") for piece in pieces) <= 0.03 * len(text)


# What byte fallback and normalization meet: decoding gives NFKC's text back.
HARD_TEXTS = {
    "empty": "",
    "emoji": "👨‍👩‍👧 👍🏽 🇹🇭",
    "rare ideographs": "𠮷野家 龘 㐀",
    "scripts without a piece": "ξένος ქართული አማርኛ ᚠᚢᚦ 𓀀",
    "private use": "\ue000",
    "a sentinel's name": "<extra_id_0> a<extra_id_99>b",
    "names of pieces": "</s><pad><unk><0x41>",
    "controls": "a\x00b\x85c\xadd",
}


@pytest.mark.parametrize("kind", [*HARD_TEXTS, *LANGUAGES])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_packaged_tokenizer_gives_hard_text_back(kind: str, form: str) -> None:
    tokenizer = packaged_tokenizer()
    text = unicodedata.normalize(form, HARD_TEXTS.get(kind) or ARTICLE_1.get(kind, ""))
    tokens = tokenizer.encode(text)
    assert tokenizer.unk not in tokens
    assert max(tokens, default=3) < tokenizer.sentinel(SENTINELS - 1)
    normal = unicodedata.normalize("NFKC", " ".join(text.split(" ")))
    assert tokenizer.decode(tokens) == tokenizer.normalize(text) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("ﬁ，Ａ①", "fi,A1"),  # NFKC
        ("▁free▁", "free"),  # U+2581 is SentencePiece's space
        (" a \t b\u3000c\u200bd\u200ce\n", "a b c d e"),  # of nmt_nfkc, as in mT5's file
        ("a\x01b\x7fc\ufffd", "abc"),
    ],
)
def test_normalization_is_nfkc_and_one_space_for_each_white_space(text: str, normal: str) -> None:
    assert packaged_tokenizer().normalize(text) == normal
    assert packaged_tokenizer().decode(packaged_tokenizer().encode(text)) == normal


def test_packaged_tokenizer_is_frozen() -> None:
    """Models are trained on its ids, and every score's signature names it."""
    tokenizer = packaged_tokenizer()
    assert tokenizer.sha256.startswith("d4698ce5666d583b")
    card = importlib.resources.files("xlgen") / "assets" / "tokenizer" / "card.json"
    assert json.loads(card.read_text("utf-8"))["sha256"] == tokenizer.sha256
    assert [open_tokenizer(find_model(name)).sha256 for name in MODELS] == [tokenizer.sha256] * 2
    made = [METRICS[name](Pieces()) for name in METRICS]
    compared = [metric for metric in made if metric.needs_reference and metric.by_default]
    assert compared
    assert all("|spm:packaged@d4698ce5|" in metric.signature for metric in compared)


def test_packaged_tokenizer_has_the_sentinels_of_t5() -> None:
    tokenizer = packaged_tokenizer()
    assert [tokenizer.sentinel(k) for k in range(100)] == list(range(23_999, 23_899, -1))
    names = [tokenizer.decode([tokenizer.sentinel(k)]) for k in range(100)]
    assert names == [f"<extra_id_{k}>" for k in range(100)]
    with pytest.raises(InputError, match="the file has 100"):
        tokenizer.sentinel(100)
