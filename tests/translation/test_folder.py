"""Model folders of the three families, as transformers writes them, and as CTranslate2 converts them.

The weights are random: what is tested is that each format is read and used as its own library does.
"""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import sentencepiece
import torch
import transformers

from xlgen.errors import InputError
from xlgen.languages import LANGUAGES
from xlgen.translation.folder import (
    FLORES,
    FolderTranslator,
    _load_converted,
    _load_hugging_face,
    _longest,
)
from xlgen.translation.translate import translate

needs_ctranslate2 = pytest.mark.skipif(
    importlib.util.find_spec("ctranslate2") is None, reason="ctranslate2 is not installed"
)
SHAPE = {
    "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
    "max_position_embeddings": 600,
}  # fmt: skip


@pytest.fixture(scope="module")
def pieces(tmp_path_factory, article_1) -> Path:
    """Train a SentencePiece file with <s>, <pad>, </s>, <unk> outside, as fairseq's models have them."""
    prefix = tmp_path_factory.mktemp("pieces") / "pieces"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(article_1.values()) * 3), model_prefix=str(prefix),
        vocab_size=500, byte_fallback=True, hard_vocab_limit=False, character_coverage=0.98, minloglevel=2,
    )  # fmt: skip
    return prefix.with_suffix(".model")


def vocabulary(pieces: Path, first: list[str]) -> dict[str, int]:
    model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    names = [model.id_to_piece(number) for number in range(model.get_piece_size())]
    return {name: number for number, name in enumerate(dict.fromkeys([*first, *names]))}


@pytest.fixture(scope="module")
def marian(tmp_path_factory, pieces) -> Path:
    folder = tmp_path_factory.mktemp("marian")
    known = vocabulary(pieces, ["</s>", "<unk>"]) | {}
    known["<pad>"] = len(known)
    (folder / "words.json").write_text(json.dumps(known))
    tokenizer = transformers.MarianTokenizer(
        source_spm=str(pieces), target_spm=str(pieces), vocab=str(folder / "words.json")
    )
    (folder / "words.json").unlink()
    torch.manual_seed(1)
    config = transformers.MarianConfig(
        vocab_size=len(known), pad_token_id=known["<pad>"], eos_token_id=0, bos_token_id=0,
        decoder_start_token_id=known["<pad>"], forced_eos_token_id=0, init_std=0.5, **SHAPE,
    )  # fmt: skip
    transformers.MarianMTModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def m2m(tmp_path_factory, pieces) -> Path:
    folder = tmp_path_factory.mktemp("m2m")
    words = folder / "words.json"
    words.write_text(json.dumps(vocabulary(pieces, ["<s>", "<pad>", "</s>", "<unk>"])))
    tokenizer = transformers.M2M100Tokenizer(vocab_file=str(words), spm_file=str(pieces))
    words.unlink()
    save_m2m(folder, tokenizer, last="__zu__")
    return folder


@pytest.fixture(scope="module")
def nllb(tmp_path_factory, pieces) -> Path:
    folder = tmp_path_factory.mktemp("nllb")
    known = vocabulary(pieces, ["<s>", "<pad>", "</s>", "<unk>"])
    save_m2m(folder, transformers.NllbTokenizer(vocab=known, merges=[]), last="zul_Latn")
    return folder


def save_m2m(folder: Path, tokenizer, *, last: str) -> None:
    torch.manual_seed(2)
    config = transformers.M2M100Config(
        vocab_size=tokenizer.convert_tokens_to_ids(last) + 9, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        decoder_start_token_id=2, init_std=0.5, **SHAPE,
    )  # fmt: skip
    transformers.M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def peer(
    folder: Path, texts: list[str], *, source: str | None = None, target: str | None = None
) -> list[str]:
    """Translate sentences as the model cards say."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder)
    if source:
        tokenizer.src_lang = source
    first = tokenizer.convert_tokens_to_ids(target) if target else None
    given = tokenizer(texts, return_tensors="pt", padding=True)
    room = 3 * given["input_ids"].shape[1] + 32
    ids = model.generate(**given, num_beams=4, forced_bos_token_id=first, max_new_tokens=room)
    assert first is None or all(first in row[:2] for row in ids.tolist())
    return [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]


def test_nllb_is_told_both_languages(nllb, memory):
    system = FolderTranslator(folder=nllb)
    assert len(system.pairs()) == 18 * 17
    for target in ("th", "hi", "zh", "vi", "ar"):
        texts = ["free and equal", "", "All human beings"]
        found = translate(texts, system, source="en", target=target, memory=memory)
        expected = peer(nllb, texts[::2], source="eng_Latn", target=FLORES[target])
        assert found == [expected[0], "", expected[1]]
    assert len({line["translation"] for line in map(json.loads, memory.open())}) > 4


def test_texts_come_back_in_place_from_batches_of_like_length(nllb, monkeypatch):
    monkeypatch.setattr(
        "xlgen.translation.folder._room", lambda length: 6
    )  # tokens: this model never ends
    texts = ["All human beings are born", "free", "equal in dignity", "and", "rights"]
    with FolderTranslator(folder=nllb, batch_size=2).open("en", "th") as run:
        found = run(texts)
        assert found == [run([text])[0] for text in texts]
    assert len(set(found)) > 2


def test_a_model_gets_no_more_tokens_than_it_reads(marian, monkeypatch, article_1):
    seen = []

    def echo(tokens: list[list[int]], first: int | None, **_) -> list[list[int]]:
        seen.extend(tokens)
        return tokens

    monkeypatch.setattr("xlgen.translation.folder._load_hugging_face", lambda folder: (echo, 20))
    texts = [article_1["en"], "All", article_1["en"][:9]]
    with FolderTranslator(folder=marian, pair="en-fr").open("en", "fr") as run:
        found = run(texts)
    assert found == texts  # cut between words, and whole again
    assert max(map(len, seen)) <= 20 < sum(map(len, seen))


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        ({"max_position_embeddings": 600}, 598),  # less </s> and a language
        ({"n_positions": 512}, 510),
        ({"max_position_embeddings": 4096}, 1022),  # T5's bias has no end, attention's cost has
        ({}, 510),
        ({"max_position_embeddings": 8}, 16),
    ],
)
def test_the_most_tokens_of_a_sentence_are_what_its_config_says(config, longest):
    assert _longest(config) == longest


def test_m2m_is_told_both_languages(m2m, memory, article_1):
    system = FolderTranslator(folder=m2m)
    assert {code for pair in system.pairs() for code in pair} == set(LANGUAGES)
    texts = [text[:10].strip() for text in article_1.values()]
    found = translate(texts, system, source="ar", target="en", memory=memory)
    expected = peer(m2m, texts, source="ar", target="__en__")
    assert found == [text.removeprefix("__en__").strip() for text in expected]


def test_a_folder_of_one_pair_is_told_it(marian, memory):
    with pytest.raises(InputError, match=r"names no languages.*translator\.pair=en-fr"):
        FolderTranslator(folder=marian).pairs()
    with pytest.raises(InputError, match="two codes as in en-fr, got 'fr'"):
        FolderTranslator(folder=marian, pair="fr").pairs()
    system = FolderTranslator(folder=marian, pair="en-fr")
    found = translate(["All human beings. And"], system, source="en", target="fr", memory=memory)
    assert found == [" ".join(peer(marian, ["All human beings.", "And"]))]
    prefixed = FolderTranslator(folder=marian, pair="en-fr", prefix=">>fra<<")
    found = translate(["All human"], prefixed, source="en", target="fr", memory=memory)
    assert found == peer(marian, [">>fra<< All human"])
    with pytest.raises(InputError, match="no way from 'fr' into 'en'"):
        translate(["a"], system, source="fr", target="en", memory=memory)


@needs_ctranslate2
# M2M-100 is left out: the converter expects that model's own sizes.
@pytest.mark.parametrize("family", ["marian", "nllb"])
def test_a_converted_folder_translates_the_same(family, request, tmp_path, memory, article_1):
    from ctranslate2.converters import TransformersConverter

    folder = request.getfixturevalue(family)
    made = tmp_path / "converted"
    TransformersConverter(str(folder)).convert(str(made))
    for path in folder.iterdir():
        if path.name not in ("config.json", "generation_config.json", "model.safetensors"):
            shutil.copy(path, made)
    pair = "en-fr" if family == "marian" else None
    systems = [FolderTranslator(folder=f, pair=pair) for f in (folder, made)]
    found = [
        [
            translate([t[:20]], system, source="en", target="fr", memory=memory)[0][:60]
            for system in systems
        ]
        for t in article_1.values()
    ]  # of what never ends the libraries cut off a token apart
    assert [first for first, _ in found] == [second for _, second in found]
    assert len({first for first, _ in found}) > 2


@needs_ctranslate2
def test_a_converted_model_that_never_ends_is_ended(nllb, tmp_path, article_1):
    from ctranslate2.converters import TransformersConverter

    made = tmp_path / "converted"
    TransformersConverter(str(nllb)).convert(str(made))
    for path in nllb.glob("token*"):
        shutil.copy(path, made)
    check_it_is_ended(_load_converted(made)[0], nllb, article_1)


def test_a_model_that_never_ends_is_ended(nllb, article_1):
    check_it_is_ended(_load_hugging_face(nllb)[0], nllb, article_1)


def check_it_is_ended(generate, folder: Path, article_1) -> None:
    """A call has an end of its own: nothing within this process could end it from outside."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    beyond = []
    for code in ("th", "ar", "hi", "zh", "vi"):
        tokens = tokenizer(article_1[code][:12])["input_ids"]
        first = tokenizer.convert_tokens_to_ids(FLORES[code])
        (row,) = generate([tokens], first, beams=2, rows=16)
        beyond.append(len(row) - (3 * len(tokens) + 32))
    # some end by chance, for the weights are random; what begins a text counts with transformers
    assert -2 <= max(beyond) <= 2


@pytest.mark.parametrize(
    "damage",
    [{"decoder_start_token_id": None, "bos_token_id": None}, {"pad_token_id": None}],
    ids=["ValueError", "TypeError"],
)
def test_a_model_that_fails_at_its_work_is_told(nllb, tmp_path, memory, article_1, damage):
    folder = tmp_path / "damaged"
    shutil.copytree(nllb, folder)
    for name in ("config.json", "generation_config.json"):
        stored = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(stored | damage))
    texts = [article_1[code][:20] for code in ("th", "ar", "hi", "zh", "vi")]
    failed = r"its model failed \(.+\); are its tokenizer and its configuration its own\?; 0 of 5"
    with pytest.raises(InputError, match=failed):
        translate(texts, FolderTranslator(folder=folder), source="th", target="en", memory=memory)


def test_a_tokenizer_of_more_pieces_than_its_model_is_told(nllb, tmp_path, memory, article_1):
    folder = tmp_path / "other"
    shutil.copytree(nllb, folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<{number}>" for number in range(50)])
    tokenizer.save_pretrained(folder)
    texts = [f"{article_1['th'][:9]} <49>"]
    with pytest.raises(InputError, match=r"its model failed \(index out of range"):
        translate(texts, FolderTranslator(folder=folder), source="th", target="en", memory=memory)


def test_identity_follows_files_and_settings(marian, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(marian, copy)
    system = FolderTranslator(folder=copy, pair="en-fr")
    before = system.identity("en", "fr")
    assert before == FolderTranslator(folder=marian, pair="en-fr").identity("en", "fr")
    assert before == FolderTranslator(folder=copy, pair="en-fr", timeout=9.0).identity("en", "fr")
    for settings in ({"beams": 1}, {"prefix": ">>fra<<"}):
        other = FolderTranslator(folder=copy, pair="en-fr", **settings)
        assert before != other.identity("en", "fr")
    (copy / "source.spm").rename(copy / "source.spn")  # its place among the others stays
    assert system.identity("en", "fr") != before
    (copy / "source.spn").rename(copy / "source.spm")
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert system.identity("en", "fr") != before


def test_folders_that_cannot_be_used_are_told(marian, tmp_path, monkeypatch):
    def use(**settings):
        system = FolderTranslator(pair="en-fr", **settings)
        system.identity("en", "fr")
        with system.open("en", "fr") as run:
            run(["a"])

    with pytest.raises(InputError, match=r"set translator\.folder=DIR"):
        use()
    with pytest.raises(InputError, match=r"expected a model's folder with config\.json"):
        use(folder=tmp_path)
    pickled = tmp_path / "pickled"
    shutil.copytree(marian, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(InputError, match="pickled weights may run code"):
        use(folder=pickled)
    bare = tmp_path / "bare"
    shutil.copytree(marian, bare)
    for path in [*bare.glob("*.spm"), *bare.glob("token*"), bare / "vocab.json"]:
        path.unlink()
    with pytest.raises(InputError, match="its tokenizer cannot be read"):
        use(folder=bare)
    cut = tmp_path / "cut"
    shutil.copytree(marian, cut)
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:-999])
    with pytest.raises(InputError, match="its model cannot be read"):
        use(folder=cut)
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(
        InputError, match=r"needs transformers .*pip install 'xlgen\[translation\]'"
    ):
        use(folder=marian)
