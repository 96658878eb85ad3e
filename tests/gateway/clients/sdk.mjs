// node sdk.mjs URL | COMMAND ARGS...: checks.mjs with @modelcontextprotocol/sdk.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { check } from "./checks.mjs";

const require = createRequire(process.env.PYSBX_MCP_CLIENTS + "/");
const load = (name) => import(pathToFileURL(require.resolve("@modelcontextprotocol/sdk/" + name)));
const { Client } = await load("client/index.js");
const { StdioClientTransport } = await load("client/stdio.js");
const { StreamableHTTPClientTransport } = await load("client/streamableHttp.js");

const [first, ...rest] = process.argv.slice(2);
const client = new Client({ name: "pysbx-test", version: "1" });
await client.connect(first.startsWith("http:")
	? new StreamableHTTPClientTransport(new URL(first))
	: new StdioClientTransport({ command: first, args: rest, env: process.env, stderr: "ignore" }));
await check(client, (params, options) => client.callTool(params, undefined, options));
await client.close();
console.log("done");
