"""The contracts that the services of ocpplog share. Imports no service."""
