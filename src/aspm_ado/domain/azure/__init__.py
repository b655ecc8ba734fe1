"""Azure DevOps: places, scopes, requests and the life of a token."""
