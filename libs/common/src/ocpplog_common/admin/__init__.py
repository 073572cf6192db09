"""`ocpplog-admin`: topics, migrations, sites, chargers and local tokens, for those who operate the system."""
