"""The hands of the units on one machine.  Start reading at agent.py: the main path.

main.py      process: session, mirror, one agent per unit placed here, stop in order
agent.py     the loop of one unit: look, decide, perform, settle
observe.py   what one unit can see, from the mirror (pure)
register.py, hardware.py        the machine: who it is, what it has
claim.py     take and hold units and leadership, under the session's lease
perform.py   carry out a hook: charm directory, environment, commands
dispatch.py  start the charm's process, collect its output, end it
record.py    write what a hook did, once, whatever the network does
minder.py    a small process that ends running hooks when this one is dead, frozen or cut off
charmdir.py  charm archives into directories; charmenv.py: a Python environment for a charm that brings none
toolserver.py, toolclient.py    the hook commands, over a local socket
logs.py, http.py                log files of units; logs, metrics and health over HTTP
"""
