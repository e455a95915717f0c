"""The store of steps: published by rename, never overwritten, verified when written and when read.

`steps/step-0000100/{state.safetensors, manifest.json}`. A step exists when its folder has that name; it
counts when every file has the size and SHA-256 of the manifest. The folder listing is the only truth:
there is no "latest" link, and no file time is ever looked at.
"""

import contextlib
import hashlib
import json
import logging
import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from xlgen.errors import InputError
from xlgen.training.disk import Disk
from xlgen.training.precision import describe_device, float32_products

log = logging.getLogger(__name__)

STATE, MANIFEST = "state.safetensors", "manifest.json"
FORMAT = 1
_ZEROS = "0" * 64
_STEP_NAME = re.compile(r"step-(\d{7,})")


class DamagedStepError(InputError):
    """A step whose files are not those that were written."""


@dataclass(frozen=True)
class Checkpoint:
    """One verified step: tensors by name, and the JSON facts stored beside them."""

    step: int
    tensors: dict[str, Tensor]
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Return what the method trained, by its own names."""
        prefix = "parameter/"
        return {k.removeprefix(prefix): t for k, t in self.tensors.items() if k.startswith(prefix)}

    def elsewhere(self, own: dict[str, Any]) -> list[str]:
        """Return how a fingerprint differs from the step's, in what the step's version stored."""
        stored = self.facts["fingerprint"]
        return [f"{k} {stored[k]} -> {own[k]}" for k in own if stored.get(k, own[k]) != own[k]]


class CheckpointStore:
    """The steps of one run. One writer at a time; the run folder's lock sees to that."""

    def __init__(self, folder: Path, *, disk: Disk | None = None) -> None:
        self.folder, self.disk = folder, disk or Disk()

    def path(self, step: int) -> Path:
        """Return where a step is, or would be."""
        return self.folder / f"step-{step:07d}"

    def steps(self) -> list[int]:
        """Return the published steps in ascending order, verified or not."""
        if not self.folder.is_dir():
            return []
        matches = (_STEP_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def save(self, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]) -> Path:
        """Publish a step and return its folder. A step that exists is refused, damaged or not.

        Until the rename nothing shows; after it, all of it is on the device. An error leaves the
        store as it was: no operation is tried twice on the same file (Rebello et al. 2020).
        """
        target = self.path(step)
        if target.exists():
            raise InputError(f"{target} exists already; steps are never overwritten")
        temporary = self.folder / f".tmp-{target.name}-{os.getpid()}"
        try:
            self.disk.make_folder(self.folder)
            self._write(temporary, step, tensors, facts)
            self.disk.rename(temporary, target)
            self.disk.sync(self.folder)
        except (OSError, SafetensorError) as error:
            with contextlib.suppress(OSError):
                self.disk.remove_folder(temporary)
            newest = self.steps()[-1:]
            kept = f"step {newest[0]} is intact" if newest else "no step was stored yet"
            raise InputError(
                f"{target}: cannot write step {step} ({_reason(error)}); {kept}: "
                "free the disk and start the run again to continue"
            ) from error
        return target

    def _write(
        self, temporary: Path, step: int, tensors: dict[str, Tensor], facts: dict[str, Any]
    ) -> None:
        self.disk.make_folder(temporary)
        state, manifest = temporary / STATE, temporary / MANIFEST
        self.disk.write_tensors(state, tensors)
        self.disk.sync(state)
        entry = {"sha256": self.disk.sha256(state), "bytes": state.stat().st_size}
        _check_equal(state, tensors)
        content = {"format": FORMAT, "step": step, "files": {STATE: entry}, **facts}
        data = seal(content)
        self.disk.write_bytes(manifest, data)
        self.disk.sync(manifest)
        if manifest.read_bytes() != data:
            raise OSError(5, "read back other bytes than were written", str(manifest))
        self.disk.sync(temporary)

    def read(self, step: int) -> Checkpoint:
        """Read and verify one step; raises DamagedStepError, naming the file, where a byte is not right."""
        facts = self.verify(step)
        path = self.path(step) / STATE
        try:
            tensors = load_file(path)
        except (SafetensorError, OSError) as error:
            _damaged(path, _reason(error))
        return Checkpoint(step, tensors, facts)

    def verify(self, step: int) -> dict[str, Any]:
        """Check a step's sizes and hashes and return its manifest."""
        folder = self.path(step)
        if not folder.is_dir():
            known = ", ".join(map(str, self.steps())) or "none"
            raise InputError(f"{folder}: no such step; the run has: {known}")
        manifest = read_manifest(folder / MANIFEST)
        if manifest.get("step") != step:
            _damaged(folder / MANIFEST, f"it names step {manifest.get('step')}, not {step}")
        for name, entry in manifest["files"].items():
            _verify_file(folder / name, entry, self.disk)
        return manifest

    def read_newest(self, *, warn: Callable[[str], None] = log.warning) -> Checkpoint | None:
        """Return the newest step that verifies; each damaged one is named to `warn` and passed over.

        Returns None for a run without steps. Raises InputError where there are steps, all damaged:
        going back to the start is for the user to decide.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.read(step)
            except DamagedStepError as error:
                warn(f"{error}; trying the step before it")
        if steps:
            raise InputError(
                f"{self.folder}: all {len(steps)} steps are damaged; "
                "restore one from a copy, or delete the folder to start again"
            )
        return None

    def set_aside_newer(self, step: int) -> list[Path]:
        """Rename steps after `step`, damaged ones that were passed over, so that they can be made anew."""
        aside = []
        for newer in self.steps():
            if newer > step:
                target = self._free_name(f"damaged-{self.path(newer).name}")
                self.disk.rename(self.path(newer), target)
                aside.append(target)
        return aside

    def prune(self, *, keep: int, best: int | None = None) -> list[int]:
        """Remove old steps; the newest `keep` that verify and `best` stay. Returns those removed.

        Damaged steps are left for their owner to look at. A step leaves by rename first, so that a kill
        in the middle never leaves half a step under a step's name.
        """
        if keep < 1:
            raise ValueError(f"expected to keep at least 1 step, got {keep}")
        kept, removed = 0, []
        for step in reversed(self.steps()):
            try:
                self.verify(step)
            except DamagedStepError as error:
                log.warning("%s", error)
                continue
            kept += 1
            if kept > keep and step != best:
                self._remove(step)
                removed.append(step)
        return removed

    def _remove(self, step: int) -> None:
        trash = self._free_name(f".trash-{self.path(step).name}")
        self.disk.rename(self.path(step), trash)
        self.disk.remove_folder(trash)

    def sweep(self) -> None:
        """Remove what a killed writer left behind. Only for the holder of the run folder's lock."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name.startswith((".tmp-", ".trash-")):
                    self.disk.remove_folder(path)

    def _free_name(self, name: str) -> Path:
        path, number = self.folder / name, 1
        while path.exists():
            number += 1
            path = self.folder / f"{name}-{number}"
        return path


def seal(content: dict[str, Any]) -> bytes:
    """Write a manifest that holds its own SHA-256, taken with zeros in the hash's place."""
    data = json.dumps({"sha256": _ZEROS, **content}, indent=1, allow_nan=False).encode()
    return data.replace(_ZEROS.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def _seal_holds(data: bytes, manifest: dict[str, Any]) -> bool:
    own = str(manifest.get("sha256")).encode()
    unsealed = data.replace(own, _ZEROS.encode(), 1)
    return len(own) == 64 and hashlib.sha256(unsealed).hexdigest().encode() == own


def read_manifest(path: Path) -> dict[str, Any]:
    """Parse a manifest strictly: an object, no NaN or infinity, plain file names, known format."""
    try:
        data = path.read_bytes()
        manifest = json.loads(data.decode(), parse_constant=_no_constant)
    except (OSError, ValueError, RecursionError) as error:
        _damaged(path, _reason(error))
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        _damaged(path, "no list of files in it")
    if not _seal_holds(data, manifest):
        _damaged(path, "its SHA-256 is not the one it names")
    if manifest.get("format") != FORMAT:
        raise InputError(
            f"{path}: format {manifest.get('format')!r}, this xlgen reads {FORMAT}; update xlgen"
        )
    if STATE not in manifest["files"] or any(Path(n).name != n for n in manifest["files"]):
        _damaged(path, f"expected {STATE} and plain file names")
    return manifest


def _verify_file(path: Path, entry: Any, disk: Disk) -> None:
    try:
        size, expected = path.stat().st_size, entry["bytes"]
        if size != expected:
            _damaged(path, f"{size} bytes, {expected} were written")
        if disk.sha256(path) != entry["sha256"]:
            _damaged(path, "its SHA-256 is not the one in the manifest")
    except (OSError, KeyError, TypeError) as error:
        _damaged(path, _reason(error))


def _check_equal(path: Path, tensors: dict[str, Tensor]) -> None:
    with safe_open(path, framework="pt") as file:
        for name, tensor in tensors.items():
            # bytes, for NaN is not equal to itself
            stored, own = file.get_tensor(name).flatten(), tensor.flatten()
            if not torch.equal(stored.view(torch.uint8), own.view(torch.uint8)):
                raise OSError(5, f"read back another {name} than was written", str(path))


def _damaged(path: Path, reason: str) -> NoReturn:
    raise DamagedStepError(
        f"{path}: damaged ({reason}); restore it from a copy or use another step"
    )


def _no_constant(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()) or type(error).__name__


def fingerprint(device: torch.device) -> dict[str, Any]:
    """Return what a promise of equal bits depends on, besides the configuration."""
    return {
        "device": describe_device(device),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "products": float32_products(),
        "machine": platform.machine(),
    }
