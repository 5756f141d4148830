import t from 'tap'
import { fuzzed } from './suite.js'

// As test/fuzz.test.ts, for longer.
await fuzzed(t, 100_000)
