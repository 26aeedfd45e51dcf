"""Takes Ebbtide's webhooks and prints whom to act upon: python receiver.py [PORT].

Needs `pip install standardwebhooks`, and the endpoint's secret in WEBHOOK_SECRET.
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen = set()  # in a CRM: a unique column, and the alert in the same transaction


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as error:
            return self.answer(400, str(error))
        webhook_id = self.headers["webhook-id"]
        if webhook_id not in seen:  # the same alert may come twice, under the same id
            seen.add(webhook_id)
            data = message["data"]
            what = f"{data['action']} {data['user_id']}" if "action" in data else "it works"
            # The line and its end in one: several may come at the same time.
            print(f"{webhook_id} {message['type']}: {what}\n", end="", flush=True)
        self.answer(204)

    def answer(self, status, words=""):
        self.send_response(status)
        self.send_header("content-length", str(len(words)))
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, *words):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
