"""Prompts by language -> similarities, a tree of them, and how far it agrees with language families."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

from xlgen.errors import InputError
from xlgen.families import family_distance, relations, script_distance

PERMUTATIONS = 9999  # so that p has a step of 0.0001
SEED = 0


@dataclass(frozen=True)
class Correlation:
    """Pearson's r of two distance matrices' pairs, and how often chance has as large a one.

    `p` is of Mantel's test (1967), one-sided: the share of orders of the languages with at least this
    r, this order among them. None where a matrix has one distance only.
    """

    r: float | None
    p: float | None

    def __str__(self) -> str:
        return "not defined" if self.r is None else f"r = {self.r:.2f} (p = {self.p:.4f})"


@dataclass(frozen=True)
class Agreement:
    """How far prompts agree with what is known of their languages.

    `family`: cosine distance and family distance. `dendrogram`: the tree's cophenetic distance and family
    distance. `script`: cosine distance and whether a script is shared. `family_given_script`: as
    `family`, of what script leaves (partial Mantel test, Smouse et al. 1986). `tree`: the cophenetic
    correlation coefficient (Sokal and Rohlf 1962), how well the tree shows the distances it was made of.
    """

    family: Correlation
    dendrogram: Correlation
    script: Correlation
    family_given_script: Correlation
    tree: float | None


@dataclass(frozen=True)
class Clusters:
    """Languages with the cosine similarity of their prompts [N, N], in the order of `languages`."""

    languages: tuple[str, ...]
    similarity_NN: np.ndarray

    @cached_property
    def distances(self) -> np.ndarray:
        """1 - cosine; symmetric, and 0 on the diagonal."""
        distance_NN = np.clip(1 - self.similarity_NN, 0, 2)
        np.fill_diagonal(distance_NN, 0)
        return distance_NN

    @cached_property
    def linkage(self) -> np.ndarray:
        """SciPy's matrix [N - 1, 4]: average linkage (UPGMA), leaves turned so that neighbours are near."""
        condensed = squareform(self.distances, checks=False)
        return hierarchy.linkage(condensed, method="average", optimal_ordering=True)

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The leaves from left to right, as indices of `languages`."""
        return tuple(int(leaf) for leaf in hierarchy.leaves_list(self.linkage))

    @cached_property
    def agreement(self) -> Agreement:
        """The numbers."""
        tree_NN = squareform(hierarchy.cophenet(self.linkage))
        family_NN = self._distances(family_distance)
        script_NN = self._distances(script_distance)
        return Agreement(
            family=mantel(self.distances, family_NN),
            dendrogram=mantel(tree_NN, family_NN),
            script=mantel(self.distances, script_NN),
            family_given_script=mantel(self.distances, family_NN, given_NN=script_NN),
            tree=mantel(tree_NN, self.distances).r,
        )

    def _distances(self, between: Callable[[str, str], int]) -> np.ndarray:
        return np.array([[between(a, b) for b in self.languages] for a in self.languages], float)

    def to_json(self) -> dict[str, Any]:
        """Return everything the figure shows."""
        known = relations()
        return {
            "languages": [
                {"code": code, "name": known[code].name, "family": known[code].family,
                 "branch": known[code].branch, "scripts": sorted(known[code].scripts)}
                for code in self.languages
            ],
            "similarity": [[round(float(x), 6) for x in row] for row in self.similarity_NN],
            "linkage": [[round(float(x), 6) for x in row] for row in self.linkage],
            "order": [self.languages[leaf] for leaf in self.order],
            "agreement": asdict(self.agreement),
            "method": "cosine of the prompts, average linkage on 1 - cosine, optimal leaf order",
            "permutations": PERMUTATIONS,
            "seed": SEED,
        }  # fmt: skip

    def __str__(self) -> str:
        found = self.agreement
        tree = "not defined" if found.tree is None else f"{found.tree:.2f}"
        return "\n".join(
            (
                f"{len(self.languages)} languages in the tree's order: "
                + " ".join(self.languages[leaf] for leaf in self.order),
                f"cosine distance and family distance (Mantel): {found.family}",
                f"dendrogram and family distance (cophenetic, Mantel): {found.dendrogram}",
                f"cosine distance and script (Mantel): {found.script}",
                f"cosine distance and family distance, given script: {found.family_given_script}",
                f"dendrogram and its own distances (cophenetic correlation): {tree}",
            )
        )


def cluster(prompts: Mapping[str, np.ndarray]) -> Clusters:
    """Compare prompts [P, D] of at least three languages, each as one vector of P * D numbers."""
    if len(prompts) < 3:
        raise InputError(
            f"expected prompts of at least 3 languages, got {', '.join(prompts) or 'none'}"
        )
    first = next(iter(prompts))
    for code, prompt_PD in prompts.items():
        if prompt_PD.shape != prompts[first].shape:
            raise InputError(
                f"the prompt of {code!r} is {list(prompt_PD.shape)}, that of {first!r} "
                f"{list(prompts[first].shape)}; compare prompts of one model and one length"
            )
        if not prompt_PD.any():
            raise InputError(f"the prompt of {code!r} is all zeros, which has no direction")
    vectors_NX = np.stack([prompt_PD.astype(np.float64).ravel() for prompt_PD in prompts.values()])
    vectors_NX /= np.linalg.norm(vectors_NX, axis=1, keepdims=True)
    return Clusters(tuple(prompts), np.clip(vectors_NX @ vectors_NX.T, -1, 1))


def mantel(
    one_NN: np.ndarray, other_NN: np.ndarray, *, given_NN: np.ndarray | None = None
) -> Correlation:
    """Correlate the pairs of two distance matrices; with `given_NN`, of what that one leaves of both.

    The first matrix is permuted, rows and columns together, PERMUTATIONS times.
    """
    matrices = [one_NN, other_NN] if given_NN is None else [one_NN, other_NN, given_NN]
    rows, columns = np.triu_indices(len(one_NN), 1)
    standard = [_standardized(matrix_NN[rows, columns]) for matrix_NN in matrices]
    known = [pairs for pairs in standard if pairs is not None]
    if len(known) < len(matrices):
        return Correlation(None, None)
    one, *others = known
    found = _given(np.stack([other @ one for other in others])[:, None], others)[0]
    if not np.isfinite(found):  # the third leaves nothing
        return Correlation(None, None)
    centred_NN = np.zeros_like(one_NN)
    centred_NN[rows, columns] = centred_NN[columns, rows] = one
    generator, left = np.random.default_rng(SEED), PERMUTATIONS
    as_large = 1  # the order that was found
    while left:
        count = min(left, 256)
        orders_KN = generator.permuted(np.tile(np.arange(len(one_NN)), (count, 1)), axis=1)
        pairs_KX = centred_NN[orders_KN[:, rows], orders_KN[:, columns]]
        by_chance = _given(np.stack([pairs_KX @ other for other in others]), others)
        as_large += int((by_chance >= found - 1e-12).sum())
        left -= count
    return Correlation(float(found), as_large / (PERMUTATIONS + 1))


def _given(found: np.ndarray, others: list[np.ndarray]) -> np.ndarray:
    """Return r [K] of the first row; given the second: (r12 - r13 r23) / sqrt((1 - r13^2)(1 - r23^2)).

    Infinite where the third determines one of the two.
    """
    if len(others) == 1:
        return found[0]
    between = float(others[0] @ others[1])
    rest = (1 - found[1] ** 2) * (1 - between**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(rest > 1e-12, (found[0] - found[1] * between) / np.sqrt(rest), np.inf)


def _standardized(pairs: np.ndarray) -> np.ndarray | None:
    """Return the pairs with mean 0 and length 1, so that r is a product; None where all are equal."""
    centred = pairs - pairs.mean()
    length = float(np.linalg.norm(centred))
    return centred / length if length > 1e-12 else None
