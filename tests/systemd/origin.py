"""A web server on loopback with one feed; each request's path is kept in /e2e/requests."""
import http.server
import socketserver
import ssl
import subprocess
import threading

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


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):  # without looking up its own name, which takes long where no name server answers
        socketserver.TCPServer.server_bind(self)


# The same by TLS, with a certificate that nobody trusts.
subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "/e2e/key.pem", "-out", "/e2e/cert.pem", "-subj", "/CN=127.0.0.1", "-days", "2"],
               check=True, capture_output=True)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/e2e/cert.pem", "/e2e/key.pem")
tls = Server(("127.0.0.1", 8443), Handler)
tls.socket = context.wrap_socket(tls.socket, server_side=True)
threading.Thread(target=tls.serve_forever, daemon=True).start()
Server(("127.0.0.1", 8000), Handler).serve_forever()
