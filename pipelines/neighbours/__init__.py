"""Reference neighbours: the systems around the service, as a team can run, copy or replace them."""
