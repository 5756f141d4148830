import { defineHandler } from '../handlers/define.js'

export const DEMO_TOPIC = 'keypost.demo'

/** Seconds are too long to watch. */
const settings = { maxAttempts: 3, retryBaseMs: 100, retryCapMs: 400 }

/** What the throw-away service does with two types of the demo's topic; those of the third are recorded. */
export const demoHandlers = [
  defineHandler({
    topic: DEMO_TOPIC,
    type: 'demo.flaky',
    settings,
    handle: (_event, { attempt }) => {
      if (attempt === 1) throw new Error('the first attempt fails, for the demo')
      return { outcome: { code: 'worked' } }
    },
  }),
  defineHandler({
    topic: DEMO_TOPIC,
    type: 'demo.failing',
    settings,
    handle: () => {
      throw new Error('every attempt fails, for the demo')
    },
  }),
]
