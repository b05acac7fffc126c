# ruff: noqa: UP031
import sys

env = {}
while True:
    line = sys.stdin.readline().strip()
    if not line:
        break
    key, _, value = line.partition(":")
    env[key] = value.strip()

print('VERBOSE "%s" 1' % env["agi_channel"])
sys.stdout.flush()
result = sys.stdin.readline().strip()
sys.stderr.write("heard %s\n" % result)
sys.stdout.write("GET VARIABLE NAME\n")
sys.stdout.flush()
name = input()
print('SET VARIABLE ECHO "%s"' % name.replace('"', ""))
