"""Where tests of charms find some names: see `ops.testing`."""
