"""`python -m interpret_inn`: the same as the command `interpret-inn`."""

from interpret_inn.cli import main

if __name__ == "__main__":
    main()
