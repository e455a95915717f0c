"""Progress: bars on a terminal, few lines elsewhere, nothing for what is done at once."""

import io
import sys
import time

import pytest
import rich.console

import xlgen.progress
from xlgen.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def redirect(monkeypatch, stream):
    """Make `stream` stderr, and let work count as long from its start."""
    monkeypatch.setattr(xlgen.progress, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(
        xlgen.progress, "Console", lambda stderr: rich.console.Console(file=stream, width=100)
    )
    return stream


def test_items_pass_through_unchanged_and_short_work_is_silent(capsys):
    assert list(progress(iter("สวัสดี"), "Reading")) == list("สวัสดี")
    assert list(progress([], "Reading")) == []
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_there_are_ten_lines_at_most(monkeypatch):
    error_output = redirect(monkeypatch, io.StringIO())
    list(progress(range(1000), "Reading"))
    lines = error_output.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1].startswith("Reading: 1,000/1,000, ")


def test_a_resumed_bar_begins_where_it_was_left(monkeypatch):
    error_output = redirect(monkeypatch, io.StringIO())
    with progress(100, "Training", done=90) as bar:
        bar.advance(5, note="loss 2.50")
        bar.advance(5)
    first, last = error_output.getvalue().splitlines()
    assert first.startswith("Training: 95/100, ")
    assert first.endswith(", loss 2.50")
    assert last.startswith("Training: 100/100")


def test_work_of_unknown_length_says_a_word_now_and_then(monkeypatch):
    error_output = redirect(monkeypatch, io.StringIO())
    list(progress(iter(range(50)), "Reading"))
    assert error_output.getvalue() == ""
    monkeypatch.setattr(xlgen.progress, "QUIET", 0.0)
    list(progress(iter(range(3)), "Reading"))
    assert error_output.getvalue().startswith("Reading: 1, ")


def test_inner_work_does_not_fill_a_log(monkeypatch):
    error_output = redirect(monkeypatch, io.StringIO())
    for _ in progress(range(20), "Outer"):
        list(progress(range(20), "Inner"))
    lines = error_output.getvalue().splitlines()
    assert len(lines) == 10
    assert all(line.startswith("Outer: ") for line in lines)


def test_nested_bars_share_one_display_that_ends_with_the_last(monkeypatch):
    redirect(monkeypatch, Terminal())
    displays = []
    for _ in progress([1, 2, 3], "Outer"):
        for _ in progress([1, 2], "Inner"):
            displays.append(xlgen.progress._DISPLAY._live)
    assert len({id(live) for live in displays if live}) == 1
    assert xlgen.progress._DISPLAY._live is None


def test_a_long_first_item_shows_its_bar(monkeypatch):
    terminal = redirect(monkeypatch, Terminal())
    monkeypatch.setattr(xlgen.progress, "PATIENCE", 0.05)
    for _ in progress([1], "Generating"):
        time.sleep(0.5)
    assert "Generating" in terminal.getvalue()


def test_an_error_inside_takes_the_bar_down(monkeypatch):
    redirect(monkeypatch, Terminal())
    with pytest.raises(KeyError), progress(3, "Training") as bar:
        bar.advance()
        raise KeyError
    assert xlgen.progress._DISPLAY._live is None
