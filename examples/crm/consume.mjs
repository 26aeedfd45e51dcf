// A CRM that subscribes to alerts: acts on each once, and reports back what it did.
//
//     npm install kafkajs
//     node consume.mjs --kafka localhost:9092
//
// Alerts come at least once, under the same id; a customer who is held out must not be contacted;
// and an alert is worth nothing after its valid_until. Everything else is yours.

import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import kafkajs from 'kafkajs'

const { values: options } = parseArgs({
  options: {
    kafka: { type: 'string', default: 'localhost:9092' },
    alerts: { type: 'string', default: 'interventions' },
    outcomes: { type: 'string', default: 'outcomes' },
    database: { type: 'string', default: 'crm.txt' }, // what was done already, an id a line
    limit: { type: 'string', default: '0' }, // end after so many; 0: never
    late: { type: 'boolean', default: false } // also act when it is too late
  }
})

// Send the message, book the call: here, say what would be done.
function act (alert) {
  const why = alert.reasons[0]?.text ?? 'no single reason'
  console.log(`${alert.action.padEnd(9)} ${alert.user_id}: ${why} (risk ${alert.risk.toFixed(2)})`)
}

// What is reported of an alert; the id makes a repeat harmless.
function outcome (alert, type) {
  const { alert_id, user_id } = alert
  const time = new Date().toISOString()
  return { outcome_id: `${alert_id}/${type}`, alert_id, user_id, type, time }
}

const done = new Set(
  existsSync(options.database) ? readFileSync(options.database, 'utf8').split('\n') : []
)
const { Kafka, Partitioners, logLevel } = kafkajs
const kafka = new Kafka({
  clientId: 'crm', brokers: options.kafka.split(','), logLevel: logLevel.ERROR
})
const consumer = kafka.consumer({ groupId: 'crm-example-node', sessionTimeout: 10_000 })
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
await producer.connect()
await consumer.connect()
await consumer.subscribe({ topic: options.alerts, fromBeginning: true })

let acted = 0
const enough = Number(options.limit)
await new Promise((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      if (enough && acted >= enough) return resolve()
      // A new version of the body has another type: leave what you do not know.
      if (message.headers.ce_type?.toString() === 'ebbtide.alert.v1') {
        const alert = JSON.parse(message.value)
        const late = new Date(alert.valid_until) < new Date()
        if (alert.arm === 'treated' && (options.late || !late)) {
          if (!done.has(alert.alert_id)) {
            act(alert)
            acted += 1
            done.add(alert.alert_id)
            appendFileSync(options.database, `${alert.alert_id}\n`)
          }
          const value = JSON.stringify(outcome(alert, 'delivered'))
          await producer.send({
            topic: options.outcomes, acks: -1, messages: [{ key: message.key, value }]
          })
        }
      }
      // Only now: who is killed before this is told again, and knows what was done.
      const offset = (BigInt(message.offset) + 1n).toString()
      await consumer.commitOffsets([{ topic, partition, offset }])
      if (enough && acted >= enough) resolve()
    }
  }).catch(reject)
})
await consumer.disconnect()
await producer.disconnect()
