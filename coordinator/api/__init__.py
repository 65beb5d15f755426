"""HTTP in front of commands: one door for permissions, validation and audit.

server.py    the HTTP server, limits, errors to status codes   auth.py    who may do what
services.py  what every request needs: store, user, commit     logs.py    log lines of all workers, merged
routes/      a file per subject, a function per request        status.py  View -> status tree (pure)
archive.py   an archive that was sent -> what the charm is     current.py a View as fresh as the store
show.py, bundle.py, space.py, storage.py, task.py, user.py, status_log.py
             View -> the answers of the show commands (pure)
"""
