"""Packages are fetched by a private apt from a repository in a folder, verified, and streamed."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from xlgen.errors import InputError
from xlgen.sources.debian import Archive, read_control_members, read_members, sha256_of
from xlgen.sources.licences import deb822, read_copyright

needs_apt = pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt is not installed")

# debian/copyright of gnome-user-docs 43.0 and of libreoffice 7.4 (excerpts).
MACHINE_READABLE = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: gnome-user-docs

Files: *
Copyright: Copyright (C) 2010 - 2014 Shaun McCance
License: CC-BY-SA-3.0
 Creative Commons Attribution-ShareAlike 3.0 Unported

Files: debian/*
Copyright: 2010 Debian GNOME
License: GPL-2+
"""

TEMPLATES = """Template: locales/default_environment_locale
Type: select
Description: Default locale for the system environment:
 Many packages in Debian use locales.
Description-th.UTF-8: โลแคลปริยายสำหรับสภาพแวดล้อมในระบบ:
 หลายแพกเกจในเดเบียนใช้โลแคล
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A configured apt folder whose only source is a folder with the package `xlgen-help`."""
    tree = tmp_path / "tree"
    page = tree / "usr/share/help/th/demo/index.page"
    page.parent.mkdir(parents=True)
    page.write_text("<page><title>ช่วยเหลือ</title></page>", encoding="utf-8")
    (tree / "usr/share/help/C").symlink_to("th")
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(
        "Package: xlgen-help\nVersion: 1:2.0\nArchitecture: all\nMaintainer: a <a@b>\n"
        "Depends: debconf\nDescription: help\n"
    )
    (control / "templates").write_text(TEMPLATES, encoding="utf-8")
    pool = tmp_path / "pool"
    pool.mkdir()
    deb = pool / "xlgen-help_2.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", tree, deb], check=True, capture_output=True)
    (pool / "Packages").write_text(
        (control / "control").read_text()
        + f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\n"
        + f"SHA256: {hashlib.sha256(deb.read_bytes()).hexdigest()}\n"
    )
    configured = tmp_path / "etc"
    (configured / "sources.list.d").mkdir(parents=True)
    (configured / "sources.list").write_text(f"deb [trusted=yes] file:{pool} ./\n")
    return configured


@needs_apt
def test_fetches_once_verifies_and_reports_unknown_names(repository: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "cache", configured=repository)
    downloads = archive.download(["xlgen-help", "no-such-package"])
    assert downloads.unknown == ("no-such-package",)
    path = downloads.files["xlgen-help"]
    assert path.name == "xlgen-help_1%3a2.0_all.deb"
    before = path.stat().st_mtime_ns
    again = Archive(tmp_path / "cache", configured=repository).download(["xlgen-help"])
    assert again.files["xlgen-help"].stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    archive.download(["xlgen-help"])
    assert sha256_of(path) == archive.packages["xlgen-help"].sha256


@needs_apt
def test_streams_only_regular_files(repository: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "cache", configured=repository)
    deb = archive.download(["xlgen-help"]).files["xlgen-help"]
    members = list(read_members(deb, lambda name: True))
    assert [member.name for member in members] == ["usr/share/help/th/demo/index.page"]
    assert "ช่วยเหลือ" in members[0].text
    assert [x.text for x in read_control_members(deb, lambda x: x == "templates")] == [TEMPLATES]


@needs_apt
def test_a_package_that_changed_under_its_checksum_is_refused(
    repository: Path, tmp_path: Path
) -> None:
    archive = Archive(tmp_path / "cache", configured=repository)
    archive.update()
    (deb,) = (tmp_path / "pool").glob("*.deb")
    deb.write_bytes(deb.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"xlgen-help 1:2\.0 did not arrive whole"):
        archive.download(["xlgen-help"])
    assert list((tmp_path / "cache/debs").iterdir()) == []


@needs_apt
def test_a_damaged_package_is_named(tmp_path: Path) -> None:
    deb = tmp_path / "damaged.deb"
    deb.write_bytes(b"!<arch>\nnot a package")
    with pytest.raises(InputError, match=r"damaged\.deb is not a whole Debian package"):
        list(read_members(deb, lambda name: True))


@needs_apt
def test_no_sources_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "etc/sources.list.d").mkdir(parents=True)
    with pytest.raises(InputError, match="no package lists"):
        Archive(tmp_path / "cache", configured=tmp_path / "etc").update()


def test_without_apt_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt-get is not installed"):
        Archive(tmp_path)


@pytest.mark.parametrize(
    ("text", "path", "licence"),
    [
        (MACHINE_READABLE, "help/C/index.page", "CC-BY-SA-3.0"),
        (MACHINE_READABLE, "debian/templates", "GPL-2+"),
        ("This is under the Mozilla Public License Version 2.0", "x", "MPL-2.0"),
        ("Permission is granted to copy under the GNU Free Documentation License", "x", "GFDL"),
        ("You may redistribute it under the terms of the GNU General Public License", "x", "GPL"),
        ("All rights reserved.", "x", ""),
        ("", "x", ""),
    ],
)
def test_licence_is_read_for_the_file(text: str, path: str, licence: str) -> None:
    assert read_copyright(text, path).licence == licence


def test_control_paragraphs_keep_continued_lines() -> None:
    (fields,) = deb822(TEMPLATES)
    assert fields["Description-th.UTF-8"].split("\n")[1] == " หลายแพกเกจในเดเบียนใช้โลแคล"
