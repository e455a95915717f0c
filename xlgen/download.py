"""Files fetched over https into a cache folder: whole or not there, and continued where they were cut off.

Nothing here knows what the files hold. The cache has the address's own folders below it, so that the same
address is found again. A file is `NAME.part` until all of it is there.
"""

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from filelock import FileLock, Timeout

from xlgen.errors import InputError, MissingError
from xlgen.files import REMEDY, reason
from xlgen.progress import Bar, progress

BUCKETS = "https://storage.googleapis.com/"  # where gs://BUCKET/ is to be read without an account
LOCAL = ("localhost", "127.0.0.1", "::1")
AT_ONCE = 8  # ours: files fetched side by side
SECONDS = 60  # without a byte, until a connection counts as cut
# Seconds between tries of a file, ours; a try that brought bytes begins the count anew.
PAUSES = (1.0, 4.0, 15.0)
ABSENT = (401, 403, 404, 410)  # Google's buckets say 403 of what is not there
BUSY = (408, 425, 429, 500, 502, 503, 504)
BEYOND = 416  # a range that the file does not have
BLOCK = 2**20  # bytes
AGAIN = "run the same command again, which goes on where it stopped"


@dataclass(frozen=True)
class RemoteFile:
    """A file below an address: its name, with "/" between folders, what it is, and its most bytes."""

    name: str
    what: str
    most: int


class _CutError(Exception):
    """The connection or the server failed in a way that may pass."""


class _StoppedError(Exception):
    """Another file failed, or the user stopped the command."""


def is_address(text: str) -> bool:
    """Return whether a text is meant as an address rather than as a path or a name.

    >>> is_address("gs://t5-data/vocabs"), is_address("models/mt5")
    (True, False)
    """
    return re.match(r"[A-Za-z][\w+.-]*://", text) is not None


def address_of(text: str) -> str:
    """Return the address as it is asked for; raise `InputError` unless it is https or gs and plain.

    >>> address_of("gs://t5-data/vocabs/mc4.250000.100extra/")
    'https://storage.googleapis.com/t5-data/vocabs/mc4.250000.100extra'
    """
    address = re.sub(r"^gs://", BUCKETS, text)
    try:
        parts = urlsplit(address)
        fits = bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or not _is_safe(address):
        raise InputError(
            f"{text}: expected an address such as https://HOST/FOLDER or gs://BUCKET/FOLDER; http is taken "
            "of localhost only"
        )
    names = [unquote(name) for name in parts.path.strip("/").split("/")]
    if parts.query or parts.fragment or "@" in parts.netloc or not all(map(_is_plain, names)):
        raise InputError(
            f"{text}: expected the plain address of a folder or file, without '?', '#', '@' or '..'"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}/{quote('/'.join(names))}"


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL)


def _is_plain(name: str) -> bool:
    """Return whether a name is that of a file or folder and of nothing else."""
    return name not in ("", ".", "..") and not re.search(r"[\x00-\x1f\x7f/\\:]", name)


def fetch_file(text: str, *, cache: Path, what: str, most: int) -> Path:
    """Fetch the file at an address, of at most `most` bytes, and return where it lies in the cache.

    Raises `InputError` as `Downloads.fetch` does.
    """
    folder, _, name = address_of(text).rpartition("/")
    with downloads(folder, cache=cache) as files:
        return files.fetch(RemoteFile(unquote(name), what, most))


@contextlib.contextmanager
def downloads(address: str, *, cache: Path) -> Iterator["Downloads"]:
    """Give what fetches files below `address` into its folder of the cache, one command at a time.

    Raises `InputError` where another command fetches into the folder, or where it cannot be written.
    """
    host, *names = address.partition("://")[2].split("/")
    folder = cache.joinpath(host.replace(":", "_"), *map(unquote, names))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{folder}: another command fetches into it; wait for it or name another cache"
        ) from None
    except OSError as error:
        raise InputError(f"{folder}: cannot write there ({reason(error)}); {REMEDY}") from error
    with lock:
        yield Downloads(address, folder)


class Downloads:
    """What lies below one address, fetched into one folder; made by `downloads`."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address, self.folder = address, folder
        self._opener = build_opener(_Redirects)
        self._stop = threading.Event()

    def url(self, file: RemoteFile) -> str:
        """Return the address of a file; raise `InputError` for a name that would leave the folder."""
        if not all(map(_is_plain, file.name.split("/"))):
            raise InputError(f"{self.address}: {file.name[:60]!r} is no file's name; do not use it")
        return f"{self.address}/{quote(file.name)}"

    def fetch(self, file: RemoteFile) -> Path:
        """Fetch a file, unless it is there already, and return its path.

        Raises `MissingError` if the server does not have it, and `InputError` if the connection stays cut, it
        has more bytes than it may, or the disk is full. What has come by then is kept.
        """
        url, path = self.url(file), self.folder / file.name
        if path.is_file():
            return path
        part = path.with_name(f"{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._fetch_in_tries(url, part, file)
            part.replace(path)
        except OSError as error:
            raise InputError(
                f"{part}: cannot write it ({reason(error)}); {REMEDY}, and {AGAIN}"
            ) from error
        return path

    def fetch_all(self, files: Sequence[RemoteFile], description: str) -> None:
        """Fetch files, a few at a time, as `fetch` does; the first failure stops the others."""
        missing = [file for file in files if not (self.folder / file.name).is_file()]
        done = len(files) - len(missing)
        with (
            ThreadPoolExecutor(AT_ONCE) as pool,
            progress(len(files), f"{description}, files", done=done) as bar,
        ):
            size = 0
            try:
                for fetched in as_completed([pool.submit(self.fetch, file) for file in missing]):
                    size += fetched.result().stat().st_size
                    bar.advance(note=f"{size / 1e6:,.1f} MB")
            except BaseException:  # Ctrl-C too: the threads end at their next block
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _fetch_in_tries(self, url: str, part: Path, file: RemoteFile) -> None:
        failed = 0
        while True:
            before = _size(part)
            try:
                return self._receive(url, part, file)
            except _CutError as error:
                failed = 1 if _size(part) > before else failed + 1
                if failed > len(PAUSES):
                    raise InputError(
                        f"{url}: cannot fetch it ({error}), {failed} tries; check the network and {AGAIN}"
                    ) from error
            if self._stop.wait(PAUSES[failed - 1]):
                raise _StoppedError

    def _receive(self, url: str, part: Path, file: RemoteFile) -> None:
        """Ask for what is missing of a file, and append it."""
        have = _size(part)
        headers = {"User-Agent": "xlgen", "Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={have}-"} if have else {}
        with self._open(Request(url, headers=headers), part, file) as response:
            start, size = _extent(response, have)
            if start not in (0, have):
                part.unlink()
                raise _CutError(f"asked for bytes from {have:,} on, got those from {start:,} on")
            if size is not None and size > file.most:
                raise InputError(
                    f"{url}: has {size:,} bytes; expected {file.what}, of at most {file.most:,}"
                )
            with (
                part.open("ab" if start else "wb") as out,
                Bar(iter(()), f"Fetching {file.name}, bytes", total=size, done=start) as bar,
            ):
                for block in self._blocks(response):
                    if bar.done + len(block) > file.most:
                        raise InputError(
                            f"{url}: has more than {file.most:,} bytes; expected {file.what}"
                        )
                    out.write(block)
                    out.flush()
                    bar.advance(len(block))
            if size is not None and bar.done != size:
                raise _CutError(f"cut after {bar.done:,} of {size:,} bytes")

    def _open(self, request: Request, part: Path, file: RemoteFile) -> HTTPResponse:
        url = request.full_url
        try:
            response: HTTPResponse = self._opener.open(request, timeout=SECONDS)
            return response
        except HTTPError as error:
            error.close()
            told = f"{error.code} {error.reason}".strip()
            if error.code == BEYOND:
                part.unlink(missing_ok=True)
            if error.code in (BEYOND, *BUSY):
                raise _CutError(told) from error
            if error.code in ABSENT:
                raise MissingError(f"{url}: not there ({told}); expected {file.what}") from error
            raise InputError(f"{url}: the server answered {told}; expected {file.what}") from error
        except (OSError, HTTPException) as error:
            raise _CutError(_cause(error)) from error

    def _blocks(self, response: HTTPResponse) -> Iterator[bytes]:
        """Yield what comes, as it comes."""
        while True:
            if self._stop.is_set():
                raise _StoppedError
            try:
                block = response.read1(BLOCK)
            except (OSError, HTTPException) as error:
                raise _CutError(_cause(error)) from error
            if not block:
                return
            yield block


def _extent(response: HTTPResponse, have: int) -> tuple[int, int | None]:
    """Return where an answer begins and how long the whole file is; None where its end is marked."""
    if response.status == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.getheader("Content-Range", ""))
        if found is None:
            raise _CutError(f"no Content-Range in the answer to a range from {have:,} on")
        return int(found[1]), int(found[2]) + 1 if found[3] == "*" else int(found[3])
    length = response.getheader("Content-Length", "")
    if length.isdecimal():
        return 0, int(length)
    if response.chunked:
        return 0, None
    raise InputError(
        f"{response.url}: the server does not say how long it is (Content-Length), so that a cut would not "
        "be seen; take it from another server"
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _cause(error: BaseException) -> str:
    inner = getattr(error, "reason", error)  # urllib wraps what the system said
    return (reason(inner) if isinstance(inner, Exception) else str(inner)) or type(error).__name__


class _Redirects(HTTPRedirectHandler):
    """Follows redirects to https only, and from localhost to itself."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Return the request that follows a redirect; raise `InputError` if it is not safe."""
        is_local = urlsplit(req.full_url).scheme == "http"
        if urlsplit(newurl).scheme != "https" and not (is_local and _is_safe(newurl)):
            raise InputError(
                f"{req.full_url}: redirects to {newurl[:100]}; only https is followed: take it from another "
                "server"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)
