"""What the guard refuses, and why: each line below is a finding. pysbx run examples/refused.py"""

import os
import socket as s

print(open("/etc/passwd").read())
print(().__class__.__base__.__subclasses__())
os.system("id")
