"""Requests to a publisher's replay socket that would unbalance its books, or that make no sense."""

import json


def falsified(epoch: int) -> list[bytes]:
    def commit(lane: dict[str, object], **keys: object) -> bytes:
        return json.dumps({"op": "commit", "consumer": "stranger", "lanes": [lane], **keys}).encode()

    lane = {"data_type": "GENERIC", "through": [epoch, 1]}
    return [
        commit({**lane, "through": [epoch - 1, 7777]}), commit({**lane, "through": [epoch - 100, 1]}),
        commit({**lane, "through": [epoch + 1, 1]}), commit({**lane, "through": [epoch, 2**64 - 1]}),
        commit({**lane, "through": [2**64 - 1, 2**64 - 1]}), commit({**lane, "ahead": 5}),
        commit({**lane, "data_type": "NEVER"}), commit({**lane, "data_type": "A/B"}),
        commit({**lane, "data_type": "NEVER", "through": [epoch, 0]}), commit({**lane, "data_type": "NEVER", "through": [0, 0]}),
        commit({"data_type": "NEVER", "through": [epoch, 0], "origin": [epoch, 0], "delivered": 5, "lost": {"x": 9}}),
        json.dumps({"op": "commit", "consumer": "stranger", "lanes": [
            {"data_type": f"L{number}", "through": [0, 0]} for number in range(5000)]}).encode(),
        commit({**lane, "delivered": 1}), commit({**lane, "delivered": 0}), commit({**lane, "delivered": 2**64 - 1}),
        commit({**lane, "lost": {"a": 2**64 - 1, "b": 2**64 - 1}}), commit({**lane, "skipped": {"a": 1}}),
        commit({**lane, "through": [epoch, 0], "delivered": 7}), commit({**lane, "changed": {"a": 2**64 - 1, "b": 2**64 - 1}}),
        commit({**lane, "origin": [epoch, 0], "delivered": 0}), commit({**lane, "origin": [epoch, 0], "delivered": 2}),
        commit({**lane, "origin": [epoch, 0], "delivered": 1, "lost": {"a": 1}}),
        commit({**lane, "origin": [epoch, 0], "delivered": 1, "changed": {"a": 2}}),
        commit({**lane, "origin": [epoch, 0], "delivered": 0, "lost": {"\u00e9": 0, "e\u0301": 1, "b": 2**64 - 1}}),
        commit({**lane, "origin": [epoch, 1], "delivered": 9}),
        commit({**lane, "origin": [1, 0], "delivered": 2**64 - 1, "lost": {"a": 2**64 - 1}}),
        commit({**lane, "lost": {str(number): 0 for number in range(3000)}}), commit({**lane, "lost": {"x" * 9000: 1}}),
        commit(lane, state={"error": "e" * 200_000}), commit(lane, state={str(n): "" for n in range(5000)}),
        commit(lane, consumer="n" * 100_000), commit(lane, consumer=""), commit(lane, consumer="a\n2026-01-01 forged"),
        json.dumps({"op": "commit", "consumer": "stranger", "lanes": [lane, lane]}).encode(),
        b'{"op":"commit","consumer":"stranger","consumer":"other"}',
        b'{"op":"commit","consumer":"stranger","lanes":[{"data_type":"GENERIC","through":[%d,1],"through":[%d,0]}]}' % (epoch, epoch),
        b'{"op":"commit","consumer":"stranger","lanes":[{"data_type":"GENERIC","through":[-1,1]}]}',
        b'{"op":"commit","consumer":"stranger","lanes":[{"data_type":"GENERIC","through":[1e400,1]}]}',
        b'{"op":"commit","consumer":"stranger","lanes":{"a":1}}', b'{"op":"commit","lanes":[]}', b"[" * 100_000,
        b'{"op":"forget","consumer":"nobody"}', b'{"op":"replay","data_type":"GENERIC","credit":-1}', b"\xff\xfe{}", b"{",
        b'{"\0":1}', b'{"op\n":1}', b'{"op":"\x1f"}', b'{"', b'{"\\', b'{"\\u', b'{"a":"\\u12',
    ]
