#!/usr/bin/env python
# Asks for the PIN that is kept under pins/NUMBER in Asterisk's database. Three tries.
import sys
from asterisk.agi import *

agi = AGI()
agi.verbose("python agi started")
agi.answer()

callerId = agi.env['agi_callerid']
agi.verbose("call from %s" % callerId)

tries = 0
while tries < 3:
    pin = agi.get_data('vm-password', 4000, 4)
    agi.verbose("got digits %s" % pin)
    try:
        right = agi.database_get('pins', callerId)
    except AGIDBError:
        right = None
    if pin == right:
        agi.set_variable('PINOK', 'yes')
        agi.stream_file('beep')
        agi.set_context('landing')
        agi.set_extension('support')
        agi.set_priority(1)
        sys.exit()
    agi.stream_file('beeperr')
    tries = tries + 1

agi.set_variable('PINOK', 'no')
agi.set_context('landing')
agi.set_extension('refused')
agi.set_priority(1)
sys.exit()
