import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { folder } from './helper.js'

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
