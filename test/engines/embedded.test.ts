import t from 'tap'
import { contract } from './contract.js'
import { place } from './embedded/fixtures.js'

contract(t, 'embedded', place)
