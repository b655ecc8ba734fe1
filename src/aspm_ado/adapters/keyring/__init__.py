"""The keyring of the operating system; the only user of the library keyring."""
