import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlgen.config import from_json, override, read_config, to_json
from xlgen.errors import InputError
from xlgen.registry import Table

SHAPES = Table(
    "shape",
    {"circle": f"{__name__}:Circle", "square": f"{__name__}:Square", "sphere": f"{__name__}:Solid"},
)


@dataclass(frozen=True)
class Shape:
    table: ClassVar[Table] = SHAPES
    name: ClassVar[str]


@dataclass(frozen=True)
class Circle(Shape):
    name: ClassVar[str] = "circle"
    radius: float = 1.0

    def __post_init__(self):
        if self.radius < 0:
            raise ValueError(f"expected a radius of 0 or more, got {self.radius}")


@dataclass(frozen=True)
class Square(Shape):
    name: ClassVar[str] = "square"
    side: int = 2


@dataclass(frozen=True)
class Solid:
    """Another kind of entry in the same table."""

    table: ClassVar[Table] = SHAPES
    name: ClassVar[str] = "sphere"


@dataclass(frozen=True)
class Inner:
    steps: int
    path: Path | None = None


@dataclass(frozen=True)
class Run:
    inner: Inner
    shape: Shape = field(default_factory=Circle)
    rate: float = 0.3
    title: str = "ชื่อ"
    mode: Literal["fast", "exact"] = "fast"
    languages: tuple[str, ...] | None = None
    span: tuple[int, float] = (1, 2.0)
    columns: dict[str, str] | None = None
    shapes: tuple[Shape, ...] = ()
    on: bool = False


RUN = Run(Inner(10))


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        Run(
            Inner(1, Path("a/b")), Square(3), 1e-9, "", "exact", ("th", "zh"), (0, -1.5),
            {"input": "article"}, (Circle(2.0), Square()), True,
        ),
    ],
)  # fmt: skip
def test_json_undoes_itself(run, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(to_json(run), ensure_ascii=False), "utf-8")
    assert read_config(Run, path) == run
    assert to_json(run)["shape"]["name"] == run.shape.name


@given(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_values_survive_json(steps, rate, title):
    run = Run(Inner(steps), rate=rate, title=title)
    assert from_json(Run, json.loads(json.dumps(to_json(run)))) == run


@pytest.mark.parametrize(
    "assignments, changed",
    [
        ([], RUN),
        (["inner.steps=20"], Run(Inner(20))),
        (["inner.path=x.jsonl", "rate=1"], Run(Inner(10, Path("x.jsonl")), rate=1.0)),
        (["shape=square", "shape.side=5"], Run(Inner(10), Square(5))),
        (["shape.radius=2"], Run(Inner(10), Circle(2.0))),
        (['languages=["th","hi"]'], Run(Inner(10), languages=("th", "hi"))),
        (['languages=["th"]', "languages=null"], RUN),
        (["title=123"], Run(Inner(10), title="123")),
        (["title=null"], Run(Inner(10), title="null")),
        (["title=a=b"], Run(Inner(10), title="a=b")),
        (["title=ชื่อ ไฟล์"], Run(Inner(10), title="ชื่อ ไฟล์")),
        (
            ['columns={"input":"article"}', "on=true"],
            Run(Inner(10), columns={"input": "article"}, on=True),
        ),
        (["span=[3,4]"], Run(Inner(10), span=(3, 4.0))),
    ],
)
def test_overrides(assignments, changed):
    assert override(RUN, assignments) == changed
    assert Run(Inner(10)) == RUN


@pytest.mark.parametrize(
    "assignment, message",
    [
        ("steps", "expected key=value, got 'steps'; for example"),
        ("stepz=1", "unknown setting 'stepz': known: "),
        ("inner.step=1", r"unknown setting 'inner.step': did you mean steps\?"),
        ("iner.steps=1", r"unknown setting 'iner.steps' at 'iner': did you mean inner\?"),
        ("rate.x=1", "unknown setting 'rate.x' at 'rate'"),
        ("inner.steps=many", "config.inner.steps: expected int, got 'many'"),
        ("inner.steps=1.5", "config.inner.steps: expected int, got 1.5"),
        ("inner.steps=true", "config.inner.steps: expected int, got True"),
        ("on=1", "config.on: expected bool, got 1"),
        ("rate=fast", "config.rate: expected float, got 'fast'"),
        ("rate=NaN", "config.rate: expected float, got 'NaN'"),
        ("rate=1e999", "config.rate: expected a finite number, got inf"),
        ("rate=1" + "0" * 400, "config.rate: expected a finite number, got 1000"),
        ("mode=slow", "config.mode: expected one of fast, exact, got 'slow'"),
        ("languages=th,hi", r"config.languages: expected a list such as \[1, 2\], got 'th,hi'"),
        ("languages=[1]", r"config.languages\[0\]: expected str, got 1"),
        ("shape=sphere", "config.shape: 'sphere' is no Shape; known: circle, square"),
        ('shapes=["sphere"]', r"config.shapes\[0\]: 'sphere' is no Shape"),
        ("columns=[]", r"config.columns: expected an object, got \[\]"),
        ("span=[1]", "config.span: expected 2 values, got 1"),
        ("shape=sqare", r"unknown shape 'sqare': did you mean square\?"),
        ("shape.side=1", "unknown setting 'shape.side'"),
        ("shape.name=3", "expected a name out of circle, square"),
        ("shape.radius=-1", "config.shape: expected a radius of 0 or more, got -1"),
        ("inner=7", "config.inner: expected an object, got 7"),
        (
            'inner={"steps":1,"stps":2}',
            r"config.inner: unknown setting 'stps': did you mean steps\?",
        ),
    ],
)
def test_wrong_overrides_name_setting_and_remedy(assignment, message):
    with pytest.raises(InputError, match=message):
        override(RUN, [assignment])


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", r"config.json: not JSON .*restore it"),
        (b'{"inner": {"steps": 1}', "config.json: not JSON"),
        (b'{"rate": NaN}', "config.json: not JSON .NaN is not JSON"),
        (b"\xff", "config.json: not JSON"),
        (b"[" * 100_000, "config.json: not JSON"),
        (b"[]", r"config.json: expected an object, got \[\]"),
        (b"{}", "config.json: .*'inner'"),
        (
            b'{"inner": {"steps": 1}, "shape": {}}',
            "config.json.shape: expected a name out of circle",
        ),
        (
            b'{"inner": {"steps": 1}, "shape": {"name": ["circle"]}}',
            "expected a name out of circle",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path, data, message):
    path = tmp_path / "config.json"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_config(Run, path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.json: cannot read it \(No such file"):
        read_config(Run, tmp_path / "none.json")


def test_an_object_changes_the_settings_that_it_names_and_no_others():
    run = override(RUN, ['inner={"path": "a"}', 'columns={"input": "x"}', 'columns={"id": "#"}'])
    assert run.inner == Inner(10, Path("a"))
    assert run.columns == {"id": "#"}
    with pytest.raises(InputError, match="did you mean steps"):
        override(RUN, ['inner={"step": 2}'])


@pytest.mark.parametrize("columns", [{}, {"input": "บทความ"}])
def test_a_mapping_is_replaced_whole(columns):
    run = replace(RUN, columns={"input": "article", "id": "#"})
    assert override(run, [f"columns={json.dumps(columns)}"]).columns == columns


def test_a_setting_without_a_default_must_be_in_the_file():
    with pytest.raises(InputError, match=r"config\.inner: .*missing 1 required .*: 'steps'"):
        from_json(Run, {"inner": {}})
