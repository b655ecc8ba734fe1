"""The transport against real sockets on loopback."""
