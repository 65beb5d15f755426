"""What the state itself asks for: (View, model, now) -> Change, or None when all is well.  Pure.

placement.py     which machine gets a unit; the unit that a machine registered itself for
subordinate.py   which units live beside others, and how long
rollout.py       which unit may upgrade next, in an upgrade in batches
storage.py       what becomes of storage whose unit, machine or model goes
task.py          which actions are forgotten, because they are old or too many; those of machines that went; output
                 that nobody has fetched
removal.py       who may go from dying to dead to gone, in which order
secret.py        what becomes of secrets when those who own, read or share them go

Each call returns one small step that leaves a valid model; the controller asks again until there is none.
Whether a worker has fallen silent is not written anywhere: its lease is gone, and status says so.
"""

from coordinator.reconcile.placement import enlist, place
from coordinator.reconcile.removal import remove, remove_machines
from coordinator.reconcile.rollout import roll_out
from coordinator.reconcile.secret import tidy
from coordinator.reconcile.storage import tend_storage
from coordinator.reconcile.subordinate import accompany
from coordinator.reconcile.task import drop_output, end_machine_tasks, forget_tasks

#: Of one model, asked in this order.
RECONCILERS = (
    accompany, remove, tend_storage, enlist, place, roll_out, tidy, end_machine_tasks, forget_tasks, drop_output
)  # fmt: skip

#: Of the machines, over all models.
MACHINE_RECONCILERS = (remove_machines,)
