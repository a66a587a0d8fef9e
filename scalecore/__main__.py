"""``python -m scalecore`` and the ``scalecore`` command."""

import sys


def main() -> None:
    """Run the command; say what to install where its dependencies are missing."""
    try:
        from .cli import run
    except ImportError as error:
        if error.name != "click":
            raise
        sys.exit("scalecore: the command needs click: pip install 'scalecore[cli]'")
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
