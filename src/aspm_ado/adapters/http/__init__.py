"""HTTP: transport, trust, proxies, deadlines and retries; the only user of requests."""
