"""Fetch Debian packages with the machine's configured apt, and read files out of them.

Nothing of the system changes: apt runs with a configuration of its own, whose lists, cache and
downloads lie in one cache folder. Packages are streamed, never unpacked to disk or installed.
"""

import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from xlgen.errors import InputError
from xlgen.progress import progress

MEMBER_BYTES = 32 * 2**20  # no text file we read comes near; a larger member is passed over
PACKAGES_PER_CALL = 24  # apt-get starts slowly, but one call for all would show no progress

# Translated package descriptions that apt is asked for (Debian's own codes).
DESCRIPTION_LANGUAGES = (
    "en", "ar", "cs", "de", "es", "fr", "hi", "id", "it", "ja", "ko", "nl", "pt", "pt_BR", "ru",
    "th", "tr", "vi", "zh", "zh_CN",
)  # fmt: skip

# Settings of the machine's apt that we replace; its proxies, certificates and checks are kept.
REPLACED = ("Languages", "IndexTargets", "GzipIndexes", "CompressionTypes", "cdrom", "Changelogs")

INDEX_TARGET = (
    'Acquire::IndexTargets::deb::{name} {{ MetaKey "{path}"; ShortDescription "{name}"; '
    'Description "{name}"; KeepCompressed "true"; KeepCompressedAs "gz"; '
    'DefaultEnabled "true"; }};'
)
INDEXES = {
    "Contents-deb": "$(COMPONENT)/Contents-$(ARCHITECTURE)",
    "DEP-11": "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml",
}


@dataclass(frozen=True)
class Package:
    """A package that the archive offers: what is needed to fetch, verify and attribute it."""

    name: str
    version: str
    architecture: str
    size: int
    sha256: str
    depends: str
    path: str  # in the archive

    @property
    def file_name(self) -> str:
        """Return the name that `apt-get download` gives the file."""
        version = self.version.replace(":", "%3a")
        return f"{self.name}_{version}_{self.architecture}.deb"


@dataclass(frozen=True)
class Downloads:
    """The verified files by package name, and the names that no configured archive knows."""

    files: dict[str, Path]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Member:
    """A regular file inside a package; `name` has no leading `./`."""

    name: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", errors="replace")


class Archive:
    """The configured archives, seen through a private apt whose every file is under `cache`."""

    def __init__(self, cache: Path, *, configured: Path = Path("/etc/apt")) -> None:
        for program in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"):
            if shutil.which(program) is None:
                raise InputError(
                    f"{program} is not installed: data sets are built from Debian packages; "
                    "use the packaged data, or build on Debian or Ubuntu"
                )
        self.state = cache.absolute() / "apt"
        self.debs = cache.absolute() / "debs"
        self.configured = configured

    @cached_property
    def packages(self) -> dict[str, Package]:
        """The newest version of every package, by name; fetches the lists when there are none."""
        self.update()
        return {package.name: package for package in _packages(self._apt("apt-cache", "dumpavail"))}

    def update(self) -> None:
        """Fetch the archive's lists, unless they were fetched before (delete `apt/` to renew)."""
        if (self.state / "complete").exists():
            return
        self._configure()
        problem = ""
        for command in progress([("apt-get", "update")], "Fetching package lists"):
            problem = self._apt_problem(*command)
        if not self.index_files("Packages"):
            raise InputError(
                f"apt fetched no package lists with the sources of {self.configured}"
                f"{problem and ': ' + problem}; check the network and the sources"
            )
        (self.state / "complete").touch()

    def index_files(self, kind: str) -> list[Path]:
        """Return the fetched index files of a kind: Packages, Translations, or one of INDEXES."""
        form = "$(CREATED_BY) $(FILENAME)"
        lines = self._apt("apt-get", "indextargets", "--format", form).split("\n")
        files = [line.split(" ", 1)[1] for line in lines if line.startswith(f"{kind} ")]
        return sorted(path for name in files for path in _fetched(Path(name)))

    def packages_holding(self, folder: str) -> dict[str, list[str]]:
        """Return, for each package with files below `folder`, the sorted paths of those files.

        `folder` has no leading slash: `usr/share/help/`.
        """
        self.update()
        holding: dict[str, list[str]] = {}
        for index in self.index_files("Contents-deb"):
            with gzip.open(index, "rt", encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if line.startswith(folder):
                        path, places = line.rstrip("\n").rsplit(None, 1)
                        for place in places.split(","):
                            holding.setdefault(place.rsplit("/", 1)[-1], []).append(path)
        return {name: sorted(set(paths)) for name, paths in sorted(holding.items())}

    def download(self, names: Collection[str]) -> Downloads:
        """Fetch packages into the cache; files that are there and whole are kept.

        A run that was cut off continues: each finished batch stays. Raises `InputError` when a
        known package cannot be fetched.
        """
        wanted = [self.packages[name] for name in sorted(set(names)) if name in self.packages]
        unknown = tuple(sorted(set(names) - self.packages.keys()))
        self.debs.mkdir(parents=True, exist_ok=True)
        missing = [package for package in wanted if not self._is_whole(package)]
        batches = [
            missing[start : start + PACKAGES_PER_CALL]
            for start in range(0, len(missing), PACKAGES_PER_CALL)
        ]
        if missing:
            for batch in progress(batches, "Fetching packages"):
                self._fetch(batch)
        return Downloads(
            {package.name: self.debs / package.file_name for package in wanted}, unknown
        )

    def _is_whole(self, package: Package) -> bool:
        path = self.debs / package.file_name
        return (
            path.exists()
            and path.stat().st_size == package.size
            and sha256_of(path) == package.sha256
        )

    def _fetch(self, batch: list[Package]) -> None:
        with tempfile.TemporaryDirectory(dir=self.debs, prefix="incoming-") as incoming:
            names = [f"{package.name}={package.version}" for package in batch]
            problem = self._apt_problem("apt-get", "download", *names, folder=Path(incoming))
            for package in batch:
                path = Path(incoming, package.file_name)
                if path.exists() and sha256_of(path) == package.sha256:
                    path.replace(self.debs / package.file_name)
                else:
                    raise InputError(
                        f"package {package.name} {package.version} did not arrive whole"
                        f"{problem and ': ' + problem}; run again to continue, or delete "
                        f"{self.state} to renew the package lists"
                    )

    def _configure(self) -> None:
        for folder in ("lists/partial", "cache/archives/partial", "empty"):
            (self.state / folder).mkdir(parents=True, exist_ok=True)
        sources = self.configured / "sources.list"
        kept = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
        lines = [
            *(line for line in kept.split("\n") if _is_kept(line)),
            f'Dir::Etc::sourcelist "{sources if sources.exists() else "/dev/null"}";',
            f'Dir::Etc::sourceparts "{self.configured / "sources.list.d"}";',
            f'Dir::Etc::main "/dev/null"; Dir::Etc::parts "{self.state / "empty"}";',
            f'Dir::State::lists "{self.state / "lists"}"; Dir::Cache "{self.state / "cache"}";',
            'APT::Sandbox::User "root";' if os.geteuid() == 0 else "",
            "Acquire::Languages { " + " ".join(f'"{x}";' for x in DESCRIPTION_LANGUAGES) + " };",
            *(INDEX_TARGET.format(name=name, path=path) for name, path in INDEXES.items()),
        ]
        (self.state / "apt.conf").write_text("\n".join(lines) + "\n")

    def _run(self, *command: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "APT_CONFIG": str(self.state / "apt.conf"),
            "LC_ALL": "C.UTF-8",
        }
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace"
        )

    def _apt(self, *command: str) -> str:
        result = self._run(*command)
        if result.returncode != 0:
            raise InputError(f"{' '.join(command[:2])} failed: {_last_line(result.stderr)}")
        return result.stdout

    def _apt_problem(self, *command: str, folder: Path | None = None) -> str:
        """Run apt and return its last word on what failed, empty when nothing did."""
        result = self._run(*command, folder=folder)
        return "" if result.returncode == 0 else _last_line(result.stderr)


def read_members(deb: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Stream the regular files of a package whose name `wanted` accepts, in archive order."""
    return _read_tar(deb, "--fsys-tarfile", wanted)


def read_control_members(deb: Path, wanted: Callable[[str], bool]) -> Iterator[Member]:
    """Stream the package's control files (`templates`, `control`, …) that `wanted` accepts."""
    return _read_tar(deb, "--ctrl-tarfile", wanted)


def read_link(deb: Path, path: str) -> str | None:
    """Return where a package's symbolic link at `path` points; None when there is no such link."""
    with _dpkg_deb(deb, "--fsys-tarfile") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        links = [x.linkname for x in tar if x.issym() and x.name.removeprefix("./") == path]
    return links[0] if links else None


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_tar(deb: Path, part: str, wanted: Callable[[str], bool]) -> Iterator[Member]:
    with _dpkg_deb(deb, part) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        for entry in tar:
            name = entry.name.removeprefix("./")
            if entry.isreg() and entry.size <= MEMBER_BYTES and wanted(name):
                file = tar.extractfile(entry)
                assert file is not None, "a regular file has content"
                yield Member(name, file.read())


@contextmanager
def _dpkg_deb(deb: Path, part: str) -> Iterator[IO[bytes]]:
    command = ["dpkg-deb", part, str(deb)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
            while process.stdout.read(2**20):
                pass  # the end of the tar, so that dpkg-deb can tell whether all was well
        except tarfile.TarError:
            process.kill()
            raise InputError(
                f"{deb} is not a whole Debian package; delete it and run again"
            ) from None
        except GeneratorExit:
            process.kill()
            raise
    if process.returncode != 0:
        raise InputError(f"{deb} is not a whole Debian package; delete it and run again")


def _packages(available: str) -> Iterator[Package]:
    for paragraph in available.split("\n\n"):
        fields = dict(re.findall(r"^([A-Z][\w-]+): (.*)$", paragraph, re.M))
        if "SHA256" in fields:
            depends = ", ".join(fields[x] for x in ("Pre-Depends", "Depends") if x in fields)
            yield Package(
                fields["Package"],
                fields["Version"],
                fields["Architecture"],
                int(fields["Size"]),
                fields["SHA256"],
                depends,
                fields.get("Filename", ""),
            )


def _fetched(path: Path) -> list[Path]:
    """Return where apt put an index: as named, or compressed beside that name."""
    return [place for place in (path, path.with_name(path.name + ".gz")) if place.exists()][:1]


def _is_kept(line: str) -> bool:
    return line.startswith("Acquire::") and not line.startswith(
        tuple(f"Acquire::{name}" for name in REPLACED)
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["it said nothing"])[-1]
