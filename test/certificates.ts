import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from './helper.js'

/** Whether certificates can be made here; where not, their tests are left out with one line, or fail as those of Redis. */
export function opensslInstalled(t: Test): boolean {
  if (spawnSync('openssl', ['version']).status === 0) return true
  const how = 'openssl is not on the PATH: install it (Debian: apt-get install openssl)'
  if (process.env.REQUIRE_REDIS === '1') t.fail(how)
  else {
    console.error(`NOT TESTED WITH TLS: ${how}`)
    t.plan(0, 'openssl is not on the PATH')
  }
  return false
}

/**
 * A certificate authority of the test's own, and a certificate for the host name `localhost` that it signed: paths of
 * the files, gone when the test ends.
 */
export async function certificates(t: Test) {
  const dir = await folder(t)
  const file = (name: string) => join(dir, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const [ca, caKey, cert, key] = ['ca.pem', 'ca.key', 'server.pem', 'server.key'].map(file) as [
    string,
    string,
    string,
    string,
  ]
  openssl('req', '-x509', ...newKey, '-days', '1', '-subj', '/CN=CA of tests', '-keyout', caKey, '-out', ca)
  openssl('req', ...newKey, '-subj', '/CN=redis of tests', '-keyout', key, '-out', file('request'))
  writeFileSync(file('extensions'), 'subjectAltName=DNS:localhost\n')
  const signing = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', file('extensions')]
  openssl('x509', '-req', '-days', '1', '-in', file('request'), ...signing, '-out', cert)
  return { ca, cert, key }
}
