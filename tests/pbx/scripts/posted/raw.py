#!/usr/bin/python
# No library at all: AGI on standard input and output.
import sys

env = {}
for line in sys.stdin:
    line = line.strip()
    if not line:
        break
    key, value = line.split(':', 1)
    env[key.strip()] = value.strip()

print('ANSWER')
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write('SET VARIABLE SAYS "%s %s"\n' % (env['agi_callerid'], sys.argv[2]))
sys.stdout.flush()
result = sys.stdin.readline().strip()
sys.stderr.write('asterisk said %s\n' % result)
