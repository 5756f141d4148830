import { defineHandler } from 'keypost'

/** Stands for a carrier that is out of order at first: a throw is a failed attempt, and is tried again later. */
export default defineHandler({
  topic: 'parcels',
  type: 'parcel.shipped',
  settings: { maxAttempts: 5, retryBaseMs: 50, retryCapMs: 1000, handlerTimeoutMs: 5000 },
  handle: (_event, { attempt }) => {
    if (attempt < 3) {
      throw Object.assign(new Error('the carrier does not answer'), { code: 'carrier_unavailable' })
    }
    return { outcome: { code: 'announced', carrier: 'by-post' } }
  },
})
