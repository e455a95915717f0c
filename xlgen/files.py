"""Text files, written whole or not at all."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write beside `path` and rename; an interruption, or a full disk, leaves what was there."""
    partial = path.with_name(f".{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        partial.write_text(text, "utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
