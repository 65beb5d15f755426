"""The hands of the units on one machine.  Start reading at agent.py: the main path.

main.py      process: session, mirror, one agent per unit placed here, stop in order
agent.py     the loop of one unit: look, decide, perform, settle
served.py, unit_tasks.py, unit_scripts.py   what it sees and what of it runs; its actions; scripts of the machine
observe.py   what one unit can see, from the mirror (pure)
register.py, hardware.py, addresses.py      the machine: who it is, what it has
claim.py, campaign.py           take and hold units and leadership, under the session's lease
perform.py, task.py, script.py  carry out a hook, an action or a script: directory, environment, commands
start.py     how its program is started: warm.py (a fork of a warm parent) or dispatch.py (a new process)
record.py    write what a hook did, once, whatever the network does; show.py: what people see before that
minder.py    a small process that ends running hooks when this one is dead, frozen or cut off
charmdir.py  charm archives into directories; charmenv.py: a Python environment for a charm that brings none
channel.py, toolserver.py, toolclient.*     what a charm asks: over one stream from our ops, else by hook commands
machine_tasks.py, stream.py     commands for the machine as such, and what goes in and out of them
storage.py, storage_tender.py, directory.py, readonly.py    directories of storage
firewall.py  who may reach open ports
logs.py, output.py, metrics.py, http.py     log files of units; logs, metrics and health over HTTP
"""
