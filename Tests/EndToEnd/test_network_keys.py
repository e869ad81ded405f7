"""Keys of the bus over the network, their files, and a publisher that has none."""

from pathlib import Path

import pytest
import zmq
import zmq.auth
from harness.curve import Network
from harness.process import Arobust


@pytest.fixture
def network(arobust: Arobust) -> Network:
    return Network(arobust)


def test_the_key_files_are_those_of_pyzmq(arobust: Arobust, scratch: Path) -> None:
    made = arobust.run_plain("keys", "new", scratch / "one")
    line = made.output().strip()
    public, secret = zmq.auth.load_certificate(scratch / "one.key_secret")
    assert secret is not None and zmq.curve_public(secret) == public
    assert zmq.auth.load_certificate(scratch / "one.key") == (public, None)
    assert line == f"{public.decode()} one"
    assert (scratch / "one.key_secret").stat().st_mode & 0o777 == 0o600
    before = (scratch / "one.key_secret").read_bytes()
    assert arobust.run_plain("keys", "new", scratch / "one").child.returncode == 1
    assert (scratch / "one.key_secret").read_bytes() == before
    theirs, _ = zmq.auth.create_certificates(scratch, "theirs")
    shown = arobust.run_plain("keys", "public", theirs)
    assert shown.output().strip().encode() == zmq.auth.load_certificate(theirs)[0]


@pytest.mark.parametrize(
    ("left_out", "sentence"),
    [
        ("AROBUST_PUBLISHER_KEY_FILE", "over the network the bus has clients with CURVE keys only"),
        ("AROBUST_PUBLISHER_AUTHORIZED_KEYS", "over the network the bus has clients with CURVE keys only"),
        ("AROBUST_PUBLISHER_LISTEN", "is for publisher.listen, which is not set"),
    ],
)
def test_without_keys_it_does_not_start(arobust: Arobust, network: Network, left_out: str, sentence: str) -> None:
    settings = {name: value for name, value in network.settings.items() if name != left_out}
    ended = arobust.run("collect", environment=settings)
    assert ended.child.returncode == 64 and sentence in ended.log(), ended.tail()


def test_what_is_wrong_with_the_files_is_said(arobust: Arobust, network: Network) -> None:
    network.server.file.chmod(0o644)
    assert "others may read the secret key" in arobust.run("collect", environment=network.settings).log()
    network.server.file.chmod(0o600)
    network.authorized.write_text(f"{network.server.public.decode()} good\nnonsense here\n")
    log = arobust.run("collect", environment=network.settings).log()
    assert "line 2: it must begin with a public key" in log
    network.authorized.unlink()
    assert "there is no file of authorized keys" in arobust.run("collect", environment=network.settings).log()
