# ruff: noqa: I001, UP031
import sys
from asterisk.agi import AGI

agi = AGI()
agi.answer()
for turn in range(3):
    value = agi.get_variable("TURN%d" % turn)
    agi.verbose("%s %s" % (sys.argv[1], value))
agi.set_variable("NUMBER", "%s %s" % (sys.argv[1], value))
sys.exit()
