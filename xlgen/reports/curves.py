"""Learning curves of runs as one SVG file, of runs that were never evaluated too, such as pretraining."""

from collections.abc import Sequence
from pathlib import Path

from xlgen.errors import InputError
from xlgen.files import write_whole
from xlgen.reports.figures import draw_curves
from xlgen.reports.read import read_history
from xlgen.reports.svg import standalone
from xlgen.reports.text import one_line


def write_curves(folders: Sequence[Path], out: Path) -> Path:
    """Draw training and validation losses of run folders side by side, each named by its folder.

    Raises `InputError` for a folder without metrics, naming it; then nothing is written.
    """
    histories = [read_history(folder / "metrics.jsonl") for folder in folders]
    for folder, history in zip(folders, histories, strict=True):
        if not history:
            raise InputError(
                f"{folder / 'metrics.jsonl'}: expected the metrics of a run, found none; "
                "name a folder that `xlgen train` wrote"
            )
    picture = draw_curves(histories, [one_line(folder.name) for folder in folders], name="curves")
    assert picture is not None
    write_whole(out, standalone(picture.svg))
    return out
