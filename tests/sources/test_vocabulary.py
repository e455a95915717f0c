"""A tokenizer trained on a few texts: its layout, its sentinels, nothing lost; the packaged one as well."""

import unicodedata
from pathlib import Path

import pytest

from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
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
    with pytest.raises(InputError, match="build the corpus first"):
        list(sample_text(tmp_path, alpha=0.3, seed=0, characters=10))


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
