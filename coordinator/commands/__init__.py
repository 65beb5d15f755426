"""What a person asks for: (View, request) -> Change, or Refused with what, why and how to fix.  Pure.

model.py        add-model, destroy-model, model-config
user.py         add-user, remove-user, disable-user, enable-user, change-user-password, grant, revoke
application.py  deploy, refresh, remove-application, expose, unexpose, trust, set-constraints
resource.py     attach-resource
rollout.py      refresh --continue, refresh --back
config.py       config
unit.py         add-unit, remove-unit, resolved
relation.py     integrate, remove-relation
machine.py      remove-machine
task.py         run, exec, cancel-task; task_stream.py: input and output of ssh and scp
secret.py       add-secret, update-secret, grant-secret, revoke-secret, remove-secret
storage.py      add-storage, attach-storage, detach-storage, remove-storage, import-filesystem
storage_pool.py create-storage-pool, update-storage-pool, remove-storage-pool
space.py        add-space, move-to-space, rename-space, remove-space, bind

Two habits keep the guards of a write few and right: whoever adds a unit also writes its application, and
whoever adds a relation also takes a number from the model's sequence of relations.
"""
