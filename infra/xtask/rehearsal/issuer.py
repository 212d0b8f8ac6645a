"""Who gives out tokens: its keys are found by OpenID discovery, over TLS."""

import base64
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

KEY = "rehearsal"


class Issuer:
    """Serves discovery and keys on a free port until the program ends."""

    def __init__(self, folder):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = folder / "issuer.pem"
        private = folder / "issuer.key"
        private.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.certificate.write_bytes(self.signed_certificate())
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, private)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, tenant, roles, key=None, **claims):
        """A token that is good for an hour, signed with the published key or another."""
        now = int(time.time())
        head = {"alg": "RS256", "typ": "JWT", "kid": KEY}
        claims = {
            "iss": self.url,
            "aud": "headwater",
            "sub": "rehearser",
            "tenant": tenant,
            "roles": roles,
            "iat": now,
            "exp": now + 3600,
        } | claims
        text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        signature = (key or self.key).sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{encoded(signature)}"

    def signed_certificate(self):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
        now = datetime.datetime.now(datetime.timezone.utc)
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def handler(self):
        public = self.key.public_key().public_numbers()
        number = lambda value: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY}
        keys = {"keys": [key | {"n": number(public.n), "e": number(public.e)}]}
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                discovery = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"}
                known = {"/.well-known/openid-configuration": discovery, "/keys": keys}
                self.send_response(200 if self.path in known else 404)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(known.get(self.path)).encode())

            def log_message(self, *_):
                pass

        return Handler


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
