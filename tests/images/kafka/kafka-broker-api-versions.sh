#!/usr/bin/env python3
"""Whether something listens at --bootstrap-server: for health checks alone."""

import socket
import sys

host, port = sys.argv[sys.argv.index("--bootstrap-server") + 1].rsplit(":", 1)
socket.create_connection((host, int(port)), 5).close()
