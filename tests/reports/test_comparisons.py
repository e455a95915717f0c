"""What claims compare: the rows, sizes, lengths and steps that they say, and the best of the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from xlgen.languages import LANGUAGES
from xlgen.reports.comparisons import AboveAll, Lengths, Part, Rows, Sizes, Steps, View
from xlgen.reports.grid import ASCII, QUALITY, TARGET
from xlgen.reports.published import published
from xlgen.reports.study import PROTOCOL, Study
from xlgen.reports.sweep import Job

OTHER = ("ar", "hi", "th", "vi", "zh")


def changed(study: Study, change: Callable[[Job], Sequence[Job]], **fields: object) -> Study:
    """Return the study with each job changed: into another, into several, or left out."""
    jobs = tuple(job for given in study.jobs for job in change(given))
    return replace(study, jobs=jobs, _parts={}, **fields)


def without(study: Study, *rows: str) -> Study:
    return changed(study, lambda job: [] if job.row in rows else [job])


def view(study: Study) -> View:
    return View(study, "nano", PROTOCOL)


def mean_of(
    study: Study, row: str, languages: Sequence[str] = OTHER, *, size: str = "nano"
) -> float:
    cells = [study.summary(row, size, language=code, metric=TARGET) for code in languages]
    return sum(cell.mean for cell in cells) / len(cells)


def value(part: Part) -> float:
    assert part.ours is not None, part.missing
    return part.ours.value


def test_seeds_are_counted_of_what_the_sweep_lists(study: Study):
    def change(job: Job) -> list[Job]:
        return [] if (job.row, job.seed) == ("prompt", 1) else [job]

    rows = Rows(TARGET, "other languages", 1, "model", "prompt")
    part = rows.part(view(changed(study, change)))
    assert (part.ours.seeds, part.of) == (1, 2)
    none = Rows(TARGET, "other languages", 1, "model, it-lm", "prompt, it-lm").part(view(study))
    assert (none.ours, none.of) == (None, 0)
    assert none.missing == "MODEL, IT-LM not in the sweep, PROMPT, IT-LM not in the sweep"


def test_the_longest_prompt_is_compared_with_the_shortest(study: Study):
    part = Lengths(TARGET, "other languages", -1).part(view(study))
    assert part.label == "PROMPT, L=100 minus L=1"  # the plain prompt counts with its own length
    assert value(part) == pytest.approx(mean_of(study, "prompt") - mean_of(study, "prompt, l=1"))
    one = Lengths(TARGET, "other languages", -1).part(view(without(study, "prompt, l=1")))
    assert (one.ours, one.missing) == (None, "prompts of two lengths")


def with_lengths(study: Study, *lengths: int) -> Study:
    """Return the study with the model's runs as prompts of these lengths too."""

    def change(job: Job) -> list[Job]:
        more = [replace(job, row=f"prompt, l={length}") for length in lengths]
        return [job, *(more if job.row == "model" else [])]

    return changed(study, change)


def test_each_length_is_compared_with_the_next_shorter(study: Study):
    more = with_lengths(study, 10, 1000)
    part = Lengths(TARGET, "other languages", -1).part(view(more))
    assert part.label == "PROMPT, L=1,000 minus L=1"
    rows = {1: "prompt, l=1", 10: "prompt, l=10", 100: "prompt", 1000: "prompt, l=1000"}
    pairs = [(1, 10), (10, 100), (100, 1000)]
    assert [one.label for one in part.neighbours] == [
        f"PROMPT, L={longer:,} minus L={shorter:,} (neighbours)" for shorter, longer in pairs
    ]
    for one, (shorter, longer) in zip(part.neighbours, pairs, strict=True):
        gap = mean_of(more, rows[longer]) - mean_of(more, rows[shorter])
        assert value(one) == pytest.approx(gap)
        assert one.ours.low < gap < one.ours.high
        assert (one.metric, one.where) == (part.metric, part.where)
        assert [told for told, _ in one.paper] == ["BASE", "XXL"]
        printed_ = [printed(f"prompt, l={n}", "xxl", metric=TARGET) for n in (longer, shorter)]
        assert one.paper[-1][1] == pytest.approx(gap_of(*printed_))


def test_two_lengths_are_neighbours_already(study: Study):
    assert Lengths(TARGET, "other languages", -1).part(view(study)).neighbours == ()


def test_seeds_of_lengths_are_those_of_two_that_are_listed(study: Study):
    def of(*rows: str) -> int:
        unfinished = changed(
            study, lambda job: [replace(job, scored={})] if job.row == "prompt, l=1" else [job]
        )
        return Lengths(TARGET, "other languages", -1).part(view(without(unfinished, *rows))).of

    assert (of(), of("prompt, l=1")) == (2, 0)  # a second length is to come; there is none


def test_a_length_that_has_not_run_is_no_end(study: Study):
    def change(job: Job) -> list[Job]:
        longer = replace(job, row="prompt, l=1000", scored={})
        return [job, longer] if job.row == "prompt" else [job]

    ours, more = (
        Lengths(TARGET, "other languages", -1).part(view(s))
        for s in (study, changed(study, change))
    )
    assert (more.label, more.ours) == (ours.label, ours.ours)


def in_two_sizes(study: Study, *, also: Sequence[str] = ()) -> Study:
    """Return a study whose `pico` prompt is the model's runs; of sizes in `also` nothing has run."""

    def change(job: Job) -> list[Job]:
        if job.row == "prompt":
            return [job, *(replace(job, size=size, scored={}) for size in also)]
        return [job, replace(job, row="prompt", size="pico")] if job.row == "model" else [job]

    return changed(study, change, sizes=(*also[:1], "pico", "nano", *also[1:]))


@pytest.mark.parametrize("also", [(), ("tiny",), ("tiny", "huge")])
def test_the_largest_size_is_compared_with_the_smallest_that_ran(study: Study, also):
    found = in_two_sizes(study, also=also)
    part = Sizes(TARGET, "other languages", 1, "prompt").part(view(found))
    assert part.label == "PROMPT, nano minus pico"
    assert value(part) == pytest.approx(mean_of(study, "prompt") - mean_of(study, "model"))
    one = Sizes(TARGET, "other languages", 1, "prompt").part(view(study))
    assert (one.ours, one.missing) == (None, "PROMPT at a second size")


@pytest.mark.parametrize("metric", [TARGET, ASCII])
def test_steps_are_the_last_minus_the_first(study: Study, metric: str):
    part = Steps(metric, "other languages", -1, "model").part(view(study))
    gaps = []
    for job in study.jobs:
        if job.row == "model":
            for code in OTHER:
                curve = [p for p in job.curve if (p.language, p.metric) == (code, metric)]
                gaps.append(curve[-1].value - curve[0].value)
    assert len(gaps) == 2 * len(OTHER)
    assert value(part) == pytest.approx(sum(gaps) / len(gaps))
    assert part.ours.seeds == 2


def test_steps_are_of_the_languages_that_are_asked(study: Study):
    for where, languages in (("English", ("en",)), ("other scripts", ("ar", "hi", "th", "zh"))):
        found = Steps(TARGET, where, -1, "model").part(view(study))
        assert (found.ours.languages, found.asked) == (languages, languages)


def test_a_checkpoint_without_a_score_is_no_end_of_a_curve(study: Study):
    """Such as a share of the words of outputs that are all empty: it is not defined, and not 0."""

    def change(job: Job) -> list[Job]:
        curve = tuple(replace(p, value=None) if p.step in (100, 500) else p for p in job.curve)
        return [replace(job, curve=curve)]

    def shorten(job: Job) -> list[Job]:
        return [replace(job, curve=tuple(p for p in job.curve if p.step not in (100, 500)))]

    undefined, absent = (
        Steps(TARGET, "other languages", -1, "model").part(view(changed(study, made)))
        for made in (change, shorten)
    )
    assert undefined == absent
    assert undefined.ours.languages == OTHER


def test_steps_need_two_checkpoints(study: Study):
    short = changed(study, lambda job: [replace(job, curve=job.curve[: len(job.curve) // 5])])
    assert len({point.step for job in short.jobs for point in job.curve}) == 1
    part = Steps(TARGET, "other languages", -1, "model").part(view(short))
    assert (part.ours, part.missing) == (None, "learning curves of MODEL")


def test_above_all_means_above_the_best(study: Study):
    rivals = ("prompt", "prompt, l=1", "prompt, mix-unsup", "model", "model, mix-unsup")
    best = max(rivals, key=lambda row: mean_of(study, row))
    part = AboveAll(TARGET, "other languages", 1, "model, sup").part(view(study))
    assert part.label == f"MODEL, SUP minus the best zero-shot row ({best.upper()})"
    gaps = study.difference(
        "model, sup", best, sizes=("nano", "nano"), languages=OTHER, metric=TARGET
    )
    assert value(part) == pytest.approx(gaps.value)
    assert min(
        study.difference("model, sup", row, sizes=("nano", "nano"), languages=OTHER, metric=TARGET).value
        for row in rivals
    ) == pytest.approx(gaps.value)  # fmt: skip


def test_the_best_is_of_those_with_all_languages(study: Study):
    """A row of one easy language does not beat one of five."""
    best = AboveAll(TARGET, "other languages", 1, "model, sup").part(view(study))
    name = best.label.split("(")[1].rstrip(")").lower()
    gaps = {c: mean_of(study, "model, sup", [c]) - mean_of(study, name, [c]) for c in OTHER}
    easiest = min(gaps, key=lambda code: gaps[code])  # there it is nearer than on average

    def change(job: Job) -> list[Job]:
        # the best row again, but made for one language only
        again = replace(job, row="prompt, fp", target=easiest)
        return [job, again] if job.row == name and job.target in (None, easiest) else [job]

    found = AboveAll(TARGET, "other languages", 1, "model, sup").part(view(changed(study, change)))
    assert found.label == best.label
    assert found.ours.languages == OTHER


@pytest.mark.parametrize("row", ["model, sup", "lead-64", "prompt, sup-all", "prompt, trans-test"])
def test_labels_and_copies_are_no_rivals(study: Study, row: str):
    alone = without(
        study, "prompt", "prompt, l=1", "prompt, mix-unsup", "model", "model, mix-unsup"
    )
    more = (
        changed(
            alone, lambda job: [job, replace(job, row=row)] if job.row == "model, sup" else [job]
        )
        if row != "model, sup"
        else alone
    )
    part = AboveAll(QUALITY, "other languages", 1, "model, sup").part(view(more))
    assert (part.ours, part.missing) == (None, "a zero-shot row")


def printed(row: str, size: str, *, metric: str) -> dict[str, float]:
    """Return a printed row of the other languages: language -> mean."""
    found = {code: published(row, size, language=code, metric=metric) for code in LANGUAGES}
    return {code: cell.mean for code, cell in found.items() if cell and code != "en"}


def gap_of(first: dict[str, float], second: dict[str, float]) -> float:
    gaps = [first[code] - second[code] for code in first if code in second]
    return sum(gaps) / len(gaps)


def test_the_papers_sizes_are_its_largest_and_smallest(study: Study):
    part = Sizes(TARGET, "other languages", 1, "model").part(view(study))
    ((told, gap),) = part.paper
    assert told == "XXL minus SMALL"
    rows = [printed("model", size, metric=TARGET) for size in ("xxl", "small")]
    assert gap == pytest.approx(gap_of(*rows))


def test_the_papers_lengths_are_its_longest_and_shortest(study: Study):
    part = Lengths(TARGET, "other languages", -1).part(view(study))
    assert [told for told, _ in part.paper] == ["BASE (L=1,000)", "XXL (L=1,000)"]
    for (_, gap), size in zip(part.paper, ("base", "xxl"), strict=True):
        rows = [printed(f"prompt, l={n}", size, metric=TARGET) for n in (1000, 1)]
        assert gap == pytest.approx(gap_of(*rows))


def test_the_papers_best_is_of_its_zero_shot_rows(study: Study):
    part = AboveAll(QUALITY, "other languages", 1, "model, sup").part(view(study))
    tactics = ("", ", mix-unsup", ", mix-unsup-all", ", it-gigaword", ", it-lm")
    rivals = [way + what for way in ("prompt", "model") for what in tactics]
    rivals += ["prompt, fp", "prompt, fp-en", *(f"prompt, l={n}" for n in (1, 10, 100, 1000))]
    sup = printed("model, sup", "xxl", metric=QUALITY)
    least = min(gap_of(sup, printed(row, "xxl", metric=QUALITY)) for row in rivals)
    assert part.paper == (("XXL", pytest.approx(least)),)


def test_a_row_that_did_not_run_is_named(study: Study):
    part = AboveAll(QUALITY, "other languages", 1, "prompt, sup").part(view(study))
    assert part.missing == "PROMPT, SUP not in the sweep"
