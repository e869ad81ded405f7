"""Random metrics, from a seed, that nobody should publish, to test the guard in front of a master."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from .xpu_timer_page import hang_page

TYPES = ("XPU_TIMER_METRIC", "TRAINING_LOG", "STACK_TRACE", "GENERIC", "x.Y-z_1")
KEYS = ("timestamp", "data_type", "data_content", "node_id", "node_type", "node_rank", "is_final_result", "need_report")
LINE_BREAKS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
STRANGE = (
    "\x00", "\x1b[31m", "\x7f", "\ud800", "\udfff", "\ud83d", "é", "世界", "😀", '"', "\\", "\\u0000", "\ufeff", "\uffff", "١", "1", "𝟏",
    "XPU_TIMER_COMMON_HANG", "\t", " ",
)  # fmt: skip
VALUES = (
    "0", "1", "1.0", "0.0", "1e0", "1E+00", "+1", "-0", "2", "-1", "NaN", "Inf", "0x1", "0x1p0", "1_0", "1,0", "01", "١", "",
    "1 1730000000000", "0 1.5", "1 2 3", "1 # a 0", "1\t", " 1 ", "1 NaN", "true", "9" * 400, "1" + "0" * 400, "0." + "0" * 400 + "1",
)  # fmt: skip
NUMBERS: tuple[Any, ...] = (
    -1, 1.5, 1e3, 1e999, 2**31, 2**63, -(2**63) - 1, 10**400, "0", "", None, True, [], {}, float("nan"),
)  # fmt: skip


@dataclass
class Arbitrary:
    """One envelope as a foreign publisher might send it: the contents of topic and header, and a body."""

    data_type: str
    node_type: str
    rank: int
    collected: int
    body: bytes


class Source:
    def __init__(self, seed: int, now: int) -> None:
        self.random = random.Random(seed)
        self.now = now

    def next(self) -> Arbitrary:
        pick = self.random
        metric: dict[str, Any] = self.metric()
        envelope = Arbitrary(metric["data_type"], "worker", metric["node_rank"], metric["timestamp"], b"")
        kind = pick.random()
        if kind < 0.1:
            metric[pick.choice(KEYS)] = pick.choice(NUMBERS)
        elif kind < 0.15:
            del metric[pick.choice(KEYS)]
        elif kind < 0.2:
            metric[pick.choice(("stack", "", "timestamp ", "__class__", "data_content\x00", "\ud800"))] = pick.choice(NUMBERS)
        elif kind < 0.3:
            self._disagree(metric)
        envelope.body = self._encode(metric)
        if kind > 0.9:
            envelope.body = self._mangle(envelope.body)
        return envelope

    def metric(self) -> dict[str, Any]:
        """A well-formed metric whose contents may be wrong."""
        pick = self.random
        data_type = pick.choice(TYPES)
        return {
            "timestamp": self.timestamp(),
            "data_type": data_type,
            "data_content": self.page() if data_type == TYPES[0] and pick.random() < 0.8 else self.text(),
            "node_id": pick.choice((0, 1, 7, -1, 2**31 - 1)),
            "node_type": "worker",
            "node_rank": pick.randrange(40),  # mostly each sample in its own slot
            "is_final_result": pick.random() < 0.5,
            "need_report": False,
        }

    def timestamp(self) -> int:
        pick = self.random
        if pick.random() < 0.7:
            return self.now - pick.randrange(-30, 500)
        return pick.choice(
            (0, 1, -1, -(2**62), 2**63 - 1, self.now * 1000, self.now * 10**6, self.now * 10**9, self.now + 3600, self.now - 3600)
            + (-self.now, 253402300800, 67767976233532800, -62135596801, self.now + 61, self.now - 601)
        )

    def text(self) -> str:
        pick = self.random
        size = pick.choice((0, 1, 10, 10, 1000, 1000, 70_000)) if pick.random() < 0.98 else 1_200_000
        pieces = [pick.choice(STRANGE + LINE_BREAKS + ("a line", "x" * 50)) for _ in range(min(size, 300))]
        text = "".join(pieces)
        return (text * (1 + size // max(1, len(text))))[:size]

    def page(self) -> str:
        """XPUTimer's page, mangled."""
        pick = self.random
        page = hang_page(pick.choice(VALUES), lines=pick.choice((0, 3, 3, 3, 3000)), hang_last=pick.random() < 0.3)
        lines = page.splitlines()
        for _ in range(pick.choice((0, 0, 1, 3))):
            at = pick.randrange(len(lines))
            line = lines[at]
            cut = pick.randrange(len(line) + 1)
            lines[at] = pick.choice((
                line[:cut], line[cut:], line[:cut] + pick.choice(STRANGE) + line[cut:], " " + line, line + pick.choice(VALUES),
                line[:cut] + pick.choice(LINE_BREAKS) + line[cut:], line.replace("HANG", "HANGS"), line.lower(), line.replace('"', "'"),
                line.replace('rank="', 'rank="\\"} 1 {x="'), line * 50,
            ))  # fmt: skip
        return pick.choice(LINE_BREAKS).join(lines) if pick.random() < 0.2 else "\n".join(lines)

    def _disagree(self, metric: dict[str, Any]) -> None:
        key, value = self.random.choice((
            ("timestamp", self.now), ("data_type", "GENERIC"), ("data_type", "XPU_TIMER_METRIC"), ("node_rank", 41), ("node_type", "ps"),
            ("data_type", ""), ("node_type", "a/b"), ("data_type", "é"), ("data_type", "$beat"),
        ))  # fmt: skip
        metric[key] = value

    def _encode(self, metric: dict[str, Any]) -> bytes:
        text = json.dumps(metric, ensure_ascii=self.random.random() < 0.7)
        if self.random.random() < 0.05:
            text = text[:-1] + ', "data_type": "GENERIC"}'  # a key twice
        if self.random.random() < 0.05:
            text = f" \t\r\n{text.replace(', ', ' , ')}\n"
        return text.encode(errors="surrogatepass")

    def _mangle(self, body: bytes) -> bytes:
        pick = self.random
        at = pick.randrange(len(body))
        return pick.choice((
            b"", b"[]", b"null", b"\xef\xbb\xbf" + body, body[:at], body + b"}", body + body, b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe",
            body[:at] + bytes([pick.randrange(256)]) + body[at + 1 :], body.replace(b"false", b"False"), body.replace(b'"', b"'"),
            body.decode(errors="replace").encode("utf-16"), b"\x00" * 100,
        ))  # fmt: skip


# Not envelopes of this version: to be dropped without a trace in any lane.
NO_ENVELOPES: tuple[tuple[bytes, ...], ...] = (
    (b"GENERIC/worker/0/",), (b"GENERIC/worker/0/", b"short", b"{}"), (b"GENERIC/worker/0/", bytes(56), b"{}"), (b"", b"", b""),
    (b"GENERIC/worker/0/", b"AROB\x02" + bytes(51), b"{}"), (b"GENERIC", b"AROB\x01" + bytes(51), b"{}"),
    (b"GENERIC/worker/0/", b"AROB\x01" + bytes(51), b"{}", b"more"), (b"GENERIC/worker/-1/", b"AROB\x01" + bytes(51), b"{}"),
    (b"$beat/", b"AROB\x01" + bytes(51), b"{"), (b"$unknown/", b"AROB\x01" + bytes(51), b"{}"),
)  # fmt: skip
