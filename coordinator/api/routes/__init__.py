"""What can be asked for over HTTP: a file per subject, a function per request.

Role: the way from a request to a Change and back: check the right, read the View, call the command, commit,
answer.  The shapes of the answers are documented at the functions.  No rule of the domain lives here.
"""

from fastapi import APIRouter

from coordinator.api.routes import (
    application,
    charm,
    config,
    controller,
    machine,
    model,
    relation,
    resource,
    secret,
    space,
    storage,
    storage_pool,
    task,
    task_stream,
    unit,
)

SUBJECTS = (
    application,
    charm,
    config,
    controller,
    machine,
    model,
    relation,
    resource,
    secret,
    space,
    storage,
    storage_pool,
    task,
    task_stream,
    unit,
)

router = APIRouter(prefix="/v1")
for subject in SUBJECTS:
    router.include_router(subject.router)
