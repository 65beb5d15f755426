"""HTTP in front of commands: one door for permissions, validation and audit.

server.py  the HTTP server, limits, errors to status codes      auth.py    who may do what
routes.py  one function per request: parse, transact, answer    status.py  View -> status tree (pure)
show.py    View -> the answers of the show commands (pure)      logs.py    log lines of all workers, merged
"""
