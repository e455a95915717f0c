"""How near translations lie in a model: `python examples/alignment.py MODEL [LANGUAGE ...]`.

For 100 documents of howto0 that stand in English and in a language: how often the nearest document of the
other side is the translation, in percent, both directions, chance 1. A document is the mean of its tokens'
embeddings, or of the encoder's states over them; tokens that both sides use (names, digits) are left out.
"""

import sys
from functools import cache

import numpy as np
import torch

from xlgen.model.packaged import open_model
from xlgen.sources.packaged import read_packaged

LENGTH, DOCUMENTS = 256, 100
model, tokenizer = open_model(sys.argv[1])
texts: dict[str, dict[str, torch.Tensor]] = {}
for example in read_packaged("howto0", "validation"):
    tokens = torch.tensor(tokenizer.encode(example.input)[:LENGTH])
    texts.setdefault(example.language, {})[example.id.rpartition("@")[0]] = tokens


@cache
@torch.no_grad()
def views(language: str, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return embeddings and encoder states [L, D] of a document."""
    tokens = texts[language][name]
    encoded = model.encode(tokens[None], torch.ones(1, len(tokens), dtype=torch.bool))
    return model.shared(tokens), encoded.hidden_ND


def vectors(language: str, name: str, shared: torch.Tensor) -> list[np.ndarray]:
    """Return a document's means of both views over the tokens that are not `shared`."""
    own = ~torch.isin(texts[language][name], shared)
    return [
        view_LD[own].sum(0).numpy() / max(1, int(own.sum())) for view_LD in views(language, name)
    ]


def accuracy(one_ND: np.ndarray, other_ND: np.ndarray) -> float:
    """Return how often row n of the other side is the nearest to row n, both directions, in percent."""
    sides = [side - side.mean(0) for side in (one_ND, other_ND)]
    one_ND, other_ND = (
        side / (np.linalg.norm(side, axis=1, keepdims=True) + 1e-9) for side in sides
    )
    near_NN, right = one_ND @ other_ND.T, np.arange(len(one_ND))
    return float(np.mean([near_NN.argmax(axis) == right for axis in (0, 1)]) * 100)


def vocabulary(language: str) -> set[int]:
    return set(torch.cat(list(texts[language].values())).tolist())


found = []
for language in sys.argv[2:] or sorted(texts.keys() - {"en"}):
    both = sorted(texts["en"].keys() & texts[language].keys())
    names = list({name.partition("#")[0]: name for name in both}.values())[:DOCUMENTS]  # one a page
    shared = torch.tensor(sorted(vocabulary("en") & vocabulary(language)))
    sides = [np.array([vectors(side, name, shared) for name in names]) for side in ("en", language)]
    found.append([accuracy(*(side[:, view] for side in sides)) for view in (0, 1)])
    print(f"{language}: embedding {found[-1][0]:.1f}, encoder {found[-1][1]:.1f}, n = {len(names)}")
print("mean: embedding {:.1f}, encoder {:.1f}".format(*np.mean(found, axis=0)))
