"""``python -m testigos`` is the command ``testigos``."""

from testigos.cli import main

if __name__ == "__main__":
    main()
