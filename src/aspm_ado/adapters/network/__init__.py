"""The network: the only user of requests, with trust, proxies, deadlines and retries beside it."""
