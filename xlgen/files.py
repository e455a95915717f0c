"""Files written whole or not at all, and JSON objects read with their damage named."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from xlgen.errors import InputError

REMEDY = "free the disk or choose another place"


def write_whole(path: Path, text: str, *, what: str = "it", remedy: str = REMEDY) -> None:
    """Write a text; an interruption, or a full disk, leaves what was there."""
    with replacing(path, what=what, remedy=remedy) as partial:
        partial.write_text(text, "utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, as `write_whole` does; NaN is refused."""
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


@contextlib.contextmanager
def replacing(path: Path, *, what: str = "it", remedy: str = REMEDY) -> Iterator[Path]:
    """Give a name beside `path` to write to; it takes `path`'s place when the block ends well.

    A failure to write, by safetensors and numpy too, raises `InputError`, which names `what` was to be
    written and the `remedy`, and leaves what was there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot write {what} ({reason(error)}); {remedy}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextlib.contextmanager
def new_folder(path: Path, *, what: str = "it", remedy: str = REMEDY) -> Iterator[Path]:
    """Give a folder beside `path` to fill; it becomes `path` when the block ends well.

    `path` must not exist, or be an empty folder; a failure leaves nothing.
    """
    check_new_folder(path, what=what)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot write {what} ({reason(error)}); {remedy}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_new_folder(path: Path, *, what: str = "it") -> None:
    """Raise `InputError` if `path` exists and is not an empty folder; to be asked before long work."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: exists already; name a new folder to write {what} to")


def check_output(path: Path, *, input: Path) -> None:
    """Raise `InputError` unless a file can be written at `path`, and in place of nothing it is made from.

    To be asked before long work, so that its result is not lost. The folder is made if need be.
    """
    if path.exists() and input.exists() and path.samefile(input):
        raise InputError(
            f"{path}: is the input too, which writing would destroy; name another file"
        )
    check_writable(path)


def check_writable(path: Path) -> None:
    """Raise `InputError` unless a file can be written at `path`; its folder is made if need be."""
    if path.is_dir():
        raise InputError(f"{path}: expected a file to write, this is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot write it ({reason(error)}); {REMEDY}") from error


def read_object(path: Path, *, remedy: str) -> dict[str, Any]:
    """Read a JSON file that holds one object; raise `InputError` with `remedy` for anything else."""
    try:
        value = json.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError(f"{path}: cannot read it ({reason(error)}); {remedy}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error}); {remedy}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object, got a {type(value).__name__}; {remedy}")
    return value


def reason(error: Exception) -> str:
    """Return the system's own words for a failure, or the library's where it has none."""
    return getattr(error, "strerror", None) or str(error)
