"""The lines of metrics.jsonl once more, drawn for TensorBoard."""

from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter


class Board:
    """A folder of curves, begun with the first line drawn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: SummaryWriter | None = None

    def draw(self, line: dict[str, Any], *, resumed_from: int | None) -> None:
        """Add a line of metrics; what an earlier process drew after `resumed_from` is hidden."""
        if self._writer is None:
            purged = None if resumed_from is None else resumed_from + 1
            self._writer = SummaryWriter(str(self.folder), purge_step=purged)
        for key in ("loss", "learning_rate", "gradient_norm"):
            if key in line:
                self._writer.add_scalar(f"training/{key}", line[key], line["step"])
        for language, scores in line.get("validation", {}).items():
            for key, value in scores.items():
                self._writer.add_scalar(f"validation-{key}/{language}", value, line["step"])

    def close(self) -> None:
        """Write what is not written yet."""
        if self._writer is not None:
            self._writer.close()
