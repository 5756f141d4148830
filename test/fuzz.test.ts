import t from 'tap'
import { fuzzed } from './fuzz/suite.js'

await fuzzed(t, 2400)
