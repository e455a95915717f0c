"""Train the SentencePiece vocabulary of a corpus: unigram, byte fallback, T5's special ids.

Layout of the ids, as in mT5's file: pad 0, eos 1, unk 2, the 256 bytes, the pieces, and at the top
100 sentinels, `<extra_id_0>` the highest.
"""

import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from xlgen.errors import InputError
from xlgen.files import replacing
from xlgen.languages import LANGUAGES
from xlgen.sources.folder import LeftOut, read_text, text_files

SENTINELS = 100
CHARACTERS = 36_000_000  # ours: more text changes few pieces, and training time grows with it
COVERAGE = 0.9999  # ours: at 0.9997 common characters of zh and ko are bytes; mT5 has 0.99999
LONGEST = 2_000  # characters of a paragraph that are read; the trainer drops longer sentences
USER_DEFINED = 4  # the type that mT5's file gives its sentinels


def train_tokenizer(
    corpus_folder: Path,
    out: Path,
    *,
    size: int = 24_000,
    alpha: float = 0.3,  # temperature of the sample over languages: Xue et al. 2021, section 3.2
    seed: int = 0,
    characters: int = CHARACTERS,
    threads: int = 2,
    left_out: LeftOut | None = None,
) -> Path:
    """Train on `<corpus_folder>/<language>.txt` and write the model file `out`, sentinels included.

    The same corpus, seed and number of threads give the same file. Paragraphs in `left_out` are not read.
    Raises `InputError` for a size that the text cannot give.
    """
    sample = sample_text(
        corpus_folder, alpha=alpha, seed=seed, characters=characters, left_out=left_out
    )
    text = list(sample)  # SentencePiece would swallow the error of a file that cannot be read
    try:
        model = _train(text, size=size - SENTINELS, threads=threads)
    except RuntimeError as error:  # SentencePiece's: [the condition that failed] and a sentence
        said = str(error).rpartition("] ")[2] or "no text, or no piece left"
        raise InputError(
            f"{corpus_folder}: its text gives no vocabulary of {size:,} pieces, {SENTINELS} sentinels "
            f"among them (SentencePiece, of the others: {said}); choose another size, or add text"
        ) from error
    with replacing(out, what="the tokenizer") as partial:
        partial.write_bytes(append_sentinels(model))
    return out


def _train(text: Sequence[str], *, size: int, threads: int) -> bytes:
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_writer=written,
        model_type="unigram",
        vocab_size=size,
        character_coverage=COVERAGE,
        byte_fallback=True,
        normalization_rule_name="nmt_nfkc",
        add_dummy_prefix=True,
        remove_extra_whitespaces=True,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        max_sentence_length=4 * LONGEST,  # bytes
        shuffle_input_sentence=False,
        num_threads=threads,
        minloglevel=1,
    )
    return written.getvalue()


def append_sentinels(model: bytes, *, count: int = SENTINELS) -> bytes:
    """Return a model file with `<extra_id_(count-1)>` .. `<extra_id_0>` after its other pieces.

    The trainer would put them first. Their type is mT5's; `Tokenizer` never makes text into one.
    """
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString(model)  # type: ignore[attr-defined]
    for number in reversed(range(count)):
        piece = proto.pieces.add()
        piece.piece, piece.score, piece.type = f"<extra_id_{number}>", 0.0, USER_DEFINED
    proto.trainer_spec.vocab_size = len(proto.pieces)
    return bytes(proto.SerializeToString(deterministic=True))


def sample_text(
    corpus_folder: Path,
    *,
    alpha: float,
    seed: int,
    characters: int,
    left_out: LeftOut | None = None,
) -> Iterator[str]:
    """Yield paragraphs of all languages, about `characters` in all, in shares of size ** alpha.

    A language with less text than its share gives all it has; none gives paragraphs in `left_out`.
    """
    paths = text_files(corpus_folder)
    weights = {c: paths[c].stat().st_size ** alpha for c in LANGUAGES if c in paths}
    for code, weight in weights.items():
        budget = characters * weight / sum(weights.values())
        lines = read_text(paths[code]).split("\n")
        random.Random(f"{seed}/{code}").shuffle(lines)
        for line in lines:
            if budget <= 0:
                break
            if line and (left_out is None or line not in left_out):
                budget -= len(line)
                yield line[:LONGEST]
