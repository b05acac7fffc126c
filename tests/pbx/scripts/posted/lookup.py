#!/usr/bin/python
"""Looks the caller up in Asterisk's database and shows his name."""
import sys
import re
import asterisk.agi


def lookup(agi, number):
    number = re.sub(r'^\+?86', '0', number)
    try:
        return agi.database_get('cidname', number)
    except asterisk.agi.AGIDBError:
        return ''


def main():
    agi = asterisk.agi.AGI()
    number = agi.env['agi_callerid']
    try:
        name = lookup(agi, number)
        if name:
            agi.set_callerid('"%s" <%s>' % (name, number))
            agi.set_variable('QUEUE_PRIO', 10)
            agi.set_variable('SAYS', 'customer')
        else:
            agi.set_variable('SAYS', 'stranger')
    except asterisk.agi.AGIHangup:
        pass
    except asterisk.agi.AGIException as e:
        sys.stderr.write('lookup failed: %s\n' % e)
        agi.verbose(str(e))


if __name__ == '__main__':
    main()
    sys.exit(0)
