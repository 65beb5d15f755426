"""Runs the reconcilers and serves the API.  Any number of controllers serve; one leads and reconciles.

main.py      the process: owns every resource, stops in order
election.py  one controller acts, the others wait
loop.py      what to look at again, and when
"""
