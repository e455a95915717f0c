"""Files from a real local server: whole or not there, continued after a cut, and only where it is safe."""

import random
import socket
from urllib.request import Request

import pytest
from full_disk import file_size_limit
from served import serving

from xlgen import download
from xlgen.download import RemoteFile, address_of, downloads, fetch_file
from xlgen.errors import InputError, MissingError

DATA = random.Random(0).randbytes(50_000)
FILE = RemoteFile("folder/numbers", "fifty thousand bytes", 60_000)


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0, 0.0))
    (tmp_path / "far" / "folder").mkdir(parents=True)
    (tmp_path / "far" / "folder" / "numbers").write_bytes(DATA)
    with serving(tmp_path / "far") as server:
        yield server


@pytest.fixture
def near(tmp_path):
    return tmp_path / "cache"


def fetch(server, cache, file=FILE):
    with downloads(server.address, cache=cache) as files:
        return files.fetch(file)


def left(cache):
    return {path.name for path in cache.rglob("*") if path.is_file()} - {".lock"}


def test_a_file_comes_whole_into_its_addresss_folder_and_once(server, near):
    path = fetch(server, near)
    assert path == near / f"localhost_{server.server_port}" / "folder" / "numbers"
    assert path.read_bytes() == DATA
    assert fetch_file(f"{server.address}/folder/numbers", cache=near, what="", most=60_000) == (
        near / f"localhost_{server.server_port}" / "folder" / "numbers"
    )
    assert server.asked == [("folder/numbers", 0, 50_000)]
    assert left(near) == {"numbers"}


def test_names_in_any_script_are_asked_for_as_they_are(server, near):
    names = ["ตัวเลข", "أرقام", "संख्या 1", "数字%20", "số#?"]
    for name in names:
        (server.folder / name).write_bytes(name.encode())
        assert fetch(server, near, RemoteFile(name, "a name", 100)).read_bytes() == name.encode()
    (server.folder / "empty").write_bytes(b"")
    assert fetch(server, near, RemoteFile("empty", "nothing", 0)).read_bytes() == b""
    assert server.names() == [*names, "empty"]


def test_a_cut_file_continues_and_no_byte_is_sent_twice(server, near):
    server.cuts["folder/numbers"] = [10_000, 0, 0, 1, 20_000]
    assert fetch(server, near).read_bytes() == DATA
    starts = [start for _, start, _ in server.asked]
    assert starts == [0, 10_000, 10_000, 10_000, 10_001, 30_001]
    assert server.sent("folder/numbers") == 50_000


def test_a_later_command_continues_what_was_given_up(server, near):
    server.cuts["folder/numbers"] = [12_345, 0, 0, 0, 0]
    with pytest.raises(InputError) as refusal:
        fetch(server, near)
    message = f"{server.address}/folder/numbers: cannot fetch it (cut after 12,345 of 50,000 bytes), 4 tries"
    assert str(refusal.value).startswith(message)
    assert "goes on where it stopped" in str(refusal.value)
    assert left(near) == {"numbers.part"}
    server.cuts.clear()
    assert fetch(server, near).read_bytes() == DATA
    assert server.sent("folder/numbers") == 50_000
    assert left(near) == {"numbers"}


def test_a_server_without_ranges_sends_it_anew(server, near):
    server.ranges = False
    server.cuts["folder/numbers"] = [30_000, 10_000]
    assert fetch(server, near).read_bytes() == DATA
    assert [sent for _, _, sent in server.asked] == [30_000, 10_000, 50_000]


def test_another_range_and_a_part_too_long_are_begun_anew(server, near):
    server.cuts["folder/numbers"] = [30_000]
    server.shift = 5
    assert fetch(server, near).read_bytes() == DATA
    assert [start for _, start, _ in server.asked] == [0, 30_005, 0]  # as answered
    path = near / f"localhost_{server.server_port}" / "folder" / "numbers"
    path.rename(f"{path}.part")
    assert fetch(server, near).read_bytes() == DATA


def test_a_busy_server_is_asked_again(server, near):
    server.statuses["folder/numbers"] = [503, 429]
    assert fetch(server, near).read_bytes() == DATA


def test_chunked_answers_have_an_end_too_and_a_cut_is_seen(server, near):
    server.form = "chunks"
    server.cuts["folder/numbers"] = [20_000]
    assert fetch(server, near).read_bytes() == DATA
    assert len(server.asked) == 2
    assert server.asked[1][1] > 19_000


def test_what_has_no_end_or_is_too_long_is_refused(server, near):
    with pytest.raises(InputError, match=r"has 50,000 bytes; expected a small file, of at most 99"):
        fetch(server, near, RemoteFile("folder/numbers", "a small file", 99))
    server.form = "chunks"
    with pytest.raises(InputError, match=r"has more than 99 bytes; expected a small file"):
        fetch(server, near, RemoteFile("folder/numbers", "a small file", 99))
    server.form = "neither"
    near.joinpath(f"localhost_{server.server_port}", "folder", "numbers.part").unlink()
    with pytest.raises(InputError, match=r"does not say how long it is \(Content-Length\)"):
        fetch(server, near)
    assert "numbers" not in left(near)


@pytest.mark.parametrize("status", [404, 403, 410])
def test_what_is_not_there_is_named_with_what_was_expected(server, near, status):
    server.statuses["folder/numbers"] = [status]
    with pytest.raises(MissingError) as refusal:
        fetch(server, near)
    message = str(refusal.value)
    assert message.startswith(f"{server.address}/folder/numbers: not there ({status}")
    assert message.endswith("expected fifty thousand bytes")
    assert not left(near)
    assert len(server.asked) == 1


def test_without_network_one_line_says_why(near, monkeypatch):
    def unknown(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(download, "PAUSES", (0.0,))
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.delenv("https_proxy", raising=False)
    with pytest.raises(InputError) as refusal:
        fetch_file("https://models.example/x", cache=near, what="", most=1)
    assert "https://models.example/x: cannot fetch it (Name or service not known)" in str(
        refusal.value
    )
    assert "\n" not in str(refusal.value)


def test_redirects_are_followed_where_it_is_safe(server, near):
    server.redirects["folder/numbers"] = f"{server.address}/elsewhere"
    (server.folder / "elsewhere").write_bytes(DATA)
    server.cuts["elsewhere"] = [9]
    assert fetch(server, near).read_bytes() == DATA
    assert server.sent("elsewhere") == 50_000


@pytest.mark.parametrize("to", ["http://models.example/x", "file:///etc/passwd", "ftp://h/x"])
def test_a_redirect_away_from_https_is_refused(server, near, to):
    server.redirects["folder/numbers"] = to
    with pytest.raises(InputError, match=f"{to}.* (only https is followed|is not allowed)"):
        fetch(server, near)
    assert not left(near)


def test_a_redirect_from_https_to_this_machine_is_refused():
    asked = Request("https://models.example/x")
    follow = download._Redirects().redirect_request
    with pytest.raises(InputError, match="only https is followed"):
        follow(asked, None, 302, "", {}, "http://localhost/x")
    assert follow(asked, None, 302, "", {}, "https://other.example/x").host == "other.example"


ADDRESSES = {
    "https://h.example/a/b/": "https://h.example/a/b",
    "gs://t5-data/x": "https://storage.googleapis.com/t5-data/x",
    "https://H.example:8000/a b/ไ%20": "https://h.example:8000/a%20b/%E0%B9%84%20",
    "http://localhost:80/a": "http://localhost:80/a",
    "http://127.0.0.1/a": "http://127.0.0.1/a",
}  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_asked_for_as_written(text):
    assert address_of(text) == ADDRESSES[text]


@pytest.mark.parametrize(
    "text",
    [
        "http://h.example/a", "ftp://h.example/a", "file:///etc", "https://h.example", "https:///a",
        "https://h.example/a/../b", "https://h.example/%2e%2e/b", "https://h.example/a%2F..%2Fb",
        "https://h.example/a//b", "https://h.example/a?x=1", "https://h.example/a#b", "gs://",
        "https://me@h.example/a", "https://h.example:port/a", "https://h.example/a\\..\\b",
        "http://localhost.example/a", "https://[h/a", "https://h.example/a%00",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plain_or_not_safe_is_refused(text):
    with pytest.raises(InputError, match="expected"):
        address_of(text)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/../../x", "a//x", "", "a\\x", "C:x", "a/.", "a\nx"]
)
def test_a_name_that_leaves_the_folder_is_never_asked_for(server, near, name):
    with pytest.raises(InputError, match="is no file's name"):
        fetch(server, near, RemoteFile(name, "", 1))
    assert not server.asked
    assert not left(near)


def test_a_full_disk_keeps_what_has_come(server, near):
    with file_size_limit(20_000), pytest.raises(InputError, match="cannot write it"):
        fetch(server, near)
    assert left(near) == {"numbers.part"}
    assert fetch(server, near).read_bytes() == DATA


def test_many_files_come_side_by_side_and_those_there_are_not_asked_for(server, near, capsys):
    for number in range(40):
        (server.folder / str(number)).write_bytes(bytes([number]) * 1000)
    files = [RemoteFile(str(number), "a number", 1000) for number in range(40)]
    path = fetch(server, near, files[7])
    with downloads(server.address, cache=near) as all_of_them:
        all_of_them.fetch_all(files, "Fetching")
    assert sorted(server.names()) == sorted(map(str, range(40)))
    for number in range(40):
        assert (path.parent / str(number)).read_bytes() == bytes([number]) * 1000


def test_the_first_failure_stops_the_others(server, near):
    files = [RemoteFile(str(number), "a number", 1000) for number in range(2000)]
    for number in range(1, 2000):
        (server.folder / str(number)).write_bytes(b"x")
    with (
        downloads(server.address, cache=near) as all_of_them,
        pytest.raises(MissingError, match="/0: not there"),
    ):
        all_of_them.fetch_all(files, "Fetching")
    assert len(server.asked) < 1000


def test_one_command_at_a_time_fetches_into_a_folder(server, near):
    with (
        downloads(server.address, cache=near),
        pytest.raises(InputError, match="another command fetches into it"),
    ):
        fetch(server, near)
    assert fetch(server, near).is_file()
    (near.parent / "a file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot write there"):
        fetch(server, near.parent / "a file")
