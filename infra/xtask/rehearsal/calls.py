"""The calls of the rehearsal: what each service is asked, and what it must answer."""

import json
import time
import urllib.error
import urllib.request

from cryptography.hazmat.primitives.asymmetric import rsa

PATIENCE = 60
"""Seconds until what follows from a commit must be there."""


def run(url, api, issuer, emulator):
    everything = ["reader", "writer", "operator"]
    client = Client(url, api, issuer.token("acme", everything))
    stranger = Client(url, api, issuer.token("other", everything))
    reader = Client(url, api, issuer.token("acme", ["reader"]))
    tokens(url, api, issuer)
    identity(client, stranger, reader)
    licensing(client, stranger, reader)
    invoicing(client, stranger, reader)
    mails(emulator)
    operators(client)
    print(f"calls: {Client.count}, all answered as they should be")


class Client:
    """Whoever has this token."""

    count = 0

    def __init__(self, url, api, token):
        self.url, self.api, self.token = url, api, token

    def call(self, method, path, body=None, expect=200, problem=None, headers=None):
        """Calls, and looks at the status and, of a refusal, at the type of the problem."""
        Client.count += 1
        answer = self.send(method, path, body, headers or {})
        found = answer.body.get("type") if isinstance(answer.body, dict) else None
        wanted = f"/problems/{problem}" if problem else None
        if answer.status != expect or problem and found != wanted:
            was = f"{answer.status} {answer.body}"
            raise SystemExit(f"{method} {path}: {was}, not {expect} {problem or ''}")
        return answer

    def until(self, path, is_there):
        """Asks until the answer is as wanted: a view follows its commits."""
        start = time.time()
        while True:
            Client.count += 1
            answer = self.send("GET", path, None, {})
            if answer.status == 200 and is_there(answer.body):
                return answer
            if time.time() - start > PATIENCE:
                raise SystemExit(f"GET {path}: still {answer.status} {answer.body}")
            time.sleep(0.2)

    def send(self, method, path, body, headers):
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("host", f"{self.api}.execute-api.localhost")
        if self.token is not None:
            request.add_header("authorization", f"Bearer {self.token}")
        for name, value in headers.items():
            request.add_header(name, value)
        if body is not None:
            request.add_header("content-type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            return Answer(urllib.request.urlopen(request, timeout=60))
        except urllib.error.HTTPError as error:
            return Answer(error)


class Answer:
    """A status, headers, and a body: JSON where it is."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        data = response.read()
        is_json = "json" in (self.headers.get("content-type") or "")
        self.body = json.loads(data or b"null") if is_json else data.decode()


def tokens(url, api, issuer):
    """The gateway lets no token through that is not the issuer's, for us, and in its time."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in [
        None,
        "nonsense",
        issuer.token("acme", ["reader"], key=other),
        issuer.token("acme", ["reader"], aud="others"),
        issuer.token("acme", ["reader"], iss="https://127.0.0.1:1"),
        issuer.token("acme", ["reader"], exp=int(time.time()) - 60),
    ]:
        Client(url, api, token).call("GET", "/identity/users", expect=401)
    Client(url, api, None).call("GET", "/openapi.json")
    for tenant in [None, "a b"]:
        bad = Client(url, api, issuer.token(tenant, ["reader"]))
        bad.call("GET", "/identity/users", expect=401, problem="unauthenticated")


def identity(client, stranger, reader):
    ada = {"id": "ada", "userName": "ada", "displayName": "Ada", "email": "ada@example.com"}
    path = "/identity/users/ada"
    reader.call("POST", "/identity/users", ada, expect=403, problem="forbidden")
    created = client.call("POST", "/identity/users", ada, expect=201)
    again = ada | {"id": "other"}
    client.call("POST", "/identity/users", again, expect=409, problem="user-name-taken")
    at_once = {"consistency-token": created.headers["consistency-token"]}
    assert client.call("GET", path, headers=at_once).body["userName"] == "ada"
    client.until("/identity/users", lambda page: [one["id"] for one in page["items"]] == ["ada"])
    client.until("/identity/users?q=ad", lambda page: len(page["items"]) == 1)

    condition = {"if-match": created.headers["etag"]}
    change = {"displayName": "Countess of Lovelace"}
    client.call("PATCH", path, change, headers=condition)
    other = {"displayName": "Somebody else"}
    stale = {"expect": 412, "problem": "precondition-failed"}
    client.call("PATCH", path, other, headers=condition, **stale)
    client.call("PATCH", path, {"displayName": 7}, expect=422, problem="invalid-request")
    client.until(path, lambda user: user["displayName"] == "Countess of Lovelace")
    stranger.call("GET", path, expect=404, problem="not-found")
    assert stranger.call("GET", "/identity/users").body["items"] == []
    assert client.call("GET", "/identity/users?limit=1").body["items"][0]["version"] == 5

    client.call("POST", "/identity/groups", {"id": "crew", "name": "Crew"}, expect=201)
    client.call("PUT", "/identity/groups/crew/members/ada")
    members = "/identity/groups/crew/members"
    client.until(members, lambda page: [one["userId"] for one in page["items"]] == ["ada"])
    client.until("/identity/changes", lambda page: len(page["items"]) == 4)
    client.call("HEAD", path)
    client.call("GET", "/identity/nonsense", expect=404)


def licensing(client, stranger, reader):
    customer = "/licensing/customers/ada"
    wanted = {"titleId": "alien", "studioId": "fox", "deviceId": "phone"}
    reader.call("POST", f"{customer}/licenses", wanted, expect=403, problem="forbidden")
    acquired = client.call("POST", f"{customer}/licenses", wanted, expect=201)
    assert acquired.body["provisional"] is False, acquired.body
    path = acquired.headers["location"]
    client.call("POST", f"{path}/downloaded")
    client.until(path, lambda one: one.get("downloadedAt"))
    stranger.call("GET", path, expect=404, problem="not-found")
    client.until(f"{customer}/licenses", lambda page: len(page["items"]) == 1)
    client.call("PUT", "/licensing/policy", {"maxDevices": 1})
    policy = client.call("GET", "/licensing/policy")
    token = {"consistency-token": f'"acme/licensing/policy@{policy.body["version"] or 1}"'}
    tablet = wanted | {"titleId": "brazil", "deviceId": "tablet"}
    limit = {"expect": 409, "problem": "device-limit", "headers": token}
    client.call("POST", f"{customer}/licenses", tablet, **limit)
    client.call("POST", f"{path}/release")
    client.until(path, lambda one: one["released"])


def invoicing(client, stranger, reader):
    line = {"description": "Work", "quantity": "2", "unitPrice": "12.50", "taxRate": "0.19"}
    customer = {"name": "Ada", "email": "ada@example.com"}
    draft = {"id": "one", "customer": customer, "currency": "EUR", "lineItems": [line]}
    path = "/invoicing/invoices/one"
    reader.call("POST", "/invoicing/invoices", draft, expect=403, problem="forbidden")
    client.call("POST", "/invoicing/invoices", draft, expect=201)
    client.call("POST", f"{path}/send", mail(), expect=409)
    client.call("POST", f"{path}/issue", {})
    command = {"command": "SendInvoiceToCustomer", "aggregateId": "one", "payload": mail()}
    client.call("POST", "/invoicing/execute", command)
    client.until(path, lambda one: one["status"] == "SENT" and one["totals"]["due"] == "29.75")
    stranger.call("GET", path, expect=404, problem="not-found")
    client.until("/invoicing/invoices?status=SENT", lambda page: len(page["items"]) == 1)
    assert "29.75" in client.call("GET", f"{path}/document").body
    at = "2026-11-21T10:00:00Z"
    payment = {"amount": "29.75", "at": at, "reference": "bank-1"}
    client.call("POST", f"{path}/payments", payment)
    client.until(path, lambda one: one["status"] == "PAID")
    report = "/invoicing/reports/revenue?by=month"
    client.until(report, lambda report: "29.75" in json.dumps(report))


def mail():
    return {"subject": "Your invoice", "message": "Please pay."}


def mails(emulator):
    """The invoice is mailed, once."""
    start = time.time()
    while not (sent := emulator.sent_mails()):
        if time.time() - start > PATIENCE:
            raise SystemExit("the mail was not sent")
        time.sleep(0.2)
    assert len(sent) == 1 and "ada@example.com" in json.dumps(sent), sent


def operators(client):
    events = client.call("GET", "/events/identity/users/ada").body["items"]
    assert [one["number"] for one in events] == [1, 2, 3, 4, 5], events
    state = client.call("GET", "/states/identity/users/ada?version=4").body
    assert "Ada" in json.dumps(state), state
    client.call("GET", "/streams")
