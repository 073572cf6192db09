"""The pages: the dashboard and the description of the API."""
