"""Archives of data sets: members come out as they went in; what a data set never does is refused."""

import io
import tarfile
import zipfile

import pytest
from udhr import HARD

from xlgen.errors import InputError
from xlgen.sources.archives import read_members

TEXTS = {f"corpus/{code}.txt": f"{text}\n".encode() for code, text in HARD.items()}
TEXTS["corpus/empty.txt"] = b""


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def tar_member(name, data=b"", **fields):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for field, value in fields.items():
        setattr(member, field, value)
    return member, io.BytesIO(data)


def make_tar(path, *members):
    with tarfile.open(path, "w:" + {".gz": "gz", ".bz2": "bz2"}[path.suffix]) as archive:
        for member, data in members:
            archive.addfile(member, data)
    return path


def refusal(path):
    with pytest.raises(InputError) as caught:
        list(read_members(path, lambda name: True))
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
    return str(caught.value)


def test_members_come_out_as_they_went_in(tmp_path):
    zipped = make_zip(tmp_path / "a.zip", TEXTS)
    gzipped = make_tar(tmp_path / "a.tar.gz", *(tar_member(n, d) for n, d in TEXTS.items()))
    bzipped = make_tar(tmp_path / "a.tar.bz2", *(tar_member(n, d) for n, d in TEXTS.items()))
    for path in (zipped, gzipped, bzipped):
        assert dict(read_members(path, lambda name: True)) == TEXTS
        assert [n for n, _ in read_members(path, lambda name: "th" in name)] == ["corpus/th.txt"]


@pytest.mark.parametrize(
    "name", ["../out.txt", "corpus/../../out.txt", "/etc/out.txt", "..\\out.txt"]
)
def test_paths_out_of_the_archive_are_refused_before_anything_is_read(tmp_path, name):
    good = {"corpus/th.txt": TEXTS["corpus/th.txt"]}
    path = make_zip(tmp_path / "a.zip", {**good, name: b"x"})
    with pytest.raises(InputError, match="a path out of the archive"):
        next(read_members(path, lambda name: True))
    assert "a path out of" in refusal(make_tar(tmp_path / "a.tar.gz", tar_member(name, b"x")))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.FIFOTYPE, "no plain file"),
        (tarfile.CHRTYPE, "no plain file"),
    ],
)
def test_links_and_devices_are_refused(tmp_path, kind, said):
    member = tar_member("corpus/th.txt", type=kind, linkname="/etc/passwd")
    assert said in refusal(make_tar(tmp_path / "a.tar.gz", member))


def test_links_in_a_zip_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("th.txt")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "a link" in refusal(path)


def test_bombs_are_refused_by_what_they_declare(tmp_path):
    zeros = bytes(65 * 2**20)
    assert "bytes unpacked" in refusal(make_zip(tmp_path / "a.zip", {"th.txt": zeros}))
    assert "bytes unpacked" in refusal(make_tar(tmp_path / "a.tar.gz", tar_member("a", zeros)))


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.bz2"])
def test_other_and_truncated_files_are_named(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(
        b"<!DOCTYPE html><title>Quota exceeded</title>"
    )  # what a drive link may answer
    assert "not a whole archive" in refusal(path)
    if suffix == "zip":
        make_zip(path, TEXTS)
    else:
        make_tar(path, *(tar_member(name, data) for name, data in TEXTS.items()))
    path.write_bytes(path.read_bytes()[:-200])
    assert "not a whole archive" in refusal(path)
    assert "not a whole archive" in refusal(tmp_path / f"missing.{suffix}")
