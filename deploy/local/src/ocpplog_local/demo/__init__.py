"""What the local run shows: a demo central system, a demo fleet, and the sites and chargers that belong to it."""
