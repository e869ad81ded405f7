"""Certificates from openssl for one test: an authority, and what it, or another one, has signed."""

from __future__ import annotations

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


class Authority:
    def __init__(self, folder: Path, name: str = "authority") -> None:
        self.folder, self.name = folder, name
        folder.mkdir(exist_ok=True)
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate,
            "-days", "2", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
        )  # fmt: skip

    def sign(self, name: str, names: str = "IP:127.0.0.1,DNS:localhost", expired: bool = False) -> Pair:
        """A certificate for `names`, for servers and for clients."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", pair.key, "-out", request, "-subj", f"/CN={name}"
        )
        # Older versions of openssl have no -not_before: one that ended yesterday comes from `ca`'s dates.
        if expired:
            (self.folder / "index").write_text("")
            (self.folder / "serial").write_text("1000\n")
            settings = self.folder / "ca.cnf"
            settings.write_text(
                f"[ca]\ndefault_ca=x\n[x]\ndatabase={self.folder}/index\nserial={self.folder}/serial\nnew_certs_dir={self.folder}\n"
                "default_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n"
            )
            openssl(
                "ca", "-batch", "-config", settings, "-cert", self.certificate, "-keyfile", self.key, "-in", request, "-out", pair.certificate,
                "-startdate", "20250101000000Z", "-enddate", "20250201000000Z", "-extfile", extensions, "-notext",
            )  # fmt: skip
        else:
            openssl(
                "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-out", pair.certificate,
                "-days", "2", "-extfile", extensions,
            )  # fmt: skip
        pair.key.chmod(0o600)
        return pair
