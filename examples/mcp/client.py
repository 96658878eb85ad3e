"""A client of `pysbx mcp` in forty lines, without any library: one message on each line.

    python3 examples/mcp/client.py [PYSBX] 'print(6 * 7)'
"""

import json
import subprocess
import sys

VERSION = "2026-07-28"


class Client:
    def __init__(self, *command):
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.id = 0

    def request(self, method, **params):
        """Every request of this version stands alone: no handshake comes before it."""
        self.id += 1
        params["_meta"] = {"io.modelcontextprotocol/protocolVersion": VERSION,
                           "io.modelcontextprotocol/clientCapabilities": {}}
        json.dump({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}, self.server.stdin)
        self.server.stdin.write("\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def close(self):
        self.server.stdin.close()
        self.server.wait()


def main():
    pysbx, code = ("pysbx", *sys.argv[1:])[-2:]
    client = Client(pysbx, "mcp")
    print("tools:", ", ".join(tool["name"] for tool in client.request("tools/list")["tools"]))
    result = client.request("tools/call", name="run_code", arguments={"code": code})
    print(result["content"][0]["text"])
    client.close()
    return 1 if result["isError"] else 0


if __name__ == "__main__":
    sys.exit(main())
