"""Bigram factors: embedding and head whose product is the logits of the next token, begun from counts."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn import functional as F

from xlgen.progress import progress

RARE = 1e-5  # the probability given to pieces that the corpus lacks
POWER_ROUNDS = 4


@dataclass(frozen=True)
class Factors:
    """Embedding E_VD with rows of unit root mean square, head W_VD: logits of the next token are E W^T.

    `given_VG` are further columns of the embedding that fitting leaves as they are; the head then has D + G.
    """

    embedding_VD: Tensor
    head_VD: Tensor
    given_VG: Tensor | None = None

    def beside(self, given_VG: Tensor) -> "Factors":
        """Add given columns; nothing in the head looks at them yet."""
        head_VD = torch.cat([self.head_VD, torch.zeros_like(given_VG)], dim=1)
        return Factors(self.embedding_VD, head_VD, given_VG)

    def joined(self) -> "Factors":
        """Return the same factors with the given columns as part of the embedding."""
        if self.given_VG is None:
            return self
        return Factors(self.hidden(np.arange(len(self.embedding_VD))), self.head_VD)

    def to(self, device: torch.device | str) -> "Factors":
        given_VG = None if self.given_VG is None else self.given_VG.to(device)
        return Factors(self.embedding_VD.to(device), self.head_VD.to(device), given_VG)

    def tell_apart(self, unseen: np.ndarray, *, seed: int) -> "Factors":
        """Add noise to the rows of tokens that the counts cannot tell apart: the sentinels."""
        generator = torch.Generator().manual_seed(seed)
        spreads = ((self.embedding_VD, 1.0), (self.head_VD, self.head_VD.shape[1] ** -0.5))
        for tensor, spread in spreads:
            size = (len(unseen), tensor.shape[1])
            tensor[unseen] += torch.randn(*size, generator=generator) * spread
        return self

    def hidden(self, rows: np.ndarray) -> Tensor:
        """Return the embeddings [N, D] of the tokens `rows` [N] as the head sees them, given ones beside."""
        hidden_ND = F.rms_norm(self.embedding_VD[rows], self.embedding_VD.shape[1:])
        if self.given_VG is None:
            return hidden_ND
        return torch.cat([hidden_ND, self.given_VG[rows]], dim=1)

    def losses(self, rows: np.ndarray, wanted: Tensor) -> Tensor:
        """Return the cross-entropy (nats) [N] of `wanted` [N, V] after the tokens `rows` [N]."""
        return -(wanted * F.log_softmax(self.hidden(rows) @ self.head_VD.T, dim=1)).sum(1)


def factorize_pmi(table: csr_matrix, *, width: int, seed: int) -> Factors:
    """Return the factors whose logits are nearest log p(next) + max(0, PMI(token, next)).

    One dimension of the width carries the unigram; a randomized subspace iteration finds the others.
    """
    totals, unigram = marginals(table)
    entries = table.tocoo()
    expected = np.maximum(totals[entries.row] * unigram[entries.col], 1e-30)
    information = np.maximum(np.log(np.maximum(entries.data, 1e-30) / expected), 0)
    pmi = csr_matrix((information, (entries.row, entries.col)), table.shape, dtype=np.float32)
    left, scales, right = _singular_vectors(pmi, width - 1, np.random.default_rng(seed))
    rows_VD = left * np.sqrt(scales)
    constant = np.average(np.linalg.norm(rows_VD, axis=1), weights=totals + 1e-9)
    embedding_VD = np.column_stack([np.full(len(rows_VD), constant), rows_VD])
    lengths_V = np.linalg.norm(embedding_VD, axis=1, keepdims=True)
    root = np.sqrt(width)
    head_VD = np.column_stack([np.log(unigram + RARE) / constant, right * np.sqrt(scales)])
    head_VD *= np.average(lengths_V[:, 0], weights=totals + 1e-9) / root
    return Factors(
        torch.tensor(embedding_VD / lengths_V * root, dtype=torch.float32),
        torch.tensor(head_VD, dtype=torch.float32),
    )


def marginals(table: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's total [V] and the probability of each next token [V]."""
    following = np.asarray(table.sum(0)).ravel()
    return np.asarray(table.sum(1)).ravel(), following / following.sum()


def _singular_vectors(
    matrix: csr_matrix, rank: int, order: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return left [V, R], scales [R], right [V, R] of the largest `rank` (Halko et al. 2011)."""
    spare = min(rank + 20, matrix.shape[1])
    basis = order.standard_normal((matrix.shape[1], spare)).astype(np.float32)
    for _ in progress(range(POWER_ROUNDS), "Factorizing bigrams"):
        basis = np.linalg.qr(matrix.T @ np.linalg.qr(matrix @ basis)[0])[0]
    left, scales, right = np.linalg.svd(matrix @ basis, full_matrices=False)
    return left[:, :rank], scales[:rank], (basis @ right.T)[:, :rank]
