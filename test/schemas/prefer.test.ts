import t from 'tap'
import { patienceIn } from '../../src/schemas/prefer.js'

const none = { waitS: null, respondAsync: false }
const wait = (waitS: number) => ({ ...none, waitS })

t.test('a Prefer header is read as RFC 7240 has it', async (t) => {
  const read: Record<string, object> = {
    'wait=5': wait(5),
    'wait=0': wait(0),
    'wait=31': wait(30),
    [`wait=${'9'.repeat(900)}`]: wait(30),
    'WAIT = "1\\0"': wait(10),
    'respond-async': { ...none, respondAsync: true },
    'Respond-Async, wait=7': { waitS: 7, respondAsync: true },
    'return=minimal, wait=3; a="x, wait=9"; b, handling=lenient;; c': wait(3),
    ', ,\twait=2 ,': wait(2),
    'wait=1, wait=2': wait(1),
    'a; wait=4': none,
    'wait=, wait=4': none,
    'wait=-1': none,
    'wait=1.5': none,
    wait: none,
    '': none,
  }
  for (const [header, patience] of Object.entries(read)) t.strictSame(patienceIn(header), patience, header)
})

t.test('one that is no list of preferences is as none', async (t) => {
  for (const header of [
    'wait=5; a="',
    'wait=5 x',
    'wait=5, =',
    'wait==5',
    '"wait"=5',
    'wäit=5, wait=5',
    'wait=5\0',
  ])
    t.strictSame(patienceIn(header), none, JSON.stringify(header))
})
