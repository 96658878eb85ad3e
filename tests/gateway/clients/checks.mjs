// What every client must be able to do with pysbx mcp: connect, list, the four reference checks
// through each tool, a refusal, an unknown tool, progress. Throws at the first thing that is wrong.
import assert from "node:assert/strict";
import net from "node:net";

export async function check(client, call) {
	const { tools } = await client.listTools();
	assert.deepEqual(tools.map((tool) => tool.name), ["run_code", "secure_sandbox", "check_code"]);
	assert.ok(tools.every((tool) => tool.outputSchema && tool.annotations.readOnlyHint));
	const listening = net.createServer().listen(0, "127.0.0.1");
	await new Promise((resolve) => listening.once("listening", resolve));
	const port = listening.address().port;
	for (const name of process.env.TOOLS.split(" ")) {
		const run = async (code, more = {}) =>
			(await call({ name, arguments: { code, ...more } })).structuredContent;
		assert.equal((await run("print(sum(range(10)))")).stdout, "45\n");
		assert.equal((await run("import os\nprint(os.getuid())")).stdout, "65534\n");
		const connect = `import socket\nsocket.create_connection(('127.0.0.1', ${port}), 1)`;
		assert.equal((await run(connect)).status, "nonzero");
		assert.equal((await run("while True: pass", { timeout_ms: 300 })).status, "timeout");
	}
	listening.close();
	const refused = await call({ name: "run_code", arguments: { code: "x = (" } });
	assert.equal(refused.isError, true);
	assert.match(refused.content[0].text, /was not run.*line 1.*PSX001/s);
	const judged = await call({ name: "check_code", arguments: { code: "print(1)" } });
	assert.equal(judged.structuredContent.verdict, "allow");
	await assert.rejects(call({ name: "no_such_tool", arguments: {} }), (error) => error.code === -32602);
	const seen = [];
	await call({ name: "run_code", arguments: { code: "import time; time.sleep(1.3)" } },
		{ onprogress: (progress) => seen.push(progress.progress) });
	assert.ok(seen.length >= 1, "no progress");
	assert.deepEqual(seen, [...new Set(seen)].sort((a, b) => a - b));
	// Cancelled in time: the next call is answered though only one may run at once.
	const abort = new AbortController();
	const doomed = call({ name: "run_code", arguments: { code: "while True: pass" } }, { signal: abort.signal });
	setTimeout(() => abort.abort("enough"), 300);
	await assert.rejects(doomed);
	assert.equal((await call({ name: "run_code", arguments: { code: "print(6 * 7)" } })).structuredContent.stdout, "42\n");
}
