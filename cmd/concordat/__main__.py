"""`python -m concordat`: the same as the command."""

from concordat.main import main

main()
