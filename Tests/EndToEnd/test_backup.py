"""What whoever has a copy of a state directory or of a console's store does not find in it."""

from pathlib import Path

from harness.console import Console
from harness.process import Arobust, wait_until

TOKEN = "a-token-that-is-kept-nowhere-0123"


def test_no_token_is_in_what_is_kept(arobust: Arobust, scratch: Path) -> None:
    token, log = scratch / "token", scratch / "train.log"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    console = Console(scratch, "--token-file", token, "--web-token-file", token)
    try:
        console.start()
        log.write_text("line 1\n")
        flags = ["--master", console.master, "--log-file", log]
        agent = arobust.start_ready("agent", *flags, environment={"AROBUST_DELIVERY_TOKEN_FILE": str(token)})
        kept = [arobust.state, console.store]
        store = console.store / "console.sqlite"
        wait_until(lambda: found(b"line 1", [console.store]), lambda: f"the line in {store}; {agent.tail()}")
        wait_until(lambda: (console.store / "session").exists(), "the browsers' secret")
        assert agent.stop() == 0
        assert console.process and console.process.stop() == 0
        assert found(b"line 1", kept[:1]) and found(b"line 1", kept[1:]), "the search itself"
        assert not found(TOKEN.encode(), kept)
    finally:
        console.kill()


def found(text: bytes, folders: list[Path]) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]
