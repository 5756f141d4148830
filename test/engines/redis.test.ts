import t from 'tap'
import { redisInstalled, redisServer } from '../redis-server.js'
import { contract } from './contract.js'
import { open } from './redis/fixtures.js'

if (redisInstalled(t)) {
  contract(t, 'redis', async (t) => {
    const { url } = await redisServer(t)
    return (options) => open(t, url, options)
  })
}
