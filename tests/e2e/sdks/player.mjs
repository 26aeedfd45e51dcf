// Plays a trip with a stock SDK for Node, as the server of a shop would.
//
// The first line that it reads says what to play and to whom; every further line is how many calls
// come next. At the end of its input it waits until the SDK is through, and says by its exit code
// whether the SDK gave anything up.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse((await lines.next()).value);
const require = createRequire(job.modules);
const givenUp = [];
// Sooner than the ten seconds of a shop that is busy: the one thing that is not as it comes.
const flushInterval = 500;

function segment() {
  const { Analytics } = require(job.module);
  const client = new Analytics({ writeKey: job.key, host: job.url, flushInterval });
  client.on("error", (error) => givenUp.push(error));
  return [client, () => client.closeAndFlush({ timeout: 120_000 })];
}

function rudder() {
  const RudderAnalytics = require(job.module);
  const client = new RudderAnalytics(job.key, { dataPlaneUrl: job.url, flushInterval });
  // What it gives up is an unhandled rejection, which ends the process.
  const through = async () => {
    do await client.flush();
    while (client.queue.length);
    await client.flush();
  };
  return [client, through];
}

const [client, through] = job.module.startsWith("@segment/") ? segment() : rudder();
for await (const line of lines) {
  for (const call of job.calls.splice(0, Number(line))) {
    const { call: name, user: userId, anonymous: anonymousId, ...rest } = call;
    if (name === "alias") client.alias({ userId, previousId: call.previous });
    else if (name === "group") {
      client.group({ userId, anonymousId, groupId: call.group, traits: call.traits });
    } else client[name]({ userId, anonymousId, ...rest });
  }
}
await through();
for (const error of givenUp) console.log("given up:", error);
process.exit(givenUp.length ? 1 : 0);
