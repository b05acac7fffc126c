# ruff: noqa: I001
import sys
from asterisk import agi as module
import asterisk.agi

agi = asterisk.agi.AGI()
same = module.AGI(sys.stdin, sys.stdout, sys.stderr)
same.set_variable("CHANNEL", agi.env["agi_channel"])
agi.set_variable("SAME", agi.env is same.env)
agi.set_variable("KIND", isinstance(agi, module.AGI) and __name__)
