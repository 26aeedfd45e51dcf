// Takes Ebbtide's webhooks and prints whom to act upon: node receiver.mjs [PORT].
//
// Needs `npm install standardwebhooks`, and the endpoint's secret in WEBHOOK_SECRET.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // in a CRM: a unique column, and the alert in the same transaction

createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  let message;
  try {
    message = webhook.verify(Buffer.concat(pieces).toString(), request.headers);
  } catch (error) {
    response.writeHead(400).end(error.message);
    return;
  }
  const id = request.headers["webhook-id"];
  if (!seen.has(id)) { // the same alert may come twice, under the same id
    seen.add(id);
    const { action, user_id } = message.data;
    console.log(`${id} ${message.type}: ${action ? `${action} ${user_id}` : "it works"}`);
  }
  response.writeHead(204).end();
}).listen(Number(process.argv[2] ?? 8000), "127.0.0.1");
