"""Every fuzz target here for a while, with clang's libFuzzer, AddressSanitizer and UBSan.

Takes its time, so it is no part of `make check`; ./quickstart test runs it. Prints TAP.
By hand: PYSBX_FUZZ_SECONDS=600 python3 tests/fuzz/test_fuzz.py
What broke a target is kept in BUILD/fuzz, which also keeps the corpus for the next time.
"""

import os
import shutil
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import tap

HERE = Path(__file__).resolve().parent
SECONDS = int(os.environ.get("PYSBX_FUZZ_SECONDS", "20"))
ROOMS = ("base", "lexer", "parser", "guard")
WORK = tap.BUILD / "fuzz"
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE=", "-g", "-O1", "-fno-omit-frame-pointer",
         f"-I{tap.TOP}", f"-I{tap.BUILD}",
         "-fsanitize=fuzzer-no-link,address,undefined", "-fno-sanitize-recover=all"]
SEEDS = 60
# A target that is linked with other files than the rooms of the front end: these, and libraries.
OTHERS = {"fuzz_rpc": (["gateway/rpc.c", "gateway/request.c", "gateway/http_check.c", "gateway/base64.c", "base/buf.c",
                        "base/err.c", "base/fd.c"], ["jansson"])}
MESSAGES = [b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_code","arguments":{"code":'
            b'"print(1)","stdin":"x","timeout_ms":5,"files":[{"name":"a","content":"aGk=","encoding":"base64"}]}}}',
            b'[{"jsonrpc":"2.0","id":"\\ud83d\\ude00","method":"ping"},{"jsonrpc":"2.0","method":"x"},5]',
            b'{"jsonrpc":"2.0","id":1.0,"result":{}}', b'{"a":1,"a":"\\ud800"}', b"=?base64?cnVuX2NvZGU=?=",
            b"http://localhost:80"]
POLICIES = ["", "extends standard\nallow attribute os.getpid\ndeny import threading\nrule PSX116 error\n",
            "extends strict\nallow import numpy\nallow call open\nallow name type # a comment\n",
            "extends permissive\nrule PSX201 off\nrule PSX201 warn\n", "allow import os\ndeny import os.path\nallow import os\n"]

RECORDS = ["pysbx-inner 1 00000014\npid 1\nids 1 1 1 1 1\n", "00000022exit 0\ncpu_us 5\nfile 1 2\ntouched tmpfs\n",
           "00000007exit 3\n", "00000009signal 9\n", "0000000acause wall\n"]


def compiled(source):
    target = WORK / "objects" / (source.relative_to(tap.TOP).as_posix().replace("/", "-") + ".o")
    tap.command("clang", *FLAGS, "-c", "-o", target, source, check=0, timeout=300)
    return target


def rooms():
    """the rooms of the front end compile for fuzzing"""
    (WORK / "objects").mkdir(parents=True, exist_ok=True)
    sources = [s for room in ROOMS for s in sorted((tap.TOP / room).glob("*.c"))] + [tap.TOP / "runtime" / "inner.c"]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        objects = list(pool.map(compiled, sources))
    library = WORK / "librooms.a"
    library.unlink(missing_ok=True)
    tap.command("ar", "cr", library, *objects, check=0)


def seeds():
    """Small real programs; the first byte that targets take as an option is part of the game."""
    library = Path(sysconfig.get_paths()["stdlib"])
    small = sorted(library.glob("*.py"), key=lambda p: (p.stat().st_size, p.name))[:SEEDS]
    return [*sorted((tap.TOP / "examples").glob("*.py")), *small]


def small_programs():
    """The cases of the differential test, by the hundred: rich in syntax and odd."""
    sys.path.insert(0, str(tap.TOP / "tests" / "differential"))
    import oracle
    return list(oracle.read_cases(oracle.CASES))


def linked(name):
    """What a target is linked with."""
    sources, libraries = OTHERS.get(name, ([], []))
    if not sources:
        return [WORK / "librooms.a"]
    flags = []
    for library in libraries:
        found = tap.command("pkg-config", "--cflags", "--libs", library)
        if found.returncode:
            raise tap.Skip(f"{library} is not installed")
        flags += found.stdout.split()
    return [*(compiled(tap.TOP / source) for source in sources), *flags]


def fuzzed(source):
    name = source.stem

    def test():
        corpus = WORK / f"{name}-corpus"
        corpus.mkdir(exist_ok=True)
        for seed in seeds():
            shutil.copyfile(seed, corpus / f"seed-{seed.name}")
        for number, policy in enumerate({"fuzz_policy": POLICIES, "fuzz_inner": RECORDS}.get(name, [])):
            (corpus / f"policy-{number}").write_text(policy + "\0import os\nprint(os.getpid())\n")
        for number, message in enumerate(MESSAGES if name == "fuzz_rpc" else []):
            (corpus / f"message-{number}").write_bytes(message)
        for number, program in enumerate(small_programs()):
            # Targets read the version from the first byte.
            seed = bytes([number % 7]) + program.encode("utf-8")
            (corpus / f"case-{number}").write_bytes(seed)
        kept = HERE / name.replace("fuzz_", "corpus_")
        binary = WORK / name
        tap.command("clang", *FLAGS, "-fsanitize=fuzzer,address,undefined", "-o", binary,
                    compiled(source), *linked(name), check=0, timeout=300)
        words = HERE / f"{name.removeprefix('fuzz_')}.dict"
        words = words if words.exists() else HERE / "python.dict"
        done = tap.command(binary, corpus, *([kept] if kept.is_dir() else []),
                           *([f"-dict={words}"] if words.exists() else []),
                           f"-max_total_time={SECONDS}", "-max_len=8192", "-timeout=20",
                           "-rss_limit_mb=3000", "-print_final_stats=1",
                           f"-artifact_prefix={WORK}/{name}-", timeout=SECONDS + 300)
        runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"# {name}: {' '.join(runs)}")
        assert done.returncode == 0, done.stderr[-4000:]
        assert runs and int(runs[0].split()[-1]) > 100, f"hardly ran: {runs}"
    test.__doc__ = f"{name} for {SECONDS} s"
    return test


def main():
    targets = sorted(HERE.glob("fuzz_*.c"))
    if not shutil.which("clang"):
        print("1..0 # SKIP clang is not installed")
        return 0
    if not shutil.which("ar"):
        print("1..0 # SKIP binutils are not installed")
        return 0
    return tap.run([rooms, *map(fuzzed, targets)])


if __name__ == "__main__":
    sys.exit(main())
