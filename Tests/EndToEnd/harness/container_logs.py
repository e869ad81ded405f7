"""What container runtimes write to a container's log file, from what its program wrote.

Docker's json-file driver: `daemon/logger/jsonfilelog/jsonlog` in moby. containerd's and CRI-O's format: `kubelet-cri-logging.md` in
kubernetes/design-proposals-archive. Both cut lines after 16 KiB, wherever that is in a character.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

PIECE = 16 << 10


def _pieces(output: bytes) -> Iterator[tuple[bytes, bool]]:
    """Pieces of lines without their newlines, and whether the line ends there. A last line without its end has one all the same."""
    for line in output.removesuffix(b"\n").split(b"\n"):
        while len(line) > PIECE:
            yield line[:PIECE], False
            line = line[PIECE:]
        yield line, True


def _times() -> Iterator[str]:
    """Go's RFC3339Nano leaves out the zeros at the end."""
    for number in range(10**6):
        fraction = f"{number * 1000:09}".rstrip("0")
        yield f"2026-11-29T08:00:01{'.' if fraction else ''}{fraction}"


def docker(output: bytes, stream: str = "stdout") -> bytes:
    """A file of Docker's json-file driver. Bytes that are no UTF-8 become U+FFFD; `<`, `>`, `&` and two line separators are escaped."""
    lines = []
    for (piece, is_end), time in zip(_pieces(output), _times()):
        text = piece.decode(errors="replace") + ("\n" if is_end else "")
        quoted = json.dumps(text, ensure_ascii=False)
        for character in "<>&\u2028\u2029":
            quoted = quoted.replace(character, f"\\u{ord(character):04x}")
        lines.append(f'{{"log":{quoted},"stream":"{stream}","time":"{time}Z"}}\n')
    return "".join(lines).encode()


def cri(output: bytes, stream: str = "stdout") -> bytes:
    """A file as containerd and CRI-O write it: time, stream, P for a part of a line or F for its end, and the bytes as they are."""
    lines = [
        f"{time}+00:00 {stream} {'F' if is_end else 'P'} ".encode() + piece + b"\n"
        for (piece, is_end), time in zip(_pieces(output), _times())
    ]
    return b"".join(lines)


FORMATS: dict[str, Callable[[bytes, str], bytes]] = {"docker": docker, "cri": cri}
