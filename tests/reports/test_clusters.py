"""Clusters of prompts: known answers, SciPy as the peer, chance as it should be."""

import json
from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.cluster import hierarchy
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr

from xlgen.errors import InputError
from xlgen.families import family_distance, relations, script_distance
from xlgen.reports import clusters as module
from xlgen.reports.clusters import cluster, mantel

# Two branches of one family, a second family, and three that stand alone, in mixed order.
NINE = ("th", "es", "ru", "ar", "pt", "iw", "cs", "zh", "fr")


def tree_prompts(codes):
    """Return prompts whose cosine distance is a third of the family distance: one part for each level."""
    levels = ([x.family for x in relations().values()], [x.branch for x in relations().values()])
    names = [*dict.fromkeys(levels[0]), *dict.fromkeys(f"b/{x}" for x in levels[1]), *relations()]
    prompts = {}
    for code in codes:
        known = relations()[code]
        prompts[code] = np.zeros((1, len(names)), np.float32)
        for name in (known.family, f"b/{known.branch}", code):
            prompts[code][0, names.index(name)] = 5.0
    return prompts


def random_prompts(codes, *, seed=0, length=1):
    generator = np.random.default_rng(seed)
    return {code: generator.standard_normal((length, 16)).astype(np.float32) for code in codes}


def test_prompts_that_are_the_families_agree_wholly():
    found = cluster(tree_prompts(NINE))
    wanted = [[family_distance(a, b) / 3 for b in NINE] for a in NINE]
    np.testing.assert_allclose(found.distances, wanted, atol=1e-6)
    agreement = found.agreement
    assert agreement.family.r == pytest.approx(1)
    assert agreement.dendrogram.r == pytest.approx(1)
    assert agreement.tree == pytest.approx(1)
    assert agreement.family.p <= 0.001
    assert sorted(found.linkage[:, 2]) == pytest.approx([1 / 3] * 4 + [2 / 3] + [1] * 3, abs=1e-6)


def test_leaves_of_a_branch_and_of_a_family_stand_together():
    order = [NINE[leaf] for leaf in cluster(tree_prompts(NINE)).order]
    for group in ({"es", "pt", "fr"}, {"ru", "cs"}, {"es", "pt", "fr", "ru", "cs"}, {"ar", "iw"}):
        places = sorted(order.index(code) for code in group)
        assert places == [*range(places[0], places[0] + len(group))], order


@pytest.mark.parametrize("length", [1, 3])
def test_tree_and_numbers_are_scipys(length):
    prompts = random_prompts(NINE, length=length)
    found = cluster(prompts)
    distances = pdist(np.stack([p.ravel() for p in prompts.values()]).astype(float), "cosine")
    tree = hierarchy.linkage(distances, "average", optimal_ordering=True)
    np.testing.assert_allclose(squareform(found.distances), distances, atol=1e-12)
    np.testing.assert_allclose(found.linkage, tree, atol=1e-12)
    assert found.order == tuple(hierarchy.leaves_list(tree))
    r, cophenetic = hierarchy.cophenet(tree, distances)
    families, scripts = (
        [between(a, b) for a, b in combinations(NINE, 2)]
        for between in (family_distance, script_distance)
    )
    assert found.agreement.tree == pytest.approx(r)
    assert found.agreement.family.r == pytest.approx(pearsonr(distances, families)[0])
    assert found.agreement.dendrogram.r == pytest.approx(pearsonr(cophenetic, families)[0])
    assert found.agreement.script.r == pytest.approx(pearsonr(distances, scripts)[0])
    # what a regression on script leaves of both
    columns = np.column_stack([np.ones(len(scripts)), scripts])
    left = [y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0] for y in (distances, families)]
    assert found.agreement.family_given_script.r == pytest.approx(pearsonr(*left)[0])


@pytest.mark.parametrize("seed", range(3))
def test_p_is_the_share_of_all_orders_with_as_large_an_r(seed):
    """Six languages have 720 orders: all are tried here, 9,999 drawn there."""
    codes = ("es", "fr", "ru", "tr", "az", "th")
    found = cluster(random_prompts(codes, seed=seed))
    families = np.array([[family_distance(a, b) for b in codes] for a in codes], float)
    above = np.triu_indices(6, 1)
    by_order = [
        pearsonr(found.distances[np.ix_(order, order)][above], families[above])[0]
        for order in map(list, permutations(range(6)))
    ]
    exact = np.mean([r >= by_order[0] - 1e-12 for r in by_order])
    assert found.agreement.family.p == pytest.approx(exact, abs=4 * (0.25 / 9999) ** 0.5)


def test_chance_is_found_as_often_as_it_should_be(monkeypatch):
    monkeypatch.setattr(module, "PERMUTATIONS", 99)
    known = [cluster(random_prompts(NINE, seed=seed)).agreement.family.p for seed in range(100)]
    assert 0.4 < np.mean(known) < 0.6
    assert np.mean([p <= 0.1 for p in known]) < 0.25


def test_matrices_of_one_distance_have_no_correlation():
    """All of one family, in one script: nothing to agree with, and no number that says so."""
    agreement = cluster(random_prompts(("es", "pt", "fr", "it"))).agreement
    for undefined in (agreement.family, agreement.dendrogram, agreement.script):
        assert (undefined.r, undefined.p) == (None, None)
        assert str(undefined) == "not defined"
    assert agreement.family_given_script.r is None
    assert -1 <= agreement.tree <= 1


def test_equal_prompts_have_no_clusters():
    agreement = cluster(dict.fromkeys(NINE, np.ones((1, 4), np.float32))).agreement
    assert agreement.family.r is agreement.dendrogram.r is agreement.tree is None


def test_a_matrix_given_itself_has_nothing_left():
    one = cluster(random_prompts(NINE)).distances
    assert mantel(one, one).r == pytest.approx(1)
    assert mantel(one, one, given_NN=one).r is None


def test_every_number_can_be_read_back():
    found = cluster(tree_prompts(NINE))
    told = json.loads(json.dumps(found.to_json()))
    assert sorted(told["order"]) == sorted(NINE)
    assert [x["code"] for x in told["languages"]] == list(NINE)
    assert told["languages"][0] == {
        "code": "th", "name": "Thai", "family": "Tai-Kadai", "branch": "Southwestern Tai",
        "scripts": ["Thai"],
    }  # fmt: skip
    np.testing.assert_allclose(told["similarity"], found.similarity_NN, atol=1e-6)
    assert len(told["linkage"]) == 8
    assert told["agreement"]["family"]["r"] == pytest.approx(1)
    assert "family distance (Mantel): r = 1.00 (p = 0.0" in str(found)


ONE = np.ones((1, 4), np.float32)
MISTAKES = {
    "two languages": ({"th": ONE, "vi": ONE}, "at least 3 languages, got th, vi"),
    "two lengths": (
        {"th": ONE, "vi": ONE, "ar": np.ones((2, 4))},
        r"'ar' is \[2, 4\], that of 'th'",
    ),
    "no direction": ({"th": ONE, "vi": ONE * 0, "ar": ONE}, "'vi' is all zeros"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_prompts_that_cannot_be_compared_are_told(kind):
    prompts, message = MISTAKES[kind]
    with pytest.raises(InputError, match=message):
        cluster(prompts)
