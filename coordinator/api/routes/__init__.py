"""What can be asked for over HTTP: a file per subject, a function per request.

Role: the way from a request to a Change and back: check the right, read the View, call the command, commit,
answer.  The shapes of the answers are documented at the functions.  No rule of the domain lives here.
"""

from importlib import import_module
from pkgutil import iter_modules

from fastapi import APIRouter

SUBJECTS = tuple(import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__))

router = APIRouter(prefix="/v1")
for subject in SUBJECTS:
    router.include_router(subject.router)
