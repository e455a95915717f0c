"""The file operations a run's safety rests on, one method each, so that tests can fail each in turn."""

import hashlib
import os
import shutil
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor


class Disk:
    """The real one."""

    def make_folder(self, path: Path) -> None:
        """Create a folder and its parents."""
        path.mkdir(parents=True, exist_ok=True)

    def write_tensors(self, path: Path, tensors: dict[str, Tensor]) -> None:
        """Write a safetensors file."""
        save_file(tensors, path)

    def write_bytes(self, path: Path, data: bytes) -> None:
        """Write a file."""
        path.write_bytes(data)

    def append_bytes(self, path: Path, data: bytes) -> None:
        """Append to a file in one system call, so that a kill leaves at most one partial line."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(28, "No space left on device", str(path))
        finally:
            os.close(descriptor)

    def sync(self, path: Path) -> None:
        """Push a file, or a folder's list of names, to the device."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sha256(self, path: Path) -> str:
        """Read a file back and hash it."""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rename(self, path: Path, target: Path) -> None:
        """Move a file over another, or a folder to a free name."""
        path.rename(target)

    def remove_folder(self, path: Path) -> None:
        """Remove a folder with all it holds."""
        shutil.rmtree(path)

    def replace(self, path: Path, data: bytes) -> None:
        """Give a file new contents so that a reader, or a crash, meets the old ones or the new."""
        temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
        try:
            self.write_bytes(temporary, data)
            self.sync(temporary)
            self.rename(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        self.sync(path.parent)
