"""A folder on a real local server, with the faults of servers far away."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Served(ThreadingHTTPServer):
    """`asked` has a (name, first byte, bytes of body sent) for each request.

    By names below the folder: `cuts`, after how many bytes each answer in turn breaks off; `statuses`, what
    is answered in turn instead of the file; `redirects`, where to. `form` is how answers are given: with
    their length, in chunks without it, or with neither.
    """

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.folder, self.asked, self.form, self.ranges = folder, [], "length", True
        self.cuts, self.statuses, self.redirects, self.shift = {}, {}, {}, 0
        self.address = f"http://localhost:{self.server_port}"

    def names(self):
        return [name for name, _, _ in self.asked]

    def sent(self, name):
        """Return how many bytes of a file went out, those sent twice counted twice."""
        return sum(sent for asked, _, sent in self.asked if asked == name)


class Handler(BaseHTTPRequestHandler):
    """Answers one request a connection, as the server's faults say."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name, server = unquote(self.path.lstrip("/")), self.server
        range_header = self.headers.get("Range") if server.ranges else None
        start = int(range_header[6:-1]) if range_header else 0
        self.answer(name, start)

    def answer(self, name, start):
        server, path = self.server, self.server.folder / name
        with server.lock:  # told before the answer goes out: who has it may look at once
            place = len(server.asked)
            server.asked.append((name, start, 0))
        if name in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[name])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        status = server.statuses[name].pop(0) if server.statuses.get(name) else None
        if status or not path.is_file():
            self.send_error(status or 404)
            return
        data = path.read_bytes()
        if start and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            start += server.shift
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        body = data[start:]
        cut = server.cuts[name].pop(0) if server.cuts.get(name) else None
        if server.form == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (body[:7], body[7:]) if p)
            body += b"0\r\n\r\n"
        elif server.form == "length":
            self.send_header("Content-Length", str(len(body)))
        server.asked[place] = (name, start, len(body[:cut]))
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked may have gone
            self.wfile.write(body[:cut])

    def finish(self):
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self):
        self.handle_one_request()  # an answer that is cut ends the connection

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(folder):
    server = Served(folder)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
