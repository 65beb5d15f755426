"""etcd: the only package that knows keys, bytes and leases.

coordinator/                        keys.py spells every key below; codec.py says what each holds
  schema, users/, controllers/
  machines/<id>[/worker]
  charms/<sha256>[/chunks/<n>]
  models/<m>, <m>/journal, <m>/sequences/
             <m>/applications/<app>[/config|/leader|/leader-settings|/status]
             <m>/units/<app>/<n>[/claim|/memory|/memory/relations/<id>|/state|/status|/agent]
             <m>/relations/<id>[/members/<app>/<n>|/data/<app>|/data/<app>/<n>]

port.py        what a store can do          etcd.py, memory.py   the two stores
txn.py         transactions as values       repository.py        read a View, commit a Change: the only writer
mirror.py      a range kept current         session.py           one lease, kept alive; says when it is lost
journal.py     who did what, from history   embedded.py          an etcd of our own as a child process
"""
