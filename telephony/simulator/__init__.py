"""A simulated PBX for the demo: a small call centre that speaks AMI, asks FastAGI and writes queue_log."""
