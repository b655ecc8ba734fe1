"""The secret store of the operating system: the only user of keyring."""
