"""A web server on loopback with one feed; each request's path is kept in /e2e/requests."""
import http.server

FEED = b"""<rss version="2.0"><channel><title>Harbour</title><link>http://127.0.0.1/</link>
<item><guid>g1</guid><title>A crane \x1b[31m moved</title><link>http://127.0.0.1/1</link></item>
</channel></rss>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open("/e2e/requests", "a", encoding="utf-8") as f:
            f.write(f"{self.path} {self.headers.get('Authorization')}\n")
        body = FEED if self.path.startswith("/feed") else b"nothing\n"
        self.send_response(200 if body is FEED else 404)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler).serve_forever()
