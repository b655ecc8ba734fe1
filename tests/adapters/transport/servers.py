"""A server that misbehaves byte by byte, and a proxy, both over raw sockets: no library between us and the wire."""

import contextlib
import socket
import ssl
import struct
import threading
from dataclasses import dataclass, field


@dataclass
class Received:
    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


def answer(status=200, body=b"{}", *headers, length=True):
    """The bytes of an answer; ``headers`` are whole lines."""
    lines = [f"HTTP/1.1 {status} X", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def reset(sock):
    """Close with RST in place of FIN."""
    with contextlib.suppress(OSError):
        plain = sock.unwrap() if isinstance(sock, ssl.SSLSocket) else sock
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@dataclass
class Server:
    """Plays ``script``, one step a request, the last one for ever: bytes, or a function that gets the socket."""

    script: list
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self):
        self._lock, self.done = threading.Lock(), threading.Event()
        self.ended = threading.Event()
        self._open, self._threads = set(), []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    def close(self):
        self.done.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)

    def _start(self, target, *args):
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        while not self.done.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            self._start(self._serve, sock)

    def _serve(self, sock):
        sock.settimeout(10)
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        with self._lock:
            self._open.add(sock)
        try:
            self._talk(sock)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(sock)
            sock.close()
            self.ended.set()

    def _talk(self, sock):
        with sock.makefile("rb") as stream:
            while (request := read_request(stream)) is not None:
                with self._lock:
                    self.received.append(request)
                    step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
                if not isinstance(step, bytes):
                    step(sock)
                    return
                sock.sendall(step)
                if b"connection: close" in step.lower():
                    return


def read_request(stream):
    line = stream.readline().decode("latin-1").strip()
    if not line:
        return None
    headers = []
    while text := stream.readline().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers.append((name, value.strip()))
    length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
    return Received(line, headers, stream.read(length))


@dataclass
class ConnectProxy(Server):
    """A proxy that tunnels every CONNECT to ``target``, or refuses with ``refusal``; answers anything else itself."""

    script: list = field(default_factory=lambda: [answer(200, b'{"by": "proxy"}')])
    target: int = 0
    refusal: bytes = b""

    def _talk(self, sock):
        with sock.makefile("rb", buffering=0) as stream:
            while (request := read_request(stream)) is not None:
                self.received.append(request)
                if request.line.startswith("CONNECT"):
                    break
                sock.sendall(self.script[0])
            else:
                return
            if self.refusal:
                sock.sendall(self.refusal)
                return
            with socket.create_connection(("127.0.0.1", self.target), 5) as upstream:
                sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=pump, args=(upstream, sock), daemon=True)
                back.start()
                pump(sock, upstream)
                back.join(5)


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sink, socket.SHUT_RDWR)
