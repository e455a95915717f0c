"""`python -m xlgen.cli` is `xlgen`."""

from xlgen.cli import main

if __name__ == "__main__":
    main()
