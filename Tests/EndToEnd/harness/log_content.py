"""What docs/collectors.md says that a master gets of a log's bytes: all of them, apart from a few rules."""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTINUED = "[arobust: line continued] "
CONTINUES = " [arobust: line continues]"
HOLE = re.compile(rb"\0{4,}")


@dataclass(frozen=True)
class Line:
    """A line of a log: all of it, or the states that a progress bar went through, the last one being what stays."""

    states: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.states[-1]


def lines_of(log: bytes) -> list[Line]:
    """The lines that a master must get, in their order."""
    log = log.removeprefix(b"\xef\xbb\xbf")
    if not log:
        return []
    return [line for raw in log.removesuffix(b"\n").split(b"\n") for line in _parts(raw)]


def _parts(raw: bytes) -> list[Line]:
    """A line, or several where holes end it. A hole at its beginning or end leaves nothing."""
    if not HOLE.search(raw):
        return [_line(raw)]
    return [_line(part) for part in HOLE.split(raw) if part] or [_line(b"")]


def _line(raw: bytes) -> Line:
    content = raw.removesuffix(b"\r")
    if b"\r" not in content:
        return Line((_text(raw),))
    states = tuple(_text(state) for state in content.split(b"\r") if state)
    return Line(states or ("",))


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def received_lines(contents: list[str]) -> list[str]:
    """The lines of all metrics, with pieces of long lines put together again."""
    found: list[str] = []
    is_open = False
    for line in (line for content in contents for line in content.split("\n")):
        is_continued = line.endswith(CONTINUES)
        line = line.removesuffix(CONTINUES)
        if is_open:
            found[-1] += line
        elif line.startswith(CONTINUED) and found:
            found[-1] += line.removeprefix(CONTINUED)
        else:
            found.append(line)
        is_open = is_continued
    return found


def difference(log: bytes, contents: list[str]) -> str | None:
    """The first place where what a master has got is not what it must get, in words; nothing if all is as it must be."""
    received = received_lines(contents) if contents else []
    places = {0}  # several where a bar's last state is one that it was in before
    for number, line in enumerate(lines_of(log), 1):
        furthest = max(places)
        places = {end for at in places for end in _ends(line, received, at)}
        if not places:
            came = f"came as {received[furthest]!r:.300}" if furthest < len(received) else "has not come"
            return f"line {number}, {line.text!r:.300}, {came}"
    return None if len(received) in places else f"too much came: {received[max(places) :]!r:.300}"


def _ends(line: Line, received: list[str], at: int) -> list[int]:
    """Where the line may end among those that came, if it begins there. A bar's earlier states may come while it moves, in their order."""
    ends: list[int] = []
    state = 0
    while at < len(received) and received[at] in line.states[state:]:
        if received[at] == line.text:
            ends.append(at + 1)
        state = line.states.index(received[at], state) + 1
        at += 1
    return ends
