"""A printed cell and ours: the difference is ours minus the paper's."""

import io

from rich.console import Console

from xlgen.reports.published import published
from xlgen.reports.reproduced import Compared, comparison_table
from xlgen.reports.study import Summary


def test_the_difference_is_ours_minus_the_papers():
    paper = published("prompt, fp", "base", language="th", metric="lid")  # printed as 40.0
    ours = Summary(31.5, 1.25, seeds=2, of=3)
    cells = [Compared(paper, ours), Compared(paper, None)]
    assert [cell.difference for cell in cells] == [-8.5, None]
    told = [cell.to_json() for cell in cells]
    assert [(t["ours"], t["ours_std"], t["ours_seeds"], t["difference"]) for t in told] == [
        (31.5, 1.25, 2, -8.5), (None, None, 0, None),
    ]  # fmt: skip
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(comparison_table(cells))
    first, second = (line for line in console.export_text().split("\n") if "prompt, fp" in line)
    assert first.split()[-5:] == ["31.5", "±1.2", "40.0", f"±{paper.std:.1f}", "-8.5"]
    assert second.split()[-4:] == ["–", "40.0", f"±{paper.std:.1f}", "–"]
