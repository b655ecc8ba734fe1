"""Runs the real command as a stranger would: its own process and home, one way out, and credentials to stumble over."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from aspm_ado.simulator.world import IssuedToken

from ..forked import run_program
from ..simulator.internet import Internet
from ..simulator.monitor import Inputs
from ..simulator.strict import disguises
from .report import Report

PASSED_ON = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP")


@dataclass(frozen=True, repr=False)
class Finished:
    """A run that is over: its exit code, its two streams and the report."""

    code: int
    stdout: str
    stderr: str
    report: Report

    def said(self) -> str:
        """Every word, wherever it was said."""
        return f"{self.stdout}\n{self.stderr}"

    def __repr__(self) -> str:
        """Short, because pytest cuts: the exit code and whatever is not good."""
        bad = [one for one in self.report.checks() if one["status"] in ("fail", "unknown", "warn")]
        words = ", ".join(" ".join((one["id"], one["status"], one["reason"])) for one in bad)
        return f"<exit {self.code}: {words}>"


@dataclass
class Machine:
    """A computer with one user, on a network of which the proxy is the only door."""

    folder: Path
    internet: Internet
    trusts_the_authority: bool = True
    proxy_password: str | None = None
    only_allowed_hosts: bool = True
    _decoy: str = field(default_factory=lambda: secrets.token_hex(20), init=False)

    @property
    def home(self) -> Path:
        """HOME."""
        return self.folder / "home"

    @property
    def config(self) -> Path:
        """--config-dir."""
        return self.folder / "config"

    def furnish(self) -> None:
        """A home with a .netrc for every host, and a CA file that is none."""
        for place in (self.home, self.config, self.folder / "keys"):
            place.mkdir(mode=0o700, exist_ok=True)
        lines = [
            f"machine {host} login netrc-user password {self._decoy}"
            for host in self.internet.hosts
        ]
        (self.home / ".netrc").write_text(
            "\n".join([*lines, f"default login netrc-user password {self._decoy}", ""])
        )
        (self.home / ".netrc").chmod(0o600)
        (self.folder / "not-a-ca.pem").write_text("this is no certificate\n")

    def file_of(self, secret: str) -> Path:
        """A file that holds a secret, outside of everything that the command may write to."""
        path = self.folder / "keys" / f"{secrets.token_hex(6)}.txt"
        path.write_text(secret + "\n")
        path.chmod(0o600)
        return path

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Nothing of ours but the way out."""
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "USERPROFILE": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "XDG_STATE_HOME": str(self.home / ".local/state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "NETRC": str(self.home / ".netrc"),
            "HTTPS_PROXY": self.internet.proxy_url(self.proxy_password),
            "REQUESTS_CA_BUNDLE": str(self.folder / "not-a-ca.pem"),
            **more,
        }

    def run(
        self,
        *words: str,
        token: IssuedToken | None = None,
        tokens: Mapping[str, IssuedToken] | None = None,
        by_stdin: bool = False,
        aspm_token: str | None = None,
        clone_username: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Finished:
        """`aspm-ado WORDS --json --no-input …` with these secrets; what holds of any run is asserted here."""
        own = dict(tokens or {})
        given = [*([token] if token else []), *own.values()]
        inputs = Inputs(
            tokens={one.value: one for one in given},
            only_for={one.value: name for name, one in own.items()},
            aspm_token=aspm_token,
            clone_username=clone_username,
            decoys=(self._decoy, *([self.proxy_password] if self.proxy_password else [])),
        )
        argv = [*words, "--json", "--no-input", "--config-dir", str(self.config)]
        if token is not None:
            argv += ["--pat-stdin"] if by_stdin else ["--pat-file", str(self.file_of(token.value))]
        for name, one in own.items():
            argv += ["--pat-file", f"{name}={self.file_of(one.value)}"]
        if aspm_token is not None:
            argv += ["--aspm-token-file", str(self.file_of(aspm_token))]
        if clone_username is not None:
            argv += ["--clone-username", clone_username]
        if self.trusts_the_authority:
            argv += ["--ca-bundle", str(self.internet.authority_file)]
        self.internet.monitor.begin_run(inputs)
        before = len(self.internet.simulator.changes)
        heard = run_program(
            argv,
            environment=self.environment(environment or {}),
            folder=self.home,
            typed=(token.value + "\n") if token and by_stdin else "",
        )
        streams = (heard.stdout.decode(), heard.stderr.decode())
        done = subprocess.CompletedProcess(heard.args, heard.returncode, *streams)
        self._assert_clean(inputs, done)
        made = self.internet.simulator.changes[before:]
        assert all(one.startswith("instance ") for one in made), f"the run changed {made}"
        assert done.returncode != 1, f"a bug of the command: {done.stderr}"
        finished = Finished(done.returncode, done.stdout, done.stderr, self._read(done))
        self._assert_evidence(finished.report)
        return finished

    def _read(self, done: subprocess.CompletedProcess[str]) -> Report:
        asked = f"\n--- asked\n{self.internet.monitor}\n--- stderr\n{done.stderr}\n--- stdout\n{done.stdout}"
        try:
            return Report.read(done.stdout, done.returncode)
        except (ValueError, KeyError, TypeError) as problem:
            raise AssertionError(
                f"exit {done.returncode}, and stdout is no report: {problem!r}{asked}"
            ) from problem

    def _assert_clean(self, inputs: Inputs, done: subprocess.CompletedProcess[str]) -> None:
        monitor = self.internet.monitor
        assert monitor.violations == [], "\n".join(monitor.violations)
        if self.only_allowed_hosts:
            assert monitor.refused_hosts == [], (
                f"asked for a host that is not there: {monitor.refused_hosts}"
            )
        written = {"stdout": done.stdout, "stderr": done.stderr}
        for top in (self.home, self.config):
            for path in top.rglob("*"):
                if path.is_file() and path.name != ".netrc":
                    content = path.read_bytes()
                    written[str(path)] = content.decode("latin-1") + content.replace(
                        b"\0", b""
                    ).decode("latin-1")
        for secret in inputs.secrets:
            for place, text in written.items():
                assert not any(form in text for form in disguises(secret)), (
                    f"a secret is in {place}"
                )
                pieces = {secret[at : at + 12] for at in range(len(secret) - 11)}
                assert not any(piece in text for piece in pieces), (
                    f"a piece of a secret is in {place}"
                )

    def _assert_evidence(self, report: Report) -> None:
        """Each answer that the report cites was really given."""
        given = {one.activity_id: one for one in self.internet.monitor.requests if one.activity_id}
        for check in report.checks():
            for cited in check["evidence"]:
                if cited["activity_id"]:
                    real = given.get(cited["activity_id"])
                    assert real is not None, (
                        f"{check['id']} cites an answer that nobody gave: {cited}"
                    )
                    assert (real.method, real.status) == (cited["method"], cited["status"]), (
                        str(real),
                        cited,
                    )
