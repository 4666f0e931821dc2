"""`python -m edge_daemon` is `krishi-kiosk`."""

from edge_daemon.cli import main

if __name__ == "__main__":
    main()
