"""A translation model of the user's: a Hugging Face folder, or one that CTranslate2's converter made of it.

NLLB and M2M-100 know their languages; Opus-MT (Marian) and others are told theirs by `pair`. The libraries
are the extra `xlgen[translation]`. No code of the folder is run, no pickle is read.
"""

import contextlib
import functools
import hashlib
import importlib
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from safetensors import SafetensorError

from xlgen.errors import InputError
from xlgen.languages import language_code
from xlgen.translation.base import Translate, Translator
from xlgen.translation.sentences import sentences

# NLLB's names (FLORES-200): language and script.
FLORES = {
    "en": "eng_Latn", "ar": "arb_Arab", "cs": "ces_Latn", "de": "deu_Latn", "es": "spa_Latn",
    "fr": "fra_Latn", "hi": "hin_Deva", "id": "ind_Latn", "it": "ita_Latn", "ja": "jpn_Jpan",
    "ko": "kor_Hang", "nl": "nld_Latn", "pt": "por_Latn", "ru": "rus_Cyrl", "th": "tha_Thai",
    "tr": "tur_Latn", "vi": "vie_Latn", "zh": "zho_Hans",
}  # fmt: skip
# What such libraries raise for a folder that is damaged, or of another kind.
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RuntimeError, SafetensorError)
_FEWEST_TOKENS = 16  # with fewer, what is cut would no longer be words

# Token ids of sentences, and the id that each translation begins with or None -> token ids.
Generate = Callable[[list[list[int]], int | None], list[list[int]]]


@dataclass(frozen=True)
class FolderTranslator(Translator):
    """Beam search over sentences with the model in `folder`.

    `pair` is for a folder of one pair, such as "en-fr", and `prefix` for a model that is told its target by
    words before the text: ">>fra<<" (Marian of many targets), "<2fr>" (MADLAD-400).
    """

    name: ClassVar[str] = "folder"
    folder: Path | None = None
    pair: str | None = None
    prefix: str | None = None
    beams: int = 4
    batch_size: int = 16

    @property
    def title(self) -> str:
        return self.folder.name if self.folder else self.name

    def pairs(self) -> frozenset[tuple[str, str]]:
        if self.pair is not None:
            codes = self.pair.split("-")
            if len(codes) != 2:
                raise InputError(
                    f"translator.pair: expected two codes as in en-fr, got {self.pair!r}"
                )
            return frozenset({(language_code(codes[0]), language_code(codes[1]))})
        known = _known_languages(_open_tokenizer(self._checked()))
        if not known:
            raise InputError(
                f"{self.folder}: its tokenizer names no languages, as those of NLLB and M2M-100 do; "
                "say what it translates: translator.pair=en-fr"
            )
        return frozenset((s, t) for s in known for t in known if s != t)

    def identity(self, source: str, target: str) -> str:
        files = sorted(path for path in self._checked().iterdir() if path.is_file())
        state = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files)
        library = "ctranslate2" if _is_converted(self._checked()) else "transformers"
        settings = f"beams:{self.beams} prefix:{self.prefix} {library}-{_version(library)}"
        return f"folder {_sha256(state)[:16]} {settings}"

    @contextlib.contextmanager
    def open(self, source: str, target: str) -> Iterator[Translate]:
        folder = self._checked()
        tokenizer = _open_tokenizer(folder)
        first = None
        if self.pair is None:
            known = _known_languages(tokenizer)
            tokenizer.src_lang = known[source][0]
            first = int(tokenizer.convert_tokens_to_ids(known[target][1]))
        load = _load_converted if _is_converted(folder) else _load_hugging_face
        generate, longest = load(folder)
        prefix = "" if self.prefix is None else self.prefix + " "

        def encode(text: str) -> list[int]:
            return list(tokenizer(prefix + text)["input_ids"])

        def translate(paragraphs: Sequence[str]) -> list[str]:
            # one at a time, as they were taught: of several these models leave some out
            split = [
                sentences(text, lambda part: len(encode(part)) <= longest) for text in paragraphs
            ]
            wanted = list(dict.fromkeys(part for parts in split for part, _ in parts))
            rows = [encode(part) for part in wanted]
            try:
                ids = generate(rows, first, beams=self.beams, rows=self.batch_size)
            except InputError:
                raise
            except _UNREADABLE as error:
                raise InputError(
                    f"{folder}: its model failed ({_first_line(error)}); "
                    "are its tokenizer and its configuration its own?"
                ) from error
            told = [[token for token in row if token != first] for row in ids]
            texts = [tokenizer.decode(row, skip_special_tokens=True).strip() for row in told]
            found = dict(zip(wanted, texts, strict=True))
            return ["".join(found[part] + gap for part, gap in parts) for parts in split]

        yield translate

    def _checked(self) -> Path:
        """Return the folder; raise `InputError` where it cannot be one of a model without pickle."""
        if self.folder is None:
            raise InputError("a folder translator needs a model: set translator.folder=DIR")
        if not (self.folder / "config.json").is_file():
            raise InputError(
                f"{self.folder}: expected a model's folder with config.json; name one of Hugging Face's "
                "shape (NLLB, M2M-100, Marian) or one made by CTranslate2's converter"
            )
        if not _is_converted(self.folder) and not [*self.folder.glob("*.safetensors")]:
            raise InputError(
                f"{self.folder}: has no *.safetensors, and pickled weights may run code, so they are not "
                "read; save it with transformers' save_pretrained where you trust it, or convert it "
                "with ct2-transformers-converter"
            )
        return self.folder


def _is_converted(folder: Path) -> bool:
    return (folder / "model.bin").is_file() and not [*folder.glob("*.safetensors")]


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"this translator needs {name} ({error}): pip install 'xlgen[translation]'"
        ) from error


def _version(library: str) -> str:
    _library(library)
    return importlib.metadata.version(library)


@functools.lru_cache(maxsize=4)
def _sha256(state: tuple[tuple[Path, int, int], ...]) -> str:
    """Return a hash of files' names and contents; sizes and times tell when to read them again."""
    digest = hashlib.sha256()
    for path, *_ in state:
        with path.open("rb") as file:
            digest.update(
                f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode()
            )
    return digest.hexdigest()


@functools.lru_cache(maxsize=1)
def _open_tokenizer(folder: Path) -> Any:
    transformers = _library("transformers")
    try:
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
    except _UNREADABLE as error:
        raise InputError(
            f"{folder}: its tokenizer cannot be read ({_first_line(error)}); fetch the folder again, or put "
            "the original's tokenizer files into a converted one"
        ) from error


def _known_languages(tokenizer: Any) -> dict[str, tuple[str, str]]:
    """Return code -> (name as a source, token as a target) of our languages that the model knows."""
    styles = ({code: (name, name) for code, name in FLORES.items()},
              {code: (code, f"__{code}__") for code in FLORES})  # fmt: skip
    unknown = (None, tokenizer.unk_token_id)
    for style in styles:
        known = {
            code: names
            for code, names in style.items()
            if tokenizer.convert_tokens_to_ids(names[1]) not in unknown
        }
        if known:
            return known
    return {}


@functools.lru_cache(maxsize=1)
def _load_hugging_face(folder: Path) -> tuple[Any, int]:
    """Return what generates, and the most tokens a sentence may have."""
    import torch

    from xlgen.training.precision import best_device, memory_told

    transformers = _library("transformers")
    transformers.utils.logging.disable_progress_bar()  # ours tells
    remedy = "choose a smaller model, or free the GPU of other programs"
    try:
        with memory_told(remedy):
            model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=True
            ).to(best_device())
    except InputError:
        raise
    except _UNREADABLE as error:
        raise InputError(
            f"{folder}: its model cannot be read ({_first_line(error)}); fetch it again"
        ) from error
    model.eval()
    longest = _longest(model.config.to_dict())

    def generate(
        sentences: list[list[int]], first: int | None, *, beams: int, rows: int
    ) -> list[list[int]]:
        found: dict[int, list[int]] = {}
        order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))
        for start in range(0, len(order), rows):
            places = order[start : start + rows]
            batch = [torch.tensor(sentences[place]) for place in places]
            pad = torch.nn.utils.rnn.pad_sequence
            with torch.inference_mode(), memory_told("lower translator.batch_size"):
                ids = model.generate(
                    input_ids=pad(batch, True, model.config.pad_token_id).to(model.device),
                    attention_mask=pad([torch.ones_like(x) for x in batch], True, 0).to(model.device),
                    num_beams=beams, do_sample=False, forced_bos_token_id=first,
                    max_new_tokens=min(longest, _room(len(batch[-1]))), max_length=None,
                )  # fmt: skip
            found |= dict(zip(places, ids.tolist(), strict=True))
        return [found[place] for place in range(len(sentences))]

    return generate, longest


@functools.lru_cache(maxsize=1)
def _load_converted(folder: Path) -> tuple[Any, int]:
    """Return the same of a folder of CTranslate2's."""
    ctranslate2 = _library("ctranslate2")
    tokenizer = _open_tokenizer(folder)
    device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    try:
        model = ctranslate2.Translator(str(folder), device=device)
    except _UNREADABLE as error:
        raise InputError(
            f"{folder}: its model cannot be read ({_first_line(error)}); convert it again"
        ) from error
    longest = 512  # its config.json does not say; the least of the three families, Marian's

    def generate(
        sentences: list[list[int]], first: int | None, *, beams: int, rows: int
    ) -> list[list[int]]:
        begin = None if first is None else tokenizer.convert_ids_to_tokens([first])
        results = model.translate_batch(
            [tokenizer.convert_ids_to_tokens(sentence) for sentence in sentences],
            target_prefix=None if begin is None else [begin] * len(sentences),
            beam_size=beams, max_batch_size=rows, max_input_length=0,
            max_decoding_length=min(longest, _room(max(map(len, sentences), default=0))),
        )  # fmt: skip
        return [tokenizer.convert_tokens_to_ids(result.hypotheses[0]) for result in results]

    return generate, longest


def _longest(config: dict[str, Any]) -> int:
    found = config.get("max_position_embeddings") or config.get("n_positions") or 512
    return max(_FEWEST_TOKENS, min(int(found), 1024) - 2)


def _room(length: int) -> int:
    return 3 * length + 32  # scripts differ: a translation may take thrice the tokens


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
