"""A modem and its network that are simulated; edge_daemon.modem.simulator puts them on a pty. Only far_end does I/O."""
