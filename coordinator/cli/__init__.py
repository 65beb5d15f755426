"""What a person types: read arguments, ask the API, show the answer.

main.py        the entry point: finds the command, turns errors into texts and exit codes
index.py       names and summaries of all commands; all that `--help` needs
usage.py       arguments and flags: types, shared options, usage errors
target.py      which controller and which model a command is about
client.py      one method per request
store.py       what is remembered between runs
console.py     remarks, progress, questions: stderr
output.py      data: --format and --output
values.py      options, constraints, bindings: from words and files
constraints.py, resources.py, task_options.py   what the commands of one subject share
bundle.py       a bundle from files; bundle_plan.py, bundle_steps.py: a model in line with it; bundle_text.py
pack.py, upload.py   a charm directory to an archive, and to the controller
not_here.py    commands that other command lines have, and what does instead
remote.py      commands on machines, with what they read and print; packing.py: files for scp
removal.py     what the removing commands share
cmd_<name>.py  one command each; `command` is what main.py runs

Pure: help.py, render.py (tables, JSON, YAML), status_text.py and the other *_text.py, times.py, wait.py.

Not here: rules.  Whatever the CLI can do, the API can do.  A start costs an interpreter plus what the one command
that is run needs, so modules are imported where they are used.
"""
