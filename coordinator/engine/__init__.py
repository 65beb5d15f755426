"""The mind of one unit.  Pure: values in, values out; no socket, file, clock, thread or logger.

world.py      all that one unit can see, at one revision
decide.py     (memory, world, moment) -> the one thing to do next
hookenv.py    the environment that a hook starts with
tools/        what a charm may ask for while its hook runs: (context, call) -> reply, effects
settle.py     (memory, world, hook, effects) -> the one write that ends a hook
operation.py  the possible next things; cause.py: the revision that made a hook run
secret.py, storage.py, task.py, script.py, network.py     what one subject adds to the above
"""
