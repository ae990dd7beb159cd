"""`python -m concordat`: the same as the command, exit status included."""

import sys

from concordat.main import main

if __name__ == "__main__":
    sys.exit(main())
