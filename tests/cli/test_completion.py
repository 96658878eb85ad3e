"""pysbx completion: what bash, zsh and fish offer, asked of the real shells.

Prints TAP. By hand: python3 tests/cli/test_completion.py, from the top of the tree, after a build.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

COMMANDS = re.findall(r'^COMMAND\("(\w+)"', (tap.TOP / "cli/commands.def").read_text(encoding="ascii"), re.M)
SHELLS = ("bash", "zsh", "fish")


def script(shell):
    return tap.command(tap.PYSBX, "completion", shell, check=0).stdout


def shell_or_skip(shell):
    found = shutil.which(shell)
    if not found:
        raise tap.Skip(f"{shell} is not installed")
    return found


def options_of(command):
    """The long options that the help of a command shows at the start of a line."""
    text = tap.command(tap.PYSBX, command, "--help").stdout
    return set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text, re.M))


def every_option_is_offered():
    """every command and option of the help is in what each shell gets"""
    for shell in SHELLS:
        text = script(shell)
        for command in COMMANDS:
            assert re.search(rf"\b{command}\b", text), (shell, command)
    bash, fish = script("bash"), script("fish")
    for command in COMMANDS:
        offered = set(re.findall(rf"^complete -c pysbx -n '__fish_seen_subcommand_from {command}' -l ([a-z-]+)", fish, re.M))
        line = re.search(rf"^\t\t{command}\) words='(.*)' ;;$", bash, re.M)
        assert offered == set(re.findall(r"--([a-z-]+)", line[1])), (command, offered, line[1])
        missing = options_of(command) - offered
        assert not missing, f"{command}: {missing} should be in cli/words.def"


def bash_offers(line):
    """What bash offers at the end of a line."""
    words = re.split(r"\s+|(?<=[^\s])(=)", line)
    words = [word for word in words if word is not None and word != ""] + ([""] if line.endswith((" ", "=")) else [])
    quoted = " ".join(f"'{word}'" for word in words)
    code = (f"{script('bash')}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _pysbx\n"
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    return set(tap.command(shell_or_skip("bash"), "--norc", "-c", code, check=0, cwd=FOLDER).stdout.split())


def fish_offers(line):
    code = f"{script('fish')}\ncomplete -C '{line}'"
    out = tap.command(shell_or_skip("fish"), "--no-config", "-c", code, check=0, cwd=FOLDER,
                      env={**os.environ, "HOME": FOLDER}).stdout
    return {row.split("\t")[0] for row in out.splitlines()}


def zsh_offers(line):
    """What stands on the screen after TAB, in a zsh of its own on a terminal of its own."""
    zsh = shell_or_skip("zsh")
    home = Path(FOLDER)
    (home / "functions").mkdir(exist_ok=True)
    (home / "functions/_pysbx").write_text(script("zsh"))
    (home / ".zshrc").write_text("fpath=(~/functions $fpath); autoload -Uz compinit; compinit -D\n"
                                 "PROMPT='ready> '; setopt no_beep\n"
                                 "zstyle ':completion:*' verbose no; LISTMAX=0; bindkey '^I' list-choices\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(FOLDER)
        os.execve(zsh, ["zsh", "-i"], {"HOME": FOLDER, "ZDOTDIR": FOLDER, "PATH": os.environ["PATH"],
                                       "TERM": "dumb", "COLUMNS": "200", "LINES": "60"})
    seen = ""

    def read_until(words, seconds=20):
        nonlocal seen
        end = time.monotonic() + seconds
        while time.monotonic() < end and not all(word in seen for word in words):
            if select.select([terminal], [], [], 0.2)[0]:
                try:
                    seen += os.read(terminal, 65536).decode(errors="replace")
                except OSError:
                    break
    try:
        read_until(["ready> "])
        seen = ""
        os.write(terminal, line.encode() + b"\t")
        read_until([line])
        settled = time.monotonic() + 1.5
        while time.monotonic() < settled:
            before = seen
            read_until(["\0"], 0.5)
            if seen != before:
                settled = time.monotonic() + 1.5
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    # The line is written again below the choices.
    return set(re.findall(r"[\w./:=-]+", seen)) - set(line.split())


CASES = [
    # the line so far; what must be offered; what must not
    ("pysbx ", {"run", "check", "ast", "doctor", "completion"}, {"--memory"}),
    ("pysbx ch", {"check"}, {"run", "doctor"}),
    ("pysbx run --mem", {"--memory"}, {"--json", "--max-output"}),
    ("pysbx check --fo", {"--format"}, {"--memory"}),
    ("pysbx run --guard ", {"enforce", "warn", "off"}, {"program.py"}),
    ("pysbx run --require ", {"full", "reduced", "minimal"}, {"--memory"}),
    ("pysbx check --policy st", {"standard", "strict"}, {"permissive"}),
    ("pysbx ast --target-version 3.1", {"3.10", "3.14"}, {"3.8"}),
    ("pysbx policy ", {"list", "show", "validate", "explain"}, {"--memory"}),
    ("pysbx completion z", {"zsh"}, {"bash"}),
    ("pysbx run pro", {"program.py"}, {"run", "--memory"}),
]


def offers(ask):
    for line, wanted, unwanted in CASES:
        found = {word.removesuffix("=") for word in ask(line)}
        assert wanted <= found, (line, wanted - found, found)
        assert not unwanted & found, (line, unwanted & found)


def bash():
    """bash offers commands, options, their words and files"""
    offers(bash_offers)
    assert bash_offers("pysbx run --guard=") == {"enforce", "warn", "off"}, bash_offers("pysbx run --guard=")
    assert bash_offers("pysbx run --guard=w") == {"warn"}


def zsh():
    """zsh offers commands, options, their words and files"""
    offers(zsh_offers)


def fish():
    """fish offers commands, options, their words and files"""
    offers(fish_offers)


def scripts_are_sound():
    """each shell finds its script free of errors"""
    for shell in ("bash", "zsh"):
        if not shutil.which(shell):
            continue
        done = tap.command(shell, "-n", "/dev/stdin", input=script(shell))
        assert done.returncode == 0 and not done.stderr, done.stderr
    for shell in SHELLS:
        if shutil.which(shell):
            return
    raise tap.Skip("no shell is installed")


def bad_usage():
    """an unknown shell, none and one too many are usage errors with a remedy"""
    for arguments in ([], ["tcsh"], ["bash", "zsh"]):
        done = tap.command(tap.PYSBX, "completion", *arguments)
        assert done.returncode == 2 and not done.stdout and "bash, zsh and fish" in done.stderr, done
    done = tap.command(tap.PYSBX, "completion", "--help", check=0)
    assert done.stdout.startswith("usage: pysbx completion")
    with open("/dev/full", "w", encoding="ascii") as full:
        assert subprocess.run([tap.PYSBX, "completion", "bash"], stdout=full, stderr=subprocess.DEVNULL).returncode == 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as FOLDER:
        Path(FOLDER, "program.py").write_text("print(1)\n")
        sys.exit(tap.run([every_option_is_offered, bash, zsh, fish, scripts_are_sound, bad_usage]))
