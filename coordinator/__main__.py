"""`python -m coordinator` is the command line."""

from coordinator.cli.main import main

if __name__ == "__main__":
    main()
