// node client.mjs legacy|auto|VERSION URL | COMMAND ARGS...: checks.mjs with @modelcontextprotocol/client.
import { pathToFileURL } from "node:url";
import { check } from "./checks.mjs";

const home = process.env.PYSBX_MCP_CLIENTS + "/node_modules/@modelcontextprotocol/client/dist/";
const load = (name) => import(pathToFileURL(home + name));
const { Client, StreamableHTTPClientTransport } = await load("index.mjs");
const { StdioClientTransport } = await load("stdio.mjs");

const [mode, first, ...rest] = process.argv.slice(2);
const versionNegotiation = { mode: /^\d/.test(mode) ? { pin: mode } : mode };
const client = new Client({ name: "pysbx-test", version: "1" }, { versionNegotiation });
await client.connect(first.startsWith("http:")
	? new StreamableHTTPClientTransport(new URL(first))
	: new StdioClientTransport({ command: first, args: rest, env: process.env, stderr: "ignore" }));
await check(client, (params, options) => client.callTool(params, options));
await client.close();
console.log("done");
