"""Keys and JWTs of NATS, by openssl: what `nsc` makes, for servers that know nobody by name."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
SEED = 18 << 3


def encoded(raw: bytes) -> str:
    """Base32 with a checksum (CRC-16/XMODEM) behind, as NATS writes keys."""
    checksum = 0
    for byte in raw:
        checksum ^= byte << 8
        for _ in range(8):
            checksum = (checksum << 1 ^ 0x1021 if checksum & 0x8000 else checksum << 1) & 0xFFFF
    return base64.b32encode(raw + checksum.to_bytes(2, "little")).decode().rstrip("=")


def openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=data, stdout=subprocess.PIPE, check=True).stdout


class Key:
    """An Ed25519 key of an operator, an account or a user."""

    def __init__(self, folder: Path, kind: str, name: str) -> None:
        folder.mkdir(exist_ok=True)
        self.kind, self.name = kind, name
        self.file = folder / f"{name}.der"
        self.file.write_bytes(openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER"))
        prefix = PREFIXES[kind]
        # The last 32 bytes of both forms are the key itself.
        secret = self.file.read_bytes()[-32:]
        public = openssl("pkey", "-inform", "DER", "-in", self.file, "-pubout", "-outform", "DER")[-32:]
        self.public = encoded(bytes([prefix]) + public)
        self.seed = encoded(bytes([SEED | prefix >> 5, (prefix & 31) << 3]) + secret)

    def sign(self, data: bytes) -> bytes:
        message = self.file.with_suffix(".message")  # openssl wants to know its size
        message.write_bytes(data)
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.file, "-keyform", "DER", "-in", message)

    def write_seed(self, path: Path) -> Path:
        path.write_text(self.seed + "\n")
        path.chmod(0o600)
        return path

    def jwt(self, subject: Key, **claims: Any) -> str:
        """What this key says of another one."""

        def part(value: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

        body = {
            "jti": subject.public, "iat": int(time.time()), "iss": self.public, "name": subject.name, "sub": subject.public,
            "nats": {"type": subject.kind, "version": 2, **claims},
        }  # fmt: skip
        signed = f"{part({'typ': 'JWT', 'alg': 'ed25519-nkey'})}.{part(body)}"
        return f"{signed}.{base64.urlsafe_b64encode(self.sign(signed.encode())).decode().rstrip('=')}"

    def credentials(self, path: Path, jwt: str) -> Path:
        """A file as `nsc generate creds` writes it."""
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{self.seed}\n------END USER NKEY SEED------\n"
        )
        path.chmod(0o600)
        return path


NO_LIMITS = {
    "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1,
    "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
}  # fmt: skip


class Operator:
    """An operator with one account that has JetStream, and the system's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key, self.account, self.system = Key(folder, "operator", "op"), Key(folder, "account", "jobs"), Key(folder, "account", "sys")

    @property
    def settings(self) -> str:
        """Lines for a server's configuration."""
        jobs = self.key.jwt(self.account, limits=NO_LIMITS)
        system = self.key.jwt(self.system, limits={**NO_LIMITS, "mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0})
        return (
            f'operator: "{self.key.jwt(self.key)}"\nsystem_account: "{self.system.public}"\nresolver: MEMORY\n'
            f'resolver_preload {{ {self.account.public}: "{jobs}", {self.system.public}: "{system}" }}'
        )

    def user(self, name: str) -> tuple[Key, str]:
        """A user's key, and what the account says of it."""
        key = Key(self.folder, "user", name)
        return key, self.account.jwt(key, subs=-1, data=-1, payload=-1)


def as_user(key: Key, jwt: str = "") -> dict[str, Any]:
    """What nats-py needs to come in as a user, without PyPI's nkeys."""

    def signature(nonce: str) -> bytes:
        return base64.urlsafe_b64encode(key.sign(nonce.encode())).rstrip(b"=")

    # Without a user it would not think of signing.
    return {"user": "_", "signature_cb": signature, **({"user_jwt_cb": lambda: bytearray(jwt.encode())} if jwt else {})}
