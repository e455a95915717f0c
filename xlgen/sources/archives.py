"""Zip and tar archives of data sets, read member by member and never unpacked onto the disk.

What an archive says of itself is checked first: a member named outside of it, a link or a device, or sizes
that no text packs into so little, refuse the whole archive.
"""

import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NoReturn

from xlgen.errors import InputError
from xlgen.files import reason

TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz")
# Ours: text packs to a fourth with gzip, to a tenth where it repeats itself; a bomb to a thousandth.
MOST_PACKED = 200
ALLOWED = 64 * 2**20  # bytes that any archive may hold, however small it is
MOST_MEMBERS = 100_000

Member = tuple[str, bytes]


def is_archive(path: Path) -> bool:
    """Return whether a file's name is that of an archive this module reads.

    >>> is_archive(Path("thai.zip")), is_archive(Path("wikilingua_cleaned.tar.gz"))
    (True, True)
    """
    name = path.name.lower()
    return name.endswith((".zip", *TARS))


def read_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Yield the name and content of each member whose name is `wanted`, in the archive's order.

    Raises `InputError` for an archive that is none, is cut off, or does what no data set has to.
    """
    try:
        yield from _zip(path, wanted) if path.name.lower().endswith(".zip") else _tar(path, wanted)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError,
        NotImplementedError,
    ) as error:  # fmt: skip
        raise InputError(
            f"{path}: not a whole archive ({reason(error).partition(chr(10))[0]}); download it again and"
            " compare its size"
        ) from error


def _zip(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        guard = _Guard(path)
        members = archive.infolist()
        for member in members:
            if stat.S_ISLNK(member.external_attr >> 16):
                guard.refuse(member.filename, "a link")
            if member.flag_bits & 1:
                guard.refuse(member.filename, "encrypted")
            guard.check(member.filename, member.file_size)
        for member in members:
            if not member.is_dir() and wanted(member.filename):
                yield member.filename, archive.read(member)


def _tar(path: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with tarfile.open(path, "r:*") as archive:
        guard = _Guard(path)
        for member in archive:
            if not (member.isreg() or member.isdir()) or member.issparse():
                kind = "a link" if member.issym() or member.islnk() else "no plain file"
                guard.refuse(member.name, kind)
            guard.check(member.name, member.size)
            if member.isreg() and wanted(member.name):
                file = archive.extractfile(member)
                assert file is not None
                data = file.read()
                if len(data) < member.size:
                    raise EOFError(f"{member.name} is cut off")
                yield member.name, data


class _Guard:
    """Names and sizes of an archive so far, against what it takes on the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.most = max(ALLOWED, MOST_PACKED * path.stat().st_size)
        self.size = self.members = 0

    def check(self, name: str, size: int) -> None:
        """Raise `InputError` for a name outside the archive, or more than it may hold."""
        parts = PurePosixPath(name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[:1] or "\0" in name:
            self.refuse(name, "a path out of the archive")
        self.size += size
        self.members += 1
        if self.size > self.most:
            self.refuse(name, f"more than {self.most:,} bytes unpacked with it, as no text packs")
        if self.members > MOST_MEMBERS:
            self.refuse(name, f"more than {MOST_MEMBERS:,} members")

    def refuse(self, name: str, what: str) -> NoReturn:
        raise InputError(
            f"{self.path}: member {name[:80]!r} is {what}; no data set needs that, so nothing of it"
            " is read; download the archive again from its own site"
        )
