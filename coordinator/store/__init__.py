"""etcd: the only package that knows keys, bytes and leases.

coordinator/                        keys.py spells every key below; codec.py says what each holds
  schema, users/<name>, controllers/<name>, machine-sequence
  machines/<id>[/worker]
  charms/<sha256>[/chunks/<n>], resources/<sha256>[/chunks/<n>]
  models/<m>, <m>/journal, <m>/sequences/<what>
             <m>/applications/<app>[/config|/leader|/leader-settings|/status]
             <m>/units/<app>/<n>[/claim|/memory|/memory/relations/<id>|/state|/status|/agent|/queue/<task>]
             <m>/machines/<id>/queue/<task>
             <m>/relations/<id>[/members/<app>/<n>|/data/<app>|/data/<app>/<n>]
             <m>/operations/<id>, <m>/tasks/<id>[/log|/streams/<stream>]
             <m>/secrets/<id>[/revisions/<n>|/consumers/<app>/<n>]
             <m>/storage/<name>/<n>, <m>/storage-pools/<name>, <m>/spaces/<name>
  pieces/<m>/<task>/<stream>/<n>    beside the models, so that no worker mirrors them

port.py        what a store can do          etcd.py, memory.py   the two stores
txn.py         transactions as values       repository.py        read a View, commit a Change: the only writer
mirror.py      a range kept current         session.py           one lease, kept alive; says when it is lost
journal.py     who did what, from history   past.py              what entities were before
archives.py    charms and resources by hash keyring.py           what secrets are encrypted with
connect.py     a store from the settings    embedded.py          an etcd of our own as a child process
"""
