"""pysbx selftest: runs the probes inside and outside, judges them and prints the table."""

from frame import *  # noqa: F403 (left out where the files are joined)
from kernel import HOSTILE_NAMES  # noqa: F401 (left out)
from limits import RUNS  # noqa: F401 (left out)

HELD, FAILED, NOT_APPLICABLE, VACUOUS = OUTCOMES = "held", "failed", "not applicable", "vacuous"
PROBE_OPTIONS = ("-t", "60s", "--cpu-time", "60s")
FOUND_MAX = 300


class CannotRun(Exception):
    """The message and remedy of a run that was refused."""


class Planted:
    """What the probes must not find: files of a name that is told, and a descriptor left open."""

    def __enter__(self):
        self.token = "selftest-" + os.urandom(8).hex()
        self.files = []
        for folder in ("/tmp", "/var/tmp", "/dev/shm"):
            try:
                place = tempfile.mkdtemp(prefix=self.token, dir=folder)
                self.files.append(place)
                with open(os.path.join(place, self.token), "w", encoding="utf-8") as file:
                    file.write(self.token)
                with socket.socket(socket.AF_UNIX) as planted:
                    planted.bind(os.path.join(place, "socket"))
            except OSError:
                pass
        self.descriptor = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
        return self

    def __exit__(self, *_):
        import shutil
        os.close(self.descriptor)
        for place in self.files:
            shutil.rmtree(place, ignore_errors=True)

    def environment(self, layers=()):
        """What a probe is told, inside and outside."""
        return {"SELFTEST_TOKEN": self.token, "SELFTEST_LAYERS": " ".join(sorted(layers)), "SELFTEST_CALLER": str(os.getpid())}


def run_outside(program, planted, who=None):
    """What comes of every probe on the host, as the caller."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "SELFTEST_SECRET": "x", "SELFTEST_OUTSIDE": "1", **planted.environment()}
    with tempfile.TemporaryFile("w+") as out:
        subprocess.run([sys.executable, "-I", "-"], input=program.encode(), stdout=out, stderr=subprocess.PIPE, check=True,
                       timeout=300, cwd="/", env=environment, pass_fds=[planted.descriptor], **(who or {}))
        out.seek(0)
        return json.load(out)


def clean_environment():
    """The caller's, without what would change the limits of a run."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYSBX_")}


def run_pysbx(command, options, code, planted, who=None):
    """One run's result, by a command that is pysbx with what goes before `run`. who: the caller, as Popen's options."""
    done_ = subprocess.run([*command, "run", "--guard", "off", "--json", *options, "-"], input=code.encode(), stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=300, check=False, env={**clean_environment(), "SELFTEST_SECRET": "x"},
                           pass_fds=[planted.descriptor], **(who or {}))
    try:
        result = json.loads(done_.stdout)
    except ValueError:
        raise CannotRun(f"no result: {done_.stderr.decode(errors='replace').strip()[-500:]}") from None
    if result["status"] == "unavailable" or "isolation" not in result:
        raise CannotRun(result.get("message", "") + (f"\n  help: {result['remedy']}" if result.get("remedy") else ""))
    return result


def run_inside(command, options, program, planted, who=None):
    """(what comes of every probe inside, the run's result)."""
    isolation = run_pysbx(command, options, "pass", planted, who)["isolation"]
    told_ = {"SELFTEST_INSIDE": "1", **planted.environment(isolation["layers"])}
    told_ = [word for name, text in told_.items() for word in ("--env", f"{name}={text}")]
    result = run_pysbx(command, [*options, *PROBE_OPTIONS, *told_], program, planted, who)
    try:
        return json.loads(result["stdout"]), result
    except ValueError:
        raise CannotRun(f"the probes did not end: {result['status']}, {result['message']}\n{result['stderr'][-1000:]}") from None


class Verdict:
    """What a row came to, why, and what was found."""

    def __init__(self, entry, wanted, outcome, reason="", found=None):
        self.entry, self.wanted, self.outcome, self.reason, self.found = entry, wanted, outcome, reason, found


def short(found):
    text = json.dumps(found)
    return text if len(text) <= FOUND_MAX else text[:FOUND_MAX] + "..."


def wanted_of(entry, layers):
    for layer, other in entry.without.items():
        if layer not in layers:
            return other
    return entry.inside


def not_applicable(entry, layers):
    """Why a row says nothing here, or None."""
    absent = [layer for layer in entry.needs if layer not in layers]
    if absent:
        return "not held here: " + ", ".join(absent)
    present = [layer for layer in getattr(entry, "unless", ()) if layer in layers]
    if present:
        return "with this another row's: " + ", ".join(present)
    if getattr(entry, "by_number", False) and os.uname().machine != "x86_64":
        return "its numbers are those of x86-64"
    return None


def judge(entry, inside, outside, layers, denied=None):
    """The verdict on one row. denied: names of the calls that the result tells of, or None."""
    wanted = wanted_of(entry, layers)
    reason = not_applicable(entry, layers)
    if reason:
        return Verdict(entry, wanted, NOT_APPLICABLE, reason)
    found, control = inside[entry.name], outside[entry.name]
    if not wanted(found):
        return Verdict(entry, wanted, FAILED, f"outside: {short(control)}", found)
    wrong = entry.compare(found["value"], control["value"]) if entry.compare else None
    if wrong:
        return Verdict(entry, wanted, FAILED, wrong, found)
    # What a filter of the host's own answers, outside too, does not come as far as the listener.
    refused_anyway = {name for name, error in control["value"].items() if error == EPERM} if entry.name in HOSTILE_NAMES and isinstance(
        control.get("value"), dict) else set()
    unnamed = HOSTILE_NAMES.get(entry.name, set()) - denied - refused_anyway if denied is not None else set()
    if unnamed:
        return Verdict(entry, wanted, FAILED, "the result does not name " + ", ".join(sorted(unnamed)), found)
    if isinstance(entry.outside, str):
        return Verdict(entry, wanted, HELD, "no control: " + entry.outside, found)
    if not entry.outside(control):
        return Verdict(entry, wanted, VACUOUS, "outside it came to nothing either", control)
    return Verdict(entry, wanted, HELD, "", found)


def judge_run(entry, result, layers):
    wanted = wanted_of(entry, layers)
    if wanted(result):
        return Verdict(entry, wanted, HELD)
    told_ = {name: result[name] for name in ("status", "message", "stdout", "stderr", "exit_code", "signal") if name in result}
    return Verdict(entry, wanted, FAILED, "", told_)


def examine(command, options, program, who=None, runs=True, outside=None):
    """(verdicts on every row, the isolation that was held). runs: those that need a run of their own too.
    outside: what came of the controls, where that is known already.
    """
    with Planted() as planted:
        inside, result = run_inside(command, options, program, planted, who)
        isolation = result["isolation"]
        layers = set(isolation["layers"])
        denied = {call["name"] for call in result["denied_syscalls"]} if "seccomp-listener" in layers else None
        outside = outside or run_outside(program, planted, who)
        verdicts = [judge(entry, inside, outside, layers, denied) for entry in ROWS]
        for entry in RUNS if runs else ():
            reason = not_applicable(entry, layers)
            if reason:
                verdicts.append(Verdict(entry, wanted_of(entry, layers), NOT_APPLICABLE, reason))
            else:
                verdicts.append(judge_run(entry, run_pysbx(command, [*options, *entry.options], entry.code, planted, who),
                                          layers))
    return verdicts, isolation


def counts(verdicts):
    return {outcome: sum(verdict.outcome == outcome for verdict in verdicts) for outcome in OUTCOMES}


def print_json(verdicts, isolation):
    rows = [{"id": verdict.entry.numbers[0], "covers": verdict.entry.numbers, "what": verdict.entry.title,
             "expected": verdict.wanted.text, "outcome": verdict.outcome, "reason": verdict.reason,
             "found": short(verdict.found) if verdict.outcome in (FAILED, VACUOUS) else ""} for verdict in verdicts]
    print(json.dumps({"schema": 1, "ok": not counts(verdicts)[FAILED], "isolation": isolation, "counts": counts(verdicts),
                      "probes": rows}, separators=(",", ":")))


def print_table(verdicts, isolation):
    for verdict in verdicts:
        print(f"{verdict.outcome:14} {' '.join(verdict.entry.numbers)}: {verdict.entry.title}")
        print(f"{'':14} expected: {verdict.wanted.text}")
        if verdict.reason:
            print(f"{'':14} {verdict.reason}")
        if verdict.outcome in (FAILED, VACUOUS):
            print(f"{'':14} found: {short(verdict.found)}")
    print(f"\nBackend {isolation['backend']}, isolation tier {isolation['tier']}: {' '.join(isolation['layers'])}.")
    if isolation["missing"]:
        print(f"Missing: {' '.join(isolation['missing'])}.")
    print(", ".join(f"{number} {outcome}" for outcome, number in counts(verdicts).items()))


def main():
    if INSIDE or os.environ.get("SELFTEST_OUTSIDE"):
        print(json.dumps(results()))
        return 0
    # pysbx has read the command line: its own path, "json" or "text", and options of `run`.
    pysbx, form, *options = sys.argv[1:]
    with open(__file__, encoding="utf-8") as file:
        program = file.read()
    try:
        verdicts, isolation = examine([pysbx], options, program)
    except (CannotRun, OSError, subprocess.SubprocessError) as error:
        print(f"pysbx: selftest: {error}", file=sys.stderr)
        return 1
    (print_json if form == "json" else print_table)(verdicts, isolation)
    sys.stdout.flush()
    return 1 if counts(verdicts)[FAILED] else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
