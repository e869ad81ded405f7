"""Certificates from openssl for one test: an authority, what it, or another one, has signed, and lists of what it has revoked."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path


def openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


def replace(target: Path, *sources: Path) -> None:
    """Puts the sources, one behind the other, in the target's place at one instant."""
    new = target.with_suffix(".new")
    new.write_bytes(b"".join(source.read_bytes() for source in sources))
    new.chmod(0o600)
    os.replace(new, target)


class Authority:
    def __init__(self, folder: Path, name: str = "authority", parent: Authority | None = None) -> None:
        """`parent`: who has signed it; without one it is its own root."""
        self.folder, self.name, self.parent = folder, name, parent
        folder.mkdir(exist_ok=True)
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        if parent:
            pair = parent.sign(name, extensions="basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign\n")
            replace(self.certificate, pair.certificate)
            replace(self.key, pair.key)
            return
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate,
            "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip

    def sign(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost", expired: bool = False, extensions: str | None = None) -> Pair:
        """A certificate for `names`, for servers and for clients, or with other extensions; with its parents behind it."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, file = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        file.write_text(extensions or f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key, "-out", request, "-subj", f"/CN={name}"
        )
        # Older versions of openssl have no -not_before: one that ended yesterday comes from `ca`'s dates.
        if expired:
            self._ca(
                "-batch", "-in", request, "-out", pair.certificate, "-startdate", "20250101000000Z", "-enddate", "20250201000000Z",
                "-extfile", file, "-notext",
            )  # fmt: skip
        else:
            openssl(
                "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-out", pair.certificate,
                "-days", "2", "-extfile", file,
            )  # fmt: skip
        if self.parent:
            replace(pair.certificate, pair.certificate, self.certificate)
        pair.key.chmod(0o600)
        return pair

    def revoke(self, *pairs: Pair) -> None:
        """From the next list on."""
        for pair in pairs:
            self._ca("-revoke", pair.certificate)

    def write_list(self, target: Path, ended: bool = False) -> Path:
        """A list of what was revoked so far, in the target's place at one instant."""
        new = target.with_suffix(".next")
        times = ["-crl_lastupdate", "20250101000000Z", "-crl_nextupdate", "20250201000000Z"] if ended else ["-crldays", "2"]
        self._ca("-gencrl", "-out", new, *times)
        os.replace(new, target)
        return target

    def _ca(self, *arguments: str | Path) -> None:
        settings, place = self.folder / f"{self.name}.cnf", self.folder / self.name
        if not settings.exists():
            Path(f"{place}.index").write_text("")
            Path(f"{place}.serial").write_text("1000\n")
            settings.write_text(
                f"[ca]\ndefault_ca=x\n[x]\ndatabase={place}.index\nserial={place}.serial\nnew_certs_dir={self.folder}\n"
                "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
            )
        openssl("ca", "-config", settings, "-cert", self.certificate, "-keyfile", self.key, *arguments)
