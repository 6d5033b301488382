"""`python -m leukcnn` is the command `leukcnn`."""

from leukcnn.cli import main

if __name__ == "__main__":
    main()
