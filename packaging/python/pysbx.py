"""Run untrusted Python in the pysbx sandbox, from Python.

One file, standard library only, Python 3.8 or newer: copy it, or put its folder on sys.path. It calls
the program ``pysbx`` and reads its JSON; what isolates is that program.

    >>> import pysbx
    >>> result = pysbx.run("print(6 * 7)", timeout=2)
    >>> result.status, result.stdout
    ('ok', '42\\n')

``run()`` and ``check()`` return dataclasses. ``SecureSandbox`` and ``CodeInterpreter`` have the interface
of an earlier gateway, so that what was written for that goes on unchanged.

Nothing here raises because of what a program is or does: a refusal, a limit, a host that cannot isolate
and a pysbx that is not installed are all results. TypeError and ValueError are for wrong arguments.
"""

import base64
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

__all__ = ["Check", "CodeInterpreter", "Finding", "Result", "SecureSandbox", "check", "run"]

Text = Union[str, bytes]


@dataclass(frozen=True)
class Finding:
    """One thing that the guard found in a program."""

    rule: str
    message: str
    line: int
    column: int  # UTF-8 bytes from 0
    severity: str = "error"
    name: str = ""
    remedy: str = ""
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"line {self.line}: {self.message} [{self.rule}]"


@dataclass(frozen=True)
class Check:
    """What the guard says of a program that was not run."""

    verdict: str  # "allow", "reject", or "error": it could not be judged
    policy: str = ""
    message: str = ""
    findings: List[Finding] = field(default_factory=list)

    @property
    def allowed(self) -> bool:
        return self.verdict == "allow"


@dataclass(frozen=True)
class Result:
    """How one run ended. ``status`` is the word that counts: pysbx-run(1) has them all."""

    status: str
    exit_code: Optional[int] = None  # None where the program did not exit by itself
    signal: Optional[str] = None
    message: str = ""
    remedy: str = ""
    stdout: str = ""
    stderr: str = ""
    stdout_raw: bytes = b""  # the same before it was made text
    stderr_raw: bytes = b""
    findings: List[Finding] = field(default_factory=list)
    files: Dict[str, bytes] = field(default_factory=dict)  # what fetch= brought back
    wall_ms: float = 0.0
    raw: Dict[str, Any] = field(default_factory=dict)  # pysbx's whole object

    @property
    def ok(self) -> bool:
        """It ran to its end and said that it did well."""
        return self.status == "ok"

    @property
    def ran(self) -> bool:
        """Whether anything was run at all."""
        return "usage" in self.raw

    @property
    def timed_out(self) -> bool:
        return self.status in ("timeout", "cpu_timeout")

    @property
    def refused(self) -> bool:
        return self.status in ("rejected", "syntax_error")


def _program(pysbx: Union[str, "os.PathLike[str]", None]) -> Optional[str]:
    return os.fspath(pysbx) if pysbx is not None else shutil.which("pysbx")


def _bytes(text: Text, name: str) -> bytes:
    """A lone surrogate stays what it is, and pysbx refuses it."""
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    if isinstance(text, (bytes, bytearray)):
        return bytes(text)
    raise TypeError(f"{name} must be str or bytes, not {type(text).__name__}")


def _memory_file(data: bytes) -> int:
    descriptor = os.memfd_create("pysbx", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _call(program: Optional[str], words: Sequence[str], code: bytes,
          descriptors: Sequence[int] = ()) -> Dict[str, Any]:
    """pysbx's object, or one of the same form that says why there is none."""
    if program is None:
        return {"status": "unavailable", "verdict": "error", "message": "pysbx is not installed",
                "remedy": "install it, or name the program with pysbx="}
    try:
        done = subprocess.run([program, *words], input=code, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              pass_fds=tuple(descriptors), check=False)
    except OSError as error:
        return {"status": "unavailable", "verdict": "error", "message": f"{program}: {error.strerror}",
                "remedy": "install pysbx, or name the program with pysbx="}
    try:
        found = json.loads(done.stdout.decode("utf-8"))
        if isinstance(found, dict):
            return found
    except ValueError:
        pass
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return {"status": "error", "verdict": "error",
            "message": said[0] if said else f"pysbx ended with status {done.returncode} and no result"}


def _findings(listed: Any) -> List[Finding]:
    known = Finding.__dataclass_fields__
    return [Finding(**{k: v for k, v in each.items() if k in known}) for each in listed or ()]


def _stream(found: Mapping[str, Any], name: str) -> bytes:
    text = found.get(name, "")
    if found.get(name + "_encoding") == "base64":
        return base64.b64decode(text)
    return text.encode("utf-8", "surrogatepass")


def _result(found: Dict[str, Any]) -> Result:
    out, err = _stream(found, "stdout"), _stream(found, "stderr")
    return Result(
        status=found.get("status", "error"), exit_code=found.get("exit_code"), signal=found.get("signal"),
        message=found.get("message", ""), remedy=found.get("remedy", ""),
        stdout=out.decode("utf-8", "replace"), stderr=err.decode("utf-8", "replace"),
        stdout_raw=out, stderr_raw=err, findings=_findings(found.get("guard", {}).get("findings")),
        files={each["name"]: base64.b64decode(each["content_base64"]) for each in found.get("files", ())},
        wall_ms=found.get("usage", {}).get("wall_ms", 0.0), raw=found)


def _milliseconds(seconds: float) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError("timeout must be a number of seconds")
    if not 0 < seconds < 1e6:
        raise ValueError("timeout must be positive, in seconds")
    return f"{max(1, round(seconds * 1000))}ms"


def run(code: Text, *, stdin: Text = b"", files: Optional[Mapping[str, Union[Text, Path]]] = None,
        args: Sequence[str] = (), env: Optional[Mapping[str, str]] = None, fetch: Sequence[str] = (),
        profile: Optional[str] = None, timeout: Optional[float] = None,
        memory: Union[int, str, None] = None, cpus: Optional[float] = None, policy: Optional[str] = None,
        require: Optional[str] = None, options: Sequence[str] = (),
        pysbx: Union[str, "os.PathLike[str]", None] = None) -> Result:
    """Screens a program, runs it once in a fresh sandbox, and says how it ended.

    files     name -> content (str, bytes) or the Path of a file; read-only in its working directory
    fetch     globs of files under /tmp/out that come back in Result.files
    profile   "default", "tight", or one of the configuration's
    timeout   wall clock time in seconds
    memory    bytes, or a text such as "128M"
    require   the least isolation to run with: "full", "reduced", "minimal"
    options   more words for the command line of pysbx run
    pysbx     the program; the first of that name on PATH unless given

    What is not given is as the settings of pysbx have it.
    """
    words = ["run", "--json", "--quiet"]
    for name, value in (("profile", profile), ("policy", policy), ("require", require), ("memory", memory),
                        ("cpus", cpus)):
        if value is not None:
            words.append(f"--{name}={value}")
    if timeout is not None:
        words.append(f"--timeout={_milliseconds(timeout)}")
    words += [f"--env={name}={value}" for name, value in (env or {}).items()]
    words += [f"--fetch={glob}" for glob in fetch]
    source, given = _bytes(code, "code"), _bytes(stdin, "stdin")
    contents = {name: value if isinstance(value, Path) else _bytes(value, "files")
                for name, value in (files or {}).items()}
    descriptors: List[int] = []
    try:
        if given:
            descriptors.append(_memory_file(given))
            words.append(f"--stdin=/proc/self/fd/{descriptors[-1]}")
        for name, value in contents.items():
            if isinstance(value, Path):
                path = str(value)
            else:
                descriptors.append(_memory_file(value))
                path = f"/proc/self/fd/{descriptors[-1]}"
            words.append(f"--file={name}={path}")
        words += [*options, "-", *(["--", *args] if args else [])]
        return _result(_call(_program(pysbx), words, source, descriptors))
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def check(code: Text, *, policy: Optional[str] = None, options: Sequence[str] = (),
          pysbx: Union[str, "os.PathLike[str]", None] = None) -> Check:
    """Screens a program with the rules that run() enforces, and never runs it."""
    words = ["check", "--format=json", *([f"--policy={policy}"] if policy is not None else []), *options, "-"]
    found = _call(_program(pysbx), words, _bytes(code, "code"))
    return Check(verdict=found.get("verdict", "error"), policy=found.get("policy", ""),
                 message=found.get("message", ""), findings=_findings(found.get("findings")))


class SecureSandbox:
    """The guard of an earlier gateway: a program is safe to run, or it is not and why."""

    def __init__(self, *, policy: Optional[str] = None,
                 pysbx: Union[str, "os.PathLike[str]", None] = None) -> None:
        self.policy = policy
        self.pysbx = pysbx

    def static_guard(self, code: Text) -> Tuple[bool, str]:
        """(True, "") where the guard lets the program through, else (False, reason)."""
        found = check(code, policy=self.policy, pysbx=self.pysbx)
        if found.allowed:
            return True, ""
        errors = [finding for finding in found.findings if finding.severity == "error"]
        return False, "; ".join(map(str, errors)) or found.message or "refused"


class CodeInterpreter:
    """The interpreter of an earlier gateway. Limits are those of the profile unless given."""

    def __init__(self, *, profile: str = "default", policy: Optional[str] = None,
                 pysbx: Union[str, "os.PathLike[str]", None] = None) -> None:
        self.profile = profile
        self.policy = policy
        self.pysbx = pysbx

    def available(self) -> bool:
        """Whether programs can be run here with their isolation; False, never an exception."""
        try:
            return self._run("pass", 10.0).ok
        except (OSError, ValueError, TypeError):
            return False

    def _run(self, code: Text, timeout: Optional[float], **more: Any) -> Result:
        return run(code, timeout=timeout, profile=self.profile, policy=self.policy, pysbx=self.pysbx, **more)

    def execute(self, code: Text, timeout: Optional[float] = None, **more: Any) -> Dict[str, Any]:
        """Runs a program: a dict of stdout, stderr, exit_code, timed_out and status, and a message.

        exit_code is pysbx's own where the program did not exit by itself: 124 a time limit, 125 nothing
        could be run, 126 refused, 128+N killed by a signal. More keywords are those of run().
        """
        found = self._run(code, timeout, **more)
        stderr = found.stderr
        if not found.ran:
            stderr = "\n".join(map(str, found.findings)) or found.message
        return {"stdout": found.stdout, "stderr": stderr, "exit_code": _exit_code(found),
                "timed_out": found.timed_out, "status": found.status, "message": found.message}


def _exit_code(found: Result) -> int:
    """The exit status of pysbx run, as pysbx-run(1) has it."""
    if found.exit_code is not None:
        return found.exit_code
    if found.timed_out:
        return 124
    if found.refused:
        return 126
    if found.signal:
        import signal
        number = getattr(signal, found.signal, None)
        return 128 + int(number) if number is not None else 128
    return 125
