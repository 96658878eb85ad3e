#!/usr/bin/env node
// CPython as WebAssembly, used like the program python3: [-I] -c CODE or FILE, then ARGUMENTS.
//
//     PYSBX_PYODIDE=DIR/node_modules/pyodide node wasm_python.mjs -c 'import sys; print(sys.version)'
//
// The npm package "pyodide" holds the interpreter. It sees the host's files at their own paths. A
// program started with `subprocess` runs on the host, to its end, before its output is read: there
// are no processes in WebAssembly.
import { spawnSync } from "node:child_process";
import { readFileSync, readSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const OUTPUT_MAX = 1 << 30;
const OWN = new Set(["dev", "proc", "sys", "lib", "home"]); // the interpreter has its own

const STAND_IN = `
import io, js, os, subprocess, sys

def _run(argv, input=None, cwd=None, env=None):
    done = js.pysbx_spawn([os.fspath(word) for word in argv], input, cwd, env)
    return done.status, done.stdout.to_bytes(), done.stderr.to_bytes()

class Popen:
    """Runs at once, to its end; only what tests here need."""
    def __init__(self, argv, stdin=None, stdout=None, stderr=None, cwd=None, env=None):
        self.returncode, out, err = _run(argv, cwd=cwd, env=env)
        self.stdout, self.stderr = io.BytesIO(out), io.BytesIO(err)
    def wait(self, timeout=None):
        return self.returncode

def run(argv, input=None, stdout=None, stderr=None, stdin=None, timeout=None, text=False,
        check=False, capture_output=False, cwd=None, env=None):
    if isinstance(input, str):
        input = input.encode()
    status, out, err = _run(argv, input, cwd, env)
    if check and status:
        raise subprocess.CalledProcessError(status, argv, out, err)
    if text:
        out, err = out.decode(), err.decode()
    return subprocess.CompletedProcess(argv, status, out, err)

subprocess.Popen, subprocess.run = Popen, run
`;

function bytesOf(value) {
	return value === undefined || value === null ? undefined : value.toJs ? value.toJs() : value;
}

globalThis.pysbx_spawn = (argv, input, cwd, env) => {
	const [program, ...args] = argv.toJs();
	const done = spawnSync(program, args, {
		input: bytesOf(input), cwd: cwd ?? undefined, maxBuffer: OUTPUT_MAX,
		env: env ? Object.fromEntries(env.toJs()) : process.env,
	});
	if (done.error)
		throw done.error;
	const [stdout, stderr] = [done.stdout, done.stderr].map((data) => new Uint8Array(data));
	return { status: done.status ?? -1, stdout, stderr };
};

function mountHost(python) {
	const top = readdirSync("/", { withFileTypes: true });
	const places = top.filter((e) => e.isDirectory() && !OWN.has(e.name)).map((e) => "/" + e.name);
	for (const user of readdirSync("/home"))
		if (user !== "pyodide")
			places.push("/home/" + user);
	for (const place of places) {
		try {
			python.mountNodeFS(place, place);
		} catch (error) {
			continue; // gone meanwhile, or not for this user: then it is not needed
		}
	}
}

const { loadPyodide } = await import(
	pathToFileURL(join(resolve(process.env.PYSBX_PYODIDE), "pyodide.mjs")));
const words = process.argv.slice(2).filter((word, at) => !(at === 0 && word === "-I"));
const isCode = words[0] === "-c";
const python = await loadPyodide({ env: { ...process.env, HOME: "/home/pyodide" } });
mountHost(python);
python.FS.chdir(process.cwd());
python.setStdin({ read: (buffer) => readSync(0, buffer) });
for (const [number, name] of [[1, "setStdout"], [2, "setStderr"]])
	python[name]({ write: (bytes) => {
		(number === 1 ? process.stdout : process.stderr).write(Buffer.from(bytes));
		return bytes.length;
	} });
python.globals.set("_argv", isCode ? ["-c", ...words.slice(2)] : words);
python.runPython(`import sys; sys.argv = list(_argv); del _argv`);
python.runPython(STAND_IN, { globals: python.runPython("{'__name__': 'stand_in'}") });
if (!isCode)
	python.runPython(`import os; sys.path.insert(0, os.path.dirname(sys.argv[0]))
__file__ = sys.argv[0]`);
let status = 0;
try {
	python.runPython(isCode ? words[1] : readFileSync(words[0], "utf8"),
		{ filename: isCode ? "<string>" : words[0] });
} catch (error) {
	const exit = /SystemExit: ?(\d*)\s*$/.exec(error.message ?? "");
	status = exit ? Number(exit[1] || 0) : 1;
	if (!exit)
		process.stderr.write(String(error.message ?? error) + "\n");
}
python.runPython("sys.stdout.flush(); sys.stderr.flush()");
process.exitCode = status;
