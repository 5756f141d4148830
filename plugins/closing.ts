import fp from 'fastify-plugin'

/**
 * What is answered while the app closes is the last answer on its connection: an idle connection that stays
 * open would hold up the stop for as long as its client likes.
 */
export default fp(
  async (app) => {
    let closing = false
    app.addHook('preClose', async () => {
      closing = true
    })
    app.addHook('onSend', (_request, reply, payload, done) => {
      if (closing) reply.header('connection', 'close')
      done(null, payload)
    })
  },
  { name: 'closing' },
)
