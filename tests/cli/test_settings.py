"""Where settings come from: order, profiles, ceilings, the configuration file. Prints TAP.

The system's file is reached through tests/tools/pysbx_other_paths, which is pysbx but for that path.
"""

import os
import re

from cli import Skip, clean_environment, holds, main, needs_isolation, pysbx, same, scratch, tap, test

OTHER = tap.BUILD / "tests" / "tools" / "pysbx_other_paths"
# Reads a limit back from inside: RLIMIT_NOFILE is what --nofile sets.
NOFILE = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"


def call(*words, env=None, **more):
    if not OTHER.exists():
        raise Skip(f"{OTHER.name} is not built")
    return pysbx("run", "--guard", "off", *words, env=env, program=OTHER, **more)


class places:
    """The four places of settings, as texts; gives words and environment."""

    def __init__(self, system=None, user=None, config=None, env=None, line=(), pieces=()):
        self.texts = {"system": system, "user": user, "config": config}
        self.pieces = dict(pieces)
        self.env, self.line = dict(env or {}), list(line)

    def __enter__(self):
        self.scratch = scratch()
        top = self.top = self.scratch.__enter__()
        (top / "pysbx").mkdir()
        paths = {"system": top / "system.conf", "user": top / "pysbx" / "pysbx.conf",
                 "config": top / "more.conf"}
        for name, path in paths.items():
            if self.texts[name] is not None:
                path.write_text(self.texts[name])
        for name, piece in self.pieces.items():
            (top / "conf.d").mkdir(exist_ok=True)
            (top / "conf.d" / name).write_text(piece)
        self.env.update(XDG_CONFIG_HOME=str(top), PYSBX_TEST_SYSTEM_FILE=str(paths["system"]))
        if self.texts["config"] is not None:
            self.line[:0] = ["--config", str(paths["config"])]
        return self

    def __exit__(self, *unused):
        self.scratch.__exit__()

    def call(self, *words):
        return call(*self.line, *words, env=self.env)


def nofile(**texts):
    with places(**texts) as at:
        # `tight` asks for the full tier, which is not what is looked at here.
        result = at.call("--require", "minimal", "-c", NOFILE)
        same(result.status, 0, result)
        return int(result.out)


def refused(*parts, status=125, **texts):
    with places(**texts) as at:
        result = at.call("-c", "1")
        same((result.status, result.out), (status, b""), (texts, result))
        for part in parts:
            holds(result.err.replace(str(at.top), "TOP"), part)


@test("command line, environment, --config, user, system, built in: in this order")
def _():
    needs_isolation()
    texts = {"line": ["--nofile", "101"], "env": {"PYSBX_NOFILE": "102"}, "config": "nofile = 103",
             "user": "nofile = 104", "system": "nofile = 105"}
    for wanted, place in zip((101, 102, 103, 104, 105, 256), [*texts, None]):
        same(nofile(**texts), wanted, place)
        texts.pop(place, None)


@test("every setting has its variable and its key")
def _():
    table = (tap.TOP / "cli" / "options.def").read_text()
    rows = re.findall(r'^OPTION\(\w+, (?:\'.\'|0), "([\w-]+)", .*?, ([A-Z]+), ([A-Z_| ]+), ', table, re.M)
    assert len(rows) > 25, rows
    bad = "\x01"
    for name, kind, where in rows:
        variable = "PYSBX_" + name.upper().replace("-", "_")
        if "ON_RUN" not in where or kind in ("TEXT", "LIST"):
            continue
        if "SETTING" in where:
            refused(f"{variable}: ", env={variable: bad})
            refused(f"TOP/pysbx/pysbx.conf:2:{len(name) + 4}: {name}: ", user=f"\n{name} = ?")
        else:
            refused(f"pysbx.conf:1:1: '{name}' can not be set in a file", f"--{name}",
                    user=f"{name} = 1")
    for name in ("stdin", "file", "fetch", "fetch-dir", "env", "code", "config", "help"):
        refused("can not be set in a file", user=f"{name} = 1")


@test("a profile counts as set where it is named")
def _():
    needs_isolation()
    tight, default = 128, 256
    same(nofile(line=["-p", "tight"]), tight)
    same(nofile(line=["-p", "tight", "--nofile", "99"]), 99)
    same(nofile(line=["-p", "tight"], env={"PYSBX_NOFILE": "99"}), tight)
    same(nofile(env={"PYSBX_NOFILE": "99", "PYSBX_PROFILE": "tight"}), 99)
    same(nofile(env={"PYSBX_NOFILE": "99"}, user="profile = tight"), 99)
    same(nofile(user="profile = tight\nnofile = 98"), 98)
    same(nofile(user="profile = tight", system="nofile = 97"), tight)
    same(nofile(user="nofile = 97", system="profile = tight"), 97)
    same(nofile(line=["-p", "default"], user="profile = tight"), default)


@test("profiles of the files: own ones, and laid over the built-in")
def _():
    needs_isolation()
    own = "[profile small]\nnofile = 77\n[profile tight]\nnofile = 78\n[profile default]\nnofile = 79\n"
    same(nofile(user=own, line=["-p", "small"]), 77)
    same(nofile(user=own, line=["-p", "tight"]), 78)
    same(nofile(user=own), 79)
    same(nofile(user="[profile small]\nmemory = 64M", line=["-p", "small"]), 256)
    same(nofile(user="nofile = 76\n[profile small]\nmemory = 64M", line=["-p", "small"]), 76)
    same(nofile(config="[profile small]\nnofile = 75", user=own, line=["-p", "small"]), 75)
    refused("there is no profile 'smal'", "did you mean 'small'?", "pysbx.conf:1:1: profile",
            user="profile = smal\n" + own)
    refused("PYSBX_PROFILE: there is no profile 'x1y2z3'", env={"PYSBX_PROFILE": "x1y2z3"})


@test("ceilings: what is asked for above one is an error that names it")
def _():
    needs_isolation()
    system = "# limits of this host\nceiling.nofile = 100\n"
    where = "over the ceiling 100 set at TOP/system.conf:2"
    refused("--nofile: 101 is " + where, "ask for 100 at the most", system=system,
            line=["--nofile", "101"])
    refused("PYSBX_NOFILE: 101 is " + where, system=system, env={"PYSBX_NOFILE": "101"})
    refused("TOP/pysbx/pysbx.conf:1:1: nofile: 101 is " + where, system=system, user="nofile = 101")
    refused("TOP/more.conf:1:1: nofile: 101 is " + where, system=system, config="nofile = 101")
    refused("profile tight: nofile: 128 is " + where, system=system, line=["-p", "tight"])
    refused("nofile: 101 is " + where, system=system, user="[profile x]\nnofile = 101",
            line=["-p", "x"])
    same(nofile(system=system, line=["--nofile", "100"]), 100)
    same(nofile(system=system, line=["--nofile", "99"]), 99)


@test("ceilings: the built-in value, which nobody asked for, gives way")
def _():
    needs_isolation()
    same(nofile(system="ceiling.nofile = 100"), 100)
    with places(system="ceiling.cpu-time = 300ms") as at:
        result = at.call("--cpus", "1", "-t", "20s", "-c", "while True: pass")
        same(result.status, 124, result)
        holds(result.err, "300ms", "--cpu-time")


@test("conf.d beside the system's file: in the order of the names, the later before the earlier")
def _():
    needs_isolation()
    same(nofile(pieces={"a.conf": "nofile = 77"}), 77)
    same(nofile(system="nofile = 50", pieces={"a.conf": "nofile = 77"}), 77)
    same(nofile(system="nofile = 50", pieces={"b.conf": "nofile = 88", "a.conf": "nofile = 77"}), 88)
    same(nofile(system="nofile = 50", pieces={".a.conf": "nofile = 77", "a": "?", "a.conf~": "?", ".conf": "?"}), 50)
    same(nofile(user="nofile = 60", pieces={"a.conf": "nofile = 77"}), 60)
    same(nofile(system="profile = small", pieces={"a.conf": "[profile small]\nnofile = 33"}), 33)


@test("the file with every setting at its default is legal, and changes nothing")
def _():
    needs_isolation()
    shipped = (tap.TOP / "packaging" / "pysbx.conf").read_text()
    same(nofile(system=shipped), 256)
    every = re.sub(r"^#(?=[a-z-]+ = )", "", shipped, flags=re.M)
    assert len(re.findall(r"^[a-z-]+ = ", every, re.M)) > 15
    same(nofile(system=every), 256)
    same(nofile(system=every.replace("nofile = 256", "nofile = 255")), 255)


@test("conf.d may have ceilings, and its errors name the piece")
def _():
    needs_isolation()
    same(nofile(pieces={"a.conf": "ceiling.nofile = 90"}), 90)
    same(nofile(system="ceiling.nofile = 90", pieces={"a.conf": "ceiling.nofile = 120"}), 120)
    refused("over the ceiling 90 set at TOP/conf.d/a.conf:2", pieces={"a.conf": "# few\nceiling.nofile = 90"},
            line=["--nofile", "91"])
    refused("TOP/conf.d/a.conf:2:1: unknown key 'memroy'", "did you mean 'memory'?",
            pieces={"a.conf": "\nmemroy = 1M", "b.conf": "nofile = 88"})


@test("a conf.d that cannot be read forbids the run: it may hold a ceiling")
def _():
    with places(pieces={"a.conf": "nofile = 77"}) as at:
        (at.top / "conf.d" / "b.conf").mkdir()
        result = at.call("-c", "1")
        same(result.status, 125, result)
        holds(result.err, str(at.top / "conf.d" / "b.conf"))


@test("ceilings stand in the system's file only, above the profiles, for limits only")
def _():
    line = "ceiling.memory = 512M"
    refused("pysbx.conf:1:1: a ceiling can be set in the system's file only", "memory = ...",
            user=line)
    refused("TOP/more.conf:1:1: a ceiling can be set in the system's", config=line)
    refused("TOP/system.conf:2:1: a ceiling does not belong to a profile",
            system="[profile x]\n" + line)
    refused("'guard' can have no ceiling", "only limits", system="ceiling.guard = off")
    refused("unknown key 'memroy'", "did you mean 'memory'?", system="ceiling.memroy = 1M")
    refused("system.conf:1:18: memory: 'lots' is not a size", system="ceiling.memory = lots")


@test("the file's format: comments, white space, CRLF, values with # and =")
def _():
    needs_isolation()
    same(nofile(user="  nofile=90 # half\r\n\r\n#nofile = 5\n\t# more\n"), 90)
    same(nofile(user="image = a#b=c\nnofile\t=\t91"), 91)
    same(nofile(user=""), 256)


@test("errors in a file: place and remedy")
def _():
    for text, place, *parts in (
            ("nofile 90", "1:1", "has no '='", "key = value"),
            ("\n  memroy = 1M", "2:3", "unknown key 'memroy'", "did you mean 'memory'?"),
            ("zzzzzzzz = 1", "1:1", "unknown key 'zzzzzzzz'", "long names of options"),
            ("= 1", "1:1", "not a key"), ("a b = 1", "1:1", "not a key"),
            ("memory =", "1:9", "memory: '' is not a size"),
            ("memory = 1T", "1:10", "memory: '1T' is not a size", "k, M or G"),
            ("memory = 64M\ncpus = 1\nmemory = 65M", "3:1", "'memory' is set twice",
             "before at TOP/pysbx/pysbx.conf:1:1"),
            ("[profile x", "1:1", "no ']'"), ("[limits]", "1:1", "not a section", "[profile NAME]"),
            ("[profile]", "1:1", "not a section"), ("[profile a/b]", "1:1", "not a section"),
            ("[profile x]\nprofile = tight", "2:1", "can not choose another profile"),
            ("memory = 64M\x07", "1:13", "byte 0x07 is not text", "UTF-8"),
            ("quiet = perhaps", "1:9", "quiet: 'perhaps' is neither yes nor no"),
            ("policy = stricter", "1:10", "policy: ", "'stricter'")):
        refused(f"TOP/pysbx/pysbx.conf:{place}: ", *parts, user=text)


@test("an error in a file is one even where another place overrides it")
def _():
    refused("more.conf:1:10: memory: 'x' is not a size", config="memory = x",
            line=["--memory", "64M"])
    refused("PYSBX_MEMORY: 'x' is not a size", env={"PYSBX_MEMORY": "x"}, line=["--memory", "64M"])


@test("--config must be there, the other files need not")
def _():
    needs_isolation()
    refused("--config /nonexistent: file not found", status=125, line=["--config", "/nonexistent"])
    refused("/nonexistent: file not found", status=125, env={"PYSBX_CONFIG": "/nonexistent"})
    refused("is a directory", line=["--config", "/"])
    same(call("-c", "1", env={"PYSBX_TEST_SYSTEM_FILE": "/dev/null/x"}).status, 0)
    same(call("-c", "1", env={"XDG_CONFIG_HOME": "/dev/null",
                              "PYSBX_TEST_SYSTEM_FILE": "/nonexistent"}).status, 0)


@test("a user's file that can not be read is an error")
def _():
    refused("TOP/pysbx/pysbx.conf: larger than", user="#" * (300 << 10))
    if os.getuid() == 0:
        raise Skip("root reads everything")
    with places(user="") as at:
        (at.top / "pysbx" / "pysbx.conf").chmod(0)
        holds(at.call("-c", "1").err, "Permission denied")


@test("XDG_CONFIG_HOME must be absolute, else HOME counts")
def _():
    needs_isolation()
    with scratch() as top:
        (top / ".config" / "pysbx").mkdir(parents=True)
        (top / ".config" / "pysbx" / "pysbx.conf").write_text("nofile = 88")
        for env in ({}, {"XDG_CONFIG_HOME": "relative"}, {"XDG_CONFIG_HOME": ""}):
            result = call("-c", NOFILE, env={"HOME": str(top), **env,
                                             "PYSBX_TEST_SYSTEM_FILE": "/nonexistent"})
            same(result.out, b"88\n", (env, result))


@test("another user's HOME is none of ours")
def _():
    needs_isolation()
    if os.getuid() != 0:
        raise Skip("only root can make a directory of another's")
    with scratch() as top:
        (top / ".config" / "pysbx").mkdir(parents=True)
        (top / ".config" / "pysbx" / "pysbx.conf").write_text("nofile = 88")
        env = {"HOME": str(top), "PYSBX_TEST_SYSTEM_FILE": "/nonexistent"}
        same(call("-c", NOFILE, env=env).out, b"88\n")
        os.chown(top, 12345, 12345)
        same(call("-c", NOFILE, env=env).out, b"256\n")


@test("a misspelt variable is told, another's is not, an empty one is none")
def _():
    needs_isolation()
    env = {"PYSBX_TEST_SYSTEM_FILE": "/nonexistent"}
    result = call("-c", "1", env={**env, "PYSBX_MEMROY": "64M"})
    same(result.status, 0)
    holds(result.err, "PYSBX_MEMROY is not a setting; did you mean PYSBX_MEMORY?")
    same(call("-q", "-c", "1", env={**env, "PYSBX_MEMROY": "64M"}).err, "")
    same(call("-c", "1", env={**env, "PYSBX_SRCDIR": "/x", "PYSBX_MEMORY": ""}).err, "")


@test("flags are undone with =no")
def _():
    needs_isolation()
    env = {"PYSBX_TEST_SYSTEM_FILE": "/nonexistent", "PYSBX_JSON": "yes"}
    same(call("-c", "print(1)", env=env).json["stdout"], "1\n")
    same(call("--json=no", "-c", "print(1)", env=env).out, b"1\n")
    same(call("--json=off", "-c", "print(1)", env=env).out, b"1\n")


@test("NO_COLOR and --color")
def _():
    # Not a terminal: only an explicit wish colours.
    env = clean_environment()
    same("\x1b" in pysbx("run", "-c", "import os", env=env).err, False)
    same("\x1b" in pysbx("run", "--color", "-c", "import os", env={"NO_COLOR": "1"}).err, True)
    same("\x1b" in pysbx("run", "-c", "import os", env={"PYSBX_COLOR": "always"}).err, True)


main()
