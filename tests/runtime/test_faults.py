#!/usr/bin/env python3
"""Every set-up step made to fail in turn: it names itself, nothing runs, nothing stays.

Runs the test-only program built with -DPYSBX_FAULTS, which takes the step's name from $FAULT_STEP.
"""

import json
import os
import re
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[n]) for n in (0, 1)]
import tap
from sandbox import Caller, host_state, wait_until

FAULTY = tap.BUILD / "tests/tools/pysbx_faults"
TABLE = tap.TOP / "runtime/steps.def"


def steps():
    return re.findall(r'^STEP\(\w+, "([^"]+)"', TABLE.read_text(), re.M)


def failing(step):
    def test():
        caller = Caller("root", FAULTY)
        before = host_state()
        status, out, err = caller.call("run", "--backend", "native", "--guard", "off", "--json", "-c", "print('ran')", env={
            "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "FAULT_STEP": step})
        text = out.decode()
        if step == "mount /proc":
            # The one step that a run may go without, at a lower tier, which it then says.
            missing = json.loads(text)["isolation"]["missing"]
            assert status == 0 and "proc" in missing and '"tier":"reduced"' in text, text
        else:
            assert status == 125, (status, out, err)
            assert f'"message":"{step}: Operation not permitted"' in text, text
            assert "ran" not in text, text
            wanted = "error" if step == "exec python" else "unavailable"
            assert f'"status":"{wanted}"' in text, text
        assert wait_until(lambda: host_state() == before)
    test.__doc__ = f"step fails: {step}"
    return test


def no_fault():
    """without a fault the same program runs"""
    assert Caller("root", FAULTY).output("print(1)") == "1\n"


def the_product_has_no_faults():
    """the product does not know the switch"""
    product = Caller("root", tap.PYSBX)
    out = product.output("print(1)", env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent",
                                          "FAULT_STEP": "mount root"})
    assert out == "1\n"


if __name__ == "__main__":
    if not FAULTY.exists():
        sys.exit(f"{FAULTY}: not built")
    assert len(steps()) > 30
    sys.exit(tap.run([no_fault, the_product_has_no_faults] + [failing(step) for step in steps()]))
