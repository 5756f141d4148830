// tsc copies no .lua: puts the scripts beside the compiled code that reads them.
import { cpSync, rmSync } from 'node:fs'

const from = new URL('../src/engines/redis/lua/', import.meta.url)
const to = new URL('../dist/src/engines/redis/lua/', import.meta.url)

rmSync(to, { recursive: true, force: true })
cpSync(from, to, { recursive: true })
