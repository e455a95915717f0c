"""Compare reading json.gz text as tokens with `datasets` + `tokenizers`: same shards, interleaved.

    pip install datasets==5.2.0
    python benchmarks-perf/stream_speed.py [--rounds 5] [--documents 4000] [--threads 1]

Documents are training articles of howto0 in 15 languages, written as mC4's shards are. Ours is what
`xlgen data encode` does with `--threshold 0`, without writing; the peer streams the same files with
`load_dataset("json", streaming=True)` and encodes batches of as many texts with the same SentencePiece model
as `tokenizers` has it. The process has as many cores as threads; times are CPU seconds for one, wall
seconds for more. Fails if a token differs (texts that transformers' conversion of the model encodes
otherwise are left out first, and counted).
"""

import argparse
import gzip
import itertools
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from timing import clock_of, interleaved, show
from transformers import T5Tokenizer

from xlgen.data.streamed import BATCH
from xlgen.data.tokenizer import Tokenizer, packaged_tokenizer
from xlgen.sources.mc4 import Filter, web_text
from xlgen.sources.packaged import read_packaged

SHARDS = 4


def main() -> None:
    arguments = read_arguments()
    os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)
    cores = sorted(os.sched_getaffinity(0))
    if not 1 <= arguments.threads <= len(cores):
        sys.exit(f"--threads: expected 1 to {len(cores)}, the cores here, got {arguments.threads}")
    os.sched_setaffinity(0, cores[: arguments.threads])
    datasets.disable_progress_bars()
    tokenizer = packaged_tokenizer()
    peer = as_tokenizers(tokenizer)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        texts = read_texts(arguments.documents)
        known = known_to_both(texts, tokenizer, peer)
        compare(
            folder,
            tokenizer,
            peer,
            rounds=arguments.rounds,
            threads=arguments.threads,
            size=write_shards(folder, known),
            left_out=len(texts) - len(known),
        )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--documents", type=int, default=4000)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def as_tokenizers(tokenizer: Tokenizer) -> Any:
    """Return the model as a `tokenizers.Tokenizer`, by transformers' converter."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "spiece.model").write_bytes(tokenizer.path.read_bytes())
        return T5Tokenizer.from_pretrained(place, extra_ids=0).backend_tokenizer


def read_texts(count: int) -> list[str]:
    """Return articles of all languages, shuffled."""
    texts = [example.input for example in read_packaged("howto0", "train")]
    random.Random(0).shuffle(texts)
    return texts[:count]


def known_to_both(texts: list[str], tokenizer: Tokenizer, peer: Any) -> list[str]:
    """Return the texts that both encode alike."""
    theirs = peer.encode_batch(texts, add_special_tokens=False)
    return [t for t, one in zip(texts, theirs, strict=True) if one.ids == tokenizer.encode(t)]


def write_shards(folder: Path, texts: list[str]) -> int:
    """Write the texts as shards of one language; return their bytes of text."""
    for shard in range(SHARDS):
        path = folder / f"c4-en.tfrecord-{shard:05d}-of-{SHARDS:05d}.json.gz"
        with gzip.open(path, "wt", encoding="utf-8", newline="\n") as file:
            for number, text in enumerate(texts[shard::SHARDS]):
                url = f"https://example.org/{shard}/{number}"
                record = {"text": text, "timestamp": "2019-04-26T00:00:00Z", "url": url}
                file.write(json.dumps(record) + "\n")
    return sum(len(text.encode()) for text in texts)


def stream_ours(folder: Path, tokenizer: Tokenizer) -> Iterator[np.ndarray]:
    documents = web_text(folder, "en", filter=Filter(threshold=0.0)).documents()
    while batch := list(itertools.islice(documents, BATCH)):
        texts = [text for text in batch if isinstance(text, str)]
        yield flat(tokenizer.encode_batch(texts))


def stream_theirs(folder: Path, peer: Any) -> Iterator[np.ndarray]:
    files = [str(path) for path in sorted(folder.glob("*.json.gz"))]
    stream = datasets.load_dataset("json", data_files=files, split="train", streaming=True)
    for batch in stream.iter(batch_size=BATCH):
        encoded = peer.encode_batch_fast(batch["text"], add_special_tokens=False)
        yield flat([one.ids for one in encoded])


def flat(encoded: list[list[int]]) -> np.ndarray:
    return np.fromiter(itertools.chain.from_iterable(encoded), np.uint16)


def compare(
    folder: Path,
    tokenizer: Tokenizer,
    peer: Any,
    *,
    rounds: int,
    threads: int,
    size: int,
    left_out: int,
) -> None:
    def ours() -> np.ndarray:
        return np.concatenate(list(stream_ours(folder, tokenizer)))

    def theirs() -> np.ndarray:
        return np.concatenate(list(stream_theirs(folder, peer)))

    tokens = ours()
    assert np.array_equal(tokens, theirs()), "the tokens differ"
    times = interleaved(
        {"xlgen": ours, "datasets + tokenizers": theirs}, rounds=rounds, clock=clock_of(threads)
    )
    cores = "one core" if threads == 1 else f"{threads} cores"
    show(
        f"{size / 1e6:.1f} MB of json.gz text in 15 languages as {len(tokens):,} tokens, {cores}",
        times,
        texts_left_out=left_out,
    )


if __name__ == "__main__":
    main()
