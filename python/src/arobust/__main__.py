"""`python -m arobust`: the executable."""

from ._executable import main

main()
