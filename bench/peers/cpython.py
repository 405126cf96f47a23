"""A blocking accept loop: cpython.py <backlog> <"answer" or "close">."""

import socket
import sys

backlog, handler = int(sys.argv[1]), sys.argv[2]
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(backlog)
print("port", server.getsockname()[1], flush=True)
while True:
    client, address = server.accept()
    if handler == "answer":
        client.send(b"x")
    client.close()
