"""Parts of ops.pebble, the client of the service manager in workload containers.

errors, types, identities and plan (layers and what is in them) are plain values; websocket, http and files are the
protocol; exec and client are what people use.  Each imports only what stands before it.
"""
