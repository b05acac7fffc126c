"""What the PBX asks and how it is answered: the route `inbound`, and users' scripts."""
