"""The gateway: relays OCPP-J and puts every frame on Kafka."""
