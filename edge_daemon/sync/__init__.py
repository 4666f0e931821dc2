"""The link to the gateway: when it is opened, by what it goes, and what goes over it."""
